//! What a processor prepares: a small graph cut out of a model, with the values of all its constants.

mod slice;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sim::graph::{DeclaredType, Graph, GraphError, RawGraph, RawOperator, RawTensor, TensorRole};
use sim::identifiers::{OperatorId, TensorId};
use thiserror::Error;

use crate::tensor::Tensor;
use crate::weights::{WeightError, Weights};

pub use slice::{Chain, ChainLink, Cut, Sliced, slice_tensor};

/// Values of the initialisers of a unit's graph.
pub type Constants = BTreeMap<TensorId, Tensor>;

/// Why a unit cannot be cut out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnitError {
    /// A weight without usable values.
    #[error(transparent)]
    Weight(#[from] WeightError),
    /// The cut-out is no valid graph.
    #[error("unit `{unit}`: {error}")]
    Graph {
        /// The unit.
        unit: String,
        /// Why.
        error: Box<GraphError>,
    },
    /// The operator cannot be cut along that dimension.
    #[error("operator `{operator}` of type {op_type} cannot be split by {dimension}: {why}")]
    NotSplittable {
        /// The operator.
        operator: String,
        /// Its type.
        op_type: String,
        /// Rows or channels.
        dimension: &'static str,
        /// Why.
        why: String,
    },
}

/// A graph that a processor runs as a whole: inputs and outputs in the order of [`Graph::inputs`] and [`Graph::outputs`].
#[derive(Clone, Debug)]
pub struct Unit {
    /// The graph; every initialiser has its values in `constants`.
    pub graph: Arc<Graph>,
    /// The values.
    pub constants: Constants,
}

impl Unit {
    /// A whole model.
    pub fn of_model(model: &Graph, weights: &Weights) -> Result<Self, UnitError> {
        Self::of_raw(model.to_raw(), model, weights)
    }

    /// Some operators of a model, in topological order. `wanted` are the tensors that are read elsewhere.
    ///
    /// Inputs are the tensors that the operators read and do not make, in the order in which they are first read.
    pub fn of_operators(
        model: &Graph,
        operators: &[OperatorId],
        wanted: &[TensorId],
        weights: &Weights,
    ) -> Result<Self, UnitError> {
        Self::of_raw(cut_out(model, operators, wanted), model, weights)
    }

    /// A graph whose initialisers have the names of a model's.
    fn of_raw(raw: RawGraph, model: &Graph, weights: &Weights) -> Result<Self, UnitError> {
        Self::build(raw, |name| match model.tensor_named(name) {
            Some(tensor) => weights.tensor(model, tensor.id),
            None => unreachable!("initialisers of a cut-out are the model's"),
        })
    }

    /// A graph and the values of its initialisers by name.
    pub(crate) fn build(raw: RawGraph, mut value: impl FnMut(&str) -> Result<Tensor, WeightError>) -> Result<Self, UnitError> {
        let name = raw.name.clone();
        let graph = raw.build().map_err(|error| UnitError::Graph { unit: name, error: Box::new(error) })?;
        let is_initializer = |role: TensorRole| role == TensorRole::Weight || role == TensorRole::Constant;
        let mut constants = Constants::new();
        for tensor in graph.tensors().iter().filter(|tensor| tensor.producer.is_none() && is_initializer(tensor.role)) {
            constants.insert(tensor.id, value(&tensor.name)?);
        }
        Ok(Self { graph: Arc::new(graph), constants })
    }
}

/// The operators as a graph of their own; its initialisers keep the model's names.
pub fn cut_out(model: &Graph, operators: &[OperatorId], wanted: &[TensorId]) -> RawGraph {
    let name = |id: TensorId| model.tensor(id).name.clone();
    let first = operators.first().map_or("", |&operator| &model.operator(operator).name);
    let mut raw = RawGraph::new(format!("{}/{first}+{}", model.name, operators.len().saturating_sub(1)));
    raw.opset_version = model.opset_version;
    let made: BTreeSet<TensorId> =
        operators.iter().flat_map(|&operator| model.operator(operator).outputs.iter().copied()).collect();
    let mut known: BTreeSet<TensorId> = BTreeSet::new();
    for &id in operators {
        let operator = model.operator(id);
        for &input in operator.inputs.iter().flatten().filter(|input| !made.contains(input)) {
            if known.insert(input) {
                let tensor = model.tensor(input);
                let tensor_of = RawTensor {
                    name: tensor.name.clone(),
                    data_type: tensor.data_type,
                    shape: tensor.shape.clone(),
                    data: tensor.data.clone(),
                };
                if tensor.role.is_dynamic() { raw.inputs.push(tensor_of) } else { raw.initializers.push(tensor_of) }
            }
        }
        if operator.shapes_declared {
            raw.declared.extend(operator.outputs.iter().map(|&output| {
                let tensor = model.tensor(output);
                (tensor.name.clone(), DeclaredType { data_type: tensor.data_type, shape: tensor.shape.clone() })
            }));
        }
        raw.operators.push(RawOperator {
            name: operator.name.clone(),
            op_type: operator.op_type.clone(),
            domain: operator.domain.clone(),
            attributes: operator.attributes.clone(),
            inputs: operator.inputs.iter().map(|input| input.map_or_else(String::new, name)).collect(),
            outputs: operator.outputs.iter().map(|&output| name(output)).collect(),
        });
    }
    raw.outputs = wanted.iter().map(|&output| name(output)).collect();
    raw
}
