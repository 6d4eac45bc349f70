//! Operators that move, cut, join and reduce: where dimensions have an order.

use sim::graph::{AttributeValue, Attributes};

use super::convert::{Converter, integer_attribute, integer_attributes};
use super::layout::IMAGE;
use super::names as n;
use super::operators::{input, option, output, small_option};
use super::schema::Operator;

/// Values of a constant input.
fn constant(to: &Converter<'_>, operator: &Operator<'_>, place: usize, what: &str) -> Result<Vec<i64>, String> {
    let values = to.model.tensors[input(operator, place)?].integers();
    values.ok_or_else(|| format!("its {what} (input {place}) are not constants of the model"))
}

/// Means, sums and extremes over axes.
pub(super) fn reduce(to: &mut Converter<'_>, operator: &Operator<'_>, op_type: &str) -> Result<(), String> {
    let (from, into) = (input(operator, 0)?, output(operator)?);
    let axes = constant(to, operator, 1, "axes")?.into_iter().map(|axis| to.axis(from, axis)).collect::<Result<Vec<_>, _>>()?;
    let name = to.input(from);
    let mut kept = to.shape(from);
    for &axis in &axes {
        kept[axis as usize] = 1;
    }
    let is_whole_image = to.images[from] && op_type == "ReduceMean" && axes.len() == 2 && axes.contains(&2) && axes.contains(&3);
    let (op_type, attributes) = if is_whole_image {
        ("GlobalAveragePool", Attributes::new())
    } else {
        (op_type, integer_attributes(&[("axes", &axes)]).with("keepdims", AttributeValue::Integer(1)))
    };
    if to.shape(into) == kept {
        to.emit(op_type, vec![name], to.name(into), attributes);
        return Ok(());
    }
    let all = to.fresh(&format!("{}.kept", to.name(into)));
    to.emit(op_type, vec![name], all.clone(), attributes);
    let shape = to.shape(into);
    to.reshape(&all, to.name(into), shape);
    Ok(())
}

/// Operators whose parameters are not read: the file states what they make.
pub(super) fn stated(to: &mut Converter<'_>, operator: &Operator<'_>, op_type: &str, parameters: usize) -> Result<(), String> {
    let (from, into) = (input(operator, 0)?, output(operator)?);
    let mut attributes = Attributes::new();
    if op_type == "Resize" {
        let mode = if operator.code == n::RESIZE_BILINEAR { "linear" } else { "nearest" };
        attributes.insert("mode", AttributeValue::Text(mode.to_owned()));
    }
    let name = to.input(from);
    to.emit_stated(op_type, name, parameters, into, attributes);
    Ok(())
}

/// Joining and cutting along an axis.
pub(super) fn pieces(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
    match operator.code {
        n::CONCATENATION => {
            let into = output(operator)?;
            let axis = to.axis(into, option(operator, 0, 0)?)?;
            let inputs = operator.inputs.iter().flatten().map(|&tensor| to.operand(tensor, into)).collect();
            let activation = small_option(operator, 1)?;
            let (target, kind) = to.fused(into, activation)?;
            to.emit("Concat", inputs, target.clone(), integer_attribute("axis", axis));
            to.activate(&target, kind, activation, into);
        }
        n::PACK => {
            let into = output(operator)?;
            let axis = to.axis(into, option(operator, 1, 0)?)?;
            let mut piece = to.shape(into);
            piece[axis as usize] = 1;
            let mut inputs = Vec::new();
            for &tensor in operator.inputs.iter().flatten() {
                let name = to.input(tensor);
                inputs.push(to.reshaped(&name, piece.clone()));
            }
            to.emit("Concat", inputs, to.name(into), integer_attribute("axis", axis));
        }
        n::UNPACK => {
            let from = input(operator, 0)?;
            let axis = to.axis(from, option(operator, 1, 0)?)?;
            let stems: Vec<String> = operator.outputs.iter().map(|&output| format!("{}.piece", to.name(output))).collect();
            let cut: Vec<String> = stems.iter().map(|stem| to.fresh(stem)).collect();
            let sizes = to.integers(&format!("{}.sizes", to.name(from)), vec![1; cut.len()]);
            let name = to.input(from);
            to.emit_all("Split", vec![name, sizes], cut.clone(), integer_attribute("axis", axis));
            for (piece, &output) in cut.iter().zip(&operator.outputs) {
                let shape = to.shape(output);
                to.reshape(piece, to.name(output), shape);
            }
        }
        _ => {
            let (from, axis) = if operator.code == n::SPLIT { (1, 0) } else { (0, 2) };
            let from = input(operator, from)?;
            let axis = constant(to, operator, axis, "axis")?.first().copied().ok_or("its axis is empty")?;
            let axis = to.axis(from, axis)?;
            let size = |output: usize| to.shape(output).get(axis as usize).map_or(0, |&size| size as i64);
            let sizes = operator.outputs.iter().map(|&output| size(output)).collect();
            let outputs = operator.outputs.iter().map(|&output| to.name(output)).collect();
            let sizes = to.integers(&format!("{}.sizes", to.name(from)), sizes);
            let name = to.input(from);
            to.emit_all("Split", vec![name, sizes], outputs, integer_attribute("axis", axis));
        }
    }
    Ok(())
}

pub(super) fn transpose(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
    let (from, into) = (input(operator, 0)?, output(operator)?);
    let order = constant(to, operator, 1, "order")?;
    let rank = to.model.tensors[from].rank();
    let is_order = order.len() == rank && (0..rank).all(|axis| order.contains(&(axis as i64)));
    if !is_order || to.model.tensors[into].rank() != rank {
        return Err(format!("its order is {order:?}, but must hold each of the {rank} dimensions once"));
    }
    // Dimension `i` of the graph's output is dimension `last[i]` of the file's, which is `order` of the file's input.
    let places =
        |tensor: usize| -> Vec<usize> { if to.images[tensor] && rank == 4 { IMAGE.to_vec() } else { (0..rank).collect() } };
    let (first, last) = (places(from), places(into));
    let turned: Vec<i64> = last
        .iter()
        .filter_map(|&place| first.iter().position(|&axis| axis as i64 == order[place]))
        .map(|place| place as i64)
        .collect();
    let name = to.input(from);
    if turned.iter().enumerate().all(|(place, &axis)| place as i64 == axis) {
        to.emit("Identity", vec![name], to.name(into), Attributes::new());
    } else {
        to.emit("Transpose", vec![name], to.name(into), integer_attributes(&[("perm", &turned)]));
    }
    Ok(())
}

/// Look-ups by index, and the index of the largest.
pub(super) fn select(to: &mut Converter<'_>, operator: &Operator<'_>) -> Result<(), String> {
    let (from, into) = (input(operator, 0)?, output(operator)?);
    if operator.code == n::GATHER {
        let indices = input(operator, 1)?;
        if option(operator, 1, 0)? != 0 || to.images[from] || to.images[into] || to.images[indices] {
            return Err("looking up images, or in batches, is not converted".to_owned());
        }
        let axis = to.axis(from, option(operator, 0, 0)?)?;
        let inputs = vec![to.input(from), to.input(indices)];
        to.emit("Gather", inputs, to.name(into), integer_attribute("axis", axis));
        return Ok(());
    }
    let op_type = if operator.code == n::ARG_MAX { "ArgMax" } else { "ArgMin" };
    let axis = constant(to, operator, 1, "axis")?.first().copied().ok_or("its axis is empty")?;
    let axis = to.axis(from, axis)?;
    let name = to.input(from);
    to.emit(op_type, vec![name], to.name(into), integer_attribute("axis", axis).with("keepdims", AttributeValue::Integer(0)));
    Ok(())
}
