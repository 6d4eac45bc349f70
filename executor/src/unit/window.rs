//! How each type of operator is cut: what it reads for a stretch of its output, with which attributes.

use sim::graph::{AttributeValue, Attributes, Graph, KernelKind};
use sim::identifiers::{OperatorId, TensorId};
use sim::plan::Part;

use super::UnitError;
use super::slice::{Cut, Rewrite, dimension_name, with_integers};

/// The stretch of the leading operator's output that a part stands for.
pub(super) fn lead_cut(model: &Graph, id: OperatorId, part: Part) -> Result<Cut, UnitError> {
    let operator = model.operator(id);
    let shape = &model.tensor(operator.outputs[0]).shape;
    let refuse = |why: String| not_splittable(model, id, dimension_name(part), why);
    let is_product = matches!(operator.op_type.as_str(), "MatMul" | "Gemm");
    let axis = match (part, is_product) {
        (Part::Whole, _) => return Err(refuse("a whole is no part".to_owned())),
        (Part::Rows { .. }, true) => shape.len().checked_sub(2),
        (Part::Rows { .. }, false) => (shape.len() == 4).then_some(2),
        (Part::Channels { .. }, true) => shape.len().checked_sub(1),
        (Part::Channels { .. }, false) => (shape.len() >= 2).then_some(1),
    };
    let axis = axis.ok_or_else(|| refuse(format!("its output of shape {shape:?} has no such dimension")))?;
    let size = shape[axis];
    let (begin, end, of) = part.range();
    let at = |boundary: u32| (u128::from(size) * u128::from(boundary) / u128::from(of.max(1))) as u64;
    let cut = Cut { axis, begin: at(begin), end: at(end) };
    if cut.begin >= cut.end || cut.end > size {
        return Err(refuse(format!("the part {begin}..{end} of {of} of {size} is empty or goes beyond it")));
    }
    Ok(cut)
}

/// The leading operator, making `cut` of its output.
pub(super) fn cut_lead(model: &Graph, id: OperatorId, cut: Cut) -> Result<Rewrite, UnitError> {
    let operator = model.operator(id);
    let whole = vec![None; operator.inputs.len()];
    let dimension = if cut.axis == 1 { "channels" } else { "rows" };
    let refuse = |why: &str| not_splittable(model, id, dimension, why.to_owned());
    match operator.op_type.as_str() {
        "Conv" if cut.axis == 1 => convolution_channels(model, id, cut),
        "Conv" | "MaxPool" | "AveragePool" if cut.axis == 2 => window_rows(model, id, cut),
        "ConvTranspose" if cut.axis == 1 && operator.attributes.integer("group").unwrap_or(1) == 1 => {
            let mut reads = whole;
            set(&mut reads, 1, cut);
            set(&mut reads, 2, Cut { axis: 0, ..cut });
            Ok(keep(operator.attributes.clone(), reads, cut))
        }
        "MaxPool" | "AveragePool" | "GlobalAveragePool" | "GlobalMaxPool" if cut.axis == 1 => {
            let mut reads = whole;
            set(&mut reads, 0, cut);
            Ok(keep(operator.attributes.clone(), reads, cut))
        }
        "MatMul" | "Gemm" => product(model, id, cut),
        _ if is_elementwise(model, id) => Ok(elementwise(model, id, cut)),
        _ => Err(refuse("operators of this type are not split")),
    }
}

/// An operator behind the leading one, which reads a stretch `read` of its input at `position`.
pub(super) fn cut_follower(model: &Graph, id: OperatorId, position: usize, read: Cut) -> Result<Rewrite, UnitError> {
    let operator = model.operator(id);
    match operator.op_type.as_str() {
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => reshape(model, id, read),
        _ if is_elementwise(model, id) => {
            let shape = |tensor: TensorId| &model.tensor(tensor).shape;
            let input = operator.input(position).map_or(0, |input| shape(input).len());
            // Broadcasting aligns the last axes.
            let axis = (read.axis + shape(operator.outputs[0]).len()).checked_sub(input);
            let axis = axis.ok_or_else(|| not_splittable(model, id, "rows", "its output has fewer dimensions".to_owned()))?;
            Ok(elementwise(model, id, Cut { axis, ..read }))
        }
        _ => Err(not_splittable(model, id, "rows or channels", "operators of this type cannot follow a split one".to_owned())),
    }
}

fn not_splittable(model: &Graph, id: OperatorId, dimension: &'static str, why: String) -> UnitError {
    let operator = model.operator(id);
    UnitError::NotSplittable { operator: operator.name.clone(), op_type: operator.op_type.clone(), dimension, why }
}

fn keep(attributes: Attributes, reads: Vec<Option<Cut>>, output: Cut) -> Rewrite {
    Rewrite { attributes, reads, constants: Vec::new(), output }
}

fn set(reads: &mut [Option<Cut>], position: usize, cut: Cut) {
    if let Some(read) = reads.get_mut(position) {
        *read = Some(cut);
    }
}

/// Output channels: the filters' share; of the input everything, or with groups the channels of the groups.
fn convolution_channels(model: &Graph, id: OperatorId, cut: Cut) -> Result<Rewrite, UnitError> {
    let operator = model.operator(id);
    let groups = operator.attributes.integer("group").unwrap_or(1).max(1) as u64;
    let mut reads = vec![None; operator.inputs.len()];
    set(&mut reads, 1, Cut { axis: 0, ..cut });
    set(&mut reads, 2, Cut { axis: 0, ..cut });
    if groups == 1 {
        return Ok(keep(operator.attributes.clone(), reads, cut));
    }
    let channels = |tensor: Option<TensorId>| tensor.map_or(1, |tensor| model.tensor(tensor).shape[1]);
    let out_of_group = channels(Some(operator.outputs[0])) / groups;
    let in_of_group = channels(operator.input(0)) / groups;
    if !cut.begin.is_multiple_of(out_of_group) || !cut.end.is_multiple_of(out_of_group) {
        let why = format!("channels {}..{} cut through a group of {out_of_group}", cut.begin, cut.end);
        return Err(not_splittable(model, id, "channels", why));
    }
    let (first, end) = (cut.begin / out_of_group, cut.end / out_of_group);
    set(&mut reads, 0, Cut { axis: 1, begin: first * in_of_group, end: end * in_of_group });
    let attributes = operator.attributes.clone().with("group", AttributeValue::Integer((end - first) as i64));
    Ok(keep(attributes, reads, cut))
}

/// Output rows of a sliding window: the rows that it slides over, padding only where it reaches beyond the input.
fn window_rows(model: &Graph, id: OperatorId, cut: Cut) -> Result<Rewrite, UnitError> {
    let operator = model.operator(id);
    let attributes = &operator.attributes;
    let refuse = |why: &str| not_splittable(model, id, "rows", why.to_owned());
    let input = operator.input(0).ok_or_else(|| refuse("it has no input"))?;
    let (in_shape, out_shape) = (&model.tensor(input).shape, &model.tensor(operator.outputs[0]).shape);
    if operator.outputs.len() > 1 {
        return Err(refuse("it has a second output"));
    }
    if operator.op_type == "AveragePool" && attributes.integer("ceil_mode") == Some(1) {
        return Err(refuse("an average over a window that hangs over the padding depends on where it lies"));
    }
    let at = |name: &str, axis: usize| {
        let value = attributes.integers(name).and_then(|values| values.get(axis).copied());
        value.map_or(1, |value| value.max(1) as u64)
    };
    let kernel = |axis: usize| match model.operator(id).op_type.as_str() {
        "Conv" => operator.input(1).map_or(1, |weight| model.tensor(weight).shape[2 + axis]),
        _ => at("kernel_shape", axis),
    };
    let extent = |axis: usize| (kernel(axis) - 1) * at("dilations", axis) + 1;
    // Begin of height, begin of width, end of height, end of width.
    let pads = explicit_padding(attributes, |axis| {
        let (out_size, in_size) = (out_shape[2 + axis], in_shape[2 + axis]);
        ((out_size - 1) * at("strides", axis) + extent(axis)).saturating_sub(in_size)
    });
    let stride = at("strides", 0);
    let first = cut.begin * stride;
    let end = (cut.end - 1) * stride + extent(0);
    let (pad_top, height) = (pads[0], in_shape[2]);
    let rows = Cut { axis: 2, begin: first.saturating_sub(pad_top).min(height), end: end.saturating_sub(pad_top).min(height) };
    if rows.begin >= rows.end {
        return Err(refuse("a slice would read padding only"));
    }
    let padding = [pad_top.saturating_sub(first), pads[1], end.saturating_sub(pad_top + height), pads[3]];
    let mut plain: Attributes = attributes
        .iter()
        .filter(|(name, _)| !matches!(*name, "auto_pad" | "ceil_mode"))
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    plain = with_integers(&plain, "pads", &padding);
    let mut reads = vec![None; operator.inputs.len()];
    set(&mut reads, 0, rows);
    // With the ceiling, the last column may hang over the right padding.
    if attributes.integer("ceil_mode") == Some(1) {
        let width = (out_shape[3] - 1) * at("strides", 1) + extent(1);
        plain = with_integers(&plain, "pads", &[padding[0], pads[1], padding[2], width.saturating_sub(pads[1] + in_shape[3])]);
    }
    Ok(keep(plain, reads, cut))
}

/// `[top, left, bottom, right]`, with `auto_pad` resolved; `total(axis)` is what `SAME` adds to an axis.
fn explicit_padding(attributes: &Attributes, total: impl Fn(usize) -> u64) -> [u64; 4] {
    let half = |axis: usize| total(axis) / 2;
    match attributes.text("auto_pad").unwrap_or("NOTSET") {
        "SAME_UPPER" => [half(0), half(1), total(0) - half(0), total(1) - half(1)],
        "SAME_LOWER" => [total(0) - half(0), total(1) - half(1), half(0), half(1)],
        "VALID" => [0; 4],
        _ => {
            let pads = attributes.integers("pads").unwrap_or(&[]);
            std::array::from_fn(|index| pads.get(index).map_or(0, |&pad| pad.max(0) as u64))
        }
    }
}

/// Rows of the first operand, or columns of the second; a bias follows.
fn product(model: &Graph, id: OperatorId, cut: Cut) -> Result<Rewrite, UnitError> {
    let operator = model.operator(id);
    let rank = model.tensor(operator.outputs[0]).shape.len();
    let is_rows = cut.axis + 2 == rank;
    let dimension = if is_rows { "rows" } else { "channels" };
    let position = usize::from(!is_rows);
    let shape = |position: usize| operator.input(position).map(|input| model.tensor(input).shape.as_slice());
    let operand = shape(position).unwrap_or(&[]);
    if operand.len() < 2 {
        return Err(not_splittable(model, id, dimension, "an operand is a vector".to_owned()));
    }
    let is_transposed = operator.attributes.integer(if is_rows { "transA" } else { "transB" }) == Some(1);
    let from_the_end = if is_rows == is_transposed { 1 } else { 2 };
    let mut reads = vec![None; operator.inputs.len()];
    set(&mut reads, position, Cut { axis: operand.len() - from_the_end, ..cut });
    if let Some(bias) = shape(2) {
        let axis = bias.len().checked_sub(if is_rows { 2 } else { 1 });
        if let Some(axis) = axis.filter(|&axis| bias[axis] > 1) {
            set(&mut reads, 2, Cut { axis, ..cut });
        }
    }
    Ok(keep(operator.attributes.clone(), reads, cut))
}

fn is_elementwise(model: &Graph, id: OperatorId) -> bool {
    let is_kind = matches!(model.work(id).kind, KernelKind::Activation | KernelKind::Elementwise);
    let is_view = matches!(model.operator(id).op_type.as_str(), "BatchNormalization" | "Identity" | "Dropout" | "Cast");
    (is_kind || is_view) && model.operator(id).outputs.len() == 1
}

/// The same stretch of every input that has the axis; parameters of a batch normalisation by channel.
fn elementwise(model: &Graph, id: OperatorId, cut: Cut) -> Rewrite {
    let operator = model.operator(id);
    let rank = model.tensor(operator.outputs[0]).shape.len();
    let mut reads = vec![None; operator.inputs.len()];
    for (position, &input) in operator.inputs.iter().enumerate() {
        let Some(input) = input else { continue };
        let shape = &model.tensor(input).shape;
        if operator.op_type == "BatchNormalization" && position > 0 {
            if cut.axis == 1 {
                reads[position] = Some(Cut { axis: 0, ..cut });
            }
            continue;
        }
        let axis = (cut.axis + shape.len()).checked_sub(rank);
        if let Some(axis) = axis.filter(|&axis| shape[axis] > 1) {
            reads[position] = Some(Cut { axis, ..cut });
        }
    }
    keep(operator.attributes.clone(), reads, cut)
}

/// A view keeps the cut where an axis of the output holds whole indices of it.
fn reshape(model: &Graph, id: OperatorId, read: Cut) -> Result<Rewrite, UnitError> {
    let operator = model.operator(id);
    let input = operator.input(0).map_or(&[][..], |input| &model.tensor(input).shape);
    let output = &model.tensor(operator.outputs[0]).shape;
    let product = |sizes: &[u64]| sizes.iter().product::<u64>();
    let outer = product(&input[..read.axis]);
    let inner = product(&input[read.axis + 1..]);
    // Elements of one index of an output axis must be whole indices of the input's, and nothing but size-1 axes stand before.
    for axis in 0..output.len() {
        let out_inner = product(&output[axis + 1..]);
        if product(&output[..axis]) != outer || output[axis] == 1 {
            continue;
        }
        let (first, end) = (read.begin * inner, read.end * inner);
        if first.is_multiple_of(out_inner) && end.is_multiple_of(out_inner) {
            let cut = Cut { axis, begin: first / out_inner, end: end / out_inner };
            let mut shape = output.clone();
            shape[axis] = cut.end - cut.begin;
            let attributes = operator.attributes.clone();
            let mut rewrite = keep(attributes, vec![None; operator.inputs.len()], cut);
            if operator.op_type == "Reshape" {
                rewrite.constants.push((1, shape.iter().map(|&size| size as i64).collect()));
            }
            return Ok(rewrite);
        }
    }
    let why = format!("{:?} to {output:?} does not keep {}..{} of axis {} together", input, read.begin, read.end, read.axis);
    Err(not_splittable(model, id, "rows or channels", why))
}
