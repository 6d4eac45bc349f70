//! Sweeps: planned, run part by part, put together.

use std::path::PathBuf;
use std::sync::Arc;

use ::sweep::{
    Capacity, Load, Options, Plan, Search, ShardOf, ShardResult, SweepError, Target, capacity as searched, merge, run_shard,
};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use scenarios::text::suggestion;
use sim::strategy::registry;

use crate::error;
use crate::run::watched;
use crate::scenario::Scenario;

/// A sweep that was checked.
#[pyclass(frozen, module = "socrates")]
pub(crate) struct SweepPlan {
    plan: Arc<Plan>,
}

/// An error with its causes.
fn told(error: &SweepError) -> PyErr {
    match error {
        SweepError::Read(error) => error::read(error),
        SweepError::Run(error) => error::run(error),
        SweepError::Output(error) => error::output(error),
        SweepError::Interrupted { .. } => PyKeyboardInterrupt::new_err(error.to_string()),
        other => error::input(other),
    }
}

#[pymethods]
impl SweepPlan {
    /// Opens a sweep file.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let plan = watched(py, |_| Plan::open(&path))?.map_err(|error| told(&error))?;
        Ok(Self { plan: Arc::new(plan) })
    }

    /// A sweep from its text; relative paths in it start at `folder`.
    #[staticmethod]
    fn from_toml(py: Python<'_>, text: &str, name: &str, folder: PathBuf) -> PyResult<Self> {
        let plan = watched(py, |_| Plan::parse(name, text, &folder))?.map_err(|error| told(&error))?;
        Ok(Self { plan: Arc::new(plan) })
    }

    /// Name.
    #[getter]
    fn name(&self) -> &str {
        &self.plan.sweep().name
    }

    /// Points of the whole sweep.
    #[getter]
    fn points(&self) -> u64 {
        self.plan.points()
    }

    /// Runs of one point.
    #[getter]
    fn runs_of_point(&self) -> u64 {
        self.plan.runs_of_point()
    }

    /// Identifies everything that decides the results.
    #[getter]
    fn digest(&self) -> &str {
        self.plan.digest()
    }

    /// Runs a part of the sweep.
    #[pyo3(signature = (index, count, threads = None, cache = None))]
    fn run_shard(
        &self,
        py: Python<'_>,
        index: u64,
        count: u64,
        threads: Option<u16>,
        cache: Option<PathBuf>,
    ) -> PyResult<Points> {
        let plan = Arc::clone(&self.plan);
        let options = Options { threads, cache: cache.as_deref() };
        let result = watched(py, |interrupt| run_shard(&plan, ShardOf { index, count }, &options, interrupt))?;
        Ok(Points { result: result.map_err(|error| told(&error))? })
    }
}

/// Results of a part of a sweep, or of the whole.
#[pyclass(frozen, module = "socrates")]
pub(crate) struct Points {
    result: ShardResult,
}

#[pymethods]
impl Points {
    /// The inverse of [`Self::to_bytes`]; `name` stands for the bytes in messages.
    #[staticmethod]
    fn from_bytes(name: &str, bytes: Vec<u8>) -> PyResult<Self> {
        Ok(Self { result: ShardResult::from_bytes(name, bytes).map_err(|error| told(&error))? })
    }

    /// The whole sweep from all its parts, in any order.
    #[staticmethod]
    fn merge(py: Python<'_>, parts: Vec<Py<Self>>) -> PyResult<Self> {
        let parts: Vec<ShardResult> = parts.iter().map(|part| part.get().result.clone()).collect();
        let result = py.detach(|| merge(parts)).map_err(|error| told(&error))?;
        Ok(Self { result })
    }

    /// As one Parquet file: a row for each point, case, strategy, replicate and stream.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| self.result.to_bytes()).map_err(|error| told(&error))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Writes `sweep.json` and `points.parquet`, whole or not at all.
    fn write(&self, py: Python<'_>, folder: PathBuf) -> PyResult<()> {
        py.detach(|| self.result.write(&folder)).map_err(|error| told(&error))
    }

    /// What `sweep.json` says.
    fn about_json(&self) -> PyResult<String> {
        serde_json::to_string(&self.result.about).map_err(error::input)
    }

    /// Runs that were simulated, and that the cache had; damaged places of the cache; why rows have no figures, with their number.
    #[getter]
    fn tally(&self) -> (u64, u64, Vec<String>, Vec<(String, u64)>) {
        let tally = &self.result.tally;
        (tally.simulated, tally.cached, tally.damaged.clone(), tally.failures.clone())
    }
}

/// A capacity: strategy; that of each replicate; mean and its interval; runs that it took; whether nothing larger was tried.
type CapacityRow = (String, Vec<f64>, Option<f64>, Option<f64>, Option<f64>, u64, bool);

/// The largest load of a stream that meets a target, under each strategy of a scenario.
#[pyfunction]
#[pyo3(signature = (scenario, strategies, stream, copies, miss_rate, latency, replicates, precision, threads))]
#[expect(clippy::too_many_arguments, reason = "the face of this is in Python")]
pub(crate) fn capacity(
    py: Python<'_>,
    scenario: &Scenario,
    strategies: Option<Vec<String>>,
    stream: Option<&str>,
    copies: bool,
    miss_rate: Option<f64>,
    latency: Option<(f64, u64)>,
    replicates: u32,
    precision: f64,
    threads: Option<u16>,
) -> PyResult<Vec<CapacityRow>> {
    let mut scenario = scenario.document.value.clone();
    if let Some(strategies) = strategies {
        for strategy in &strategies {
            registry::build(strategy).map_err(error::input)?;
        }
        scenario.strategies = strategies;
    }
    let target = match (miss_rate, latency) {
        (Some(share), None) => Target::MissRate(share),
        (None, Some((quantile, most_ns))) => Target::Latency { quantile, most_ns },
        _ => {
            return Err(error::input(
                "a target is missing, or there are two: `deadline_miss`, or one of `p50_ms`, `p90_ms`, `p95_ms`, `p99_ms`",
            ));
        }
    };
    let load = if copies { Load::Copies } else { Load::Rate };
    let search = Search { stream: stream_of(&scenario, stream)?, load, target, replicates, precision, threads };
    let found = watched(py, |interrupt| searched(&scenario, &search, interrupt))?.map_err(|error| told(&error))?;
    let row = |of: Capacity| {
        let Capacity { strategy, values, interval, runs, is_bounded_by_search } = of;
        (strategy, values, interval.mean, interval.low, interval.high, runs, is_bounded_by_search)
    };
    Ok(found.into_iter().map(row).collect())
}

fn stream_of(scenario: &scenarios::Scenario, wanted: Option<&str>) -> PyResult<usize> {
    let names = scenario.streams.iter().map(|stream| stream.name.clone().unwrap_or_else(|| stream.model.to_string()));
    let names: Vec<String> = names.collect();
    let Some(wanted) = wanted else {
        return if names.len() == 1 { Ok(0) } else { Err(error::input(format!("which stream? One of: {}", names.join(", ")))) };
    };
    names.iter().position(|name| name == wanted).ok_or_else(|| {
        let hint = suggestion(wanted, names.iter().map(String::as_str));
        error::input(format!("the scenario has no stream `{wanted}`\nhint: {hint}"))
    })
}
