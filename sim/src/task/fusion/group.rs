//! From operators to groups.

use super::blocks;
use super::patterns::{Pattern, Patterns};
use crate::graph::Graph;
use crate::graph::work::KernelKind;
use crate::identifiers::{OperatorId, TensorId};

/// Operators that run as one kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::task) struct Group {
    /// In topological order.
    pub(in crate::task) operators: Vec<OperatorId>,
    /// The pattern of a kernel that is not costed as its leading operator.
    pub(in crate::task) block: Option<Pattern>,
}

/// Kernels in the making.
pub(super) struct Kernels<'a> {
    pub(super) graph: &'a Graph,
    pub(super) patterns: Patterns,
    /// Empty ones have been merged into others.
    pub(super) all: Vec<Kernel>,
    /// The kernel of each operator that is looked at.
    of: Vec<Option<usize>>,
}

pub(super) struct Kernel {
    pub(super) group: Group,
    /// Whether each worker can run it.
    pub(super) supported: Vec<bool>,
}

/// Groups some operators of a graph, none of them static, given in topological order; groups are ordered by their last operator.
///
/// `supported(operator, worker)` tells whether a worker can run an operator.
pub(in crate::task) fn group(
    graph: &Graph,
    operators: &[OperatorId],
    patterns: Patterns,
    workers: usize,
    supported: &dyn Fn(OperatorId, usize) -> bool,
) -> Vec<Group> {
    let mut kernels = Kernels { graph, patterns, all: Vec::new(), of: vec![None; graph.operators().len()] };
    for &operator in operators {
        let own: Vec<bool> = (0..workers).map(|worker| supported(operator, worker)).collect();
        let host = kernels.host(operator, &own);
        let index = host.unwrap_or_else(|| {
            kernels.all.push(Kernel { group: Group { operators: Vec::new(), block: None }, supported: own });
            kernels.all.len() - 1
        });
        kernels.all[index].group.operators.push(operator);
        kernels.of[operator.index()] = Some(index);
    }
    blocks::merge(&mut kernels);
    let groups = kernels.all.into_iter().map(|kernel| kernel.group);
    let mut groups: Vec<Group> = groups.filter(|group| !group.operators.is_empty()).collect();
    groups.sort_by_key(|group| group.operators.last().copied());
    groups
}

impl Kernels<'_> {
    /// The kernel of an operator; `None` if it is not looked at.
    pub(super) fn of(&self, operator: OperatorId) -> Option<usize> {
        self.of[operator.index()]
    }

    /// The kernel that makes a tensor.
    pub(super) fn maker(&self, tensor: TensorId) -> Option<usize> {
        self.graph.tensor(tensor).producer.and_then(|producer| self.of(producer))
    }

    /// Makes the kernels one; the last of them ends it. Returns whether every worker can run either all of them or none.
    pub(super) fn unite(&mut self, parts: &[usize], block: Option<Pattern>) -> bool {
        let first = parts[0];
        if parts.iter().any(|&part| self.all[part].supported != self.all[first].supported) {
            return false;
        }
        let mut operators: Vec<OperatorId> = Vec::new();
        for &part in parts {
            operators.append(&mut self.all[part].group.operators);
        }
        operators.sort_unstable();
        for operator in &operators {
            self.of[operator.index()] = Some(first);
        }
        let block = block.or(self.all[first].group.block);
        self.all[first].group = Group { operators, block };
        true
    }

    /// The kernel that an operator joins: of those that make one of its inputs, the one that ends last.
    fn host(&self, id: OperatorId, own: &[bool]) -> Option<usize> {
        if !self.patterns.contains(self.joining(id)?) {
            return None;
        }
        let operator = self.graph.operator(id);
        operator
            .inputs
            .iter()
            .flatten()
            .filter(|&&input| self.only_reader(input))
            .filter_map(|&input| self.graph.tensor(input).producer)
            .filter(|&producer| self.graph.operator(producer).outputs.len() == 1)
            .filter_map(|producer| self.of(producer).map(|kernel| (producer, kernel)))
            .filter(|&(_, kernel)| self.all[kernel].supported.iter().zip(own).all(|(kernel, own)| !kernel || *own))
            .max()
            .map(|(_, kernel)| kernel)
    }

    fn only_reader(&self, tensor: TensorId) -> bool {
        let tensor = self.graph.tensor(tensor);
        tensor.consumers.len() == 1 && !tensor.is_output && tensor.role.is_dynamic()
    }

    /// The pattern by which an operator joins what makes its input.
    fn joining(&self, id: OperatorId) -> Option<Pattern> {
        Some(match self.graph.work(id).kind {
            KernelKind::View => Pattern::View,
            KernelKind::Activation => Pattern::Activation,
            KernelKind::Normalization => Pattern::Normalization,
            KernelKind::Elementwise if self.graph.work(id).input_count > 1 => Pattern::Residual,
            KernelKind::Elementwise => Pattern::Elementwise,
            _ => return None,
        })
    }
}
