//! Arithmetic on single elements: of one tensor, of two that are broadcast, and with factors of channels.

use sim::graph::Operator;

use super::{Shader, WITHIN_COUNT};
use crate::processor::ProcessorError;
use crate::vulkan::activation;
use crate::vulkan::constants::{Norm, Recipe};
use crate::vulkan::fusion::Chain;
use crate::vulkan::plan::{Lowering, input as input_of, refusal};
use crate::vulkan::strides::{MAXIMUM_DIMENSIONS, Walk, broadcast};

const INVOCATIONS: u32 = 64;

/// Highest power that is computed by multiplication.
const HIGHEST_POWER: usize = 8;

/// `activate(x)`.
pub(in crate::vulkan) fn lower_unary(lowering: &mut Lowering<'_>, chain: &Chain<'_>) -> Result<(), ProcessorError> {
    let operator = chain.head;
    let input = input_of(operator, 0)?;
    let mut shader = Shader::new(INVOCATIONS);
    let count = lowering.graph.tensor(chain.output).elements();
    shader.size("count", count);
    shader.read("x", "f32", lowering.source(operator, input)?);
    shader.declarations = activation::function(chain.activation.as_deref());
    shader.body = format!("{WITHIN_COUNT}    y[linear] = activate(x[linear]);\n");
    let groups = lowering.linear_groups(count, INVOCATIONS);
    lowering.push(operator, shader.step(operator.id.index(), "unary", groups, chain.output))
}

/// `activate(a op b)`, both broadcast.
pub(in crate::vulkan) fn lower_binary(lowering: &mut Lowering<'_>, chain: &Chain<'_>) -> Result<(), ProcessorError> {
    let (operator, graph) = (chain.head, lowering.graph);
    if operator.inputs.len() != 2 {
        return Err(refusal(operator, format!("it has {} inputs, only 2 are supported", operator.inputs.len())));
    }
    let (left, right) = (input_of(operator, 0)?, input_of(operator, 1)?);
    let shape = &graph.tensor(operator.outputs[0]).shape;
    let steps = |tensor| broadcast(&graph.tensor(tensor).shape, shape);
    let walk = Walk::new(shape, &[steps(left), steps(right)]);
    if walk.dimensions() > MAXIMUM_DIMENSIONS {
        return Err(refusal(operator, format!("its inputs are broadcast along more than {MAXIMUM_DIMENSIONS} dimensions")));
    }
    let expression = match operator.op_type.as_str() {
        "Add" => "u + v".to_owned(),
        "Sub" => "u - v".to_owned(),
        "Mul" => "u * v".to_owned(),
        "Div" => "u / v".to_owned(),
        "Max" => "max(u, v)".to_owned(),
        "Min" => "min(u, v)".to_owned(),
        "PRelu" => "select(u * v, u, u >= 0.0f)".to_owned(),
        _ => power(lowering, operator)?,
    };
    let mut shader = Shader::new(INVOCATIONS);
    shader.size("count", walk.count());
    shader.read("a", "f32", lowering.source(operator, left)?);
    shader.read("b", "f32", lowering.source(operator, right)?);
    shader.declarations = activation::function(chain.activation.as_deref());
    let indices = walk.indices(&mut shader, "linear", &["a_at", "b_at"]);
    shader.body = format!(
        "{WITHIN_COUNT}{indices}    let u = a[u32(a_at)];\n    let v = b[u32(b_at)];\n    y[linear] = activate({expression});\n"
    );
    let groups = lowering.linear_groups(walk.count(), INVOCATIONS);
    lowering.push(operator, shader.step(operator.id.index(), "binary", groups, chain.output))
}

/// WGSL leaves powers of negative numbers open, so only exponents that need none of its own.
fn power(lowering: &Lowering<'_>, operator: &Operator) -> Result<String, ProcessorError> {
    let exponent = lowering.graph.tensor(input_of(operator, 1)?);
    let values = exponent.data.as_ref().map(sim::graph::ConstantData::to_floats);
    match values.as_deref() {
        Some(&[0.5]) => Ok("sqrt(u)".to_owned()),
        Some(&[value]) if value >= 1.0 && value <= HIGHEST_POWER as f64 && value.fract() == 0.0 => {
            Ok(vec!["u"; value as usize].join(" * "))
        }
        _ => Err(refusal(operator, format!("its exponent must be a constant: 0.5 or a whole number from 1 to {HIGHEST_POWER}"))),
    }
}

/// `activate(x * factor + shift)`, factor and shift by channel.
pub(in crate::vulkan) fn lower_normalization(lowering: &mut Lowering<'_>, chain: &Chain<'_>) -> Result<(), ProcessorError> {
    let (operator, graph) = (chain.head, lowering.graph);
    let norm = Norm::of(graph, operator)
        .ok_or_else(|| refusal(operator, "its statistics must be constants of single precision, and it must not train"))?;
    let input = input_of(operator, 0)?;
    let shape = &graph.tensor(input).shape;
    let channels = shape.get(1).copied().unwrap_or(1);
    let count = shape.iter().product();
    let mut shader = Shader::new(INVOCATIONS);
    shader.size("count", count);
    shader.size("channels", channels);
    shader.size("plane", shape.iter().skip(2).product());
    shader.read("x", "f32", lowering.source(operator, input)?);
    shader.read("factor", "f32", lowering.constant(operator, Recipe::Factor(norm.clone()), channels)?);
    shader.read("shift", "f32", lowering.constant(operator, Recipe::Shift(norm), channels)?);
    shader.declarations = activation::function(chain.activation.as_deref());
    shader.body = format!(
        "{WITHIN_COUNT}    let channel = (linear / p.plane) % p.channels;
    y[linear] = activate(x[linear] * factor[channel] + shift[channel]);
"
    );
    let groups = lowering.linear_groups(count, INVOCATIONS);
    lowering.push(operator, shader.step(operator.id.index(), "normalisation", groups, chain.output))
}
