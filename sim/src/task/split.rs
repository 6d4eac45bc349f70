//! In how many rows and channels a task can be cut for workers to share.

use crate::graph::{Graph, KernelKind};
use crate::task::TaskInfo;

/// How finely a task can be cut along each dimension; 0 where it cannot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Splits {
    /// Output rows.
    pub rows: u32,
    /// Output channels; of a convolution in groups, its groups.
    pub channels: u32,
}

/// Convolutions and matrix products can be cut, with the element-wise operators fused behind them.
pub(super) fn of(graph: &Graph, task: &TaskInfo) -> Splits {
    let follows = |id| {
        let is_elementwise = matches!(graph.work(id).kind, KernelKind::Activation | KernelKind::Elementwise);
        let is_normalization = graph.operator(id).op_type == "BatchNormalization";
        (is_elementwise || is_normalization) && graph.operator(id).outputs.len() == 1
    };
    if task.operators.first() != Some(&task.lead) || !task.operators[1..].iter().all(|&id| follows(id)) {
        return Splits::default();
    }
    let operator = graph.operator(task.lead);
    let output = &graph.tensor(operator.outputs[0]).shape;
    let rank_of = |position: usize| operator.input(position).map_or(0, |input| graph.tensor(input).shape.len());
    // One row or channel is nothing to share.
    let several = |size: u64| if size > 1 { u32::try_from(size).unwrap_or(u32::MAX) } else { 0 };
    match operator.op_type.as_str() {
        "Conv" if output.len() == 4 => {
            let groups = operator.attributes.integer("group").unwrap_or(1).max(1) as u64;
            Splits { rows: several(output[2]), channels: several(if groups == 1 { output[1] } else { groups }) }
        }
        "MatMul" | "Gemm" if rank_of(0) >= 2 && rank_of(1) >= 2 && output.len() >= 2 => {
            Splits { rows: several(output[output.len() - 2]), channels: several(output[output.len() - 1]) }
        }
        _ => Splits::default(),
    }
}
