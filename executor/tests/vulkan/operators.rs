//! Every operator, with the attributes that matter, against the reference.

use executor::{Processor, Unit, weights::Weights};
use sim::graph::{AttributeValue, Attributes, RawGraph};

use super::{device_or_skip, drawn_inputs, reference, run};

fn integers(list: &[i64]) -> AttributeValue {
    AttributeValue::Integers(list.to_vec())
}

fn attributes<const N: usize>(list: [(&str, AttributeValue); N]) -> Attributes {
    list.into_iter().fold(Attributes::new(), |all, (name, value)| all.with(name, value))
}

/// Runs each graph on the device and by the reference. `kernels` is how many dispatches it must take, if that matters.
fn check(cases: Vec<(&str, RawGraph, Option<usize>)>) {
    let Some(mut processor) = device_or_skip() else { return };
    for (name, raw, kernels) in cases {
        let graph = raw.build().unwrap_or_else(|error| panic!("{name}: {error}"));
        let unit = Unit::of_model(&graph, &Weights::drawn()).unwrap();
        let inputs = drawn_inputs(&unit.graph);
        processor.support(&unit.graph).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (results, completion) = run(&mut processor, &unit, &inputs).unwrap_or_else(|error| panic!("{name}: {error}"));
        for (result, expected) in results.iter().zip(&reference::evaluate(&unit, &inputs)) {
            let difference = result.relative_difference(expected);
            assert!(difference.is_some_and(|difference| difference < 1e-5), "{name}: {difference:?}");
        }
        if let (Some(kernels), Some(_)) = (kernels, completion.busy_ns) {
            assert_eq!(completion.kernels.len(), kernels, "{name}: dispatches");
        }
    }
}

fn convolution(from: &[u64], filter: &[u64], has_bias: bool, given: Attributes) -> RawGraph {
    let raw = RawGraph::new("test").with_input("x", from).with_weight("w", filter);
    let raw = if has_bias { raw.with_weight("b", &filter[..1]) } else { raw };
    raw.with_operator("Conv", if has_bias { &["x", "w", "b"] } else { &["x", "w"] }, &["y"], given).with_output("y")
}

#[test]
fn convolutions() {
    let one = |value| AttributeValue::Integer(value);
    let text = |value: &str| AttributeValue::Text(value.to_owned());
    let padded = || ("pads", integers(&[1, 1, 1, 1]));
    let cases = [
        ("pointwise", &[1, 19, 13, 11][..], &[24, 19, 1, 1][..], attributes([])),
        ("pointwise of few channels", &[2, 5, 4, 4], &[3, 5, 1, 1], attributes([])),
        ("pointwise of ragged channels", &[1, 8, 70, 70], &[19, 8, 1, 1], attributes([])),
        ("pointwise in groups", &[1, 12, 9, 9], &[20, 6, 1, 1], attributes([("group", one(2))])),
        ("of one pixel", &[3, 40, 1, 1], &[130, 40, 1, 1], attributes([])),
        ("pointwise with stride", &[1, 16, 15, 14], &[8, 16, 1, 1], attributes([("strides", integers(&[2, 2]))])),
        ("3x3", &[2, 7, 17, 19], &[16, 7, 3, 3], attributes([padded()])),
        ("3x3 with stride", &[1, 3, 33, 34], &[13, 3, 3, 3], attributes([padded(), ("strides", integers(&[2, 2]))])),
        (
            "3x3 dilated",
            &[1, 4, 16, 16],
            &[8, 4, 3, 3],
            attributes([("dilations", integers(&[2, 3])), ("pads", integers(&[2, 3, 2, 3]))]),
        ),
        (
            "uneven",
            &[1, 4, 12, 15],
            &[9, 4, 5, 2],
            attributes([("strides", integers(&[1, 3])), ("pads", integers(&[0, 1, 2, 0]))]),
        ),
        ("cropped", &[1, 4, 12, 15], &[8, 4, 3, 3], attributes([("pads", integers(&[-1, 1, 0, -2]))])),
        (
            "7x7 with stride",
            &[1, 3, 40, 40],
            &[16, 3, 7, 7],
            attributes([("strides", integers(&[2, 2])), ("pads", integers(&[3, 3, 3, 3]))]),
        ),
        ("1x31, of a wide window", &[1, 2, 3, 64], &[8, 2, 1, 31], attributes([])),
        ("of a narrow image", &[1, 6, 9, 2], &[8, 6, 3, 1], attributes([("pads", integers(&[1, 0, 1, 0]))])),
        ("depthwise", &[1, 24, 15, 15], &[24, 1, 3, 3], attributes([padded(), ("group", one(24))])),
        (
            "depthwise with stride",
            &[2, 10, 15, 16],
            &[10, 1, 3, 3],
            attributes([padded(), ("group", one(10)), ("strides", integers(&[2, 2]))]),
        ),
        ("depthwise with multiplier", &[1, 6, 9, 9], &[12, 1, 3, 3], attributes([padded(), ("group", one(6))])),
        ("grouped", &[1, 12, 9, 10], &[18, 4, 3, 3], attributes([padded(), ("group", one(3))])),
        (
            "same, upper",
            &[1, 3, 14, 15],
            &[8, 3, 3, 4],
            attributes([("auto_pad", text("SAME_UPPER")), ("strides", integers(&[2, 2]))]),
        ),
        ("same, lower", &[1, 3, 14, 15], &[8, 3, 3, 4], attributes([("auto_pad", text("SAME_LOWER"))])),
        ("valid", &[1, 3, 9, 9], &[8, 3, 3, 3], attributes([("auto_pad", text("VALID"))])),
        ("of one dimension", &[2, 5, 31], &[8, 5, 5], attributes([("pads", integers(&[2, 2]))])),
    ];
    let cases = cases.into_iter().enumerate();
    check(
        cases
            .map(|(index, (name, from, filter, given))| (name, convolution(from, filter, index % 3 > 0, given), Some(1)))
            .collect(),
    );
}

#[test]
fn matrix_products() {
    let given = Attributes::new;
    let product = |a: &[u64], b: &[u64], constant: bool| {
        let raw = RawGraph::new("test").with_input("a", a);
        let raw = if constant { raw.with_weight("b", b) } else { raw.with_input("b", b) };
        raw.with_operator("MatMul", &["a", "b"], &["y"], attributes([])).with_output("y")
    };
    let gemm = |a: &[u64], b: &[u64], c: &[u64], constant: bool, given: Attributes| {
        let raw = RawGraph::new("test").with_input("a", a).with_weight("c", c);
        let raw = if constant { raw.with_weight("b", b) } else { raw.with_input("b", b) };
        raw.with_operator("Gemm", &["a", "b", "c"], &["y"], given).with_output("y")
    };
    let flag = || AttributeValue::Integer(1);
    let scaled = || attributes([("alpha", AttributeValue::Float(0.5)), ("beta", AttributeValue::Float(2.0))]);
    check(vec![
        ("matrices", product(&[9, 33], &[33, 140], true), Some(1)),
        ("many rows, one matrix", product(&[2, 5, 9], &[9, 11], true), Some(1)),
        ("a batch", product(&[2, 3, 5, 7], &[2, 3, 7, 4], false), Some(1)),
        ("a broadcast batch", product(&[2, 1, 5, 7], &[3, 7, 4], false), Some(1)),
        ("one row", product(&[1, 300], &[300, 1000], true), Some(1)),
        ("gemm", gemm(&[3, 20], &[20, 33], &[33], true, given()), Some(1)),
        ("gemm, transposed", gemm(&[1, 64], &[100, 64], &[1, 100], true, attributes([("transB", flag())])), Some(1)),
        (
            "gemm, both transposed",
            gemm(&[6, 5], &[130, 6], &[5, 1], false, attributes([("transA", flag()), ("transB", flag())])),
            Some(1),
        ),
        ("gemm, scaled", gemm(&[5, 6], &[6, 7], &[5, 7], true, scaled()), Some(1)),
    ]);
}

#[test]
fn pooling() {
    let pool = |op_type: &str, from: &[u64], given: Attributes| {
        RawGraph::new("test").with_input("x", from).with_operator(op_type, &["x"], &["y"], given).with_output("y")
    };
    let kernel = |size: i64| ("kernel_shape", integers(&[size, size]));
    let two = || ("strides", integers(&[2, 2]));
    let padded = || ("pads", integers(&[1, 1, 1, 1]));
    let flag = |name| (name, AttributeValue::Integer(1));
    let global = Attributes::new;
    let mut cases = Vec::new();
    for op_type in ["MaxPool", "AveragePool"] {
        cases.push(("plain", pool(op_type, &[2, 5, 12, 13], attributes([kernel(2), two()])), Some(1)));
        cases.push(("padded", pool(op_type, &[1, 3, 12, 13], attributes([kernel(3), two(), padded()])), Some(1)));
        cases.push(("rounded up", pool(op_type, &[1, 3, 12, 14], attributes([kernel(3), two(), flag("ceil_mode")])), Some(1)));
        cases.push(("of one dimension", pool(op_type, &[1, 3, 14], attributes([("kernel_shape", integers(&[4]))])), Some(1)));
    }
    let including = attributes([kernel(3), two(), padded(), flag("count_include_pad")]);
    cases.push(("average with padding", pool("AveragePool", &[1, 3, 12, 13], including), Some(1)));
    let dilated = attributes([kernel(2), ("dilations", integers(&[3, 2]))]);
    cases.push(("maximum, dilated", pool("MaxPool", &[1, 3, 12, 13], dilated), Some(1)));
    cases.push(("global", pool("GlobalAveragePool", &[2, 9, 7, 7], global()), Some(1)));
    cases.push(("global, large", pool("GlobalAveragePool", &[1, 3, 60, 50], global()), Some(1)));
    cases.push(("global maximum", pool("GlobalMaxPool", &[2, 9, 5, 7], global()), Some(1)));
    cases.push(("mean", pool("ReduceMean", &[2, 9, 5, 7], attributes([("axes", integers(&[-1, 2]))])), Some(1)));
    check(cases);
}

#[test]
fn single_elements() {
    let unary = |op_type: &str, given: Attributes| {
        RawGraph::new("test").with_input("x", &[3, 50]).with_operator(op_type, &["x"], &["y"], given).with_output("y")
    };
    let binary = |op_type: &str, a: &[u64], b: &[u64]| {
        let raw = RawGraph::new("test").with_input("a", a).with_weight("b", b);
        raw.with_operator(op_type, &["a", "b"], &["y"], attributes([])).with_output("y")
    };
    let number = AttributeValue::Float;
    let mut cases = Vec::new();
    for op_type in ["Relu", "Sigmoid", "HardSwish", "Tanh", "Softplus", "Exp", "Abs", "Neg", "LeakyRelu", "Elu", "HardSigmoid"] {
        cases.push((op_type, unary(op_type, attributes([])), Some(1)));
    }
    cases.push(("LeakyRelu 0.3", unary("LeakyRelu", attributes([("alpha", number(0.3))])), Some(1)));
    cases.push((
        "HardSigmoid 1, 0.2",
        unary("HardSigmoid", attributes([("alpha", number(1.0)), ("beta", number(0.2))])),
        Some(1),
    ));
    for op_type in ["Add", "Sub", "Mul", "Div", "Max", "Min"] {
        cases.push((op_type, binary(op_type, &[2, 3, 4, 5], &[2, 3, 4, 5]), Some(1)));
        cases.push((op_type, binary(op_type, &[2, 3, 4, 5], &[3, 1, 1]), Some(1)));
        cases.push((op_type, binary(op_type, &[4, 1], &[2, 3, 1, 5]), Some(1)));
        cases.push((op_type, binary(op_type, &[2, 3], &[1]), Some(1)));
    }
    cases.push(("PRelu", binary("PRelu", &[2, 3, 4, 5], &[3, 1, 1]), Some(1)));
    // More elements than one row of workgroups takes on a device of the smallest limits.
    cases.push(("large", binary("Add", &[1, 5, 1000, 1000], &[5, 1, 1]), Some(1)));
    let normalized = ["scale", "bias", "mean", "variance"].into_iter();
    let raw = normalized.fold(RawGraph::new("test").with_input("x", &[2, 5, 3, 3]), |raw, name| raw.with_weight(name, &[5]));
    let inputs = ["x", "scale", "bias", "mean", "variance"];
    let raw = raw.with_operator("BatchNormalization", &inputs, &["y"], attributes([("epsilon", number(0.1))])).with_output("y");
    cases.push(("BatchNormalization", raw, Some(1)));
    check(cases);
}

#[test]
fn rows_and_places() {
    let single = |op_type: &str, from: &[u64], given: Attributes| {
        RawGraph::new("test").with_input("x", from).with_operator(op_type, &["x"], &["y"], given).with_output("y")
    };
    let axis = |value| attributes([("axis", AttributeValue::Integer(value))]);
    let concat = |a: &[u64], b: &[u64], along: i64| {
        let raw = RawGraph::new("test").with_input("a", a).with_input("b", b);
        raw.with_operator("Concat", &["a", "b"], &["y"], axis(along)).with_output("y")
    };
    let slice = |starts: &[i64], ends: &[i64], axes: &[i64], steps: &[i64]| {
        let raw = RawGraph::new("test").with_input("x", &[2, 6, 7, 5]);
        let raw = raw.with_integers("starts", starts).with_integers("ends", ends);
        let raw = raw.with_integers("axes", axes).with_integers("steps", steps);
        raw.with_operator("Slice", &["x", "starts", "ends", "axes", "steps"], &["y"], attributes([])).with_output("y")
    };
    let split = RawGraph::new("test").with_input("x", &[2, 6, 5]).with_integers("sizes", &[1, 3, 2]);
    let split = split.with_operator("Split", &["x", "sizes"], &["p", "q", "r"], axis(1));
    let split = split.with_output("p").with_output("q").with_output("r");
    let reshape = RawGraph::new("test").with_input("x", &[2, 6, 5]).with_integers("shape", &[3, -1]);
    let reshape = reshape.with_operator("Reshape", &["x", "shape"], &["y"], attributes([])).with_output("y");
    check(vec![
        ("softmax", single("Softmax", &[3, 7, 10], axis(-1)), Some(1)),
        ("softmax of a long row", single("Softmax", &[1, 1000], axis(1)), Some(1)),
        ("concatenation of channels", concat(&[2, 3, 4, 5], &[2, 2, 4, 5], 1), Some(2)),
        ("concatenation of columns", concat(&[2, 3, 4, 5], &[2, 3, 4, 1], -1), Some(2)),
        ("slice of rows", slice(&[2], &[6], &[2], &[1]), Some(1)),
        ("slice of all", slice(&[1, -5, 3], &[2, -1, 100], &[0, 1, 3], &[1, 2, 1]), Some(1)),
        ("slice backwards", slice(&[-1], &[-100], &[3], &[-2]), Some(1)),
        ("split", split, Some(3)),
        ("transposition", single("Transpose", &[2, 3, 4, 5], attributes([("perm", integers(&[0, 2, 3, 1]))])), Some(1)),
        ("full transposition", single("Transpose", &[4, 5, 6], attributes([])), Some(1)),
        ("flattening", single("Flatten", &[2, 3, 4], axis(1)), Some(1)),
        ("reshaping", reshape, Some(1)),
    ]);
}

#[test]
fn fused_operators() {
    let padded = || attributes([("pads", integers(&[1, 1, 1, 1]))]);
    let none = Attributes::new;
    let base =
        || RawGraph::new("test").with_input("x", &[1, 16, 12, 12]).with_weight("w", &[16, 16, 3, 3]).with_weight("b", &[16]);
    let first = || base().with_operator("Conv", &["x", "w", "b"], &["c"], padded());
    let norm = |raw: RawGraph, from: &str, to: &str| {
        let raw = ["scale", "shift", "mean", "variance"].into_iter().fold(raw, |raw, name| raw.with_weight(name, &[16]));
        raw.with_operator("BatchNormalization", &[from, "scale", "shift", "mean", "variance"], &[to], Attributes::new())
    };
    let residual = norm(first(), "c", "n").with_operator("Add", &["n", "x"], &["s"], none());
    let two_branches = base()
        .with_weight("v", &[16, 16, 1, 1])
        .with_operator("Conv", &["x", "w", "b"], &["c"], padded())
        .with_operator("Conv", &["x", "v"], &["d"], none())
        .with_operator("Add", &["d", "c"], &["s"], none());
    let needed_twice = first().with_operator("Relu", &["c"], &["r"], none()).with_operator("Neg", &["c"], &["n"], none());
    let silu = first().with_operator("Sigmoid", &["c"], &["g"], none()).with_operator("Mul", &["c", "g"], &["y"], none());
    let with_itself = first().with_operator("Add", &["c", "c"], &["y"], none());
    let channels = first().with_weight("k", &[16, 1, 1]).with_operator("Mul", &["c", "k"], &["y"], none());
    let views = base().with_integers("shape", &[1, 16, -1]).with_operator("Reshape", &["x", "shape"], &["f"], none());
    let views = views.with_operator("Relu", &["f"], &["r"], none()).with_operator("Flatten", &["r"], &["y"], none());
    check(vec![
        ("normalisation", norm(first(), "c", "y").with_output("y"), Some(1)),
        ("residual", residual.with_operator("Relu", &["s"], &["y"], none()).with_output("y"), Some(1)),
        ("two branches", two_branches.with_operator("Relu", &["s"], &["y"], none()).with_output("y"), Some(2)),
        ("needed twice", needed_twice.with_output("r").with_output("n"), Some(3)),
        (
            "an output in between",
            first().with_operator("Relu", &["c"], &["y"], none()).with_output("c").with_output("y"),
            Some(2),
        ),
        ("sigmoid linear unit", silu.with_output("y"), Some(1)),
        ("with itself", with_itself.with_output("y"), Some(2)),
        ("channels", channels.with_output("y"), Some(2)),
        ("views", views.with_output("y").with_output("f"), Some(3)),
    ]);
}
