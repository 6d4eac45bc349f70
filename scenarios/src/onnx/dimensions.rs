//! Symbolic dimensions: which names there are and which sizes they get.

use std::collections::{BTreeMap, BTreeSet};

use super::ReadOptions;
use super::error::OnnxError;
use super::messages::{DimensionProto, DimensionValue, TensorTypeProto, ValueInfoProto};

/// Sizes of all symbolic dimensions that are known.
#[derive(Debug)]
pub(super) struct Dimensions {
    sizes: BTreeMap<String, u64>,
}

/// The tensor type of a value, if it is a tensor.
pub(super) fn tensor_type(value: &ValueInfoProto) -> Option<&TensorTypeProto> {
    value.value_type.as_ref()?.tensor_type.as_ref()
}

fn dimensions_of(value: &ValueInfoProto) -> &[DimensionProto] {
    tensor_type(value).and_then(|tensor| tensor.shape.as_ref()).map_or(&[], |shape| &shape.dim)
}

fn name_of(dimension: &DimensionProto) -> Option<&str> {
    match &dimension.value {
        Some(DimensionValue::Name(name)) if !name.is_empty() => Some(name),
        _ => None,
    }
}

/// Whether a name in first place means the batch, or says nothing, as those that exporters make up.
fn is_batch_name(name: &str) -> bool {
    let name = name.to_lowercase();
    name.contains("batch") || name.starts_with("unk") || matches!(name.as_str(), "n" | "b" | "bs" | "none" | "?" | "-1")
}

impl Dimensions {
    /// The sizes that the options give, and 1 for batches that stay open. `inputs` are the real inputs of the graph.
    pub(super) fn resolve(
        file: &str,
        inputs: &[&ValueInfoProto],
        values: &[ValueInfoProto],
        options: &ReadOptions,
    ) -> Result<Self, OnnxError> {
        let everything = inputs.iter().copied().chain(values);
        let known: BTreeSet<&str> = everything.flat_map(dimensions_of).filter_map(name_of).collect();
        let input_names: BTreeSet<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
        let listed = |names: &BTreeSet<&str>| names.iter().map(|name| format!("`{name}`")).collect();
        if let Some(name) = options.dimensions.keys().find(|name| !known.contains(name.as_str())) {
            let (file, name, known) = (file.to_owned(), name.clone(), listed(&known));
            return Err(OnnxError::UnknownName { file, what: "symbolic dimension", name, known });
        }
        if let Some(name) = options.input_shapes.keys().find(|name| !input_names.contains(name.as_str())) {
            let (file, name, known) = (file.to_owned(), name.clone(), listed(&input_names));
            return Err(OnnxError::UnknownName { file, what: "input", name, known });
        }
        let mut sizes = options.dimensions.clone();
        for input in inputs {
            let given = options.input_shapes.get(&input.name);
            for (axis, dimension) in dimensions_of(input).iter().enumerate() {
                let Some(name) = name_of(dimension) else { continue };
                if let Some(&size) = given.and_then(|shape| shape.get(axis)) {
                    sizes.entry(name.to_owned()).or_insert(size);
                } else if axis == 0 && is_batch_name(name) {
                    sizes.entry(name.to_owned()).or_insert(1);
                }
            }
        }
        Ok(Self { sizes })
    }

    /// The shape of a graph input; names of open dimensions are added to `open`.
    pub(super) fn input_shape(
        &self,
        file: &str,
        input: &ValueInfoProto,
        options: &ReadOptions,
        open: &mut Vec<String>,
    ) -> Result<Vec<u64>, OnnxError> {
        if let Some(shape) = options.input_shapes.get(&input.name) {
            return Ok(shape.clone());
        }
        if tensor_type(input).is_none_or(|tensor| tensor.shape.is_none()) {
            open.push(format!("all of input `{}`", input.name));
            return Ok(Vec::new());
        }
        let mut shape = Vec::new();
        for (axis, dimension) in dimensions_of(input).iter().enumerate() {
            shape.push(match &dimension.value {
                Some(DimensionValue::Size(size)) => u64::try_from(*size).map_err(|_| OnnxError::InvalidDimension {
                    file: file.to_owned(),
                    tensor: input.name.clone(),
                    dimension: *size,
                    expected: "sizes cannot be negative; give the shape with `--input-shape input=1x3x224x224`",
                })?,
                _ => match (name_of(dimension), self.size(dimension)) {
                    (_, Some(size)) => size,
                    (None, None) if axis == 0 => 1,
                    (Some(name), None) => {
                        open.push(format!("`{name}` (dimension {axis} of input `{}`)", input.name));
                        1
                    }
                    (None, None) => {
                        open.push(format!("dimension {axis} of input `{}`, which has no name", input.name));
                        1
                    }
                },
            });
        }
        Ok(shape)
    }

    fn size(&self, dimension: &DimensionProto) -> Option<u64> {
        match &dimension.value {
            Some(DimensionValue::Size(size)) => u64::try_from(*size).ok(),
            Some(DimensionValue::Name(name)) => self.sizes.get(name).copied(),
            None => None,
        }
    }

    /// The shape that the file declares for a value, if all of it is known.
    pub(super) fn declared_shape(&self, value: &ValueInfoProto) -> Option<Vec<u64>> {
        tensor_type(value)?.shape.as_ref()?.dim.iter().map(|dimension| self.size(dimension)).collect()
    }
}
