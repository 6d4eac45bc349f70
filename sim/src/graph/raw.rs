//! A graph as read from a file or edited by a pass: names instead of identifiers, nothing checked.

use std::collections::BTreeMap;

use super::attributes::Attributes;
use super::build;
use super::constant::ConstantData;
use super::data_type::DataType;
use super::error::GraphError;
use super::validated::Graph;

/// A graph to be validated by [`RawGraph::build`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawGraph {
    /// Name of the model.
    pub name: String,
    /// Version of the standard operator set that the operators follow; `None` where nothing says.
    pub opset_version: Option<u32>,
    /// Operators in the order of the file.
    pub operators: Vec<RawOperator>,
    /// Graph inputs. One that is also an initialiser (ONNX before IR version 4) counts as the latter.
    pub inputs: Vec<RawTensor>,
    /// Weights and constants.
    pub initializers: Vec<RawTensor>,
    /// Names of the graph outputs.
    pub outputs: Vec<String>,
    /// Types that the file declares for tensors (`value_info`); used only where inference cannot know better.
    pub declared: BTreeMap<String, DeclaredType>,
}

/// An operator that names its tensors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawOperator {
    /// Its name; may be empty or repeated, [`RawGraph::build`] makes it unique.
    pub name: String,
    /// Its ONNX type, e.g. `Conv`.
    pub op_type: String,
    /// Its ONNX domain; `ai.onnx` and empty are the same.
    pub domain: String,
    /// Its attributes.
    pub attributes: Attributes,
    /// Names of the tensors that it reads; empty for an optional one that is absent.
    pub inputs: Vec<String>,
    /// Names of the tensors that it writes; empty for one that nobody wants.
    pub outputs: Vec<String>,
}

/// A tensor that no operator produces.
#[derive(Clone, Debug, PartialEq)]
pub struct RawTensor {
    /// Its name.
    pub name: String,
    /// Type of its elements.
    pub data_type: DataType,
    /// Its shape.
    pub shape: Vec<u64>,
    /// Its values, where they are known and at most [`super::constant::MAXIMUM_CONSTANT_ELEMENTS`].
    pub data: Option<ConstantData>,
}

/// The type that a file declares for a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredType {
    /// Type of its elements.
    pub data_type: DataType,
    /// Its shape.
    pub shape: Vec<u64>,
}

impl RawGraph {
    /// An empty graph of that name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds a graph input of single precision.
    #[must_use]
    pub fn with_input(self, name: &str, shape: &[u64]) -> Self {
        self.with_typed_input(name, DataType::Float32, shape)
    }

    /// Adds a graph input.
    #[must_use]
    pub fn with_typed_input(mut self, name: &str, data_type: DataType, shape: &[u64]) -> Self {
        self.inputs.push(RawTensor { name: name.to_owned(), data_type, shape: shape.to_vec(), data: None });
        self
    }

    /// Adds a weight of single precision, whose values do not matter.
    #[must_use]
    pub fn with_weight(mut self, name: &str, shape: &[u64]) -> Self {
        let (name, data_type) = (name.to_owned(), DataType::Float32);
        self.initializers.push(RawTensor { name, data_type, shape: shape.to_vec(), data: None });
        self
    }

    /// Adds a one-dimensional 64-bit integer constant.
    #[must_use]
    pub fn with_integers(mut self, name: &str, values: &[i64]) -> Self {
        self.initializers.push(RawTensor {
            name: name.to_owned(),
            data_type: DataType::Int64,
            shape: vec![values.len() as u64],
            data: Some(ConstantData::Integers(values.to_vec())),
        });
        self
    }

    /// Adds an operator of the standard domain whose name is that of its first output.
    #[must_use]
    pub fn with_operator(mut self, op_type: &str, inputs: &[&str], outputs: &[&str], attributes: Attributes) -> Self {
        self.operators.push(RawOperator {
            name: outputs.first().map_or_else(String::new, |&name| name.to_owned()),
            op_type: op_type.to_owned(),
            domain: String::new(),
            attributes,
            inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
            outputs: outputs.iter().map(|&name| name.to_owned()).collect(),
        });
        self
    }

    /// Marks a tensor as output of the graph.
    #[must_use]
    pub fn with_output(mut self, name: &str) -> Self {
        self.outputs.push(name.to_owned());
        self
    }

    /// Checks the graph, orders it, and infers every shape, type, constant and the work of every operator.
    pub fn build(self) -> Result<Graph, GraphError> {
        build::build(self)
    }
}
