//! The runs of a scenario: each group of streams under each strategy.

use scenarios::Scenario;
use scenarios::scenario::StreamsRun;

use crate::run::{Inputs, Model, rewrites};

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    /// Name of the case in results.
    pub(crate) case: String,
    /// The streams, as indices into the scenario's.
    pub(crate) streams: Vec<usize>,
    /// Description of the strategy.
    pub(crate) strategy: String,
    /// For each model of the inputs, the variant that the strategy chose: see [`Model::variant`].
    pub(crate) variants: Vec<usize>,
}

impl Job {
    /// A model as this run has it.
    pub(crate) fn model<'a>(&self, inputs: &'a Inputs, index: usize) -> &'a Model {
        inputs.models[index].variant(self.variants[index])
    }
}

/// All runs, case by case, strategy by strategy within.
pub(crate) fn jobs(scenario: &Scenario, inputs: &Inputs) -> Vec<Job> {
    let mut jobs = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for streams in scenario.cases() {
        let name = match scenario.streams_run {
            StreamsRun::Together => scenario.name.clone(),
            StreamsRun::Separately => inputs.models[inputs.model_of_stream[streams[0]]].name.clone(),
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
