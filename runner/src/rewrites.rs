//! Models rewritten for strategies that choose among rewrites.

use scenarios::Scenario;
use sim::frontend;
use sim::identifiers::ModelId;
use sim::platform::Device;
use sim::strategy::{DeviceView, Job, Rewrite, registry};
use sim::task::LoweredModel;

use crate::{Inputs, Model};

/// The rewrite of the scenario, and those that some of its strategies choose among, each once.
pub(crate) fn wanted(scenario: &Scenario) -> Vec<Rewrite> {
    let mut wanted: Vec<Rewrite> = scenario.rewrite().into_iter().collect();
    for strategy in scenario.strategies.iter().filter_map(|strategy| registry::build(strategy).ok()) {
        for rewrite in strategy.rewrites() {
            if !wanted.iter().any(|known| known.name == rewrite.name) {
                wanted.push(rewrite);
            }
        }
    }
    wanted
}

/// The variants of a model. A rewrite that fails makes none, and is told by its name.
pub(crate) fn variants(model: &Model, rewrites: &[Rewrite], device: &Device) -> (Vec<Model>, Vec<(&'static str, String)>) {
    let (mut variants, mut failed) = (Vec::new(), Vec::new());
    for rewrite in rewrites {
        match frontend::optimize(&model.graph, &rewrite.passes) {
            Ok((graph, _)) => {
                let lowered = LoweredModel::with(&graph, device, rewrite.lowering);
                variants.push(model.rewritten(graph, lowered, rewrite.name));
            }
            Err(error) => failed.push((rewrite.name, error.to_string())),
        }
    }
    (variants, failed)
}

/// For each model of the inputs, the variant that a strategy chooses for a run of some streams: where it chooses none, the one that
/// the scenario asks for.
pub(crate) fn choose(strategy: &str, streams: &[usize], inputs: &Inputs, scenario: &Scenario) -> Vec<usize> {
    let base = usize::from(scenario.rewrite().is_some());
    let mut chosen = vec![base; inputs.models.len()];
    let Ok(mut strategy) = registry::build(strategy) else { return chosen };
    let names: Vec<&str> = strategy.rewrites().iter().map(|rewrite| rewrite.name).collect();
    if names.is_empty() {
        return chosen;
    }
    for (index, model) in inputs.models.iter().enumerate() {
        if !streams.iter().any(|&stream| inputs.models_of_stream[stream].contains(&index)) {
            continue;
        }
        let is_its = |at: usize| model.rewritten[at - 1].rewrite.as_deref().is_some_and(|name| names.contains(&name));
        let all: Vec<usize> = std::iter::once(base).chain((1..=model.rewritten.len()).filter(|&at| is_its(at))).collect();
        let jobs = all.iter().map(|&at| {
            let of = model.variant(at);
            Job { model: ModelId(0), name: &of.name, tasks: &of.lowered.tasks, costs: &of.lowered.costs }
        });
        let jobs: Vec<Job<'_>> = jobs.collect();
        let view = DeviceView { device: &inputs.device, jobs: &jobs[..1], seed: scenario.seed };
        chosen[index] = all.get(strategy.choose_variant(&jobs, &view)).copied().unwrap_or(base);
    }
    chosen
}
