//! Reductions over axes, softmax and normalisation.

use super::activation::{self, Activation, exponential};
use super::build::{Built, Fusible, constant};
use super::instruction_set::{InstructionSet, multiply_add, vectorised};
use super::kernel::{Arguments, Kernel};
use super::movement::dense;
use super::node::{Node, Refusal, axis_of, product};
use crate::unit::Constants;

/// Partial sums kept side by side.
const LANES: usize = 16;

/// What is done to the elements of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reduce {
    Mean,
    Sum,
    Maximum,
    Minimum,
    Product,
    /// Sum of magnitudes.
    L1,
    /// Root of the sum of squares.
    L2,
    SumSquare,
}

impl Reduce {
    pub(super) fn of(op_type: &str) -> Option<Self> {
        Some(match op_type {
            "ReduceMean" | "GlobalAveragePool" => Self::Mean,
            "ReduceSum" => Self::Sum,
            "ReduceMax" | "GlobalMaxPool" => Self::Maximum,
            "ReduceMin" => Self::Minimum,
            "ReduceProd" => Self::Product,
            "ReduceL1" => Self::L1,
            "ReduceL2" => Self::L2,
            "ReduceSumSquare" => Self::SumSquare,
            _ => return None,
        })
    }

    const fn start(self) -> f32 {
        match self {
            Self::Maximum => f32::NEG_INFINITY,
            Self::Minimum => f32::INFINITY,
            Self::Product => 1.0,
            _ => 0.0,
        }
    }

    #[inline(always)]
    fn join<const FUSED: bool>(self, sum: f32, value: f32) -> f32 {
        match self {
            Self::Mean | Self::Sum => sum + value,
            Self::Maximum => sum.max(value),
            Self::Minimum => sum.min(value),
            Self::Product => sum * value,
            Self::L1 => sum + value.abs(),
            Self::L2 | Self::SumSquare => multiply_add::<FUSED>(value, value, sum),
        }
    }

    /// Joins two partial results.
    fn merge(self, one: f32, other: f32) -> f32 {
        match self {
            Self::Maximum => one.max(other),
            Self::Minimum => one.min(other),
            Self::Product => one * other,
            _ => one + other,
        }
    }

    fn finish(self, sum: f32, count: usize) -> f32 {
        match self {
            Self::Mean => sum / count as f32,
            Self::L2 => sum.sqrt(),
            _ => sum,
        }
    }
}

#[inline(always)]
fn fold<const FUSED: bool>(reduce: Reduce, values: &[f32]) -> f32 {
    let mut sums = [reduce.start(); LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum = reduce.join::<FUSED>(*sum, value);
        }
    }
    for (sum, &value) in sums.iter_mut().zip(rest) {
        *sum = reduce.join::<FUSED>(*sum, value);
    }
    sums.into_iter().reduce(|one, other| reduce.merge(one, other)).unwrap_or(0.0)
}

vectorised! {
    fn contiguous<const FUSED: bool>(reduce: Reduce, values: &[f32]) -> f32 {
        match reduce {
            // One loop for each of the common ones.
            Reduce::Mean | Reduce::Sum => fold::<FUSED>(Reduce::Sum, values),
            Reduce::Maximum => fold::<FUSED>(Reduce::Maximum, values),
            other => fold::<FUSED>(other, values),
        }
    }
}

vectorised! {
    fn rows<const FUSED: bool>(reduce: Reduce, values: &[f32], stride: usize, target: &mut [f32]) {
        target.fill(reduce.start());
        let mut at = 0;
        while at + target.len() <= values.len() {
            for (sum, &value) in target.iter_mut().zip(&values[at..]) {
                *sum = reduce.join::<FUSED>(*sum, value);
            }
            at += stride;
        }
    }
}

/// A reduction of `outer x count x inner` over the middle, or of scattered elements.
pub(super) struct Reduction {
    reduce: Reduce,
    outer: usize,
    count: usize,
    inner: usize,
    /// Where the axes are not neighbours: offsets of the groups, and of the elements of a group.
    scattered: Option<(Vec<usize>, Vec<usize>)>,
    activation: Activation,
}

impl Reduction {
    pub(super) fn build(node: &Node<'_>, reduce: Reduce) -> Result<Built, Refusal> {
        let sizes = node.shape(0)?;
        let axes = if node.operator.op_type.starts_with("Global") {
            (2..sizes.len()).collect()
        } else {
            let axes = node.integers("axes", 1)?.unwrap_or_default();
            if axes.is_empty() && node.integer("noop_with_empty_axes", 0) != 0 {
                return Err("`noop_with_empty_axes` is not supported".to_owned());
            }
            let mut axes = axes.into_iter().map(|axis| axis_of(axis, sizes.len())).collect::<Result<Vec<_>, _>>()?;
            if axes.is_empty() {
                axes = (0..sizes.len()).collect();
            }
            axes.sort_unstable();
            axes
        };
        let input = node.required(0)?;
        node.only_floats_first()?;
        let is_reduced = |axis: usize| axes.contains(&axis);
        let first = axes.first().copied().unwrap_or(0);
        let end = axes.last().map_or(0, |&axis| axis + 1);
        let count = (0..sizes.len()).filter(|&axis| is_reduced(axis)).map(|axis| sizes[axis]).product();
        let mut kernel = Self {
            reduce,
            outer: product(&sizes[..first]),
            count,
            inner: product(&sizes[end..]),
            scattered: None,
            activation: Activation::Identity,
        };
        if (first..end).any(|axis| !is_reduced(axis) && sizes[axis] != 1) {
            let strides = dense(&sizes);
            let offsets = |wanted: bool| {
                let mut offsets = vec![0];
                for axis in (0..sizes.len()).filter(|&axis| is_reduced(axis) == wanted) {
                    let stride = strides[axis] as usize;
                    offsets = offsets.iter().flat_map(|&offset| (0..sizes[axis]).map(move |at| offset + at * stride)).collect();
                }
                offsets
            };
            kernel.scattered = Some((offsets(false), offsets(true)));
        }
        Ok(Built::new(kernel, vec![input.id], vec![node.output(0)?.id]))
    }
}

impl Fusible for Reduction {
    fn activate(&mut self, activation: Activation) -> bool {
        if self.activation == Activation::Identity {
            self.activation = activation;
            return true;
        }
        false
    }
}

impl Kernel for Reduction {
    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        let set = InstructionSet::best();
        let (reduce, count, inner) = (self.reduce, self.count, self.inner);
        if let Some((groups, elements)) = &self.scattered {
            let input: &[f32] = arguments.input(0, groups.len() * elements.len());
            let range = arguments.share.range(groups.len(), 1);
            // SAFETY: threads write to different parts.
            let target = unsafe { arguments.output::<f32>(0, range.clone()) };
            for (target, &group) in target.iter_mut().zip(&groups[range]) {
                let values = elements.iter().map(|&offset| input[group + offset]);
                let sum = values.fold(reduce.start(), |sum, value| reduce.join::<false>(sum, value));
                *target = reduce.finish(sum, count);
            }
            let at = target.as_mut_ptr();
            activation::apply(set, self.activation, at, at, target.len());
            return;
        }
        let input: &[f32] = arguments.input(0, self.outer * count * inner);
        // Either groups that lie one after the other, or rows that are added up.
        let parts = if inner == 1 { 1 } else { inner.div_ceil(64) };
        let range = arguments.share.range(self.outer * parts, 1);
        for part in range {
            let (outer, part) = (part / parts, part % parts);
            let (begin, end) = (inner * part / parts, inner * (part + 1) / parts);
            let block = &input[outer * count * inner..][..count * inner];
            // SAFETY: threads write to different parts.
            let target = unsafe { arguments.output::<f32>(0, outer * inner + begin..outer * inner + end) };
            if inner == 1 {
                target[0] = contiguous(set, reduce, block);
            } else if count > 0 {
                rows(set, reduce, &block[begin..block.len() - (inner - end)], inner, target);
            } else {
                target.fill(reduce.start());
            }
            for value in target.iter_mut() {
                *value = reduce.finish(*value, count);
            }
            let at = target.as_mut_ptr();
            activation::apply(set, self.activation, at, at, target.len());
        }
    }
}

/// `Softmax` and `LogSoftmax` over the middle of `outer x count x inner`.
pub(super) struct Softmax {
    outer: usize,
    count: usize,
    inner: usize,
    is_logarithm: bool,
}

impl Softmax {
    pub(super) fn build(node: &Node<'_>) -> Result<Built, Refusal> {
        node.only_floats()?;
        let sizes = node.shape(0)?;
        let is_legacy = node.opset() < 13;
        let axis = axis_of(node.integer("axis", if is_legacy { 1 } else { -1 }), sizes.len())?;
        // Before opset 13 all dimensions from the axis on are one.
        let end = if is_legacy { sizes.len() } else { axis + 1 };
        let kernel = Self {
            outer: product(&sizes[..axis]),
            count: product(&sizes[axis..end]),
            inner: product(&sizes[end..]),
            is_logarithm: node.operator.op_type == "LogSoftmax",
        };
        Ok(Built::new(kernel, vec![node.required(0)?.id], vec![node.output(0)?.id]))
    }
}

vectorised! {
    /// Softmax of one row; the target may be the source.
    fn softmax_row<const FUSED: bool>(source: &[f32], target: &mut [f32], is_logarithm: bool) {
        let highest = fold::<FUSED>(Reduce::Maximum, source);
        for (target, &value) in target.iter_mut().zip(source) {
            *target = exponential::<FUSED>(value - highest);
        }
        let sum = fold::<FUSED>(Reduce::Sum, target);
        if is_logarithm {
            let logarithm = sum.ln();
            target.iter_mut().zip(source).for_each(|(target, &value)| *target = value - highest - logarithm);
        } else {
            let factor = 1.0 / sum;
            for value in target.iter_mut() {
                *value *= factor;
            }
        }
    }
}

impl Fusible for Softmax {}

impl Kernel for Softmax {
    fn scratch_bytes(&self) -> usize {
        8 * self.count
    }

    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        let (count, inner) = (self.count, self.inner);
        let input: &[f32] = arguments.input(0, self.outer * count * inner);
        let set = InstructionSet::best();
        for row in arguments.share.range(self.outer * inner, if inner == 1 { 1 } else { 16 }) {
            let first = row / inner * count * inner + row % inner;
            if inner == 1 {
                // SAFETY: rows belong to one thread each.
                let target = unsafe { arguments.output::<f32>(0, first..first + count) };
                softmax_row(set, &input[first..first + count], target, self.is_logarithm);
                continue;
            }
            // SAFETY: as many as were asked for; columns belong to one thread each.
            unsafe {
                let (source, result) = arguments.scratch(2 * count).split_at_mut(count);
                for (index, value) in source.iter_mut().enumerate() {
                    *value = input[first + index * inner];
                }
                softmax_row(set, source, result, self.is_logarithm);
                for (index, &value) in result.iter().enumerate() {
                    *arguments.outputs[0].cast::<f32>().add(first + index * inner) = value;
                }
            }
        }
    }
}

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
    fn affine<const FUSED: bool>(source: &[f32], factor: f32, offset: f32, target: &mut [f32]) {
        for (target, &value) in target.iter_mut().zip(source) {
            *target = multiply_add::<FUSED>(value, factor, offset);
        }
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
