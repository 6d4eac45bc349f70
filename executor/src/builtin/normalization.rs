//! Normalisation of rows by their own mean and variance.

use super::activation::{self, Activation};
use super::build::{Built, Fusible};
use super::channel_scale::affine;
use super::fold::{LANES, Reduce, fold};
use super::instruction_set::{InstructionSet, multiply_add, vectorised};
use super::kernel::{Arguments, Kernel};
use super::node::{Node, Refusal, axis_of, product};

/// How scale and shift are found for a row of a normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Affine {
    /// One of each for every row, by channel.
    Channels(usize),
    /// One of each for every element of a row.
    Elements,
}

/// Rows brought to mean 0 and variance 1, then scaled and shifted: `LayerNormalization`, `InstanceNormalization`.
pub(super) struct Normalization {
    rows: usize,
    count: usize,
    epsilon: f32,
    affine: Affine,
    has_shift: bool,
    activation: Activation,
}

impl Normalization {
    pub(super) fn build(node: &Node<'_>) -> Result<Built, Refusal> {
        node.only_floats()?;
        node.outputs_at_most(1)?;
        let sizes = node.shape(0)?;
        let (first, affine) = if node.operator.op_type == "InstanceNormalization" {
            (2, Affine::Channels(sizes[1]))
        } else {
            (axis_of(node.integer("axis", -1), sizes.len())?, Affine::Elements)
        };
        let kernel = Self {
            rows: product(&sizes[..first]),
            count: product(&sizes[first..]),
            epsilon: node.float("epsilon", 1e-5),
            affine,
            has_shift: node.input(2).is_some(),
            activation: Activation::Identity,
        };
        if affine == Affine::Elements && node.required(1)?.elements() as usize != kernel.count {
            return Err(format!("scale of shape {:?}: one of the normalised dimensions is needed", node.shape(1)?));
        }
        Ok(Built::new(kernel, node.inputs(), vec![node.output(0)?.id]))
    }
}

vectorised! {
    /// Mean and variance in two passes.
    fn moments<const FUSED: bool>(values: &[f32]) -> (f32, f32) {
        let mean = fold::<FUSED>(Reduce::Sum, values) / values.len() as f32;
        let mut sums = [0.0_f32; LANES];
        for chunk in values.chunks(LANES) {
            for (sum, &value) in sums.iter_mut().zip(chunk) {
                *sum = multiply_add::<FUSED>(value - mean, value - mean, *sum);
            }
        }
        (mean, sums.iter().sum::<f32>() / values.len() as f32)
    }
}

vectorised! {
    fn affine_elements<const FUSED: bool>(source: &[f32], mean: f32, factor: f32, scale: &[f32], target: &mut [f32]) {
        for ((target, &value), &scale) in target.iter_mut().zip(source).zip(scale) {
            *target = (value - mean) * factor * scale;
        }
    }
}

vectorised! {
    fn add_to<const FUSED: bool>(target: &mut [f32], shift: &[f32]) {
        for (target, &shift) in target.iter_mut().zip(shift) {
            *target += shift;
        }
    }
}

impl Fusible for Normalization {
    fn activate(&mut self, activation: Activation) -> bool {
        if self.activation == Activation::Identity {
            self.activation = activation;
            return true;
        }
        false
    }
}

impl Kernel for Normalization {
    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        let set = InstructionSet::best();
        let count = self.count;
        let input: &[f32] = arguments.input(0, self.rows * count);
        let parameters = match self.affine {
            Affine::Channels(channels) => channels,
            Affine::Elements => count,
        };
        let scale: &[f32] = arguments.input(1, parameters);
        let shift: &[f32] = if self.has_shift { arguments.input(2, parameters) } else { &[] };
        for row in arguments.share.range(self.rows, 1) {
            let source = &input[row * count..][..count];
            // SAFETY: rows belong to one thread each.
            let target = unsafe { arguments.output::<f32>(0, row * count..(row + 1) * count) };
            let (mean, variance) = moments(set, source);
            let factor = 1.0 / (variance + self.epsilon).sqrt();
            match self.affine {
                Affine::Channels(channels) => {
                    let factor = factor * scale[row % channels];
                    let shift = shift.get(row % channels).copied().unwrap_or(0.0);
                    affine(set, source, factor, shift - mean * factor, target);
                }
                Affine::Elements => {
                    affine_elements(set, source, mean, factor, scale, target);
                    add_to(set, target, shift);
                }
            }
            let at = target.as_mut_ptr();
            activation::apply(set, self.activation, at, at, count);
        }
    }
}
