//! Models rewritten for strategies that choose among rewrites.

use sim::frontend;
use sim::identifiers::ModelId;
use sim::platform::Device;
use sim::strategy::{DeviceView, Job, Rewrite, registry};
use sim::task::LoweredModel;

use crate::run::{Inputs, Model};

/// Rewrites that some of the strategies choose among, each once.
pub(crate) fn wanted(strategies: &[String]) -> Vec<Rewrite> {
    let mut wanted: Vec<Rewrite> = Vec::new();
    for strategy in strategies.iter().filter_map(|strategy| registry::build(strategy).ok()) {
        for rewrite in strategy.rewrites() {
            if !wanted.iter().any(|known| known.name == rewrite.name) {
                wanted.push(rewrite);
            }
        }
    }
    wanted
}

/// The variants of a model. A rewrite that fails makes none.
pub(crate) fn variants(model: &Model, rewrites: &[Rewrite], device: &Device) -> Vec<Model> {
    let variant = |rewrite: &Rewrite| {
        let (graph, _) = frontend::optimize(&model.graph, &rewrite.passes).ok()?;
        let lowered = LoweredModel::with(&graph, device, rewrite.lowering);
        Some(model.rewritten(graph, lowered, rewrite.name))
    };
    rewrites.iter().filter_map(variant).collect()
}

/// For each model of the inputs, the variant that a strategy chooses for a run of some streams.
pub(crate) fn choose(strategy: &str, streams: &[usize], inputs: &Inputs, seed: u64) -> Vec<usize> {
    let mut chosen = vec![0; inputs.models.len()];
    let Ok(mut strategy) = registry::build(strategy) else { return chosen };
    let names: Vec<&str> = strategy.rewrites().iter().map(|rewrite| rewrite.name).collect();
    if names.is_empty() {
        return chosen;
    }
    for (index, model) in inputs.models.iter().enumerate() {
        if !streams.iter().any(|&stream| inputs.model_of_stream[stream] == index) {
            continue;
        }
        let is_its = |variant: &&Model| variant.rewrite.as_deref().is_some_and(|name| names.contains(&name));
        let own: Vec<usize> = (1..=model.rewritten.len()).filter(|&at| is_its(&&model.rewritten[at - 1])).collect();
        let all = std::iter::once(model).chain(own.iter().map(|&at| &model.rewritten[at - 1]));
        let jobs: Vec<Job<'_>> =
            all.map(|of| Job { model: ModelId(0), name: &of.name, tasks: &of.lowered.tasks, costs: &of.lowered.costs }).collect();
        let view = DeviceView { device: &inputs.device, jobs: &jobs[..1], seed };
        let position = strategy.choose_variant(&jobs, &view);
        chosen[index] = position.checked_sub(1).and_then(|position| own.get(position).copied()).unwrap_or(0);
    }
    chosen
}
