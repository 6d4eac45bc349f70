//! Cost models of a CPU and a GPU: shapes from how MACE's kernels work, scaled by a few parameters.

use sim::cost::{ClassModel, CostModelError, CostModels, Feature, KernelClass, KernelShape, Provenance};
use sim::graph::Graph;

use crate::linear::{LinearError, RobustFit, fit_relative};

/// A prior that five latencies can overrule; ties between parameters that they do not tell apart go by it.
const HOW: RobustFit = RobustFit { ridge: 0.003, ridge_target: 1.0, delta: f64::INFINITY, rounds: 1 };
/// Deviation of `ln(measured / predicted)` of single operators: a factor of 1.3 either way. No data behind it.
const LOG_DEVIATION: f64 = 0.25;
/// Bytes of an element.
const BYTES: f64 = 4.0;

/// What is fitted for a worker, with the prior: coefficients of [`KernelClass::Convolution`].
pub(super) struct Shape {
    pub(super) features: Vec<(Feature, f64)>,
    /// What each kernel takes that is no convolution with several outputs: nanoseconds an element moved, and a launch.
    pub(super) element_ns: f64,
    pub(super) launch_ns: f64,
    /// Of a layer that is one column: nanoseconds a weight.
    pub(super) weight_ns: f64,
}

/// The CPU: matrix products for 1x1 windows, Winograd's algorithm for 3x3, direct kernels for others, slower ones beyond 7x7.
///
/// Prior: shares of the peak that such kernels reach; only their ratios matter much, as all are scaled to fit first.
pub(super) fn cpu(peak_gmacs: f64, dram_gb_per_s: f64) -> Shape {
    let of_peak = |share: f64| 1.0 / (share * peak_gmacs);
    Shape {
        features: vec![
            (Feature::PointwiseMacs, of_peak(0.8)),
            (Feature::WinogradMacs, of_peak(0.4)),
            (Feature::DirectMacs, of_peak(0.5)),
            (Feature::WideMacs, of_peak(0.1)),
        ],
        element_ns: BYTES / (0.3 * dram_gb_per_s),
        launch_ns: 5_000.0,
        weight_ns: BYTES / (0.5 * dram_gb_per_s),
    }
}

/// The GPU: every convolution direct, a work item loops over texels of four channels; filters and texels are read from memory.
pub(super) fn gpu(peak_gmacs: f64, dram_gb_per_s: f64) -> Shape {
    Shape {
        features: vec![
            (Feature::TexelLoops, 16.0 / (0.2 * peak_gmacs)),
            (Feature::SliceWeights, BYTES / (0.3 * dram_gb_per_s)),
            (Feature::OutTexels, 4.0 * BYTES / (0.5 * dram_gb_per_s)),
        ],
        element_ns: BYTES / (0.5 * dram_gb_per_s),
        launch_ns: 20_000.0,
        weight_ns: BYTES / (0.5 * dram_gb_per_s),
    }
}

/// Fits a worker's parameters to what the networks take on it alone, in nanoseconds.
pub(super) fn fit(shape: &Shape, networks: &[Graph], latency_ns: &[f64]) -> Result<Vec<(Feature, f64)>, LinearError> {
    let prior = models(shape, &shape.features, 1.0).map_err(|_| LinearError::Singular { columns: shape.features.len() })?;
    let mut rows = Vec::new();
    let mut values = Vec::new();
    for (network, &latency_ns) in networks.iter().zip(latency_ns) {
        let mut row = vec![0.0; shape.features.len()];
        let mut rest_ns = 0.0;
        for operator in network.operators() {
            let work = network.work(operator.id);
            if KernelClass::of(work) == Some(KernelClass::Convolution) {
                let kernel = KernelShape::of(work);
                row.iter_mut().zip(&shape.features).for_each(|(sum, (feature, _))| *sum += feature.value(&kernel));
                rest_ns += shape.launch_ns;
            } else {
                rest_ns += prior.predict(work).duration_ns;
            }
        }
        rows.push(row);
        values.push((latency_ns - rest_ns).max(0.1 * latency_ns));
    }
    // First all in proportion, then each.
    let ratio = |(row, value): (&Vec<f64>, &f64)| {
        value / row.iter().zip(&shape.features).map(|(feature, (_, prior))| feature * prior).sum::<f64>()
    };
    let mut ratios: Vec<f64> = rows.iter().zip(&values).map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let scales: Vec<f64> = shape.features.iter().map(|(_, prior)| prior * ratios[ratios.len() / 2]).collect();
    let fitted = fit_relative(&rows, &values, &vec![1.0; values.len()], &scales, HOW)?;
    Ok(shape.features.iter().zip(fitted).map(|(&(feature, _), coefficient)| (feature, coefficient)).collect())
}

/// Cost models from fitted convolutions; `convolution` is a factor on their duration.
pub(super) fn models(shape: &Shape, fitted: &[(Feature, f64)], convolution: f64) -> Result<CostModels, CostModelError> {
    let round = |value: f64| crate::usc::round::significant(value, 6);
    let scaled = |factor: f64| -> Vec<(Feature, f64)> {
        let launch = (Feature::Launch, shape.launch_ns);
        let used = fitted.iter().map(|&(feature, value)| (feature, round(value * factor)));
        std::iter::once(launch).chain(used).filter(|&(_, value)| value > 0.0).collect()
    };
    let passes =
        |count: f64| vec![(Feature::Launch, shape.launch_ns), (Feature::TouchedElements, round(count * shape.element_ns))];
    let column = vec![(Feature::Launch, shape.launch_ns), (Feature::Weights, round(shape.weight_ns))];
    let all = KernelClass::ALL.into_iter().map(|class| {
        use KernelClass as C;
        let (coefficients, provenance) = match class {
            C::Convolution => (scaled(convolution), Provenance::Fitted),
            C::FullyConnectedRows | C::MatrixMultiply | C::GroupedConvolution | C::TransposedConvolution => {
                (scaled(convolution), Provenance::Assumed)
            }
            C::SinglePixelConvolution | C::FullyConnected | C::Recurrent => (column.clone(), Provenance::Assumed),
            C::DepthwiseConvolution | C::Normalization => (passes(2.0), Provenance::Assumed),
            C::Softmax | C::Resize => (passes(3.0), Provenance::Assumed),
            _ => (passes(1.0), Provenance::Assumed),
        };
        let mut model = ClassModel::linear(class, provenance, coefficients);
        model.residuals.seen_log_deviation = LOG_DEVIATION;
        model.residuals.new_log_deviation = LOG_DEVIATION;
        model
    });
    CostModels::new(BYTES as u32, 1.0, all.collect())
}
