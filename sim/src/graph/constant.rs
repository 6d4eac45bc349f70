//! Values of small constant tensors: shapes, axes, scales, and what shape arithmetic makes of them.

use super::data_type::DataType;

/// Largest number of elements of a tensor whose values are kept (shapes, indices, scales; never weights).
pub const MAXIMUM_CONSTANT_ELEMENTS: u64 = 4096;

/// Values in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub enum ConstantData {
    /// Values of an integer or boolean tensor (`true` is 1).
    Integers(Vec<i64>),
    /// Values of a floating-point tensor.
    Floats(Vec<f64>),
}

impl ConstantData {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::Integers(values) => values.len(),
            Self::Floats(values) => values.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values as integers; `None` if they are floats.
    pub fn integers(&self) -> Option<&[i64]> {
        match self {
            Self::Integers(values) => Some(values),
            Self::Floats(_) => None,
        }
    }

    /// The values as floats, integers converted.
    pub fn to_floats(&self) -> Vec<f64> {
        match self {
            Self::Integers(values) => values.iter().map(|&value| value as f64).collect(),
            Self::Floats(values) => values.clone(),
        }
    }

    /// The elements at the given flat indices, each of which the caller has checked.
    pub(crate) fn select(&self, indices: &[usize]) -> Self {
        match self {
            Self::Integers(values) => Self::Integers(indices.iter().map(|&index| values[index]).collect()),
            Self::Floats(values) => Self::Floats(indices.iter().map(|&index| values[index]).collect()),
        }
    }

    /// The values as a tensor of `data_type` would hold them: floats truncated to integers and the reverse, single precision
    /// rounded, integers wrapped to their width, booleans made 0 or 1.
    pub(crate) fn cast(self, data_type: DataType) -> Self {
        if data_type.is_float() {
            let round = |value: f64| {
                if data_type == DataType::Float64 { value } else { f64::from(value as f32) }
            };
            return Self::Floats(self.to_floats().into_iter().map(round).collect());
        }
        let integers = match self {
            Self::Floats(values) if data_type == DataType::Bool => {
                values.into_iter().map(|value| i64::from(value != 0.0)).collect::<Vec<_>>()
            }
            Self::Floats(values) => values.into_iter().map(|value| value as i64).collect(),
            Self::Integers(values) => values,
        };
        let wrap = |value: i64| match data_type {
            DataType::Bool => i64::from(value != 0),
            DataType::Uint8 => i64::from(value as u8),
            DataType::Int8 => i64::from(value as i8),
            DataType::Uint16 => i64::from(value as u16),
            DataType::Int16 => i64::from(value as i16),
            DataType::Int32 => i64::from(value as i32),
            DataType::Uint32 => i64::from(value as u32),
            _ => value,
        };
        Self::Integers(integers.into_iter().map(wrap).collect())
    }
}
