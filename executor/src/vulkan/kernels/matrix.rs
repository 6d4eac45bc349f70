//! Products of matrices: an invocation computes a few rows of a few columns; neighbours take neighbouring columns.

use std::fmt::Write as _;

use sim::graph::{Operator, shape};
use sim::identifiers::TensorId;

use super::Shader;
use crate::processor::ProcessorError;
use crate::vulkan::activation;
use crate::vulkan::constants::{Blocking, Recipe};
use crate::vulkan::fusion::Chain;
use crate::vulkan::plan::{Lowering, Source, input as input_of, refusal};
use crate::vulkan::strides::{MAXIMUM_DIMENSIONS, Walk, broadcast, row_major};

/// `alpha * left * right + beta * addend` for each matrix of a batch; strides in elements.
struct Product {
    rows: u64,
    columns: u64,
    depth: u64,
    left: Source,
    /// From row to row, and along the depth.
    left_steps: [i64; 2],
    right: Source,
    /// Along the depth, and from column to column.
    right_steps: [i64; 2],
    /// With steps from row to row and from column to column.
    addend: Option<(Source, [i64; 2])>,
    /// Where the matrices of the left and the right side begin.
    batch: Walk,
    alpha: f32,
    beta: f32,
}

pub(in crate::vulkan) fn lower(lowering: &mut Lowering<'_>, chain: &Chain<'_>) -> Result<(), ProcessorError> {
    let operator = chain.head;
    let product = if operator.op_type == "Gemm" { gemm(lowering, operator)? } else { matmul(lowering, operator)? };
    push(lowering, chain, &product)
}

/// A 1x1 convolution of images of one pixel: the rows are the batch.
pub(super) fn lower_single_pixel(
    lowering: &mut Lowering<'_>,
    chain: &Chain<'_>,
    batch: u64,
    channels: u64,
    depth: u64,
) -> Result<(), ProcessorError> {
    let operator = chain.head;
    let (input, weight) = (input_of(operator, 0)?, input_of(operator, 1)?);
    // One block of all channels is the transposed filter.
    let blocking = Blocking { groups: 1, channels, block: channels };
    let filter = Recipe::Filter { weight, norm: chain.norm.clone(), blocking };
    let bias = Recipe::Bias { bias: operator.input(2), norm: chain.norm.clone(), blocking };
    let product = Product {
        rows: batch,
        columns: channels,
        depth,
        left: lowering.source(operator, input)?,
        left_steps: [depth as i64, 1],
        right: lowering.constant(operator, filter, depth * channels)?,
        right_steps: [channels as i64, 1],
        addend: Some((lowering.constant(operator, bias, channels)?, [0, 1])),
        batch: Walk::new(&[], &[vec![], vec![]]),
        alpha: 1.0,
        beta: 1.0,
    };
    push(lowering, chain, &product)
}

fn gemm(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<Product, ProcessorError> {
    let graph = lowering.graph;
    let (left, right) = (input_of(operator, 0)?, input_of(operator, 1)?);
    let is_set = |name: &str| operator.attributes.integer(name).is_some_and(|value| value != 0);
    let output = &graph.tensor(operator.outputs[0]).shape;
    let (rows, columns) = (output[0], output[1]);
    let depth = graph.tensor(left).shape[usize::from(!is_set("transA"))];
    let left_steps = if is_set("transA") { [1, rows as i64] } else { [depth as i64, 1] };
    let along_columns = [columns as i64, 1];
    let (right, right_steps) = match (is_set("transB"), lowering.is_constant(right)) {
        (false, _) => (lowering.source(operator, right)?, along_columns),
        (true, false) => (lowering.source(operator, right)?, [1, depth as i64]),
        (true, true) => {
            let transposed = Recipe::Transposed { matrix: right, columns: depth };
            (lowering.constant(operator, transposed, depth * columns)?, along_columns)
        }
    };
    let addend = match operator.input(2) {
        None => None,
        Some(addend) => {
            let steps = broadcast(&graph.tensor(addend).shape, output);
            Some((lowering.source(operator, addend)?, [steps[0], steps[1]]))
        }
    };
    let (alpha, beta) = (operator.attributes.float("alpha").unwrap_or(1.0), operator.attributes.float("beta").unwrap_or(1.0));
    let batch = Walk::new(&[], &[vec![], vec![]]);
    let left = lowering.source(operator, left)?;
    Ok(Product { rows, columns, depth, left, left_steps, right, right_steps, addend, batch, alpha, beta })
}

/// Operands of rank 1 are a row on the left and a column on the right.
fn matmul(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<Product, ProcessorError> {
    let graph = lowering.graph;
    let (left, right) = (input_of(operator, 0)?, input_of(operator, 1)?);
    let shape_of = |tensor: TensorId| graph.tensor(tensor).shape.clone();
    let (mut a, mut b) = (shape_of(left), shape_of(right));
    if a.len() == 1 {
        a.insert(0, 1);
    }
    if b.len() == 1 {
        b.push(1);
    }
    let (a_batch, b_batch) = (&a[..a.len() - 2], &b[..b.len() - 2]);
    let (mut rows, depth, columns) = (a[a.len() - 2], a[a.len() - 1], b[b.len() - 1]);
    let batch = if b_batch.iter().all(|&size| size == 1) && b_batch.len() <= a_batch.len() {
        // One matrix on the right: all rows on the left are of one matrix.
        rows *= a_batch.iter().product::<u64>();
        Walk::new(&[], &[vec![], vec![]])
    } else {
        let sizes = shape::broadcast(a_batch, b_batch).map_err(|error| refusal(operator, error.to_string()))?;
        let steps = |batch: &[u64], matrix: u64| -> Vec<i64> {
            broadcast(batch, &sizes).into_iter().map(|stride| stride * matrix as i64).collect()
        };
        Walk::new(&sizes, &[steps(a_batch, rows * depth), steps(b_batch, depth * columns)])
    };
    let steps = |shape: &[u64]| -> [i64; 2] {
        let strides = row_major(&shape[shape.len() - 2..]);
        [strides[0], strides[1]]
    };
    let (left_steps, right_steps) = (steps(&a), steps(&b));
    let (left, right) = (lowering.source(operator, left)?, lowering.source(operator, right)?);
    Ok(Product { rows, columns, depth, left, left_steps, right, right_steps, addend: None, batch, alpha: 1.0, beta: 1.0 })
}

fn push(lowering: &mut Lowering<'_>, chain: &Chain<'_>, product: &Product) -> Result<(), ProcessorError> {
    let operator = chain.head;
    if product.batch.dimensions() > MAXIMUM_DIMENSIONS {
        return Err(refusal(operator, format!("its batch has more than {MAXIMUM_DIMENSIONS} dimensions")));
    }
    let rows = product.rows.min(4);
    let columns = if rows == 4 && product.columns >= 128 { 4 } else { 1 };
    let invocations = (product.columns.div_ceil(columns).next_power_of_two() as u32).clamp(8, 64);
    let mut shader = Shader::new(invocations);
    shader.declarations = activation::function(chain.activation.as_deref());
    shader.read("a", "f32", product.left);
    shader.read("b", "f32", product.right);
    shader.size("rows", product.rows);
    shader.size("columns", product.columns);
    shader.size("depth", product.depth);
    shader.size("a_row", product.left_steps[0] as u64);
    shader.size("a_depth", product.left_steps[1] as u64);
    shader.size("b_depth", product.right_steps[0] as u64);
    shader.size("b_column", product.right_steps[1] as u64);
    if let Some((source, steps)) = product.addend {
        shader.read("addend", "f32", source);
        shader.size("addend_row", steps[0] as u64);
        shader.size("addend_column", steps[1] as u64);
        shader.number("beta", product.beta);
    }
    shader.number("alpha", product.alpha);
    if let Some(residual) = chain.residual {
        shader.read("residual", "f32", lowering.source(operator, residual)?);
    }
    let batch = product.batch.indices(&mut shader, "group_id.z", &["a_begin", "b_begin"]);
    shader.body = batch + &body(rows, columns, invocations, product.addend.is_some(), chain.residual.is_some());
    let per_group = u64::from(invocations) * columns;
    let groups = [product.columns.div_ceil(per_group), product.rows.div_ceil(rows), product.batch.count()];
    let step = shader.step(operator.id.index(), "matrix product", groups, chain.output);
    lowering.push(operator, step)
}

/// Rows and columns beyond the last are computed as the last, and not written.
fn body(rows: u64, columns: u64, invocations: u32, has_addend: bool, has_residual: bool) -> String {
    let mut text = format!("    let start = group_id.x * {}u + local;\n", u64::from(invocations) * columns);
    for row in 0..rows {
        let _ = writeln!(text, "    let row_{row} = group_id.y * {rows}u + {row}u;");
        let _ = writeln!(text, "    var a_{row} = u32(a_begin) + min(row_{row}, p.rows - 1u) * p.a_row;");
    }
    for column in 0..columns {
        let offset = u64::from(invocations) * column;
        let _ = writeln!(text, "    let column_{column} = start + {offset}u;");
        let _ = writeln!(text, "    var b_{column} = u32(b_begin) + min(column_{column}, p.columns - 1u) * p.b_column;");
        for row in 0..rows {
            let _ = writeln!(text, "    var sum_{row}_{column} = 0.0f;");
        }
    }
    text.push_str("    for (var i = 0u; i < p.depth; i++) {\n");
    for row in 0..rows {
        let _ = writeln!(text, "        let u_{row} = a[a_{row}]; a_{row} += p.a_depth;");
    }
    for column in 0..columns {
        let _ = writeln!(text, "        let v_{column} = b[b_{column}]; b_{column} += p.b_depth;");
        for row in 0..rows {
            let _ = writeln!(text, "        sum_{row}_{column} += u_{row} * v_{column};");
        }
    }
    text.push_str("    }\n");
    for row in 0..rows {
        for column in 0..columns {
            let _ = writeln!(text, "    if (row_{row} < p.rows && column_{column} < p.columns) {{");
            let _ = writeln!(text, "        let at = (group_id.z * p.rows + row_{row}) * p.columns + column_{column};");
            let _ = writeln!(text, "        var value = p.alpha * sum_{row}_{column};");
            if has_addend {
                let place = format!("row_{row} * p.addend_row + column_{column} * p.addend_column");
                let _ = writeln!(text, "        value += p.beta * addend[{place}];");
            }
            if has_residual {
                text.push_str("        value += residual[at];\n");
            }
            text.push_str("        y[at] = activate(value);\n    }\n");
        }
    }
    text
}
