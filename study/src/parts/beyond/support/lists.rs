//! Lists of operators that accelerators support: what they refuse, and what if they did not.

use std::collections::BTreeMap;

use runner::Inputs;
use scenarios::Profile;
use scenarios::profile::ProcessorKind;
use sim::graph::Graph;
use sim::identifiers::OperatorId;
use sim::platform::{Support as Answer, SupportRule};

/// Operator types that some accelerator refuses, each with how many operators of a model are of it.
pub(super) fn refused(graph: &Graph, inputs: &Inputs) -> BTreeMap<String, usize> {
    let device = &inputs.device;
    let rank = |operator: OperatorId| {
        let operator = graph.operator(operator);
        let tensors = operator.inputs.iter().flatten().chain(&operator.outputs).map(|&tensor| graph.tensor(tensor));
        tensors.filter(|tensor| tensor.role.is_dynamic()).map(|tensor| tensor.shape.len() as u32).max().unwrap_or(0)
    };
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    for operator in graph.operators().iter().filter(|operator| !graph.is_static(operator.id)) {
        let says_no = |worker: &sim::platform::Worker| {
            worker.kind != sim::platform::ProcessorKind::CpuCluster
                && worker.support.check(&operator.op_type, graph.work(operator.id), rank(operator.id)) != Answer::Supported
        };
        if device.workers().iter().any(says_no) {
            *refused.entry(operator.op_type.clone()).or_default() += 1;
        }
    }
    refused
}

/// The profile with operator types added to the lists of its accelerators.
pub(super) fn with_support(profile: &Profile, types: &[String]) -> Profile {
    let mut profile = profile.clone();
    let is_cpu = |name: &String| profile.processors.iter().any(|it| it.name == *name && it.kind == ProcessorKind::Cpu);
    let accelerators = profile.workers.iter().filter(|worker| !worker.cores.keys().any(is_cpu));
    let lists: Vec<String> = accelerators.filter_map(|worker| worker.support.clone()).collect();
    for (_, rules) in profile.support.iter_mut().filter(|(name, _)| lists.contains(name)) {
        let rule = |op_type: &String| SupportRule {
            op_type: Some(op_type.clone()),
            kind: None,
            maximum_rank: None,
            supported: true,
            reason: String::new(),
        };
        rules.rules.splice(0..0, types.iter().map(rule));
    }
    profile
}
