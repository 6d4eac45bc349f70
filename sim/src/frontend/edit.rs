//! Editing a graph by names while its validated form stays at hand.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Attributes, ConstantData, DataType, Graph, Operator, RawGraph, RawOperator, RawTensor};
use crate::identifiers::{OperatorId, TensorId};

/// What a pass makes of a graph.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rewrite {
    /// The graph, to be validated.
    pub(super) raw: RawGraph,
    /// What the user should know: what was assumed or left out.
    pub(super) notes: Vec<String>,
}

/// A graph being edited. Operators keep their places; what is new stands before the operator that it is made for.
pub(super) struct Edit<'a> {
    pub(super) graph: &'a Graph,
    raw: RawGraph,
    slots: Vec<Slot>,
    /// Tensor that stands for another one.
    aliases: BTreeMap<String, String>,
    /// Tensor that takes the name of a graph output whose own operator is gone.
    claims: BTreeMap<String, String>,
    taken: BTreeSet<String>,
    changed: bool,
}

#[derive(Default)]
struct Slot {
    before: Vec<RawOperator>,
    operator: Option<RawOperator>,
}

impl<'a> Edit<'a> {
    pub(super) fn new(graph: &'a Graph) -> Self {
        let mut raw = graph.to_raw();
        let slots =
            std::mem::take(&mut raw.operators).into_iter().map(|operator| Slot { operator: Some(operator), ..Slot::default() });
        let tensors = graph.tensors().iter().map(|tensor| tensor.name.clone());
        let operators = graph.operators().iter().map(|operator| operator.name.clone());
        let taken = tensors.chain(operators).collect();
        Self { graph, slots: slots.collect(), raw, aliases: BTreeMap::new(), claims: BTreeMap::new(), taken, changed: false }
    }

    /// A name that nothing has yet: `base`, or `base_2`, `base_3`, ...
    pub(super) fn fresh(&mut self, base: &str) -> String {
        let mut name = base.to_owned();
        let mut count = 1;
        while !self.taken.insert(name.clone()) {
            count += 1;
            name = format!("{base}_{count}");
        }
        name
    }

    /// Name of a tensor of the graph.
    pub(super) fn name(&self, tensor: TensorId) -> String {
        self.graph.tensor(tensor).name.clone()
    }

    /// The operator, to be edited; `None` once it is removed.
    pub(super) fn operator_mut(&mut self, id: OperatorId) -> Option<&mut RawOperator> {
        self.changed = true;
        self.slots[id.index()].operator.as_mut()
    }

    /// Whether an operator is still there.
    pub(super) fn has(&self, id: OperatorId) -> bool {
        self.slots[id.index()].operator.is_some()
    }

    /// Takes an operator out.
    pub(super) fn remove(&mut self, id: OperatorId) {
        self.changed = true;
        self.slots[id.index()].operator = None;
    }

    /// Puts another operator in the place of one, of the same name and outputs.
    pub(super) fn replace(&mut self, id: OperatorId, op_type: &str, inputs: Vec<String>, attributes: Attributes) {
        if let Some(operator) = self.operator_mut(id) {
            op_type.clone_into(&mut operator.op_type);
            operator.domain = String::new();
            operator.inputs = inputs;
            operator.attributes = attributes;
        }
    }

    /// Adds an operator of the standard domain before another; returns the name of its output, which is new, as is the operator's.
    pub(super) fn insert(
        &mut self,
        before: OperatorId,
        op_type: &str,
        inputs: &[&str],
        base: &str,
        attributes: Attributes,
    ) -> String {
        let name = self.fresh(base);
        self.changed = true;
        self.slots[before.index()].before.push(RawOperator {
            name: name.clone(),
            op_type: op_type.to_owned(),
            domain: String::new(),
            attributes,
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            outputs: vec![name.clone()],
        });
        name
    }

    /// Adds an initialiser with values; returns its name.
    pub(super) fn constant(&mut self, base: &str, data_type: DataType, shape: &[u64], data: ConstantData) -> String {
        self.initializer(base, data_type, shape, Some(data))
    }

    /// Adds a one-dimensional 64-bit integer constant; returns its name.
    pub(super) fn integers(&mut self, base: &str, values: &[i64]) -> String {
        self.constant(base, DataType::Int64, &[values.len() as u64], ConstantData::Integers(values.to_vec()))
    }

    /// Adds an initialiser; returns its name.
    pub(super) fn initializer(&mut self, base: &str, data_type: DataType, shape: &[u64], data: Option<ConstantData>) -> String {
        let name = self.fresh(base);
        self.add_initializer(RawTensor { name: name.clone(), data_type, shape: shape.to_vec(), data });
        name
    }

    /// Adds an initialiser of a name that nothing else keeps.
    pub(super) fn add_initializer(&mut self, tensor: RawTensor) {
        self.changed = true;
        self.raw.initializers.push(tensor);
    }

    /// Drops initialisers that `keep` does not hold for.
    pub(super) fn retain_initializers(&mut self, keep: impl Fn(&RawTensor) -> bool) {
        let before = self.raw.initializers.len();
        self.raw.initializers.retain(keep);
        self.changed |= self.raw.initializers.len() != before;
    }

    /// Makes everything that reads `old` read `new`, and removes the operator that made `old`, its only output.
    ///
    /// A graph output keeps its name: then what makes `new` takes the name over, if it can. Returns whether that was possible.
    /// Operators must be bypassed in topological order.
    pub(super) fn bypass(&mut self, old: TensorId, new: TensorId) -> bool {
        let (old, graph) = (self.graph.tensor(old), self.graph);
        let target = self.resolved(&graph.tensor(new).name);
        if old.is_output {
            let is_free = graph
                .tensor_named(&target)
                .is_some_and(|tensor| tensor.producer.is_some_and(|id| self.has(id)) && !tensor.is_output);
            if !is_free || self.claims.contains_key(&target) {
                return false;
            }
            self.claims.insert(target.clone(), old.name.clone());
        }
        if let Some(producer) = old.producer {
            self.remove(producer);
        }
        self.aliases.insert(old.name.clone(), target);
        true
    }

    /// Makes everything that reads what `operator` makes read what `host` makes; the two outputs are equal from now on.
    pub(super) fn bypass_into(&mut self, operator: &Operator, host: &Operator) -> bool {
        self.bypass(operator.outputs[0], host.outputs[0])
    }

    fn resolved(&self, name: &str) -> String {
        let mut name = name;
        while let Some(next) = self.aliases.get(name) {
            name = next;
        }
        name.to_owned()
    }

    /// The edited graph; `None` if nothing was changed.
    pub(super) fn finish(mut self) -> Option<RawGraph> {
        if !self.changed {
            return None;
        }
        let mut operators = Vec::new();
        for slot in std::mem::take(&mut self.slots) {
            operators.extend(slot.before);
            operators.extend(slot.operator);
        }
        let renamed = |name: &String| {
            let target = self.resolved(name);
            self.claims.get(&target).cloned().unwrap_or(target)
        };
        for operator in &mut operators {
            for name in operator.inputs.iter_mut().chain(&mut operator.outputs) {
                *name = renamed(name);
            }
        }
        self.raw.declared = self.raw.declared.iter().map(|(name, declared)| (renamed(name), declared.clone())).collect();
        self.raw.operators = operators;
        Some(self.raw)
    }

    /// The edited graph with nothing to note; `None` if nothing was changed.
    pub(super) fn rewrite(self) -> Option<Rewrite> {
        self.finish().map(|raw| Rewrite { raw, notes: Vec::new() })
    }
}
