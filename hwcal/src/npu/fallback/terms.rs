//! What the part of ONNX Runtime's CPU is linear in.

use sim::cost::{Feature, KernelClass};

use crate::npu::{Precision, Work};

/// One coefficient: what it prices, in models of which precision (`None`: of both), and nanoseconds expected on a Snapdragon 8 Gen 2.
pub(super) struct Term {
    pub precision: Option<Precision>,
    pub prices: &'static [(KernelClass, Feature, f64)],
    pub prior_ns: f64,
}

const fn term(precision: Option<Precision>, prices: &'static [(KernelClass, Feature, f64)], prior_ns: f64) -> Term {
    Term { precision, prices, prior_ns }
}

/// Place of what leaving the NPU's graph and entering it again costs.
pub(super) const SEGMENT: usize = 0;

use Feature as F;
use KernelClass as C;

/// Convolutions and products of one row, for which there are kernels in integers.
const DENSE: &[(KernelClass, Feature, f64)] = &[
    (C::Convolution, F::Macs, 1.0),
    (C::SinglePixelConvolution, F::Macs, 1.0),
    (C::GroupedConvolution, F::Macs, 1.0),
    (C::FullyConnected, F::Macs, 1.0),
];

/// Elements read and written: each is quantised or dequantised too.
const ELEMENTS: &[(KernelClass, Feature, f64)] = &[
    (C::Convolution, F::TouchedElements, 1.0),
    (C::SinglePixelConvolution, F::TouchedElements, 1.0),
    (C::GroupedConvolution, F::TouchedElements, 1.0),
    (C::FullyConnected, F::TouchedElements, 1.0),
    (C::FullyConnectedRows, F::TouchedElements, 1.0),
    (C::MatrixMultiply, F::TouchedElements, 1.0),
    (C::DepthwiseConvolution, F::TouchedElements, 1.0),
    (C::Pool, F::InputElements, 1.0),
    (C::GlobalPool, F::InputElements, 1.0),
    (C::Elementwise, F::OutputElements, 2.0),
    (C::Activation, F::OutputElements, 2.0),
    (C::Normalization, F::OutputElements, 2.0),
    (C::Other, F::OutputElements, 2.0),
    (C::DataMovement, F::OutputElements, 2.0),
    (C::Concatenate, F::OutputElements, 2.0),
    (C::Resize, F::OutputElements, 2.0),
    (C::Embedding, F::OutputElements, 2.0),
    (C::Softmax, F::OutputElements, 2.0),
    // What is joined to a kernel is one of its own here, or read besides.
    (C::Convolution, F::JoinedElements, 1.0),
    (C::SinglePixelConvolution, F::JoinedElements, 1.0),
    (C::FullyConnected, F::JoinedElements, 1.0),
    (C::FullyConnectedRows, F::JoinedElements, 1.0),
    (C::MatrixMultiply, F::JoinedElements, 1.0),
    (C::DepthwiseConvolution, F::JoinedElements, 1.0),
    (C::GroupedConvolution, F::JoinedElements, 1.0),
    (C::GlobalPool, F::JoinedElements, 1.0),
    (C::Elementwise, F::JoinedElements, 1.0),
    (C::Activation, F::JoinedElements, 1.0),
    (C::Normalization, F::JoinedElements, 1.0),
    (C::Reduce, F::JoinedElements, 1.0),
    // Not in the sums that are fitted to.
    (C::Reduce, F::InputElements, 1.0),
];

const LAUNCHES: &[(KernelClass, Feature, f64)] = &[
    (C::Convolution, F::Launch, 1.0),
    (C::SinglePixelConvolution, F::Launch, 1.0),
    (C::GroupedConvolution, F::Launch, 1.0),
    (C::FullyConnected, F::Launch, 1.0),
    (C::FullyConnectedRows, F::Launch, 1.0),
    (C::MatrixMultiply, F::Launch, 1.0),
    (C::DepthwiseConvolution, F::Launch, 1.0),
    (C::Pool, F::Launch, 1.0),
    (C::GlobalPool, F::Launch, 1.0),
    (C::Reduce, F::Launch, 1.0),
    (C::Concatenate, F::Launch, 1.0),
    (C::Activation, F::Launch, 1.0),
    (C::Elementwise, F::Launch, 1.0),
    (C::Normalization, F::Launch, 1.0),
    (C::Softmax, F::Launch, 1.0),
    (C::DataMovement, F::Launch, 1.0),
    (C::Resize, F::Launch, 1.0),
    (C::Embedding, F::Launch, 1.0),
    (C::Other, F::Launch, 1.0),
];

/// All coefficients.
pub(super) const TERMS: [Term; 9] = [
    term(None, &[], 1e6),
    term(None, LAUNCHES, 2e3),
    // Kernels in integers where everything has 8 bits; with activations of 16 bits, in floating point.
    term(Some(Precision::Int8), DENSE, 4e-3),
    term(Some(Precision::Float16), DENSE, 1.2e-2),
    // Products of rows by weights, and of activations: floating point either way.
    term(None, &[(C::FullyConnectedRows, F::Macs, 1.0), (C::MatrixMultiply, F::Macs, 1.0)], 1.2e-2),
    term(None, &[(C::DepthwiseConvolution, F::WindowPositions, 1.0)], 0.3),
    term(Some(Precision::Int8), ELEMENTS, 0.3),
    term(Some(Precision::Float16), ELEMENTS, 1.0),
    term(None, &[(C::Softmax, F::OutputElements, 1.0)], 2.0),
];

/// What is asked for, one number a term.
pub(super) fn row(work: &Work, precision: Precision, segments: f64) -> Vec<f64> {
    let total =
        |class: KernelClass, feature: Feature| work.get(&(Some(class), feature.name().to_owned())).copied().unwrap_or(0.0);
    let asked = |term: &Term| -> f64 {
        if term.precision.is_some_and(|of| of != precision) {
            return 0.0;
        }
        term.prices.iter().map(|&(class, feature, factor)| factor * total(class, feature)).sum()
    };
    let mut row: Vec<f64> = TERMS.iter().map(asked).collect();
    row[SEGMENT] = segments;
    row
}
