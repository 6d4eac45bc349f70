//! The OpenCL processor against a naive reference in double precision, whole models, transfers and failures.

#![allow(clippy::print_stderr, reason = "tests say what they skip")]

mod reference;

use std::collections::BTreeMap;

use executor::opencl::{self, OpenClProcessor};
use executor::weights::Weights;
use executor::{DeviceMemory, HostBuffer, Operand, Processor, ProcessorErrorKind, Region, Tensor, Transfer, Unit};
use sim::graph::{AttributeValue, Attributes, DataType, Graph, RawGraph};
use sim::identifiers::TensorId;

/// Largest difference allowed, relative to the largest value of the result.
const TOLERANCE: f64 = 1e-4;

/// The first device. `None`, said on stderr, where there is none; a failure if `SOCRATES_REQUIRE_DEVICES` is 1.
fn open(transfer: Transfer) -> Option<OpenClProcessor> {
    match OpenClProcessor::open(0, DeviceMemory::Buffer, transfer) {
        Ok(processor) => Some(processor),
        Err(error) if error.kind == ProcessorErrorKind::Missing => {
            assert!(std::env::var("SOCRATES_REQUIRE_DEVICES").as_deref() != Ok("1"), "a device is required: {error}");
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Runs a unit by the processor's transfer and gives its outputs.
fn run(processor: &mut dyn Processor, unit: &Unit, inputs: &[Tensor]) -> Vec<Tensor> {
    let graph = &unit.graph;
    processor.support(graph).expect("supported");
    let prepared = processor.prepare(unit).expect("prepared");
    let is_mapped = processor.description().transfer == Transfer::Map;
    let mut hosts = Vec::new();
    let mut operands: Vec<Operand> = Vec::new();
    let bytes_of = |id| graph.tensor(id).bytes() as usize;
    let given = inputs.iter().map(|input| HostBuffer::from_bytes(input.bytes()));
    let wanted = graph.outputs().iter().map(|&id| HostBuffer::zeroed(bytes_of(id)));
    for host in given.chain(wanted) {
        let buffer = if is_mapped { processor.share(&host) } else { processor.allocate(host.len()) }.expect("memory");
        if is_mapped {
            processor.unmap(buffer).expect("unmapped");
        } else {
            let whole = Region::whole(host.len());
            processor.upload(&host, whole, buffer, whole).expect("uploaded");
        }
        operands.push(buffer.into());
        hosts.push(host);
    }
    let (sources, targets) = operands.split_at(inputs.len());
    processor.launch(prepared, sources, targets).expect("launched");
    let completion = processor.wait().expect("ended");
    assert!(completion.busy_ns.is_some() || completion.kernels.is_empty());
    for (operand, host) in targets.iter().zip(&hosts[inputs.len()..]) {
        if is_mapped {
            processor.map(operand.buffer).expect("mapped");
        } else {
            let whole = Region::whole(host.len());
            processor.download(operand.buffer, whole, host, whole).expect("downloaded");
        }
    }
    for operand in &operands {
        processor.release(operand.buffer);
    }
    processor.discard(prepared);
    let tensors = graph.outputs().iter().zip(hosts.into_iter().skip(inputs.len())).map(|(&id, host)| {
        let tensor = graph.tensor(id);
        Tensor::from_buffer(tensor.data_type, &tensor.shape, host).expect("nobody holds it")
    });
    tensors.collect()
}

fn unit(graph: &Graph) -> (Unit, Vec<Tensor>) {
    let weights = Weights::drawn();
    let inputs = graph.inputs().iter().map(|&id| weights.input(graph, id, 1).expect("drawn")).collect();
    (Unit::of_model(graph, &weights).expect("a unit"), inputs)
}

/// Runs a graph on the processor and by the reference.
fn check(processor: &mut OpenClProcessor, raw: RawGraph) {
    let name = raw.name.clone();
    let graph = raw.build().unwrap_or_else(|error| panic!("{name}: {error}"));
    let (unit, inputs) = unit(&graph);
    let expected = reference::evaluate(&unit.graph, &unit.constants, &inputs);
    for (found, expected) in run(processor, &unit, &inputs).iter().zip(&expected) {
        let difference = found.relative_difference(expected).unwrap_or(f64::INFINITY);
        assert!(difference <= TOLERANCE, "{name}: difference {difference:e}");
    }
}

fn integers(values: &[i64]) -> AttributeValue {
    AttributeValue::Integers(values.to_vec())
}

/// A graph of one operator: shapes of its inputs, then of its weights.
fn one(op_type: &str, inputs: &[&[u64]], weights: &[&[u64]], attributes: Attributes) -> RawGraph {
    let mut graph = RawGraph::new(format!("{op_type} of {inputs:?} and {weights:?} with {attributes:?}"));
    graph.opset_version = Some(16);
    let mut names = Vec::new();
    for (index, shape) in inputs.iter().enumerate() {
        names.push(format!("x{index}"));
        graph = graph.with_input(&names[index], shape);
    }
    for (index, shape) in weights.iter().enumerate() {
        names.push(format!("w{index}"));
        graph = graph.with_weight(&names[inputs.len() + index], shape);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    graph.with_operator(op_type, &names, &["y"], attributes).with_output("y")
}

fn convolution(kernel: &[i64], strides: &[i64], pads: &[i64], dilations: &[i64], group: i64) -> Attributes {
    Attributes::new()
        .with("kernel_shape", integers(kernel))
        .with("strides", integers(strides))
        .with("pads", integers(pads))
        .with("dilations", integers(dilations))
        .with("group", AttributeValue::Integer(group))
}

#[test]
fn convolutions_agree_with_the_reference() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let mut check = |input: &[u64], weight: &[u64], attributes: Attributes, has_bias: bool| {
        let bias = [weight[0]];
        let weights: Vec<&[u64]> = if has_bias { vec![weight, &bias] } else { vec![weight] };
        check(&mut processor, one("Conv", &[input], &weights, attributes));
    };
    let plain =
        |kernel: i64, stride: i64, pad: i64, group: i64| convolution(&[kernel; 2], &[stride; 2], &[pad; 4], &[1; 2], group);
    check(&[1, 8, 12, 10], &[24, 8, 1, 1], plain(1, 1, 0, 1), true);
    check(&[2, 5, 7, 7], &[13, 5, 1, 1], plain(1, 1, 0, 1), true);
    check(&[1, 5, 3, 3], &[13, 5, 1, 1], plain(1, 1, 0, 1), false);
    check(&[1, 8, 9, 9], &[16, 8, 1, 1], plain(1, 2, 0, 1), true);
    check(&[1, 3, 17, 19], &[9, 3, 3, 3], plain(3, 1, 1, 1), true);
    check(&[2, 4, 16, 15], &[8, 4, 3, 3], plain(3, 2, 1, 1), true);
    check(&[1, 3, 33, 31], &[10, 3, 7, 7], plain(7, 2, 3, 1), true);
    check(&[1, 3, 35, 35], &[8, 3, 11, 11], plain(11, 4, 2, 1), true);
    check(&[1, 3, 32, 32], &[20, 3, 16, 16], plain(16, 16, 0, 1), true);
    check(&[1, 6, 14, 14], &[7, 6, 3, 3], convolution(&[3; 2], &[1; 2], &[2; 4], &[2; 2], 1), true);
    check(&[1, 6, 14, 14], &[7, 6, 3, 3], convolution(&[3; 2], &[2; 2], &[12; 4], &[12; 2], 1), true);
    check(&[1, 6, 11, 13], &[7, 6, 1, 7], convolution(&[1, 7], &[1; 2], &[0, 3, 0, 3], &[1; 2], 1), true);
    check(&[1, 6, 11, 13], &[7, 6, 3, 1], convolution(&[3, 1], &[1, 2], &[1, 0, 1, 0], &[1; 2], 1), false);
    check(&[1, 6, 11, 13], &[7, 6, 3, 2], convolution(&[3, 2], &[3, 1], &[2, 0, 0, 1], &[1, 2], 1), true);
    // Rows cut out of a larger image have other padding above than below.
    check(&[1, 6, 6, 13], &[7, 6, 3, 3], convolution(&[3; 2], &[1; 2], &[0, 1, 1, 1], &[1; 2], 1), true);
    // Grouped.
    check(&[1, 12, 10, 10], &[24, 4, 3, 3], plain(3, 1, 1, 3), true);
    check(&[2, 16, 9, 9], &[18, 8, 1, 1], plain(1, 1, 0, 2), true);
    // Depthwise, also with several filters a channel.
    check(&[1, 16, 14, 14], &[16, 1, 3, 3], plain(3, 1, 1, 16), true);
    check(&[2, 5, 15, 17], &[5, 1, 3, 3], plain(3, 2, 1, 5), true);
    check(&[1, 7, 7, 7], &[7, 1, 5, 5], plain(5, 1, 2, 7), false);
    check(&[1, 3, 7, 7], &[6, 1, 3, 3], plain(3, 1, 1, 3), true);
    check(&[2, 3, 12, 12], &[48, 1, 3, 3], plain(3, 1, 1, 3), true);
    check(&[1, 4, 20, 20], &[4, 1, 5, 5], convolution(&[5; 2], &[2; 2], &[4; 4], &[2; 2], 4), true);
    check(&[1, 2, 140, 130], &[2, 1, 7, 7], plain(7, 1, 3, 2), true);
    let automatic = |mode: &str, stride: i64| {
        Attributes::new().with("auto_pad", AttributeValue::Text(mode.to_owned())).with("strides", integers(&[stride; 2]))
    };
    check(&[1, 4, 9, 10], &[6, 4, 3, 2], automatic("SAME_UPPER", 2), true);
    check(&[1, 4, 9, 10], &[6, 4, 2, 4], automatic("SAME_LOWER", 1), true);
    check(&[1, 4, 9, 10], &[6, 4, 3, 3], automatic("VALID", 1), true);
    // One spatial dimension.
    check(&[1, 4, 21], &[6, 4, 3], convolution(&[3], &[2], &[1, 1], &[1], 1), true);
}

#[test]
fn transposed_convolutions_agree_with_the_reference() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let mut check = |input: &[u64], weight: &[u64], stride: i64, pad: i64, extra: i64, dilation: i64| {
        let attributes = convolution(&[weight[2] as i64; 2], &[stride; 2], &[pad; 4], &[dilation; 2], 1)
            .with("output_padding", integers(&[extra; 2]));
        check(&mut processor, one("ConvTranspose", &[input], &[weight, &[weight[1]]], attributes));
    };
    check(&[1, 6, 7, 7], &[6, 5, 2, 2], 2, 0, 0, 1);
    check(&[2, 4, 5, 6], &[4, 3, 3, 3], 2, 1, 1, 1);
    check(&[1, 4, 2, 3], &[4, 9, 4, 4], 3, 1, 0, 1);
    check(&[1, 3, 6, 6], &[3, 3, 3, 3], 1, 1, 0, 2);
}

#[test]
fn matrix_products_agree_with_the_reference() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let mut check = |op_type: &str, inputs: &[&[u64]], weights: &[&[u64]], attributes: Attributes| {
        check(&mut processor, one(op_type, inputs, weights, attributes));
    };
    let none = Attributes::new;
    check("MatMul", &[&[5, 17]], &[&[17, 33]], none());
    check("MatMul", &[&[2, 9, 24]], &[&[24, 40]], none());
    check("MatMul", &[&[1, 48]], &[&[48, 100]], none());
    check("MatMul", &[&[2, 3, 9, 24], &[2, 3, 24, 20]], &[], none());
    check("MatMul", &[&[2, 3, 9, 24], &[3, 24, 7]], &[], none());
    check("MatMul", &[&[3, 9, 24], &[2, 1, 24, 49]], &[], none());
    check("MatMul", &[&[9, 24], &[2, 24, 16]], &[], none());
    check("MatMul", &[&[4, 2, 5, 6]], &[&[2, 6, 5]], none());
    check("MatMul", &[&[4, 6, 70], &[70, 3]], &[], none());
    let gemm = |trans_a: i64, trans_b: i64, alpha: f32, beta: f32| {
        none()
            .with("transA", AttributeValue::Integer(trans_a))
            .with("transB", AttributeValue::Integer(trans_b))
            .with("alpha", AttributeValue::Float(alpha))
            .with("beta", AttributeValue::Float(beta))
    };
    check("Gemm", &[&[1, 64]], &[&[100, 64], &[100]], gemm(0, 1, 1.0, 1.0));
    check("Gemm", &[&[7, 30]], &[&[30, 50], &[50]], gemm(0, 0, 0.5, 2.0));
    check("Gemm", &[&[30, 7]], &[&[50, 30], &[1, 50]], gemm(1, 1, 1.0, 1.0));
    check("Gemm", &[&[7, 30]], &[&[30, 50]], gemm(0, 0, 1.0, 1.0));
    check("Gemm", &[&[7, 30], &[30, 50], &[7, 50]], &[], gemm(0, 0, 1.0, 1.0));
}

#[test]
fn pooling_agrees_with_the_reference() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let mut check = |op_type: &str, input: &[u64], kernel: i64, stride: i64, pad: i64, more: &[(&str, i64)]| {
        let mut attributes = Attributes::new()
            .with("kernel_shape", integers(&[kernel; 2]))
            .with("strides", integers(&[stride; 2]))
            .with("pads", integers(&[pad; 4]));
        for &(name, value) in more {
            attributes.insert(name, AttributeValue::Integer(value));
        }
        check(&mut processor, one(op_type, &[input], &[], attributes));
    };
    for op_type in ["MaxPool", "AveragePool"] {
        check(op_type, &[2, 3, 12, 12], 2, 2, 0, &[]);
        check(op_type, &[1, 5, 13, 11], 3, 2, 1, &[]);
        check(op_type, &[1, 5, 13, 14], 3, 2, 0, &[("ceil_mode", 1)]);
        check(op_type, &[1, 5, 14, 14], 3, 2, 1, &[("ceil_mode", 1)]);
        check(op_type, &[1, 4, 9, 9], 5, 1, 2, &[]);
        check(op_type, &[1, 4, 9, 9], 1, 2, 0, &[]);
    }
    check("AveragePool", &[1, 4, 9, 9], 3, 1, 1, &[("count_include_pad", 1)]);
    check("AveragePool", &[1, 4, 10, 9], 3, 2, 1, &[("count_include_pad", 1), ("ceil_mode", 1)]);
}

#[test]
fn functions_agree_with_the_reference() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let plain = [
        "Relu",
        "LeakyRelu",
        "Sigmoid",
        "HardSigmoid",
        "HardSwish",
        "Tanh",
        "Erf",
        "Exp",
        "Neg",
        "Abs",
        "Reciprocal",
        "Floor",
        "Ceil",
        "Elu",
    ];
    for op_type in plain {
        check(&mut processor, one(op_type, &[&[2, 3, 7, 11]], &[], Attributes::new()));
    }
    // Roots and logarithms of what is positive.
    for op_type in ["Sqrt", "Log"] {
        let raw = one(op_type, &[&[3, 50]], &[], Attributes::new());
        let mut graph = RawGraph { operators: Vec::new(), outputs: Vec::new(), ..raw };
        graph = graph
            .with_operator("Exp", &["x0"], &["e"], Attributes::new())
            .with_operator(op_type, &["e"], &["y"], Attributes::new())
            .with_output("y");
        check(&mut processor, graph);
    }
    let sharp = Attributes::new().with("alpha", AttributeValue::Float(2.0)).with("beta", AttributeValue::Float(0.3));
    check(&mut processor, one("HardSigmoid", &[&[100]], &[], sharp.clone()));
    check(&mut processor, one("LeakyRelu", &[&[100]], &[], sharp));
}

#[test]
fn arithmetic_broadcasts_like_the_reference() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    for op_type in ["Add", "Sub", "Mul", "Div", "Min", "Max"] {
        let mut check =
            |inputs: &[&[u64]], weights: &[&[u64]]| check(&mut processor, one(op_type, inputs, weights, Attributes::new()));
        check(&[&[2, 3, 5, 7]], &[&[2, 3, 5, 7]]);
        check(&[&[2, 3, 5, 40]], &[&[1]]);
        check(&[&[2, 3, 5, 7]], &[&[3, 1, 1]]);
        check(&[&[2, 3, 1, 1]], &[&[2, 3, 5, 7]]);
        check(&[&[2, 9, 40]], &[&[40]]);
        check(&[&[2, 1, 3, 1, 2, 5]], &[&[2, 3, 1, 4, 1, 5]]);
        if op_type != "Div" {
            check(&[&[4, 6, 33], &[4, 6, 1]], &[]);
        }
    }
    for exponent in [2.0, 0.5, 3.0, 1.7] {
        let mut graph = RawGraph::new(format!("Exp and Pow {exponent}")).with_input("x", &[2, 77]);
        graph.initializers.push(sim::graph::RawTensor {
            name: "p".to_owned(),
            data_type: DataType::Float32,
            shape: Vec::new(),
            data: Some(sim::graph::ConstantData::Floats(vec![exponent])),
        });
        let graph = graph
            .with_operator("Exp", &["x"], &["e"], Attributes::new())
            .with_operator("Pow", &["e", "p"], &["y"], Attributes::new())
            .with_output("y");
        check(&mut processor, graph);
    }
}

#[test]
fn normalisations_and_reductions_agree_with_the_reference() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let mut check = |op_type: &str, input: &[u64], weights: &[&[u64]], attributes: Attributes| {
        check(&mut processor, one(op_type, &[input], weights, attributes));
    };
    let axis = |axis: i64| Attributes::new().with("axis", AttributeValue::Integer(axis));
    let over =
        |axes: &[i64], keep: i64| Attributes::new().with("axes", integers(axes)).with("keepdims", AttributeValue::Integer(keep));
    check("BatchNormalization", &[2, 5, 6, 7], &[&[5], &[5], &[5], &[5]], Attributes::new());
    check("InstanceNormalization", &[2, 5, 9, 7], &[&[5], &[5]], Attributes::new());
    for last in [-1, 1] {
        let parameters: &[u64] = if last == 1 { &[6, 20] } else { &[20] };
        let mut graph = one("LayerNormalization", &[&[3, 6, 20]], &[parameters, parameters], axis(last));
        graph.opset_version = Some(17);
        let (unit, inputs) = unit(&graph.build().expect("valid"));
        let expected = reference::evaluate(&unit.graph, &unit.constants, &inputs);
        let mut processor = open(Transfer::Copy).expect("there");
        let difference = run(&mut processor, &unit, &inputs)[0].relative_difference(&expected[0]).expect("comparable");
        assert!(difference <= TOLERANCE, "{difference:e}");
    }
    check("Softmax", &[2, 3, 40], &[], axis(-1));
    check("Softmax", &[2, 3, 5], &[], axis(-1));
    check("Softmax", &[2, 37, 5], &[], axis(1));
    check("GlobalAveragePool", &[2, 5, 7, 7], &[], Attributes::new());
    check("ReduceMean", &[2, 5, 7, 7], &[], over(&[2, 3], 0));
    check("ReduceMean", &[2, 9, 33], &[], over(&[-1], 1));
    check("ReduceMean", &[2, 9, 33, 5], &[], over(&[1, 2], 0));
    check("ReduceMean", &[2, 9, 33], &[], over(&[0, 1, 2], 1));
}

#[test]
fn movements_agree_with_the_reference() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let axis = |axis: i64| Attributes::new().with("axis", AttributeValue::Integer(axis));
    for (shape, order) in [
        (&[2_u64, 3, 4][..], &[0_i64, 2, 1][..]),
        (&[2, 3, 4, 5], &[0, 2, 3, 1]),
        (&[2, 3, 4, 5], &[0, 3, 1, 2]),
        (&[2, 3, 4, 5, 6], &[0, 2, 1, 3, 4]),
        (&[1, 2, 7, 2, 7, 5], &[0, 1, 3, 2, 4, 5]),
    ] {
        check(&mut processor, one("Transpose", &[shape], &[], Attributes::new().with("perm", integers(order))));
    }
    check(&mut processor, one("Transpose", &[&[7, 9]], &[], Attributes::new()));
    check(&mut processor, one("Concat", &[&[2, 3, 5], &[2, 4, 5], &[2, 1, 5]], &[], axis(1)));
    check(&mut processor, one("Concat", &[&[2, 3, 5], &[2, 3, 1]], &[], axis(-1)));
    for (starts, ends, axes, steps) in [
        (&[1_i64, 0][..], &[3_i64, 4][..], &[0_i64, 2][..], &[1_i64, 2][..]),
        (&[-3], &[i64::MAX], &[1], &[1]),
        (&[-1], &[i64::MIN], &[2], &[-1]),
    ] {
        let graph = RawGraph::new(format!("Slice {starts:?} {ends:?} {axes:?} {steps:?}"))
            .with_input("x", &[4, 5, 6])
            .with_integers("starts", starts)
            .with_integers("ends", ends)
            .with_integers("axes", axes)
            .with_integers("steps", steps)
            .with_operator("Slice", &["x", "starts", "ends", "axes", "steps"], &["y"], Attributes::new())
            .with_output("y");
        check(&mut processor, graph);
    }
    let graph = RawGraph::new("Split")
        .with_input("x", &[2, 7, 5])
        .with_integers("sizes", &[3, 4])
        .with_operator("Split", &["x", "sizes"], &["a", "b"], axis(1))
        .with_output("a")
        .with_output("b");
    check(&mut processor, graph);
    let block = |mode: &str| {
        Attributes::new().with("blocksize", AttributeValue::Integer(3)).with("mode", AttributeValue::Text(mode.to_owned()))
    };
    check(&mut processor, one("DepthToSpace", &[&[2, 18, 4, 5]], &[], block("DCR")));
    check(&mut processor, one("DepthToSpace", &[&[2, 18, 4, 5]], &[], block("CRD")));
    let two = Attributes::new().with("blocksize", AttributeValue::Integer(2));
    check(&mut processor, one("SpaceToDepth", &[&[2, 3, 4, 6]], &[], two));
    let graph = RawGraph::new("Pad")
        .with_input("x", &[2, 3, 4])
        .with_integers("pads", &[0, 1, 2, 1, 0, 3])
        .with_operator("Pad", &["x", "pads"], &["y"], Attributes::new())
        .with_output("y");
    check(&mut processor, graph);
    let graph = RawGraph::new("Expand")
        .with_input("x", &[3, 1])
        .with_integers("shape", &[2, 3, 6])
        .with_operator("Expand", &["x", "shape"], &["y"], Attributes::new())
        .with_output("y");
    check(&mut processor, graph);
    let graph = RawGraph::new("Gather by known indices")
        .with_input("x", &[2, 5, 3])
        .with_integers("i", &[4, 0, -1])
        .with_operator("Gather", &["x", "i"], &["y"], axis(1))
        .with_output("y");
    check(&mut processor, graph);
    let graph = RawGraph::new("Gather from a table")
        .with_typed_input("i", DataType::Int64, &[1, 7])
        .with_weight("table", &[11, 9])
        .with_operator("Gather", &["table", "i"], &["y"], axis(0))
        .with_output("y");
    check(&mut processor, graph);
    let graph = RawGraph::new("Cast and Reshape")
        .with_typed_input("x", DataType::Int64, &[1, 12])
        .with_integers("shape", &[3, 4])
        .with_operator("Cast", &["x"], &["f"], Attributes::new().with("to", AttributeValue::Integer(1)))
        .with_operator("Reshape", &["f", "shape"], &["y"], Attributes::new())
        .with_output("y");
    check(&mut processor, graph);
    let graph = RawGraph::new("only a view")
        .with_input("x", &[2, 3, 4])
        .with_operator("Flatten", &["x"], &["y"], Attributes::new())
        .with_output("y");
    check(&mut processor, graph);
}

#[test]
fn resizing_agrees_with_the_reference() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let mut check = |mode: &str, coordinates: &str, rounding: &str, sizes: &[i64]| {
        let text = |value: &str| AttributeValue::Text(value.to_owned());
        let attributes = Attributes::new()
            .with("mode", text(mode))
            .with("coordinate_transformation_mode", text(coordinates))
            .with("nearest_mode", text(rounding));
        let mut graph = RawGraph::new(format!("Resize {mode} {coordinates} {rounding} {sizes:?}"))
            .with_input("x", &[1, 3, 7, 5])
            .with_integers("sizes", sizes);
        graph = graph.with_operator("Resize", &["x", "", "", "sizes"], &["y"], attributes).with_output("y");
        check(&mut processor, graph);
    };
    check("nearest", "asymmetric", "floor", &[1, 3, 14, 10]);
    check("nearest", "half_pixel", "round_prefer_floor", &[1, 3, 10, 3]);
    check("nearest", "half_pixel", "ceil", &[1, 3, 9, 13]);
    check("linear", "half_pixel", "floor", &[1, 3, 28, 17]);
    check("linear", "asymmetric", "floor", &[1, 3, 14, 10]);
    check("linear", "align_corners", "floor", &[1, 3, 4, 9]);
}

#[test]
fn operators_joined_to_one_kernel_agree_with_the_reference() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let none = Attributes::new;
    let base = |name: &str| {
        RawGraph::new(name)
            .with_input("x", &[1, 6, 12, 11])
            .with_weight("w", &[10, 6, 3, 3])
            .with_weight("b", &[10])
            .with_operator("Conv", &["x", "w", "b"], &["c"], none().with("pads", integers(&[1, 1, 1, 1])))
    };
    for op_type in ["Relu", "LeakyRelu", "HardSwish", "Sigmoid", "Tanh"] {
        check(&mut processor, base(op_type).with_operator(op_type, &["c"], &["y"], none()).with_output("y"));
    }
    let silu = base("SiLU")
        .with_operator("Sigmoid", &["c"], &["s"], none())
        .with_operator("Mul", &["c", "s"], &["y"], none())
        .with_output("y");
    check(&mut processor, silu);
    let mut normalized = base("BatchNormalization and Relu");
    for name in ["scale", "offset", "mean", "variance"] {
        normalized = normalized.with_weight(name, &[10]);
    }
    let normalized = normalized
        .with_operator("BatchNormalization", &["c", "scale", "offset", "mean", "variance"], &["n"], none())
        .with_operator("Relu", &["n"], &["y"], none())
        .with_output("y");
    check(&mut processor, normalized);
    let residual = base("addition and Relu")
        .with_weight("v", &[10, 6, 1, 1])
        .with_operator("Conv", &["x", "v"], &["d"], none())
        .with_operator("Add", &["c", "d"], &["a"], none())
        .with_operator("Relu", &["a"], &["y"], none())
        .with_output("y");
    check(&mut processor, residual);
    let both = base("both the sum and its part are wanted")
        .with_operator("Relu", &["c"], &["r"], none())
        .with_operator("Add", &["c", "r"], &["y"], none())
        .with_output("y")
        .with_output("c");
    check(&mut processor, both);
    let twice = base("twice the same").with_operator("Add", &["c", "c"], &["y"], none()).with_output("y");
    check(&mut processor, twice);
    let depthwise = RawGraph::new("depthwise, Clip")
        .with_input("x", &[1, 6, 12, 11])
        .with_weight("w", &[6, 1, 3, 3])
        .with_operator("Conv", &["x", "w"], &["c"], none().with("group", AttributeValue::Integer(6)))
        .with_operator("HardSwish", &["c"], &["y"], none())
        .with_output("y");
    check(&mut processor, depthwise);
    let product = RawGraph::new("product, bias, residual")
        .with_input("x", &[1, 9, 24])
        .with_input("r", &[1, 9, 40])
        .with_weight("w", &[24, 40])
        .with_weight("b", &[40])
        .with_operator("MatMul", &["x", "w"], &["m"], none())
        .with_operator("Add", &["b", "m"], &["a"], none())
        .with_operator("Add", &["a", "r"], &["y"], none())
        .with_output("y");
    check(&mut processor, product);
}

fn model(name: &str) -> Graph {
    scenarios::zoo::load(name, &scenarios::onnx::ReadOptions::default()).expect("in the zoo").expect("valid")
}

#[test]
fn whole_models_run_as_one_unit() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    for name in ["mobilenet_v2", "squeezenet1_1", "resnet18"] {
        let graph = model(name);
        let (unit, inputs) = unit(&graph);
        let outputs = run(&mut processor, &unit, &inputs);
        let values = outputs[0].values::<f32>();
        assert!(values.iter().all(|value| value.is_finite()), "{name} is not finite");
        assert!(values.iter().any(|value| value.abs() > 1e-6), "{name} is all zeros");
    }
}

#[test]
fn whole_models_equal_the_chain_of_their_operators() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    // Between them: squeeze and excite, shuffled channels, concatenations, attention.
    for name in ["mobilenet_v3_large", "shufflenet_v2_x1_0", "squeezenet1_1", "bert_tiny_4x312"] {
        let graph = model(name);
        let (whole, inputs) = unit(&graph);
        let weights = Weights::drawn();
        let mut values: BTreeMap<String, Tensor> = BTreeMap::new();
        for (&id, input) in graph.inputs().iter().zip(&inputs) {
            values.insert(graph.tensor(id).name.clone(), input.clone());
        }
        for &id in graph.topological_order().iter().filter(|&&id| !graph.is_static(id)) {
            let outputs = &graph.operator(id).outputs;
            let alone = Unit::of_operators(&graph, &[id], outputs, &weights).expect("a unit");
            let name_of = |&id: &TensorId| alone.graph.tensor(id).name.clone();
            let own: Vec<Tensor> = alone.graph.inputs().iter().map(|id| values[&name_of(id)].clone()).collect();
            let made = run(&mut processor, &alone, &own);
            values.extend(alone.graph.outputs().iter().map(name_of).zip(made));
        }
        for (id, found) in graph.outputs().iter().zip(run(&mut processor, &whole, &inputs)) {
            let difference = found.relative_difference(&values[&graph.tensor(*id).name]).unwrap_or(f64::INFINITY);
            assert!(difference <= TOLERANCE, "{name}: {difference:e}");
        }
    }
}

#[test]
fn every_model_of_the_zoo_is_supported() {
    let Some(processor) = open(Transfer::Copy) else { return };
    for name in scenarios::zoo::names() {
        let result = processor.support(&model(name));
        assert!(result.is_ok(), "{name}: {}", result.expect_err("refused"));
    }
}

#[test]
fn copies_and_maps_give_equal_results() {
    let graph = model("squeezenet1_1");
    let (unit, inputs) = unit(&graph);
    let mut results = Vec::new();
    for transfer in [Transfer::Copy, Transfer::Map] {
        let Some(mut processor) = open(transfer) else { return };
        results.push(run(&mut processor, &unit, &inputs));
    }
    assert_eq!(results[0][0].bytes(), results[1][0].bytes());
}

#[test]
fn mapping_on_pocl_copies_nothing() {
    let Some(mut processor) = open(Transfer::Map) else { return };
    let host = HostBuffer::from_bytes(&[7; 10_000]);
    let buffer = processor.share(&host).expect("shared");
    if processor.device().kind == opencl::DeviceKind::Cpu {
        assert_eq!(processor.maps_without_copy(buffer, &host), Some(true));
    }
    processor.unmap(buffer).expect("unmapped");
    assert_eq!(processor.maps_without_copy(buffer, &host), None);
}

#[test]
fn regions_with_gaps_go_up_across_and_down() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let source: Vec<u8> = (0..240).map(|value| value as u8).collect();
    let host = HostBuffer::from_bytes(&source);
    // Rows 2..5 of 6 in the middle of [4][6][10].
    let slice = Region::of_slice(&[4, 6, 10], 1, 1, 2, 5);
    let packed = Region::whole(slice.bytes());
    let mut expected = vec![0; slice.bytes()];
    executor::buffer::copy_region(&source, slice, &mut expected, packed);
    let small = processor.allocate(slice.bytes()).expect("memory");
    processor.upload(&host, slice, small, packed).expect("up, gathered");
    let back = HostBuffer::zeroed(slice.bytes());
    processor.download(small, packed, &back, packed).expect("down");
    assert_eq!(back.into_bytes().expect("own"), expected);
    let large = processor.allocate(240).expect("memory");
    processor.upload(&HostBuffer::zeroed(240), Region::whole(240), large, Region::whole(240)).expect("zeros");
    processor.copy(small, packed, large, slice).expect("across, scattered");
    let back = HostBuffer::zeroed(240);
    processor.download(large, slice, &back, slice).expect("down, scattered to scattered");
    let mut scattered = vec![0; 240];
    executor::buffer::copy_region(&expected, packed, &mut scattered, slice);
    assert_eq!(back.into_bytes().expect("own"), scattered);
}

#[test]
fn what_cannot_run_is_refused_by_name() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let graph = one("Sin", &[&[3]], &[], Attributes::new()).build().expect("valid");
    let error = processor.support(&graph).expect_err("no kernel");
    assert_eq!(error.kind, ProcessorErrorKind::Unsupported);
    assert_eq!(error.to_string(), "OpenCL: operator `y` of type Sin cannot run: there is no kernel for it");
    let (unit, _) = unit(&graph);
    assert_eq!(processor.prepare(&unit).expect_err("no kernel").kind, ProcessorErrorKind::Unsupported);
    let error = OpenClProcessor::open(99, DeviceMemory::Buffer, Transfer::Copy).err().expect("no device");
    assert_eq!(error.kind, ProcessorErrorKind::Missing);
}

#[test]
fn mistakes_of_the_caller_are_told_and_do_no_harm() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let (unit, inputs) = unit(&one("Relu", &[&[100]], &[], Attributes::new()).build().expect("valid"));
    let prepared = processor.prepare(&unit).expect("prepared");
    let (small, right) = (processor.allocate(396).expect("memory"), processor.allocate(400).expect("memory"));
    let launch = |processor: &mut OpenClProcessor, inputs: &[Operand], outputs: &[Operand]| {
        processor.launch(prepared, inputs, outputs).expect_err("a mistake")
    };
    for error in [
        launch(&mut processor, &[], &[right.into()]),
        launch(&mut processor, &[small.into()], &[right.into()]),
        launch(&mut processor, &[Operand { buffer: right, offset_bytes: 4 }], &[right.into()]),
        launch(&mut processor, &[executor::BufferId(77).into()], &[right.into()]),
        processor.map(right).expect_err("own memory"),
        processor
            .upload(&HostBuffer::zeroed(8), Region::whole(8), small, Region { offset_bytes: 392, ..Region::whole(8) })
            .expect_err("too long"),
        processor.download(small, Region::whole(8), &HostBuffer::zeroed(4), Region::whole(8)).expect_err("too long"),
    ] {
        assert_eq!(error.kind, ProcessorErrorKind::Misuse, "{error}");
    }
    processor.discard(prepared);
    assert_eq!(launch(&mut processor, &[right.into()], &[right.into()]).kind, ProcessorErrorKind::Misuse);
    run(&mut processor, &unit, &inputs);
}

#[test]
fn too_much_memory_is_told_and_a_lost_device_stays_lost() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let error = processor.allocate(1 << 50).expect_err("too much");
    assert_eq!(error.kind, ProcessorErrorKind::OutOfMemory, "{error}");
    let (unit, inputs) = unit(&one("Relu", &[&[100]], &[], Attributes::new()).build().expect("valid"));
    run(&mut processor, &unit, &inputs);
    let buffer = processor.allocate(400).expect("memory");
    processor.lose();
    for error in [
        processor.allocate(4).expect_err("lost"),
        processor.prepare(&unit).expect_err("lost"),
        processor.wait().expect_err("lost"),
        processor.upload(&HostBuffer::zeroed(4), Region::whole(4), buffer, Region::whole(4)).expect_err("lost"),
    ] {
        assert_eq!(error.kind, ProcessorErrorKind::Lost, "{error}");
    }
}

/// Not a test by itself: what the next one runs in a process of its own, where drivers can be hidden.
#[test]
fn open_for_the_parent() {
    if std::env::var_os("SOCRATES_TEST_CHILD").is_some() {
        let error = OpenClProcessor::open(0, DeviceMemory::Buffer, Transfer::Copy).err();
        eprintln!("child: {error:?} {:?}", opencl::devices().err());
    }
}

#[test]
fn an_absent_library_or_driver_is_told_and_is_no_panic() {
    let check = |variable: &str, value: &std::ffi::OsStr, expected: &str| {
        let child = std::process::Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "open_for_the_parent", "--nocapture"])
            .env("SOCRATES_TEST_CHILD", "1")
            .env(variable, value)
            .output()
            .expect("started");
        let text = String::from_utf8_lossy(&child.stderr).into_owned();
        assert!(child.status.success() && text.contains("kind: Missing") && text.contains(expected), "{variable}: {text}");
    };
    check("OCL_ICD_VENDORS", "/nonexistent".as_ref(), "failed with");
    // A file of the library's name that is no library hides the real one.
    let folder = std::env::temp_dir().join(format!("socrates-no-opencl-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("libOpenCL.so.1"), "nothing").expect("a file");
    check("LD_LIBRARY_PATH", folder.as_os_str(), "libOpenCL.so.1 was not found");
    std::fs::remove_dir_all(&folder).expect("removed");
}
