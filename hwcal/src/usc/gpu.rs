//! The GPU: one model for each class, fitted to the latency of single operators.

use std::collections::BTreeMap;

use sim::cost::{
    ClassModel, CostModelError, Feature, FitRange, Forest, KernelClass, KernelShape, Provenance, Residuals, ShapeKey, ShapeTable,
    tree_features,
};

use crate::boost::{Boosting, boost, first};
use crate::linear::{RobustFit, fit_relative};
use crate::statistics;
use crate::usc::FitError;
use crate::usc::measurements::MeasuredOperator;

/// Classes with measurements on the GPU.
pub const CLASSES: [KernelClass; 8] = [
    KernelClass::Convolution,
    KernelClass::SinglePixelConvolution,
    KernelClass::FullyConnected,
    KernelClass::DepthwiseConvolution,
    KernelClass::GroupedConvolution,
    KernelClass::Pool,
    KernelClass::GlobalPool,
    KernelClass::Concatenate,
];

/// What the duration of a class is linear in.
pub fn features(class: KernelClass) -> &'static [Feature] {
    use Feature as F;
    match class {
        KernelClass::Convolution => &[
            F::Launch,
            F::OutTexels,
            F::InTexels,
            F::SliceWeights,
            F::ThinTexelLoops,
            F::SmallMapLoops,
            F::StridedTexelLoops,
            F::Occupancy8,
            F::Occupancy9,
            F::Occupancy10,
            F::Occupancy11,
            F::Occupancy12,
            F::Occupancy13,
            F::Occupancy14,
            F::Occupancy15,
            F::Occupancy16,
        ],
        KernelClass::GroupedConvolution => &[
            F::Launch,
            F::OutTexels,
            F::InTexels,
            F::SliceWeights,
            F::TexelLoops,
            F::Loops,
            F::TexelWindows,
            F::CappedTexelLoops,
        ],
        KernelClass::DepthwiseConvolution => {
            &[F::Launch, F::TexelWindows, F::OutTexels, F::InTexels, F::SliceWindows, F::StridedTexels]
        }
        KernelClass::Pool => &[F::Launch, F::TexelWindows, F::OutTexels, F::InTexels, F::AverageTexelWindows, F::SliceWindows],
        KernelClass::GlobalPool => &[F::Launch, F::InTexels, F::InArea, F::OutSlices, F::InRows],
        KernelClass::Concatenate => &[F::Launch, F::OutSlices, F::OutTexels, F::LargeMapTexels, F::Inputs, F::InputPositions],
        _ => &[F::Launch, F::SliceWeights, F::InSlices, F::OutSlices, F::WideSliceProducts],
    }
}

/// Trees of a class: by number of measured shapes. Fully connected layers need none: their residuals are noise.
const fn trees(class: KernelClass) -> usize {
    match class {
        KernelClass::Convolution => 200,
        KernelClass::DepthwiseConvolution => 120,
        KernelClass::SinglePixelConvolution | KernelClass::GroupedConvolution => 100,
        KernelClass::GlobalPool => 80,
        KernelClass::Pool | KernelClass::Concatenate => 60,
        _ => 0,
    }
}

const BASE: RobustFit = RobustFit { ridge: 1e-6, ridge_target: 0.0, delta: 0.15, rounds: 8 };
/// Features of [`tree_features`] that trees may split on.
const VISIBLE: usize = 16;
/// No GPU kernel is shorter.
const MINIMUM_NS: f64 = 1000.0;

/// Fits the model of one class.
pub fn fit_class(class: KernelClass, operators: &[&MeasuredOperator]) -> Result<ClassModel, FitError> {
    let mut by_shape: BTreeMap<ShapeKey, (KernelShape, Vec<f64>)> = BTreeMap::new();
    for operator in operators {
        by_shape.entry(operator.key).or_insert_with(|| (operator.shape, Vec::new())).1.push(operator.gpu_ns);
    }
    let shapes: Vec<KernelShape> = by_shape.values().map(|(shape, _)| *shape).collect();
    let medians: Vec<f64> = by_shape.values().map(|(_, durations)| statistics::median(durations)).collect();
    // The median of n equal operators has less noise, but not n times less: they share their model's run.
    let roots: Vec<f64> = by_shape.values().map(|(_, durations)| libm::sqrt(durations.len() as f64)).collect();
    let mean_root = statistics::mean(&roots);
    let weights: Vec<f64> = roots.iter().map(|root| root / mean_root).collect();

    let mut model = ClassModel::linear(class, Provenance::Fitted, fit_base(class, &shapes, &medians, &weights)?);
    model.minimum_ns = MINIMUM_NS;
    model.range = FitRange::around(&shapes);
    let residuals: Vec<f64> =
        shapes.iter().zip(&medians).map(|(shape, median)| libm::log(median / model.linear_ns(shape))).collect();
    let count = trees(class);
    if count > 0 {
        let rows: Vec<_> = shapes.iter().map(|shape| tree_features(class, shape)).collect();
        let how = Boosting {
            trees: count,
            learning_rate: 0.08,
            leaves: 15,
            leaf_samples: 4,
            leaf_ridge: 1.0,
            feature_share: 0.5,
            row_share: 0.8,
            directions: first(VISIBLE),
            residual_limit: f64::INFINITY,
            seed: 1,
        };
        model.forest = Forest::new(boost(&rows, &residuals, &weights, how).concat())?;
        model.forest_limit = residuals.iter().fold(0.0, |most: f64, residual| most.max(residual.abs()));
    }
    model.shapes = ShapeTable::new(class, by_shape.keys().copied().zip(medians).collect())?;
    model.residuals = Residuals { samples: operators.len() as u32, ..Residuals::default() };
    Ok(model)
}

fn fit_base(
    class: KernelClass,
    shapes: &[KernelShape],
    medians: &[f64],
    weights: &[f64],
) -> Result<Vec<(Feature, f64)>, FitError> {
    let features = features(class);
    let rows: Vec<Vec<f64>> = shapes.iter().map(|shape| features.iter().map(|feature| feature.value(shape)).collect()).collect();
    // Each column scaled to unit mean square of its relative contribution.
    let scales: Vec<f64> = (0..features.len())
        .map(|column| {
            let squares: Vec<f64> = rows.iter().zip(medians).map(|(row, median)| row[column] / median).collect();
            let size = statistics::root_mean_square(&squares);
            if size > 0.0 { 1.0 / size } else { 1.0 }
        })
        .collect();
    let coefficients = fit_relative(&rows, medians, weights, &scales, BASE)?;
    Ok(features.iter().copied().zip(coefficients).filter(|&(_, coefficient)| coefficient > 0.0).collect())
}

/// Duration of an operator by a class model, and whether its exact shape was looked up.
pub fn predict(model: &ClassModel, operator: &MeasuredOperator) -> (f64, bool) {
    if let Some(duration_ns) = model.shapes.find(model.class, &operator.work, &operator.shape) {
        return (duration_ns, true);
    }
    let outside = model.range.as_ref().map_or(0.0, |range| range.octaves_outside(&operator.shape));
    (model.duration_ns(&operator.shape, outside), false)
}

impl From<CostModelError> for FitError {
    fn from(error: CostModelError) -> Self {
        Self::Model(error)
    }
}
