//! From the messages of a file to a [`RawGraph`].

use std::collections::{BTreeMap, BTreeSet};

use sim::graph::{AttributeValue, Attributes, DataType, DeclaredType, RawGraph, RawOperator, RawTensor, TensorAttribute};

use super::ReadOptions;
use super::dimensions::{Dimensions, tensor_type};
use super::error::OnnxError;
use super::messages::{AttributeProto, NodeProto, TensorProto, ValueInfoProto, attribute_kind};
use super::model::Parts;
use super::tensors;

/// Converts what was read; `fallback_name` is that of a graph without one.
pub(super) fn convert(file: &str, fallback_name: &str, parts: Parts, options: &ReadOptions) -> Result<RawGraph, OnnxError> {
    let given: BTreeSet<&str> = parts.initializers.iter().map(|tensor| tensor.name.as_str()).collect();
    // Before IR version 4 initialisers had to be inputs too.
    let inputs: Vec<&ValueInfoProto> = parts.inputs.iter().filter(|input| !given.contains(input.name.as_str())).collect();
    let values: Vec<ValueInfoProto> = parts.value_info.iter().chain(&parts.outputs).cloned().collect();
    let dimensions = Dimensions::resolve(file, &inputs, &values, options)?;
    let mut raw = RawGraph::new(if parts.name.is_empty() { fallback_name } else { &parts.name });
    raw.opset_version = parts.opset_version;
    raw.inputs = convert_inputs(file, &inputs, &dimensions, options)?;
    raw.outputs = parts.outputs.iter().map(|output| output.name.clone()).collect();
    raw.declared = declared_types(&values, &dimensions);
    for tensor in &parts.initializers {
        let TensorAttribute { data_type, shape, data } = convert_tensor(file, &tensor.name, tensor)?;
        raw.initializers.push(RawTensor { name: tensor.name.clone(), data_type, shape, data });
    }
    raw.operators = parts.nodes.into_iter().map(|node| convert_node(file, node)).collect::<Result<_, _>>()?;
    Ok(raw)
}

fn unsupported(file: &str, problem: String) -> OnnxError {
    OnnxError::Unsupported { file: file.to_owned(), problem }
}

fn convert_inputs(
    file: &str,
    inputs: &[&ValueInfoProto],
    dimensions: &Dimensions,
    options: &ReadOptions,
) -> Result<Vec<RawTensor>, OnnxError> {
    let mut open = Vec::new();
    let mut tensors = Vec::new();
    for input in inputs {
        let name = input.name.clone();
        let Some(tensor) = tensor_type(input) else {
            return Err(unsupported(file, format!("input `{name}` is not a tensor (sequence, map or optional)")));
        };
        let data_type = data_type(file, &name, tensor.elem_type)?;
        let shape = dimensions.input_shape(file, input, options, &mut open)?;
        tensors.push(RawTensor { name, data_type, shape, data: None });
    }
    if open.is_empty() { Ok(tensors) } else { Err(OnnxError::OpenDimensions { file: file.to_owned(), open }) }
}

fn declared_types(values: &[ValueInfoProto], dimensions: &Dimensions) -> BTreeMap<String, DeclaredType> {
    let declared = values.iter().filter_map(|value| {
        let data_type = DataType::from_onnx_code(i64::from(tensor_type(value)?.elem_type))?;
        Some((value.name.clone(), DeclaredType { data_type, shape: dimensions.declared_shape(value)? }))
    });
    declared.collect()
}

fn data_type(file: &str, tensor: &str, code: i32) -> Result<DataType, OnnxError> {
    DataType::from_onnx_code(i64::from(code))
        .ok_or_else(|| unsupported(file, format!("tensor `{tensor}` has element type {code}, but the codes of ONNX are 1 to 26")))
}

fn convert_tensor(file: &str, name: &str, tensor: &TensorProto) -> Result<TensorAttribute, OnnxError> {
    let data_type = data_type(file, name, tensor.data_type)?;
    let size = |&dimension: &i64| {
        u64::try_from(dimension).map_err(|_| OnnxError::InvalidDimension {
            file: file.to_owned(),
            tensor: name.to_owned(),
            dimension,
            expected: "sizes of a stored tensor cannot be negative",
        })
    };
    let shape = tensor.dims.iter().map(size).collect::<Result<Vec<_>, _>>()?;
    let data = tensors::values(tensor, data_type, &shape)
        .map_err(|problem| unsupported(file, format!("constant `{name}` {problem}")))?;
    Ok(TensorAttribute { data_type, shape, data })
}

fn convert_node(file: &str, node: NodeProto) -> Result<RawOperator, OnnxError> {
    let mut attributes = Attributes::new();
    for attribute in &node.attribute {
        if let Some(value) = convert_attribute(file, &node, attribute)? {
            attributes.insert(attribute.name.clone(), value);
        }
    }
    let NodeProto { name, op_type, domain, input, output, .. } = node;
    Ok(RawOperator { name, op_type, domain, attributes, inputs: input, outputs: output })
}

/// The value of an attribute; `None` for kinds that no operator known here has (sparse tensors, types).
fn convert_attribute(file: &str, node: &NodeProto, attribute: &AttributeProto) -> Result<Option<AttributeValue>, OnnxError> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let kind = kind_of(attribute);
    Ok(Some(match kind {
        attribute_kind::FLOAT => AttributeValue::Float(attribute.f),
        attribute_kind::INTEGER => AttributeValue::Integer(attribute.i),
        attribute_kind::TEXT => AttributeValue::Text(text(&attribute.s)),
        attribute_kind::FLOATS => AttributeValue::Floats(attribute.floats.clone()),
        attribute_kind::INTEGERS => AttributeValue::Integers(attribute.ints.clone()),
        attribute_kind::TEXTS => AttributeValue::Texts(attribute.strings.iter().map(|bytes| text(bytes)).collect()),
        attribute_kind::TENSOR => match &attribute.t {
            Some(tensor) => {
                let name = format!("{}.{}", node.output.first().unwrap_or(&node.name), attribute.name);
                AttributeValue::Tensor(convert_tensor(file, &name, tensor)?)
            }
            None => return Ok(None),
        },
        attribute_kind::GRAPH | attribute_kind::GRAPHS => {
            return Err(unsupported(
                file,
                format!(
                    "operator `{}` ({}) holds a subgraph (attribute `{}`), so what runs depends on data; export the model \
                     without control flow",
                    node.name, node.op_type, attribute.name
                ),
            ));
        }
        _ => return Ok(None),
    }))
}

/// The kind of an attribute; files of the first IR versions leave it out.
fn kind_of(attribute: &AttributeProto) -> i32 {
    if attribute.kind != 0 {
        return attribute.kind;
    }
    let present = [
        (attribute.graph.is_some(), attribute_kind::GRAPH),
        (!attribute.graphs.is_empty(), attribute_kind::GRAPHS),
        (attribute.t.is_some(), attribute_kind::TENSOR),
        (!attribute.ints.is_empty(), attribute_kind::INTEGERS),
        (!attribute.floats.is_empty(), attribute_kind::FLOATS),
        (!attribute.strings.is_empty(), attribute_kind::TEXTS),
        (!attribute.s.is_empty(), attribute_kind::TEXT),
        (attribute.f != 0.0, attribute_kind::FLOAT),
    ];
    present.into_iter().find(|(is_present, _)| *is_present).map_or(attribute_kind::INTEGER, |(_, kind)| kind)
}
