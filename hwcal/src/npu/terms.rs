//! What the latency of a model is linear in.

use sim::cost::{Feature, KernelClass};

/// One coefficient: what it prices, and nanoseconds per unit expected on the device of scale 1; only the ratios matter.
pub(super) struct Term {
    pub prices: &'static [(KernelClass, Feature)],
    pub prior_ns: f64,
}

const fn term(prices: &'static [(KernelClass, Feature)], prior_ns: f64) -> Term {
    Term { prices, prior_ns }
}

/// Place of the constant of a whole model in [`TERMS`].
pub(super) const CONSTANT: usize = 0;
/// Place of what an element of the model's inputs and outputs costs.
pub(super) const BOUNDARY: usize = 1;

/// All coefficients.
#[rustfmt::skip]
pub(super) const TERMS: [Term; 17] = {
    use Feature as F;
    use KernelClass as C;
    [
        term(&[], 1e5),
        term(&[], 0.2),
        // Launches.
        term(&[
            (C::Convolution, F::Launch), (C::SinglePixelConvolution, F::Launch), (C::FullyConnected, F::Launch),
            (C::FullyConnectedRows, F::Launch), (C::MatrixMultiply, F::Launch), (C::DepthwiseConvolution, F::Launch),
            (C::GroupedConvolution, F::Launch), (C::TransposedConvolution, F::Launch), (C::Pool, F::Launch), (C::GlobalPool, F::Launch),
            (C::Reduce, F::Launch), (C::Concatenate, F::Launch), (C::Activation, F::Launch), (C::Elementwise, F::Launch),
            (C::Normalization, F::Launch), (C::Softmax, F::Launch), (C::DataMovement, F::Launch), (C::Resize, F::Launch),
            (C::Embedding, F::Launch), (C::Other, F::Launch),
        ], 1e3),
        // Dense arithmetic, 32 output channels at a time.
        term(&[
            (C::Convolution, F::TiledMacs32), (C::SinglePixelConvolution, F::TiledMacs32), (C::FullyConnected, F::TiledMacs32),
            (C::FullyConnectedRows, F::TiledMacs32),
        ], 1.5e-4),
        // Weights come from memory in every inference.
        term(&[
            (C::Convolution, F::Weights), (C::SinglePixelConvolution, F::Weights), (C::FullyConnected, F::Weights),
            (C::FullyConnectedRows, F::Weights), (C::GroupedConvolution, F::Weights),
        ], 0.03),
        // Products of activations.
        term(&[(C::MatrixMultiply, F::Macs)], 3e-4),
        // Activations of dense kernels.
        term(&[
            (C::Convolution, F::TouchedElements), (C::SinglePixelConvolution, F::TouchedElements), (C::FullyConnected, F::TouchedElements),
            (C::FullyConnectedRows, F::TouchedElements), (C::MatrixMultiply, F::TouchedElements),
        ], 0.02),
        // What exceeds 8 MB in fp16, the size of the tightly coupled memory.
        term(&[
            (C::Convolution, F::TrafficBeyond22), (C::SinglePixelConvolution, F::TrafficBeyond22), (C::FullyConnected, F::TrafficBeyond22),
            (C::FullyConnectedRows, F::TrafficBeyond22), (C::MatrixMultiply, F::TrafficBeyond22),
            (C::DepthwiseConvolution, F::TrafficBeyond22), (C::GroupedConvolution, F::TrafficBeyond22), (C::Pool, F::TrafficBeyond22),
            (C::GlobalPool, F::TrafficBeyond22), (C::Reduce, F::TrafficBeyond22), (C::Concatenate, F::TrafficBeyond22),
            (C::Activation, F::TrafficBeyond22), (C::Elementwise, F::TrafficBeyond22), (C::Normalization, F::TrafficBeyond22),
            (C::Softmax, F::TrafficBeyond22), (C::DataMovement, F::TrafficBeyond22), (C::Resize, F::TrafficBeyond22),
        ], 0.05),
        term(&[(C::DepthwiseConvolution, F::WindowPositions)], 0.01),
        term(&[(C::DepthwiseConvolution, F::TouchedElements)], 0.02),
        term(&[(C::GroupedConvolution, F::Macs)], 5e-4),
        term(&[(C::GroupedConvolution, F::TouchedElements)], 0.05),
        term(&[(C::Pool, F::InputElements), (C::GlobalPool, F::InputElements)], 0.03),
        term(&[
            (C::Activation, F::OutputElements), (C::Elementwise, F::OutputElements), (C::Normalization, F::OutputElements),
            (C::Reduce, F::OutputElements), (C::Other, F::OutputElements),
        ], 0.03),
        // What joins a kernel and has to be read besides.
        term(&[
            (C::Convolution, F::JoinedElements), (C::SinglePixelConvolution, F::JoinedElements), (C::FullyConnected, F::JoinedElements),
            (C::FullyConnectedRows, F::JoinedElements), (C::MatrixMultiply, F::JoinedElements), (C::DepthwiseConvolution, F::JoinedElements),
            (C::GroupedConvolution, F::JoinedElements), (C::GlobalPool, F::JoinedElements), (C::Elementwise, F::JoinedElements),
            (C::Activation, F::JoinedElements), (C::Normalization, F::JoinedElements),
        ], 0.02),
        term(&[(C::Softmax, F::OutputElements)], 0.1),
        term(&[
            (C::DataMovement, F::OutputElements), (C::Concatenate, F::OutputElements), (C::Resize, F::OutputElements),
            (C::Embedding, F::OutputElements),
        ], 0.03),
    ]
};

/// The features that are read, each once.
pub fn features() -> Vec<Feature> {
    let mut all: Vec<Feature> = TERMS.iter().flat_map(|term| term.prices.iter().map(|price| price.1)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The features of a model, one column a term.
pub(super) fn row(work: &super::Work) -> Vec<f64> {
    let total = |class: Option<KernelClass>, name: &str| work.get(&(class, name.to_owned())).copied().unwrap_or(0.0);
    let mut row: Vec<f64> =
        TERMS.iter().map(|term| term.prices.iter().map(|&(class, feature)| total(Some(class), feature.name())).sum()).collect();
    row[CONSTANT] = 1.0;
    row[BOUNDARY] = total(None, "boundary_elements");
    row
}
