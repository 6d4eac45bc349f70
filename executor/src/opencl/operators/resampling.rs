//! `Resize` of images, nearest and linear.

use sim::graph::Operator;

use super::super::lowering::Lowering;
use super::super::step::{Argument, Source};
use super::{integer, integers, product, required};

/// How an output place maps to the input, along one axis.
struct Axis {
    input: usize,
    output: usize,
    scale: f64,
}

/// The two neighbours of each output place and the share of the second.
fn places(axis: &Axis, is_linear: bool, coordinates: &str, rounding: &str) -> Result<(Vec<usize>, Vec<f32>), String> {
    let (input, output) = (axis.input as f64, axis.output as f64);
    let mut neighbours = Vec::with_capacity(2 * axis.output);
    let mut shares = Vec::with_capacity(axis.output);
    for place in 0..axis.output {
        let place = place as f64;
        let at = match coordinates {
            "pytorch_half_pixel" if axis.output <= 1 => 0.0,
            "half_pixel" | "pytorch_half_pixel" => (place + 0.5) / axis.scale - 0.5,
            "asymmetric" => place / axis.scale,
            "align_corners" if axis.output > 1 => place * (input - 1.0) / (output - 1.0),
            "align_corners" => 0.0,
            other => return Err(format!("coordinate_transformation_mode {other} is not supported")),
        };
        let last = axis.input - 1;
        if is_linear {
            let at = at.clamp(0.0, last as f64);
            let low = at.floor() as usize;
            neighbours.extend([low, (low + 1).min(last)]);
            shares.push((at - at.floor()) as f32);
        } else {
            let nearest = match rounding {
                "round_prefer_floor" => (at - 0.5).ceil(),
                "round_prefer_ceil" => (at + 0.5).floor(),
                "floor" => at.floor(),
                "ceil" => at.ceil(),
                other => return Err(format!("nearest_mode {other} is not supported")),
            };
            let nearest = nearest.clamp(0.0, last as f64) as usize;
            neighbours.extend([nearest, nearest]);
            shares.push(0.0);
        }
    }
    Ok((neighbours, shares))
}

/// `Resize` of the last two dimensions.
pub(super) fn resize(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let input_id = required(operator, 0)?;
    let (shape, output_shape) = (lowering.shape(input_id), lowering.shape(operator.outputs[0]));
    let &[.., in_height, in_width] = shape else { return Err(format!("input {shape:?} is no image")) };
    let rank = shape.len();
    if rank < 3 || shape[..rank - 2] != output_shape[..rank - 2] {
        return Err(format!("resizing {shape:?} to {output_shape:?} is not supported: only the last two dimensions may change"));
    }
    let text = |name: &str, default: &'static str| operator.attributes.text(name).unwrap_or(default).to_owned();
    let mode = text("mode", "nearest");
    if mode != "nearest" && mode != "linear" {
        return Err(format!("mode {mode} is not supported: nearest and linear are"));
    }
    let flag = |name: &str| operator.attributes.integer(name).unwrap_or(0) != 0;
    if flag("exclude_outside") || flag("antialias") || operator.attributes.integers("axes").is_some() {
        return Err("exclude_outside, antialias and axes are not supported".to_owned());
    }
    let position = if operator.inputs.len() == 2 { 1 } else { 2 };
    let scales = match operator.input(position) {
        Some(id) if product(lowering.shape(id)) == rank => Some(lowering.known_floats(id)?),
        _ => None,
    };
    let axis = |index: usize, input: u64| {
        let output = output_shape[index];
        let scale = scales.as_ref().map_or(output as f64 / input as f64, |scales| scales[index]);
        Axis { input: input as usize, output: output as usize, scale }
    };
    let (down, across) = (axis(rank - 2, in_height), axis(rank - 1, in_width));
    let default = if position == 1 { "asymmetric" } else { "half_pixel" };
    let (coordinates, rounding) = (text("coordinate_transformation_mode", default), text("nearest_mode", "round_prefer_floor"));
    let (mut neighbours, mut shares) = places(&down, mode == "linear", &coordinates, &rounding)?;
    let (columns, column_shares) = places(&across, mode == "linear", &coordinates, &rounding)?;
    neighbours.extend(columns);
    shares.extend(column_shares);
    let neighbours = lowering.integers(&integers(neighbours)?);
    let shares = lowering.floats(|| shares);
    let input = lowering.read_floats(input_id)?;
    let output = lowering.write(operator.outputs[0])?;
    let mut arguments = [input, output, neighbours, shares].map(Argument::Storage).to_vec();
    for size in [down.input, across.input, down.output, across.output] {
        arguments.push(integer(size)?);
    }
    integer(product(output_shape))?;
    lowering.step(Source::Movement, "resample", "", arguments, [down.output, product(&shape[..rank - 2]), 1]);
    Ok(())
}
