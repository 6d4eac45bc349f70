//! Depthwise convolution: every channel on its own.

use super::activation::{self, Activation, clamp};
use super::build::{Built, Fusible, constant};
use super::instruction_set::{InstructionSet, multiply_add, vectorised};
use super::kernel::{Arguments, Kernel};
use super::node::{Node, Refusal, Window, product};
use super::sliding::{LANES, Plane, Staging};
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
            for weight in weights {
                *weight *= scale[channel];
            }
            self.bias[channel] = self.bias[channel].mul_add(scale[channel], shift[channel]);
        }
        true
    }
}

vectorised! {
    fn slide<const FUSED: bool>(plane: &Plane<'_>, weights: &[f32], bias: f32, low: f32, high: f32, target: &mut [f32]) {
        plane.slide(target, bias, |sum, value, tap| multiply_add::<FUSED>(value, weights[tap], sum), |sum| clamp(sum, low, high));
    }
}

impl Kernel for Depthwise {
    fn scratch_bytes(&self) -> usize {
        4 * (self.staging.elements() + LANES)
    }

    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        let (input_plane, output_plane) = (product(&self.window.input), product(&self.window.output));
        let planes = self.batch * self.channels;
        let input: &[f32] = arguments.input(0, planes * input_plane);
        let elements = self.staging.elements();
        let taps = product(&self.window.kernel);
        // SAFETY: as many as were asked for.
        let staged = unsafe { arguments.scratch(elements + LANES) };
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
                let plane = Plane { staging: &self.staging, staged };
                let bias = self.bias.get(channel).copied().unwrap_or(0.0);
                slide(set, &plane, &self.weights[channel * taps..][..taps], bias, limits.0, limits.1, target);
                if !matches!(self.activation, Activation::Identity | Activation::Clamp(..)) {
                    let at = target.as_mut_ptr();
                    activation::apply(set, self.activation, at, at, output_plane);
                }
            }
        }
    }
}
