//! Operators that move whole blocks of data: concatenation, transposition, expansion, padding, depth and space.

use super::{Facts, InferenceError, Inferred, Node};
use crate::graph::constant::ConstantData;
use crate::graph::shape::{broadcast, broadcast_indices, indices_by_steps, normalize_axis, strides, text};

/// `Concat`.
pub(super) fn concatenate(node: &Node<'_>) -> Inferred {
    let inputs = node.all_inputs()?;
    let first = inputs[0];
    let axis = normalize_axis(node.required_integer("axis")?, first.rank())?;
    let mut shape = first.shape.clone();
    for (position, input) in inputs.iter().enumerate().skip(1) {
        let fits = input.rank() == first.rank()
            && (0..shape.len()).all(|index| index == axis || input.shape[index] == first.shape[index]);
        if !fits {
            return Err(InferenceError::mismatch(format!(
                "inputs 0 and {position} have shapes {} and {}, which differ in more than axis {axis}",
                text(&first.shape),
                text(&input.shape)
            )));
        }
        shape[axis] = shape[axis]
            .checked_add(input.shape[axis])
            .ok_or_else(|| InferenceError::mismatch(format!("the sizes along axis {axis} add up to more than 64 bits hold")))?;
    }
    let data = concatenate_data(&inputs, &shape, axis);
    Ok(vec![Facts::new(first.data_type, shape).with_data(data)])
}

fn concatenate_data(inputs: &[&Facts], shape: &[u64], axis: usize) -> Option<ConstantData> {
    let parts = inputs.iter().map(|input| input.data_for(shape)).collect::<Option<Vec<_>>>()?;
    let outer: u64 = if shape.contains(&0) { 0 } else { shape[..axis].iter().product() };
    // Where each element comes from: for every outer index the inner block of every input in turn.
    let mut sources = Vec::new();
    for block in 0..outer as usize {
        for (part, data) in parts.iter().enumerate() {
            let length = data.len() / outer as usize;
            sources.extend((block * length..(block + 1) * length).map(|index| (part, index)));
        }
    }
    if let Some(integers) = parts.iter().map(|data| data.integers()).collect::<Option<Vec<_>>>() {
        return Some(ConstantData::Integers(sources.into_iter().map(|(part, index)| integers[part][index]).collect()));
    }
    let floats: Vec<_> = parts.iter().map(|data| data.to_floats()).collect();
    Some(ConstantData::Floats(sources.into_iter().map(|(part, index)| floats[part][index]).collect()))
}

/// `Transpose`.
pub(super) fn transpose(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let order: Vec<usize> = match node.attributes.integers("perm") {
        None => (0..input.rank()).rev().collect(),
        Some(order) => {
            let mut sorted = order.to_vec();
            sorted.sort_unstable();
            if !sorted.iter().copied().eq(0..input.rank() as i64) {
                let expected = format!("a permutation of the axes of {} is expected", text(&input.shape));
                return Err(InferenceError::invalid("perm", order, expected));
            }
            order.iter().map(|&axis| axis as usize).collect()
        }
    };
    let shape: Vec<u64> = order.iter().map(|&axis| input.shape[axis]).collect();
    let data = input.data_for(&shape).map(|data| {
        let own = strides(&input.shape);
        let steps: Vec<usize> = order.iter().map(|&axis| own[axis]).collect();
        data.select(&indices_by_steps(&shape, &steps, 0))
    });
    Ok(vec![Facts::new(input.data_type, shape).with_data(data)])
}

/// `Expand`: broadcast to a shape.
pub(super) fn expand(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let wanted = node.required_integers("shape", 1)?;
    let target = wanted
        .iter()
        .map(|&size| u64::try_from(size))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| InferenceError::invalid("shape", &wanted, "sizes must not be negative"))?;
    let shape = broadcast(&input.shape, &target)?;
    let data = input.data_for(&shape).map(|data| data.select(&broadcast_indices(&input.shape, &shape)));
    Ok(vec![Facts::new(input.data_type, shape).with_data(data)])
}

/// `Tile`: every axis repeated.
pub(super) fn tile(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let repeats = node.required_integers("repeats", 1)?;
    let invalid = || InferenceError::invalid("repeats", &repeats, "one non-negative integer per axis is expected");
    if repeats.len() != input.rank() {
        return Err(invalid());
    }
    let sizes = input.shape.iter().zip(&repeats);
    let shape = sizes
        .map(|(&size, &repeat)| u64::try_from(repeat).ok().and_then(|repeat| size.checked_mul(repeat)).ok_or_else(invalid))
        .collect::<Result<Vec<_>, _>>()?;
    let data = input.data_for(&shape).map(|data| {
        let own = strides(&input.shape);
        let mut indices = if shape.contains(&0) { Vec::new() } else { vec![0_usize] };
        for (axis, &size) in shape.iter().enumerate() {
            let (length, step) = (input.shape[axis] as usize, own[axis]);
            indices =
                indices.iter().flat_map(|&base| (0..size as usize).map(move |place| base + (place % length) * step)).collect();
        }
        data.select(&indices)
    });
    Ok(vec![Facts::new(input.data_type, shape).with_data(data)])
}

/// `Pad`: sizes before and after every axis, or every named axis.
pub(super) fn pad(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    // Opset 1 called the attribute `paddings`.
    let pads = match node.attributes.integers("paddings") {
        Some(pads) => pads.to_vec(),
        None => node.required_integers("pads", 1)?,
    };
    let axes = match node.optional(3) {
        Some(_) => {
            let axes = node.required_integers("axes", 3)?;
            axes.iter().map(|&axis| normalize_axis(axis, input.rank())).collect::<Result<Vec<_>, _>>()?
        }
        None => (0..input.rank()).collect(),
    };
    let invalid = |expected: &str| InferenceError::invalid("pads", &pads, expected);
    if pads.len() != 2 * axes.len() {
        return Err(invalid(&format!("{} integers are expected", 2 * axes.len())));
    }
    let mut shape = input.shape.clone();
    for (index, &axis) in axes.iter().enumerate() {
        shape[axis] = shape[axis]
            .checked_add_signed(pads[index])
            .and_then(|size| size.checked_add_signed(pads[index + axes.len()]))
            .ok_or_else(|| invalid(&format!("input {} cannot be padded or cropped by that", text(&input.shape))))?;
    }
    let unchanged = input.data.clone().filter(|_| pads.iter().all(|&size| size == 0));
    Ok(vec![Facts::new(input.data_type, shape).with_data(unchanged)])
}

fn block_size(node: &Node<'_>) -> Result<u64, InferenceError> {
    let size = node.required_integer("blocksize")?;
    let valid = u64::try_from(size).ok().filter(|&size| size > 0 && size < 1 << 16);
    valid.ok_or_else(|| InferenceError::invalid("blocksize", size, "a positive integer below 65536 is expected"))
}

/// `DepthToSpace`: `N x C x H x W` to `N x C/b^2 x H*b x W*b`.
pub(super) fn depth_to_space(node: &Node<'_>) -> Inferred {
    let input = node.ranked(0, |rank| rank == 4, "four dimensions are expected")?;
    let block = block_size(node)?;
    let [batch, channels, height, width] = [input.shape[0], input.shape[1], input.shape[2], input.shape[3]];
    if !channels.is_multiple_of(block * block) {
        return Err(InferenceError::invalid("blocksize", block, format!("its square must divide the {channels} channels")));
    }
    let grow = |size: u64| size.saturating_mul(block);
    Ok(vec![Facts::new(input.data_type, vec![batch, channels / (block * block), grow(height), grow(width)])])
}

/// `SpaceToDepth`: `N x C x H x W` to `N x C*b^2 x H/b x W/b`.
pub(super) fn space_to_depth(node: &Node<'_>) -> Inferred {
    let input = node.ranked(0, |rank| rank == 4, "four dimensions are expected")?;
    let block = block_size(node)?;
    let [batch, channels, height, width] = [input.shape[0], input.shape[1], input.shape[2], input.shape[3]];
    if !height.is_multiple_of(block) || !width.is_multiple_of(block) {
        return Err(InferenceError::invalid("blocksize", block, format!("it must divide height {height} and width {width}")));
    }
    let shape = vec![batch, channels.saturating_mul(block * block), height / block, width / block];
    Ok(vec![Facts::new(input.data_type, shape)])
}
