//! What kernels read in place of a graph's constants: filters in blocks of output channels, normalisations folded.

use sim::graph::{DataType, Graph, Operator};
use sim::identifiers::TensorId;

/// A normalisation of channels with constant statistics: `v * factor + shift`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Norm {
    scale: TensorId,
    bias: TensorId,
    mean: TensorId,
    variance: TensorId,
    epsilon: f64,
}

impl Norm {
    /// That of a `BatchNormalization`; `None` if it is one of training, or if its statistics are no constants of the unit.
    pub(super) fn of(graph: &Graph, operator: &Operator) -> Option<Self> {
        let is_training = operator.attributes.integer("training_mode").is_some_and(|mode| mode != 0);
        let constant = |position: usize| {
            let tensor = graph.tensor(operator.input(position)?);
            let is_given = tensor.producer.is_none() || tensor.data.is_some();
            (!tensor.role.is_dynamic() && is_given && tensor.data_type == DataType::Float32).then_some(tensor.id)
        };
        let epsilon = f64::from(operator.attributes.float("epsilon").unwrap_or(1e-5));
        let (scale, bias, mean, variance) = (constant(1)?, constant(2)?, constant(3)?, constant(4)?);
        (!is_training && operator.outputs.len() == 1).then_some(Self { scale, bias, mean, variance, epsilon })
    }

    fn tensors(&self) -> [TensorId; 4] {
        [self.scale, self.bias, self.mean, self.variance]
    }

    /// Factor and shift of every channel.
    fn affine(&self, values: &impl Fn(TensorId) -> Vec<f32>) -> Vec<(f64, f64)> {
        let [scale, bias, mean, variance] = self.tensors().map(values);
        let channel = |index: usize| {
            let factor = f64::from(scale[index]) / (f64::from(variance[index]) + self.epsilon).sqrt();
            (factor, f64::from(bias[index]) - f64::from(mean[index]) * factor)
        };
        (0..scale.len()).map(channel).collect()
    }
}

/// How output channels are blocked: those of each group in blocks of `block`, the last one filled up with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocking {
    /// Groups of the convolution.
    pub(super) groups: u64,
    /// Output channels of a group.
    pub(super) channels: u64,
    /// Channels of a block.
    pub(super) block: u64,
}

impl Blocking {
    /// Blocks of one group.
    pub(super) fn blocks(self) -> u64 {
        self.channels.div_ceil(self.block)
    }

    /// Output channels of all groups, those that fill up included.
    pub(super) fn padded(self) -> u64 {
        self.groups * self.blocks() * self.block
    }

    /// The output channel at a place of the blocked order; `None` where there is none.
    fn channel(self, place: u64) -> Option<usize> {
        let per_group = self.blocks() * self.block;
        let (group, within) = (place / per_group, place % per_group);
        (within < self.channels).then_some((group * self.channels + within) as usize)
    }
}

/// What to make of the values of constants.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Recipe {
    /// As they are.
    Plain(TensorId),
    /// A filter `[O, I/groups, ...]` as `[O/block, I/groups, ..., block]`, scaled by a normalisation.
    Filter { weight: TensorId, norm: Option<Norm>, blocking: Blocking },
    /// The bias of a filter in the same order, with what a normalisation adds.
    Bias { bias: Option<TensorId>, norm: Option<Norm>, blocking: Blocking },
    /// A matrix `[rows, columns]` as `[columns, rows]`.
    Transposed { matrix: TensorId, columns: u64 },
    /// What a normalisation multiplies channels by.
    Factor(Norm),
    /// What a normalisation adds to channels.
    Shift(Norm),
}

impl Recipe {
    /// All that it reads.
    pub(super) fn tensors(&self) -> Vec<TensorId> {
        let of = |norm: &Option<Norm>| norm.as_ref().map_or(Vec::new(), |norm| norm.tensors().to_vec());
        match self {
            Self::Plain(tensor) | Self::Transposed { matrix: tensor, .. } => vec![*tensor],
            Self::Filter { weight, norm, .. } => [vec![*weight], of(norm)].concat(),
            Self::Bias { bias, norm, .. } => [bias.iter().copied().collect(), of(norm)].concat(),
            Self::Factor(norm) | Self::Shift(norm) => norm.tensors().to_vec(),
        }
    }

    /// The elements, from those of the tensors that it reads.
    pub(super) fn cook(&self, values: &impl Fn(TensorId) -> Vec<f32>) -> Vec<f32> {
        let affine = |norm: &Option<Norm>| norm.as_ref().map(|norm| norm.affine(values));
        match self {
            Self::Plain(tensor) => values(*tensor),
            Self::Filter { weight, norm, blocking } => blocked_filter(&values(*weight), affine(norm).as_deref(), *blocking),
            Self::Bias { bias, norm, blocking } => {
                let (bias, affine) = (bias.map(values), affine(norm));
                let of = |channel: usize| {
                    let value = bias.as_ref().map_or(0.0, |bias| f64::from(bias[channel]));
                    affine.as_ref().map_or(value, |affine| value * affine[channel].0 + affine[channel].1) as f32
                };
                (0..blocking.padded()).map(|place| blocking.channel(place).map_or(0.0, of)).collect()
            }
            Self::Transposed { matrix, columns } => {
                let (matrix, columns) = (values(*matrix), *columns as usize);
                (0..columns).flat_map(|column| matrix[column..].iter().step_by(columns).copied()).collect()
            }
            Self::Factor(norm) => norm.affine(values).iter().map(|&(factor, _)| factor as f32).collect(),
            Self::Shift(norm) => norm.affine(values).iter().map(|&(_, shift)| shift as f32).collect(),
        }
    }
}

fn blocked_filter(weight: &[f32], affine: Option<&[(f64, f64)]>, blocking: Blocking) -> Vec<f32> {
    let channels = (blocking.groups * blocking.channels) as usize;
    let taps = weight.len() / channels.max(1);
    let block = blocking.block as usize;
    let mut blocked = vec![0.0; blocking.padded() as usize * taps];
    for place in 0..blocking.padded() {
        let Some(channel) = blocking.channel(place) else { continue };
        let factor = affine.map_or(1.0, |affine| affine[channel].0);
        let base = place as usize / block * block * taps + place as usize % block;
        for tap in 0..taps {
            blocked[base + tap * block] = (f64::from(weight[channel * taps + tap]) * factor) as f32;
        }
    }
    blocked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_lie_in_blocks_of_output_channels() {
        // Two groups of three channels with two taps each, in blocks of two.
        let blocking = Blocking { groups: 2, channels: 3, block: 2 };
        let weight: Vec<f32> = (0..12).map(|value| value as f32).collect();
        let blocked = blocked_filter(&weight, None, blocking);
        assert_eq!(blocked, [0., 2., 1., 3., 4., 0., 5., 0., 6., 8., 7., 9., 10., 0., 11., 0.]);
        assert_eq!((blocking.padded(), blocking.blocks()), (8, 2));
    }
}
