//! Operators that move elements: for each place of the output, the place of the input that it comes from.

use super::{Array, Node, coordinates};

pub(super) fn split(node: &Node<'_>) -> Vec<Array> {
    let input = node.input(0);
    let axis = node.axis(0, input.shape.len());
    let mut begin = 0;
    node.outputs
        .iter()
        .map(|shape| {
            let values = coordinates(shape).into_iter().map(|mut place| {
                place[axis] += begin;
                input.at(&place)
            });
            let part = Array { shape: shape.clone(), values: values.collect() };
            begin += shape[axis];
            part
        })
        .collect()
}

pub(super) fn moved(node: &Node<'_>) -> Array {
    let (input, shape) = (node.input(0), &node.outputs[0]);
    let op_type = node.operator.op_type.as_str();
    if matches!(op_type, "Reshape" | "Flatten" | "Unsqueeze" | "Squeeze" | "Identity" | "Cast") {
        return Array { shape: shape.clone(), values: input.values.clone() };
    }
    let values = coordinates(shape).into_iter().map(|place| match op_type {
        "Concat" => concatenated(node, place),
        "Slice" => sliced(node, place),
        "Transpose" => {
            let rank = place.len();
            let order = node.operator.attributes.integers("perm");
            let order: Vec<usize> =
                order.map_or_else(|| (0..rank).rev().collect(), |list| list.iter().map(|&axis| axis as usize).collect());
            let mut from = vec![0; rank];
            for (position, &axis) in order.iter().enumerate() {
                from[axis] = place[position];
            }
            input.at(&from)
        }
        "DepthToSpace" => {
            let block = node.integer("blocksize", 1) as usize;
            let (y, x) = (place[2] % block, place[3] % block);
            let channel = if node.text("mode", "DCR") == "CRD" {
                (place[1] * block + y) * block + x
            } else {
                (y * block + x) * shape[1] + place[1]
            };
            input.at(&[place[0], channel, place[2] / block, place[3] / block])
        }
        "SpaceToDepth" => {
            let block = node.integer("blocksize", 1) as usize;
            let (offset, channel) = (place[1] / input.shape[1], place[1] % input.shape[1]);
            input.at(&[place[0], channel, place[2] * block + offset / block, place[3] * block + offset % block])
        }
        "Pad" => {
            let pads = node.list("pads", 1).expect("pads");
            let value = node.optional(2).map_or(0.0, |value| value.values[0]);
            let from: Vec<i64> = place.iter().zip(&pads).map(|(&at, &pad)| at as i64 - pad).collect();
            let is_inside = from.iter().zip(&input.shape).all(|(&at, &size)| at >= 0 && (at as usize) < size);
            if is_inside { input.at(&from.iter().map(|&at| at as usize).collect::<Vec<_>>()) } else { value }
        }
        "Expand" => {
            let own = &place[place.len() - input.shape.len()..];
            input.at(&own.iter().zip(&input.shape).map(|(&at, &size)| if size == 1 { 0 } else { at }).collect::<Vec<_>>())
        }
        "Gather" => {
            let (indices, axis) = (node.input(1), node.axis(0, input.shape.len()));
            let middle = axis + indices.shape.len();
            let index = indices.at(&place[axis..middle]);
            let index = if index < 0.0 { index + input.shape[axis] as f64 } else { index };
            input.at(&[&place[..axis], &[index as usize], &place[middle..]].concat())
        }
        other => panic!("the reference has no {other}"),
    });
    Array { shape: shape.clone(), values: values.collect() }
}

fn concatenated(node: &Node<'_>, mut place: Vec<usize>) -> f64 {
    let axis = node.axis(1, place.len());
    for input in node.inputs.iter().flatten() {
        if place[axis] < input.shape[axis] {
            return input.at(&place);
        }
        place[axis] -= input.shape[axis];
    }
    panic!("the place lies behind the last part");
}

fn sliced(node: &Node<'_>, mut place: Vec<usize>) -> f64 {
    let input = node.input(0);
    let starts = node.list("starts", 1).expect("starts");
    let axes = node.list("axes", 3).unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = node.list("steps", 4).unwrap_or_else(|| vec![1; starts.len()]);
    for ((&start, &axis), &step) in starts.iter().zip(&axes).zip(&steps) {
        let along = if axis < 0 { axis + input.shape.len() as i64 } else { axis } as usize;
        let size = input.shape[along] as i64;
        let start = if start < 0 { start + size } else { start }.clamp(0, if step < 0 { size - 1 } else { size });
        place[along] = (start + place[along] as i64 * step) as usize;
    }
    input.at(&place)
}
