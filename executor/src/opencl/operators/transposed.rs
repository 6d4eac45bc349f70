//! Transposed convolution: a matrix product, whose results are then added up where they overlap.

use sim::graph::Operator;

use super::super::lowering::Lowering;
use super::super::step::{Argument, Source};
use super::epilogue::{Allowed, Epilogue};
use super::tile::Tile;
use super::window::Window;
use super::{integer, integers, product, required};

/// `ConvTranspose` with one group and explicit padding.
pub(super) fn lower(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let (input_id, weight_id) = (required(operator, 0)?, required(operator, 1)?);
    let (input_shape, weight_shape) = (lowering.shape(input_id), lowering.shape(weight_id));
    let output_shape = lowering.shape(operator.outputs[0]);
    if operator.attributes.integer("group").unwrap_or(1) != 1 {
        return Err("groups are not supported".to_owned());
    }
    let automatic = operator.attributes.text("auto_pad").unwrap_or("NOTSET");
    if automatic.starts_with("SAME") || operator.attributes.integers("output_shape").is_some() {
        return Err("auto_pad and output_shape are not supported: explicit pads are".to_owned());
    }
    let window = Window::of(operator, input_shape, output_shape, &weight_shape[2..])?;
    let (batch, channels, outputs) = (input_shape[0] as usize, input_shape[1] as usize, weight_shape[1] as usize);
    let (columns, taps) = (product(&input_shape[2..]), window.taps());
    let rows = outputs * taps;
    let target = lowering.target;
    let weights = lowering.values(weight_id)?;
    let bias = operator.input(2).map(|bias| lowering.read_floats(bias)).transpose()?;
    let input = lowering.read_floats(input_id)?;
    let direct = Tile::choose(target, [rows, channels, columns], true);
    let tile = direct.or_else(|| Tile::choose(target, [rows, channels, columns], false)).ok_or("no tile fits")?;
    let block = tile.rows;
    // Weights are [channels][outputs * taps]: already depth-major.
    let packed = lowering.floats(|| {
        let mut packed = vec![0.0; rows.next_multiple_of(block) * channels];
        for (channel, values) in weights.chunks_exact(rows.max(1)).enumerate() {
            for (row, &value) in values.iter().enumerate() {
                packed[(row / block * channels + channel) * block + row % block] = value;
            }
        }
        packed
    });
    let (right, pitch, last_column) = if direct.is_some() {
        (input, columns, columns - tile.width())
    } else {
        let pitch = columns.next_multiple_of(tile.width());
        let moved = lowering.temporary(batch * channels * pitch);
        let (from, to) = ([columns as i64, 1], [pitch as i64, 1]);
        super::movement::move_strided(lowering, (input, 0), (moved, 0), &[batch * channels, columns], &from, &to)?;
        (moved, pitch, columns)
    };
    let products = lowering.temporary(batch * rows * columns);
    integer(batch * rows * columns)?;
    let bases = (0..batch).flat_map(|image| [0, image * channels * pitch, 0, image * rows * columns]);
    let bases = lowering.integers(&integers(bases)?);
    let nothing = lowering.nothing();
    let mut arguments = [packed, right, nothing, nothing, nothing, products, bases].map(Argument::Storage).to_vec();
    for size in [rows, columns, channels, 1, 1, block, 0, pitch, last_column, columns] {
        arguments.push(integer(size)?);
    }
    arguments.extend([Argument::Integer(0), Argument::Integer(0), Argument::Float(0.0), Argument::Float(0.0)]);
    let global = tile.global(target, rows, columns, batch);
    lowering.step(Source::Matrix, "matrix", &tile.options(target, true, false), arguments, global);

    let allowed = Allowed { normalization: false, residual: false, column_bias: false };
    let epilogue = Epilogue::after(lowering, operator, allowed)?;
    let output = lowering.write(epilogue.output)?;
    let mut arguments = [products, bias.unwrap_or(nothing), output].map(Argument::Storage).to_vec();
    for pair in [window.input, window.output, window.kernel, window.strides, window.dilations] {
        arguments.extend([integer(pair[0])?, integer(pair[1])?]);
    }
    arguments.extend(window.pads_begin.map(|pad| Argument::Integer(pad as i32)));
    arguments.extend([integer(outputs)?, Argument::Integer(i32::from(bias.is_some()))]);
    arguments.extend(Epilogue::function_arguments(epilogue.function));
    lowering.step(Source::Movement, "scatter", "", arguments, [window.output[0], batch * outputs, 1]);
    Ok(())
}
