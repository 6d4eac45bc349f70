//! Pooling, functions, arithmetic and normalisation against the reference.

use super::*;

#[test]
fn pooling_agrees_with_the_reference() {
    let Some(mut processors) = in_each_memory() else { return };
    let mut check = |op_type: &str, input: &[u64], kernel: i64, stride: i64, pad: i64, more: &[(&str, i64)]| {
        let mut attributes = Attributes::new()
            .with("kernel_shape", integers(&[kernel; 2]))
            .with("strides", integers(&[stride; 2]))
            .with("pads", integers(&[pad; 4]));
        for &(name, value) in more {
            attributes.insert(name, AttributeValue::Integer(value));
        }
        check(&mut processors, one(op_type, &[input], &[], attributes));
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
    let Some(mut processors) = in_each_memory() else { return };
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
        check(&mut processors, one(op_type, &[&[2, 3, 7, 11]], &[], Attributes::new()));
    }
    // Roots and logarithms of what is positive.
    for op_type in ["Sqrt", "Log"] {
        let raw = one(op_type, &[&[3, 50]], &[], Attributes::new());
        let mut graph = RawGraph { operators: Vec::new(), outputs: Vec::new(), ..raw };
        graph = graph
            .with_operator("Exp", &["x0"], &["e"], Attributes::new())
            .with_operator(op_type, &["e"], &["y"], Attributes::new())
            .with_output("y");
        check(&mut processors, graph);
    }
    let sharp = Attributes::new().with("alpha", AttributeValue::Float(2.0)).with("beta", AttributeValue::Float(0.3));
    check(&mut processors, one("HardSigmoid", &[&[100]], &[], sharp.clone()));
    check(&mut processors, one("LeakyRelu", &[&[100]], &[], sharp));
}

#[test]
fn arithmetic_broadcasts_like_the_reference() {
    let Some(mut processors) = in_each_memory() else { return };
    for op_type in ["Add", "Sub", "Mul", "Div", "Min", "Max"] {
        let mut check =
            |inputs: &[&[u64]], weights: &[&[u64]]| check(&mut processors, one(op_type, inputs, weights, Attributes::new()));
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
        check(&mut processors, graph);
    }
}

#[test]
fn normalisations_and_reductions_agree_with_the_reference() {
    let Some(mut processors) = in_each_memory() else { return };
    let axis = |axis: i64| Attributes::new().with("axis", AttributeValue::Integer(axis));
    for last in [-1, 1] {
        let parameters: &[u64] = if last == 1 { &[6, 20] } else { &[20] };
        let mut graph = one("LayerNormalization", &[&[3, 6, 20]], &[parameters, parameters], axis(last));
        graph.opset_version = Some(17);
        check(&mut processors, graph);
    }
    let mut check = |op_type: &str, input: &[u64], weights: &[&[u64]], attributes: Attributes| {
        check(&mut processors, one(op_type, &[input], weights, attributes));
    };
    let over =
        |axes: &[i64], keep: i64| Attributes::new().with("axes", integers(axes)).with("keepdims", AttributeValue::Integer(keep));
    check("BatchNormalization", &[2, 5, 6, 7], &[&[5], &[5], &[5], &[5]], Attributes::new());
    check("InstanceNormalization", &[2, 5, 9, 7], &[&[5], &[5]], Attributes::new());
    check("Softmax", &[2, 3, 40], &[], axis(-1));
    check("Softmax", &[2, 3, 5], &[], axis(-1));
    check("Softmax", &[2, 37, 5], &[], axis(1));
    check("GlobalAveragePool", &[2, 5, 7, 7], &[], Attributes::new());
    check("ReduceMean", &[2, 5, 7, 7], &[], over(&[2, 3], 0));
    check("ReduceMean", &[2, 9, 33], &[], over(&[-1], 1));
    check("ReduceMean", &[2, 9, 33, 5], &[], over(&[1, 2], 0));
    check("ReduceMean", &[2, 9, 33], &[], over(&[0, 1, 2], 1));
}
