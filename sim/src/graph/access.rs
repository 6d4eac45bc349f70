//! How an operator walks through its data.

use super::infer::reduction;
use super::infer::{Facts, Node};
use super::work::{Access, KernelKind};

/// The access of an operator; all zero where geometry and sizes say everything.
pub(super) fn of(node: &Node<'_>, kind: KernelKind, outputs: &[Facts]) -> Access {
    let (Some(input), Some(output)) = (node.optional(0), outputs.first()) else { return Access::default() };
    let last = input.rank().saturating_sub(1);
    match (kind, node.op_type) {
        (_, "Transpose") => transposed(&input.shape, node.attributes.integers("perm")),
        (KernelKind::Reduce, "ArgMax" | "ArgMin") => {
            node.axis(0, input.rank()).map_or(Access::default(), |axis| along(&input.shape, &[axis]))
        }
        (KernelKind::Reduce | KernelKind::GlobalPool, _) if node.op_type.starts_with("Reduce") => {
            reduction::reduced_axes(node).map_or(Access::default(), |axes| along(&input.shape, &axes))
        }
        (KernelKind::Softmax, _) => node.axis(-1, input.rank()).map_or(Access::default(), |axis| along(&input.shape, &[axis])),
        (KernelKind::Concatenate, _) => {
            node.axis(0, input.rank()).map_or(Access::default(), |axis| part(&input.shape, &output.shape, axis, 1))
        }
        (KernelKind::DataMovement, "Slice") => sliced(node, &input.shape, &output.shape),
        (KernelKind::DataMovement, "Split") => {
            node.axis(0, input.rank()).map_or(Access::default(), |axis| part(&output.shape, &input.shape, axis, 1))
        }
        (KernelKind::DataMovement, "Gather") => {
            let axis = node.axis(0, input.rank()).unwrap_or(0);
            Access { run: product(&input.shape[(axis + 1).min(input.rank())..]), ..Access::default() }
        }
        (KernelKind::DataMovement, "DepthToSpace" | "SpaceToDepth") => {
            let block = node.integer("blocksize", 1).unsigned_abs();
            Access { run: 1, stride: block, depth: block, variant: u64::from(node.attributes.text("mode") == Some("CRD")) }
        }
        (KernelKind::DataMovement, _) => {
            let differs = (0..output.rank().min(input.rank())).rfind(|&axis| output.shape[axis] != input.shape[axis]);
            part(&input.shape, &output.shape, differs.unwrap_or(last), 1)
        }
        (KernelKind::Resize, _) => resized(node),
        (KernelKind::Elementwise, _) => broadcast(node, &output.shape),
        (KernelKind::FullyConnected, _) => Access { variant: u64::from(node.flag("transB", false)), ..Access::default() },
        (KernelKind::AveragePool, _) => Access { variant: u64::from(node.flag("count_include_pad", false)), ..Access::default() },
        _ => Access::default(),
    }
}

fn product(sizes: &[u64]) -> u64 {
    sizes.iter().copied().fold(1, u64::saturating_mul)
}

/// A permutation of axes, after axes that stay neighbours are merged and those of size 1 left out.
fn transposed(shape: &[u64], order: Option<&[i64]>) -> Access {
    let order: Vec<usize> = match order {
        Some(order) => order.iter().map(|&axis| axis as usize).collect(),
        None => (0..shape.len()).rev().collect(),
    };
    let order: Vec<usize> = order.into_iter().filter(|&axis| shape[axis] != 1).collect();
    // Each block is a stretch of axes that follow each other in the input too, over axes of size 1.
    let mut blocks: Vec<(usize, usize)> = Vec::new();
    for axis in order {
        match blocks.last_mut() {
            Some(block) if product(&shape[block.1 + 1..axis.max(block.1 + 1)]) == 1 && axis > block.1 => block.1 = axis,
            _ => blocks.push((axis, axis)),
        }
    }
    let size = |block: &(usize, usize)| product(&shape[block.0..=block.1]);
    let behind = |block: &(usize, usize)| product(&shape[block.1 + 1..]);
    let variant = blocks.len() as u64;
    let mut moved = blocks.as_slice();
    let mut run = 1;
    if let Some((last, rest)) = blocks.split_last()
        && behind(last) == 1
    {
        (run, moved) = (size(last), rest);
    }
    let (stride, depth) = moved.last().map_or((0, 0), |block| (behind(block), size(block)));
    Access { run, stride, depth, variant }
}

/// What is folded along some axes: the innermost stretch that stays, and how many elements make one.
fn along(shape: &[u64], axes: &[usize]) -> Access {
    let run = axes.iter().max().map_or(1, |&last| product(&shape[last + 1..]));
    let depth = axes.iter().map(|&axis| shape[axis]).fold(1, u64::saturating_mul);
    Access { run, stride: 0, depth, variant: 0 }
}

/// A stretch of an axis of a larger tensor.
fn part(small: &[u64], large: &[u64], axis: usize, stride: u64) -> Access {
    let at = |shape: &[u64]| product(shape.get(axis..).unwrap_or(&[]));
    Access { run: at(small), stride, depth: at(large), variant: 0 }
}

fn sliced(node: &Node<'_>, input: &[u64], output: &[u64]) -> Access {
    let rank = input.len();
    let steps = node.integers("steps", 4).ok().flatten().unwrap_or_default();
    let axes = node.integers("axes", 3).ok().flatten().unwrap_or_else(|| (0..rank as i64).collect());
    let place = |axis: i64| (if axis < 0 { axis + rank as i64 } else { axis }) as usize;
    let stepped =
        axes.iter().zip(&steps).filter(|&(_, &step)| step != 1).map(|(&axis, &step)| (place(axis), step.unsigned_abs()));
    match stepped.max() {
        Some((last, step)) if last < rank => {
            Access { run: product(&input[last + 1..]), stride: step, depth: product(&input[last..]), variant: 1 }
        }
        _ => {
            let differs = (0..rank).rfind(|&axis| output.get(axis) != Some(&input[axis]));
            part(output, input, differs.unwrap_or(0), 1)
        }
    }
}

/// Nearest is 1, linear 2, cubic 3; plus 4 where coordinates are not those of pixel centres.
fn resized(node: &Node<'_>) -> Access {
    let mode = match node.attributes.text("mode").unwrap_or("nearest") {
        "nearest" => 1,
        "linear" => 2,
        _ => 3,
    };
    let is_centred = node.attributes.text("coordinate_transformation_mode").unwrap_or("half_pixel").ends_with("half_pixel");
    Access { variant: mode + if is_centred { 0 } else { 4 }, ..Access::default() }
}

/// Of the operand that is spread most: 1 where it is one number, 2 where a number stands for an inner stretch, 3 where a stretch
/// is repeated, 4 for both; 0 where all operands are as large as the output.
fn broadcast(node: &Node<'_>, output: &[u64]) -> Access {
    let operands = node.inputs.iter().flatten().filter(|facts| product(&facts.shape) < product(output));
    let Some(smallest) = operands.min_by_key(|facts| product(&facts.shape)) else { return Access::default() };
    let missing = output.len().saturating_sub(smallest.rank());
    let at = |axis: usize| if axis < missing { 1 } else { smallest.shape[axis - missing] };
    if product(&smallest.shape) == 1 {
        return Access { run: product(output), variant: 1, ..Access::default() };
    }
    let is_same = |axis: usize| at(axis) == output[axis];
    let inner = output.len() - (0..output.len()).rev().take_while(|&axis| is_same(axis)).count();
    if product(&output[inner..]) > 1 {
        let rest_is_repeated = (0..inner).all(|axis| at(axis) == 1);
        return Access { run: product(&output[inner..]), variant: if rest_is_repeated { 3 } else { 4 }, ..Access::default() };
    }
    let spread = output.len() - (0..output.len()).rev().take_while(|&axis| at(axis) == 1).count();
    let rest_is_same = (0..spread).all(is_same);
    Access { run: product(&output[spread..]), variant: if rest_is_same { 2 } else { 4 }, ..Access::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_are_told_apart_by_what_they_move() {
        let check = |shape: &[u64], order: &[i64], expected: [u64; 4]| {
            let access = transposed(shape, Some(order));
            assert_eq!([access.run, access.stride, access.depth, access.variant], expected, "{shape:?} {order:?}");
        };
        // Heads of an attention: rows of 64 stay together.
        check(&[1, 128, 12, 64], &[0, 2, 1, 3], [64, 768, 128, 3]);
        // Channels last: neighbours of the output are a plane apart.
        check(&[1, 32, 14, 14], &[0, 2, 3, 1], [1, 196, 32, 2]);
        check(&[1, 128, 12, 64], &[0, 2, 3, 1], [1, 768, 128, 2]);
        check(&[4, 8, 1], &[1, 0, 2], [1, 8, 4, 2]);
        // Nothing moves.
        check(&[1, 5, 1, 7], &[2, 1, 0, 3], [35, 0, 0, 1]);
    }

    #[test]
    fn parts_and_folds_by_hand() {
        assert_eq!(part(&[1, 8, 4, 4], &[1, 16, 4, 4], 1, 1), Access { run: 128, stride: 1, depth: 256, variant: 0 });
        assert_eq!(along(&[2, 3, 4], &[1]), Access { run: 4, stride: 0, depth: 3, variant: 0 });
        assert_eq!(along(&[2, 3, 4], &[2]), Access { run: 1, stride: 0, depth: 4, variant: 0 });
    }
}
