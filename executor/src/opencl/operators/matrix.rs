//! Matrix products: `Gemm` and `MatMul`.

use sim::graph::Operator;
use sim::identifiers::TensorId;

use super::super::lowering::Lowering;
use super::super::step::{Argument, Source, StorageId};
use super::epilogue::{Allowed, Epilogue};
use super::movement::move_strided;
use super::tile::Tile;
use super::{integer, integers, product, required};

/// A left operand as it lies in memory: strides of its rows and of the reduced dimension.
struct Left {
    storage: StorageId,
    row: usize,
    depth: usize,
    /// First element for each product.
    bases: Vec<usize>,
}

/// A right operand: constant, to be packed, or in memory with contiguous rows.
enum Right {
    Constant { values: Vec<f32>, is_transposed: bool, factor: f32 },
    Memory { storage: StorageId, bases: Vec<usize> },
}

/// Equal products of `rows` x `depth` by `depth` x `columns`.
struct Size {
    rows: usize,
    columns: usize,
    depth: usize,
}

/// Bits of the kernel's options.
const COLUMN_BIAS: i32 = 2;
const RESIDUAL: i32 = 4;

/// `Gemm`: `alpha * A * B + beta * C`.
pub(super) fn gemm(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let (left_id, right_id) = (required(operator, 0)?, required(operator, 1)?);
    let flag = |name: &str| operator.attributes.integer(name).unwrap_or(0) != 0;
    let float = |name: &str| operator.attributes.float(name).unwrap_or(1.0);
    let (left_shape, output_shape) = (lowering.shape(left_id), lowering.shape(operator.outputs[0]));
    let (rows, columns) = (output_shape[0] as usize, output_shape[1] as usize);
    let depth = if flag("transA") { left_shape[0] } else { left_shape[1] } as usize;
    let (row, step) = if flag("transA") { (1, rows) } else { (depth, 1) };
    let right = if lowering.is_constant(right_id) {
        Right::Constant { values: lowering.values(right_id)?, is_transposed: flag("transB"), factor: float("alpha") }
    } else if flag("transB") || (float("alpha") - 1.0).abs() > 0.0 {
        return Err("transB and alpha need a constant second operand".to_owned());
    } else {
        Right::Memory { storage: lowering.read_floats(right_id)?, bases: vec![0] }
    };
    let mut column_bias = None;
    let mut residual = None;
    if let Some(addend) = operator.input(2) {
        let shape = lowering.shape(addend);
        let is_row = shape.last() == Some(&output_shape[1]) && product(shape) == columns;
        if is_row && lowering.is_constant(addend) {
            let beta = float("beta");
            let values = lowering.values(addend)?;
            column_bias = Some(lowering.floats(|| values.iter().map(|value| value * beta).collect()));
        } else if shape == output_shape && (float("beta") - 1.0).abs() <= 0.0 {
            residual = Some(lowering.read_floats(addend)?);
        } else {
            return Err(format!("an addend of shape {shape:?} is not supported: a constant row or a whole matrix is"));
        }
    }
    let left = Left { storage: lowering.read_floats(left_id)?, row, depth: step, bases: vec![0] };
    let allowed = Allowed { normalization: false, residual: false, column_bias: false };
    let epilogue = Epilogue::after(lowering, operator, allowed)?;
    multiply(lowering, &Size { rows, columns, depth }, &left, right, (column_bias, residual), &epilogue)
}

/// `MatMul`, with leading dimensions broadcast.
pub(super) fn matmul(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), String> {
    let (left_id, right_id) = (required(operator, 0)?, required(operator, 1)?);
    let (left_shape, right_shape) = (lowering.shape(left_id), lowering.shape(right_id));
    let output_shape = lowering.shape(operator.outputs[0]);
    if left_shape.len() < 2 || right_shape.len() < 2 {
        return Err(format!("operands {left_shape:?} and {right_shape:?} are not supported: matrices are"));
    }
    let rank = output_shape.len();
    let (mut rows, columns) = (output_shape[rank - 2] as usize, output_shape[rank - 1] as usize);
    let depth = left_shape[left_shape.len() - 1] as usize;
    let is_one_matrix = product(right_shape) == depth * columns;
    let leading = if is_one_matrix {
        rows = product(&output_shape[..rank - 1]);
        &[][..]
    } else {
        &output_shape[..rank - 2]
    };
    let left_bases =
        if is_one_matrix { vec![0] } else { broadcast_bases(leading, &left_shape[..left_shape.len() - 2], rows * depth) };
    let right = if is_one_matrix && lowering.is_constant(right_id) {
        Right::Constant { values: lowering.values(right_id)?, is_transposed: false, factor: 1.0 }
    } else {
        let bases = if is_one_matrix {
            vec![0]
        } else {
            broadcast_bases(leading, &right_shape[..right_shape.len() - 2], depth * columns)
        };
        Right::Memory { storage: lowering.read_floats(right_id)?, bases }
    };
    let left = Left { storage: lowering.read_floats(left_id)?, row: depth, depth: 1, bases: left_bases };
    let allowed = Allowed { normalization: false, residual: true, column_bias: true };
    let epilogue = Epilogue::after(lowering, operator, allowed)?;
    let storage = |lowering: &mut Lowering<'_>, id: Option<TensorId>| id.map(|id| lowering.read_floats(id)).transpose();
    let addends = (storage(lowering, epilogue.column_bias)?, storage(lowering, epilogue.residual)?);
    multiply(lowering, &Size { rows, columns, depth }, &left, right, addends, &epilogue)
}

/// First element of an operand for each of the broadcast products.
fn broadcast_bases(leading: &[u64], own: &[u64], size: usize) -> Vec<usize> {
    let mut bases = vec![0];
    let missing = leading.len() - own.len().min(leading.len());
    let mut stride = size;
    let mut strides = vec![0; leading.len()];
    for (axis, &length) in own.iter().enumerate().rev() {
        if length > 1 {
            strides[missing + axis] = stride;
        }
        stride *= length as usize;
    }
    for (&length, &stride) in leading.iter().zip(&strides) {
        bases = bases.iter().flat_map(|&base| (0..length as usize).map(move |place| base + place * stride)).collect();
    }
    bases
}

fn multiply(
    lowering: &mut Lowering<'_>,
    size: &Size,
    left: &Left,
    right: Right,
    (column_bias, residual): (Option<StorageId>, Option<StorageId>),
    epilogue: &Epilogue,
) -> Result<(), String> {
    let target = lowering.target;
    let is_constant = matches!(right, Right::Constant { .. });
    let (rows, columns, depth) = (size.rows, size.columns, size.depth);
    let batches = left.bases.len();
    let must_fit = Tile::choose(target, [rows, depth, columns], true).filter(|_| !is_constant);
    let tile = must_fit.or_else(|| Tile::choose(target, [rows, depth, columns], false)).ok_or("no tile fits")?;
    let (right, right_bases, panel, pitch, last_column) = match right {
        Right::Constant { values, is_transposed, factor } => {
            let width = tile.width();
            let packed = lowering.floats(|| {
                let at = |k: usize, n: usize| if is_transposed { values[n * depth + k] } else { values[k * columns + n] };
                let mut packed = vec![0.0; columns.div_ceil(width) * depth * width];
                for (block, panel) in packed.chunks_exact_mut((depth * width).max(1)).enumerate() {
                    let begin = block * width;
                    for n in begin..columns.min(begin + width) {
                        for k in 0..depth {
                            panel[k * width + n - begin] = at(k, n) * factor;
                        }
                    }
                }
                packed
            });
            (packed, vec![0; batches], depth * width, width, columns)
        }
        Right::Memory { storage, bases } if must_fit.is_some() => (storage, bases, 0, columns, columns - tile.width()),
        // Rows too short for a vector are moved apart, so that one may be read past their end.
        Right::Memory { storage, bases } => {
            let matrices = bases.iter().max().map_or(0, |&last| last / (depth * columns).max(1) + 1);
            let pitch = columns.next_multiple_of(tile.width());
            let moved = lowering.temporary(matrices * depth * pitch);
            move_strided(
                lowering,
                (storage, 0),
                (moved, 0),
                &[matrices * depth, columns],
                &[columns as i64, 1],
                &[pitch as i64, 1],
            )?;
            let bases = bases.iter().map(|base| base / columns * pitch).collect();
            (moved, bases, 0, pitch, columns)
        }
    };
    let bases = (0..batches).flat_map(|index| [left.bases[index], right_bases[index], 0, index * rows * columns]);
    let bases = lowering.integers(&integers(bases)?);
    let output = lowering.write(epilogue.output)?;
    let nothing = lowering.nothing();
    let storages = [left.storage, right, nothing, column_bias.unwrap_or(nothing), residual.unwrap_or(nothing), output, bases];
    let mut arguments: Vec<Argument> = storages.map(Argument::Storage).to_vec();
    for value in [rows, columns, depth, 1, left.row, left.depth, panel, pitch, last_column, columns] {
        arguments.push(integer(value)?);
    }
    let has_bias = if column_bias.is_some() { COLUMN_BIAS } else { 0 };
    let has_residual = if residual.is_some() { RESIDUAL } else { 0 };
    arguments.push(Argument::Integer(has_bias | has_residual));
    arguments.extend(Epilogue::function_arguments(epilogue.function));
    integer(batches * rows * columns)?;
    let global = tile.global(target, rows, columns, batches);
    lowering.step(Source::Matrix, "matrix", &tile.options(target, false, false), arguments, global);
    Ok(())
}
