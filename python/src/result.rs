//! What a scenario came to.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use results::{CaseSummary, Content, ModelInfo, Origin, ReplicatesFile, RunResult, RunWriter, tables};
use runner::{Inputs, Job, JobFailure, info, primary, provenance};
use scenarios::{Document, Scenario};
use sim::engine::Summary;
use sim::metrics::Report;
use sim::record::Record;

use crate::error;

/// A run with what it read left out.
pub(crate) struct Kept {
    pub(crate) job: Job,
    pub(crate) records: Vec<Record>,
    pub(crate) summary: Summary,
    pub(crate) report: Report,
}

/// All runs of a scenario.
#[pyclass(frozen, module = "socrates")]
pub(crate) struct Runs {
    pub(crate) scenario: Document<Scenario>,
    pub(crate) inputs: Arc<Inputs>,
    pub(crate) kept: Vec<Kept>,
    pub(crate) failures: Vec<JobFailure>,
    pub(crate) replicated: Option<ReplicatesFile>,
    pub(crate) command_line: Vec<String>,
    /// Whether the records of the runs were kept.
    pub(crate) has_records: bool,
}

impl Runs {
    /// Hands every run on as results are written from it.
    fn with_results<T>(&self, use_them: impl FnOnce(&[RunResult<'_>]) -> T) -> T {
        let device = &self.inputs.device;
        let models: Vec<Vec<ModelInfo<'_>>> = self.kept.iter().map(|kept| self.models(&kept.job)).collect();
        let results = self.kept.iter().zip(&models).map(|(kept, models)| RunResult {
            case: &kept.job.case,
            strategy: &kept.job.strategy,
            origin: Origin::Simulated,
            seed: self.scenario.value.seed,
            device,
            models,
            records: &kept.records,
            summary: &kept.summary,
            report: &kept.report,
        });
        use_them(&results.collect::<Vec<_>>())
    }

    fn models(&self, job: &Job) -> Vec<ModelInfo<'_>> {
        let device = &self.inputs.device;
        let primary = primary(&job.strategy, device);
        job.used(&self.inputs).iter().map(|&model| info(job.model(&self.inputs, model), device, &primary)).collect()
    }

    fn check_records(&self) -> PyResult<()> {
        if self.has_records {
            return Ok(());
        }
        Err(error::input("the records were not kept: run the scenario with `records=True`"))
    }
}

#[pymethods]
impl Runs {
    /// A JSON list: what `run.json` says of each run.
    fn cases_json(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| {
            let cases: Vec<CaseSummary> = self.with_results(|results| results.iter().map(CaseSummary::of).collect());
            serde_json::to_string(&cases).map_err(error::input)
        })
    }

    /// What `replicates.json` says; `None` without replicates.
    fn replicates_json(&self) -> PyResult<Option<String>> {
        self.replicated.as_ref().map(|file| serde_json::to_string(file).map_err(error::input)).transpose()
    }

    /// Case, strategy and reason of each run that could not be simulated.
    #[getter]
    fn failures(&self) -> Vec<(&str, &str, String)> {
        self.failures.iter().map(|it| (it.case.as_str(), it.strategy.as_str(), it.cause.to_string())).collect()
    }

    /// How many runs there are.
    fn __len__(&self) -> usize {
        self.kept.len()
    }

    /// A table as the bytes of a Parquet file: `requests`, `operators`, `copies`, `frames` or `states`.
    fn parquet<'py>(&self, py: Python<'py>, table: &str) -> PyResult<Bound<'py, PyBytes>> {
        let content = match table {
            "requests" => Content::Requests,
            "operators" => Content::Operators,
            "copies" => Content::Copies,
            "frames" => Content::Frames,
            "states" => Content::States,
            other => return Err(error::input(format!("no table `{other}`"))),
        };
        self.check_records()?;
        let bytes = py.detach(|| self.with_results(|results| tables::encode(content, results)));
        Ok(PyBytes::new(py, &bytes.map_err(|error| error::output(&error))?))
    }

    /// Writes a results directory, as `socrates run` does.
    fn write(&self, py: Python<'_>, directory: PathBuf) -> PyResult<PathBuf> {
        self.check_records()?;
        let written = py.detach(|| {
            let provenance = provenance(self.command_line.clone(), &self.scenario, &self.inputs);
            let mut writer = RunWriter::begin(directory, provenance, &Content::ALL)?;
            self.with_results(|results| results.iter().try_for_each(|result| writer.add(result)))?;
            if let Some(replicated) = &self.replicated {
                writer.set_replicates(replicated.clone());
            }
            writer.commit()
        });
        Ok(written.map_err(|error| error::output(&error))?.0)
    }
}
