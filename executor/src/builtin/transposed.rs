//! Transposed convolution: a matrix product, whose columns are added up where the windows lie.

use super::activation::{self, Activation};
use super::build::{Built, Fusible};
use super::instruction_set::InstructionSet;
use super::kernel::{Arguments, Kernel};
use super::matrix::{Bias, Depth, Multiplier, Product, Right, pack, packed_len};
use super::node::{Node, Refusal, Window, product};

pub(super) struct Transposed {
    multiplier: Multiplier,
    /// Of the convolution that this one is the transpose of: its output is our input.
    window: Window,
    batch: usize,
    groups: usize,
    /// Input and output channels of a group.
    channels: [usize; 2],
    has_bias: bool,
    activation: Activation,
}

impl Transposed {
    pub(super) fn build(node: &Node<'_>) -> Result<Built, Refusal> {
        node.only_floats()?;
        let (input, weights, output) = (node.shape(0)?, node.shape(1)?, node.result()?);
        let mut window = Window::of(node, &weights[2..])?;
        if !matches!(node.text("auto_pad", "NOTSET"), "NOTSET" | "" | "VALID")
            || node.operator.attributes.get("output_shape").is_some()
        {
            // The padding follows from the shapes; what is odd of it goes to the end, or with SAME_UPPER to the begin
            // (ONNX, ConvTranspose: `total_padding`).
            for axis in 0..2 {
                let extra = node.operator.attributes.integers("output_padding").unwrap_or(&[]);
                let extra = extra.get((axis + extra.len()).wrapping_sub(2)).copied().unwrap_or(0) as usize;
                let full =
                    (window.input[axis] - 1) * window.strides[axis] + (window.kernel[axis] - 1) * window.dilations[axis] + 1;
                let total = (full + extra).saturating_sub(window.output[axis]);
                let to_begin = if node.text("auto_pad", "NOTSET") == "SAME_UPPER" { total / 2 } else { total - total / 2 };
                window.pads_begin[axis] = to_begin;
            }
        }
        let groups = node.integer("group", 1) as usize;
        let kernel = Self {
            multiplier: Multiplier::of(InstructionSet::best()),
            batch: input[0],
            groups,
            channels: [input[1] / groups, output[1] / groups],
            has_bias: node.input(2).is_some(),
            activation: Activation::Identity,
            window,
        };
        Ok(Built::new(kernel, node.inputs(), vec![node.output(0)?.id]))
    }

    /// Rows of a group's product: output channels and taps.
    fn rows(&self) -> usize {
        self.channels[1] * product(&self.window.kernel)
    }

    fn packed_elements(&self) -> usize {
        packed_len(self.rows(), self.multiplier.shape.height, self.channels[0])
    }

    fn column_elements(&self) -> usize {
        self.rows() * product(&self.window.input)
    }
}

impl Fusible for Transposed {
    fn activate(&mut self, activation: Activation) -> bool {
        if self.activation == Activation::Identity {
            self.activation = activation;
            return true;
        }
        false
    }
}

impl Kernel for Transposed {
    fn phases(&self) -> usize {
        3
    }

    fn shared_bytes(&self) -> usize {
        4 * (self.groups * self.packed_elements() + self.batch * self.groups * self.column_elements())
    }

    fn scratch_bytes(&self) -> usize {
        4 * self.multiplier.scratch_elements(false)
    }

    fn run(&self, phase: usize, arguments: &Arguments<'_>) {
        let [in_channels, out_channels] = self.channels;
        let (rows, input_plane, output_plane) = (self.rows(), product(&self.window.input), product(&self.window.output));
        let packed: *mut f32 = arguments.shared.cast();
        // SAFETY: the columns follow the packed weights.
        let columns = unsafe { packed.add(self.groups * self.packed_elements()) };
        let height = self.multiplier.shape.height;
        match phase {
            0 => {
                let panels = rows.div_ceil(height);
                for panel in arguments.share.range(self.groups * panels, 1) {
                    let (group, panel) = (panel / panels, panel % panels);
                    // SAFETY: weights are input channels x rows.
                    unsafe {
                        let source = arguments.inputs[1].cast::<f32>().add(group * in_channels * rows);
                        let target = packed.add(group * self.packed_elements());
                        pack(source, (rows, 1), (Depth::of(in_channels), rows), height, panel..panel + 1, target);
                    }
                }
            }
            1 => {
                for index in 0..self.batch * self.groups {
                    let mine = arguments.share.range(rows, height);
                    // SAFETY: threads write to different rows.
                    unsafe {
                        let product = Product {
                            rows,
                            columns: input_plane,
                            depth: Depth::of(in_channels),
                            left: packed.add(index % self.groups * self.packed_elements()),
                            right: Right::Dense(
                                arguments.inputs[0].cast::<f32>().add(index * in_channels * input_plane),
                                input_plane,
                            ),
                            target: columns.add(index * self.column_elements()),
                            target_stride: input_plane,
                            bias: Bias::None,
                            residual: std::ptr::null(),
                            activation: Activation::Identity,
                        };
                        self.multiplier.multiply(&product, mine, 0..input_plane, arguments.scratch.cast());
                    }
                }
            }
            _ => {
                let taps = product(&self.window.kernel);
                for plane in arguments.share.range(self.batch * self.groups * out_channels, 1) {
                    let channel = plane % (self.groups * out_channels);
                    let bias = if self.has_bias { arguments.input::<f32>(2, self.groups * out_channels)[channel] } else { 0.0 };
                    // SAFETY: each plane belongs to one thread; the columns were written in the phase before.
                    let (target, source) = unsafe {
                        let target = arguments.output::<f32>(0, plane * output_plane..(plane + 1) * output_plane);
                        let first = columns.add(plane * taps * input_plane);
                        (target, std::slice::from_raw_parts(first, taps * input_plane))
                    };
                    target.fill(bias);
                    self.scatter(source, target);
                    let at = target.as_mut_ptr();
                    activation::apply(InstructionSet::best(), self.activation, at, at, output_plane);
                }
            }
        }
    }
}

impl Transposed {
    /// Adds the taps of one output channel to its plane.
    fn scatter(&self, source: &[f32], target: &mut [f32]) {
        let Window { input: [height, width], output, kernel, strides, dilations, pads_begin, .. } = &self.window;
        for (tap, values) in source.chunks_exact(height * width).enumerate() {
            let (tap_y, tap_x) = (tap / kernel[1] * dilations[0], tap % kernel[1] * dilations[1]);
            for (y, line) in values.chunks_exact(*width).enumerate() {
                let Some(row) = (y * strides[0] + tap_y).checked_sub(pads_begin[0]).filter(|&row| row < output[0]) else {
                    continue;
                };
                let row = &mut target[row * output[1]..][..output[1]];
                let first = pads_begin[1].saturating_sub(tap_x).div_ceil(strides[1]).min(*width);
                let begin = first * strides[1] + tap_x - pads_begin[1].min(first * strides[1] + tap_x);
                for (to, &value) in row.iter_mut().skip(begin).step_by(strides[1]).zip(&line[first..]) {
                    *to += value;
                }
            }
        }
    }
}
