//! Convolution: each group a matrix product of weights and columns of the input.

use std::ops::Range;

use super::activation::Activation;
use super::build::{Built, Fusible, constant};
use super::instruction_set::InstructionSet;
use super::kernel::{Arguments, Kernel};
use super::matrix::{Aligned, Bias, Columns, Depth, Multiplier, Product, Right, pack, packed_len};
use super::node::{Node, Refusal, Window, product};
use super::sliding::Staging;
use crate::unit::Constants;

/// Products with fewer output channels read a dense right operand as it is: packing it would not pay.
const CHANNELS_WORTH_PACKING: usize = 48;

pub(super) struct Convolution {
    multiplier: Multiplier,
    window: Window,
    batch: usize,
    groups: usize,
    /// Input and output channels of a group.
    channels: [usize; 2],
    depth: Depth,
    staging: Option<Staging>,
    /// Where each step of the depth finds its element, from the first staged plane of the group on.
    places: Vec<usize>,
    weights: Vec<f32>,
    packed: Aligned,
    bias: Vec<f32>,
    padded_bias: Aligned,
    activation: Activation,
    has_residual: bool,
}

impl Convolution {
    pub(super) fn build(node: &Node<'_>, constants: Option<&Constants>) -> Result<Built, Refusal> {
        node.only_floats()?;
        let (input, weights) = (node.shape(0)?, node.shape(1)?);
        let window = Window::of(node, &weights[2..])?;
        let groups = node.integer("group", 1) as usize;
        let channels = [input[1] / groups, weights[0] / groups];
        let depth = Depth::of(channels[0] * product(&window.kernel));
        let staging = (!window.is_pointwise()).then(|| Staging::of(&window));
        let places = staging.as_ref().map_or_else(Vec::new, |staging| {
            let plane = staging.elements();
            (0..channels[0]).flat_map(|channel| staging.taps.iter().map(move |tap| channel * plane + tap)).collect()
        });
        let mut inputs = vec![node.required(0)?.id];
        let is_constant = |position: usize| node.input(position).is_none_or(|tensor| !tensor.role.is_dynamic());
        if !is_constant(1) || !is_constant(2) {
            inputs.push(node.required(1)?.id);
            inputs.extend(node.input(2).map(|tensor| tensor.id));
        }
        let has_constants = inputs.len() == 1;
        let values = |position: usize| match (constants, node.input(position)) {
            (Some(constants), Some(tensor)) if has_constants => constant(constants, tensor.id),
            _ => Ok(Vec::new()),
        };
        let kernel = Self {
            multiplier: Multiplier::of(InstructionSet::best()),
            batch: input[0],
            groups,
            channels,
            depth,
            staging,
            places,
            weights: values(1)?,
            packed: Aligned::default(),
            bias: values(2)?,
            padded_bias: Aligned::default(),
            activation: Activation::Identity,
            has_residual: false,
            window,
        };
        Ok(Built::new(kernel, inputs, vec![node.output(0)?.id]))
    }

    fn output_channels(&self) -> usize {
        self.channels[1] * self.groups
    }

    fn packed_elements_of_group(&self) -> usize {
        packed_len(self.channels[1], self.multiplier.shape.height, self.depth.total)
    }

    fn has_constants(&self) -> bool {
        !self.packed.is_empty()
    }

    /// Elements of the staged input of all groups and images.
    fn staged_elements(&self) -> usize {
        // Reading a vector past the end is harmless, but must stay within the memory.
        self.staging.as_ref().map_or(0, |staging| self.batch * self.groups * self.channels[0] * staging.elements() + 64)
    }

    fn pack_weights(&self, weights: *const f32, panels: Range<usize>, target: *mut f32) {
        let (count, depth) = (self.channels[1], self.depth);
        let panels_of_group = count.div_ceil(self.multiplier.shape.height);
        for panel in panels {
            let (group, panel) = (panel / panels_of_group, panel % panels_of_group);
            // SAFETY: a group's weights are dense rows, one for each output channel.
            unsafe {
                let source = weights.add(group * count * depth.total);
                let target = target.add(group * self.packed_elements_of_group());
                let height = self.multiplier.shape.height;
                pack(source, (count, depth.total), (depth, 1), height, panel..panel + 1, target);
            }
        }
    }
}

impl Fusible for Convolution {
    fn activate(&mut self, activation: Activation) -> bool {
        if self.activation == Activation::Identity {
            self.activation = activation;
            return true;
        }
        false
    }

    fn scale_channels(&mut self, scale: &[f32], shift: &[f32]) -> bool {
        if self.weights.is_empty() || self.activation != Activation::Identity || self.has_residual {
            return false;
        }
        if self.bias.is_empty() {
            self.bias = vec![0.0; self.output_channels()];
        }
        for (channel, weights) in self.weights.chunks_exact_mut(self.depth.total).enumerate() {
            for weight in weights {
                *weight *= scale[channel];
            }
            self.bias[channel] = self.bias[channel].mul_add(scale[channel], shift[channel]);
        }
        true
    }

    fn add_residual(&mut self) -> bool {
        if self.weights.is_empty() || self.activation != Activation::Identity || self.has_residual {
            return false;
        }
        self.has_residual = true;
        true
    }

    fn finish(&mut self) {
        if self.weights.is_empty() {
            return;
        }
        let mut packed = Aligned::zeroed(self.groups * self.packed_elements_of_group());
        let panels = self.groups * self.channels[1].div_ceil(self.multiplier.shape.height);
        self.pack_weights(self.weights.as_ptr(), 0..panels, packed.pointer_mut());
        self.packed = packed;
        self.weights = Vec::new();
        self.padded_bias = Aligned::padded(&self.bias, 16);
    }
}

/// Columns of the staged input of a group.
struct Staged<'a> {
    input: *const f32,
    places: &'a [usize],
    staging: &'a Staging,
    output_width: usize,
}

impl Columns for Staged<'_> {
    unsafe fn pack(&self, first: usize, count: usize, depth: Range<usize>, width: usize, target: *mut f32) {
        // Pieces of output rows: where each begins in the staged plane and in the panel, and how long it is.
        let mut pieces = [(0_usize, 0_usize, 0_usize); super::matrix::micro::MAXIMUM_WIDTH];
        let (mut used, mut done) = (0, 0);
        while done < count {
            let (y, x) = ((first + done) / self.output_width, (first + done) % self.output_width);
            let length = (self.output_width - x).min(count - done);
            pieces[used] = (self.staging.row(y) + x, done, length);
            used += 1;
            done += length;
        }
        // SAFETY: staged planes and the panel have room for a vector more; what a piece writes too much the next overwrites.
        unsafe {
            for (index, k) in depth.enumerate() {
                let from = self.input.add(self.places[k]);
                let to = target.add(index * width);
                for &(at, put, length) in &pieces[..used] {
                    let mut offset = 0;
                    while offset < length {
                        let block = from.add(at + offset).cast::<[f32; 16]>().read_unaligned();
                        to.add(put + offset).cast::<[f32; 16]>().write_unaligned(block);
                        offset += 16;
                    }
                }
            }
        }
    }
}

impl Kernel for Convolution {
    fn phases(&self) -> usize {
        2
    }

    fn shared_bytes(&self) -> usize {
        let packed = if self.has_constants() { 0 } else { self.groups * self.packed_elements_of_group() };
        4 * (self.staged_elements().next_multiple_of(16) + packed)
    }

    fn packed_bytes(&self) -> usize {
        self.packed.bytes() + self.padded_bias.bytes()
    }

    fn scratch_bytes(&self) -> usize {
        4 * self.multiplier.scratch_elements(false)
    }

    fn run(&self, phase: usize, arguments: &Arguments<'_>) {
        let [in_channels, out_channels] = self.channels;
        let input_plane = product(&self.window.input);
        let planes = self.batch * self.groups * in_channels;
        let input: &[f32] = arguments.input(0, planes * input_plane);
        let staged: *mut f32 = arguments.shared.cast();
        // SAFETY: the packed weights follow the staged input.
        let own_packed = unsafe { staged.add(self.staged_elements().next_multiple_of(16)) };
        if phase == 0 {
            if let Some(staging) = &self.staging {
                let elements = staging.elements();
                for plane in arguments.share.range(planes, 1) {
                    // SAFETY: each plane has its own place.
                    let target = unsafe { std::slice::from_raw_parts_mut(staged.add(plane * elements), elements) };
                    staging.stage(&input[plane * input_plane..][..input_plane], 0.0, target);
                }
            }
            if !self.has_constants() {
                let panels = self.groups * out_channels.div_ceil(self.multiplier.shape.height);
                self.pack_weights(arguments.inputs[1].cast(), arguments.share.range(panels, 1), own_packed);
            }
            return;
        }
        let output_plane = product(&self.window.output);
        let shape = self.multiplier.shape;
        let has_bias = if self.has_constants() { !self.bias.is_empty() } else { arguments.inputs.len() > 2 };
        let residual = if self.has_residual { arguments.inputs[1].cast::<f32>() } else { std::ptr::null() };
        // Whole images and groups first, then the larger of rows and columns.
        let panels = [out_channels.div_ceil(shape.height), output_plane.div_ceil(shape.width())];
        let by_rows = panels[1] < 2 * arguments.share.count && panels[0] > panels[1];
        let products = self.batch * self.groups;
        let by_product = products >= 4 * arguments.share.count;
        let mine = if by_product { arguments.share.range(products, 1) } else { 0..products };
        for index in mine {
            let (image, group) = (index / self.groups, index % self.groups);
            let first_channel = group * out_channels;
            let (mut rows, mut columns) = (0..out_channels, 0..output_plane);
            if !by_product && by_rows {
                rows = arguments.share.range(out_channels, shape.height);
            } else if !by_product {
                columns = arguments.share.range(output_plane, shape.width());
            }
            let out = (image * self.output_channels() + first_channel) * output_plane;
            // SAFETY: all within the tensors; threads write to different rows or columns.
            unsafe {
                let source = index * in_channels;
                let made = self.staging.as_ref().map(|staging| Staged {
                    input: staged.add(source * staging.elements()),
                    places: &self.places,
                    staging,
                    output_width: self.window.output[1],
                });
                let dense = input.as_ptr().add(source * input_plane);
                let pointwise = Pointwise { input: dense, stride: input_plane };
                let right = match &made {
                    Some(made) => Right::Made(made),
                    None if rows.len() < CHANNELS_WORTH_PACKING => Right::Dense(dense, input_plane),
                    None => Right::Made(&pointwise),
                };
                let (packed, bias) = if self.has_constants() {
                    (self.packed.pointer(), self.padded_bias.pointer())
                } else {
                    (own_packed.cast_const(), arguments.inputs.get(2).map_or(std::ptr::null(), |bias| bias.cast()))
                };
                let product = Product {
                    rows: out_channels,
                    columns: output_plane,
                    depth: self.depth,
                    left: packed.add(group * self.packed_elements_of_group()),
                    right,
                    target: arguments.outputs[0].cast::<f32>().add(out),
                    target_stride: output_plane,
                    bias: if has_bias { Bias::Rows(bias.add(first_channel)) } else { Bias::None },
                    residual: if residual.is_null() { residual } else { residual.add(out) },
                    activation: self.activation,
                };
                self.multiplier.multiply(&product, rows, columns, arguments.scratch.cast());
            }
        }
    }
}

/// Columns of an input that is a dense matrix.
struct Pointwise {
    input: *const f32,
    stride: usize,
}

impl Columns for Pointwise {
    unsafe fn pack(&self, first: usize, count: usize, depth: Range<usize>, width: usize, target: *mut f32) {
        for (index, k) in depth.enumerate() {
            // SAFETY: as many columns as the input has.
            unsafe {
                std::ptr::copy_nonoverlapping(self.input.add(k * self.stride + first), target.add(index * width), count);
            }
        }
    }
}
