//! Scale and shift of channels: batch normalisation.

use super::activation::{self, Activation};
use super::build::{Built, Fusible, constant};
use super::instruction_set::{InstructionSet, multiply_add, vectorised};
use super::kernel::{Arguments, Kernel};
use super::node::{Node, Refusal, product};
use crate::unit::Constants;

vectorised! {
    /// Elements times a factor plus an offset.
    pub(super) fn affine<const FUSED: bool>(source: &[f32], factor: f32, offset: f32, target: &mut [f32]) {
        for (target, &value) in target.iter_mut().zip(source) {
            *target = multiply_add::<FUSED>(value, factor, offset);
        }
    }
}

/// `BatchNormalization` that no convolution takes in: scale and shift by channel.
pub(super) struct ChannelScale {
    pub(super) planes: usize,
    pub(super) channels: usize,
    pub(super) count: usize,
    /// Empty in a trial build.
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
    pub(super) activation: Activation,
}

/// Scale and shift of a `BatchNormalization` with constant parameters.
pub(super) fn batch_parameters(node: &Node<'_>, constants: &Constants) -> Result<(Vec<f32>, Vec<f32>), Refusal> {
    let values = |position: usize| node.required(position).and_then(|tensor| constant(constants, tensor.id));
    let (scale, shift, mean, variance) = (values(1)?, values(2)?, values(3)?, values(4)?);
    let epsilon = node.float("epsilon", 1e-5);
    let scale: Vec<f32> = scale.iter().zip(&variance).map(|(scale, variance)| scale / (variance + epsilon).sqrt()).collect();
    let shift = (0..scale.len()).map(|channel| shift[channel] - mean[channel] * scale[channel]).collect();
    Ok((scale, shift))
}

impl ChannelScale {
    pub(super) fn build(node: &Node<'_>, constants: Option<&Constants>) -> Result<Built, Refusal> {
        node.only_floats()?;
        node.outputs_at_most(1)?;
        if node.integer("training_mode", 0) != 0 {
            return Err("`training_mode` is not supported".to_owned());
        }
        let sizes = node.shape(0)?;
        let channels = sizes.get(1).copied().unwrap_or(1);
        let count = product(sizes.get(2..).unwrap_or(&[]));
        let planes = sizes[0] * channels;
        let (input, output) = (node.required(0)?.id, node.output(0)?.id);
        if (1..5).any(|position| node.input(position).is_none_or(|tensor| tensor.role.is_dynamic())) {
            let kernel = ComputedScale { planes, channels, count, epsilon: node.float("epsilon", 1e-5) };
            return Ok(Built::new(kernel, node.inputs(), vec![output]));
        }
        let (scale, shift) = match constants {
            Some(constants) => batch_parameters(node, constants)?,
            None => (Vec::new(), Vec::new()),
        };
        let kernel = Self { planes, channels, count, scale, shift, activation: Activation::Identity };
        Ok(Built::new(kernel, vec![input], vec![output]))
    }
}

impl Fusible for ChannelScale {
    fn activate(&mut self, activation: Activation) -> bool {
        if self.activation == Activation::Identity {
            self.activation = activation;
            return true;
        }
        false
    }
}

impl Kernel for ChannelScale {
    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        let set = InstructionSet::best();
        let input: &[f32] = arguments.input(0, self.planes * self.count);
        for plane in arguments.share.range(self.planes, 1) {
            let range = plane * self.count..(plane + 1) * self.count;
            // SAFETY: planes belong to one thread each.
            let target = unsafe { arguments.output::<f32>(0, range.clone()) };
            affine(set, &input[range], self.scale[plane % self.channels], self.shift[plane % self.channels], target);
            let at = target.as_mut_ptr();
            activation::apply(set, self.activation, at, at, self.count);
        }
    }
}

/// The same with parameters that come at run time.
struct ComputedScale {
    planes: usize,
    channels: usize,
    count: usize,
    epsilon: f32,
}

impl Fusible for ComputedScale {}

impl Kernel for ComputedScale {
    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        let input: &[f32] = arguments.input(0, self.planes * self.count);
        for plane in arguments.share.range(self.planes, 1) {
            let parameter = |position: usize| arguments.input::<f32>(position, self.channels)[plane % self.channels];
            let range = plane * self.count..(plane + 1) * self.count;
            let factor = parameter(1) / (parameter(4) + self.epsilon).sqrt();
            // SAFETY: planes belong to one thread each.
            let target = unsafe { arguments.output::<f32>(0, range.clone()) };
            affine(InstructionSet::best(), &input[range], factor, parameter(2) - parameter(3) * factor, target);
        }
    }
}
