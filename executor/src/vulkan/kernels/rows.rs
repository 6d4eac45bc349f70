//! What needs a whole row of neighbouring elements: softmax, means and maxima. A workgroup takes a row.

use sim::graph::{Graph, Operator, shape};
use sim::identifiers::TensorId;

use super::Shader;
use crate::processor::ProcessorError;
use crate::vulkan::plan::{Lowering, input as input_of, refusal};

/// Reduces the `partial` results of all invocations to that of number 0; `OPERATION` combines `one` and `other`.
const REDUCTION: &str = "
var<workgroup> partial: array<f32, INVOCATIONSu>;
fn reduce_NAME(local: u32, value: f32) -> f32 {
    partial[local] = value;
    workgroupBarrier();
    for (var half = HALFu; half > 0u; half = half / 2u) {
        if (local < half) {
            let one = partial[local];
            let other = partial[local + half];
            partial[local] = OPERATION;
        }
        workgroupBarrier();
    }
    let result = partial[0];
    workgroupBarrier();
    return result;
}
";

pub(in crate::vulkan) fn lower(lowering: &mut Lowering<'_>, operator: &Operator) -> Result<(), ProcessorError> {
    let graph = lowering.graph;
    let input = input_of(operator, 0)?;
    let kept = kept_dimensions(graph, operator, input)?;
    let shape = &graph.tensor(input).shape;
    let (rows, length): (u64, u64) = (shape[..kept].iter().product(), shape[kept..].iter().product());
    let invocations = (length.div_ceil(4).next_power_of_two() as u32).clamp(8, 64);
    let mut shader = Shader::new(invocations);
    shader.size("rows", rows);
    shader.size("row_length", length);
    shader.read("x", "f32", lowering.source(operator, input)?);
    let (maximum, sum) = (reduction("maximum", "max(one, other)", invocations), reduction("sum", "one + other", invocations));
    let each = |statement: &str| format!("for (var i = local; i < p.row_length; i += {invocations}u) {{ {statement} }}");
    // Rows beyond the last are computed as the last, so that barriers are met by all, and not written.
    let begin = "    let row = linear / INVOCATIONSu;
    let origin = min(row, p.rows - 1u) * p.row_length;
"
    .replace("INVOCATIONS", &invocations.to_string());
    let start_of_maximum = "-3.40282347e38f";
    let (declarations, body) = match operator.op_type.as_str() {
        "Softmax" => (
            // One array of partial results serves both.
            maximum + &sum.replacen(&array_of_partials(invocations), "", 1),
            format!(
                "    var highest = {start_of_maximum};
    {}
    highest = reduce_maximum(local, highest);
    var total = 0.0f;
    {}
    total = reduce_sum(local, total);
    if (row < p.rows) {{ {} }}
",
                each("highest = max(highest, x[origin + i]);"),
                each("total += exp(x[origin + i] - highest);"),
                each("y[origin + i] = exp(x[origin + i] - highest) / total;")
            ),
        ),
        "GlobalMaxPool" | "ReduceMax" => (
            maximum,
            format!(
                "    var result = {start_of_maximum};
    {}
    result = reduce_maximum(local, result);
    if (row < p.rows && local == 0u) {{ y[row] = result; }}
",
                each("result = max(result, x[origin + i]);")
            ),
        ),
        kind => (
            sum,
            format!(
                "    var result = 0.0f;
    {}
    result = reduce_sum(local, result);
    if (row < p.rows && local == 0u) {{ y[row] = result{}; }}
",
                each("result += x[origin + i];"),
                if kind == "ReduceSum" { "" } else { " / f32(p.row_length)" }
            ),
        ),
    };
    shader.declarations = declarations;
    shader.body = begin + &body;
    let groups = lowering.linear_groups(rows, 1);
    let label = if operator.op_type == "Softmax" { "softmax" } else { "reduction" };
    lowering.push(operator, shader.step(operator.id.index(), label, groups, operator.outputs[0]))
}

fn array_of_partials(invocations: u32) -> String {
    format!("var<workgroup> partial: array<f32, {invocations}u>;")
}

fn reduction(name: &str, operation: &str, invocations: u32) -> String {
    REDUCTION
        .replace("INVOCATIONS", &invocations.to_string())
        .replace("HALF", &(invocations / 2).to_string())
        .replace("NAME", name)
        .replace("OPERATION", operation)
}

/// How many leading dimensions count rows; the others are a row.
fn kept_dimensions(graph: &Graph, operator: &Operator, input: TensorId) -> Result<usize, ProcessorError> {
    let shape = &graph.tensor(input).shape;
    let rank = shape.len();
    let normal = |axis: i64| shape::normalize_axis(axis, rank).map_err(|error| refusal(operator, error.to_string()));
    // Dimensions of size 1 may be counted to either side.
    let are_one = |dimensions: &[u64]| dimensions.iter().all(|&size| size == 1);
    if operator.op_type.starts_with("Global") {
        return Ok(rank.min(2));
    }
    if operator.op_type == "Softmax" {
        // Before version 13 of the operator set, all dimensions from the axis on are one.
        let is_flattening = graph.opset_version.is_some_and(|version| version < 13);
        let axis = normal(operator.attributes.integer("axis").unwrap_or(if is_flattening { 1 } else { -1 }))?;
        let is_last = is_flattening || are_one(&shape[axis + 1..]);
        return is_last.then_some(axis).ok_or_else(|| refusal(operator, format!("only its last axis is supported, not {axis}")));
    }
    let given = operator.input(1).map(|axes| graph.tensor(axes));
    let axes = match given {
        None => operator.attributes.integers("axes").map(<[i64]>::to_vec),
        Some(axes) => Some(
            axes.data
                .as_ref()
                .and_then(|data| data.integers())
                .ok_or_else(|| refusal(operator, format!("its axes `{}` must be constant", axes.name)))?
                .to_vec(),
        ),
    };
    if operator.attributes.integer("noop_with_empty_axes").is_some_and(|value| value != 0) {
        return Err(refusal(operator, "`noop_with_empty_axes` is not supported"));
    }
    let axes = axes.filter(|axes| !axes.is_empty()).unwrap_or_else(|| (0..rank as i64).collect());
    let axes = axes.into_iter().map(normal).collect::<Result<Vec<_>, _>>()?;
    let first = axes.iter().copied().min().unwrap_or(rank);
    let is_trailing = (first..rank).all(|axis| axes.contains(&axis) || shape[axis] == 1);
    is_trailing.then_some(first).ok_or_else(|| refusal(operator, format!("only trailing axes are supported, not {axes:?}")))
}
