//! What a validation of this machine measured and predicted, as data: everything that the judgement needs, and nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Version of the file format.
pub const SCHEMA_VERSION: u32 = 1;

/// One validation of one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostRun {
    /// Version of this format: [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Whether less was measured.
    pub is_quick: bool,
    /// Facts about the machine, by name.
    pub machine: BTreeMap<String, String>,
    /// The workers: how each was opened, and with which kernels.
    pub workers: BTreeMap<String, String>,
    /// What all kernels of a worker are wrong by together, as the calibration says: one standard deviation in percent.
    pub common_error_percent: Option<f64>,
    /// `|second / first - 1|` of operators measured twice, apart.
    pub operator_differences: Vec<f64>,
    /// Canaries throughout, in order of time.
    pub canaries: Vec<Canary>,
    /// Held-out operators.
    pub operators: Vec<Operator>,
    /// Whole models and workloads.
    pub cases: Vec<Case>,
    /// What could not be done, and why.
    pub notes: Vec<String>,
}

/// What two known units took on a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Canary {
    /// The worker.
    pub worker: String,
    /// When, in milliseconds since the begin.
    pub at_ms: u64,
    /// Of arithmetic.
    pub compute_ns: u64,
    /// Of memory traffic.
    pub memory_ns: u64,
}

/// An operator, or a slice of one, predicted by models that never saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operator {
    /// The worker.
    pub worker: String,
    /// Class of its kernel.
    pub class: String,
    /// Predicted duration.
    pub predicted_ns: f64,
    /// Measured duration.
    pub measured_ns: f64,
    /// Whether it was drawn from the whole space of shapes, and not from what models have.
    #[serde(default)]
    pub is_unusual: bool,
}

/// What is judged at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// One model alone, one request after the other.
    Model,
    /// Models side by side, with arrivals, load or frames.
    Workload,
}

impl Level {
    /// Name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Workload => "workload",
        }
    }
}

/// One model of one case under one strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The level.
    pub level: Level,
    /// Name of the case: that of the model, or of the workload.
    pub case: String,
    /// The strategy.
    pub strategy: String,
    /// The model whose latencies these are.
    pub model: String,
    /// What the simulator said.
    pub prediction: Prediction,
    /// Real runs, in order of time.
    pub runs: Vec<Run>,
}

/// What the simulator said of a model's latencies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Median latency without variation.
    pub median_ns: f64,
    /// The interval that holds the median latency of a run in 90 of 100 cases.
    pub interval_ns: [f64; 2],
    /// Quantiles of the latencies of all replicates, evenly spaced from the least to the largest.
    pub quantiles_ns: Vec<f64>,
}

/// A real run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// When it began, in milliseconds since the begin of the validation.
    pub at_ms: u64,
    /// Latencies of the model's requests, in order of completion.
    pub latencies_ns: Vec<u64>,
    /// Share of the time of all cores that others used meanwhile, to three digits; absent where unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others_share: Option<f64>,
}

/// Others use so much of the cores' time: what was measured beside them is not used, as long as there is something else.
const DISTURBED: f64 = 0.15;

impl Run {
    /// Whether others used so much of the cores meanwhile that the latencies are theirs as well.
    pub fn is_disturbed(&self) -> bool {
        self.others_share.is_some_and(|share| share > DISTURBED)
    }
}

impl Case {
    /// Whether no run of it was undisturbed.
    pub fn is_disturbed(&self) -> bool {
        self.runs.iter().all(Run::is_disturbed)
    }

    /// Its undisturbed runs; all where there is none.
    pub fn usable(&self) -> impl Iterator<Item = &Run> {
        let is_disturbed = self.is_disturbed();
        self.runs.iter().filter(move |run| is_disturbed || !run.is_disturbed())
    }
}

/// Why a file holds no validation.
#[derive(Debug, Error)]
pub enum ObservedError {
    /// No JSON, or not what has to be there.
    #[error("not a validation of a host: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Of another version.
    #[error("the validation has schema version {found}: this program reads version {SCHEMA_VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// A case without runs, or numbers out of range.
    #[error("{what}: {why}")]
    Invalid {
        /// Of what.
        what: String,
        /// Why.
        why: &'static str,
    },
}

impl HostRun {
    /// Reads the text of a file, and checks it.
    ///
    /// # Errors
    /// If it is no such file, or of another version, or holds numbers that cannot be.
    pub fn read(text: &str) -> Result<Self, ObservedError> {
        let run: Self = serde_json::from_str(text)?;
        if run.schema_version != SCHEMA_VERSION {
            return Err(ObservedError::Version { found: run.schema_version });
        }
        let invalid = |what: String, why| Err(ObservedError::Invalid { what, why });
        for case in &run.cases {
            let named = || format!("case `{}`, strategy `{}`, model `{}`", case.case, case.strategy, case.model);
            let prediction = &case.prediction;
            let numbers = prediction.quantiles_ns.iter().chain(&prediction.interval_ns).chain([&prediction.median_ns]);
            if numbers.into_iter().any(|&ns| !(ns.is_finite() && ns > 0.0)) || prediction.quantiles_ns.is_empty() {
                return invalid(named(), "a predicted latency is not above 0");
            }
            if case.runs.is_empty() || case.runs.iter().any(|run| run.latencies_ns.is_empty() || run.latencies_ns.contains(&0)) {
                return invalid(named(), "there is a run without a request that completed, or no run");
            }
            // A number in another unit is off by a thousand.
            let measured_ns = case.runs[0].latencies_ns[0] as f64;
            if !(1e-3..1e3).contains(&(prediction.median_ns / measured_ns)) {
                return invalid(named(), "predicted and measured latency differ by a factor of 1000: are both in nanoseconds?");
            }
        }
        for operator in &run.operators {
            if !(operator.measured_ns > 0.0 && operator.predicted_ns > 0.0) {
                return invalid(
                    format!("operator of class `{}` on `{}`", operator.class, operator.worker),
                    "a duration is not above 0",
                );
            }
        }
        Ok(run)
    }
}
