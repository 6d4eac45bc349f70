//! Grouping operators into kernels, as runtimes do when they load a model.
//!
//! An activation, an arithmetic operator of one element each, an inference-time normalisation or a view joins the kernel that
//! makes its input if nobody else reads that input and if every worker that can run the kernel can run the operator too.
//! The measured per-operator latencies that profiles are fitted on are of such kernels.

use crate::graph::Graph;
use crate::graph::work::KernelKind;
use crate::identifiers::{OperatorId, TensorId};

/// Operators of each kernel, each in topological order; kernels ordered by their last operator. Static operators are in none.
///
/// `supported(operator, worker)` tells whether a worker can run an operator.
pub(super) fn fuse(graph: &Graph, workers: usize, supported: &dyn Fn(OperatorId, usize) -> bool) -> Vec<Vec<OperatorId>> {
    let mut kernels: Vec<Kernel> = Vec::new();
    let mut kernel_of: Vec<Option<usize>> = vec![None; graph.operators().len()];
    for operator in graph.operators().iter().filter(|operator| !graph.is_static(operator.id)) {
        let own: Vec<bool> = (0..workers).map(|worker| supported(operator.id, worker)).collect();
        let host = host_kernel(graph, operator.id, &kernels, &kernel_of, &own);
        let index = host.unwrap_or_else(|| {
            kernels.push(Kernel { operators: Vec::new(), supported: own });
            kernels.len() - 1
        });
        kernels[index].operators.push(operator.id);
        kernel_of[operator.id.index()] = Some(index);
    }
    let mut groups: Vec<Vec<OperatorId>> = kernels.into_iter().map(|kernel| kernel.operators).collect();
    groups.sort_by_key(|operators| operators.last().copied());
    groups
}

struct Kernel {
    operators: Vec<OperatorId>,
    supported: Vec<bool>,
}

/// The kernel that an operator joins: of those that make one of its inputs, the one that ends last.
fn host_kernel(graph: &Graph, id: OperatorId, kernels: &[Kernel], kernel_of: &[Option<usize>], own: &[bool]) -> Option<usize> {
    if !can_join(graph.work(id).kind) {
        return None;
    }
    let reads = |producer: OperatorId| kernel_of[producer.index()];
    graph
        .operator(id)
        .inputs
        .iter()
        .flatten()
        .filter(|&&input| only_reader(graph, input))
        .filter_map(|&input| graph.tensor(input).producer)
        .filter(|&producer| graph.operator(producer).outputs.len() == 1)
        .filter_map(|producer| reads(producer).map(|kernel| (producer, kernel)))
        .filter(|&(_, kernel)| kernels[kernel].supported.iter().zip(own).all(|(kernel, own)| !kernel || *own))
        .max()
        .map(|(_, kernel)| kernel)
}

fn only_reader(graph: &Graph, tensor: TensorId) -> bool {
    let tensor = graph.tensor(tensor);
    tensor.consumers.len() == 1 && !tensor.is_output && tensor.role.is_dynamic()
}

const fn can_join(kind: KernelKind) -> bool {
    matches!(kind, KernelKind::Activation | KernelKind::Elementwise | KernelKind::Normalization | KernelKind::View)
}
