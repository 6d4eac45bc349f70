//! Elementwise functions, matrix products, normalisations, reductions.

use super::{Array, Node, coordinates};

/// The error function by its series around 0 (Abramowitz and Stegun 7.1.5); beyond 5 it is 1 to double precision.
fn erf(x: f64) -> f64 {
    if x.abs() > 5.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

fn unary(node: &Node<'_>) -> Option<Box<dyn Fn(f64) -> f64>> {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (alpha, beta) = (|default| node.float("alpha", default), |default| node.float("beta", default));
    Some(match node.operator.op_type.as_str() {
        "Relu" => Box::new(|x| x.max(0.0)),
        "LeakyRelu" => {
            let alpha = alpha(0.01);
            Box::new(move |x| if x < 0.0 { alpha * x } else { x })
        }
        "Elu" => {
            let alpha = alpha(1.0);
            Box::new(move |x| if x < 0.0 { alpha * (x.exp() - 1.0) } else { x })
        }
        "Clip" => {
            let bound = |position: usize, default: f64| node.optional(position).map_or(default, |array| array.values[0]);
            let (low, high) = (bound(1, f64::NEG_INFINITY), bound(2, f64::INFINITY));
            Box::new(move |x| x.max(low).min(high))
        }
        "Sigmoid" => Box::new(sigmoid),
        "HardSigmoid" => {
            let (alpha, beta) = (alpha(0.2), beta(0.5));
            Box::new(move |x| (alpha * x + beta).clamp(0.0, 1.0))
        }
        "HardSwish" => Box::new(|x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
        "Tanh" => Box::new(f64::tanh),
        "Erf" => Box::new(erf),
        "Gelu" => Box::new(|x| 0.5 * x * (1.0 + erf(x / std::f64::consts::SQRT_2))),
        "Sqrt" => Box::new(f64::sqrt),
        "Exp" => Box::new(f64::exp),
        "Log" => Box::new(f64::ln),
        "Neg" => Box::new(|x| -x),
        "Abs" => Box::new(f64::abs),
        "Reciprocal" => Box::new(f64::recip),
        "Floor" => Box::new(f64::floor),
        "Ceil" => Box::new(f64::ceil),
        _ => return None,
    })
}

fn binary(op_type: &str) -> Option<fn(f64, f64) -> f64> {
    Some(match op_type {
        "Add" => |x, y| x + y,
        "Sub" => |x, y| x - y,
        "Mul" => |x, y| x * y,
        "Div" => |x, y| x / y,
        "Pow" => f64::powf,
        "Min" => f64::min,
        "Max" => f64::max,
        _ => return None,
    })
}

/// The element that broadcasting puts at some coordinates.
fn broadcast(array: &Array, place: &[usize]) -> f64 {
    let own = &place[place.len() - array.shape.len()..];
    let clamped: Vec<usize> = own.iter().zip(&array.shape).map(|(&at, &size)| if size == 1 { 0 } else { at }).collect();
    array.at(&clamped)
}

pub(super) fn compute(node: &Node<'_>) -> Array {
    let (op_type, shape) = (node.operator.op_type.as_str(), &node.outputs[0]);
    if let Some(function) = unary(node) {
        let input = node.input(0);
        return Array { shape: input.shape.clone(), values: input.values.iter().map(|&value| function(value)).collect() };
    }
    if let Some(combine) = binary(op_type) {
        let places = coordinates(shape);
        let values = places.iter().map(|place| combine(broadcast(node.input(0), place), broadcast(node.input(1), place)));
        return Array { shape: shape.clone(), values: values.collect() };
    }
    match op_type {
        "MatMul" | "Gemm" => product(node),
        "Softmax" => softmax(node),
        "BatchNormalization" | "InstanceNormalization" | "LayerNormalization" => normalization(node),
        "ReduceMean" | "ReduceSum" | "GlobalAveragePool" => mean(node),
        other => panic!("the reference has no {other}"),
    }
}

fn product(node: &Node<'_>) -> Array {
    let (left, right) = (node.input(0), node.input(1));
    let is_gemm = node.operator.op_type == "Gemm";
    let flag = |name: &str| node.integer(name, 0) != 0;
    let mut result = Array::zeros(&node.outputs[0]);
    for (index, place) in coordinates(&node.outputs[0]).iter().enumerate() {
        let rank = place.len();
        let (leading, row, column) = (&place[..rank - 2], place[rank - 2], place[rank - 1]);
        let depth = left.shape[left.shape.len() - if flag("transA") { 2 } else { 1 }];
        let at = |is_transposed: bool, one: usize, other: usize| {
            [leading, &if is_transposed { [other, one] } else { [one, other] }].concat()
        };
        let sum: f64 = (0..depth)
            .map(|k| {
                let own = |array: &Array, place: Vec<usize>| broadcast(array, &place[place.len() - array.shape.len()..]);
                own(left, at(flag("transA"), row, k)) * own(right, at(flag("transB"), k, column))
            })
            .sum();
        let addend = node.optional(2).map_or(0.0, |addend| broadcast(addend, place));
        result.values[index] = if is_gemm { node.float("alpha", 1.0) * sum + node.float("beta", 1.0) * addend } else { sum };
    }
    result
}

fn softmax(node: &Node<'_>) -> Array {
    let input = node.input(0);
    let axis = node.axis(-1, input.shape.len());
    let mut result = Array::zeros(&input.shape);
    for place in coordinates(&input.shape) {
        let along = |at: usize| input.at(&[&place[..axis], &[at], &place[axis + 1..]].concat());
        let peak = (0..input.shape[axis]).map(along).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = (0..input.shape[axis]).map(|at| (along(at) - peak).exp()).sum();
        let index = result.index(&place);
        result.values[index] = (input.at(&place) - peak).exp() / sum;
    }
    result
}

fn normalization(node: &Node<'_>) -> Array {
    let input = node.input(0);
    let epsilon = node.float("epsilon", 1e-5);
    let mut result = Array::zeros(&input.shape);
    let op_type = node.operator.op_type.as_str();
    let axis = if op_type == "LayerNormalization" { node.axis(-1, input.shape.len()) } else { 2 };
    let size: usize = input.shape[axis..].iter().product();
    for (row, values) in input.values.chunks(size).enumerate() {
        let channel = row % input.shape[1];
        let mut mean = values.iter().sum::<f64>() / size as f64;
        let mut variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / size as f64;
        if op_type == "BatchNormalization" {
            (mean, variance) = (node.input(3).values[channel], node.input(4).values[channel]);
        }
        for (at, value) in values.iter().enumerate() {
            let parameter = if op_type == "LayerNormalization" { at } else { channel };
            let offset = node.optional(2).map_or(0.0, |offset| offset.values[parameter]);
            let scaled = (value - mean) / (variance + epsilon).sqrt() * node.input(1).values[parameter];
            result.values[row * size + at] = scaled + offset;
        }
    }
    result
}

fn mean(node: &Node<'_>) -> Array {
    let input = node.input(0);
    let rank = input.shape.len();
    let axes: Vec<usize> = if node.operator.op_type == "GlobalAveragePool" {
        (2..rank).collect()
    } else {
        let axes = node.list("axes", 1).unwrap_or_else(|| (0..rank as i64).collect());
        axes.iter().map(|&axis| if axis < 0 { axis + rank as i64 } else { axis } as usize).collect()
    };
    let kept: Vec<usize> =
        input.shape.iter().enumerate().map(|(axis, &size)| if axes.contains(&axis) { 1 } else { size }).collect();
    let mut sums = Array::zeros(&kept);
    for place in coordinates(&input.shape) {
        let target: Vec<usize> = place.iter().enumerate().map(|(axis, &at)| if axes.contains(&axis) { 0 } else { at }).collect();
        let index = sums.index(&target);
        sums.values[index] += input.at(&place);
    }
    if node.operator.op_type != "ReduceSum" {
        let count = (input.values.len() / sums.values.len()) as f64;
        sums.values.iter_mut().for_each(|value| *value /= count);
    }
    Array { shape: node.outputs[0].clone(), values: sums.values }
}
