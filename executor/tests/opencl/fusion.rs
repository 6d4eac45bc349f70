//! Operators that one kernel computes together, against the reference.

use super::*;

#[test]
fn operators_joined_to_one_kernel_agree_with_the_reference() {
    let Some(mut processors) = in_each_memory() else { return };
    let none = Attributes::new;
    let base = |name: &str| {
        RawGraph::new(name)
            .with_input("x", &[1, 6, 12, 11])
            .with_weight("w", &[10, 6, 3, 3])
            .with_weight("b", &[10])
            .with_operator("Conv", &["x", "w", "b"], &["c"], none().with("pads", integers(&[1, 1, 1, 1])))
    };
    for op_type in ["Relu", "LeakyRelu", "HardSwish", "Sigmoid", "Tanh"] {
        check(&mut processors, base(op_type).with_operator(op_type, &["c"], &["y"], none()).with_output("y"));
    }
    let silu = base("SiLU")
        .with_operator("Sigmoid", &["c"], &["s"], none())
        .with_operator("Mul", &["c", "s"], &["y"], none())
        .with_output("y");
    check(&mut processors, silu);
    let mut normalized = base("BatchNormalization and Relu");
    for name in ["scale", "offset", "mean", "variance"] {
        normalized = normalized.with_weight(name, &[10]);
    }
    let normalized = normalized
        .with_operator("BatchNormalization", &["c", "scale", "offset", "mean", "variance"], &["n"], none())
        .with_operator("Relu", &["n"], &["y"], none())
        .with_output("y");
    check(&mut processors, normalized);
    let residual = base("addition and Relu")
        .with_weight("v", &[10, 6, 1, 1])
        .with_operator("Conv", &["x", "v"], &["d"], none())
        .with_operator("Add", &["c", "d"], &["a"], none())
        .with_operator("Relu", &["a"], &["y"], none())
        .with_output("y");
    check(&mut processors, residual);
    let both = base("both the sum and its part are wanted")
        .with_operator("Relu", &["c"], &["r"], none())
        .with_operator("Add", &["c", "r"], &["y"], none())
        .with_output("y")
        .with_output("c");
    check(&mut processors, both);
    let twice = base("twice the same").with_operator("Add", &["c", "c"], &["y"], none()).with_output("y");
    check(&mut processors, twice);
    let depthwise = RawGraph::new("depthwise, Clip")
        .with_input("x", &[1, 6, 12, 11])
        .with_weight("w", &[6, 1, 3, 3])
        .with_operator("Conv", &["x", "w"], &["c"], none().with("group", AttributeValue::Integer(6)))
        .with_operator("HardSwish", &["c"], &["y"], none())
        .with_output("y");
    check(&mut processors, depthwise);
    let product = RawGraph::new("product, bias, residual")
        .with_input("x", &[1, 9, 24])
        .with_input("r", &[1, 9, 40])
        .with_weight("w", &[24, 40])
        .with_weight("b", &[40])
        .with_operator("MatMul", &["x", "w"], &["m"], none())
        .with_operator("Add", &["b", "m"], &["a"], none())
        .with_operator("Add", &["a", "r"], &["y"], none())
        .with_output("y");
    check(&mut processors, product);
}
