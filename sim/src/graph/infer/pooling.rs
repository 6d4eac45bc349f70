//! Pooling over windows, over everything and over regions of interest.

use super::window::Window;
use super::{Facts, InferenceError, Inferred, Node};
use crate::graph::data_type::DataType;

const EXPECTED: &str = "a batch, channels and at least one spatial dimension are expected";

/// The window of a pooling operator.
pub(crate) fn window(node: &Node<'_>) -> Result<Window, InferenceError> {
    let input = node.ranked(0, |rank| rank >= 3, EXPECTED)?;
    let spatial = &input.shape[2..];
    if node.attributes.integers("kernel_shape").is_none() {
        return Err(InferenceError::MissingAttribute { name: "kernel_shape" });
    }
    Window::of(node, spatial, node.positive_list("kernel_shape", spatial.len(), 1)?)
}

fn pooled(node: &Node<'_>) -> Result<Facts, InferenceError> {
    let window = window(node)?;
    let input = node.input(0)?;
    let mut shape = input.shape[..2].to_vec();
    shape.extend(window.positions(&input.shape[2..])?);
    Ok(Facts::new(input.data_type, shape))
}

/// `AveragePool`, `LpPool`.
pub(super) fn average(node: &Node<'_>) -> Inferred {
    Ok(vec![pooled(node)?])
}

/// `MaxPool`, with the indices of the maxima as optional second output.
pub(super) fn max(node: &Node<'_>) -> Inferred {
    let values = pooled(node)?;
    let indices = Facts::new(DataType::Int64, values.shape.clone());
    Ok(vec![values, indices])
}

/// `GlobalAveragePool`, `GlobalMaxPool`, `GlobalLpPool`: every spatial dimension becomes 1.
pub(super) fn global(node: &Node<'_>) -> Inferred {
    let input = node.ranked(0, |rank| rank >= 2, EXPECTED)?;
    let mut shape = vec![1; input.rank()];
    shape[..2].copy_from_slice(&input.shape[..2]);
    Ok(vec![Facts::new(input.data_type, shape)])
}

/// `RoiAlign`: one image of `output_height x output_width` per region.
pub(super) fn region_align(node: &Node<'_>) -> Inferred {
    let input = node.ranked(0, |rank| rank == 4, "four dimensions are expected")?;
    let regions = node.ranked(1, |rank| rank == 2, "regions x 4 is expected")?;
    let size = |name: &'static str| {
        let value = node.integer(name, 1);
        u64::try_from(value).map_err(|_| InferenceError::invalid(name, value, "a positive integer is expected"))
    };
    let shape = vec![regions.shape[0], input.shape[1], size("output_height")?, size("output_width")?];
    Ok(vec![Facts::new(input.data_type, shape)])
}
