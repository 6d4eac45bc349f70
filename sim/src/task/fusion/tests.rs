//! Each pattern on the operators that exporters write for it.

use super::*;
use crate::graph::{AttributeValue, Attributes, Graph, RawGraph};

fn none() -> Attributes {
    Attributes::new()
}

/// Names of the operators of each group, joined by `+`.
fn grouped(graph: &Graph, patterns: Patterns) -> Vec<String> {
    let operators: Vec<_> = graph.operators().iter().map(|operator| operator.id).filter(|&id| !graph.is_static(id)).collect();
    let groups = group(graph, &operators, patterns, 1, &|_, _| true);
    let named = |group: &Group| {
        let names: Vec<&str> = group.operators.iter().map(|&id| graph.operator(id).name.as_str()).collect();
        names.join("+") + if group.block.is_some() { "!" } else { "" }
    };
    groups.iter().map(named).collect()
}

fn check(raw: RawGraph, pattern: Pattern, apart: &[&str], fused: &[&str]) {
    let graph = raw.build().expect("valid");
    assert_eq!(grouped(&graph, Patterns::default()), apart);
    assert_eq!(grouped(&graph, Patterns::default().with(pattern)), fused);
    assert_eq!(
        grouped(&graph, Patterns::NONE).len(),
        graph.operators().iter().filter(|operator| !graph.is_static(operator.id)).count()
    );
}

fn scalar(raw: RawGraph, name: &str) -> RawGraph {
    raw.with_weight(name, &[])
}

#[test]
fn exact_gelu() {
    let raw = ["root", "one", "half"]
        .into_iter()
        .fold(RawGraph::new("test").with_input("x", &[4, 8]).with_weight("w", &[8, 8]), scalar);
    let raw = raw
        .with_operator("MatMul", &["x", "w"], &["m"], none())
        .with_operator("Div", &["m", "root"], &["d"], none())
        .with_operator("Erf", &["d"], &["e"], none())
        .with_operator("Add", &["e", "one"], &["a"], none())
        .with_operator("Mul", &["m", "a"], &["p"], none())
        .with_operator("Mul", &["p", "half"], &["y"], none())
        .with_output("y");
    check(raw.clone(), Pattern::Gelu, &["m", "d+e+a+p+y"], &["m+d+e+a+p+y"]);
    check(raw, Pattern::Swish, &["m", "d+e+a+p+y"], &["m", "d+e+a+p+y"]);
}

#[test]
fn swish_with_a_residual_sum() {
    let raw = RawGraph::new("test").with_input("x", &[1, 8, 4, 4]).with_weight("w", &[8, 8, 1, 1]);
    let raw = raw
        .with_operator("Conv", &["x", "w"], &["c"], none())
        .with_operator("Sigmoid", &["c"], &["s"], none())
        .with_operator("Mul", &["c", "s"], &["m"], none())
        .with_operator("Add", &["x", "m"], &["y"], none())
        .with_output("y");
    check(raw.clone(), Pattern::Swish, &["c", "s+m+y"], &["c+s+m+y"]);
    // Somebody else wants what the convolution makes.
    check(raw.with_output("c"), Pattern::Swish, &["c", "s+m+y"], &["c", "s+m+y"]);
}

#[test]
fn layer_normalization() {
    let over = || none().with("axes", AttributeValue::Integers(vec![-1]));
    let raw = ["two", "epsilon"].into_iter().fold(RawGraph::new("test").with_input("x", &[4, 8]), scalar);
    let raw = raw
        .with_weight("scale", &[8])
        .with_weight("bias", &[8])
        .with_operator("ReduceMean", &["x"], &["mean"], over())
        .with_operator("Sub", &["x", "mean"], &["d"], none())
        .with_operator("Pow", &["d", "two"], &["square"], none())
        .with_operator("ReduceMean", &["square"], &["variance"], over())
        .with_operator("Add", &["variance", "epsilon"], &["shifted"], none())
        .with_operator("Sqrt", &["shifted"], &["root"], none())
        .with_operator("Div", &["d", "root"], &["quotient"], none())
        .with_operator("Mul", &["quotient", "scale"], &["scaled"], none())
        .with_operator("Add", &["scaled", "bias"], &["y"], none())
        .with_output("y");
    let apart = ["mean+d", "square", "variance+shifted+root+quotient+scaled+y"];
    let fused = ["mean+d+square+variance+shifted+root+quotient+scaled+y!"];
    check(raw.clone(), Pattern::LayerNormalization, &apart, &fused);
    check(raw.with_output("d"), Pattern::LayerNormalization, &apart, &apart);
}

#[test]
fn attention() {
    let raw =
        scalar(RawGraph::new("test").with_input("q", &[2, 4, 8]).with_input("k", &[2, 8, 4]).with_input("v", &[2, 4, 8]), "root");
    let raw = raw
        .with_operator("MatMul", &["q", "k"], &["scores"], none())
        .with_operator("Div", &["scores", "root"], &["scaled"], none())
        .with_operator("Softmax", &["scaled"], &["shares"], none())
        .with_operator("MatMul", &["shares", "v"], &["y"], none())
        .with_output("y");
    check(raw.clone(), Pattern::Attention, &["scores+scaled", "shares", "y"], &["scores+scaled+shares+y!"]);
    check(raw.with_output("shares"), Pattern::Attention, &["scores+scaled", "shares", "y"], &["scores+scaled", "shares", "y"]);
}

#[test]
fn names_are_read() {
    assert_eq!(Patterns::of_names(Patterns::ALL.names()), Ok(Patterns::ALL));
    assert_eq!(PATTERNS.len(), Patterns::ALL.names().count());
    let error = Patterns::of_names(["gello"]).expect_err("no such pattern").to_string();
    assert_eq!(error, "unknown fusion pattern `gello`: did you mean `gelu`?");
}
