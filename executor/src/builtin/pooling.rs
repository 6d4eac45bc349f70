//! Pooling over windows.

use super::build::{Built, Fusible};
use super::instruction_set::{InstructionSet, vectorised};
use super::kernel::{Arguments, Kernel};
use super::node::{Node, Refusal, Window, product};
use super::sliding::{LANES, Plane, Staging};

pub(super) struct Pooling {
    window: Window,
    staging: Staging,
    planes: usize,
    is_maximum: bool,
    /// For each output row and column by how much the sum is multiplied; empty for maxima.
    factors: [Vec<f32>; 2],
}

impl Pooling {
    pub(super) fn build(node: &Node<'_>) -> Result<Built, Refusal> {
        node.only_floats()?;
        node.outputs_at_most(1)?;
        let kernel: Vec<usize> =
            node.operator.attributes.integers("kernel_shape").unwrap_or(&[]).iter().map(|&size| size as usize).collect();
        let window = Window::of(node, &kernel)?;
        let is_maximum = node.operator.op_type == "MaxPool";
        let counts_padding = node.integer("count_include_pad", 0) != 0;
        let factors = [0, 1].map(|axis| {
            (0..window.output[axis])
                .map(|at| {
                    let taps = (0..window.kernel[axis]).map(|tap| at * window.strides[axis] + tap * window.dilations[axis]);
                    let (begin, size) = (window.pads_begin[axis], window.input[axis]);
                    // Beyond the padding at the end (reached with `ceil_mode`) nothing counts.
                    let padded = begin + size + window.pads_end[axis];
                    let counts = |place: &usize| {
                        if counts_padding { *place < padded } else { (begin..begin + size).contains(place) }
                    };
                    1.0 / taps.filter(counts).count().max(1) as f32
                })
                .collect()
        });
        let sizes = node.shape(0)?;
        let kernel = Self { staging: Staging::of(&window), planes: sizes[0] * sizes[1], is_maximum, factors, window };
        Ok(Built::new(kernel, vec![node.required(0)?.id], vec![node.output(0)?.id]))
    }
}

vectorised! {
    fn slide<const FUSED: bool>(plane: &Plane<'_>, is_maximum: bool, target: &mut [f32]) {
        if is_maximum {
            plane.slide(target, f32::NEG_INFINITY, |sum, value, _| if sum > value { sum } else { value }, |sum| sum);
        } else {
            plane.slide(target, 0.0, |sum, value, _| sum + value, |sum| sum);
        }
    }
}

impl Fusible for Pooling {}

impl Kernel for Pooling {
    fn scratch_bytes(&self) -> usize {
        4 * (self.staging.elements() + LANES)
    }

    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        let (input_plane, output_plane) = (product(&self.window.input), product(&self.window.output));
        let input: &[f32] = arguments.input(0, self.planes * input_plane);
        let elements = self.staging.elements();
        // SAFETY: as many as were asked for.
        let staged = unsafe { arguments.scratch(elements + LANES) };
        staged[elements..].fill(0.0);
        let fill = if self.is_maximum { f32::NEG_INFINITY } else { 0.0 };
        let set = InstructionSet::best();
        for plane in arguments.share.range(self.planes, 1) {
            self.staging.stage(&input[plane * input_plane..][..input_plane], fill, staged);
            // SAFETY: planes belong to one thread each.
            let target = unsafe { arguments.output::<f32>(0, plane * output_plane..(plane + 1) * output_plane) };
            slide(set, &Plane { staging: &self.staging, staged }, self.is_maximum, target);
            if !self.is_maximum {
                for (line, down) in target.chunks_exact_mut(self.window.output[1]).zip(&self.factors[0]) {
                    line.iter_mut().zip(&self.factors[1]).for_each(|(value, across)| *value *= down * across);
                }
            }
        }
    }
}
