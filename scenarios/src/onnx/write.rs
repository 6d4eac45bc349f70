//! Writing a graph as an ONNX file.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use prost::bytes::Bytes;
use sim::graph::{AttributeValue, ConstantData, DataType, Graph, Operator, Tensor, TensorAttribute, TensorRole};
use sim::identifiers::TensorId;
use thiserror::Error;

use super::messages::{
    AttributeProto, DimensionProto, DimensionValue, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringEntryProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto, attribute_kind,
};
use super::tensors::EXTERNAL;

/// Operator set of graphs that do not say theirs.
const DEFAULT_OPSET: u32 = 17;

/// Largest message that protobuf readers take.
const MAXIMUM_BYTES: u64 = (1 << 31) - 1;

/// Where the values of a weight without values are said to be: in a file that is not there.
pub(super) const STRIPPED_LOCATION: &str = "stripped";

/// Why a graph cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    /// The file would be larger than protobuf allows.
    #[error(
        "model `{model}` has {bytes} bytes, but an ONNX file may have at most {MAXIMUM_BYTES}; store its weights in other files"
    )]
    TooLarge {
        /// The model.
        model: String,
        /// Bytes that it has.
        bytes: u64,
    },
    /// An attribute whose values were not kept when the model was read.
    #[error("attribute `{attribute}` of operator `{operator}` is a tensor whose values are not known")]
    Attribute {
        /// The operator.
        operator: String,
        /// The attribute.
        attribute: String,
    },
}

/// The bytes of an ONNX file, shapes of all tensors included. `values` gives the bytes of an initialiser, little-endian and row-major, as
/// many as its type and shape ask for; where it gives none, small constants are taken from the graph, and weights are written without
/// values, as lying in a file `stripped` that is not there.
pub fn write(graph: &Graph, values: &mut dyn FnMut(&Tensor) -> Option<Vec<u8>>) -> Result<Vec<u8>, WriteError> {
    let is_output = |tensor: &Tensor| graph.outputs().contains(&tensor.id);
    let is_initializer = |tensor: &&Tensor| tensor.producer.is_none() && tensor.role != TensorRole::Input;
    let written = GraphProto {
        node: graph.operators().iter().map(|operator| node(graph, operator)).collect::<Result<_, _>>()?,
        name: if graph.name.is_empty() { "model".to_owned() } else { graph.name.clone() },
        initializer: graph.tensors().iter().filter(is_initializer).map(|tensor| initializer(tensor, values(tensor))).collect(),
        input: graph.inputs().iter().map(|&id| value_info(graph.tensor(id))).collect(),
        output: graph.outputs().iter().map(|&id| value_info(graph.tensor(id))).collect(),
        value_info: graph
            .tensors()
            .iter()
            .filter(|tensor| tensor.producer.is_some() && !is_output(tensor))
            .map(value_info)
            .collect(),
    };
    let opset_version = graph.opset_version.unwrap_or(DEFAULT_OPSET);
    let model = ModelProto {
        ir_version: ir_version(opset_version),
        producer_name: "socrates".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(written),
        opset_import: operator_sets(graph, opset_version),
    };
    let bytes = model.encoded_len() as u64;
    if bytes > MAXIMUM_BYTES {
        return Err(WriteError::TooLarge { model: graph.name.clone(), bytes });
    }
    Ok(model.encode_to_vec())
}

/// The version of the file format that came with an operator set; 4 is the first in which initialisers need not be inputs.
const fn ir_version(opset_version: u32) -> i64 {
    match opset_version {
        0..=9 => 4,
        10 => 5,
        11 => 6,
        12..=14 => 7,
        15..=18 => 8,
        19 | 20 => 9,
        21 | 22 => 10,
        23 => 11,
        _ => 12,
    }
}

fn operator_sets(graph: &Graph, opset_version: u32) -> Vec<OperatorSetIdProto> {
    let domains: BTreeSet<&str> = graph.operators().iter().map(|operator| operator.domain.as_str()).collect();
    let others = domains.into_iter().filter(|domain| !domain.is_empty());
    let standard = OperatorSetIdProto { domain: String::new(), version: i64::from(opset_version) };
    std::iter::once(standard).chain(others.map(|domain| OperatorSetIdProto { domain: domain.to_owned(), version: 1 })).collect()
}

fn node(graph: &Graph, operator: &Operator) -> Result<NodeProto, WriteError> {
    let name = |id: TensorId| graph.tensor(id).name.clone();
    let attributes = operator.attributes.iter().map(|(key, value)| attribute(operator, key, value));
    Ok(NodeProto {
        input: operator.inputs.iter().map(|input| input.map_or_else(String::new, name)).collect(),
        output: operator.outputs.iter().map(|&output| name(output)).collect(),
        name: operator.name.clone(),
        op_type: operator.op_type.clone(),
        attribute: attributes.collect::<Result<_, _>>()?,
        domain: operator.domain.clone(),
    })
}

fn attribute(operator: &Operator, name: &str, value: &AttributeValue) -> Result<AttributeProto, WriteError> {
    let bytes = |text: &String| Bytes::from(text.clone().into_bytes());
    let none = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
    Ok(match value {
        AttributeValue::Integer(value) => AttributeProto { i: *value, kind: attribute_kind::INTEGER, ..none },
        AttributeValue::Float(value) => AttributeProto { f: *value, kind: attribute_kind::FLOAT, ..none },
        AttributeValue::Text(value) => AttributeProto { s: bytes(value), kind: attribute_kind::TEXT, ..none },
        AttributeValue::Integers(values) => AttributeProto { ints: values.clone(), kind: attribute_kind::INTEGERS, ..none },
        AttributeValue::Floats(values) => AttributeProto { floats: values.clone(), kind: attribute_kind::FLOATS, ..none },
        AttributeValue::Texts(values) => {
            AttributeProto { strings: values.iter().map(bytes).collect(), kind: attribute_kind::TEXTS, ..none }
        }
        AttributeValue::Tensor(TensorAttribute { data_type, shape, data }) => {
            let raw = data
                .as_ref()
                .and_then(|data| encoded(*data_type, data))
                .ok_or_else(|| WriteError::Attribute { operator: operator.name.clone(), attribute: name.to_owned() })?;
            AttributeProto { t: Some(tensor_proto("", *data_type, shape, Some(raw))), kind: attribute_kind::TENSOR, ..none }
        }
    })
}

fn initializer(tensor: &Tensor, values: Option<Vec<u8>>) -> TensorProto {
    let values = values.filter(|values| values.len() as u64 == tensor.bytes());
    let values = values.or_else(|| encoded(tensor.data_type, tensor.data.as_ref()?));
    tensor_proto(&tensor.name, tensor.data_type, &tensor.shape, values)
}

fn tensor_proto(name: &str, data_type: DataType, shape: &[u64], values: Option<Vec<u8>>) -> TensorProto {
    let tensor = TensorProto {
        name: name.to_owned(),
        data_type: data_type.onnx_code() as i32,
        dims: shape.iter().map(|&size| size as i64).collect(),
        ..TensorProto::default()
    };
    match values {
        Some(values) => TensorProto { raw_data: values.into(), ..tensor },
        None => TensorProto {
            external_data: vec![StringEntryProto { key: "location".to_owned(), value: STRIPPED_LOCATION.to_owned() }],
            data_location: EXTERNAL,
            ..tensor
        },
    }
}

fn value_info(tensor: &Tensor) -> ValueInfoProto {
    let dimension = |&size: &u64| DimensionProto { value: Some(DimensionValue::Size(size as i64)) };
    let shape = Some(TensorShapeProto { dim: tensor.shape.iter().map(dimension).collect() });
    let tensor_type = Some(TensorTypeProto { elem_type: tensor.data_type.onnx_code() as i32, shape });
    ValueInfoProto { name: tensor.name.clone(), value_type: Some(TypeProto { tensor_type }) }
}

/// Values as little-endian bytes of a type; `None` for types that constants do not have.
fn encoded(data_type: DataType, data: &ConstantData) -> Option<Vec<u8>> {
    macro_rules! typed {
        ($number:ty) => {
            match data {
                ConstantData::Integers(values) => values.iter().flat_map(|&value| (value as $number).to_le_bytes()).collect(),
                ConstantData::Floats(values) => values.iter().flat_map(|&value| (value as $number).to_le_bytes()).collect(),
            }
        };
    }
    let halves = |convert: fn(f32) -> u16| {
        data.to_floats().iter().flat_map(|&value| convert(value as f32).to_le_bytes()).collect::<Vec<u8>>()
    };
    Some(match data_type {
        DataType::Float32 => typed!(f32),
        DataType::Float64 => typed!(f64),
        DataType::Float16 => halves(float_to_half),
        DataType::BFloat16 => halves(|value| (value.to_bits() >> 16) as u16),
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

/// IEEE 754 half precision of a number, to the nearest, ties to even.
fn float_to_half(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude > 0x7f80_0000 {
        return sign | 0x7e00;
    }
    let rounded = |shifted: u32, rest: u32, half: u32| {
        let up = rest > half || rest == half && shifted & 1 == 1;
        (shifted + u32::from(up)) as u16
    };
    sign | match magnitude {
        // From halfway between the largest half and what would follow it.
        0x477f_f000.. => 0x7c00,
        0x3880_0000.. => rounded((magnitude - 0x3800_0000) >> 13, magnitude & 0x1fff, 0x1000),
        0x3300_0000.. => {
            // Subnormal: units of 2^-24.
            let shift = 126 - (magnitude >> 23);
            let fraction = magnitude & 0x7f_ffff | 0x80_0000;
            rounded(fraction >> shift, fraction & ((1 << shift) - 1), 1 << (shift - 1))
        }
        _ => 0,
    }
}

/// Values of initialisers by name, for [`write()`].
impl super::WeightValues {
    /// A function that gives the bytes of those of some values that a graph still has, each once.
    pub fn giver(mut all: BTreeMap<String, Self>) -> impl FnMut(&Tensor) -> Option<Vec<u8>> {
        move |tensor| {
            let values = all.remove(&tensor.name)?;
            (values.data_type == tensor.data_type && values.shape == tensor.shape).then_some(values.bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tensors::half_to_float;
    use super::super::{ReadOptions, WeightValues, read_bytes, read_weights_bytes};
    use super::*;

    #[test]
    fn halves_are_rounded_to_the_nearest() {
        for bits in 0..=u16::MAX {
            let value = half_to_float(bits) as f32;
            assert!(value.is_nan() || float_to_half(value) == bits, "{bits:#x} is {value}");
        }
        for (value, expected) in
            [(65_519.0, 0x7bff), (65_520.0, 0x7c00), (1.000_488_3, 0x3c00), (1.000_49, 0x3c01), (2.9e-8, 0), (3.0e-8, 1)]
        {
            assert_eq!(float_to_half(value), expected, "{value}");
        }
    }

    #[test]
    fn every_model_is_read_back_as_it_was() {
        for name in crate::zoo::names() {
            let graph = crate::zoo::load(name, &ReadOptions::default()).expect("in the zoo").expect("valid");
            let bytes = write(&graph, &mut |_| None).expect("written");
            assert_eq!(read_bytes(name, &bytes, &ReadOptions::default()).expect("reads"), graph, "{name}");
        }
    }

    #[test]
    fn given_values_are_kept() {
        let raw = sim::graph::RawGraph::new("test").with_input("x", &[2]).with_weight("w", &[2]).with_weight("v", &[2]);
        let raw = raw.with_operator("Add", &["x", "w"], &["a"], sim::graph::Attributes::new());
        let graph =
            raw.with_operator("Add", &["a", "v"], &["y"], sim::graph::Attributes::new()).with_output("y").build().expect("valid");
        let values = WeightValues {
            name: "w".to_owned(),
            data_type: DataType::Float32,
            shape: vec![2],
            bytes: vec![1, 2, 3, 4, 5, 6, 7, 8],
        };
        let given = [("w".to_owned(), values.clone())].into();
        let bytes = write(&graph, &mut WeightValues::giver(given)).expect("written");
        let mut found = Vec::new();
        read_weights_bytes("test", &bytes, &mut |values| found.push(values)).expect("reads");
        assert_eq!(found, [values]);
    }
}
