//! Writes a unit as the bytes of an ONNX file, values of all constants included: the way into ONNX Runtime that everybody else
//! takes. Field numbers are those of `onnx.proto`.

use executor::{Tensor, Unit};
use sim::graph::{AttributeValue, Operator};
use sim::identifiers::TensorId;

/// Operator set of graphs that do not say theirs.
const DEFAULT_OPSET: u32 = 17;

/// The bytes of a `ModelProto`.
pub(crate) fn bytes(unit: &Unit) -> Vec<u8> {
    let graph = &unit.graph;
    let mut written = Message::default();
    for operator in graph.operators() {
        written.message(1, &node(unit, operator));
    }
    written.text(2, &graph.name);
    for (&id, tensor) in &unit.constants {
        written.message(5, &tensor_proto(&graph.tensor(id).name, tensor));
    }
    for &id in graph.inputs() {
        written.message(11, &value_info(unit, id));
    }
    for &id in graph.outputs() {
        written.message(12, &value_info(unit, id));
    }
    let mut opset = Message::default();
    opset.text(1, "");
    opset.integer(2, i64::from(graph.opset_version.unwrap_or(DEFAULT_OPSET)));
    let mut model = Message::default();
    model.integer(1, 8);
    model.message(7, &written);
    model.message(8, &opset);
    model.0
}

fn node(unit: &Unit, operator: &Operator) -> Message {
    let name = |id: TensorId| unit.graph.tensor(id).name.as_str();
    let mut node = Message::default();
    operator.inputs.iter().for_each(|input| node.text(1, input.map_or("", name)));
    operator.outputs.iter().for_each(|&output| node.text(2, name(output)));
    node.text(3, &operator.name);
    node.text(4, &operator.op_type);
    for (key, value) in operator.attributes.iter() {
        let mut attribute = Message::default();
        attribute.text(1, key);
        let kind = match value {
            AttributeValue::Float(value) => {
                attribute.float(2, *value);
                1
            }
            AttributeValue::Integer(value) => {
                attribute.integer(3, *value);
                2
            }
            AttributeValue::Text(value) => {
                attribute.text(4, value);
                3
            }
            AttributeValue::Floats(values) => {
                for &value in values {
                    attribute.float(7, value);
                }
                6
            }
            AttributeValue::Integers(values) => {
                for &value in values {
                    attribute.integer(8, value);
                }
                7
            }
            AttributeValue::Texts(values) => {
                for value in values {
                    attribute.text(9, value);
                }
                8
            }
            AttributeValue::Tensor(_) => panic!("attribute `{key}` of `{}` is a tensor", operator.name),
        };
        attribute.integer(20, kind);
        node.message(5, &attribute);
    }
    node.text(7, &operator.domain);
    node
}

fn tensor_proto(name: &str, tensor: &Tensor) -> Message {
    let mut written = Message::default();
    tensor.shape.iter().for_each(|&size| written.integer(1, size as i64));
    written.integer(2, tensor.data_type.onnx_code());
    written.text(8, name);
    written.bytes(9, tensor.bytes());
    written
}

fn value_info(unit: &Unit, id: TensorId) -> Message {
    let tensor = unit.graph.tensor(id);
    let (mut shape, mut tensor_type, mut of_type, mut info) =
        (Message::default(), Message::default(), Message::default(), Message::default());
    for &size in &tensor.shape {
        let mut dimension = Message::default();
        dimension.integer(1, size as i64);
        shape.message(1, &dimension);
    }
    tensor_type.integer(1, tensor.data_type.onnx_code());
    tensor_type.message(2, &shape);
    of_type.message(1, &tensor_type);
    info.text(1, &tensor.name);
    info.message(2, &of_type);
    info
}

/// A protobuf message in the making.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn integer(&mut self, field: u64, value: i64) {
        self.varint(field << 3);
        self.varint(value as u64);
    }

    fn float(&mut self, field: u64, value: f32) {
        self.varint(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
    }

    fn text(&mut self, field: u64, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    fn message(&mut self, field: u64, message: &Self) {
        self.bytes(field, &message.0);
    }
}
