//! Functions of one element: kernels of their own, or the end of another kernel.

use sim::graph::{Graph, Operator};

use super::kernels::literal;

/// Largest magnitude that exponentials are asked for: `exp(88)` is the last below the largest single-precision number.
const EXPONENT_LIMIT: &str = "80.0f";

/// The body of `fn activate(v: f32) -> f32` that an operator of one element stands for; `None` if it is no such operator, or
/// what it lacks.
pub(super) fn expression(graph: &Graph, operator: &Operator) -> Option<Result<String, String>> {
    let float = |name: &str, default: f32| operator.attributes.float(name).unwrap_or(default);
    let sigmoid = format!("1.0f / (1.0f + exp(-clamp(v, -{EXPONENT_LIMIT}, {EXPONENT_LIMIT})))");
    let finite = |values: &[f32], text: String| {
        let bad = values.iter().find(|value| !value.is_finite());
        bad.map_or(Ok(text), |value| Err(format!("an attribute is {value}, but must be finite")))
    };
    let text = match operator.op_type.as_str() {
        "Relu" => Ok("max(v, 0.0f)".to_owned()),
        "LeakyRelu" => {
            let alpha = float("alpha", 0.01);
            finite(&[alpha], format!("select(v * {}, v, v >= 0.0f)", literal(alpha)))
        }
        "Elu" => {
            let alpha = float("alpha", 1.0);
            finite(&[alpha], format!("select({} * (exp(min(v, 0.0f)) - 1.0f), v, v >= 0.0f)", literal(alpha)))
        }
        "HardSigmoid" => {
            let (alpha, beta) = (float("alpha", 0.2), float("beta", 0.5));
            finite(&[alpha, beta], format!("clamp({} * v + {}, 0.0f, 1.0f)", literal(alpha), literal(beta)))
        }
        "HardSwish" => Ok("v * clamp(v * (1.0f / 6.0f) + 0.5f, 0.0f, 1.0f)".to_owned()),
        "Sigmoid" => Ok(sigmoid),
        // Some drivers compute the hyperbolic tangent by exponentials that overflow.
        "Tanh" => Ok("tanh(clamp(v, -15.0f, 15.0f))".to_owned()),
        "Softplus" => Ok(format!("max(v, 0.0f) + log(1.0f + exp(-min(abs(v), {EXPONENT_LIMIT})))")),
        "Exp" => Ok("exp(v)".to_owned()),
        "Log" => Ok("log(v)".to_owned()),
        "Sqrt" => Ok("sqrt(v)".to_owned()),
        "Abs" => Ok("abs(v)".to_owned()),
        "Neg" => Ok("-v".to_owned()),
        "Reciprocal" => Ok("1.0f / v".to_owned()),
        "Floor" => Ok("floor(v)".to_owned()),
        "Ceil" => Ok("ceil(v)".to_owned()),
        "Clip" => clip(graph, operator),
        _ => return None,
    };
    Some(text)
}

/// Bounds come as inputs, before version 11 of the operator set as attributes.
fn clip(graph: &Graph, operator: &Operator) -> Result<String, String> {
    let bound = |position: usize, name: &str| match operator.input(position) {
        None => Ok(operator.attributes.float(name).filter(|value| value.is_finite())),
        Some(input) => {
            let values = graph.tensor(input).data.as_ref().map(sim::graph::ConstantData::to_floats);
            match values.as_deref() {
                Some(&[value]) => Ok(Some(value as f32).filter(|value| value.is_finite())),
                _ => Err(format!("its bound `{}` must be one constant number", graph.tensor(input).name)),
            }
        }
    };
    Ok(match (bound(1, "min")?, bound(2, "max")?) {
        // Not `clamp`, which WGSL leaves open for a lower bound above the upper one; ONNX asks for the upper one.
        (Some(low), Some(high)) => format!("min(max(v, {}), {})", literal(low), literal(high)),
        (Some(low), None) => format!("max(v, {})", literal(low)),
        (None, Some(high)) => format!("min(v, {})", literal(high)),
        (None, None) => "v".to_owned(),
    })
}

/// `v * sigmoid(v)`.
pub(super) fn sigmoid_linear_unit() -> String {
    format!("v / (1.0f + exp(-clamp(v, -{EXPONENT_LIMIT}, {EXPONENT_LIMIT})))")
}

/// The function `activate` of an expression, or the identity.
pub(super) fn function(expression: Option<&str>) -> String {
    format!("fn activate(v: f32) -> f32 {{\n    return {};\n}}\n", expression.unwrap_or("v"))
}
