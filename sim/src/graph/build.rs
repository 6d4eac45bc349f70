//! From names to a validated graph.

use std::collections::{BTreeMap, BTreeSet};

use super::derive;
use super::error::GraphError;
use super::infer::{self, Facts, InferenceError, Node};
use super::operator::Operator;
use super::order;
use super::raw::{RawGraph, RawOperator, RawTensor};
use super::roles::initializer_role;
use super::shape::{self, ShapeError};
use super::tensor::{Tensor, TensorRole};
use super::validated::Graph;
use super::work::OperatorWork;
use crate::identifiers::{OperatorId, TensorId};

/// See [`RawGraph::build`].
pub(super) fn build(mut raw: RawGraph) -> Result<Graph, GraphError> {
    tidy(&mut raw)?;
    let producers = check_names(&raw)?;
    let order = file_order(&raw, &producers)?;
    // Operators move to their place, so that identifiers are in topological order.
    let mut slots: Vec<Option<RawOperator>> = std::mem::take(&mut raw.operators).into_iter().map(Some).collect();
    raw.operators = order.into_iter().filter_map(|index| slots[index].take()).collect();
    let mut builder = Builder::new(&raw);
    builder.add_inputs_and_initializers(&raw)?;
    for operator in &raw.operators {
        builder.add_operator(operator, &raw)?;
    }
    Ok(builder.finish(&raw))
}

/// Makes `Constant` operators initialisers, names unique, domains canonical and absent outputs named or dropped.
fn tidy(raw: &mut RawGraph) -> Result<(), GraphError> {
    let initializers: BTreeSet<String> = raw.initializers.iter().map(|tensor| tensor.name.clone()).collect();
    raw.inputs.retain(|input| !initializers.contains(&input.name));
    let mut operators = Vec::with_capacity(raw.operators.len());
    for (index, mut operator) in std::mem::take(&mut raw.operators).into_iter().enumerate() {
        if operator.domain == "ai.onnx" {
            operator.domain.clear();
        }
        if operator.name.is_empty() {
            operator.name = format!("{}_{index}", operator.op_type);
        }
        while operator.outputs.last().is_some_and(String::is_empty) {
            operator.outputs.pop();
        }
        while operator.inputs.last().is_some_and(String::is_empty) {
            operator.inputs.pop();
        }
        if operator.outputs.is_empty() {
            let problem = InferenceError::mismatch("it names no outputs, so nothing could ever read what it computes");
            return Err(operator_error(&operator, problem));
        }
        for (position, output) in operator.outputs.iter_mut().enumerate() {
            if output.is_empty() {
                *output = format!("{}:unused_{position}", operator.name);
            }
        }
        if operator.op_type == "Constant" && operator.domain.is_empty() {
            raw.initializers.push(constant_to_initializer(&operator)?);
        } else {
            operators.push(operator);
        }
    }
    make_names_unique(&mut operators);
    raw.operators = operators;
    Ok(())
}

fn constant_to_initializer(operator: &RawOperator) -> Result<RawTensor, GraphError> {
    let (op_type, domain, attributes) = (&operator.op_type, &operator.domain, &operator.attributes);
    let node = Node { op_type, domain, attributes, inputs: Vec::new(), output_count: operator.outputs.len() };
    let facts = infer::infer(&node).map_err(|problem| operator_error(operator, problem))?.remove(0);
    Ok(RawTensor { name: operator.outputs[0].clone(), data_type: facts.data_type, shape: facts.shape, data: facts.data })
}

/// Repeated operator names get a number: `conv`, `conv_2`, `conv_3`, ...
fn make_names_unique(operators: &mut [RawOperator]) {
    let mut taken: BTreeSet<String> = operators.iter().map(|operator| operator.name.clone()).collect();
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for operator in operators {
        let count = seen.entry(operator.name.clone()).or_insert(0);
        *count += 1;
        if *count > 1 {
            let base = operator.name.clone();
            while taken.contains(&operator.name) {
                operator.name = format!("{base}_{count}");
                *count += 1;
            }
            *count -= 1;
            taken.insert(operator.name.clone());
        }
    }
}

/// Checks that every tensor is given once and everything that is read is given; returns who produces what.
fn check_names(raw: &RawGraph) -> Result<BTreeMap<&str, usize>, GraphError> {
    let model = || raw.name.clone();
    if raw.operators.is_empty() {
        return Err(GraphError::Empty { model: model() });
    }
    if raw.outputs.is_empty() {
        return Err(GraphError::NoOutputs { model: model() });
    }
    let mut errors = Vec::new();
    let mut givers: BTreeMap<&str, String> = BTreeMap::new();
    let mut producers = BTreeMap::new();
    let given = raw.inputs.iter().map(|tensor| (tensor.name.as_str(), "a graph input".to_owned(), None));
    let given = given.chain(raw.initializers.iter().map(|tensor| (tensor.name.as_str(), "an initialiser".to_owned(), None)));
    let produced = raw.operators.iter().enumerate().flat_map(|(index, operator)| {
        let description = format!("operator `{}`", operator.name);
        operator.outputs.iter().map(move |output| (output.as_str(), description.clone(), Some(index)))
    });
    for (tensor, giver, producer) in given.chain(produced) {
        if let Some(index) = producer {
            producers.insert(tensor, index);
        }
        if let Some(first) = givers.insert(tensor, giver.clone()) {
            errors.push(GraphError::DuplicateTensor { tensor: tensor.to_owned(), first, second: giver });
        }
    }
    for operator in &raw.operators {
        for input in operator.inputs.iter().filter(|input| !input.is_empty() && !givers.contains_key(input.as_str())) {
            errors.push(GraphError::MissingTensor { tensor: input.clone(), reader: format!("operator `{}`", operator.name) });
        }
    }
    for output in raw.outputs.iter().filter(|output| !givers.contains_key(output.as_str())) {
        errors.push(GraphError::MissingTensor { tensor: output.clone(), reader: "the list of graph outputs".to_owned() });
    }
    GraphError::collect(errors)?;
    Ok(producers)
}

fn file_order(raw: &RawGraph, producers: &BTreeMap<&str, usize>) -> Result<Vec<usize>, GraphError> {
    let edges = raw.operators.iter().enumerate().flat_map(|(index, operator)| {
        operator.inputs.iter().filter_map(move |input| producers.get(input.as_str()).map(|&from| (from, index)))
    });
    let graph = order::dependencies(raw.operators.len(), edges);
    order::topological_order(&graph).map_err(|cycle| GraphError::Cycle {
        operators: cycle.iter().chain(cycle.first()).map(|&index| raw.operators[index].name.clone()).collect(),
    })
}

fn operator_error(operator: &RawOperator, problem: InferenceError) -> GraphError {
    GraphError::Operator { operator: operator.name.clone(), op_type: qualified_type(operator), problem }
}

fn qualified_type(operator: &RawOperator) -> String {
    if operator.domain.is_empty() {
        return operator.op_type.clone();
    }
    format!("{}.{}", operator.domain, operator.op_type)
}

/// A graph in the making, operators added in topological order.
#[derive(Default)]
struct Builder<'a> {
    uses: BTreeMap<&'a str, Vec<(&'a RawOperator, usize)>>,
    outputs: BTreeSet<&'a str>,
    tensors: Vec<Tensor>,
    facts: Vec<Facts>,
    tensors_by_name: BTreeMap<String, TensorId>,
    operators: Vec<Operator>,
    work: Vec<OperatorWork>,
    total_macs: u64,
}

impl<'a> Builder<'a> {
    fn new(raw: &'a RawGraph) -> Self {
        let mut uses: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for operator in &raw.operators {
            for (position, input) in operator.inputs.iter().enumerate() {
                uses.entry(input).or_default().push((operator, position));
            }
        }
        Self { uses, outputs: raw.outputs.iter().map(String::as_str).collect(), ..Self::default() }
    }

    fn add_inputs_and_initializers(&mut self, raw: &'a RawGraph) -> Result<(), GraphError> {
        let mut errors = Vec::new();
        for tensor in raw.inputs.iter().chain(&raw.initializers) {
            match shape::elements(&tensor.shape) {
                Err(problem) => errors.push(GraphError::Shape { tensor: tensor.name.clone(), problem }),
                Ok(expected) => {
                    let values = tensor.data.as_ref().map(super::ConstantData::len);
                    if let Some(values) = values.filter(|&values| values as u64 != expected) {
                        let (tensor, shape) = (tensor.name.clone(), shape::text(&tensor.shape));
                        errors.push(GraphError::ConstantLength { tensor, values, shape, expected });
                    }
                }
            }
        }
        GraphError::collect(errors)?;
        for input in &raw.inputs {
            let id = self.add_tensor(&input.name, Facts::new(input.data_type, input.shape.clone()), TensorRole::Input, None);
            self.check_size(id)?;
        }
        for tensor in &raw.initializers {
            let uses = self.uses.get(tensor.name.as_str()).map_or(&[][..], Vec::as_slice);
            let role = initializer_role(tensor, uses);
            let facts = Facts::new(tensor.data_type, tensor.shape.clone()).with_data(tensor.data.clone());
            self.add_tensor(&tensor.name, facts, role, None);
        }
        Ok(())
    }

    fn add_tensor(&mut self, name: &str, facts: Facts, role: TensorRole, producer: Option<OperatorId>) -> TensorId {
        let id = TensorId::from_index(self.tensors.len());
        self.tensors.push(Tensor {
            id,
            name: name.to_owned(),
            data_type: facts.data_type,
            shape: facts.shape.clone(),
            role,
            producer,
            consumers: Vec::new(),
            is_output: self.outputs.contains(name),
            data: facts.data.clone(),
        });
        self.facts.push(facts);
        self.tensors_by_name.insert(name.to_owned(), id);
        id
    }

    /// A tensor that every request makes anew fits in a phone.
    fn check_size(&self, id: TensorId) -> Result<(), GraphError> {
        let tensor = &self.tensors[id.index()];
        if !tensor.role.is_dynamic() || tensor.elements() <= shape::MAXIMUM_ACTIVATION_ELEMENTS {
            return Ok(());
        }
        let problem = ShapeError::ActivationTooLarge { shape: tensor.shape.clone() };
        Err(GraphError::Shape { tensor: tensor.name.clone(), problem })
    }

    fn add_operator(&mut self, operator: &RawOperator, raw: &RawGraph) -> Result<(), GraphError> {
        let id = OperatorId::from_index(self.operators.len());
        let inputs: Vec<Option<TensorId>> =
            operator.inputs.iter().map(|input| self.tensors_by_name.get(input).copied()).collect();
        let node = Node {
            op_type: &operator.op_type,
            domain: &operator.domain,
            attributes: &operator.attributes,
            inputs: inputs.iter().map(|input| input.map(|input| &self.facts[input.index()])).collect(),
            output_count: operator.outputs.len(),
        };
        let (outputs, shapes_declared) = outputs_of(&node, operator, raw)?;
        let roles: Vec<Option<TensorRole>> =
            inputs.iter().map(|input| input.map(|input| self.tensors[input.index()].role)).collect();
        let overflow = || GraphError::WorkOverflow { operator: operator.name.clone(), op_type: qualified_type(operator) };
        let work = derive::derive(&node, &roles, &outputs).ok_or_else(overflow)?;
        self.total_macs = self.total_macs.checked_add(work.macs).ok_or_else(overflow)?;
        self.work.push(work);
        let is_dynamic = roles.iter().flatten().any(|role| role.is_dynamic());
        let is_learned = roles.contains(&Some(TensorRole::Weight));
        let outputs = operator.outputs.iter().zip(outputs).map(|(name, facts)| {
            let role = if facts.data.is_some() {
                TensorRole::Constant
            } else if is_dynamic {
                TensorRole::Activation
            } else if is_learned {
                TensorRole::Weight
            } else {
                TensorRole::Constant
            };
            self.add_tensor(name, facts, role, Some(id))
        });
        let outputs: Vec<TensorId> = outputs.collect();
        for &output in &outputs {
            self.check_size(output)?;
        }
        let mut read: Vec<TensorId> = inputs.iter().flatten().copied().collect();
        read.sort_unstable();
        read.dedup();
        for tensor in read {
            self.tensors[tensor.index()].consumers.push(id);
        }
        self.operators.push(Operator {
            id,
            name: operator.name.clone(),
            op_type: operator.op_type.clone(),
            domain: operator.domain.clone(),
            attributes: operator.attributes.clone(),
            inputs,
            outputs,
            shapes_declared,
        });
        Ok(())
    }

    fn finish(self, raw: &RawGraph) -> Graph {
        let neighbors = |tensors: &mut dyn Iterator<Item = &Tensor>, forward: bool| {
            let mut found: Vec<OperatorId> = if forward {
                tensors.flat_map(|tensor| tensor.consumers.iter().copied()).collect()
            } else {
                tensors.filter_map(|tensor| tensor.producer).collect()
            };
            found.sort_unstable();
            found.dedup();
            found
        };
        let tensor = |id: &TensorId| &self.tensors[id.index()];
        let predecessors =
            self.operators.iter().map(|operator| neighbors(&mut operator.inputs.iter().flatten().map(tensor), false)).collect();
        let successors =
            self.operators.iter().map(|operator| neighbors(&mut operator.outputs.iter().map(tensor), true)).collect();
        let by_name = |name: &String| self.tensors_by_name.get(name).copied();
        let mut outputs: Vec<TensorId> = Vec::new();
        for output in raw.outputs.iter().filter_map(by_name) {
            if !outputs.contains(&output) {
                outputs.push(output);
            }
        }
        Graph {
            name: raw.name.clone(),
            opset_version: raw.opset_version,
            inputs: (0..raw.inputs.len()).map(TensorId::from_index).collect(),
            outputs,
            order: self.operators.iter().map(|operator| operator.id).collect(),
            predecessors,
            successors,
            operators_by_name: self.operators.iter().map(|operator| (operator.name.clone(), operator.id)).collect(),
            operators: self.operators,
            tensors: self.tensors,
            work: self.work,
            tensors_by_name: self.tensors_by_name,
        }
    }
}

/// The outputs of an operator and whether their types are those that the file declares, inference being impossible.
fn outputs_of(node: &Node<'_>, operator: &RawOperator, raw: &RawGraph) -> Result<(Vec<Facts>, bool), GraphError> {
    let error = match infer::infer(node) {
        Ok(outputs) => return Ok((outputs, false)),
        Err(error) if error.can_be_declared() => error,
        Err(error) => return Err(operator_error(operator, error)),
    };
    let declared = operator.outputs.iter().map(|output| raw.declared.get(output));
    let facts = declared.map(|declared| declared.map(|declared| Facts::new(declared.data_type, declared.shape.clone())));
    let outputs = facts.collect::<Option<Vec<_>>>().ok_or_else(|| operator_error(operator, error))?;
    for (name, facts) in operator.outputs.iter().zip(&outputs) {
        shape::elements(&facts.shape).map_err(|problem| GraphError::Shape { tensor: name.clone(), problem })?;
    }
    Ok((outputs, true))
}
