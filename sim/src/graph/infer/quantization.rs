//! Conversion between floating-point and quantised numbers.

use super::{Facts, Inferred, Node};
use crate::graph::data_type::DataType;

/// `QuantizeLinear`: the type of the zero point, or `output_dtype`, or unsigned 8-bit.
pub(super) fn quantize(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let by_attribute = if node.integer("output_dtype", 0) == 0 { None } else { node.data_type("output_dtype")? };
    let data_type = node.optional(2).map(|zero_point| zero_point.data_type).or(by_attribute).unwrap_or(DataType::Uint8);
    Ok(vec![Facts::new(data_type, input.shape.clone())])
}

/// `DequantizeLinear`: the type of the scale.
pub(super) fn dequantize(node: &Node<'_>) -> Inferred {
    let by_attribute = if node.integer("output_dtype", 0) == 0 { None } else { node.data_type("output_dtype")? };
    Ok(vec![Facts::new(by_attribute.unwrap_or(node.input(1)?.data_type), node.input(0)?.shape.clone())])
}

/// `DynamicQuantizeLinear`: unsigned bytes, their scale and zero point.
pub(super) fn quantize_dynamically(node: &Node<'_>) -> Inferred {
    Ok(vec![
        Facts::new(DataType::Uint8, node.input(0)?.shape.clone()),
        Facts::new(DataType::Float32, Vec::new()),
        Facts::new(DataType::Uint8, Vec::new()),
    ])
}
