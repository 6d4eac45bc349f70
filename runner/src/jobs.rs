//! The runs of a scenario: each group of streams under each strategy.

use scenarios::Scenario;
use scenarios::scenario::StreamsRun;
use sim::identifiers::ModelId;
use sim::workload::Stream;

use crate::{Inputs, Model, rewrites};

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Name of the case in results.
    pub case: String,
    /// The streams, as indices into the scenario's.
    pub streams: Vec<usize>,
    /// Description of the strategy.
    pub strategy: String,
    /// For each model of the inputs, the variant that the strategy chose: see [`Model::variant`].
    pub variants: Vec<usize>,
}

impl Job {
    /// A model as this run has it.
    #[must_use]
    pub fn model<'a>(&self, inputs: &'a Inputs, index: usize) -> &'a Model {
        inputs.models[index].variant(self.variants[index])
    }

    /// The models of this run, each once, as indices into those of the inputs.
    #[must_use]
    pub fn used(&self, inputs: &Inputs) -> Vec<usize> {
        let mut used: Vec<usize> = Vec::new();
        for &model in self.streams.iter().flat_map(|&stream| &inputs.models_of_stream[stream]) {
            if !used.contains(&model) {
                used.push(model);
            }
        }
        used
    }

    /// Its streams, on these models.
    #[must_use]
    pub fn streams(&self, scenario: &Scenario, inputs: &Inputs, used: &[usize]) -> Vec<Stream> {
        let position = |model: &usize| used.iter().position(|known| known == model).map(ModelId::from_index);
        let of = |&stream: &usize| {
            let models: Vec<ModelId> = inputs.models_of_stream[stream].iter().filter_map(position).collect();
            scenario.streams[stream].stream(&models)
        };
        self.streams.iter().map(of).collect()
    }
}

/// Name of a stream: its own, or that of its model.
#[must_use]
pub fn name_of(scenario: &Scenario, inputs: &Inputs, stream: usize) -> String {
    let models = &inputs.models_of_stream[stream];
    let model = &inputs.models[models[0]];
    let of_model = if models.len() == 1 { &model.name } else { &model.file };
    scenario.streams[stream].name.clone().unwrap_or_else(|| of_model.clone())
}

/// All runs, case by case, strategy by strategy within.
#[must_use]
pub fn jobs(scenario: &Scenario, inputs: &Inputs) -> Vec<Job> {
    let mut jobs = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for streams in scenario.cases() {
        let name = match scenario.streams_run {
            StreamsRun::Together => scenario.name.clone(),
            StreamsRun::Separately => name_of(scenario, inputs, streams[0]),
        };
        let repeats = names.iter().filter(|known| **known == name).count();
        let case = if repeats == 0 { name.clone() } else { format!("{name} ({})", repeats + 1) };
        names.push(name);
        for strategy in &scenario.strategies {
            let variants = rewrites::choose(strategy, &streams, inputs, scenario);
            jobs.push(Job { case: case.clone(), streams: streams.clone(), strategy: strategy.clone(), variants });
        }
    }
    jobs
}
