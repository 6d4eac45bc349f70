//! Windows that slide over a plane: how the plane is laid out for them, and the loop over its outputs.

use super::instruction_set::{InstructionSet, vectorised};
use super::node::Window;

/// Outputs computed together.
pub(super) const LANES: usize = 16;
/// Output rows computed together.
const ROWS: usize = 4;

vectorised! {
    fn every_second<const FUSED: bool>(source: &[f32], target: &mut [f32]) {
        let pairs = source.chunks_exact(2);
        let rest = pairs.remainder();
        let filled = pairs.len().min(target.len());
        for (target, pair) in target.iter_mut().zip(pairs) {
            *target = pair[0];
        }
        if let (Some(last), [value]) = (target.get_mut(filled), rest) {
            *last = *value;
        }
    }
}

/// A plane of the input with its padding, laid out so that the taps of neighbouring outputs are neighbours: each row holds,
/// phase after phase of the horizontal stride, every so-manieth element.
#[derive(Clone, Debug)]
pub(super) struct Staging {
    window: Window,
    rows: usize,
    phase_elements: usize,
    row_elements: usize,
    /// Where each tap of the window finds its element for the first output.
    pub(super) taps: Vec<usize>,
}

impl Staging {
    pub(super) fn of(window: &Window) -> Self {
        let [height, width] = [0, 1].map(|axis| {
            (window.output[axis] - 1) * window.strides[axis] + (window.kernel[axis] - 1) * window.dilations[axis] + 1
        });
        let stride = window.strides[1];
        let phase_elements = width.div_ceil(stride);
        let row_elements = phase_elements * stride;
        let taps = (0..window.kernel[0])
            .flat_map(|y| (0..window.kernel[1]).map(move |x| (y, x)))
            .map(|(y, x)| {
                let across = x * window.dilations[1];
                y * window.dilations[0] * row_elements + across % stride * phase_elements + across / stride
            })
            .collect();
        Self { window: window.clone(), rows: height, phase_elements, row_elements, taps }
    }

    /// Elements of a staged plane.
    pub(super) fn elements(&self) -> usize {
        self.rows * self.row_elements
    }

    /// Where the first tap of an output row lies.
    pub(super) fn row(&self, y: usize) -> usize {
        y * self.window.strides[0] * self.row_elements
    }

    /// Stages a plane.
    pub(super) fn stage(&self, plane: &[f32], fill: f32, target: &mut [f32]) {
        let set = InstructionSet::best();
        let Window { input: [height, width], strides, pads_begin, .. } = &self.window;
        for (y, row) in target.chunks_exact_mut(self.row_elements).enumerate().take(self.rows) {
            let Some(line) = y.checked_sub(pads_begin[0]).filter(|line| line < height) else {
                row.fill(fill);
                continue;
            };
            let line = &plane[line * width..][..*width];
            for (phase, part) in row.chunks_exact_mut(self.phase_elements).enumerate() {
                // Staged element `i` is input element `i * stride + phase - pad`.
                let stride = strides[1];
                let first = pads_begin[1].saturating_sub(phase).div_ceil(stride).min(part.len());
                let from = first * stride + phase - pads_begin[1].min(first * stride + phase);
                let count = width.saturating_sub(from).div_ceil(stride).min(part.len() - first);
                part[..first].fill(fill);
                let part_of_line = &mut part[first..first + count];
                match stride {
                    1 => part_of_line.copy_from_slice(&line[from..from + count]),
                    2 => every_second(set, &line[from.min(*width)..], part_of_line),
                    _ => {
                        let sources = line[from.min(*width)..].iter().step_by(stride);
                        part_of_line.iter_mut().zip(sources).for_each(|(target, &source)| *target = source);
                    }
                }
                part[first + count..].fill(fill);
            }
        }
    }
}

/// A staged plane, with [`LANES`] elements more than the taps need, and the outputs to be made of it.
pub(super) struct Plane<'a> {
    pub(super) staging: &'a Staging,
    pub(super) staged: &'a [f32],
}

impl Plane<'_> {
    /// Computes every output: `join(sum, value, tap)` over all taps from `start` on, then `finish`.
    #[inline(always)]
    pub(super) fn slide(
        &self,
        target: &mut [f32],
        start: f32,
        join: impl Fn(f32, f32, usize) -> f32,
        finish: impl Fn(f32) -> f32,
    ) {
        let [height, width] = self.staging.window.output;
        assert!(target.len() == height * width && self.staged.len() >= self.staging.elements() + LANES, "whole planes");
        let mut y = 0;
        // SAFETY: checked above: rows and taps lie within the staged plane.
        unsafe {
            while y + ROWS <= height {
                self.rows::<ROWS>(y, target, start, &join, &finish);
                y += ROWS;
            }
            while y < height {
                self.rows::<1>(y, target, start, &join, &finish);
                y += 1;
            }
        }
    }

    #[inline(always)]
    unsafe fn rows<const COUNT: usize>(
        &self,
        y: usize,
        target: &mut [f32],
        start: f32,
        join: &impl Fn(f32, f32, usize) -> f32,
        finish: &impl Fn(f32) -> f32,
    ) {
        let width = self.staging.window.output[1];
        let pitch = self.staging.row(1);
        for at in (0..width).step_by(LANES) {
            // The last lanes of a row overlap those before, so that whole vectors are written.
            let at = at.min(width.saturating_sub(LANES));
            let mut sums = [[start; LANES]; COUNT];
            for (tap, &place) in self.staging.taps.iter().enumerate() {
                for (row, sums) in sums.iter_mut().enumerate() {
                    // SAFETY: the caller promises that the row is there, and as many elements more as there are lanes.
                    let values = unsafe {
                        let from = self.staged.as_ptr().add(place + (y + row) * pitch + at);
                        from.cast::<[f32; LANES]>().read_unaligned()
                    };
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum = join(*sum, value, tap);
                    }
                }
            }
            for (row, sums) in sums.iter().enumerate() {
                // A row shorter than a vector writes into the next, which is written later.
                let place = &mut target[(y + row) * width + at..];
                let count = place.len().min(LANES);
                let results = sums.map(finish);
                if count == LANES {
                    place[..LANES].copy_from_slice(&results);
                } else {
                    place.copy_from_slice(&results[..count]);
                }
            }
        }
    }
}
