//! Just enough of a protobuf writer to make ONNX files, most of them wrong.

/// One operator: type, inputs, outputs.
pub(crate) type Node<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

/// An ONNX file of a matrix product with a weight of 8 x 1000, all of one value.
pub(crate) fn with_weight(value: f32) -> Vec<u8> {
    let mut weight = Vec::new();
    number(&mut weight, 1, 8);
    number(&mut weight, 1, 1000);
    number(&mut weight, 2, 1);
    bytes(&mut weight, 8, b"weight");
    bytes(&mut weight, 9, &value.to_le_bytes().repeat(8000));
    file(&[4, 8], &[("MatMul", &["image", "weight"], &["result"])], &[weight])
}

/// An ONNX file with one input `image` of the given shape and one output `result`.
pub(crate) fn model(shape: &[u64], nodes: &[Node<'_>]) -> Vec<u8> {
    file(shape, nodes, &[])
}

fn file(shape: &[u64], nodes: &[Node<'_>], initializers: &[Vec<u8>]) -> Vec<u8> {
    let mut graph = Vec::new();
    for (index, (op_type, inputs, outputs)) in nodes.iter().enumerate() {
        let mut node = Vec::new();
        inputs.iter().for_each(|input| bytes(&mut node, 1, input.as_bytes()));
        outputs.iter().for_each(|output| bytes(&mut node, 2, output.as_bytes()));
        bytes(&mut node, 3, format!("node_{index}").as_bytes());
        bytes(&mut node, 4, op_type.as_bytes());
        bytes(&mut graph, 1, &node);
    }
    bytes(&mut graph, 2, b"wrong");
    for initializer in initializers {
        bytes(&mut graph, 5, initializer);
    }
    bytes(&mut graph, 11, &value("image", Some(shape)));
    bytes(&mut graph, 12, &value("result", None));
    let mut model = Vec::new();
    number(&mut model, 1, 8);
    bytes(&mut model, 7, &graph);
    let mut opset = Vec::new();
    number(&mut opset, 2, 16);
    bytes(&mut model, 8, &opset);
    model
}

fn value(name: &str, shape: Option<&[u64]>) -> Vec<u8> {
    let mut dimensions = Vec::new();
    for &size in shape.unwrap_or_default() {
        let mut dimension = Vec::new();
        number(&mut dimension, 1, size);
        bytes(&mut dimensions, 1, &dimension);
    }
    let mut tensor = Vec::new();
    number(&mut tensor, 1, 1);
    if shape.is_some() {
        bytes(&mut tensor, 2, &dimensions);
    }
    let mut kind = Vec::new();
    bytes(&mut kind, 1, &tensor);
    let mut value = Vec::new();
    bytes(&mut value, 1, name.as_bytes());
    bytes(&mut value, 2, &kind);
    value
}

fn number(into: &mut Vec<u8>, field: u64, value: u64) {
    variable(into, field << 3);
    variable(into, value);
}

fn bytes(into: &mut Vec<u8>, field: u64, value: &[u8]) {
    variable(into, field << 3 | 2);
    variable(into, value.len() as u64);
    into.extend(value);
}

fn variable(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}
