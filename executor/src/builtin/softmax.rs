//! Softmax.

use super::activation::exponential;
use super::build::{Built, Fusible};
use super::fold::{Reduce, fold};
use super::instruction_set::{InstructionSet, vectorised};
use super::kernel::{Arguments, Kernel};
use super::node::{Node, Refusal, axis_of, product};

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
