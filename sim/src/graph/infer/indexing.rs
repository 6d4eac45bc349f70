//! Look-up and scatter by index, and operators whose output is made of indices.

use super::{Facts, InferenceError, Inferred, Node};
use crate::graph::constant::{ConstantData, MAXIMUM_CONSTANT_ELEMENTS};
use crate::graph::data_type::DataType;
use crate::graph::shape::{normalize_axis, text};

/// `Gather`: `axis` of the data replaced by the shape of the indices.
pub(super) fn gather(node: &Node<'_>) -> Inferred {
    let (data, indices) = (node.input(0)?, node.input(1)?);
    let axis = node.axis(0, data.rank())?;
    let mut shape = data.shape[..axis].to_vec();
    shape.extend(&indices.shape);
    shape.extend(&data.shape[axis + 1..]);
    let values = gather_data(data, indices, axis, &shape)?;
    Ok(vec![Facts::new(data.data_type, shape).with_data(values)])
}

fn gather_data(data: &Facts, indices: &Facts, axis: usize, shape: &[u64]) -> Result<Option<ConstantData>, InferenceError> {
    let (Some(values), Some(wanted)) = (data.data_for(shape), indices.data.as_ref().and_then(ConstantData::integers)) else {
        return Ok(None);
    };
    let size = data.shape[axis] as i64;
    let outer: u64 = if shape.contains(&0) { 0 } else { data.shape[..axis].iter().product() };
    let inner: u64 = data.shape[axis + 1..].iter().product();
    let mut flat = Vec::new();
    for block in 0..outer as usize {
        for &index in wanted {
            if index < -size || index >= size {
                let expected = format!("axis {axis} of input {} has {size} elements", text(&data.shape));
                return Err(InferenceError::invalid("indices", index, expected));
            }
            let row = block * size as usize + index.rem_euclid(size) as usize;
            flat.extend(row * inner as usize..(row + 1) * inner as usize);
        }
    }
    Ok(Some(values.select(&flat)))
}

/// `GatherElements`: the shape of the indices.
pub(super) fn gather_elements(node: &Node<'_>) -> Inferred {
    let (data, indices) = (node.input(0)?, node.input(1)?);
    node.axis(0, data.rank())?;
    if data.rank() != indices.rank() {
        return Err(InferenceError::mismatch(format!(
            "data {} and indices {} must have equally many dimensions",
            text(&data.shape),
            text(&indices.shape)
        )));
    }
    Ok(vec![Facts::new(data.data_type, indices.shape.clone())])
}

/// `GatherND`: the last dimension of the indices addresses into the data after `batch_dims`.
pub(super) fn gather_many(node: &Node<'_>) -> Inferred {
    let (data, indices) = (node.input(0)?, node.input(1)?);
    let batch = node.integer("batch_dims", 0);
    let problem = || {
        InferenceError::mismatch(format!(
            "indices {} do not fit data {} with {batch} batch dimensions",
            text(&indices.shape),
            text(&data.shape)
        ))
    };
    let depth = indices.shape.last().copied().ok_or_else(problem)?;
    let first = usize::try_from(batch).ok().and_then(|batch| batch.checked_add(usize::try_from(depth).ok()?));
    let rest = first.and_then(|first| data.shape.get(first..)).ok_or_else(problem)?;
    let mut shape = indices.shape[..indices.rank() - 1].to_vec();
    shape.extend(rest);
    Ok(vec![Facts::new(data.data_type, shape)])
}

/// `OneHot`: a dimension of `depth` inserted into the shape of the indices.
pub(super) fn one_hot(node: &Node<'_>) -> Inferred {
    let indices = node.input(0)?;
    let values = node.input(2)?;
    let Some(depth) = node.input(1)?.data.as_ref().map(ConstantData::to_floats) else {
        return Err(InferenceError::DataDependent { what: "input 1 (`depth`)".to_owned() });
    };
    let depth = match depth.as_slice() {
        [depth] if *depth >= 0.0 && *depth < 1e12 => *depth as u64,
        _ => {
            return Err(InferenceError::invalid("depth", depth, "one non-negative number is expected"));
        }
    };
    let axis = normalize_axis(node.integer("axis", -1), indices.rank() + 1)?;
    let mut shape = indices.shape.clone();
    shape.insert(axis, depth);
    Ok(vec![Facts::new(values.data_type, shape)])
}

/// `NonZero`: indices of the elements that are not zero, computed where the input is constant.
pub(super) fn non_zero(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let Some(data) = &input.data else {
        return Err(InferenceError::DataDependent { what: "the values of input 0".to_owned() });
    };
    let found: Vec<usize> =
        data.to_floats().iter().enumerate().filter(|(_, value)| **value != 0.0).map(|(index, _)| index).collect();
    let mut values = Vec::new();
    for (&stride, &size) in crate::graph::shape::strides(&input.shape).iter().zip(&input.shape) {
        values.extend(found.iter().map(|&index| (index / stride % size as usize) as i64));
    }
    let shape = vec![input.rank() as u64, found.len() as u64];
    Ok(vec![Facts::new(DataType::Int64, shape).with_data(Some(ConstantData::Integers(values)))])
}

/// `TopK`: values and indices.
pub(super) fn top_k(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let axis = node.axis(-1, input.rank())?;
    let wanted = node.required_integers("k", 1)?;
    let size = input.shape[axis];
    let count = match wanted.as_slice() {
        [count] => u64::try_from(*count).ok().filter(|&count| count <= size),
        _ => None,
    };
    let expected = || format!("one integer of at most {size}, the size of axis {axis}, is expected");
    let count = count.ok_or_else(|| InferenceError::invalid("k", &wanted, expected()))?;
    let mut shape = input.shape.clone();
    shape[axis] = count;
    Ok(vec![Facts::new(input.data_type, shape.clone()), Facts::new(DataType::Int64, shape)])
}

/// Operators whose output shape is known at run time only (`NonMaxSuppression`, `Unique`, `Compress`).
pub(super) fn data_dependent(node: &Node<'_>) -> Inferred {
    Err(InferenceError::DataDependent { what: format!("the values that `{}` selects", node.op_type) })
}

/// `ScatterND`: the data with some elements replaced; computed for constants, as exporters use it in shape arithmetic.
pub(super) fn scatter_many(node: &Node<'_>) -> Inferred {
    let (data, indices, updates) = (node.input(0)?, node.input(1)?, node.input(2)?);
    let values = match (&data.data, &indices.data, &updates.data) {
        (Some(ConstantData::Integers(values)), Some(ConstantData::Integers(places)), Some(ConstantData::Integers(new)))
            if data.rank() == 1 && places.len() == new.len() && values.len() as u64 <= MAXIMUM_CONSTANT_ELEMENTS =>
        {
            let mut values = values.clone();
            let size = values.len() as i64;
            for (&place, &value) in places.iter().zip(new) {
                let slot = usize::try_from(if place < 0 { place.saturating_add(size) } else { place }).ok();
                match slot.and_then(|slot| values.get_mut(slot)) {
                    Some(slot) => *slot = value,
                    None => {
                        return Err(InferenceError::invalid("indices", place, format!("the data has {size} elements")));
                    }
                }
            }
            Some(ConstantData::Integers(values))
        }
        _ => None,
    };
    Ok(vec![Facts::new(data.data_type, data.shape.clone()).with_data(values)])
}
