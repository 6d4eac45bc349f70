//! Elements that change their place: concatenation, slices, splits, transposition.

use sim::graph::{Operator, shape};
use sim::identifiers::TensorId;

use super::{Shader, WITHIN_COUNT};
use crate::processor::{ProcessorError, ProcessorErrorKind};
use crate::vulkan::error;
use crate::vulkan::plan::{Lowering, Source, input as input_of, refusal};
use crate::vulkan::strides::{MAXIMUM_DIMENSIONS, Walk, row_major};

const INVOCATIONS: u32 = 64;

/// Elements of a block of `shape`, read and written at strides of their own.
struct Move {
    shape: Vec<u64>,
    from: Vec<i64>,
    from_offset: i64,
    to: Vec<i64>,
    to_offset: i64,
}

pub(in crate::vulkan) fn lower(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), ProcessorError> {
    match operator.op_type.as_str() {
        "Concat" => concat(lowering, operator),
        "Split" => split(lowering, operator),
        "Slice" => slice(lowering, operator),
        _ => transpose(lowering, operator),
    }
}

/// A tensor that is the view of another one gets elements of its own.
pub(in crate::vulkan) fn copy(lowering: &mut Lowering<'_>, output: TensorId) -> Result<(), ProcessorError> {
    let tensor = lowering.graph.tensor(output);
    let Some(producer) = tensor.producer else {
        let why = format!("graph `{}` gives `{}` back, which no operator makes", lowering.graph.name, tensor.name);
        return Err(error(ProcessorErrorKind::Unsupported, why));
    };
    let operator = lowering.graph.operator(producer);
    let strides = row_major(&tensor.shape);
    let step = Move { shape: tensor.shape.clone(), from: strides.clone(), from_offset: 0, to: strides, to_offset: 0 };
    let source = lowering.source(operator, output)?;
    push(lowering, operator, source, output, &step)
}

fn push(
    lowering: &mut Lowering<'_>,
    operator: &Operator,
    source: Source,
    target: TensorId,
    step: &Move,
) -> Result<(), ProcessorError> {
    let walk = Walk::new(&step.shape, &[step.from.clone(), step.to.clone()]);
    if walk.dimensions() > MAXIMUM_DIMENSIONS {
        let why = format!("its elements lie along {} dimensions, at most {MAXIMUM_DIMENSIONS} are supported", walk.dimensions());
        return Err(refusal(operator, why));
    }
    let mut shader = Shader::new(INVOCATIONS);
    shader.size("count", walk.count());
    shader.signed("from_offset", step.from_offset);
    shader.signed("to_offset", step.to_offset);
    shader.read("x", "f32", source);
    let indices = walk.indices(&mut shader, "linear", &["from_index", "to_index"]);
    let body = "    y[u32(to_index + p.to_offset)] = x[u32(from_index + p.from_offset)];\n";
    shader.body = format!("{WITHIN_COUNT}{indices}{body}");
    let groups = lowering.linear_groups(walk.count(), INVOCATIONS);
    lowering.push(operator, shader.step(operator.id.index(), "move", groups, target))
}

fn axis_of(operator: &Operator, rank: usize, default: i64) -> Result<usize, ProcessorError> {
    let axis = operator.attributes.integer("axis").unwrap_or(default);
    shape::normalize_axis(axis, rank).map_err(|error| refusal(operator, error.to_string()))
}

fn concat(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), ProcessorError> {
    let output = lowering.graph.tensor(operator.outputs[0]);
    let to = row_major(&output.shape);
    let axis = axis_of(operator, output.shape.len(), 0)?;
    let mut begin = 0;
    for &input in operator.inputs.iter().flatten() {
        let part = lowering.graph.tensor(input).shape.clone();
        if part.contains(&0) {
            continue;
        }
        let (from, to_offset) = (row_major(&part), begin * to[axis]);
        begin += part[axis] as i64;
        let source = lowering.source(operator, input)?;
        push(lowering, operator, source, output.id, &Move { shape: part, from, from_offset: 0, to: to.clone(), to_offset })?;
    }
    Ok(())
}

fn split(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), ProcessorError> {
    let input = input_of(operator, 0)?;
    let whole = lowering.graph.tensor(input).shape.clone();
    let from = row_major(&whole);
    let axis = axis_of(operator, whole.len(), 0)?;
    let mut begin = 0;
    for &output in &operator.outputs {
        let part = lowering.graph.tensor(output).shape.clone();
        let (to, from_offset) = (row_major(&part), begin * from[axis]);
        begin += part[axis] as i64;
        let source = lowering.source(operator, input)?;
        push(lowering, operator, source, output, &Move { shape: part, from: from.clone(), from_offset, to, to_offset: 0 })?;
    }
    Ok(())
}

fn transpose(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), ProcessorError> {
    let input = input_of(operator, 0)?;
    let strides = row_major(&lowering.graph.tensor(input).shape);
    let output = lowering.graph.tensor(operator.outputs[0]);
    let reversed: Vec<i64> = (0..strides.len() as i64).rev().collect();
    let order = operator.attributes.integers("perm").unwrap_or(&reversed);
    let from = order.iter().map(|&axis| strides[axis as usize]).collect();
    let step = Move { shape: output.shape.clone(), from, from_offset: 0, to: row_major(&output.shape), to_offset: 0 };
    let source = lowering.source(operator, input)?;
    push(lowering, operator, source, output.id, &step)
}

/// Starts, ends, axes and steps as ONNX gives them; before version 10 of the operator set they are attributes.
fn slice(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), ProcessorError> {
    let graph = lowering.graph;
    let list = |position: usize, name: &str| match operator.input(position) {
        None => Ok(operator.attributes.integers(name).map(<[i64]>::to_vec)),
        Some(input) => match graph.tensor(input).data.as_ref().and_then(|data| data.integers()) {
            Some(values) => Ok(Some(values.to_vec())),
            None => Err(refusal(operator, format!("its {name} `{}` must be constant", graph.tensor(input).name))),
        },
    };
    let starts = list(1, "starts")?.ok_or_else(|| refusal(operator, "it has no starts"))?;
    let all = list(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = list(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    let input = input_of(operator, 0)?;
    let whole = graph.tensor(input).shape.clone();
    let mut from = row_major(&whole);
    let mut from_offset = 0;
    for ((&start, &given), &step) in starts.iter().zip(&all).zip(&steps) {
        let axis = shape::normalize_axis(given, whole.len()).map_err(|error| refusal(operator, error.to_string()))?;
        let size = whole[axis] as i64;
        let start = if start < 0 { start.saturating_add(size) } else { start };
        // Backwards from the last element at most, forwards from one past it: then the slice is empty, which is refused before.
        let start = start.clamp(0, if step < 0 { size - 1 } else { size });
        from_offset += start * from[axis];
        from[axis] *= step;
    }
    let output = graph.tensor(operator.outputs[0]);
    let step = Move { shape: output.shape.clone(), from, from_offset, to: row_major(&output.shape), to_offset: 0 };
    let source = lowering.source(operator, input)?;
    push(lowering, operator, source, output.id, &step)
}
