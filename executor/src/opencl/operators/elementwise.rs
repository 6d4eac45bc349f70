//! Functions of one tensor, arithmetic of two with broadcasting, batch normalisation.

use sim::graph::Operator;

use super::super::function::Function;
use super::super::lowering::Lowering;
use super::super::step::{Argument, Source};
use super::epilogue::{Allowed, Epilogue, batch_scales};
use super::{integer, integers, product, required};

/// Nothing but a function may follow.
pub(super) const NOTHING_ALLOWED: Allowed = Allowed { normalization: false, residual: false, column_bias: false };

/// Work-items for `elements` elements, 16 vectors each.
pub(super) fn blocks(lowering: &Lowering<'_>, elements: usize) -> usize {
    elements.div_ceil(16 * lowering.target.vector())
}

/// A function of each element.
pub(super) fn unary(lowering: &mut Lowering<'_>, operator: &Operator, function: Function) -> Result<(), String> {
    let input_id = required(operator, 0)?;
    let input = lowering.read_floats(input_id)?;
    let output = lowering.write(operator.outputs[0])?;
    let elements = product(lowering.shape(input_id));
    let mut arguments = vec![Argument::Storage(input), Argument::Storage(output), integer(elements)?];
    arguments.extend(Epilogue::function_arguments(function));
    lowering.step(Source::Elementwise, "unary", "", arguments, [blocks(lowering, elements), 1, 1]);
    Ok(())
}

/// A dimension of a broadcast result: its size and the strides of both operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dimension {
    size: usize,
    left: usize,
    right: usize,
}

/// Dimensions of a broadcast, neighbours that both operands walk through without a break joined.
fn collapse(output: &[u64], left: &[u64], right: &[u64]) -> Vec<Dimension> {
    let strides = |shape: &[u64]| {
        let mut strides = vec![0; output.len()];
        let mut stride = 1;
        for (axis, &size) in shape.iter().enumerate().rev() {
            if size > 1 {
                strides[output.len() - shape.len() + axis] = stride;
            }
            stride *= size as usize;
        }
        strides
    };
    let (left, right) = (strides(left), strides(right));
    let mut dimensions: Vec<Dimension> = Vec::new();
    for (axis, &size) in output.iter().enumerate().filter(|&(_, &size)| size != 1) {
        let own = Dimension { size: size as usize, left: left[axis], right: right[axis] };
        match dimensions.last_mut() {
            Some(outer) if outer.left == own.left * own.size && outer.right == own.right * own.size => {
                *outer = Dimension { size: outer.size * own.size, ..own };
            }
            _ => dimensions.push(own),
        }
    }
    dimensions
}

/// The code that kernels know an operator of two operands by.
pub(super) fn arithmetic(op_type: &str) -> i32 {
    match op_type {
        "Add" => 0,
        "Sub" => 1,
        "Mul" => 2,
        "Div" => 3,
        "Pow" => 4,
        "Min" => 5,
        _ => 6,
    }
}

/// `Add`, `Sub`, `Mul`, `Div`, `Pow`, `Min`, `Max` of two operands.
pub(super) fn binary(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    if operator.inputs.len() != 2 {
        return Err(format!("{} operands are not supported: two are", operator.inputs.len()));
    }
    let (left_id, right_id) = (required(operator, 0)?, required(operator, 1)?);
    let (left, right) = (lowering.read_floats(left_id)?, lowering.read_floats(right_id)?);
    let output_shape = lowering.shape(operator.outputs[0]);
    let mut dimensions = collapse(output_shape, lowering.shape(left_id), lowering.shape(right_id));
    let inner = dimensions.pop().unwrap_or(Dimension { size: 1, left: 0, right: 0 });
    if dimensions.len() > 5 {
        return Err(format!("broadcasting to {output_shape:?} needs more than six dimensions"));
    }
    let outer = dimensions.iter().map(|dimension| dimension.size).product();
    while dimensions.len() < 5 {
        dimensions.insert(0, Dimension { size: 1, left: 0, right: 0 });
    }
    let sizes = dimensions.iter().map(|dimension| dimension.size);
    let strides = dimensions.iter().map(|dimension| dimension.left).chain(dimensions.iter().map(|dimension| dimension.right));
    let shape = lowering.integers(&integers(sizes.chain(strides))?);
    let epilogue = Epilogue::after(lowering, operator, NOTHING_ALLOWED)?;
    let output = lowering.write(epilogue.output)?;
    integer(product(output_shape))?;
    let mut arguments = [left, right, output, shape].map(Argument::Storage).to_vec();
    arguments.extend([
        integer(inner.size)?,
        integer(inner.left)?,
        integer(inner.right)?,
        Argument::Integer(arithmetic(&operator.op_type)),
    ]);
    arguments.extend(Epilogue::function_arguments(epilogue.function));
    lowering.step(Source::Elementwise, "binary", "", arguments, [blocks(lowering, inner.size), outer, 1]);
    Ok(())
}

/// `BatchNormalization` that no convolution took over, and the function after it.
pub(super) fn batch_normalization(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    if operator.outputs.len() > 1 {
        return Err("outputs of training are not supported".to_owned());
    }
    let input_id = required(operator, 0)?;
    let shape = lowering.shape(input_id);
    if shape.len() < 2 {
        return Err(format!("input {shape:?} has no channels"));
    }
    let scales = batch_scales(lowering, operator)?;
    let factors = lowering.floats(|| scales.iter().map(|&(factor, _)| factor).collect());
    let offsets = lowering.floats(|| scales.iter().map(|&(_, offset)| offset).collect());
    let input = lowering.read_floats(input_id)?;
    let epilogue = Epilogue::after(lowering, operator, NOTHING_ALLOWED)?;
    let output = lowering.write(epilogue.output)?;
    let elements = product(&shape[2..]);
    let mut arguments = [input, factors, offsets, output].map(Argument::Storage).to_vec();
    arguments.extend([integer(elements)?, integer(shape[1] as usize)?]);
    arguments.extend(Epilogue::function_arguments(epilogue.function));
    lowering.step(Source::Elementwise, "scale", "", arguments, [blocks(lowering, elements), product(&shape[..2]), 1]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasts_collapse_to_few_dimensions() {
        let check = |output: &[u64], left: &[u64], right: &[u64], expected: &[(usize, usize, usize)]| {
            let found: Vec<_> = collapse(output, left, right).iter().map(|one| (one.size, one.left, one.right)).collect();
            assert_eq!(found, expected, "{left:?} with {right:?}");
        };
        check(&[2, 3, 4], &[2, 3, 4], &[2, 3, 4], &[(24, 1, 1)]);
        check(&[2, 3, 4], &[2, 3, 4], &[], &[(24, 1, 0)]);
        check(&[2, 3, 4, 5], &[2, 3, 4, 5], &[3, 1, 1], &[(2, 60, 0), (3, 20, 1), (20, 1, 0)]);
        check(&[2, 3, 4], &[2, 3, 1], &[2, 3, 4], &[(6, 1, 4), (4, 0, 1)]);
        check(&[1, 1], &[1], &[1, 1], &[]);
    }
}
