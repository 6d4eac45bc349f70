//! Reductions over axes.

use super::activation::{self, Activation};
use super::build::{Built, Fusible};
use super::fold::{Reduce, fold};
use super::instruction_set::{InstructionSet, vectorised};
use super::kernel::{Arguments, Kernel};
use super::movement::dense;
use super::node::{Node, Refusal, axis_of, product};

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
