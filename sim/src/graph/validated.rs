//! The validated graph.

use std::collections::BTreeMap;

use super::operator::Operator;
use super::raw::{DeclaredType, RawGraph, RawOperator, RawTensor};
use super::tensor::{Tensor, TensorRole};
use super::work::OperatorWork;
use crate::identifiers::{OperatorId, TensorId};

/// A model: acyclic, every tensor given or produced, every shape known. Made by [`RawGraph::build`] only.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Name of the model.
    pub name: String,
    /// Version of the standard operator set that the operators follow; `None` where nothing says.
    pub opset_version: Option<u32>,
    pub(super) operators: Vec<Operator>,
    pub(super) tensors: Vec<Tensor>,
    pub(super) inputs: Vec<TensorId>,
    pub(super) outputs: Vec<TensorId>,
    pub(super) order: Vec<OperatorId>,
    pub(super) predecessors: Vec<Vec<OperatorId>>,
    pub(super) successors: Vec<Vec<OperatorId>>,
    pub(super) work: Vec<OperatorWork>,
    pub(super) operators_by_name: BTreeMap<String, OperatorId>,
    pub(super) tensors_by_name: BTreeMap<String, TensorId>,
}

impl Graph {
    /// All operators in topological order; the identifier of each is its index.
    pub fn operators(&self) -> &[Operator] {
        &self.operators
    }

    /// The operator of an identifier of this graph.
    pub fn operator(&self, id: OperatorId) -> &Operator {
        &self.operators[id.index()]
    }

    /// The operator of a name.
    pub fn operator_named(&self, name: &str) -> Option<&Operator> {
        self.operators_by_name.get(name).map(|&id| self.operator(id))
    }

    /// All tensors: inputs, then initialisers, then operator outputs in topological order; the identifier of each is its index.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The tensor of an identifier of this graph.
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.index()]
    }

    /// The tensor of a name.
    pub fn tensor_named(&self, name: &str) -> Option<&Tensor> {
        self.tensors_by_name.get(name).map(|&id| self.tensor(id))
    }

    /// The tensors given with every request, in the order of the file.
    pub fn inputs(&self) -> &[TensorId] {
        &self.inputs
    }

    /// The tensors that a request asks for, in the order of the file.
    pub fn outputs(&self) -> &[TensorId] {
        &self.outputs
    }

    /// Every operator after all that it reads from; the order of the file, where that is such an order.
    pub fn topological_order(&self) -> &[OperatorId] {
        &self.order
    }

    /// The operators that `id` reads from, each once, in topological order.
    pub fn predecessors(&self, id: OperatorId) -> &[OperatorId] {
        &self.predecessors[id.index()]
    }

    /// The operators that read from `id`, each once, in topological order.
    pub fn successors(&self, id: OperatorId) -> &[OperatorId] {
        &self.successors[id.index()]
    }

    /// What an operator asks of a processor.
    pub fn work(&self, id: OperatorId) -> &OperatorWork {
        &self.work[id.index()]
    }

    /// Whether nothing that an operator computes depends on a request: shape arithmetic, de-quantisation of weights.
    pub fn is_static(&self, id: OperatorId) -> bool {
        self.operator(id).outputs.iter().all(|&output| !self.tensor(output).role.is_dynamic())
    }

    /// Multiply-accumulates of all operators (see [`OperatorWork::macs`]).
    pub fn total_macs(&self) -> u64 {
        self.work.iter().map(|work| work.macs).sum()
    }

    /// The learned tensors that operators read, each once.
    pub fn weights(&self) -> impl Iterator<Item = &Tensor> {
        let is_used = |tensor: &&Tensor| !tensor.consumers.is_empty() || tensor.is_output;
        let is_given = |tensor: &&Tensor| tensor.role == TensorRole::Weight && tensor.producer.is_none();
        self.tensors.iter().filter(is_given).filter(is_used)
    }

    /// Elements of all weights, each tensor counted once however many operators share it.
    pub fn total_parameters(&self) -> u64 {
        self.weights().map(Tensor::elements).sum()
    }

    /// Bytes of all weights, each tensor counted once.
    pub fn total_weight_bytes(&self) -> u64 {
        self.weights().map(Tensor::bytes).sum()
    }

    /// The graph by names again, to be edited and built anew.
    pub fn to_raw(&self) -> RawGraph {
        let name = |id: TensorId| self.tensor(id).name.clone();
        let raw = |tensor: &Tensor| RawTensor {
            name: tensor.name.clone(),
            data_type: tensor.data_type,
            shape: tensor.shape.clone(),
            data: tensor.data.clone(),
        };
        let operators = self.operators.iter().map(|operator| RawOperator {
            name: operator.name.clone(),
            op_type: operator.op_type.clone(),
            domain: operator.domain.clone(),
            attributes: operator.attributes.clone(),
            inputs: operator.inputs.iter().map(|input| input.map_or_else(String::new, name)).collect(),
            outputs: operator.outputs.iter().map(|&output| name(output)).collect(),
        });
        // Only where inference needed help: elsewhere an edit may change the shape.
        let declared = self.operators.iter().filter(|operator| operator.shapes_declared).flat_map(|operator| {
            operator.outputs.iter().map(|&output| {
                let tensor = self.tensor(output);
                (tensor.name.clone(), DeclaredType { data_type: tensor.data_type, shape: tensor.shape.clone() })
            })
        });
        let is_initializer = |tensor: &&Tensor| tensor.producer.is_none() && tensor.role != TensorRole::Input;
        RawGraph {
            name: self.name.clone(),
            opset_version: self.opset_version,
            operators: operators.collect(),
            inputs: self.inputs.iter().map(|&input| raw(self.tensor(input))).collect(),
            initializers: self.tensors.iter().filter(is_initializer).map(raw).collect(),
            outputs: self.outputs.iter().map(|&output| name(output)).collect(),
            declared: declared.collect(),
        }
    }
}
