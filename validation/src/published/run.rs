//! Runs scenarios of the library, each strategy once.

use std::path::Path;

use scenarios::model;
use scenarios::onnx::ReadOptions;
use scenarios::scenario::StreamsRun;
use scenarios::{Profile, Reference, Scenario, library};
use sim::engine::{Model, simulate};
use sim::identifiers::ModelId;
use sim::metrics::{ModelFacts, Report, report};
use sim::record::Record;
use sim::strategy::registry;
use sim::task::LoweredModel;

use crate::published::PublishedError;

/// A scenario of the library whose streams have one model each.
pub(super) struct Library {
    scenario: Scenario,
    profile: Profile,
}

impl Library {
    pub(super) fn open(name: &str) -> Result<Self, PublishedError> {
        let failed = |why: String| PublishedError::Scenario { scenario: name.to_owned(), why };
        let entry = library::scenarios().iter().find(|entry| entry.name == name);
        let entry = entry.ok_or_else(|| failed("it is not in the library".to_owned()))?;
        let scenario = Scenario::parse(entry.name, entry.text, Path::new("")).map_err(|error| failed(error.to_string()))?;
        let profile = Profile::open(&scenario.device).map_err(|error| failed(error.to_string()))?.value;
        Ok(Self { scenario, profile })
    }

    /// The same without what changes about the device, and with each stream without a pause and by itself.
    pub(super) fn alone(&self, strategy: &str) -> Result<Vec<(String, Report)>, PublishedError> {
        let mut quiet = self.scenario.clone();
        quiet.environment = scenarios::scenario::Environment::default();
        quiet.streams_run = StreamsRun::Separately;
        Self { scenario: quiet, profile: self.profile.clone() }.run(strategy)
    }

    /// Under a strategy: the report of each case, by the name of its first model.
    pub(super) fn run(&self, strategy: &str) -> Result<Vec<(String, Report)>, PublishedError> {
        let cases = self.scenario.cases();
        cases.iter().map(|streams| self.case(streams, strategy).map_err(|why| self.failed(why))).collect()
    }

    /// The only case.
    pub(super) fn one(&self, strategy: &str) -> Result<Report, PublishedError> {
        let mut all = self.run(strategy)?;
        all.pop().map(|(_, report)| report).ok_or_else(|| self.failed("it has no stream".to_owned()))
    }

    fn failed(&self, why: String) -> PublishedError {
        PublishedError::Scenario { scenario: self.scenario.name.clone(), why }
    }

    fn case(&self, streams: &[usize], strategy: &str) -> Result<(String, Report), String> {
        let device = self.profile.device().map_err(|errors| format!("{errors:?}"))?;
        let mut names: Vec<String> = Vec::new();
        let mut lowered: Vec<LoweredModel> = Vec::new();
        for &stream in streams {
            let Reference::BuiltIn(_) = &self.scenario.streams[stream].model else {
                return Err("a model that is no built-in one".to_owned());
            };
            let loaded = model::load(&self.scenario.streams[stream].model, &ReadOptions::default());
            let loaded = loaded.map_err(|error| error.to_string())?;
            lowered.push(LoweredModel::of(&loaded.graph, &device));
            names.push(loaded.name);
        }
        let models: Vec<Model<'_>> =
            names.iter().zip(&lowered).map(|(name, it)| Model { name, tasks: &it.tasks, costs: &it.costs }).collect();
        let streams = streams.iter().enumerate();
        let streams = streams.map(|(index, &stream)| self.scenario.streams[stream].stream(&[ModelId::from_index(index)]));
        let mut options = self.scenario.options(&device).map_err(|error| error.to_string())?;
        options.noise_log_deviation = self.profile.noise_log_deviation();
        let mut strategy = registry::build(strategy).map_err(|error| error.to_string())?;
        let mut records: Vec<Record> = Vec::new();
        let summary = simulate(&device, &models, streams.collect(), strategy.as_mut(), &options, &mut records);
        let summary = summary.map_err(|error| error.to_string())?;
        let facts: Vec<ModelFacts<'_>> = names.iter().map(|name| ModelFacts { name, ..ModelFacts::default() }).collect();
        let report = report(&device, &facts, &records, summary.end_ns).map_err(|error| error.to_string())?;
        Ok((names[0].clone(), report))
    }
}
