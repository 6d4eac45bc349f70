//! Models of classes that were not measured, derived from fitted ones by physical reasoning.
//!
//! - Matrix products with several rows are 1x1 convolutions: same arithmetic, same kernels.
//! - Everything that passes over its elements once costs per element what concatenation does, which is a copy: one element read
//!   and one written. Normalisation passes twice, softmax three times, bilinear resampling reads four elements for each it writes.
//! - Reductions read as the global mean does.
//! - Transposed convolution has the arithmetic of a convolution with a window.
//! - Recurrent cells are matrix-vector products.

use sim::cost::{ClassModel, Feature, KernelClass, Provenance};

/// Deviation of `ln(measured / predicted)` given to every assumed model: a factor of 1.5 either way. No data behind it.
const LOG_DEVIATION: f64 = 0.4;

/// What the assumed models of a worker are made of.
struct Ingredients {
    /// A 1x1 convolution.
    product: Vec<(Feature, f64)>,
    /// A transposed convolution.
    transposed: Vec<(Feature, f64)>,
    /// A matrix-vector product.
    vector: Vec<(Feature, f64)>,
    /// A reduction.
    reduction: Vec<(Feature, f64)>,
    /// Entering a kernel.
    launch_ns: f64,
    /// Reading or writing one element.
    element_ns: f64,
}

/// Assumed models of a CPU worker.
pub(super) fn of_cpu(fitted: &[ClassModel]) -> Vec<ClassModel> {
    let find = |class, feature| coefficient(fitted, class, feature);
    models(&Ingredients {
        product: coefficients(fitted, KernelClass::Convolution),
        transposed: vec![
            (Feature::Macs, find(KernelClass::Convolution, Feature::WindowMacs)),
            (Feature::TouchedElements, find(KernelClass::Convolution, Feature::WindowTouched)),
        ],
        vector: coefficients(fitted, KernelClass::FullyConnected),
        reduction: vec![(Feature::InputElements, find(KernelClass::GlobalPool, Feature::MeanElements))],
        launch_ns: 0.0,
        element_ns: find(KernelClass::Concatenate, Feature::OutputElements) / 2.0,
    })
}

/// Assumed models of the GPU.
pub(super) fn of_gpu(fitted: &[ClassModel]) -> Vec<ClassModel> {
    let find = |class, feature| coefficient(fitted, class, feature);
    let launch_ns = find(KernelClass::Concatenate, Feature::Launch);
    // The last occupancy knot counts loop trips in units of 2^16 work items; a loop trip is 4 x 4 multiply-accumulates.
    let mac_ns = find(KernelClass::Convolution, Feature::Occupancy16) / 65_536.0 / 16.0;
    let convolution_launch_ns = find(KernelClass::Convolution, Feature::Launch);
    models(&Ingredients {
        product: coefficients(fitted, KernelClass::Convolution),
        transposed: vec![(Feature::Launch, convolution_launch_ns), (Feature::Macs, mac_ns)],
        vector: vec![
            (Feature::Launch, find(KernelClass::FullyConnected, Feature::Launch)),
            (Feature::Macs, find(KernelClass::FullyConnected, Feature::SliceWeights)),
        ],
        reduction: vec![
            (Feature::Launch, find(KernelClass::GlobalPool, Feature::Launch)),
            (Feature::InputElements, find(KernelClass::GlobalPool, Feature::InTexels) / 4.0),
        ],
        launch_ns,
        // A texel holds four elements; each is read and written.
        element_ns: find(KernelClass::Concatenate, Feature::OutTexels) / 8.0,
    })
}

fn models(from: &Ingredients) -> Vec<ClassModel> {
    let passes = |count: f64| vec![(Feature::Launch, from.launch_ns), (Feature::TouchedElements, count * from.element_ns)];
    let interpolation = vec![(Feature::Launch, from.launch_ns), (Feature::OutputElements, 5.0 * from.element_ns)];
    let all = [
        (KernelClass::FullyConnectedRows, from.product.clone()),
        (KernelClass::MatrixMultiply, from.product.clone()),
        (KernelClass::TransposedConvolution, from.transposed.clone()),
        (KernelClass::Reduce, from.reduction.clone()),
        (KernelClass::Activation, passes(1.0)),
        (KernelClass::Elementwise, passes(1.0)),
        (KernelClass::Normalization, passes(2.0)),
        (KernelClass::Softmax, passes(3.0)),
        (KernelClass::DataMovement, passes(1.0)),
        (KernelClass::Resize, interpolation),
        (KernelClass::Embedding, passes(1.0)),
        (KernelClass::Recurrent, from.vector.clone()),
        (KernelClass::Other, passes(1.0)),
    ];
    all.into_iter()
        .map(|(class, coefficients)| {
            let used = coefficients.into_iter().filter(|&(_, coefficient)| coefficient > 0.0).collect();
            let mut model = ClassModel::linear(class, Provenance::Assumed, used);
            model.residuals.seen_log_deviation = LOG_DEVIATION;
            model.residuals.new_log_deviation = LOG_DEVIATION;
            model
        })
        .collect()
}

fn coefficients(fitted: &[ClassModel], class: KernelClass) -> Vec<(Feature, f64)> {
    fitted.iter().find(|model| model.class == class).map_or_else(Vec::new, |model| model.coefficients.clone())
}

fn coefficient(fitted: &[ClassModel], class: KernelClass, feature: Feature) -> f64 {
    let found = coefficients(fitted, class).into_iter().find(|(other, _)| *other == feature);
    found.map_or(0.0, |(_, coefficient)| coefficient)
}
