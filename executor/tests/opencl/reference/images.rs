//! Operators of images of two spatial dimensions.

use super::{Array, Node, coordinates};

struct Window {
    kernel: [usize; 2],
    strides: [i64; 2],
    dilations: [i64; 2],
    /// Top, left, bottom, right.
    pads: [i64; 4],
}

fn window(node: &Node<'_>, kernel: [usize; 2], output: [usize; 2]) -> Window {
    let pair = |name: &str| match node.operator.attributes.integers(name) {
        Some(&[width]) => [1, width],
        Some(list) => [list[0], list[1]],
        None => [1, 1],
    };
    let mut window = Window { kernel, strides: pair("strides"), dilations: pair("dilations"), pads: [0; 4] };
    if let Some(pads) = node.operator.attributes.integers("pads") {
        window.pads = if let [left, right] = *pads { [0, left, 0, right] } else { [pads[0], pads[1], pads[2], pads[3]] };
    }
    let automatic = node.text("auto_pad", "NOTSET");
    if automatic.starts_with("SAME") {
        for axis in 0..2 {
            let span = (kernel[axis] as i64 - 1) * window.dilations[axis] + 1;
            let total = ((output[axis] as i64 - 1) * window.strides[axis] + span - node.input(0).shape[2 + axis] as i64).max(0);
            let small = total / 2;
            window.pads[axis] = if automatic == "SAME_UPPER" { small } else { total - small };
        }
    }
    window
}

impl Window {
    /// Where a tap reads for an output place; may lie outside the image.
    fn place(&self, output: [usize; 2], tap: [usize; 2]) -> [i64; 2] {
        [0, 1].map(|axis| output[axis] as i64 * self.strides[axis] + tap[axis] as i64 * self.dilations[axis] - self.pads[axis])
    }
}

fn inside(place: [i64; 2], size: &[usize]) -> Option<[usize; 2]> {
    let is_inside = place[0] >= 0 && place[1] >= 0 && (place[0] as usize) < size[0] && (place[1] as usize) < size[1];
    is_inside.then(|| place.map(|at| at as usize))
}

/// Height 1 for what has only a width.
fn flat(shape: &[usize]) -> Vec<usize> {
    if let [batch, channels, width] = *shape { vec![batch, channels, 1, width] } else { shape.to_vec() }
}

pub(super) fn convolution(node: &Node<'_>) -> Array {
    let image = |position: usize| Array { shape: flat(&node.input(position).shape), values: node.input(position).values.clone() };
    let (input, weight, shape) = (image(0), image(1), &flat(&node.outputs[0]));
    let window = window(node, [weight.shape[2], weight.shape[3]], [shape[2], shape[3]]);
    let groups = node.integer("group", 1) as usize;
    let mut result = Array::zeros(shape);
    for (index, place) in coordinates(shape).iter().enumerate() {
        let group = place[1] / (shape[1] / groups);
        let mut sum = node.optional(2).map_or(0.0, |bias| bias.values[place[1]]);
        for tap in coordinates(&weight.shape[1..]) {
            if let Some(at) = inside(window.place([place[2], place[3]], [tap[1], tap[2]]), &input.shape[2..]) {
                let channel = group * weight.shape[1] + tap[0];
                sum += input.at(&[place[0], channel, at[0], at[1]]) * weight.at(&[place[1], tap[0], tap[1], tap[2]]);
            }
        }
        result.values[index] = sum;
    }
    Array { shape: node.outputs[0].clone(), ..result }
}

pub(super) fn transposed_convolution(node: &Node<'_>) -> Array {
    let (input, weight, shape) = (node.input(0), node.input(1), &node.outputs[0]);
    let window = window(node, [weight.shape[2], weight.shape[3]], [0, 0]);
    let mut result = Array::zeros(shape);
    for place in coordinates(shape) {
        let index = result.index(&place);
        result.values[index] = node.optional(2).map_or(0.0, |bias| bias.values[place[1]]);
    }
    for place in coordinates(&input.shape) {
        for tap in coordinates(&weight.shape[1..]) {
            let target = window.place([place[2], place[3]], [tap[1], tap[2]]);
            if let Some(at) = inside(target, &shape[2..]) {
                let index = result.index(&[place[0], tap[0], at[0], at[1]]);
                result.values[index] += input.at(&place) * weight.at(&[place[1], tap[0], tap[1], tap[2]]);
            }
        }
    }
    result
}

pub(super) fn pool(node: &Node<'_>) -> Array {
    let (input, shape) = (node.input(0), &node.outputs[0]);
    let kernel = node.operator.attributes.integers("kernel_shape").expect("a kernel");
    let window = window(node, [kernel[0] as usize, kernel[1] as usize], [shape[2], shape[3]]);
    let is_largest = node.operator.op_type == "MaxPool";
    let counts_padding = node.integer("count_include_pad", 0) != 0;
    let mut result = Array::zeros(shape);
    for (index, place) in coordinates(shape).iter().enumerate() {
        let (mut sum, mut largest, mut count) = (0.0, f64::NEG_INFINITY, 0);
        for tap in coordinates(&window.kernel) {
            let at = window.place([place[2], place[3]], [tap[0], tap[1]]);
            let padded = |axis: usize| at[axis] < input.shape[2 + axis] as i64 + window.pads[2 + axis];
            if let Some(at) = inside(at, &input.shape[2..]) {
                let value = input.at(&[place[0], place[1], at[0], at[1]]);
                sum += value;
                largest = f64::max(largest, value);
                count += 1;
            } else if counts_padding && padded(0) && padded(1) {
                count += 1;
            }
        }
        result.values[index] = if is_largest { largest } else { sum / f64::from(count) };
    }
    result
}

pub(super) fn resize(node: &Node<'_>) -> Array {
    let (input, shape) = (node.input(0), &node.outputs[0]);
    let scales = node.optional(2).filter(|scales| !scales.values.is_empty());
    let (mode, coordinate_mode) = (node.text("mode", "nearest"), node.text("coordinate_transformation_mode", "half_pixel"));
    let rounding = node.text("nearest_mode", "round_prefer_floor");
    let original = |axis: usize, place: usize| {
        let (from, to) = (input.shape[axis] as f64, shape[axis] as f64);
        let scale = scales.map_or(to / from, |scales| scales.values[axis]);
        match coordinate_mode.as_str() {
            "half_pixel" => (place as f64 + 0.5) / scale - 0.5,
            "asymmetric" => place as f64 / scale,
            "align_corners" => place as f64 * (from - 1.0) / (to - 1.0),
            other => panic!("the reference has no {other}"),
        }
    };
    let clamp = |axis: usize, at: f64| at.clamp(0.0, input.shape[axis] as f64 - 1.0);
    let mut result = Array::zeros(shape);
    for (index, place) in coordinates(shape).iter().enumerate() {
        let (y, x) = (original(2, place[2]), original(3, place[3]));
        let value = |y: f64, x: f64| input.at(&[place[0], place[1], clamp(2, y) as usize, clamp(3, x) as usize]);
        result.values[index] = if mode == "nearest" {
            let round = |at: f64| match rounding.as_str() {
                "floor" => at.floor(),
                "ceil" => at.ceil(),
                "round_prefer_ceil" => (at + 0.5).floor(),
                _ => (at - 0.5).ceil(),
            };
            value(round(y), round(x))
        } else {
            let (y, x) = (clamp(2, y), clamp(3, x));
            let (down, across) = (y - y.floor(), x - x.floor());
            let row = |y: f64| value(y, x.floor()) * (1.0 - across) + value(y, x.floor() + 1.0) * across;
            row(y.floor()) * (1.0 - down) + row(y.floor() + 1.0) * down
        };
    }
    result
}
