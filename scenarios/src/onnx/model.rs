//! Walks a model and its graph, decoding the small messages inside.

use std::io::{Read, Seek};

use super::error::OnnxError;
use super::messages::{NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto, graph_field, model_field};
use super::tensors;
use super::wire::{Scanner, Value};

/// What the file holds, by kind, in file order.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) name: String,
    /// Version of the standard operator set, where the file says it.
    pub(super) opset_version: Option<u32>,
    pub(super) nodes: Vec<NodeProto>,
    pub(super) initializers: Vec<TensorProto>,
    pub(super) inputs: Vec<ValueInfoProto>,
    pub(super) outputs: Vec<ValueInfoProto>,
    pub(super) value_info: Vec<ValueInfoProto>,
}

/// Walks the whole file.
pub(super) fn scan<S: Read + Seek>(scanner: &mut Scanner<'_, S>) -> Result<Parts, OnnxError> {
    let end = scanner.length();
    if end == 0 {
        return Err(scanner.malformed(0, "the file is empty"));
    }
    let (mut parts, mut opset_version) = (None, None);
    while let Some(field) = scanner.field(end)? {
        match (field.number, field.value) {
            (model_field::GRAPH, Value::Bytes(count)) => {
                if parts.is_some() {
                    return Err(scanner.malformed(field.offset, "there is a second graph"));
                }
                parts = Some(scan_graph(scanner, scanner.position() + count)?);
            }
            (model_field::OPSET_IMPORT, Value::Bytes(count)) => {
                let opset: OperatorSetIdProto = scanner.message(field, count, "an operator set")?;
                if matches!(opset.domain.as_str(), "" | "ai.onnx") {
                    opset_version = u32::try_from(opset.version).ok();
                }
            }
            _ => scanner.skip_value(field, end)?,
        }
    }
    let parts: Option<Parts> = parts;
    parts
        .map(|parts| Parts { opset_version, ..parts })
        .ok_or_else(|| scanner.malformed(end, "the end is reached without a graph; an ONNX file holds one (field 7)"))
}

fn scan_graph<S: Read + Seek>(scanner: &mut Scanner<'_, S>, end: u64) -> Result<Parts, OnnxError> {
    let mut parts = Parts::default();
    while let Some(field) = scanner.field(end)? {
        let Value::Bytes(count) = field.value else { continue };
        match field.number {
            graph_field::NODE => parts.nodes.push(scanner.message(field, count, "a node")?),
            graph_field::NAME => parts.name = String::from_utf8_lossy(&scanner.bytes(count)?).into_owned(),
            graph_field::INITIALIZER => parts.initializers.push(tensors::scan(scanner, field, count)?),
            graph_field::INPUT => parts.inputs.push(scanner.message(field, count, "a graph input")?),
            graph_field::OUTPUT => parts.outputs.push(scanner.message(field, count, "a graph output")?),
            graph_field::VALUE_INFO => parts.value_info.push(scanner.message(field, count, "a value_info")?),
            graph_field::SPARSE_INITIALIZER => {
                return Err(scanner.unsupported("it has sparse initialisers; store them as dense tensors"));
            }
            _ => scanner.skip_value(field, end)?,
        }
    }
    Ok(parts)
}
