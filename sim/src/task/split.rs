//! In how many rows and channels a task can be cut for workers to share, and which rows of its inputs its rows need.

use crate::graph::{Graph, KernelKind};
use crate::identifiers::{OperatorId, TensorId};
use crate::task::{RowAccess, TaskInfo};

/// How finely a task can be cut along each dimension; 0 where it cannot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Splits {
    /// Output rows.
    pub rows: u32,
    /// Output channels; of a convolution in groups, its groups.
    pub channels: u32,
}

/// Convolutions, matrix products, poolings and element-wise operators can be cut, with the element-wise operators fused behind them.
pub(super) fn of(graph: &Graph, task: &TaskInfo) -> Splits {
    if task.operators.first() != Some(&task.lead) || !task.operators[1..].iter().all(|&id| is_elementwise(graph, id)) {
        return Splits::default();
    }
    let operator = graph.operator(task.lead);
    let output = &graph.tensor(operator.outputs[0]).shape;
    let rank_of = |position: usize| operator.input(position).map_or(0, |input| graph.tensor(input).shape.len());
    let image =
        |rows: bool, channels: u64| Splits { rows: if rows { several(output[2]) } else { 0 }, channels: several(channels) };
    match operator.op_type.as_str() {
        "Conv" if output.len() == 4 => {
            let groups = operator.attributes.integer("group").unwrap_or(1).max(1) as u64;
            image(pad_top(graph, task.lead).is_some(), if groups == 1 { output[1] } else { groups })
        }
        "ConvTranspose" if output.len() == 4 && operator.attributes.integer("group").unwrap_or(1) == 1 => image(false, output[1]),
        "MaxPool" | "AveragePool" if output.len() == 4 && operator.outputs.len() == 1 => {
            // An average over a window that hangs over the padding depends on where the window lies.
            let hangs_over = operator.op_type == "AveragePool" && operator.attributes.integer("ceil_mode") == Some(1);
            image(!hangs_over && pad_top(graph, task.lead).is_some(), output[1])
        }
        "GlobalAveragePool" | "GlobalMaxPool" if output.len() == 4 => image(false, output[1]),
        "MatMul" | "Gemm" if rank_of(0) >= 2 && rank_of(1) >= 2 && output.len() >= 2 => {
            Splits { rows: several(output[output.len() - 2]), channels: several(output[output.len() - 1]) }
        }
        _ if output.len() == 4 && is_elementwise(graph, task.lead) => image(true, output[1]),
        _ => Splits::default(),
    }
}

/// One row or channel is nothing to share.
fn several(size: u64) -> u32 {
    if size > 1 { u32::try_from(size).unwrap_or(u32::MAX) } else { 0 }
}

fn is_elementwise(graph: &Graph, id: OperatorId) -> bool {
    let is_elementwise = matches!(graph.work(id).kind, KernelKind::Activation | KernelKind::Elementwise);
    let is_normalization = graph.operator(id).op_type == "BatchNormalization";
    (is_elementwise || is_normalization) && graph.operator(id).outputs.len() == 1
}

/// Which rows of a tensor the output rows of a task need that can be cut into `rows`.
pub(super) fn row_access(graph: &Graph, task: &TaskInfo, tensor: TensorId, rows: u32) -> RowAccess {
    let mut access: Option<RowAccess> = None;
    for &id in &task.operators {
        for (position, _) in graph.operator(id).inputs.iter().enumerate().filter(|&(_, &input)| input == Some(tensor)) {
            let of_input = of_input(graph, task, id, position, rows);
            access = Some(access.map_or(of_input, |known| known.and(of_input)));
        }
    }
    access.unwrap_or(RowAccess::All)
}

fn of_input(graph: &Graph, task: &TaskInfo, id: OperatorId, position: usize, rows: u32) -> RowAccess {
    let operator = graph.operator(id);
    let shape = operator.input(position).map_or(&[][..], |input| &graph.tensor(input).shape);
    let has_rows = shape.len() >= 2 && shape[shape.len() - 2] == u64::from(rows);
    match operator.op_type.as_str() {
        "Conv" | "MaxPool" | "AveragePool" if id == task.lead && position == 0 => {
            let geometry = &graph.work(id).geometry;
            let extent = geometry.kernel_height.saturating_sub(1).saturating_mul(geometry.dilation_height.max(1)) + 1;
            let narrow = |value: u64| u32::try_from(value).ok();
            let window = || {
                let (stride, extent) = (narrow(geometry.stride_height.max(1))?, narrow(extent)?);
                Some(RowAccess::Window { stride, extent, pad_top: narrow(pad_top(graph, id)?)? })
            };
            window().unwrap_or(RowAccess::All)
        }
        // The second operand is read whole by every row; a bias has rows or is one of them.
        "MatMul" | "Gemm" if position == 1 => RowAccess::All,
        "Gemm" if position == 0 && operator.attributes.integer("transA") == Some(1) => RowAccess::All,
        "MatMul" | "Gemm" if has_rows => RowAccess::SAME,
        _ if has_rows && is_elementwise(graph, id) => RowAccess::SAME,
        _ => RowAccess::All,
    }
}

/// Rows of padding above the first of a sliding window over an image; `None` where padding takes rows away.
fn pad_top(graph: &Graph, id: OperatorId) -> Option<u64> {
    let operator = graph.operator(id);
    let attributes = &operator.attributes;
    let (input, output) = (&graph.tensor(operator.input(0)?).shape, &graph.tensor(operator.outputs[0]).shape);
    let geometry = &graph.work(id).geometry;
    let needed = (output[2].checked_sub(1)?) * geometry.stride_height.max(1)
        + geometry.kernel_height.saturating_sub(1) * geometry.dilation_height.max(1)
        + 1;
    let total = needed.saturating_sub(input[2]);
    match attributes.text("auto_pad").unwrap_or("NOTSET") {
        "SAME_UPPER" => Some(total / 2),
        "SAME_LOWER" => Some(total - total / 2),
        "VALID" => Some(0),
        _ => {
            let pads = attributes.integers("pads").unwrap_or(&[]);
            if pads.iter().any(|&pad| pad < 0) { None } else { Some(pads.first().map_or(0, |&pad| pad as u64)) }
        }
    }
}
