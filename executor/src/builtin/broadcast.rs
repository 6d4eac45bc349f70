//! Several tensors walked over together, those with fewer elements repeated.

use std::ops::Range;

use super::movement::{MAXIMUM_RANK, dense, vec_of_index};
use super::node::Refusal;

/// Two tensors walked over together, dimensions merged as far as both allow.
#[derive(Clone, Debug)]
pub(super) struct Broadcast<const OPERANDS: usize> {
    sizes: Vec<usize>,
    strides: [Vec<usize>; OPERANDS],
}

impl<const OPERANDS: usize> Broadcast<OPERANDS> {
    pub(super) fn of(shapes: [&[usize]; OPERANDS], result: &[usize]) -> Result<Self, Refusal> {
        let mut sizes: Vec<usize> = Vec::new();
        let mut strides: [Vec<usize>; OPERANDS] = std::array::from_fn(|_| Vec::new());
        let all = shapes.map(dense);
        for axis in 0..result.len() {
            if result[axis] == 1 {
                continue;
            }
            let stride: [usize; OPERANDS] = std::array::from_fn(|operand| {
                let shape = shapes[operand];
                match (axis + shape.len()).checked_sub(result.len()) {
                    Some(axis) if shape[axis] > 1 => all[operand][axis] as usize,
                    _ => 0,
                }
            });
            let last = sizes.len().wrapping_sub(1);
            let merges =
                !sizes.is_empty() && (0..OPERANDS).all(|operand| strides[operand][last] == stride[operand] * result[axis]);
            if merges {
                sizes[last] *= result[axis];
                for (strides, stride) in strides.iter_mut().zip(stride) {
                    strides[last] = stride;
                }
            } else {
                sizes.push(result[axis]);
                for (strides, stride) in strides.iter_mut().zip(stride) {
                    strides.push(stride);
                }
            }
        }
        if sizes.is_empty() {
            sizes.push(1);
            for strides in &mut strides {
                strides.push(0);
            }
        }
        if sizes.len() > MAXIMUM_RANK {
            return Err(format!("{} dimensions: at most {MAXIMUM_RANK} are supported", sizes.len()));
        }
        Ok(Self { sizes, strides })
    }

    /// Calls `line(offsets of the operands, first element of the result, elements)` for a thread's part.
    pub(super) fn each_line(&self, range: Range<usize>, mut line: impl FnMut([usize; OPERANDS], usize, usize)) {
        let last = self.sizes.len() - 1;
        let inner = self.sizes[last];
        let mut at = range.start;
        while at < range.end {
            let (row, column) = (at / inner, at % inner);
            let index = vec_of_index(row, &self.sizes[..last]);
            let offsets = std::array::from_fn(|operand| {
                let strides = &self.strides[operand];
                let outer: usize = index.iter().zip(&strides[..last]).map(|(&index, &stride)| index * stride).sum();
                outer + column * strides[last]
            });
            let length = (inner - column).min(range.end - at);
            line(offsets, at, length);
            at += length;
        }
    }

    pub(super) fn inner_stride(&self, operand: usize) -> usize {
        self.strides[operand][self.sizes.len() - 1]
    }
}
