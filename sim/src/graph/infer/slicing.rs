//! Cutting tensors into pieces: `Slice` and `Split`.

use super::{Facts, InferenceError, Inferred, Node};
use crate::graph::shape::{indices_by_steps, normalize_axis, strides};

/// Most parts of a `Split` whose number is an attribute.
const MAXIMUM_PARTS: u64 = 1 << 16;

/// One axis of a slice after clamping: first element, step, number of elements.
fn clamp(start: i64, end: i64, step: i64, size: i64) -> (i64, u64) {
    let from_front = |position: i64| {
        if position < 0 { position.saturating_add(size) } else { position }
    };
    let (start, end) = if step > 0 {
        (from_front(start).clamp(0, size), from_front(end).clamp(0, size))
    } else {
        (from_front(start).clamp(0, (size - 1).max(0)), from_front(end).clamp(-1, size - 1))
    };
    let distance = if step > 0 { end - start } else { start - end };
    (start, if distance <= 0 { 0 } else { (distance as u64).div_ceil(step.unsigned_abs()) })
}

/// `Slice`: attributes in opset 9 and before, inputs since.
pub(super) fn slice(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let starts = node.required_integers("starts", 1)?;
    let ends = node.required_integers("ends", 2)?;
    let axes = node.integers("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = node.integers("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err(InferenceError::mismatch(format!(
            "starts, ends, axes and steps must be equally many, but there are {}, {}, {} and {}",
            starts.len(),
            ends.len(),
            axes.len(),
            steps.len()
        )));
    }
    let own = strides(&input.shape);
    let mut shape = input.shape.clone();
    let mut index_steps: Vec<i64> = own.iter().map(|&stride| stride as i64).collect();
    let mut origin = 0_i64;
    for (index, &axis) in axes.iter().enumerate() {
        let place = normalize_axis(axis, input.rank())?;
        if steps[index] == 0 {
            return Err(InferenceError::invalid("steps", &steps, "a step cannot be 0"));
        }
        let (start, length) = clamp(starts[index], ends[index], steps[index], input.shape[place] as i64);
        shape[place] = length;
        origin = origin.saturating_add(start.saturating_mul(own[place] as i64));
        index_steps[place] = (own[place] as i64).saturating_mul(steps[index]);
    }
    let data = input.data_for(&shape).map(|data| data.select(&signed_indices(&shape, &index_steps, origin)));
    Ok(vec![Facts::new(input.data_type, shape).with_data(data)])
}

/// Flat indices `origin + sum(coordinate * step)`, where steps may be negative.
fn signed_indices(shape: &[u64], steps: &[i64], origin: i64) -> Vec<usize> {
    if shape.contains(&0) {
        return Vec::new();
    }
    let mut indices = vec![origin];
    for (&size, &step) in shape.iter().zip(steps) {
        indices = indices.iter().flat_map(|&base| (0..size as i64).map(move |place| base + place * step)).collect();
    }
    indices.into_iter().map(|index| index as usize).collect()
}

/// `Split`: sizes as attribute (opset 12 and before) or input, else equal parts, of which the last may be smaller.
pub(super) fn split(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let axis = node.axis(0, input.rank())?;
    let size = input.shape[axis];
    let sizes = if let Some(sizes) = node.integers("split", 1)? {
        let valid = sizes.iter().map(|&part| u64::try_from(part).ok()).collect::<Option<Vec<_>>>();
        let total = |parts: &Vec<u64>| parts.iter().try_fold(0_u64, |sum, &part| sum.checked_add(part));
        let valid = valid.filter(|parts| total(parts) == Some(size));
        valid.ok_or_else(|| InferenceError::invalid("split", sizes, format!("the parts must add up to {size}")))?
    } else {
        let parts = node.integer("num_outputs", node.output_count as i64).max(1) as u64;
        let each = size.div_ceil(parts);
        if parts > size.max(node.output_count as u64).min(MAXIMUM_PARTS) || each.saturating_mul(parts - 1) > size {
            return Err(InferenceError::mismatch(format!(
                "{size} elements along axis {axis} cannot be split into {parts} parts"
            )));
        }
        (0..parts).map(|part| each.min(size - part * each)).collect()
    };
    let own = strides(&input.shape);
    let mut outputs = Vec::new();
    let mut start = 0;
    for &part in &sizes {
        let mut shape = input.shape.clone();
        shape[axis] = part;
        let data = input.data.as_ref().map(|data| data.select(&indices_by_steps(&shape, &own, start * own[axis])));
        outputs.push(Facts::new(input.data_type, shape).with_data(data));
        start += part as usize;
    }
    Ok(outputs)
}
