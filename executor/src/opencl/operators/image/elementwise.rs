//! Functions and arithmetic of what is in images already, batch normalisation, concatenation of channels.

use sim::graph::Operator;
use sim::identifiers::TensorId;

use super::super::super::function::Function;
use super::super::super::images::{LANES, Layout, count};
use super::super::super::lowering::Lowering;
use super::super::super::step::{Argument, Source, StorageId};
use super::super::elementwise::{NOTHING_ALLOWED, arithmetic};
use super::super::epilogue::{Epilogue, batch_scales};
use super::super::{axis_of, required};
use super::{layouts, padded};

/// A function of each element.
pub(super) fn unary(lowering: &mut Lowering<'_>, operator: &Operator, function: Function) -> Result<bool, String> {
    let Some((input_id, _, layout)) = layouts(lowering, operator) else { return Ok(false) };
    if !lowering.has_image(input_id) {
        return Ok(false);
    }
    let input = lowering.read_image(input_id)?;
    let output = lowering.write_image(operator.outputs[0])?;
    let mut arguments = [input, output].map(Argument::Storage).to_vec();
    arguments.extend([layout.channels, layout.width, layout.size().width].map(count));
    arguments.extend(Epilogue::function_arguments(function));
    each_texel(lowering, "unary", arguments, layout);
    Ok(true)
}

fn each_texel(lowering: &mut Lowering<'_>, kernel: &'static str, arguments: Vec<Argument>, layout: Layout) {
    let global = [layout.size().width, layout.size().height, 1];
    lowering.texel_step(Source::ImageElementwise, kernel, "", arguments, global);
}

/// An operand of arithmetic: its layout under the output's rank, and along what it has as many as the output, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Operand {
    layout: Layout,
    steps: i32,
}

impl Operand {
    /// `None` if the operand cannot be read along the output.
    fn of(shape: &[u64], output_rank: usize, output: Layout) -> Option<Self> {
        let missing = output_rank.checked_sub(shape.len())?;
        let layout = Layout::of(&[&vec![1; missing], shape].concat())?;
        let pairs = [
            (layout.channels, output.channels),
            (layout.width, output.width),
            (layout.height, output.height),
            (layout.batch, output.batch),
        ];
        let mut steps = 0;
        for (bit, (own, whole)) in pairs.into_iter().enumerate() {
            match own {
                own if own == whole => steps |= 1 << bit,
                1 => {}
                _ => return None,
            }
        }
        Some(Self { layout, steps })
    }
}

/// `Add`, `Sub`, `Mul`, `Div`, `Min`, `Max` of two operands; those that change from launch to launch are in images already.
pub(super) fn binary(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<bool, String> {
    let (&[Some(left_id), Some(right_id)], Some(layout)) = (&operator.inputs[..], lowering.layout(operator.outputs[0])) else {
        return Ok(false);
    };
    let rank = lowering.shape(operator.outputs[0]).len();
    let operand = |id: TensorId| {
        let operand = Operand::of(lowering.shape(id), rank, layout)?;
        let is_ready = lowering.is_constant(id) || (lowering.has_image(id) && lowering.layout(id) == Some(operand.layout));
        (is_ready && lowering.can_hold(operand.layout.size())).then_some(operand)
    };
    let (Some(left), Some(right)) = (operand(left_id), operand(right_id)) else { return Ok(false) };
    if lowering.is_constant(left_id) && lowering.is_constant(right_id) {
        return Ok(false);
    }
    let left_image = read(lowering, left_id, left)?;
    let right_image = read(lowering, right_id, right)?;
    let epilogue = Epilogue::after(lowering, operator, NOTHING_ALLOWED)?;
    let output = lowering.write_image(epilogue.output)?;
    let mut arguments = [left_image, right_image, output].map(Argument::Storage).to_vec();
    arguments.extend([layout.channels, layout.height, layout.width, layout.size().width].map(count));
    for operand in [left, right] {
        arguments.extend([Argument::Integer(operand.steps), count(operand.layout.height), count(operand.layout.width)]);
    }
    arguments.push(Argument::Integer(arithmetic(&operator.op_type)));
    arguments.extend(Epilogue::function_arguments(epilogue.function));
    each_texel(lowering, "binary", arguments, layout);
    Ok(true)
}

/// The image of an operand; a constant's under the output's rank.
fn read(lowering: &mut Lowering<'_>, id: TensorId, operand: Operand) -> Result<StorageId, String> {
    if !lowering.is_constant(id) {
        return lowering.read_image(id);
    }
    let values = lowering.values(id)?;
    Ok(lowering.constant_image(operand.layout, &values))
}

/// `BatchNormalization` that no convolution took over, of what is in an image already.
pub(super) fn batch_normalization(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<bool, String> {
    let Some((input_id, _, layout)) = layouts(lowering, operator) else { return Ok(false) };
    if operator.outputs.len() > 1 || lowering.shape(input_id).len() != 4 || !lowering.has_image(input_id) {
        return Ok(false);
    }
    let scales = batch_scales(lowering, operator)?;
    let factors = lowering.floats(|| padded(scales.iter().map(|&(factor, _)| factor).collect(), layout));
    let offsets = lowering.floats(|| padded(scales.iter().map(|&(_, offset)| offset).collect(), layout));
    let input = lowering.read_image(input_id)?;
    let epilogue = Epilogue::after(lowering, operator, NOTHING_ALLOWED)?;
    let output = lowering.write_image(epilogue.output)?;
    let mut arguments = [input, factors, offsets, output].map(Argument::Storage).to_vec();
    arguments.extend([layout.channels, layout.width, layout.size().width].map(count));
    arguments.extend(Epilogue::function_arguments(epilogue.function));
    each_texel(lowering, "scale", arguments, layout);
    Ok(true)
}

/// `Concat` of channels that fill whole texels, of what is in images already.
pub(super) fn concat(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<bool, String> {
    let Some(whole) = lowering.layout(operator.outputs[0]) else { return Ok(false) };
    let rank = lowering.shape(operator.outputs[0]).len();
    if rank != 4 || axis_of(operator.attributes.integer("axis").unwrap_or(1), rank)? != 1 {
        return Ok(false);
    }
    let ids = (0..operator.inputs.len()).map(|position| required(operator, position)).collect::<Result<Vec<_>, _>>()?;
    let mut parts = Vec::with_capacity(ids.len());
    for (position, &id) in ids.iter().enumerate() {
        let Some(part) = lowering.layout(id).filter(|_| lowering.has_image(id)) else { return Ok(false) };
        if position + 1 < ids.len() && !part.channels.is_multiple_of(LANES) {
            return Ok(false);
        }
        parts.push((id, part));
    }
    let output = lowering.write_image(operator.outputs[0])?;
    let mut begin = 0;
    for (id, part) in parts {
        let input = lowering.read_image(id)?;
        let mut arguments = [input, output].map(Argument::Storage).to_vec();
        arguments.extend([begin, part.size().width].map(count));
        each_texel(lowering, "insert", arguments, part);
        begin += part.blocks() * whole.width;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_are_read_along_the_output() {
        let check = |shape: &[u64], output: &[u64], expected: Option<i32>| {
            let layout = Layout::of(output).expect("an image");
            let steps = Operand::of(shape, output.len(), layout).map(|operand| operand.steps);
            assert_eq!(steps, expected, "{shape:?} along {output:?}");
        };
        check(&[2, 5, 3, 4], &[2, 5, 3, 4], Some(0b1111));
        check(&[], &[2, 5, 3, 4], Some(0));
        check(&[5, 1, 1], &[2, 5, 3, 4], Some(0b0001));
        check(&[2, 1, 3, 4], &[2, 5, 3, 4], Some(0b1110));
        check(&[2, 5, 1, 1], &[2, 5, 3, 4], Some(0b1001));
        check(&[9], &[2, 7, 9], Some(0b0111));
        check(&[2, 7, 1], &[2, 7, 9], Some(0b1110));
        // Rows of a matrix are one dimension: no step goes along a part of them.
        check(&[2, 1, 9], &[2, 7, 9], None);
        check(&[7, 9], &[2, 7, 9], None);
    }
}
