//! Operators: the nodes of the graph.

use super::attributes::Attributes;
use crate::identifiers::{OperatorId, TensorId};

/// One operator of a validated graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// Its identifier, which is also its place in the topological order.
    pub id: OperatorId,
    /// Its name, unique in the graph.
    pub name: String,
    /// Its ONNX type, e.g. `Conv`.
    pub op_type: String,
    /// Its ONNX domain, empty for the standard one.
    pub domain: String,
    /// Its attributes.
    pub attributes: Attributes,
    /// The tensors that it reads, by position; `None` for an optional input that is absent.
    pub inputs: Vec<Option<TensorId>>,
    /// The tensors that it writes, by position.
    pub outputs: Vec<TensorId>,
    /// Whether its output shapes were taken from the model file because they cannot be inferred (unknown operator type, or
    /// shapes that depend on data).
    pub shapes_declared: bool,
}

impl Operator {
    /// The tensor read at `position`, if it is there.
    pub fn input(&self, position: usize) -> Option<TensorId> {
        self.inputs.get(position).copied().flatten()
    }
}
