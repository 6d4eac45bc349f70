//! Operators on images: those that a GPU's texture units serve well. All others run on buffers.
//!
//! Convolutions, poolings and products with constant weights read and write images wherever they fit. Operators that do little
//! with each element take images only if their operands lie there already.

mod elementwise;
mod product;
mod window;

use sim::graph::Operator;
use sim::identifiers::TensorId;

use super::super::images::Layout;
use super::super::lowering::Lowering;
use super::super::step::Target;

/// Lowers an operator if there is a kernel on images for it; false, and nothing done, if not.
pub(super) fn lower(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<bool, String> {
    if let Some(function) = lowering.function(operator)? {
        return elementwise::unary(lowering, operator, function);
    }
    match operator.op_type.as_str() {
        "Conv" => product::convolution(lowering, operator),
        "Gemm" | "MatMul" => product::matrices(lowering, operator),
        "MaxPool" | "AveragePool" => window::pool(lowering, operator),
        "GlobalAveragePool" | "ReduceMean" | "ReduceSum" => window::mean(lowering, operator),
        "Add" | "Sub" | "Mul" | "Div" | "Min" | "Max" => elementwise::binary(lowering, operator),
        "BatchNormalization" => elementwise::batch_normalization(lowering, operator),
        "Concat" => elementwise::concat(lowering, operator),
        _ => Ok(false),
    }
}

/// Layouts of the first input and the output, if both can be images.
fn layouts(lowering: &Lowering<'_>, operator: &Operator) -> Option<(TensorId, Layout, Layout)> {
    let input = operator.input(0)?;
    Some((input, lowering.layout(input)?, lowering.layout(operator.outputs[0])?))
}

/// Neighbours of a row of `width` places that one work-item computes: as many as waste few reads, one texel of the image each
/// and four of the weights for all.
fn pixels(target: Target, width: usize) -> usize {
    let choices: &[usize] = if target.is_cpu { &[8, 4, 2, 1] } else { &[4, 2, 1] };
    choices.iter().copied().min_by_key(|&pixels| width.div_ceil(pixels) * (pixels + 4)).unwrap_or(1)
}

/// Values of channels with zeros up to whole texels.
fn padded(mut values: Vec<f32>, layout: Layout) -> Vec<f32> {
    values.resize(layout.blocks() * super::super::images::LANES, 0.0);
    values
}
