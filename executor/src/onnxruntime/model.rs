//! Graphs as models of ONNX Runtime's model editor.

#![allow(unsafe_code, reason = "gives constants to ONNX Runtime by pointer; the safe way copies them")]

use std::ffi::CString;

use ort::AsPointer;
use ort::editor::{Graph as EditorGraph, Model, Node, Opset};
use ort::operator::Attribute;
use ort::value::{Outlet, Shape, SymbolicDimensions, ValueType};
use sim::graph::{AttributeValue, Graph, Operator};
use sim::identifiers::TensorId;

use super::error::{error, unsupported};
use super::value::{Value, element_type};
use crate::processor::ProcessorError;
use crate::tensor::Tensor;
use crate::unit::Constants;

/// Operator set of graphs that do not say theirs.
const DEFAULT_OPSET: u32 = 17;

/// Domains whose operators ONNX Runtime knows, with the version to ask for.
const OTHER_DOMAINS: [(&str, u32); 2] = [("com.microsoft", 1), ("ai.onnx.ml", 3)];

/// Domains that fused operators and blocked layouts are of: before version 1.24 a model must import them to be optimised.
const OPTIMISER_DOMAINS: [(&str, u32); 2] = [("com.microsoft", 1), ("com.microsoft.nchwc", 1)];

/// Smaller constants must be given by value: shape inference reads them (`onnxruntime_c_api.h`, `AddInitializerToGraph`).
const SMALLEST_EXTERNAL_BYTES: usize = 128;

/// Refuses what no model can say: foreign domains, element types without tensors, zero bytes in names.
pub(super) fn check(graph: &Graph) -> Result<(), ProcessorError> {
    let operators = graph.operators().iter().flat_map(|operator| [&operator.name, &operator.op_type]);
    if let Some(name) = graph.tensors().iter().map(|tensor| &tensor.name).chain(operators).find(|name| name.contains('\0')) {
        return Err(unsupported(format!("the name {name:?} has a zero byte")));
    }
    for operator in graph.operators() {
        let is_known = |domain: &str| domain.is_empty() || OTHER_DOMAINS.iter().any(|(known, _)| *known == domain);
        if !is_known(&operator.domain) {
            let (name, op_type, domain) = (&operator.name, &operator.op_type, &operator.domain);
            return Err(unsupported(format!("operator `{name}` of type {op_type} is of the unknown domain `{domain}`")));
        }
        for &id in operator.inputs.iter().flatten().chain(&operator.outputs) {
            value_type(graph, id)?;
        }
    }
    Ok(())
}

/// The operators of a graph as a model with those of its inputs that are read, and with `outputs`, which operators make.
///
/// Constants of at least [`SMALLEST_EXTERNAL_BYTES`] are not copied: they must outlive the model and its session.
pub(super) fn build(graph: &Graph, constants: &Constants, outputs: &[TensorId]) -> Result<Model, ProcessorError> {
    check(graph)?;
    let refused = |cause: ort::Error| error("cannot build", &graph.name, &cause);
    let mut edited = EditorGraph::new().map_err(refused)?;
    let inputs: Vec<TensorId> = fed_inputs(graph).map(|(_, id)| id).collect();
    edited.set_inputs(outlets(graph, &inputs)?).map_err(refused)?;
    edited.set_outputs(outlets(graph, outputs)?).map_err(refused)?;
    for (&id, tensor) in constants.iter().filter(|(id, _)| !graph.tensor(**id).consumers.is_empty()) {
        add_constant(&mut edited, &graph.tensor(id).name, tensor, &graph.name)?;
    }
    for operator in graph.operators() {
        edited.add_node(node(graph, operator)?).map_err(refused)?;
    }
    let mut opsets = vec![("", graph.opset_version.unwrap_or(DEFAULT_OPSET))];
    opsets.extend(OPTIMISER_DOMAINS);
    let is_used = |domain: &str| graph.operators().iter().any(|operator| operator.domain == domain);
    opsets.extend(OTHER_DOMAINS.into_iter().filter(|entry| !OPTIMISER_DOMAINS.contains(entry) && is_used(entry.0)));
    let opsets = opsets.into_iter().map(|(domain, version)| Opset::new(domain, version)).collect::<Result<Vec<_>, _>>();
    let opsets = opsets.map_err(refused)?;
    let mut model = Model::new(opsets).map_err(refused)?;
    model.set_graph(edited).map_err(refused)?;
    Ok(model)
}

/// The inputs that some operator reads, with their places in the list of inputs.
pub(super) fn fed_inputs(graph: &Graph) -> impl Iterator<Item = (usize, TensorId)> {
    let inputs = graph.inputs().iter().copied().enumerate();
    inputs.filter(|&(_, id)| !graph.tensor(id).consumers.is_empty())
}

fn outlets(graph: &Graph, tensors: &[TensorId]) -> Result<Vec<Outlet>, ProcessorError> {
    tensors.iter().map(|&id| Ok(Outlet::new(&graph.tensor(id).name, value_type(graph, id)?))).collect()
}

fn value_type(graph: &Graph, id: TensorId) -> Result<ValueType, ProcessorError> {
    let tensor = graph.tensor(id);
    let Some(ty) = element_type(tensor.data_type) else {
        return Err(unsupported(format!("tensor `{}` has elements of type {}", tensor.name, tensor.data_type)));
    };
    let shape = Shape::new(tensor.shape.iter().map(|&size| size as i64));
    Ok(ValueType::Tensor { ty, shape, dimension_symbols: SymbolicDimensions::empty(tensor.shape.len()) })
}

fn add_constant(graph: &mut EditorGraph, name: &str, tensor: &Tensor, unit: &str) -> Result<(), ProcessorError> {
    let doing = format!("cannot take constant `{name}` of");
    let refused = |cause: ort::Error| error(&doing, unit, &cause);
    let bytes = tensor.bytes();
    // SAFETY: tensors are never written to, and the caller keeps this one as long as the session.
    let value = unsafe { Value::over(tensor.buffer().pointer(), bytes.len(), tensor.data_type, &tensor.shape) };
    let Some(value) = value else {
        return Err(unsupported(format!("constant `{name}` has elements of type {}", tensor.data_type)));
    };
    let value = value.map_err(refused)?.into_raw();
    let name = CString::new(name).map_err(|cause| unsupported(format!("constant `{name}`: {cause}")))?;
    let editor = ort::editor::editor_api().map_err(refused)?;
    let is_external = bytes.len() >= SMALLEST_EXTERNAL_BYTES;
    // SAFETY: graph and value are alive; the value is the graph's afterwards.
    let status = unsafe { (editor.AddInitializerToGraph)(graph.ptr_mut(), name.as_ptr(), value, is_external) };
    // SAFETY: a status is given back once.
    unsafe { ort::Error::result_from_status(status) }.map_err(refused)
}

fn node(graph: &Graph, operator: &Operator) -> Result<Node, ProcessorError> {
    let name = |id: TensorId| graph.tensor(id).name.as_str();
    let inputs: Vec<&str> = operator.inputs.iter().map(|input| input.map_or("", name)).collect();
    let outputs: Vec<&str> = operator.outputs.iter().map(|&output| name(output)).collect();
    let mut attributes = Vec::new();
    for (key, value) in operator.attributes.iter() {
        let attribute = match value {
            AttributeValue::Integer(value) => Attribute::new(key, *value),
            AttributeValue::Float(value) => Attribute::new(key, *value),
            AttributeValue::Text(value) => Attribute::new(key, value.clone()),
            AttributeValue::Integers(values) => Attribute::new(key, values.as_slice()),
            AttributeValue::Floats(values) => Attribute::new(key, values.as_slice()),
            AttributeValue::Texts(values) => Attribute::new(key, values.as_slice()),
            AttributeValue::Tensor(_) => {
                let (name, op_type) = (&operator.name, &operator.op_type);
                let why = "is a tensor, which the model editor cannot express";
                return Err(unsupported(format!("operator `{name}` of type {op_type}: attribute `{key}` {why}")));
            }
        };
        attributes.push(attribute.map_err(|cause| error("cannot build", &operator.name, &cause))?);
    }
    Node::new(&operator.op_type, &operator.domain, &operator.name, inputs, outputs, attributes)
        .map_err(|cause| error("cannot build", &operator.name, &cause))
}
