//! Means, softmax, instance and layer normalisation.

use sim::graph::Operator;

use super::super::lowering::Lowering;
use super::super::step::{Argument, Source};
use super::epilogue::{Allowed, Epilogue};
use super::{axis_of, integer, product, required};

const NOTHING_ALLOWED: Allowed = Allowed { normalization: false, residual: false, column_bias: false };

/// The axes that a reduction runs over, which must follow each other.
pub(super) fn axes(lowering: &Lowering<'_>, operator: &Operator, rank: usize) -> Result<(usize, usize), String> {
    if operator.op_type == "GlobalAveragePool" {
        return Ok((2, rank));
    }
    let given = match (operator.attributes.integers("axes"), operator.input(1)) {
        (Some(axes), _) => Some(axes.to_vec()),
        (None, Some(id)) => Some(lowering.known_integers(id)?),
        (None, None) => None,
    };
    let Some(given) = given.filter(|axes| !axes.is_empty()) else {
        if operator.attributes.integer("noop_with_empty_axes").unwrap_or(0) != 0 {
            return Err("noop_with_empty_axes is not supported".to_owned());
        }
        return Ok((0, rank));
    };
    let mut axes = given.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    axes.dedup();
    if axes.windows(2).any(|pair| pair[1] != pair[0] + 1) {
        return Err(format!("axes {given:?} are not supported: neighbouring ones are"));
    }
    Ok((axes[0], axes[axes.len() - 1] + 1))
}

/// `ReduceMean`, `ReduceSum`, `GlobalAveragePool`.
pub(super) fn mean(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let input_id = required(operator, 0)?;
    let shape = lowering.shape(input_id);
    let (begin, end) = axes(lowering, operator, shape.len())?;
    let (outer, size, inner) = (product(&shape[..begin]), product(&shape[begin..end]), product(&shape[end..]));
    let factor = if operator.op_type == "ReduceSum" { 1.0 } else { 1.0 / size.max(1) as f32 };
    let input = lowering.read_floats(input_id)?;
    let epilogue = Epilogue::after(lowering, operator, NOTHING_ALLOWED)?;
    let output = lowering.write(epilogue.output)?;
    let mut arguments = vec![Argument::Storage(input), Argument::Storage(output), integer(size)?, integer(inner)?];
    arguments.push(Argument::Float(factor));
    arguments.extend(Epilogue::function_arguments(epilogue.function));
    integer(product(shape))?;
    lowering.step(Source::Reduction, "mean", "", arguments, [inner.div_ceil(lowering.target.vector()), outer, 1]);
    Ok(())
}

/// `Softmax`; before version 13 of the operator set over all axes from the given one on.
pub(super) fn softmax(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let input_id = required(operator, 0)?;
    let shape = lowering.shape(input_id);
    let is_flat = lowering.graph.opset_version.is_some_and(|version| version < 13);
    let axis = axis_of(operator.attributes.integer("axis").unwrap_or(if is_flat { 1 } else { -1 }), shape.len())?;
    let end = if is_flat { shape.len() } else { axis + 1 };
    let (outer, size, inner) = (product(&shape[..axis]), product(&shape[axis..end]), product(&shape[end..]));
    let input = lowering.read_floats(input_id)?;
    let output = lowering.write(operator.outputs[0])?;
    integer(product(shape))?;
    let arguments = vec![Argument::Storage(input), Argument::Storage(output), integer(size)?, integer(inner)?];
    lowering.step(Source::Reduction, "softmax", "", arguments, [inner.div_ceil(lowering.target.vector()), outer, 1]);
    Ok(())
}

/// `InstanceNormalization` and `LayerNormalization`.
pub(super) fn normalization(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let (input_id, scale_id) = (required(operator, 0)?, required(operator, 1)?);
    let shape = lowering.shape(input_id);
    let is_layer = operator.op_type == "LayerNormalization";
    if operator.outputs.len() > 1 {
        return Err("mean and deviation as outputs are not supported".to_owned());
    }
    let axis = if is_layer { axis_of(operator.attributes.integer("axis").unwrap_or(-1), shape.len())? } else { 2 };
    let (rows, size) = (product(&shape[..axis]), product(&shape[axis..]));
    let parameters = if is_layer { size } else { shape[1] as usize };
    if product(lowering.shape(scale_id)) != parameters {
        return Err(format!("scale {:?} is not supported: {parameters} elements are", lowering.shape(scale_id)));
    }
    let (input, scale) = (lowering.read_floats(input_id)?, lowering.read_floats(scale_id)?);
    let offset = match operator.input(2) {
        Some(offset) => lowering.read_floats(offset)?,
        None => lowering.floats(|| vec![0.0; parameters]),
    };
    let epilogue = Epilogue::after(lowering, operator, NOTHING_ALLOWED)?;
    let output = lowering.write(epilogue.output)?;
    let mut arguments = [input, scale, offset, output].map(Argument::Storage).to_vec();
    arguments.extend([integer(size)?, Argument::Integer(i32::from(!is_layer)), integer(parameters)?]);
    arguments.push(Argument::Float(operator.attributes.float("epsilon").unwrap_or(1e-5)));
    arguments.extend(Epilogue::function_arguments(epilogue.function));
    integer(product(shape))?;
    lowering.step(Source::Reduction, "normalize_rows", "", arguments, [rows, 1, 1]);
    Ok(())
}
