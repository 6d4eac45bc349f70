//! Sliding windows of convolution and pooling.

use super::{InferenceError, Node};
use crate::graph::shape::text;

/// A window that slides over the spatial dimensions of a tensor, all lists in the order of those dimensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Size.
    pub(crate) kernel: Vec<u64>,
    /// Step between neighbouring positions.
    pub(crate) strides: Vec<u64>,
    /// Step between neighbouring taps.
    pub(crate) dilations: Vec<u64>,
    /// Padding before the first element; negative crops.
    pub(crate) pads_begin: Vec<i64>,
    /// Padding after the last element; negative crops.
    pub(crate) pads_end: Vec<i64>,
    /// Whether a window that reaches past the padded end counts.
    pub(crate) ceil: bool,
}

/// How padding is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AutoPad {
    Explicit,
    Valid,
    SameUpper,
    SameLower,
}

pub(crate) fn auto_pad(node: &Node<'_>) -> Result<AutoPad, InferenceError> {
    match node.attributes.text("auto_pad").unwrap_or("NOTSET") {
        "NOTSET" | "" => Ok(AutoPad::Explicit),
        "VALID" => Ok(AutoPad::Valid),
        "SAME_UPPER" => Ok(AutoPad::SameUpper),
        "SAME_LOWER" => Ok(AutoPad::SameLower),
        other => Err(InferenceError::invalid("auto_pad", other, "NOTSET, VALID, SAME_UPPER or SAME_LOWER is expected")),
    }
}

/// The attribute `pads`, split into begin and end.
pub(crate) fn explicit_pads(node: &Node<'_>, rank: usize) -> Result<(Vec<i64>, Vec<i64>), InferenceError> {
    let Some(pads) = node.attributes.integers("pads") else {
        return Ok((vec![0; rank], vec![0; rank]));
    };
    if pads.len() != 2 * rank {
        return Err(InferenceError::invalid("pads", pads, format!("{} integers are expected", 2 * rank)));
    }
    Ok((pads[..rank].to_vec(), pads[rank..].to_vec()))
}

/// Elements that a kernel spans with its dilation.
pub(crate) fn span(kernel: u64, dilation: u64) -> Option<u64> {
    kernel.checked_sub(1)?.checked_mul(dilation)?.checked_add(1)
}

impl Window {
    /// The window of a node over an input of the given spatial shape.
    pub(crate) fn of(node: &Node<'_>, spatial: &[u64], kernel: Vec<u64>) -> Result<Self, InferenceError> {
        let rank = spatial.len();
        let strides = node.positive_list("strides", rank, 1)?;
        let dilations = node.positive_list("dilations", rank, 1)?;
        let (mut pads_begin, mut pads_end) = match auto_pad(node)? {
            AutoPad::Explicit => explicit_pads(node, rank)?,
            _ => (vec![0; rank], vec![0; rank]),
        };
        let same = auto_pad(node)?;
        if matches!(same, AutoPad::SameUpper | AutoPad::SameLower) {
            for axis in 0..rank {
                let overflow = || InferenceError::invalid("kernel_shape", &kernel, "the window is too large");
                let outputs = spatial[axis].div_ceil(strides[axis]);
                let needed = outputs
                    .saturating_sub(1)
                    .checked_mul(strides[axis])
                    .and_then(|start| start.checked_add(span(kernel[axis], dilations[axis])?))
                    .ok_or_else(overflow)?;
                let total = i64::try_from(needed.saturating_sub(spatial[axis])).map_err(|_| overflow())?;
                let (small, large) = (total / 2, total - total / 2);
                (pads_begin[axis], pads_end[axis]) = if same == AutoPad::SameUpper { (small, large) } else { (large, small) };
            }
        }
        let ceil = node.flag("ceil_mode", false);
        Ok(Self { kernel, strides, dilations, pads_begin, pads_end, ceil })
    }

    /// Size of one spatial dimension of the input with its padding.
    pub(crate) fn padded(&self, axis: usize, size: u64) -> Option<u64> {
        size.checked_add_signed(self.pads_begin[axis])?.checked_add_signed(self.pads_end[axis])
    }

    /// Spatial shape of the output: the number of positions of the window in each dimension.
    pub(crate) fn positions(&self, spatial: &[u64]) -> Result<Vec<u64>, InferenceError> {
        (0..spatial.len())
            .map(|axis| {
                self.positions_along(axis, spatial[axis]).ok_or_else(|| {
                    InferenceError::mismatch(format!(
                        "window {} with dilation {} does not fit into input {} with padding {:?} and {:?}",
                        text(&self.kernel),
                        text(&self.dilations),
                        text(spatial),
                        self.pads_begin,
                        self.pads_end
                    ))
                })
            })
            .collect()
    }

    fn positions_along(&self, axis: usize, size: u64) -> Option<u64> {
        let stride = self.strides[axis];
        let room = self.padded(axis, size)?.checked_sub(span(self.kernel[axis], self.dilations[axis])?)?;
        let mut steps = if self.ceil { room.div_ceil(stride) } else { room / stride };
        // A window that would start in the padding at the end does not count.
        if self.ceil && steps > 0 && steps.checked_mul(stride)? >= size.checked_add_signed(self.pads_begin[axis])? {
            steps -= 1;
        }
        steps.checked_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Counts by trying every start. Without `ceil` a position counts if all its taps lie in the padded input; with it, if the
    /// position before left something uncovered and this one does not start in the padding at the end.
    fn count_by_trying(window: &Window, size: u64) -> u64 {
        let padded = window.padded(0, size).unwrap();
        let stride = window.strides[0];
        let reach = (window.kernel[0] - 1) * window.dilations[0];
        let counts = |start: &u64| {
            if !window.ceil {
                return start + reach < padded;
            }
            *start == 0 || (start - stride + reach + 1 < padded && *start < size + window.pads_begin[0] as u64)
        };
        (0..padded).step_by(stride as usize).filter(counts).count() as u64
    }

    proptest! {
        #[test]
        fn output_size_is_the_number_of_window_positions(
            size in 1_u64..40, kernel in 1_u64..6, stride in 1_u64..5, dilation in 1_u64..4,
            begin in 0_i64..3, end in 0_i64..3, ceil in any::<bool>(),
        ) {
            let window = Window {
                kernel: vec![kernel], strides: vec![stride], dilations: vec![dilation],
                pads_begin: vec![begin], pads_end: vec![end], ceil,
            };
            let span = span(kernel, dilation).unwrap();
            let fits = span <= window.padded(0, size).unwrap();
            // Frameworks refuse more padding than window; the rule for `ceil` drops one position only.
            prop_assume!(end as u64 <= span);
            match window.positions(&[size]) {
                Ok(positions) => prop_assert_eq!(positions[0], count_by_trying(&window, size)),
                Err(_) => prop_assert!(!fits),
            }
        }
    }
}
