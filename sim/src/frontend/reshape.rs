//! Chains of operators that only change the shape: `Reshape`, `Flatten`, `Squeeze`, `Unsqueeze`.

use super::edit::{Edit, Rewrite};
use super::registry::{Outcome, Values};
use crate::graph::{Attributes, Graph, Operator};
use crate::identifiers::TensorId;

/// Makes each chain one `Reshape` from where it begins, or nothing where the shape is the first one again.
pub(super) fn run(graph: &Graph, _: &Values<'_>) -> Outcome {
    rewrite(graph)
}

fn rewrite(graph: &Graph) -> Option<Rewrite> {
    if !is_modern(graph) {
        return None;
    }
    let mut edit = Edit::new(graph);
    for operator in graph.operators().iter().filter(|operator| is_view(operator)) {
        let (Some(input), output) = (operator.input(0), operator.outputs[0]) else { continue };
        let origin = origin(graph, input);
        let shape = &graph.tensor(output).shape;
        // A dimension of 0 would be read as that of the input.
        if origin == input || shape.contains(&0) {
            continue;
        }
        if graph.tensor(origin).shape == *shape && edit.bypass(output, origin) {
            continue;
        }
        reshape(&mut edit, operator, origin);
    }
    edit.rewrite()
}

/// Whether `Reshape` reads its shape from an input and arithmetic broadcasts as in `NumPy`, as they do since opset 7.
pub(super) fn is_modern(graph: &Graph) -> bool {
    graph.opset_version.is_none_or(|version| version >= 7)
}

/// Puts a `Reshape` of `input` in the place of an operator with one output.
pub(super) fn reshape(edit: &mut Edit<'_>, operator: &Operator, input: TensorId) {
    let sizes: Vec<i64> = edit.graph.tensor(operator.outputs[0]).shape.iter().map(|&size| size as i64).collect();
    let shape = edit.integers(&format!("{}.shape", operator.name), &sizes);
    let inputs = vec![edit.name(input), shape];
    edit.replace(operator.id, "Reshape", inputs, Attributes::new());
}

fn is_view(operator: &Operator) -> bool {
    operator.domain.is_empty() && matches!(operator.op_type.as_str(), "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze")
}

/// The tensor that a chain of views begins with.
fn origin(graph: &Graph, tensor: TensorId) -> TensorId {
    let mut origin = tensor;
    while let Some(producer) = graph.tensor(origin).producer.map(|id| graph.operator(id)).filter(|operator| is_view(operator)) {
        let Some(input) = producer.input(0) else { break };
        origin = input;
    }
    origin
}

#[cfg(test)]
mod tests {
    use crate::frontend::tests::check;
    use crate::graph::{Attributes, RawGraph};

    #[test]
    fn chains_become_one_reshape_or_none() {
        let none = Attributes::new;
        let raw = RawGraph::new("test")
            .with_input("x", &[2, 3, 4])
            .with_integers("wide", &[6, 4])
            .with_integers("back", &[2, 3, 4])
            .with_integers("one", &[0])
            .with_operator("Relu", &["x"], &["a"], none())
            .with_operator("Reshape", &["a", "wide"], &["b"], none())
            .with_operator("Unsqueeze", &["b", "one"], &["c"], none())
            .with_operator("Reshape", &["b", "back"], &["d"], none())
            .with_operator("Neg", &["c"], &["y"], none())
            .with_operator("Neg", &["d"], &["z"], none())
            .with_output("y")
            .with_output("z");
        let expected = ["a = Relu(x)", "b = Reshape(a, wide)", "c = Reshape(a, c.shape)", "y = Neg(c)", "z = Neg(a)"];
        let after = check("reshape", raw, &expected);
        assert_eq!(after.tensor_named("c").map(|tensor| tensor.shape.clone()), Some(vec![1, 6, 4]));
    }
}
