//! What passes did to a graph.

use std::collections::BTreeMap;

use crate::graph::{Graph, Operator, TensorRole};

/// Sizes of a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Operators that every request runs.
    pub operators: u64,
    /// Operators over weights and constants alone, run once when the model is loaded.
    pub static_operators: u64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Elements of weights.
    pub parameters: u64,
    /// Bytes of weights.
    pub weight_bytes: u64,
    /// Bytes of all tensors that a request makes.
    pub activation_bytes: u64,
}

impl Totals {
    /// The sizes of a graph.
    pub fn of(graph: &Graph) -> Self {
        let is_static = |operator: &&Operator| graph.is_static(operator.id);
        let static_operators = graph.operators().iter().filter(is_static).count() as u64;
        let made = graph.tensors().iter().filter(|tensor| tensor.role == TensorRole::Activation);
        Self {
            operators: graph.operators().len() as u64 - static_operators,
            static_operators,
            macs: graph.total_macs(),
            parameters: graph.total_parameters(),
            weight_bytes: graph.total_weight_bytes(),
            activation_bytes: made.map(crate::graph::Tensor::bytes).sum(),
        }
    }
}

/// One run of one pass that changed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Name of the pass.
    pub pass: &'static str,
    /// Round of the list, from 1.
    pub round: u32,
    /// Operators that are gone, by name.
    pub removed: Vec<String>,
    /// Operators that are new.
    pub added: Vec<String>,
    /// Operators that do another thing, or the same with other inputs.
    pub changed: Vec<String>,
    /// What was assumed or left out.
    pub notes: Vec<String>,
    /// Sizes before.
    pub before: Totals,
    /// Sizes after.
    pub after: Totals,
}

impl Step {
    /// The step from one graph to another.
    pub(super) fn between(pass: &'static str, round: u32, before: &Graph, after: &Graph, notes: Vec<String>) -> Self {
        let old = described(before);
        let new = described(after);
        let missing = |one: &BTreeMap<String, String>, other: &BTreeMap<String, String>| {
            one.keys().filter(|name| !other.contains_key(*name)).cloned().collect::<Vec<_>>()
        };
        let changed = new.iter().filter(|(name, what)| old.get(*name).is_some_and(|before| before != *what));
        Self {
            pass,
            round,
            removed: missing(&old, &new),
            added: missing(&new, &old),
            changed: changed.map(|(name, _)| name.clone()).collect(),
            notes,
            before: Totals::of(before),
            after: Totals::of(after),
        }
    }
}

/// What each operator does, by name.
fn described(graph: &Graph) -> BTreeMap<String, String> {
    let text = |operator: &Operator| {
        let input = |input: &Option<_>| input.map_or("", |input| graph.tensor(input).name.as_str());
        let inputs: Vec<&str> = operator.inputs.iter().map(input).collect();
        format!("{} {inputs:?} {:?}", operator.op_type, operator.attributes)
    };
    graph.operators().iter().map(|operator| (operator.name.clone(), text(operator))).collect()
}

/// What a list of passes did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Every run of a pass that changed something, in order.
    pub steps: Vec<Step>,
    /// Sizes of the graph that was given.
    pub before: Totals,
    /// Sizes of the graph that came out.
    pub after: Totals,
}
