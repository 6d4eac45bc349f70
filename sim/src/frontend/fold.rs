//! Operators whose results are known: shape arithmetic, small constants.
//!
//! Shape inference has already computed them (up to [`MAXIMUM_CONSTANT_ELEMENTS`](crate::graph::constant::MAXIMUM_CONSTANT_ELEMENTS)
//! values); they become initialisers. What operators make of larger weights stays as it is: nothing of it depends on a request, and it is
//! computed once when the model is loaded.

use super::edit::{Edit, Rewrite};
use super::registry::{Outcome, Values};
use crate::graph::{Graph, RawTensor};

/// Replaces operators by what they make.
pub(super) fn run(graph: &Graph, _: &Values<'_>) -> Outcome {
    rewrite(graph)
}

fn rewrite(graph: &Graph) -> Option<Rewrite> {
    let mut edit = Edit::new(graph);
    for operator in graph.operators() {
        let outputs: Vec<_> = operator.outputs.iter().map(|&output| graph.tensor(output)).collect();
        // An operator must make a graph's output: runtimes differ over initialisers that are outputs.
        if outputs.iter().any(|tensor| tensor.data.is_none() || tensor.is_output) {
            continue;
        }
        edit.remove(operator.id);
        for tensor in outputs.iter().filter(|tensor| !tensor.consumers.is_empty()) {
            let (name, data_type, shape) = (tensor.name.clone(), tensor.data_type, tensor.shape.clone());
            edit.add_initializer(RawTensor { name, data_type, shape, data: tensor.data.clone() });
        }
    }
    edit.rewrite()
}

#[cfg(test)]
mod tests {
    use crate::frontend::tests::check;
    use crate::graph::{AttributeValue, Attributes, RawGraph};

    #[test]
    fn shape_arithmetic_becomes_constants() {
        let none = Attributes::new;
        let raw = RawGraph::new("test")
            .with_input("x", &[2, 3, 4])
            .with_integers("index", &[0])
            .with_integers("rest", &[-1])
            .with_weight("w", &[12, 5])
            .with_operator("Shape", &["x"], &["shape"], none())
            .with_operator("Gather", &["shape", "index"], &["batch"], none())
            .with_operator("Concat", &["batch", "rest"], &["target"], none().with("axis", AttributeValue::Integer(0)))
            .with_operator("Reshape", &["x", "target"], &["flat"], none())
            .with_operator("Identity", &["w"], &["same"], none())
            .with_operator("MatMul", &["flat", "same"], &["y"], none())
            .with_output("y");
        let after = check("fold", raw, &["flat = Reshape(x, target)", "same = Identity(w)", "y = MatMul(flat, same)"]);
        let target = after.tensor_named("target").and_then(|tensor| tensor.data.as_ref()).and_then(|data| data.integers());
        assert_eq!(target, Some(&[2, -1][..]));
    }
}
