//! Operators that change the shape and move nothing: `Reshape`, `Flatten`, `Squeeze`, `Unsqueeze`, `Identity`.

use super::{Facts, InferenceError, Inferred, Node};
use crate::graph::shape::{elements, normalize_axis, text};

fn view(input: &Facts, shape: Vec<u64>) -> Vec<Facts> {
    vec![Facts::new(input.data_type, shape).with_data(input.data.clone())]
}

/// `Identity`.
pub(super) fn identity(node: &Node<'_>) -> Inferred {
    Ok(vec![node.input(0)?.clone()])
}

/// `Reshape`: 0 copies a dimension (unless `allowzero`), one -1 takes what is left.
pub(super) fn reshape(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let wanted = node.required_integers("shape", 1)?;
    let total = elements(&input.shape)?;
    let invalid = |expected: String| InferenceError::invalid("shape", &wanted, expected);
    let from = text(&input.shape);
    let mut shape = Vec::with_capacity(wanted.len());
    let mut open = None;
    for (axis, &size) in wanted.iter().enumerate() {
        shape.push(match size {
            -1 if open.is_none() => {
                open = Some(axis);
                1
            }
            0 if !node.flag("allowzero", false) => *input
                .shape
                .get(axis)
                .ok_or_else(|| invalid(format!("0 copies dimension {axis}, which input {from} does not have")))?,
            size => u64::try_from(size).map_err(|_| invalid("sizes must be positive, except for 0 and one -1".to_owned()))?,
        });
    }
    let known = elements(&shape)?;
    if let Some(axis) = open {
        if known == 0 || !total.is_multiple_of(known) {
            return Err(invalid(format!("the {total} elements of input {from} are not a multiple of the other dimensions")));
        }
        shape[axis] = total / known;
    } else if known != total {
        return Err(invalid(format!("input {from} has {total} elements, not {known}")));
    }
    Ok(view(input, shape))
}

/// `Flatten`: to a matrix, the dimensions before `axis` and those from it on.
pub(super) fn flatten(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let rank = input.rank();
    let axis = node.integer("axis", 1);
    // The axis after the last is allowed.
    let axis = if axis == rank as i64 { rank } else { normalize_axis(axis, rank)? };
    Ok(view(input, vec![elements(&input.shape[..axis])?, elements(&input.shape[axis..])?]))
}

/// `Squeeze`: drops dimensions of 1, all of them or those named.
pub(super) fn squeeze(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let axes = match node.axes(1, input.rank())? {
        Some(axes) => axes,
        None => (0..input.rank()).filter(|&axis| input.shape[axis] == 1).collect(),
    };
    if let Some(axis) = axes.iter().find(|&&axis| input.shape[axis] != 1) {
        let expected = format!("dimension {axis} of input {} is not 1", text(&input.shape));
        return Err(InferenceError::invalid("axes", axes, expected));
    }
    let kept = (0..input.rank()).filter(|axis| !axes.contains(axis));
    Ok(view(input, kept.map(|axis| input.shape[axis]).collect()))
}

/// `Unsqueeze`: inserts dimensions of 1 at the places named, counted in the result.
pub(super) fn unsqueeze(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let count = node.required_integers("axes", 1)?.len();
    let rank = input.rank() + count;
    let axes = node.axes(1, rank)?.unwrap_or_default();
    let mut sizes = input.shape.iter();
    let shape = (0..rank).map(|axis| if axes.contains(&axis) { 1 } else { sizes.next().copied().unwrap_or(1) });
    Ok(view(input, shape.collect()))
}
