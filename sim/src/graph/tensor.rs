//! Tensors: the edges of the graph.

use super::constant::ConstantData;
use super::data_type::DataType;
use crate::identifiers::{OperatorId, TensorId};

/// Where a tensor's values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TensorRole {
    /// Given with every request.
    Input,
    /// Learned: an initialiser, or computed from initialisers only (a de-quantised or transposed weight).
    Weight,
    /// Known before any request and not learned: shapes, axes, indices, scalars, and what shape arithmetic makes of them.
    Constant,
    /// Computed in every request.
    Activation,
}

impl TensorRole {
    /// Whether the values differ from request to request.
    pub const fn is_dynamic(self) -> bool {
        matches!(self, Self::Input | Self::Activation)
    }
}

/// One tensor of a validated graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its identifier.
    pub id: TensorId,
    /// Its name, unique in the graph.
    pub name: String,
    /// Type of its elements.
    pub data_type: DataType,
    /// Its shape; empty for a scalar.
    pub shape: Vec<u64>,
    /// Where its values come from.
    pub role: TensorRole,
    /// The operator that computes it; `None` for inputs and initialisers.
    pub producer: Option<OperatorId>,
    /// The operators that read it, each once, in topological order.
    pub consumers: Vec<OperatorId>,
    /// Whether it is an output of the graph.
    pub is_output: bool,
    /// Its values, where it is a small constant.
    pub data: Option<ConstantData>,
}

impl Tensor {
    /// Number of elements; 1 for a scalar. At most [`super::shape::MAXIMUM_ELEMENTS`].
    pub fn elements(&self) -> u64 {
        self.shape.iter().product()
    }

    /// Size in its own data type.
    pub fn bytes(&self) -> u64 {
        self.data_type.bytes_of(self.elements())
    }
}
