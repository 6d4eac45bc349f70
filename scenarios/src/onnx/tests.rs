//! Files made here, field by field: dimensions, sizes beyond memory, errors, and bytes that are no model.

use std::io::{Seek, SeekFrom, Write};

use proptest::prelude::*;
use prost::Message;
use prost::bytes::Bytes;
use prost::encoding::{WireType, encode_key, encode_varint};
use sim::graph::{DataType, TensorRole};

use super::messages::{
    AttributeProto, DimensionProto, DimensionValue, NodeProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto,
    ValueInfoProto, attribute_kind,
};
use super::*;
use crate::zoo;

/// A length-delimited field.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(number, content.len() as u64);
    bytes.extend(content);
    bytes
}

fn header(number: u32, length: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(number, WireType::LengthDelimited, &mut bytes);
    encode_varint(length, &mut bytes);
    bytes
}

fn value(name: &str, dimensions: &[DimensionValue]) -> ValueInfoProto {
    let dim = dimensions.iter().map(|value| DimensionProto { value: Some(value.clone()) }).collect();
    let tensor_type = TensorTypeProto { elem_type: 1, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.to_owned(), value_type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}

fn sized(name: &str, sizes: &[i64]) -> ValueInfoProto {
    value(name, &sizes.iter().map(|&size| DimensionValue::Size(size)).collect::<Vec<_>>())
}

fn named(name: &str) -> DimensionValue {
    DimensionValue::Name(name.to_owned())
}

fn node(op_type: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    let texts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    NodeProto { op_type: op_type.to_owned(), input: texts(inputs), output: texts(outputs), ..NodeProto::default() }
}

/// A model of inputs, nodes, initialisers and the output `y`.
fn model(inputs: &[ValueInfoProto], nodes: &[NodeProto], initializers: &[TensorProto]) -> Vec<u8> {
    let mut graph = field(2, b"made here");
    for node in nodes {
        graph.extend(field(1, &node.encode_to_vec()));
    }
    for tensor in initializers {
        graph.extend(field(5, &tensor.encode_to_vec()));
    }
    for input in inputs {
        graph.extend(field(11, &input.encode_to_vec()));
    }
    graph.extend(field(12, &ValueInfoProto { name: "y".to_owned(), value_type: None }.encode_to_vec()));
    field(7, &graph)
}

fn read_default(bytes: &[u8]) -> Result<Graph, OnnxError> {
    read_bytes("test.onnx", bytes, &ReadOptions::default())
}

fn shape_of(graph: &Graph, tensor: &str) -> Vec<u64> {
    graph.tensor_named(tensor).expect("there").shape.clone()
}

#[test]
fn open_dimensions_are_bound_by_name_or_default_to_one_image() {
    let inputs = [value("x", &[named("batch_size"), named("sequence"), DimensionValue::Size(8)])];
    let bytes = model(&inputs, &[node("Relu", &["x"], &["y"])], &[]);
    let error = read_default(&bytes).expect_err("`sequence` is open").to_string();
    assert!(error.contains("`sequence` (dimension 1 of input `x`); bind them with `--dimension name=value`"), "{error}");

    let mut options = ReadOptions::default();
    options.dimensions.insert("sequence".to_owned(), 128);
    assert_eq!(shape_of(&read_bytes("test", &bytes, &options).expect("bound"), "y"), [1, 128, 8]);
    options.dimensions.insert("batch_size".to_owned(), 4);
    assert_eq!(shape_of(&read_bytes("test", &bytes, &options).expect("bound"), "y"), [4, 128, 8]);
    options.dimensions.insert("sequance".to_owned(), 4);
    let error = read_bytes("test", &bytes, &options).expect_err("a typing error").to_string();
    assert_eq!(error, "`test` has no symbolic dimension `sequance`; it has `batch_size`, `sequence`");

    let mut options = ReadOptions::default();
    options.input_shapes.insert("x".to_owned(), vec![2, 3]);
    assert_eq!(shape_of(&read_bytes("test", &bytes, &options).expect("given"), "y"), [2, 3]);
    options.input_shapes.insert("z".to_owned(), vec![2, 3]);
    assert!(read_bytes("test", &bytes, &options).is_err_and(|error| error.to_string().contains("no input `z`; it has `x`")));
}

#[test]
fn refused_models_say_why() {
    let x = || sized("x", &[1, 3]);
    let subgraph = NodeProto {
        name: "branch".to_owned(),
        attribute: vec![AttributeProto {
            name: "then_branch".to_owned(),
            kind: attribute_kind::GRAPH,
            ..AttributeProto::default()
        }],
        ..node("If", &["x"], &["y"])
    };
    let foreign = NodeProto { domain: "my.company".to_owned(), ..node("Relu", &["x"], &["y"]) };
    let tensor = |dims: &[i64], data_type: i32| TensorProto {
        name: "w".to_owned(),
        dims: dims.to_vec(),
        data_type,
        ..TensorProto::default()
    };
    let mismatched = TensorProto { int64_data: vec![1, 2, 3], ..tensor(&[2], 7) };
    let ragged = TensorProto { raw_data: Bytes::from_static(&[1, 2, 3]), ..tensor(&[2], 7) };
    let add = || [node("Add", &["x", "w"], &["y"])];
    let no_type = ValueInfoProto { name: "x".to_owned(), value_type: Some(TypeProto { tensor_type: None }) };
    let no_shape = TypeProto { tensor_type: Some(TensorTypeProto { elem_type: 1, shape: None }) };
    let no_shape = ValueInfoProto { name: "x".to_owned(), value_type: Some(no_shape) };
    let relu = || [node("Relu", &["x"], &["y"])];
    let mut sparse = model(&[x()], &relu(), &[]);
    sparse.truncate(0);
    sparse.extend(field(7, &field(15, b"")));
    let cases = [
        (Vec::new(), "the file is empty"),
        (vec![0x08, 0x07], "the end is reached without a graph"),
        (vec![0x07], "0 is not a field number"),
        (vec![0x0b], "3 is not a wire type"),
        (vec![0xff; 20], "a number has more than 10 bytes"),
        (field(7, &[0x0a, 0x05, 0x01]), "is truncated: at byte 4, 5 more bytes are announced, but only 1 are left"),
        (field(7, &field(1, &[0x0a, 0x09, 0x01])), "a node of 3 bytes cannot be decoded"),
        (model(&[x()], &[subgraph], &[]), "operator `branch` (If) holds a subgraph (attribute `then_branch`)"),
        (model(&[x()], &[foreign], &[]), "(my.company.Relu): operator type is not known"),
        (model(&[x()], &add(), &[]), "tensor `w` is read by operator `Add_0`"),
        (model(&[x()], &add(), &[tensor(&[-3], 1)]), "tensor `w` has dimension -3"),
        (model(&[x()], &add(), &[tensor(&[3], 99)]), "tensor `w` has element type 99"),
        (model(&[x()], &add(), &[mismatched]), "constant `w` has 3 values, but its shape asks for 2"),
        (model(&[x()], &add(), &[ragged]), "constant `w` has 3 bytes"),
        (model(&[sized("x", &[1, -3])], &relu(), &[]), "tensor `x` has dimension -3"),
        (model(&[sized("x", &[1_000_000_000, 1_000_000_000])], &relu(), &[]), "has more than 2^40 elements"),
        (model(&[x()], &[node("Relu", &["y"], &["y"])], &[]), "operators form a cycle: Relu_0 -> Relu_0"),
        (model(&[x()], &[], &[]), "model `made here` has no operators"),
        (model(&[no_type], &relu(), &[]), "input `x` is not a tensor"),
        (model(&[no_shape], &relu(), &[]), "leaves dimensions open: all of input `x`"),
        (sparse, "it has sparse initialisers"),
    ];
    for (bytes, expected) in cases {
        let error = read_default(&bytes).expect_err(expected).to_string();
        assert!(error.contains(expected) && error.contains("test.onnx"), "`{expected}` is not in `{error}`");
    }
    let error = read("no/such/file.onnx", &ReadOptions::default()).expect_err("no file").to_string();
    assert!(error.starts_with("cannot read `no/such/file.onnx`"), "{error}");
}

#[test]
fn initialisers_that_are_inputs_too_are_weights() {
    let weight = TensorProto { name: "w".to_owned(), dims: vec![3], data_type: 10, ..TensorProto::default() };
    let bytes = model(&[sized("x", &[1, 3]), sized("w", &[3])], &[node("Add", &["x", "w"], &["y"])], &[weight]);
    let graph = read_default(&bytes).expect("valid");
    let weight = graph.tensor_named("w").expect("there");
    assert_eq!((weight.role, weight.data_type), (TensorRole::Weight, DataType::Float16));
    assert_eq!(graph.inputs().len(), 1);
}

#[test]
fn half_precision_constants_are_read() {
    let halves = [0x3c00_u16, 0xc000, 0x3800, 0x0001, 0x7c00];
    let raw: Vec<u8> = halves.iter().flat_map(|bits| bits.to_le_bytes()).collect();
    let tensor = TensorProto { dims: vec![5], data_type: 10, raw_data: Bytes::from(raw), ..TensorProto::default() };
    let expected = vec![1.0, -2.0, 0.5, 1.0 / 16_777_216.0, f64::INFINITY];
    assert_eq!(tensors::values(&tensor, DataType::Float16, &[5]), Ok(Some(sim::graph::ConstantData::Floats(expected))));
}

/// The data of a large initialiser are stepped over: a file of 5 GB, nearly all of it a hole, reads at once.
#[test]
fn files_beyond_two_gigabytes_are_read_without_their_weights() {
    let (rows, columns) = (5 << 14, 1 << 14);
    let elements = (rows * columns) as u64;
    let mut tensor = TensorProto { dims: vec![rows, columns], data_type: 1, ..TensorProto::default() }.encode_to_vec();
    tensor.extend(header(9, elements * 4));
    let name = field(8, b"w");
    let before = field(1, &node("MatMul", &["x", "w"], &["y"]).encode_to_vec());
    let mut after = name.clone();
    let initializer_length = tensor.len() as u64 + elements * 4 + name.len() as u64;
    let initializer_header = header(5, initializer_length);
    after.extend(field(11, &sized("x", &[1, rows]).encode_to_vec()));
    after.extend(field(12, &ValueInfoProto { name: "y".to_owned(), value_type: None }.encode_to_vec()));
    let graph_length = (before.len() + initializer_header.len() + tensor.len() + after.len()) as u64 + elements * 4;

    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    let start = [header(7, graph_length), before, initializer_header, tensor].concat();
    file.write_all(&start).expect("written");
    file.seek(SeekFrom::Current(elements as i64 * 4)).expect("a hole");
    file.write_all(&after).expect("written");
    file.flush().expect("written");

    let graph = read(file.path(), &ReadOptions::default()).expect("valid");
    assert_eq!(graph.total_parameters(), elements);
    assert!(graph.total_weight_bytes() > 1 << 32);
    assert!(graph.tensor_named("w").is_some_and(|tensor| tensor.data.is_none()));
}

/// After the graph only the list of opsets follows, without which a model still reads.
#[test]
fn no_prefix_that_ends_inside_the_graph_is_a_model() {
    const OPSETS_BYTES: usize = 6;
    let bytes = zoo::bytes("espcn_x3").expect("in the zoo");
    for length in 0..bytes.len() - OPSETS_BYTES {
        assert!(read_default(&bytes[..length]).is_err(), "{length} bytes of {}", bytes.len());
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_default(&bytes);
        let _ = read_default(&field(7, &bytes));
        let _ = read_default(&field(7, &field(1, &bytes)));
    }

    #[test]
    fn damaged_models_never_panic(
        model in prop::sample::select(vec!["bert_tiny_4x312", "yolov8n_like", "retinaface_mobilenet025", "swin_t", "espcn_x3"]),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = zoo::bytes(model).expect("in the zoo").to_vec();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = read_default(&bytes);
        let _ = read_default(&bytes[..cut.index(bytes.len())]);
    }
}
