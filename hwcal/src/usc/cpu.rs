//! The CPU: whole models as sums over their operators, for each set of cores.
//!
//! No latency of a single operator was measured on the CPU. The latency of a whole model is linear in features summed over its
//! operators; the coefficients then price each operator on its own.

use sim::cost::{Feature, KernelClass};

use crate::folds::{FOLDS, Folds};
use crate::linear::{RobustFit, fit_relative};
use crate::statistics::median;
use crate::usc::measurements::Measurements;
use crate::usc::{CLUSTERS, FitError};

/// Whether threads share a term's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threading {
    /// Divided by the number of threads, in the prior of multi-core fits (Amdahl).
    Parallel,
    /// As long on many threads as on one.
    Serial,
}

/// One coefficient of the CPU model.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    /// What it is a coefficient of, in which classes; nothing for the constant of a whole model.
    pub prices: &'static [(KernelClass, Feature)],
    /// Nanoseconds per unit expected on a large core: only the ratios matter.
    pub prior_ns: f64,
    /// Whether threads share it.
    pub threading: Threading,
}

const fn parallel(prices: &'static [(KernelClass, Feature)], prior_ns: f64) -> Term {
    Term { prices, prior_ns, threading: Threading::Parallel }
}

const fn serial(prices: &'static [(KernelClass, Feature)], prior_ns: f64) -> Term {
    Term { prices, prior_ns, threading: Threading::Serial }
}

/// fp32 multiply-accumulates at 15 per nanosecond, the order of two 128-bit pipes at 2 to 3 GHz.
const MAC_NS: f64 = 1.0 / 15.0;

/// All coefficients; the first is the constant. Grouped convolutions, means, pooling and concatenation are serial: `TFLite`'s
/// kernels for them use one thread.
pub const TERMS: [Term; 25] = {
    use Feature as F;
    use KernelClass as C;
    [
        serial(&[], 1e5),
        parallel(&[(C::SinglePixelConvolution, F::Macs), (C::FullyConnected, F::Macs)], 0.3),
        serial(&[(C::SinglePixelConvolution, F::Launch), (C::FullyConnected, F::Launch)], 3e3),
        parallel(&[(C::Convolution, F::PointwiseMacs)], MAC_NS),
        parallel(&[(C::Convolution, F::PointwiseWeights)], 0.2),
        parallel(&[(C::Convolution, F::PointwiseSpill)], 0.2),
        parallel(&[(C::Convolution, F::WindowMacs)], MAC_NS),
        parallel(&[(C::Convolution, F::WindowTouched)], 0.3),
        parallel(&[(C::Convolution, F::WindowWeights)], 0.2),
        serial(&[(C::Convolution, F::WindowPatches)], 0.2),
        parallel(&[(C::Convolution, F::WindowIndirections)], 0.3),
        parallel(&[(C::Convolution, F::ImageMacs)], MAC_NS),
        serial(&[(C::Convolution, F::ImageOutputs)], 0.3),
        parallel(&[(C::Convolution, F::ImagePatches)], 0.2),
        parallel(&[(C::Convolution, F::ShallowBlocks)], 3.0),
        serial(&[(C::Convolution, F::PaddedInputs)], 0.3),
        parallel(&[(C::Convolution, F::Weights)], 0.2),
        parallel(&[(C::DepthwiseConvolution, F::WindowPositions)], 0.12),
        parallel(&[(C::DepthwiseConvolution, F::DepthwiseSpill)], 0.2),
        serial(&[(C::GroupedConvolution, F::Macs)], 0.6),
        serial(&[(C::GroupedConvolution, F::WindowPositions)], 1.5),
        serial(&[(C::GroupedConvolution, F::OutputElements)], 3.0),
        serial(&[(C::GlobalPool, F::MeanElements)], 0.4),
        serial(&[(C::Pool, F::WindowPositions), (C::GlobalPool, F::AveragedElements)], 0.15),
        serial(&[(C::Concatenate, F::OutputElements)], 0.4),
    ]
};

/// Features of every model: one row a model, one column a term.
pub fn model_features(measured: &Measurements) -> Vec<Vec<f64>> {
    let mut rows = vec![vec![0.0; TERMS.len()]; measured.models.len()];
    for row in &mut rows {
        row[0] = 1.0;
    }
    for operator in &measured.operators {
        for (column, term) in TERMS.iter().enumerate() {
            for &(class, feature) in term.prices {
                if class == operator.class {
                    rows[operator.model][column] += feature.value(&operator.shape);
                }
            }
        }
    }
    rows
}

/// One core: a weak pull to the physical prior, errors beyond 2 % taken for outliers.
const ONE_CORE: RobustFit = RobustFit { ridge: 1e-6, ridge_target: 1.0, delta: 0.02, rounds: 10 };
/// Several cores: a stronger pull to what fewer cores' fits and Amdahl's law expect, more tolerance.
const SEVERAL_CORES: RobustFit = RobustFit { ridge: 1e-4, ridge_target: 1.0, delta: 0.1, rounds: 10 };
/// Weight of the single-core fit in the prior of several cores; the rest is the physical prior.
const SINGLE_CORE_SHARE: f64 = 0.95;
/// Weight, within that, of the fit with one core less of the same cluster, where there is one.
const ONE_LESS_SHARE: f64 = 0.5;
/// Relative deviation over runs at which a measurement counts half: of one core, of several.
const NOISE: [f64; 2] = [0.02, 0.05];

/// Coefficients of one core set, fitted to the models of `training`.
pub fn fit_core_set(
    measured: &Measurements,
    features: &[Vec<f64>],
    set: usize,
    training: &[usize],
) -> Result<Vec<f64>, FitError> {
    let physical: Vec<f64> = TERMS.iter().map(|term| term.prior_ns).collect();
    let threads = f64::from(measured.campaign.core_sets[set].threads());
    if threads <= 1.0 {
        return fit_with_prior(measured, features, set, training, &physical, ONE_CORE);
    }
    let single = single_cores(measured, features, set, training)?;
    let ratio = level(measured, features, set, training, &physical);
    let divided = |term: &Term, threads: f64| if term.threading == Threading::Parallel { threads } else { 1.0 };
    let mut expected: Vec<f64> = TERMS.iter().zip(&single).map(|(term, single)| single / divided(term, threads)).collect();
    if let Some(fewer) = one_less(measured, set) {
        let coefficients = fit_core_set(measured, features, fewer, training)?;
        for ((term, slot), coefficient) in TERMS.iter().zip(&mut expected).zip(coefficients) {
            let scaled = coefficient * divided(term, threads - 1.0) / divided(term, threads);
            *slot = (1.0 - ONE_LESS_SHARE) * *slot + ONE_LESS_SHARE * scaled;
        }
    }
    let blend = |(expected, physical): (&f64, &f64)| (1.0 - SINGLE_CORE_SHARE) * physical * ratio + SINGLE_CORE_SHARE * expected;
    let prior: Vec<f64> = expected.iter().zip(&physical).map(blend).collect();
    fit_with_prior(measured, features, set, training, &prior, SEVERAL_CORES)
}

/// Coefficients of one core of a set: the mean over its clusters.
fn single_cores(measured: &Measurements, features: &[Vec<f64>], set: usize, training: &[usize]) -> Result<Vec<f64>, FitError> {
    let physical: Vec<f64> = TERMS.iter().map(|term| term.prior_ns).collect();
    let sets = measured.campaign.core_sets;
    let mut single = vec![0.0; TERMS.len()];
    let mut clusters = 0.0;
    for cluster in (0..CLUSTERS.len()).filter(|&cluster| sets[set].cores[cluster] > 0) {
        let mut alone = [0; CLUSTERS.len()];
        alone[cluster] = 1;
        let Some(source) = sets.iter().position(|set| set.cores == alone) else { continue };
        clusters += 1.0;
        for (sum, coefficient) in
            single.iter_mut().zip(fit_with_prior(measured, features, source, training, &physical, ONE_CORE)?)
        {
            *sum += coefficient;
        }
    }
    Ok(single.into_iter().map(|sum| sum / f64::max(clusters, 1.0)).collect())
}

/// Speed-up of what threads share, as a power of their number, where nothing was measured on several cores.
const SPEED_UP: f64 = 0.9;

/// Latency of every model on several cores from measurements of single cores alone, each from the other folds.
pub fn from_single_cores(
    measured: &Measurements,
    features: &[Vec<f64>],
    set: usize,
    folds: &Folds,
) -> Result<Vec<f64>, FitError> {
    let speed_up = libm::pow(f64::from(measured.campaign.core_sets[set].threads()), SPEED_UP);
    let mut predicted = vec![f64::NAN; measured.models.len()];
    for fold in 0..FOLDS {
        let (test, training): (Vec<usize>, Vec<usize>) = (0..predicted.len()).partition(|&model| folds.0[model] == fold);
        let single = single_cores(measured, features, set, &training)?;
        let shared =
            |(term, single): (&Term, f64)| if term.threading == Threading::Parallel { single / speed_up } else { single };
        let coefficients: Vec<f64> = TERMS.iter().zip(single).map(shared).collect();
        for model in test {
            predicted[model] = predict(&features[model], &coefficients);
        }
    }
    Ok(predicted)
}

/// The set with one core less of the only cluster that a set of more than two cores has.
fn one_less(measured: &Measurements, set: usize) -> Option<usize> {
    let sets = measured.campaign.core_sets;
    let cluster = sets[set].cores.iter().position(|&cores| cores == sets[set].threads()).filter(|_| sets[set].threads() > 2)?;
    let mut fewer = sets[set].cores;
    fewer[cluster] -= 1;
    sets.iter().position(|set| set.cores == fewer)
}

fn fit_with_prior(
    measured: &Measurements,
    features: &[Vec<f64>],
    set: usize,
    training: &[usize],
    prior: &[f64],
    how: RobustFit,
) -> Result<Vec<f64>, FitError> {
    let cores = &measured.cores[set];
    let half = NOISE[usize::from(measured.campaign.core_sets[set].threads() > 1)];
    let rows: Vec<Vec<f64>> = training.iter().map(|&model| features[model].clone()).collect();
    let values: Vec<f64> = training.iter().map(|&model| cores.mean_ns[model]).collect();
    let weights: Vec<f64> = training
        .iter()
        .map(|&model| {
            let noise = cores.relative_deviation[model] / half;
            1.0 / (1.0 + noise * noise)
        })
        .collect();
    // The prior's ratios count, not its level: half of the models lie above it, half below.
    let contributions: Vec<f64> = rows.iter().zip(&values).map(|(row, value)| predict(row, prior) / value).collect();
    let typical = median(&contributions);
    let scales: Vec<f64> = prior.iter().map(|coefficient| coefficient / typical).collect();
    Ok(fit_relative(&rows, &values, &weights, &scales, how)?)
}

/// Median ratio of measured latency to what coefficients predict.
fn level(measured: &Measurements, features: &[Vec<f64>], set: usize, training: &[usize], coefficients: &[f64]) -> f64 {
    let ratios: Vec<f64> =
        training.iter().map(|&model| measured.cores[set].mean_ns[model] / predict(&features[model], coefficients)).collect();
    median(&ratios)
}

/// Latency of a model.
pub fn predict(features: &[f64], coefficients: &[f64]) -> f64 {
    features.iter().zip(coefficients).map(|(feature, coefficient)| feature * coefficient).sum()
}

/// Latency of every model, each from the other folds.
pub fn hold_out(measured: &Measurements, features: &[Vec<f64>], set: usize, folds: &Folds) -> Result<Vec<f64>, FitError> {
    let mut predicted = vec![f64::NAN; measured.models.len()];
    for fold in 0..FOLDS {
        let (test, training): (Vec<usize>, Vec<usize>) = (0..predicted.len()).partition(|&model| folds.0[model] == fold);
        let coefficients = fit_core_set(measured, features, set, &training)?;
        for model in test {
            predicted[model] = predict(&features[model], &coefficients);
        }
    }
    Ok(predicted)
}
