//! Depthwise convolution, pooling and means on images.

use sim::graph::Operator;
use sim::identifiers::TensorId;

use super::super::super::function::Function;
use super::super::super::images::{LANES, Layout, count};
use super::super::super::lowering::Lowering;
use super::super::super::step::{Argument, ImageSize, Source, StorageId};
use super::super::convolution::{Folded, folded};
use super::super::epilogue::{Allowed, Epilogue};
use super::super::product;
use super::super::reduction::axes;
use super::super::window::{Window, average_factors, pooling_window};
use super::{layouts, padded, pixels};

const NOTHING_ALLOWED: Allowed = Allowed { normalization: false, residual: false, column_bias: false };

/// Adds the kernel of a window. `mode` as `kernels/image_window.cl` numbers it.
fn slide(
    lowering: &mut Lowering<'_>,
    window: &Window,
    [input, weights, factors, output]: [StorageId; 4],
    layout: Layout,
    mode: u8,
    function: Function,
) {
    let mut arguments = [input, weights, factors, output].map(Argument::Storage).to_vec();
    arguments.extend([layout.blocks(), layout.channels].map(count));
    let sizes = [window.input, window.output, window.kernel, window.strides, window.dilations];
    arguments.extend(sizes.as_flattened().iter().map(|&size| count(size)));
    arguments.extend(window.pads_begin.map(|pad| Argument::Integer(pad as i32)));
    arguments.extend(Epilogue::function_arguments(function));
    let pixels = pixels(lowering.target, layout.width);
    let global = [layout.blocks(), layout.width.div_ceil(pixels), layout.size().height];
    lowering.texel_step(Source::ImageWindow, "window", &format!("-DMODE={mode} -DPIXELS={pixels}"), arguments, global);
}

/// `Conv` with one filter for each channel.
pub(super) fn depthwise(
    lowering: &mut Lowering<'_>,
    operator: &Operator,
    window: &Window,
    (input_id, layout): (TensorId, Layout),
) -> Result<bool, String> {
    let size = ImageSize { width: window.taps(), height: layout.blocks() };
    if !lowering.can_hold(size) {
        return Ok(false);
    }
    let allowed = Allowed { normalization: true, residual: false, column_bias: false };
    let Folded { weights, bias, epilogue } = folded(lowering, operator, layout.channels, allowed)?;
    let input = lowering.read_image(input_id)?;
    let weights = lowering.texels(size, || {
        let mut texels = vec![0.0; size.elements()];
        for (index, &value) in weights.iter().enumerate() {
            let (channel, tap) = (index / size.width, index % size.width);
            texels[(channel / LANES * size.width + tap) * LANES + channel % LANES] = value;
        }
        texels
    });
    let bias = lowering.floats(|| padded(bias.unwrap_or_default(), layout));
    let output = lowering.write_image(epilogue.output)?;
    slide(lowering, window, [input, weights, bias, output], layout, 0, epilogue.function);
    Ok(true)
}

/// `MaxPool` and `AveragePool` of images.
pub(super) fn pool(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<bool, String> {
    let Some((input_id, _, layout)) = layouts(lowering, operator) else { return Ok(false) };
    if lowering.shape(input_id).len() != 4 {
        return Ok(false);
    }
    let window = pooling_window(lowering, operator)?;
    let (mode, factors) = if operator.op_type == "MaxPool" {
        (1, lowering.nothing())
    } else {
        let factors = average_factors(operator, &window);
        (2, lowering.floats(|| factors))
    };
    let input = lowering.read_image(input_id)?;
    let epilogue = Epilogue::after(lowering, operator, NOTHING_ALLOWED)?;
    let output = lowering.write_image(epilogue.output)?;
    // Weights that the kernel does not read.
    slide(lowering, &window, [input, input, factors, output], layout, mode, epilogue.function);
    Ok(true)
}

/// `GlobalAveragePool`, and means and sums over whole planes, of what is in an image already.
pub(super) fn mean(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<bool, String> {
    let Some((input_id, input, output)) = layouts(lowering, operator) else { return Ok(false) };
    let shape = lowering.shape(input_id);
    let is_plane = Layout { height: 1, width: 1, ..input } == output;
    if shape.len() != 4 || !is_plane || !lowering.has_image(input_id) || axes(lowering, operator, 4)? != (2, 4) {
        return Ok(false);
    }
    let factor = if operator.op_type == "ReduceSum" { 1.0 } else { 1.0 / product(&shape[2..]).max(1) as f32 };
    let from = lowering.read_image(input_id)?;
    let epilogue = Epilogue::after(lowering, operator, NOTHING_ALLOWED)?;
    let to = lowering.write_image(epilogue.output)?;
    let mut arguments = [from, to].map(Argument::Storage).to_vec();
    arguments.extend([input.blocks(), input.channels, input.height, input.width].map(count));
    arguments.push(Argument::Float(factor));
    arguments.extend(Epilogue::function_arguments(epilogue.function));
    // One program with the largest windows' options, which it does not use.
    lowering.texel_step(Source::ImageWindow, "plane_mean", "-DMODE=1 -DPIXELS=1", arguments, [input.blocks(), input.batch, 1]);
    Ok(true)
}
