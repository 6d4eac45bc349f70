//! Operators that make tensors out of shapes, attributes and scalars.

use super::{Facts, InferenceError, Inferred, Node};
use crate::graph::attributes::AttributeValue;
use crate::graph::constant::{ConstantData, MAXIMUM_CONSTANT_ELEMENTS};
use crate::graph::data_type::DataType;
use crate::graph::shape::elements;

/// `Constant`: a tensor, number, text or list as attribute.
pub(super) fn constant(node: &Node<'_>) -> Inferred {
    let (_, value) = node.attributes.iter().next().ok_or(InferenceError::MissingAttribute { name: "value" })?;
    let integers = |values: &[i64]| Some(ConstantData::Integers(values.to_vec()));
    let floats = |values: &[f32]| Some(ConstantData::Floats(values.iter().map(|&value| f64::from(value)).collect()));
    let (data_type, shape, data) = match value {
        AttributeValue::Tensor(tensor) => (tensor.data_type, tensor.shape.clone(), tensor.data.clone()),
        AttributeValue::Integer(value) => (DataType::Int64, Vec::new(), integers(&[*value])),
        AttributeValue::Float(value) => (DataType::Float32, Vec::new(), floats(&[*value])),
        AttributeValue::Integers(values) => (DataType::Int64, vec![values.len() as u64], integers(values)),
        AttributeValue::Floats(values) => (DataType::Float32, vec![values.len() as u64], floats(values)),
        AttributeValue::Text(_) => (DataType::String, Vec::new(), None),
        AttributeValue::Texts(values) => (DataType::String, vec![values.len() as u64], None),
    };
    Ok(vec![Facts::new(data_type, shape).with_data(data)])
}

/// `ConstantOfShape`: one value everywhere.
pub(super) fn constant_of_shape(node: &Node<'_>) -> Inferred {
    let wanted = node.required_integers("shape", 0)?;
    let shape = wanted
        .iter()
        .map(|&size| u64::try_from(size))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| InferenceError::invalid("shape", &wanted, "sizes must not be negative"))?;
    let (data_type, value) = match node.attributes.tensor("value") {
        Some(tensor) => (tensor.data_type, tensor.data.clone()),
        None => (DataType::Float32, Some(ConstantData::Floats(vec![0.0]))),
    };
    let count = elements(&shape)?;
    let single = value.filter(|value| value.len() == 1 && count <= MAXIMUM_CONSTANT_ELEMENTS);
    let data = single.map(|value| value.select(&vec![0; count as usize]));
    Ok(vec![Facts::new(data_type, shape).with_data(data)])
}

/// `Shape`, with `start` and `end` since opset 15.
pub(super) fn shape(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let rank = input.rank() as i64;
    let place = |name: &str, default: i64| {
        let value = node.integer(name, default);
        (if value < 0 { value.saturating_add(rank) } else { value }).clamp(0, rank) as usize
    };
    let (start, end) = (place("start", 0), place("end", rank));
    let values: Vec<i64> = input.shape[start..end.max(start)].iter().map(|&size| size as i64).collect();
    let facts = Facts::new(DataType::Int64, vec![values.len() as u64]);
    Ok(vec![facts.with_data(Some(ConstantData::Integers(values)))])
}

/// `Size`: the number of elements.
pub(super) fn size(node: &Node<'_>) -> Inferred {
    let count = elements(&node.input(0)?.shape)? as i64;
    Ok(vec![Facts::new(DataType::Int64, Vec::new()).with_data(Some(ConstantData::Integers(vec![count])))])
}

/// `Range`: from start to limit by delta.
pub(super) fn range(node: &Node<'_>) -> Inferred {
    let data_type = node.input(0)?.data_type;
    let mut bounds = Vec::new();
    for (position, name) in ["start", "limit", "delta"].into_iter().enumerate() {
        let Some(data) = &node.input(position)?.data else {
            return Err(InferenceError::DataDependent { what: format!("input {position} (`{name}`)") });
        };
        bounds.push(data);
    }
    let floats: Vec<f64> = bounds.iter().filter_map(|data| data.to_floats().first().copied()).collect();
    let &[start, limit, delta] = floats.as_slice() else {
        return Err(InferenceError::mismatch("start, limit and delta must be scalars"));
    };
    if delta == 0.0 || !delta.is_finite() || !start.is_finite() || !limit.is_finite() {
        return Err(InferenceError::invalid("delta", delta, "a finite number other than 0 is expected"));
    }
    let count = ((limit - start) / delta).ceil().max(0.0);
    let shape = vec![if count < 1e18 { count as u64 } else { u64::MAX }];
    let data = (count <= MAXIMUM_CONSTANT_ELEMENTS as f64)
        .then(|| ConstantData::Floats((0..count as u64).map(|step| start + delta * step as f64).collect()));
    Ok(vec![Facts::new(data_type, shape).with_data(data)])
}

/// `EyeLike`, `RandomNormalLike`, `RandomUniformLike`, `Bernoulli`: the shape of the input, a type of its own.
pub(super) fn like(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    Ok(vec![Facts::new(node.data_type("dtype")?.unwrap_or(input.data_type), input.shape.clone())])
}
