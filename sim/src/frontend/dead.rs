//! Operators and initialisers that no output of the graph depends on.

use std::collections::BTreeSet;

use super::edit::{Edit, Rewrite};
use super::registry::{Outcome, Values};
use crate::graph::Graph;
use crate::identifiers::TensorId;

/// Removes what is not reached backwards from the outputs. Inputs stay: they are the model's interface.
pub(super) fn run(graph: &Graph, _: &Values<'_>) -> Outcome {
    rewrite(graph)
}

fn rewrite(graph: &Graph) -> Option<Rewrite> {
    let mut wanted: BTreeSet<TensorId> = graph.outputs().iter().copied().collect();
    let mut edit = Edit::new(graph);
    for operator in graph.operators().iter().rev() {
        if operator.outputs.iter().any(|output| wanted.contains(output)) {
            wanted.extend(operator.inputs.iter().flatten());
        } else {
            edit.remove(operator.id);
        }
    }
    edit.retain_initializers(|tensor| graph.tensor_named(&tensor.name).is_some_and(|tensor| wanted.contains(&tensor.id)));
    edit.rewrite()
}

#[cfg(test)]
mod tests {
    use crate::frontend::tests::check;
    use crate::graph::{Attributes, RawGraph};

    #[test]
    fn what_no_output_needs_goes() {
        let raw = RawGraph::new("test")
            .with_input("x", &[2, 3])
            .with_input("unused", &[7])
            .with_weight("w", &[3])
            .with_weight("dead_w", &[3])
            .with_operator("Add", &["x", "w"], &["y"], Attributes::new())
            .with_operator("Add", &["x", "dead_w"], &["a"], Attributes::new())
            .with_operator("Relu", &["a"], &["b"], Attributes::new())
            .with_output("y");
        let after = check("dead", raw, &["y = Add(x, w)"]);
        assert_eq!((after.inputs().len(), after.tensors().len()), (2, 4));
    }
}
