//! Spatial resampling.

use super::{Facts, InferenceError, Inferred, Node};
use crate::graph::shape::{normalize_axis, text};

/// The factors of a `Resize` or `Upsample`, if they are given.
fn scales(node: &Node<'_>, position: usize) -> Result<Option<Vec<f64>>, InferenceError> {
    if let Some(scales) = node.attributes.floats("scales") {
        return Ok(Some(scales.iter().map(|&scale| f64::from(scale)).collect()));
    }
    let Some(facts) = node.optional(position).filter(|facts| !facts.shape.contains(&0)) else {
        return Ok(None);
    };
    match &facts.data {
        Some(data) => Ok(Some(data.to_floats())),
        None => Err(InferenceError::DataDependent { what: format!("input {position} (`scales`)") }),
    }
}

fn scaled(size: u64, scale: f64, scales: &[f64]) -> Result<u64, InferenceError> {
    let result = (size as f64 * scale).floor();
    if result.is_finite() && (0.0..1e15).contains(&result) {
        return Ok(result as u64);
    }
    Err(InferenceError::invalid("scales", scales, "positive numbers that keep tensors representable are expected"))
}

/// `Upsample` and `Resize` of opset 10: scales are input 1.
fn by_scales(node: &Node<'_>, position: usize) -> Inferred {
    let input = node.input(0)?;
    let scales = scales(node, position)?.ok_or(InferenceError::MissingInput { position })?;
    if scales.len() != input.rank() {
        let expected = format!("one number per dimension of input {} is expected", text(&input.shape));
        return Err(InferenceError::invalid("scales", scales, expected));
    }
    let sizes = input.shape.iter().zip(&scales);
    let shape = sizes.map(|(&size, &scale)| scaled(size, scale, &scales)).collect::<Result<Vec<_>, _>>()?;
    Ok(vec![Facts::new(input.data_type, shape)])
}

/// `Upsample`.
pub(super) fn upsample(node: &Node<'_>) -> Inferred {
    by_scales(node, 1)
}

/// `Resize`: scales (input 2) or sizes (input 3), of all axes or of those named; two inputs only in opset 10.
pub(super) fn resize(node: &Node<'_>) -> Inferred {
    if node.inputs.len() == 2 {
        return by_scales(node, 1);
    }
    let input = node.input(0)?;
    let axes = match node.attributes.integers("axes") {
        Some(axes) => axes.iter().map(|&axis| normalize_axis(axis, input.rank())).collect::<Result<Vec<_>, _>>()?,
        None => (0..input.rank()).collect(),
    };
    let mut shape = input.shape.clone();
    if let Some(scales) = scales(node, 2)? {
        if scales.len() != axes.len() {
            return Err(InferenceError::invalid("scales", scales, format!("{} numbers are expected", axes.len())));
        }
        for (&axis, &scale) in axes.iter().zip(&scales) {
            shape[axis] = scaled(shape[axis], scale, &scales)?;
        }
        return Ok(vec![Facts::new(input.data_type, shape)]);
    }
    let sizes = node.required_integers("sizes", 3)?;
    let valid = sizes.iter().map(|&size| u64::try_from(size).ok()).collect::<Option<Vec<_>>>();
    let valid = valid.filter(|sizes| sizes.len() == axes.len());
    let expected = || format!("{} non-negative integers are expected", axes.len());
    let targets = valid.ok_or_else(|| InferenceError::invalid("sizes", &sizes, expected()))?;
    let policy = node.attributes.text("keep_aspect_ratio_policy").unwrap_or("stretch");
    let ratios = || axes.iter().zip(&targets).map(|(&axis, &target)| target as f64 / input.shape[axis] as f64);
    let common = match policy {
        "not_larger" => Some(ratios().fold(f64::INFINITY, f64::min)),
        "not_smaller" => Some(ratios().fold(0.0, f64::max)),
        _ => None,
    };
    for (&axis, &target) in axes.iter().zip(&targets) {
        // Half rounds up, as the specification of the policy says.
        shape[axis] = match common {
            Some(ratio) => scaled(1, input.shape[axis] as f64 * ratio + 0.5, &[ratio])?,
            None => target,
        };
    }
    Ok(vec![Facts::new(input.data_type, shape)])
}

/// `GridSample`: channels of the input at the places of the grid.
pub(super) fn grid_sample(node: &Node<'_>) -> Inferred {
    let input = node.ranked(0, |rank| rank >= 3, "a batch, channels and spatial dimensions are expected")?;
    let grid = node.ranked(1, |rank| rank == input.rank(), "the grid must have as many dimensions as the input")?;
    let mut shape = input.shape[..2].to_vec();
    shape.extend(&grid.shape[1..grid.rank() - 1]);
    Ok(vec![Facts::new(input.data_type, shape)])
}
