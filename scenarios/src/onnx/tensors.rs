//! Initialisers and tensor attributes: type, shape and, where they are few, values.

use std::io::{Read, Seek};

use sim::graph::constant::MAXIMUM_CONSTANT_ELEMENTS;
use sim::graph::{ConstantData, DataType};

use super::error::OnnxError;
use super::messages::TensorProto;
use super::wire::{Field, SMALL_MESSAGE_BYTES, Scanner, Value};

/// Field numbers of `TensorProto` that are read of large tensors.
mod field {
    pub(super) const DIMS: u64 = 1;
    pub(super) const DATA_TYPE: u64 = 2;
    pub(super) const NAME: u64 = 8;
}

/// `TensorProto.DataLocation.EXTERNAL`.
pub(super) const EXTERNAL: i32 = 1;

/// Reads an initialiser of `count` bytes; of a large one everything but its values.
pub(super) fn scan<S: Read + Seek>(scanner: &mut Scanner<'_, S>, outer: Field, count: u64) -> Result<TensorProto, OnnxError> {
    if count <= SMALL_MESSAGE_BYTES {
        return scanner.message(outer, count, "an initialiser");
    }
    let end = scanner.position() + count;
    let mut tensor = TensorProto::default();
    while let Some(field) = scanner.field(end)? {
        match (field.number, field.value) {
            (field::DIMS, Value::Varint(size)) => tensor.dims.push(size as i64),
            (field::DIMS, Value::Bytes(count)) => {
                let packed_end = scanner.position() + count;
                while scanner.position() < packed_end {
                    let size = scanner.varint(packed_end)?;
                    tensor.dims.push(size as i64);
                }
            }
            (field::DATA_TYPE, Value::Varint(code)) => tensor.data_type = code as i32,
            (field::NAME, Value::Bytes(count)) => {
                tensor.name = String::from_utf8_lossy(&scanner.bytes(count)?).into_owned();
            }
            _ => scanner.skip_value(field, end)?,
        }
    }
    Ok(tensor)
}

/// The values of a tensor of the given shape, if they are there and few; `Err` if they are not as many as the shape asks for.
pub(super) fn values(tensor: &TensorProto, data_type: DataType, shape: &[u64]) -> Result<Option<ConstantData>, String> {
    let elements = sim::graph::shape::elements(shape).unwrap_or(u64::MAX);
    if elements > MAXIMUM_CONSTANT_ELEMENTS || tensor.data_location == EXTERNAL {
        return Ok(None);
    }
    let data =
        if tensor.raw_data.is_empty() { typed_values(tensor, data_type) } else { raw_values(&tensor.raw_data, data_type)? };
    match data {
        Some(data) if data.len() as u64 == elements => Ok(Some(data)),
        // No values at all: a weight stripped of its data.
        Some(data) if data.is_empty() => Ok(None),
        Some(data) => Err(format!("has {} values, but its shape asks for {elements}", data.len())),
        None => Ok(None),
    }
}

/// Values as raw little-endian bytes; `None` for types that shapes never depend on.
fn raw_values(bytes: &[u8], data_type: DataType) -> Result<Option<ConstantData>, String> {
    let width = data_type.bytes() as usize;
    if !bytes.len().is_multiple_of(width) {
        return Err(format!("has {} bytes, which is not a multiple of the {width} of {data_type}", bytes.len()));
    }
    macro_rules! decode {
        ($number:ty, $variant:ident, $target:ty) => {{
            let (chunks, _) = bytes.as_chunks::<{ size_of::<$number>() }>();
            ConstantData::$variant(chunks.iter().map(|chunk| <$number>::from_le_bytes(*chunk) as $target).collect())
        }};
    }
    Ok(Some(match data_type {
        DataType::Float32 => decode!(f32, Floats, f64),
        DataType::Float64 => decode!(f64, Floats, f64),
        DataType::Float16 => ConstantData::Floats(halves(bytes, half_to_float)),
        DataType::BFloat16 => ConstantData::Floats(halves(bytes, brain_to_float)),
        DataType::Uint8 | DataType::Bool => decode!(u8, Integers, i64),
        DataType::Int8 => decode!(i8, Integers, i64),
        DataType::Uint16 => decode!(u16, Integers, i64),
        DataType::Int16 => decode!(i16, Integers, i64),
        DataType::Uint32 => decode!(u32, Integers, i64),
        DataType::Int32 => decode!(i32, Integers, i64),
        DataType::Uint64 => decode!(u64, Integers, i64),
        DataType::Int64 => decode!(i64, Integers, i64),
        _ => return Ok(None),
    }))
}

/// Values in the field that protobuf has for the type.
fn typed_values(tensor: &TensorProto, data_type: DataType) -> Option<ConstantData> {
    let halves = |convert: fn(u16) -> f64| tensor.int32_data.iter().map(|&bits| convert(bits as u16)).collect();
    match data_type {
        DataType::Float32 => Some(ConstantData::Floats(tensor.float_data.iter().map(|&value| f64::from(value)).collect())),
        DataType::Float64 => Some(ConstantData::Floats(tensor.double_data.clone())),
        DataType::Float16 => Some(ConstantData::Floats(halves(half_to_float))),
        DataType::BFloat16 => Some(ConstantData::Floats(halves(brain_to_float))),
        DataType::Int64 => Some(ConstantData::Integers(tensor.int64_data.clone())),
        DataType::Uint32 | DataType::Uint64 => {
            Some(ConstantData::Integers(tensor.uint64_data.iter().map(|&value| value as i64).collect()))
        }
        DataType::Uint8 | DataType::Int8 | DataType::Uint16 | DataType::Int16 | DataType::Int32 | DataType::Bool => {
            Some(ConstantData::Integers(tensor.int32_data.iter().map(|&value| i64::from(value)).collect()))
        }
        _ => None,
    }
}

fn halves(bytes: &[u8], convert: fn(u16) -> f64) -> Vec<f64> {
    let (chunks, _) = bytes.as_chunks::<2>();
    chunks.iter().map(|chunk| convert(u16::from_le_bytes(*chunk))).collect()
}

/// IEEE 754 half precision: sign, 5 bits of exponent, 10 of fraction.
pub(super) fn half_to_float(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f64::from(bits & 0x3ff);
    let power = |exponent: i32| f64::from_bits(((1023 + exponent) as u64) << 52);
    sign * match exponent {
        0 => fraction * power(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * power(exponent - 25),
    }
}

/// Brain floating point: the upper half of a single-precision number.
fn brain_to_float(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}
