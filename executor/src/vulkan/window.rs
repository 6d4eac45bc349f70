//! Windows of convolutions and pooling over one or two dimensions, as attributes say.

use sim::graph::Operator;

use super::plan::refusal;
use crate::processor::ProcessorError;

/// A window over images; of one dimension, it has height 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Height and width.
    pub(super) kernel: [u64; 2],
    /// Down and to the right.
    pub(super) strides: [u64; 2],
    /// Likewise.
    pub(super) dilations: [u64; 2],
    /// Rows above and columns to the left; negative ones are cut off.
    pub(super) begin: [i64; 2],
    /// Rows below and columns to the right.
    pub(super) end: [i64; 2],
}

impl Window {
    /// The window of an operator with that kernel, from images of one shape to images of another (both `[N, C, ...]`).
    pub(super) fn of(operator: &Operator, kernel: &[u64], from: &[u64], to: &[u64]) -> Result<Self, ProcessorError> {
        let rank = kernel.len();
        if !(1..=2).contains(&rank) || from.len() != rank + 2 || to.len() != rank + 2 {
            return Err(refusal(operator, format!("its window has {rank} dimensions, only 1 and 2 are supported")));
        }
        let list = |name: &str| operator.attributes.integers(name);
        let positive = |name: &str| plane(list(name).unwrap_or(&[]).iter().map(|&value| value as u64), 1);
        let (strides, dilations) = (positive("strides"), positive("dilations"));
        let kernel = plane(kernel.iter().copied(), 1);
        let pads = list("pads").unwrap_or(&[]);
        let (mut begin, mut end) = (plane(pads.iter().take(rank).copied(), 0), plane(pads.iter().skip(rank).copied(), 0));
        let mode = operator.attributes.text("auto_pad").unwrap_or("NOTSET");
        if mode != "NOTSET" && !mode.is_empty() {
            (begin, end) = ([0, 0], [0, 0]);
        }
        if mode == "SAME_UPPER" || mode == "SAME_LOWER" {
            let (from, to) = (plane(from[2..].iter().copied(), 1), plane(to[2..].iter().copied(), 1));
            for axis in 0..2 {
                let reach = (to[axis] - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1;
                let total = reach.saturating_sub(from[axis]) as i64;
                let (small, large) = (total / 2, total - total / 2);
                (begin[axis], end[axis]) = if mode == "SAME_UPPER" { (small, large) } else { (large, small) };
            }
        }
        Ok(Self { kernel, strides, dilations, begin, end })
    }

    /// Whether each output is a function of the one input at its place.
    pub(super) fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.strides == [1, 1] && self.begin == [0, 0] && self.end == [0, 0]
    }
}

/// Values of one or two dimensions as those of two.
fn plane<T: Copy>(values: impl Iterator<Item = T>, missing: T) -> [T; 2] {
    let values: Vec<T> = values.collect();
    match values[..] {
        [width] => [missing, width],
        [height, width] => [height, width],
        _ => [missing, missing],
    }
}

/// A shape `[N, C, ...]` of one or two spatial dimensions as batch, channels, height and width.
pub(super) fn image(shape: &[u64]) -> [u64; 4] {
    match *shape {
        [batch, channels, width] => [batch, channels, 1, width],
        [batch, channels, height, width] => [batch, channels, height, width],
        _ => [1; 4],
    }
}
