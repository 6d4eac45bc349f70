//! Normalisation and softmax.

use super::{Facts, InferenceError, Inferred, Node};
use crate::graph::data_type::DataType;
use crate::graph::shape::{broadcast, text};

/// `BatchNormalization`: the statistics that training would write follow the output.
pub(super) fn batch(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    for position in 1..5 {
        check_channels(input, node.input(position)?, position)?;
    }
    let mut outputs = vec![Facts::new(input.data_type, input.shape.clone())];
    // Opset 13 and before have up to four statistics.
    for position in [3, 4, 3, 4] {
        let statistics = node.input(position)?;
        outputs.push(Facts::new(statistics.data_type, statistics.shape.clone()));
    }
    Ok(outputs)
}

/// `InstanceNormalization`: scale and bias per channel.
pub(super) fn instance(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    check_channels(input, node.input(1)?, 1)?;
    check_channels(input, node.input(2)?, 2)?;
    Ok(vec![Facts::new(input.data_type, input.shape.clone())])
}

fn check_channels(input: &Facts, parameter: &Facts, position: usize) -> Result<(), InferenceError> {
    let channels = input.shape.get(1).copied().unwrap_or(1);
    if parameter.shape == [channels] {
        return Ok(());
    }
    Err(InferenceError::mismatch(format!(
        "input {} has {channels} channels, but input {position} has shape {}",
        text(&input.shape),
        text(&parameter.shape)
    )))
}

/// `LayerNormalization`: mean and inverse deviation, of single precision, follow the output.
pub(super) fn layer(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let axis = node.axis(-1, input.rank())?;
    check_scale(input, node.input(1)?)?;
    let mut reduced = input.shape.clone();
    reduced[axis..].fill(1);
    let statistics = Facts::new(node.data_type("stash_type")?.unwrap_or(DataType::Float32), reduced);
    Ok(vec![Facts::new(input.data_type, input.shape.clone()), statistics.clone(), statistics])
}

/// `SkipLayerNormalization` of `com.microsoft`: the sum of inputs 0 and 1 is normalised, and is itself the fourth output.
pub(super) fn skip_layer(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let sum = Facts::new(input.data_type, broadcast(&input.shape, &node.input(1)?.shape)?);
    check_scale(input, node.input(2)?)?;
    let mut reduced = sum.shape.clone();
    if let Some(last) = reduced.last_mut() {
        *last = 1;
    }
    let statistics = Facts::new(DataType::Float32, reduced);
    Ok(vec![sum.clone(), statistics.clone(), statistics, sum])
}

fn check_scale(input: &Facts, scale: &Facts) -> Result<(), InferenceError> {
    if broadcast(&input.shape, &scale.shape)? == input.shape {
        return Ok(());
    }
    Err(InferenceError::mismatch(format!("scale {} does not broadcast to input {}", text(&scale.shape), text(&input.shape))))
}

/// One output like the first input, whose axis must exist (`Softmax` and relatives).
pub(super) fn along_axis(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    if node.attributes.integer("axis").is_some() && input.rank() > 0 {
        // Opset 12 and before allow the axis after the last: everything before it is the batch.
        let axis = node.integer("axis", -1);
        if axis != input.rank() as i64 {
            node.axis(-1, input.rank())?;
        }
    }
    Ok(vec![Facts::new(input.data_type, input.shape.clone())])
}
