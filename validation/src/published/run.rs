//! Runs scenarios of the library, each strategy once.

use std::path::Path;

use runner::{Inputs, jobs, simulate};
use scenarios::scenario::{Environment, StreamsRun};
use scenarios::{Scenario, library};
use sim::metrics::Report;

use crate::published::PublishedError;

/// A scenario of the library.
pub(super) struct Library {
    scenario: Scenario,
}

impl Library {
    pub(super) fn open(name: &str) -> Result<Self, PublishedError> {
        let failed = |why: String| PublishedError::Scenario { scenario: name.to_owned(), why };
        let entry = library::scenarios().iter().find(|entry| entry.name == name);
        let entry = entry.ok_or_else(|| failed("it is not in the library".to_owned()))?;
        let scenario = Scenario::parse(entry.name, entry.text, Path::new("")).map_err(|error| failed(error.to_string()))?;
        Ok(Self { scenario })
    }

    /// The same without what changes about the device, and with each stream without a pause and by itself.
    pub(super) fn alone(&self, strategy: &str) -> Result<Vec<(String, Report)>, PublishedError> {
        let mut quiet = self.scenario.clone();
        quiet.environment = Environment::default();
        quiet.streams_run = StreamsRun::Separately;
        Self { scenario: quiet }.run(strategy)
    }

    /// Under a strategy: the report of each case, by the name of its first model.
    pub(super) fn run(&self, strategy: &str) -> Result<Vec<(String, Report)>, PublishedError> {
        let mut scenario = self.scenario.clone();
        scenario.strategies = vec![strategy.to_owned()];
        let inputs = Inputs::load(&scenario).map_err(|error| self.failed(error.to_string()))?;
        let one = |job: &runner::Job| {
            let simulated = simulate(job, &scenario, &inputs, scenario.seed).map_err(|error| self.failed(error.to_string()))?;
            let first = inputs.models_of_stream[job.streams[0]][0];
            Ok((inputs.models[first].name.clone(), simulated.report))
        };
        jobs(&scenario, &inputs).iter().map(one).collect()
    }

    /// The only case.
    pub(super) fn one(&self, strategy: &str) -> Result<Report, PublishedError> {
        let mut all = self.run(strategy)?;
        all.pop().map(|(_, report)| report).ok_or_else(|| self.failed("it has no stream".to_owned()))
    }

    fn failed(&self, why: String) -> PublishedError {
        PublishedError::Scenario { scenario: self.scenario.name.clone(), why }
    }
}
