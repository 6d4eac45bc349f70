//! Operators as kernels, one file a family.

pub(super) mod convolution;
pub(super) mod elementwise;
pub(super) mod epilogue;
pub(super) mod image;
pub(super) mod matrix;
pub(super) mod movement;
pub(super) mod reduction;
pub(super) mod resampling;
pub(super) mod tile;
pub(super) mod transposed;
pub(super) mod window;

use sim::graph::{Graph, Operator};
use sim::identifiers::TensorId;

use super::lowering::Lowering;
use super::step::Argument;

/// Lowers one operator; the error says why it cannot run.
pub(super) fn lower(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    if !operator.domain.is_empty() && operator.domain != "ai.onnx" {
        return Err(format!("there is no kernel for domain `{}`", operator.domain));
    }
    if is_view(lowering.graph, operator) {
        let input = required(operator, 0)?;
        if lowering.alias_image(input, operator.outputs[0]) && !lowering.has_buffer(input) {
            return Ok(());
        }
        let place = lowering.read(input)?;
        lowering.alias(operator.outputs[0], place);
        return Ok(());
    }
    if lowering.target.largest_image.is_some() && image::lower(lowering, operator)? {
        return Ok(());
    }
    if let Some(function) = lowering.function(operator)? {
        return elementwise::unary(lowering, operator, function);
    }
    match operator.op_type.as_str() {
        "Conv" => convolution::lower(lowering, operator),
        "ConvTranspose" => transposed::lower(lowering, operator),
        "Gemm" => matrix::gemm(lowering, operator),
        "MatMul" => matrix::matmul(lowering, operator),
        "MaxPool" | "AveragePool" => window::pool(lowering, operator),
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Min" | "Max" => elementwise::binary(lowering, operator),
        "BatchNormalization" => elementwise::batch_normalization(lowering, operator),
        "GlobalAveragePool" | "ReduceMean" | "ReduceSum" => reduction::mean(lowering, operator),
        "Softmax" => reduction::softmax(lowering, operator),
        "InstanceNormalization" | "LayerNormalization" => reduction::normalization(lowering, operator),
        "Concat" => movement::concat(lowering, operator),
        "Slice" => movement::slice(lowering, operator),
        "Split" => movement::split(lowering, operator),
        "Transpose" => movement::transpose(lowering, operator),
        "DepthToSpace" | "SpaceToDepth" => movement::depth_and_space(lowering, operator),
        "Expand" => movement::expand(lowering, operator),
        "Pad" => movement::pad(lowering, operator),
        "Gather" => movement::gather(lowering, operator),
        "Cast" => movement::cast(lowering, operator),
        "Resize" => resampling::resize(lowering, operator),
        _ => Err("there is no kernel for it".to_owned()),
    }
}

/// Whether an operator only gives its input another shape.
pub(super) fn is_view(graph: &Graph, operator: &Operator) -> bool {
    match operator.op_type.as_str() {
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity" => true,
        "Dropout" => operator.outputs.len() == 1,
        "Cast" => {
            operator.input(0).is_some_and(|input| graph.tensor(input).data_type == graph.tensor(operator.outputs[0]).data_type)
        }
        _ => false,
    }
}

/// An input that must be there.
pub(super) fn required(operator: &Operator, position: usize) -> Result<TensorId, String> {
    operator.input(position).ok_or_else(|| format!("input {position} is missing"))
}

/// Product of sizes.
pub(super) fn product(sizes: &[u64]) -> usize {
    sizes.iter().product::<u64>() as usize
}

/// A number as an argument; kernels count elements in 32 bits.
pub(super) fn integer(value: usize) -> Result<Argument, String> {
    i32::try_from(value).map(Argument::Integer).map_err(|_| format!("{value} elements are more than kernels can count (2^31)"))
}

/// Numbers as 32-bit integers.
pub(super) fn integers(values: impl IntoIterator<Item = usize>) -> Result<Vec<i32>, String> {
    values
        .into_iter()
        .map(|value| i32::try_from(value).map_err(|_| format!("{value} elements are more than kernels can count (2^31)")))
        .collect()
}

/// An axis counted from the front.
pub(super) fn axis_of(axis: i64, rank: usize) -> Result<usize, String> {
    let counted = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(counted).ok().filter(|&axis| axis < rank).ok_or_else(|| format!("axis {axis} is outside rank {rank}"))
}
