//! Operators that move data: strided copies, gathering, conversion.

use sim::graph::{DataType, Operator};

use super::super::lowering::Lowering;
use super::super::step::{Argument, Source, StorageId};
use super::elementwise::blocks;
use super::{axis_of, integer, product, required};

/// Row-major strides.
fn strides(shape: &[u64]) -> Vec<i64> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis] as i64;
    }
    strides
}

/// Copies `sizes` elements between places with strides; each place is memory and its first element.
pub(super) fn move_strided(
    lowering: &mut Lowering<'_>,
    (from, from_base): (StorageId, usize),
    (to, to_base): (StorageId, usize),
    sizes: &[usize],
    from_strides: &[i64],
    to_strides: &[i64],
) -> Result<(), String> {
    // Dimensions that both sides walk through without a break are one.
    let mut dimensions: Vec<(usize, i64, i64)> = Vec::new();
    for ((&size, &from), &to) in sizes.iter().zip(from_strides).zip(to_strides).filter(|((size, _), _)| **size != 1) {
        match dimensions.last_mut() {
            Some(outer) if outer.1 == from * size as i64 && outer.2 == to * size as i64 => {
                *outer = (outer.0 * size, from, to);
            }
            _ => dimensions.push((size, from, to)),
        }
    }
    if dimensions.len() > 6 {
        return Err(format!("moving {sizes:?} needs more than six dimensions"));
    }
    // The longest run of the output is written at once.
    let mut padded = vec![(1, 0, 0); 6 - dimensions.len()];
    padded.extend(dimensions);
    if padded[5].0 == 1 {
        padded[5] = (1, 1, 1);
    }
    let number = |value: i64| i32::try_from(value).map_err(|_| format!("stride {value} is more than kernels can count (2^31)"));
    let mut shape = Vec::with_capacity(18);
    for &(size, _, _) in &padded {
        shape.push(number(size as i64)?);
    }
    for &(_, from, _) in &padded {
        shape.push(number(from)?);
    }
    for &(_, _, to) in &padded {
        shape.push(number(to)?);
    }
    let outer = padded[..5].iter().map(|dimension| dimension.0).product();
    let shape = lowering.integers(&shape);
    let mut arguments = [from, to, shape].map(Argument::Storage).to_vec();
    arguments.extend([integer(from_base)?, integer(to_base)?]);
    let global = if padded[5].0 == 0 { [0, 1, 1] } else { [outer, 1, 1] };
    lowering.step(Source::Movement, "move", "", arguments, global);
    Ok(())
}

/// Copies words of 32 bits.
pub(in super::super) fn copy_all(lowering: &mut Lowering<'_>, from: StorageId, to: StorageId, words: u64) {
    // One function of no effect: vectors at a time.
    let count = Argument::Integer(words as i32);
    let arguments = vec![
        Argument::Storage(from),
        Argument::Storage(to),
        count,
        Argument::Integer(0),
        Argument::Float(0.0),
        Argument::Float(0.0),
    ];
    let global = [blocks(lowering, words as usize), 1, 1];
    lowering.step(Source::Elementwise, "unary", "", arguments, global);
}

fn sizes(shape: &[u64]) -> Vec<usize> {
    shape.iter().map(|&size| size as usize).collect()
}

/// `Concat`.
pub(super) fn concat(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let output_shape = lowering.shape(operator.outputs[0]);
    let axis = axis_of(operator.attributes.integer("axis").unwrap_or(1), output_shape.len())?;
    let inputs =
        operator.inputs.iter().flatten().map(|&id| Ok((id, lowering.read_floats(id)?))).collect::<Result<Vec<_>, String>>()?;
    let output = lowering.write(operator.outputs[0])?;
    let to = strides(output_shape);
    let mut begin = 0;
    for (id, input) in inputs {
        let shape = lowering.shape(id);
        move_strided(lowering, (input, 0), (output, begin), &sizes(shape), &strides(shape), &to)?;
        begin += shape[axis] as usize * to[axis] as usize;
    }
    Ok(())
}

/// `Split`.
pub(super) fn split(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let input_id = required(operator, 0)?;
    let shape = lowering.shape(input_id);
    let axis = axis_of(operator.attributes.integer("axis").unwrap_or(0), shape.len())?;
    let input = lowering.read_floats(input_id)?;
    let from = strides(shape);
    let mut begin = 0;
    for &part in &operator.outputs {
        let own = lowering.shape(part);
        let output = lowering.write(part)?;
        move_strided(lowering, (input, begin), (output, 0), &sizes(own), &from, &strides(own))?;
        begin += own[axis] as usize * from[axis] as usize;
    }
    Ok(())
}

/// A list that is an attribute in old operator sets and an input in new ones.
fn list(lowering: &Lowering<'_>, operator: &Operator, name: &str, position: usize) -> Result<Option<Vec<i64>>, String> {
    match (operator.attributes.integers(name), operator.input(position)) {
        (Some(values), _) => Ok(Some(values.to_vec())),
        (None, Some(id)) => lowering.known_integers(id).map(Some),
        (None, None) => Ok(None),
    }
}

/// `Slice`.
pub(super) fn slice(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let input_id = required(operator, 0)?;
    let (shape, output_shape) = (lowering.shape(input_id), lowering.shape(operator.outputs[0]));
    let begins = list(lowering, operator, "starts", 1)?.ok_or("starts are missing")?;
    let axes = list(lowering, operator, "axes", 3)?.unwrap_or_else(|| (0..begins.len() as i64).collect());
    let steps = list(lowering, operator, "steps", 4)?.unwrap_or_else(|| vec![1; begins.len()]);
    if axes.len() != begins.len() || steps.len() != begins.len() {
        return Err("starts, axes and steps differ in number".to_owned());
    }
    let mut from = strides(shape);
    let mut begin = 0;
    for ((&start, &axis), &step) in begins.iter().zip(&axes).zip(&steps) {
        let place = axis_of(axis, shape.len())?;
        let size = shape[place] as i64;
        let start = if start < 0 { start.saturating_add(size) } else { start };
        let start = if step > 0 { start.clamp(0, size) } else { start.clamp(0, (size - 1).max(0)) };
        begin += start * from[place];
        from[place] *= step;
    }
    let input = lowering.read_floats(input_id)?;
    let output = lowering.write(operator.outputs[0])?;
    move_strided(lowering, (input, begin as usize), (output, 0), &sizes(output_shape), &from, &strides(output_shape))
}

/// Reads a tensor as `shape` and writes its dimensions in another order.
fn permute(lowering: &mut Lowering<'_>, operator: &Operator, shape: &[u64], order: &[usize]) -> Result<(), String> {
    let input = lowering.read_floats(required(operator, 0)?)?;
    let output = lowering.write(operator.outputs[0])?;
    let own = strides(shape);
    let permuted: Vec<u64> = order.iter().map(|&axis| shape[axis]).collect();
    let from: Vec<i64> = order.iter().map(|&axis| own[axis]).collect();
    move_strided(lowering, (input, 0), (output, 0), &sizes(&permuted), &from, &strides(&permuted))
}

/// `Transpose`.
pub(super) fn transpose(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let shape = lowering.shape(required(operator, 0)?);
    let order = match operator.attributes.integers("perm") {
        Some(order) => order.iter().map(|&axis| axis_of(axis, shape.len())).collect::<Result<Vec<_>, _>>()?,
        None => (0..shape.len()).rev().collect(),
    };
    permute(lowering, operator, shape, &order)
}

/// `DepthToSpace` and `SpaceToDepth`.
pub(super) fn depth_and_space(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let shape = lowering.shape(required(operator, 0)?);
    let block = operator.attributes.integer("blocksize").unwrap_or(1).max(1) as u64;
    let &[batch, channels, height, width] = shape else {
        return Err(format!("input {shape:?} is no image of four dimensions"));
    };
    if operator.op_type == "SpaceToDepth" {
        let split = [batch, channels, height / block, block, width / block, block];
        return permute(lowering, operator, &split, &[0, 3, 5, 1, 2, 4]);
    }
    let outer = channels / (block * block);
    if operator.attributes.text("mode") == Some("CRD") {
        permute(lowering, operator, &[batch, outer, block, block, height, width], &[0, 1, 4, 2, 5, 3])
    } else {
        permute(lowering, operator, &[batch, block, block, outer, height, width], &[0, 3, 4, 1, 5, 2])
    }
}

/// `Expand`.
pub(super) fn expand(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let input_id = required(operator, 0)?;
    let (shape, output_shape) = (lowering.shape(input_id), lowering.shape(operator.outputs[0]));
    let own = strides(shape);
    let mut from = vec![0; output_shape.len()];
    for (axis, &size) in shape.iter().enumerate() {
        from[output_shape.len() - shape.len() + axis] = if size > 1 { own[axis] } else { 0 };
    }
    let input = lowering.read_floats(input_id)?;
    let output = lowering.write(operator.outputs[0])?;
    move_strided(lowering, (input, 0), (output, 0), &sizes(output_shape), &from, &strides(output_shape))
}

/// `Pad` with a constant.
pub(super) fn pad(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let mode = operator.attributes.text("mode").unwrap_or("constant");
    if mode != "constant" {
        return Err(format!("mode {mode} is not supported: constant is"));
    }
    let input_id = required(operator, 0)?;
    let (shape, output_shape) = (lowering.shape(input_id), lowering.shape(operator.outputs[0]));
    let pads = list(lowering, operator, "pads", 1)?.ok_or("pads are missing")?;
    if pads.len() != 2 * shape.len() || pads.iter().any(|&pad| pad < 0) || operator.input(3).is_some() {
        return Err(format!("pads {pads:?} are not supported: two non-negative ones for every axis are"));
    }
    let value = match operator.input(2) {
        Some(id) => lowering.known_floats(id)?.first().map_or(0.0, |&value| value as f32),
        None => operator.attributes.float("value").unwrap_or(0.0),
    };
    let input = lowering.read_floats(input_id)?;
    let output = lowering.write(operator.outputs[0])?;
    let elements = product(output_shape);
    let arguments = vec![Argument::Storage(output), integer(elements)?, Argument::Float(value)];
    lowering.step(Source::Movement, "fill", "", arguments, [blocks(lowering, elements), 1, 1]);
    let to = strides(output_shape);
    let begin: i64 = pads.iter().zip(&to).map(|(&pad, &stride)| pad * stride).sum();
    move_strided(lowering, (input, 0), (output, begin as usize), &sizes(shape), &strides(shape), &to)
}

/// `Gather` with indices of 32 or 64 bits.
pub(super) fn gather(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let (input_id, index_id) = (required(operator, 0)?, required(operator, 1)?);
    let shape = lowering.shape(input_id);
    let axis = axis_of(operator.attributes.integer("axis").unwrap_or(0), shape.len())?;
    let kernel = match lowering.graph.tensor(index_id).data_type {
        DataType::Int64 => "gather_int64",
        DataType::Int32 => "gather_int32",
        other => return Err(format!("indices of type {other} are not supported")),
    };
    let (input, indices) = (lowering.read_floats(input_id)?, lowering.read(index_id)?);
    let output = lowering.write(operator.outputs[0])?;
    let mut arguments = [input, indices, output].map(Argument::Storage).to_vec();
    arguments.extend([integer(shape[axis] as usize)?, integer(product(&shape[axis + 1..]))?]);
    let global = [product(lowering.shape(index_id)), product(&shape[..axis]), 1];
    lowering.step(Source::Movement, kernel, "", arguments, global);
    Ok(())
}

/// `Cast` to single precision.
pub(super) fn cast(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let input_id = required(operator, 0)?;
    let kernel = match lowering.graph.tensor(input_id).data_type {
        DataType::Int64 => "cast_int64",
        DataType::Int32 => "cast_int32",
        DataType::Uint8 | DataType::Bool => "cast_uint8",
        other => return Err(format!("conversion from {other} is not supported")),
    };
    let input = lowering.read(input_id)?;
    let output = lowering.write(operator.outputs[0])?;
    let arguments = vec![Argument::Storage(input), Argument::Storage(output)];
    lowering.step(Source::Movement, kernel, "", arguments, [product(lowering.shape(input_id)), 1, 1]);
    Ok(())
}
