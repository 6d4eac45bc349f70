//! Convolutions, and matrix products with constants, on images.

use sim::graph::{DataType, Operator};

use super::super::super::images::{LANES, count};
use super::super::super::lowering::Lowering;
use super::super::super::step::{Argument, ImageSize, Source, StorageId};
use super::super::convolution::{Folded, folded};
use super::super::epilogue::{Allowed, Epilogue};
use super::super::window::Window;
use super::super::{product, required};
use super::{layouts, padded, pixels, window};

/// Weights as texels of four output channels: x = input channel, y = tap * blocks + block of output channels.
struct Filter {
    channels: usize,
    /// Input channels of a group.
    depth: usize,
    taps: usize,
}

impl Filter {
    fn size(&self) -> ImageSize {
        ImageSize { width: self.depth.next_multiple_of(LANES), height: self.taps * self.channels.div_ceil(LANES) }
    }

    /// From `[channels][depth][taps]`.
    fn packed(&self, weights: &[f32]) -> Vec<f32> {
        let (size, blocks) = (self.size(), self.channels.div_ceil(LANES));
        let mut texels = vec![0.0; size.elements()];
        for (channel, values) in weights.chunks_exact((self.depth * self.taps).max(1)).enumerate() {
            for (place, &value) in values.iter().enumerate() {
                let (x, y) = (place / self.taps, place % self.taps * blocks + channel / LANES);
                texels[(y * size.width + x) * LANES + channel % LANES] = value;
            }
        }
        texels
    }
}

/// `Conv` of images: with one group, with groups of whole texels, or depthwise.
pub(super) fn convolution(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<bool, String> {
    let Some((input_id, input, output)) = layouts(lowering, operator) else { return Ok(false) };
    let weight_id = required(operator, 1)?;
    let weight_shape = lowering.shape(weight_id);
    let groups = operator.attributes.integer("group").unwrap_or(1).max(1) as usize;
    let rows = output.channels / groups;
    if weight_shape.len() != 4 || !lowering.is_constant(weight_id) {
        return Ok(false);
    }
    let window = Window::of(operator, lowering.shape(input_id), lowering.shape(operator.outputs[0]), &weight_shape[2..])?;
    let filter = Filter { channels: output.channels, depth: weight_shape[1] as usize, taps: window.taps() };
    if filter.depth == 1 && rows == 1 && groups > 1 {
        return window::depthwise(lowering, operator, &window, (input_id, output));
    }
    let is_whole = groups == 1 || (filter.depth.is_multiple_of(LANES) && rows.is_multiple_of(LANES));
    if !is_whole || !lowering.can_hold(filter.size()) {
        return Ok(false);
    }
    let allowed = Allowed { normalization: true, residual: true, column_bias: false };
    let Folded { weights, bias, epilogue } = folded(lowering, operator, output.channels, allowed)?;
    let from = lowering.read_image(input_id)?;
    let weights = lowering.texels(filter.size(), || filter.packed(&weights));
    let bias = lowering.floats(|| padded(bias.unwrap_or_default(), output));
    let residual = residual(lowering, &epilogue, from)?;
    let to = lowering.write_image(epilogue.output)?;
    let mut arguments = [from, weights, bias, residual, to].map(Argument::Storage).to_vec();
    let depth_blocks = filter.depth.div_ceil(LANES);
    let group_blocks = if groups == 1 { output.blocks() } else { rows / LANES };
    arguments.extend([output.blocks(), output.channels, depth_blocks, group_blocks].map(count));
    arguments.extend([input.height, input.width, output.height, output.width].map(count));
    arguments.extend([window.kernel, window.strides, window.dilations].as_flattened().iter().map(|&size| count(size)));
    arguments.extend(window.pads_begin.map(|pad| Argument::Integer(pad as i32)));
    arguments.push(Argument::Integer(i32::from(epilogue.residual.is_some())));
    arguments.extend(Epilogue::function_arguments(epilogue.function));
    let pixels = pixels(lowering.target, output.width);
    let global = [output.blocks(), output.width.div_ceil(pixels), output.size().height];
    lowering.texel_step(Source::ImageProduct, "convolution", &format!("-DPIXELS={pixels}"), arguments, global);
    Ok(true)
}

/// The image to be added, or any other that the kernel does not read.
fn residual(lowering: &mut Lowering<'_>, epilogue: &Epilogue, other: StorageId) -> Result<StorageId, String> {
    epilogue.residual.map_or(Ok(other), |residual| lowering.read_image(residual))
}

/// `MatMul` and `Gemm` of rows by a constant matrix.
pub(super) fn matrices(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<bool, String> {
    let Some((input_id, input, output)) = layouts(lowering, operator) else { return Ok(false) };
    let weight_id = required(operator, 1)?;
    let flag = |name: &str| operator.attributes.integer(name).unwrap_or(0) != 0;
    let float = |name: &str| operator.attributes.float(name).unwrap_or(1.0);
    let is_float = lowering.graph.tensor(weight_id).data_type == DataType::Float32;
    let is_matrix = lowering.shape(weight_id).len() == 2 && lowering.is_constant(weight_id) && is_float;
    let filter = Filter { channels: output.channels, depth: input.channels, taps: 1 };
    let is_row = |id| lowering.is_constant(id) && product(lowering.shape(id)) == filter.channels;
    let can_add = operator.op_type == "MatMul" || operator.input(2).is_none_or(is_row);
    let is_rows = matches!(lowering.shape(input_id).len(), 2 | 3) && lowering.shape(operator.outputs[0]).len() < 4;
    if !is_matrix || !is_rows || flag("transA") || !can_add || !lowering.can_hold(filter.size()) {
        return Ok(false);
    }
    let mut bias = vec![0.0; filter.channels];
    if let Some(addend) = operator.input(2) {
        let values = lowering.values(addend)?;
        bias.iter_mut().zip(&values).for_each(|(bias, value)| *bias = value * float("beta"));
    }
    let is_gemm = operator.op_type == "Gemm";
    let allowed = Allowed { normalization: false, residual: !is_gemm, column_bias: !is_gemm };
    let epilogue = Epilogue::after(lowering, operator, allowed)?;
    if let Some(row) = epilogue.column_bias {
        let values = lowering.values(row)?;
        bias.iter_mut().zip(&values).for_each(|(bias, value)| *bias += value);
    }
    let values = lowering.values(weight_id)?;
    let (depth, factor) = (filter.depth, float("alpha"));
    let weights = lowering.texels(filter.size(), || {
        let at = |n: usize, k: usize| if flag("transB") { values[n * depth + k] } else { values[k * filter.channels + n] };
        let rows: Vec<f32> = (0..filter.channels).flat_map(|n| (0..depth).map(move |k| at(n, k) * factor)).collect();
        filter.packed(&rows)
    });
    let from = lowering.read_image(input_id)?;
    let bias = lowering.floats(|| padded(bias, output));
    let residual = residual(lowering, &epilogue, from)?;
    let to = lowering.write_image(epilogue.output)?;
    let mut arguments = [from, weights, bias, residual, to].map(Argument::Storage).to_vec();
    arguments.extend([output.blocks(), output.channels, input.blocks(), output.batch].map(count));
    arguments.push(Argument::Integer(i32::from(epilogue.residual.is_some())));
    arguments.extend(Epilogue::function_arguments(epilogue.function));
    let pixels = pixels(lowering.target, output.batch);
    let global = [output.blocks(), output.batch.div_ceil(pixels), 1];
    lowering.texel_step(Source::ImageProduct, "product", &format!("-DPIXELS={pixels}"), arguments, global);
    Ok(true)
}
