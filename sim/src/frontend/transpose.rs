//! Transpositions of transpositions, and those that move nothing.

use super::constants::is_of;
use super::edit::{Edit, Rewrite};
use super::registry::{Outcome, Values};
use super::reshape::{is_modern, reshape};
use crate::graph::{AttributeValue, Attributes, Graph, Operator};

/// Makes two in a row one, or none where they cancel, and one that only moves dimensions of 1 a `Reshape`.
pub(super) fn run(graph: &Graph, _: &Values<'_>) -> Outcome {
    rewrite(graph)
}

fn rewrite(graph: &Graph) -> Option<Rewrite> {
    let mut edit = Edit::new(graph);
    for operator in graph.operators() {
        let (Some(permutation), Some(mut input)) = (permutation(graph, operator), operator.input(0)) else { continue };
        let mut combined = permutation.clone();
        while let Some(producer) = graph.tensor(input).producer.map(|id| graph.operator(id))
            && let (Some(earlier), Some(before)) = (self::permutation(graph, producer), producer.input(0))
        {
            combined = combined.iter().map(|&axis| earlier[axis]).collect();
            input = before;
        }
        let is_chain = Some(input) != operator.input(0);
        if is_chain && combined.is_sorted() && edit.bypass(operator.outputs[0], input) {
            continue;
        }
        let shape = &graph.tensor(input).shape;
        let moved: Vec<usize> = combined.iter().copied().filter(|&axis| shape[axis] != 1).collect();
        if moved.is_sorted() && !combined.is_sorted() && is_modern(graph) && !shape.contains(&0) {
            reshape(&mut edit, operator, input);
        } else if is_chain {
            let inputs = vec![edit.name(input)];
            edit.replace(operator.id, "Transpose", inputs, attributes(&combined));
        }
    }
    edit.rewrite()
}

/// Axis of the input for each axis of the output of a `Transpose`; `None` for other operators.
pub(super) fn permutation(graph: &Graph, operator: &Operator) -> Option<Vec<usize>> {
    if !is_of(operator, "Transpose") {
        return None;
    }
    let rank = graph.tensor(operator.input(0)?).shape.len();
    Some(match operator.attributes.integers("perm") {
        Some(axes) => axes.iter().map(|&axis| axis as usize).collect(),
        None => (0..rank).rev().collect(),
    })
}

/// The attributes of a `Transpose`.
pub(super) fn attributes(permutation: &[usize]) -> Attributes {
    Attributes::new().with("perm", AttributeValue::Integers(permutation.iter().map(|&axis| axis as i64).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::tests::check;
    use crate::graph::RawGraph;

    #[test]
    fn pairs_cancel_or_combine() {
        let none = Attributes::new;
        let raw = RawGraph::new("test")
            .with_input("x", &[2, 3, 4])
            .with_input("flat", &[1, 5, 1])
            .with_operator("Relu", &["x"], &["a"], none())
            .with_operator("Transpose", &["a"], &["b"], attributes(&[1, 2, 0]))
            .with_operator("Transpose", &["b"], &["c"], attributes(&[2, 0, 1]))
            .with_operator("Transpose", &["b"], &["d"], attributes(&[0, 2, 1]))
            .with_operator("Transpose", &["flat"], &["e"], attributes(&[1, 0, 2]))
            .with_operator("Neg", &["c"], &["y"], none())
            .with_operator("Neg", &["d"], &["z"], none())
            .with_operator("Neg", &["e"], &["f"], none())
            .with_output("y")
            .with_output("z")
            .with_output("f");
        let expected = [
            "a = Relu(x)",
            "b = Transpose(a)",
            "d = Transpose(a)",
            "e = Reshape(flat, e.shape)",
            "y = Neg(a)",
            "z = Neg(d)",
            "f = Neg(e)",
        ];
        let after = check("transpose", raw, &expected);
        let axes = after.operator_named("d").and_then(|operator| operator.attributes.integers("perm"));
        assert_eq!(axes, Some(&[1, 0, 2][..]));
    }
}
