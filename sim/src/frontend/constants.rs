//! What is known of constants.

use crate::graph::{Graph, Operator};
use crate::identifiers::TensorId;

/// The values of a tensor as numbers, where they are known.
pub(super) fn numbers(graph: &Graph, tensor: Option<TensorId>) -> Option<Vec<f64>> {
    graph.tensor(tensor?).data.as_ref().map(crate::graph::ConstantData::to_floats)
}

/// Whether every value of a tensor is known and is `value`; a tensor without elements has none.
pub(super) fn is_all(graph: &Graph, tensor: Option<TensorId>, value: f64) -> bool {
    #[expect(clippy::float_cmp, reason = "neutral elements are exact")]
    numbers(graph, tensor).is_some_and(|numbers| !numbers.is_empty() && numbers.iter().all(|&number| number == value))
}

/// Integers given as attribute of a name, or as the constant input at a position; `None` if they are absent or not known.
pub(super) fn integers(graph: &Graph, operator: &Operator, name: &str, position: usize) -> Option<Vec<i64>> {
    if let Some(values) = operator.attributes.integers(name) {
        return Some(values.to_vec());
    }
    Some(graph.tensor(operator.input(position)?).data.as_ref()?.integers()?.to_vec())
}

/// Whether an operator is of the standard domain and of that type.
pub(super) fn is_of(operator: &Operator, op_type: &str) -> bool {
    operator.domain.is_empty() && operator.op_type == op_type
}

/// Whether nobody but one operator reads a tensor, and it is no output of the graph.
pub(super) fn has_one_reader(graph: &Graph, tensor: TensorId) -> bool {
    let tensor = graph.tensor(tensor);
    tensor.consumers.len() == 1 && !tensor.is_output
}
