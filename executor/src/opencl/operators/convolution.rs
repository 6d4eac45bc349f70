//! Convolution: pointwise on the image itself, depthwise as a sliding window, all others as a matrix product on a staged image.

use sim::graph::Operator;

use super::super::lowering::Lowering;
use super::super::step::{Argument, Source, StorageId};
use super::epilogue::{Allowed, Epilogue};
use super::tile::Tile;
use super::window::{Mode, Window, slide, stage};
use super::{integer, integers, required};

/// `Conv` and the operators after it that its kernel computes too.
pub(super) fn lower(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let (input_id, weight_id) = (required(operator, 0)?, required(operator, 1)?);
    let (input_shape, weight_shape) = (lowering.shape(input_id), lowering.shape(weight_id));
    let output_shape = lowering.shape(operator.outputs[0]);
    let window = Window::of(operator, input_shape, output_shape, &weight_shape[2..])?;
    let groups = operator.attributes.integer("group").unwrap_or(1).max(1) as usize;
    let (batch, channels) = (input_shape[0] as usize, weight_shape[0] as usize);
    let depth = weight_shape[1] as usize;
    let is_depthwise = depth == 1 && groups > 1 && channels / groups < 8;
    let allowed = Allowed { normalization: true, residual: !is_depthwise, column_bias: false };
    let Folded { weights, bias, epilogue } = folded(lowering, operator, channels, allowed)?;
    let input = lowering.read_floats(input_id)?;
    let bias = bias.map(|bias| lowering.floats(|| bias));
    if is_depthwise {
        let output = lowering.write(epilogue.output)?;
        let weights = lowering.floats(|| weights);
        let mode = Mode::Depthwise { weights, bias, multiplier: channels / groups };
        return slide(lowering, &window, (input, output), (channels, batch * channels), &mode, epilogue.function);
    }
    let residual = epilogue.residual_storage(lowering)?;
    let output = lowering.write(epilogue.output)?;
    let product = Product { batch, groups, rows: channels / groups, depth, window };
    product.lower(lowering, &weights, [input, bias.unwrap_or(residual), residual, output], bias.is_some(), &epilogue)
}

/// A convolution's constants with a normalisation that follows folded into them, and what else follows.
pub(super) struct Folded {
    /// Empty where only support was asked for.
    pub(super) weights: Vec<f32>,
    pub(super) bias: Option<Vec<f32>>,
    pub(super) epilogue: Epilogue,
}

/// Takes in what follows a convolution.
pub(super) fn folded(
    lowering: &mut Lowering<'_>,
    operator: &Operator,
    channels: usize,
    allowed: Allowed,
) -> Result<Folded, String> {
    let (mut weights, mut bias) = constants(lowering, operator, channels)?;
    let epilogue = Epilogue::after(lowering, operator, allowed)?;
    if let Some(scales) = &epilogue.normalization {
        let size = weights.len() / channels.max(1);
        let offsets = bias.get_or_insert_with(|| vec![0.0; channels]);
        for (channel, &(scale, offset)) in scales.iter().enumerate() {
            weights[channel * size..(channel + 1) * size].iter_mut().for_each(|weight| *weight *= scale);
            if let Some(bias) = offsets.get_mut(channel) {
                *bias = *bias * scale + offset;
            }
        }
    }
    Ok(Folded { weights, bias, epilogue })
}

/// Weights and bias; empty where only support was asked for.
fn constants(lowering: &Lowering<'_>, operator: &Operator, channels: usize) -> Result<(Vec<f32>, Option<Vec<f32>>), String> {
    let weights = lowering.values(required(operator, 1)?)?;
    let bias = operator.input(2).map(|bias| lowering.values(bias)).transpose()?;
    let bias = bias.map(|bias| if lowering.has_values() { bias } else { vec![0.0; channels] });
    Ok((weights, bias))
}

/// A convolution as products of matrices, one for each image of the batch and each group.
struct Product {
    batch: usize,
    groups: usize,
    /// Output channels of a group.
    rows: usize,
    /// Input channels of a group.
    depth: usize,
    window: Window,
}

impl Product {
    fn lower(
        &self,
        lowering: &mut Lowering<'_>,
        weights: &[f32],
        [input, bias, residual, output]: [StorageId; 4],
        has_bias: bool,
        epilogue: &Epilogue,
    ) -> Result<(), String> {
        let (columns, taps) = (self.window.columns(), self.window.taps());
        let target = lowering.target;
        let direct = Tile::choose(target, [self.rows, self.depth * taps, columns], true).filter(|_| self.window.is_pointwise());
        let any = Tile::choose(target, [self.rows, self.depth * taps, columns], false).ok_or("no tile fits")?;
        let tile = direct.unwrap_or(any);
        let (right, right_depth, offsets, last_column) = if direct.is_some() {
            (input, columns, vec![0], columns - tile.width())
        } else {
            let (staged, staging) = stage(lowering, &self.window, input, 0.0)?;
            (staged, staging.plane, staging.taps, columns)
        };
        let packed = lowering.floats(|| self.packed(weights, tile.rows));
        let group_size = self.rows.next_multiple_of(tile.rows) * self.depth * taps;
        let bases = (0..self.batch * self.groups).flat_map(|index| {
            let group = index % self.groups;
            [group * group_size, index * self.depth * right_depth, group * self.rows, index * self.rows * columns]
        });
        let bases = integers(bases)?;
        integer(self.batch * self.groups * self.rows * columns)?;
        let (bases, offsets) = (lowering.integers(&bases), lowering.integers(&integers(offsets)?));
        let mut arguments: Vec<Argument> =
            [packed, right, offsets, bias, residual, output, bases].map(Argument::Storage).to_vec();
        for size in [self.rows, columns, self.depth, taps, 1, tile.rows, 0, right_depth, last_column, columns] {
            arguments.push(integer(size)?);
        }
        let options = i32::from(has_bias) | (i32::from(epilogue.residual.is_some()) << 2);
        arguments.push(Argument::Integer(options));
        arguments.extend(Epilogue::function_arguments(epilogue.function));
        let global = tile.global(target, self.rows, columns, self.batch * self.groups);
        lowering.step(Source::Matrix, "matrix", &tile.options(target, true, taps > 1), arguments, global);
        Ok(())
    }

    /// Weights in blocks of `block` output channels: for each block, channel and tap, one weight of each output channel.
    fn packed(&self, weights: &[f32], block: usize) -> Vec<f32> {
        let size = self.depth * self.window.taps();
        let blocks = self.rows.div_ceil(block);
        let mut packed = vec![0.0; self.groups * blocks * size * block];
        for (row, values) in weights.chunks_exact(size.max(1)).enumerate() {
            let (group, row) = (row / self.rows, row % self.rows);
            let start = (group * blocks + row / block) * size * block + row % block;
            for (place, &value) in values.iter().enumerate() {
                packed[start + place * block] = value;
            }
        }
        packed
    }
}
