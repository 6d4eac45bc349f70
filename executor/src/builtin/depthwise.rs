//! Depthwise convolution: every channel on its own.

use super::activation::{self, Activation, clamp};
use super::build::{Built, Fusible, constant};
use super::instruction_set::{InstructionSet, multiply_add, vectorised};
use super::kernel::{Arguments, Kernel};
use super::node::{Node, Refusal, Staging, Window, product};
use crate::unit::Constants;

pub(super) struct Depthwise {
    window: Window,
    staging: Staging,
    batch: usize,
    channels: usize,
    /// Output channels of each input channel.
    multiplier: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
    activation: Activation,
}

impl Depthwise {
    /// `None` if the convolution is not depthwise with constant weights.
    pub(super) fn build(node: &Node<'_>, constants: Option<&Constants>) -> Result<Option<Built>, Refusal> {
        let (input, weights) = (node.shape(0)?, node.shape(1)?);
        let groups = node.integer("group", 1) as usize;
        let is_constant = |position: usize| node.input(position).is_none_or(|tensor| !tensor.role.is_dynamic());
        if groups == 1 || groups != input[1] || weights[1] != 1 || !is_constant(1) || !is_constant(2) {
            return Ok(None);
        }
        node.only_floats()?;
        let window = Window::of(node, &weights[2..])?;
        let values = |position: usize| match (constants, node.input(position)) {
            (Some(constants), Some(tensor)) => constant(constants, tensor.id),
            _ => Ok(Vec::new()),
        };
        let kernel = Self {
            staging: Staging::of(&window),
            window,
            batch: input[0],
            channels: input[1],
            multiplier: weights[0] / groups,
            weights: values(1)?,
            bias: values(2)?,
            activation: Activation::Identity,
        };
        Ok(Some(Built::new(kernel, vec![node.required(0)?.id], vec![node.output(0)?.id])))
    }
}

impl Fusible for Depthwise {
    fn activate(&mut self, activation: Activation) -> bool {
        if self.activation == Activation::Identity {
            self.activation = activation;
            return true;
        }
        false
    }

    fn scale_channels(&mut self, scale: &[f32], shift: &[f32]) -> bool {
        if self.activation != Activation::Identity {
            return false;
        }
        if self.bias.is_empty() {
            self.bias = vec![0.0; scale.len()];
        }
        let taps = product(&self.window.kernel);
        for (channel, weights) in self.weights.chunks_exact_mut(taps).enumerate() {
            weights.iter_mut().for_each(|weight| *weight *= scale[channel]);
            self.bias[channel] = self.bias[channel].mul_add(scale[channel], shift[channel]);
        }
        true
    }
}

/// Outputs computed together.
const LANES: usize = 16;

/// One row of outputs: for each tap its place and weight.
struct Row<'a> {
    staged: &'a [f32],
    taps: &'a [usize],
    weights: &'a [f32],
    bias: f32,
    limits: (f32, f32),
}

#[inline(always)]
fn block<const FUSED: bool, const COUNT: usize>(row: &Row<'_>, at: usize) -> [[f32; LANES]; COUNT] {
    let mut sums = [[row.bias; LANES]; COUNT];
    for (&tap, &weight) in row.taps.iter().zip(row.weights) {
        let source = &row.staged[tap + at..][..COUNT * LANES];
        for (sums, values) in sums.iter_mut().zip(source.chunks_exact(LANES)) {
            for (sum, &value) in sums.iter_mut().zip(values) {
                *sum = multiply_add::<FUSED>(value, weight, *sum);
            }
        }
    }
    sums
}

vectorised! {
    /// Computes a row; the staged plane has [`SLACK`] elements more than the taps need.
    fn row<const FUSED: bool>(row: &Row<'_>, target: &mut [f32]) {
        let (low, high) = row.limits;
        let mut at = 0;
        while at + 4 * LANES <= target.len() {
            let sums = block::<FUSED, 4>(row, at);
            for (target, sums) in target[at..at + 4 * LANES].chunks_exact_mut(LANES).zip(&sums) {
                for (target, &sum) in target.iter_mut().zip(sums) {
                    *target = clamp(sum, low, high);
                }
            }
            at += 4 * LANES;
        }
        while at < target.len() {
            let [sums] = block::<FUSED, 1>(row, at);
            let end = target.len().min(at + LANES);
            let limited = sums.map(|sum| clamp(sum, low, high));
            if end - at == LANES {
                target[at..end].copy_from_slice(&limited);
            } else {
                for (target, value) in target[at..end].iter_mut().zip(limited) {
                    *target = value;
                }
            }
            at = end;
        }
    }
}

/// Elements that may be read past a staged plane.
const SLACK: usize = LANES;

impl Kernel for Depthwise {
    fn scratch_bytes(&self) -> usize {
        4 * (self.staging.elements() + SLACK)
    }

    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        let [height, width] = self.window.output;
        let (input_plane, output_plane) = (product(&self.window.input), height * width);
        let planes = self.batch * self.channels;
        let input: &[f32] = arguments.input(0, planes * input_plane);
        let elements = self.staging.elements();
        let taps = product(&self.window.kernel);
        // SAFETY: as many as were asked for.
        let staged = unsafe { arguments.scratch(elements + SLACK) };
        staged[elements..].fill(0.0);
        let set = InstructionSet::best();
        let limits = match self.activation {
            Activation::Clamp(low, high) => (low, high),
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        };
        for plane in arguments.share.range(planes, 1) {
            self.staging.stage(&input[plane * input_plane..][..input_plane], 0.0, staged);
            for copy in 0..self.multiplier {
                let channel = plane % self.channels * self.multiplier + copy;
                let first = (plane * self.multiplier + copy) * output_plane;
                // SAFETY: each plane belongs to one thread.
                let target = unsafe { arguments.output::<f32>(0, first..first + output_plane) };
                for (y, line) in target.chunks_exact_mut(width).enumerate() {
                    let source = Row {
                        staged: &staged[self.staging.row(y)..],
                        taps: &self.staging.taps,
                        weights: &self.weights[channel * taps..][..taps],
                        bias: self.bias.get(channel).copied().unwrap_or(0.0),
                        limits,
                    };
                    row(set, &source, line);
                }
                if !matches!(self.activation, Activation::Identity | Activation::Clamp(..)) {
                    let at = target.as_mut_ptr();
                    activation::apply(set, self.activation, at, at, output_plane);
                }
            }
        }
    }
}
