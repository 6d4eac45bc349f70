//! Element-by-element arithmetic, activation functions, comparisons and type conversion.

use super::{Facts, InferenceError, Inferred, Node};
use crate::graph::constant::ConstantData;
use crate::graph::data_type::DataType;
use crate::graph::shape::{broadcast, broadcast_indices};

/// One output like the first input.
pub(super) fn same(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    Ok(vec![Facts::new(input.data_type, input.shape.clone())])
}

/// One input, whose constant values are mapped where that is exact.
pub(super) fn unary(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let data = match (node.op_type, input.data.clone()) {
        ("Neg", Some(ConstantData::Integers(values))) => {
            Some(ConstantData::Integers(values.into_iter().map(i64::wrapping_neg).collect()))
        }
        ("Abs", Some(ConstantData::Integers(values))) => {
            Some(ConstantData::Integers(values.into_iter().map(i64::wrapping_abs).collect()))
        }
        ("Not", Some(ConstantData::Integers(values))) => {
            Some(ConstantData::Integers(values.into_iter().map(|value| i64::from(value == 0)).collect()))
        }
        (operation, Some(ConstantData::Floats(values))) => {
            let function: Option<fn(f64) -> f64> = match operation {
                "Neg" => Some(|value| -value),
                "Abs" => Some(f64::abs),
                "Floor" => Some(f64::floor),
                "Ceil" => Some(f64::ceil),
                "Round" => Some(f64::round_ties_even),
                "Sqrt" => Some(f64::sqrt),
                _ => None,
            };
            function.map(|function| ConstantData::Floats(values.into_iter().map(function).collect()))
        }
        _ => None,
    };
    Ok(vec![Facts::new(input.data_type, input.shape.clone()).with_data(data)])
}

/// One input, a truth value per element out (`IsNaN`, `IsInf`).
pub(super) fn unary_test(node: &Node<'_>) -> Inferred {
    Ok(vec![Facts::new(DataType::Bool, node.input(0)?.shape.clone())])
}

/// Shape of a binary operator; `broadcast=1` of opset 6 and before means the shape of the first input.
fn binary_shape(node: &Node<'_>, left: &Facts, right: &Facts) -> Result<Vec<u64>, InferenceError> {
    if node.integer("broadcast", 0) == 1 {
        return Ok(left.shape.clone());
    }
    Ok(broadcast(&left.shape, &right.shape)?)
}

/// The values of two inputs broadcast to `shape`, if both are constants.
fn broadcast_data(left: &Facts, right: &Facts, shape: &[u64]) -> Option<(ConstantData, ConstantData)> {
    let (a, b) = (left.data_for(shape)?, right.data_for(shape)?);
    let legacy = left.rank() > shape.len() || right.rank() > shape.len();
    if legacy || broadcast(&left.shape, shape).ok()? != shape || broadcast(&right.shape, shape).ok()? != shape {
        return None;
    }
    Some((a.select(&broadcast_indices(&left.shape, shape)), b.select(&broadcast_indices(&right.shape, shape))))
}

/// Two inputs, arithmetic.
pub(super) fn binary(node: &Node<'_>) -> Inferred {
    let (left, right) = (node.input(0)?, node.input(1)?);
    let shape = binary_shape(node, left, right)?;
    let data = broadcast_data(left, right, &shape).and_then(|(a, b)| combine(node.op_type, &a, &b));
    Ok(vec![Facts::new(left.data_type, shape).with_data(data)])
}

fn combine(operation: &str, left: &ConstantData, right: &ConstantData) -> Option<ConstantData> {
    if let (Some(left), Some(right)) = (left.integers(), right.integers()) {
        let function: fn(i64, i64) -> Option<i64> = match operation {
            "Add" | "Sum" => i64::checked_add,
            "Sub" => i64::checked_sub,
            "Mul" => i64::checked_mul,
            "Div" => i64::checked_div,
            // The sign of the result is that of the divisor, as in Python; `fmod` is for floats.
            "Mod" => |a, b| a.checked_rem(b).map(|rest| if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }),
            "Pow" => |a, b| a.checked_pow(u32::try_from(b).ok()?),
            "Min" => |a, b| Some(a.min(b)),
            "Max" => |a, b| Some(a.max(b)),
            "And" => |a, b| Some(i64::from(a != 0 && b != 0)),
            "Or" => |a, b| Some(i64::from(a != 0 || b != 0)),
            "Xor" => |a, b| Some(i64::from((a != 0) != (b != 0))),
            _ => return None,
        };
        let values = left.iter().zip(right).map(|(&a, &b)| function(a, b)).collect::<Option<Vec<_>>>()?;
        return Some(ConstantData::Integers(values));
    }
    let function: fn(f64, f64) -> f64 = match operation {
        "Add" | "Sum" => |a, b| a + b,
        "Sub" => |a, b| a - b,
        "Mul" => |a, b| a * b,
        "Div" => |a, b| a / b,
        "Min" => f64::min,
        "Max" => f64::max,
        _ => return None,
    };
    let (left, right) = (left.to_floats(), right.to_floats());
    Some(ConstantData::Floats(left.into_iter().zip(right).map(|(a, b)| function(a, b)).collect()))
}

/// Two inputs, a truth value per element out.
pub(super) fn comparison_or_logic(node: &Node<'_>) -> Inferred {
    let (left, right) = (node.input(0)?, node.input(1)?);
    let shape = binary_shape(node, left, right)?;
    let data = broadcast_data(left, right, &shape)
        .and_then(|(a, b)| compare(node.op_type, &a, &b).or_else(|| combine(node.op_type, &a, &b)));
    Ok(vec![Facts::new(DataType::Bool, shape).with_data(data)])
}

fn compare(operation: &str, left: &ConstantData, right: &ConstantData) -> Option<ConstantData> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let orderings: Vec<_> = match (left.integers(), right.integers()) {
        (Some(left), Some(right)) => left.iter().zip(right).map(|(a, b)| Some(a.cmp(b))).collect(),
        _ => left.to_floats().iter().zip(right.to_floats()).map(|(a, b)| a.partial_cmp(&b)).collect(),
    };
    let holds = |ordering: Option<_>| match operation {
        "Equal" => Some(ordering == Some(Equal)),
        "Less" => Some(ordering == Some(Less)),
        "Greater" => Some(ordering == Some(Greater)),
        "LessOrEqual" => Some(matches!(ordering, Some(Less | Equal))),
        "GreaterOrEqual" => Some(matches!(ordering, Some(Greater | Equal))),
        _ => None,
    };
    let values = orderings.into_iter().map(|ordering| holds(ordering).map(i64::from)).collect::<Option<Vec<_>>>()?;
    Some(ConstantData::Integers(values))
}

/// Any number of inputs that broadcast to each other (`Sum`, `Mean`, `Min`, `Max`).
pub(super) fn variadic(node: &Node<'_>) -> Inferred {
    let inputs = node.all_inputs()?;
    let mut result = inputs[0].clone();
    for input in &inputs[1..] {
        let shape = broadcast(&result.shape, &input.shape)?;
        let data = broadcast_data(&result, input, &shape).and_then(|(a, b)| combine(node.op_type, &a, &b));
        result = Facts::new(result.data_type, shape).with_data(data);
    }
    if node.op_type == "Mean" && inputs.len() > 1 {
        result.data = None;
    }
    Ok(vec![result])
}

/// `Where`: a condition and two values.
pub(super) fn select(node: &Node<'_>) -> Inferred {
    let (condition, left, right) = (node.input(0)?, node.input(1)?, node.input(2)?);
    let shape = broadcast(&condition.shape, &broadcast(&left.shape, &right.shape)?)?;
    let values = |facts: &Facts| facts.data_for(&shape).map(|data| data.select(&broadcast_indices(&facts.shape, &shape)));
    let data = match (values(condition), values(left), values(right)) {
        (Some(ConstantData::Integers(condition)), Some(ConstantData::Integers(a)), Some(ConstantData::Integers(b))) => {
            let pick = |((&condition, a), b): ((&i64, i64), i64)| if condition != 0 { a } else { b };
            Some(ConstantData::Integers(condition.iter().zip(a).zip(b).map(pick).collect()))
        }
        (Some(ConstantData::Integers(condition)), Some(ConstantData::Floats(a)), Some(ConstantData::Floats(b))) => {
            let pick = |((&condition, a), b): ((&i64, f64), f64)| if condition != 0 { a } else { b };
            Some(ConstantData::Floats(condition.iter().zip(a).zip(b).map(pick).collect()))
        }
        _ => None,
    };
    Ok(vec![Facts::new(left.data_type, shape).with_data(data)])
}

/// `Cast`: the type of the attribute `to`.
pub(super) fn cast(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let data_type = node.data_type("to")?.ok_or(InferenceError::MissingAttribute { name: "to" })?;
    Ok(vec![Facts::new(data_type, input.shape.clone()).with_data(input.data.clone())])
}

/// `CastLike`: the type of the second input.
pub(super) fn cast_like(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    Ok(vec![Facts::new(node.input(1)?.data_type, input.shape.clone()).with_data(input.data.clone())])
}

/// `Dropout`: at inference the input itself; the optional mask holds truth values.
pub(super) fn dropout(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    Ok(vec![input.clone(), Facts::new(DataType::Bool, input.shape.clone())])
}
