//! Tensors in host memory: constants, inputs and results.

use std::sync::Arc;

use sim::graph::{ConstantData, DataType};

use crate::buffer::HostBuffer;

/// A tensor in row-major order, cheap to clone. Its bytes lie on a page boundary.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// Type of its elements.
    pub data_type: DataType,
    /// Its shape; empty for a scalar.
    pub shape: Vec<u64>,
    buffer: Arc<HostBuffer>,
}

impl Tensor {
    /// A tensor of elements of any plain type that is as wide as `data_type`.
    ///
    /// # Panics
    /// If there are not as many bytes as type and shape ask for.
    pub fn new<T: bytemuck::NoUninit>(data_type: DataType, shape: &[u64], values: &[T]) -> Self {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        let expected = data_type.bytes_of(shape.iter().product());
        assert_eq!(bytes.len() as u64, expected, "bytes of {data_type} {shape:?}");
        Self { data_type, shape: shape.to_vec(), buffer: HostBuffer::from_bytes(bytes) }
    }

    /// A single-precision tensor.
    ///
    /// # Panics
    /// If there are not as many values as the shape asks for.
    pub fn floats(shape: &[u64], values: &[f32]) -> Self {
        Self::new(DataType::Float32, shape, values)
    }

    /// Zeros.
    pub fn zeros(data_type: DataType, shape: &[u64]) -> Self {
        let bytes = data_type.bytes_of(shape.iter().product());
        Self { data_type, shape: shape.to_vec(), buffer: HostBuffer::zeroed(bytes as usize) }
    }

    /// The values of a small constant in the given type; `None` for a type that constants do not have (text, complex, below 8 bits).
    ///
    /// # Panics
    /// If there are not as many values as the shape asks for.
    pub fn from_constant(data_type: DataType, shape: &[u64], data: &ConstantData) -> Option<Self> {
        macro_rules! typed {
            ($number:ty) => {
                match data {
                    ConstantData::Integers(values) => {
                        Self::new(data_type, shape, &values.iter().map(|&value| value as $number).collect::<Vec<_>>())
                    }
                    ConstantData::Floats(values) => {
                        Self::new(data_type, shape, &values.iter().map(|&value| value as $number).collect::<Vec<_>>())
                    }
                }
            };
        }
        Some(match data_type {
            DataType::Float32 => typed!(f32),
            DataType::Float64 => typed!(f64),
            DataType::Int64 => typed!(i64),
            DataType::Int32 => typed!(i32),
            DataType::Int16 => typed!(i16),
            DataType::Int8 => typed!(i8),
            DataType::Uint64 => typed!(u64),
            DataType::Uint32 => typed!(u32),
            DataType::Uint16 => typed!(u16),
            DataType::Uint8 | DataType::Bool => typed!(u8),
            _ => return None,
        })
    }

    /// A tensor that takes over a buffer. `None` unless it is large enough and nobody else holds it.
    pub fn from_buffer(data_type: DataType, shape: &[u64], mut buffer: Arc<HostBuffer>) -> Option<Self> {
        let bytes = data_type.bytes_of(shape.iter().product());
        let fits = buffer.len() as u64 >= bytes && Arc::get_mut(&mut buffer).is_some();
        fits.then(|| Self { data_type, shape: shape.to_vec(), buffer })
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product::<u64>() as usize
    }

    /// Its bytes.
    #[expect(unsafe_code, reason = "shared bytes that nobody writes")]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: a tensor's buffer is written only before the tensor exists: no method hands it out to be written.
        let bytes = unsafe { self.buffer.bytes() };
        &bytes[..self.data_type.bytes_of(self.shape.iter().product()) as usize]
    }

    /// Its elements as a plain type of the same width (`f32` for `float32`, `u8` for `bool`).
    ///
    /// # Panics
    /// If the width differs.
    pub fn values<T: bytemuck::AnyBitPattern>(&self) -> &[T] {
        assert_eq!(size_of::<T>() as u64 * 8, self.data_type.bits(), "width of {}", self.data_type);
        bytemuck::cast_slice(self.bytes())
    }

    /// The bytes as a buffer that may only be read.
    pub fn buffer(&self) -> &Arc<HostBuffer> {
        &self.buffer
    }

    /// The same elements in another shape.
    ///
    /// # Panics
    /// If the shape asks for another number of elements.
    #[must_use]
    pub fn reshaped(mut self, shape: &[u64]) -> Self {
        assert_eq!(shape.iter().product::<u64>(), self.shape.iter().product::<u64>(), "as many elements");
        self.shape = shape.to_vec();
        self
    }

    /// Largest difference of two single-precision tensors, divided by the largest magnitude of `expected` (at least 1e-6).
    /// `None` if types or shapes differ, or if one has a NaN where the other has none.
    pub fn relative_difference(&self, expected: &Self) -> Option<f64> {
        if self.data_type != DataType::Float32 || expected.data_type != self.data_type || self.shape != expected.shape {
            return (self.data_type == expected.data_type && self.shape == expected.shape && self.bytes() == expected.bytes())
                .then_some(0.0);
        }
        let (mut largest, mut scale) = (0.0_f64, 1e-6_f64);
        for (&one, &other) in self.values::<f32>().iter().zip(expected.values::<f32>()) {
            if one.is_nan() != other.is_nan() {
                return None;
            }
            if other.is_finite() {
                scale = scale.max(f64::from(other.abs()));
            }
            if one.to_bits() != other.to_bits() && !one.is_nan() {
                largest = largest.max((f64::from(one) - f64::from(other)).abs());
            }
        }
        Some(largest / scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_take_their_type() {
        let tensor = Tensor::from_constant(DataType::Int32, &[2], &ConstantData::Integers(vec![-1, 7])).expect("int32");
        assert_eq!(tensor.values::<i32>(), [-1, 7]);
        let tensor = Tensor::from_constant(DataType::Float32, &[], &ConstantData::Floats(vec![0.5])).expect("float32");
        assert_eq!((tensor.elements(), tensor.values::<f32>()), (1, &[0.5_f32][..]));
        assert!(Tensor::from_constant(DataType::String, &[1], &ConstantData::Integers(vec![0])).is_none());
    }

    #[test]
    fn differences_are_relative_to_the_largest_value() {
        let check = |one: &[f32], other: &[f32], expected: Option<f64>| {
            let shape = [one.len() as u64];
            assert_eq!(Tensor::floats(&shape, one).relative_difference(&Tensor::floats(&[other.len() as u64], other)), expected);
        };
        check(&[1.0, 4.5], &[1.0, 4.0], Some(0.125));
        check(&[1.0], &[1.0, 2.0], None);
        check(&[f32::NAN, 1.0], &[f32::NAN, 1.0], Some(0.0));
        check(&[f32::NAN, 1.0], &[0.0, 1.0], None);
    }
}
