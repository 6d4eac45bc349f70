//! Builders of the operators that only move elements.

use sim::graph::{ConstantData, DataType};

use super::build::Built;
use super::movement::{Gather, MAXIMUM_RANK, Mapped, Movement, Piece, dense};
use super::node::{Node, Refusal, axis_of, product};

/// A piece that fills the whole output from strides over the input.
fn whole(sizes: Vec<usize>, source: Vec<isize>, source_offset: usize) -> Piece {
    Piece { input: 0, output: 0, target: dense(&sizes), sizes, source, source_offset, target_offset: 0 }
}

fn one_input(node: &Node<'_>, pieces: Vec<Piece>) -> Result<Built, Refusal> {
    let input = node.required(0)?;
    if input.shape.len() > MAXIMUM_RANK || pieces.iter().any(|piece| piece.sizes.len() > MAXIMUM_RANK) {
        return Err(format!("{} dimensions: at most {MAXIMUM_RANK} are supported", input.shape.len()));
    }
    Ok(Built::new(Movement::new(input.data_type, pieces), vec![input.id], node.operator.outputs.clone()))
}

/// The same elements in another shape.
pub(super) fn view(node: &Node<'_>) -> Result<Built, Refusal> {
    node.outputs_at_most(1)?;
    if node.operator.op_type == "Dropout"
        && let Some(training) = node.input(2)
        && training.data.as_ref().is_none_or(|data| data.to_floats() != [0.0])
    {
        return Err("`training_mode` is not constantly false: only inference is supported".to_owned());
    }
    let elements = product(&node.shape(0)?);
    let input = node.required(0)?;
    let kernel = Movement::new(input.data_type, vec![whole(vec![elements], vec![1], 0)]);
    Ok(Built { is_view: true, ..Built::new(kernel, vec![input.id], vec![node.output(0)?.id]) })
}

pub(super) fn transpose(node: &Node<'_>) -> Result<Built, Refusal> {
    let sizes = node.shape(0)?;
    let order: Vec<usize> = match node.operator.attributes.integers("perm") {
        Some(order) => order.iter().map(|&axis| axis as usize).collect(),
        None => (0..sizes.len()).rev().collect(),
    };
    let strides = dense(&sizes);
    one_input(node, vec![whole(node.result()?, order.iter().map(|&axis| strides[axis]).collect(), 0)])
}

pub(super) fn expand(node: &Node<'_>) -> Result<Built, Refusal> {
    let (sizes, result) = (node.shape(0)?, node.result()?);
    let strides = dense(&sizes);
    let source = (0..result.len())
        .map(|axis| match (axis + sizes.len()).checked_sub(result.len()) {
            Some(axis) if sizes[axis] > 1 => strides[axis],
            _ => 0,
        })
        .collect();
    one_input(node, vec![whole(result, source, 0)])
}

pub(super) fn slice(node: &Node<'_>) -> Result<Built, Refusal> {
    let (sizes, result) = (node.shape(0)?, node.result()?);
    let missing = || "`starts` is absent".to_owned();
    let starts = node.integers("starts", 1)?.ok_or_else(missing)?;
    let given_axes = node.integers("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = node.integers("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    let mut strides = dense(&sizes);
    let mut offset = 0_isize;
    for ((&start, &given), &step) in starts.iter().zip(&given_axes).zip(&steps) {
        let axis = axis_of(given, sizes.len())?;
        let size = sizes[axis] as i64;
        let start = if start < 0 { start.saturating_add(size) } else { start };
        let start = if step < 0 { start.clamp(0, (size - 1).max(0)) } else { start.clamp(0, size) };
        offset += start as isize * strides[axis];
        strides[axis] *= step as isize;
    }
    if product(&result) == 0 {
        offset = 0;
    }
    one_input(node, vec![whole(result, strides, offset as usize)])
}

pub(super) fn split(node: &Node<'_>) -> Result<Built, Refusal> {
    let sizes = node.shape(0)?;
    let axis = axis_of(node.integer("axis", 0), sizes.len())?;
    let strides = dense(&sizes);
    let mut first = 0;
    let mut pieces = Vec::new();
    for (output, &id) in node.operator.outputs.iter().enumerate() {
        let result = super::node::sizes(&node.graph.tensor(id).shape);
        let offset = first * strides[axis] as usize;
        first += result[axis];
        pieces.push(Piece { output, ..whole(result, strides.clone(), offset) });
    }
    one_input(node, pieces)
}

pub(super) fn concatenate(node: &Node<'_>) -> Result<Built, Refusal> {
    let result = node.result()?;
    let axis = axis_of(node.integer("axis", 0), result.len())?;
    let strides = dense(&result);
    let mut first = 0;
    let mut pieces = Vec::new();
    let inputs = node.inputs();
    for (input, &id) in inputs.iter().enumerate() {
        let sizes = super::node::sizes(&node.graph.tensor(id).shape);
        let target_offset = first * strides[axis] as usize;
        first += sizes[axis];
        let source = dense(&sizes);
        pieces.push(Piece { input, output: 0, sizes, source, target: strides.clone(), source_offset: 0, target_offset });
    }
    if result.len() > MAXIMUM_RANK {
        return Err(format!("{} dimensions: at most {MAXIMUM_RANK} are supported", result.len()));
    }
    let data_type = node.required(0)?.data_type;
    Ok(Built::new(Movement::new(data_type, pieces), inputs, vec![node.output(0)?.id]))
}

/// ONNX, `DepthToSpace` and `SpaceToDepth`: a reshape to six dimensions, a transposition and a reshape back.
pub(super) fn depth_and_space(node: &Node<'_>) -> Result<Built, Refusal> {
    let (input, result) = (node.shape(0)?, node.result()?);
    let [batch, channels, height, width] = input[..] else { return Err(format!("{} dimensions: 4 are needed", input.len())) };
    let block = node.integer("blocksize", 1) as usize;
    let (shape, order) = if node.operator.op_type == "SpaceToDepth" {
        (vec![batch, channels, height / block, block, width / block, block], [0, 3, 5, 1, 2, 4])
    } else if node.text("mode", "DCR") == "CRD" {
        (vec![batch, result[1], block, block, height, width], [0, 1, 4, 2, 5, 3])
    } else {
        (vec![batch, block, block, result[1], height, width], [0, 3, 4, 1, 5, 2])
    };
    let strides = dense(&shape);
    one_input(node, vec![whole(order.map(|axis| shape[axis]).to_vec(), order.map(|axis| strides[axis]).to_vec(), 0)])
}

pub(super) fn tile(node: &Node<'_>) -> Result<Built, Refusal> {
    let (sizes, result) = (node.shape(0)?, node.result()?);
    let strides = dense(&sizes);
    let tables = (0..sizes.len()).map(|axis| (0..result[axis]).map(|at| at % sizes[axis] * strides[axis] as usize).collect());
    mapped(node, tables.collect())
}

/// Looks elements of the first input up.
pub(super) fn mapped(node: &Node<'_>, tables: Vec<Vec<usize>>) -> Result<Built, Refusal> {
    let input = node.required(0)?;
    if tables.len() > MAXIMUM_RANK {
        return Err(format!("{} dimensions: at most {MAXIMUM_RANK} are supported", tables.len()));
    }
    Ok(Built::new(Mapped::new(input.data_type, tables), vec![input.id], vec![node.output(0)?.id]))
}

pub(super) fn pad(node: &Node<'_>) -> Result<Built, Refusal> {
    let (sizes, result) = (node.shape(0)?, node.result()?);
    let rank = sizes.len();
    let pads = node.integers("pads", 1)?.ok_or("`pads` is absent")?;
    let axes = node.integers("axes", 3)?.unwrap_or_else(|| (0..rank as i64).collect());
    let mut begin = vec![0_i64; rank];
    for (position, &axis) in axes.iter().enumerate() {
        begin[axis_of(axis, rank)?] = pads[position];
    }
    let strides = dense(&sizes);
    let mode = node.text("mode", "constant");
    if mode != "constant" {
        let table = |axis: usize| -> Vec<usize> {
            let size = sizes[axis] as i64;
            let place = |at: usize| {
                let at = at as i64 - begin[axis];
                match mode {
                    "edge" => at.clamp(0, size - 1),
                    "wrap" => at.rem_euclid(size),
                    _ if size == 1 => 0,
                    _ => {
                        let at = at.rem_euclid(2 * (size - 1));
                        at.min(2 * (size - 1) - at)
                    }
                }
            };
            (0..result[axis]).map(|at| place(at) as usize * strides[axis] as usize).collect()
        };
        return mapped(node, (0..rank).map(table).collect());
    }
    let data_type = node.required(0)?.data_type;
    let (mut source_offset, mut target_offset) = (0, 0);
    let targets = dense(&result);
    let mut common = Vec::new();
    for axis in 0..rank {
        let from = (-begin[axis]).max(0) as usize;
        let to = begin[axis].max(0) as usize;
        source_offset += from * strides[axis] as usize;
        target_offset += to * targets[axis] as usize;
        common.push(sizes[axis].saturating_sub(from).min(result[axis].saturating_sub(to)));
    }
    let elements = product(&result);
    if common.contains(&0) {
        (source_offset, target_offset) = (0, 0);
    }
    let piece = Piece { input: 0, output: 0, sizes: common, source: strides, target: targets, source_offset, target_offset };
    let value = match node.input(2).filter(|tensor| tensor.elements() > 0) {
        Some(tensor) => match &tensor.data {
            Some(ConstantData::Floats(values)) => values[0],
            Some(ConstantData::Integers(values)) => values[0] as f64,
            None => return Err("the value (input 2) is computed at run time: a constant is needed".to_owned()),
        },
        None => f64::from(node.float("value", 0.0)),
    };
    let bits = match data_type {
        DataType::Float32 => u64::from((value as f32).to_bits()),
        DataType::Float64 => value.to_bits(),
        data_type if data_type.is_float() => return Err(format!("elements of type {data_type} are not supported")),
        _ => value as i64 as u64,
    };
    if rank > MAXIMUM_RANK {
        return Err(format!("{rank} dimensions: at most {MAXIMUM_RANK} are supported"));
    }
    let kernel = Movement::new(data_type, vec![piece]).filled(elements, bits);
    Ok(Built::new(kernel, vec![node.required(0)?.id], vec![node.output(0)?.id]))
}

pub(super) fn gather(node: &Node<'_>) -> Result<Built, Refusal> {
    let (data, indices) = (node.required(0)?, node.required(1)?);
    let sizes = node.shape(0)?;
    let axis = axis_of(node.integer("axis", 0), sizes.len())?;
    let kernel = Gather {
        outer: product(&sizes[..axis]),
        axis_size: sizes[axis],
        inner_bytes: product(&sizes[axis + 1..]) * data.data_type.bytes() as usize,
        indices: indices.elements() as usize,
        is_long: match indices.data_type {
            DataType::Int64 => true,
            DataType::Int32 => false,
            other => return Err(format!("indices of type {other}: int32 and int64 are supported")),
        },
    };
    Ok(Built::new(kernel, vec![data.id, indices.id], vec![node.output(0)?.id]))
}

/// A copy of a tensor.
pub(super) fn copy(tensor: &sim::graph::Tensor) -> Built {
    let kernel = Movement::new(tensor.data_type, vec![whole(vec![tensor.elements() as usize], vec![1], 0)]);
    Built::new(kernel, vec![tensor.id], vec![tensor.id])
}
