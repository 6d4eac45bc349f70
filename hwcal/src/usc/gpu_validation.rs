//! Cross-validation of the GPU's models: single operators, and whole models from the sum of their operators.

use rayon::prelude::*;
use sim::cost::{KernelClass, Residuals};

use crate::folds::{FOLDS, Folds};
use crate::linear::{RobustFit, fit_relative};
use crate::statistics::{self, Accuracy};
use crate::usc::measurements::{MeasuredOperator, Measurements};
use crate::usc::{FitError, Progress, gpu};

/// Predictions for every operator by models that never saw the operator's model.
#[derive(Clone, Debug)]
pub struct HeldOut {
    /// Durations.
    pub predicted_ns: Vec<f64>,
    /// Whether the exact shape occurs in another fold.
    pub is_seen: Vec<bool>,
}

/// Predicts all operators, each from the other folds, for each of several foldings.
pub fn hold_out(measured: &Measurements, foldings: &[Folds], progress: &Progress<'_>) -> Result<Vec<HeldOut>, FitError> {
    let jobs: Vec<(usize, usize, KernelClass)> = (0..foldings.len())
        .flat_map(|folding| (0..FOLDS).flat_map(move |fold| gpu::CLASSES.map(|class| (folding, fold, class))))
        .collect();
    let results: Vec<Vec<(usize, f64, bool)>> = jobs
        .par_iter()
        .map(|&(folding, fold, class)| {
            let fold_of = |operator: &MeasuredOperator| foldings[folding].0[operator.model];
            let of_class = || measured.operators.iter().enumerate().filter(|(_, operator)| operator.class == class);
            let training: Vec<&MeasuredOperator> =
                of_class().map(|(_, operator)| operator).filter(|operator| fold_of(operator) != fold).collect();
            let mut predictions = Vec::new();
            if !training.is_empty() {
                let model = gpu::fit_class(class, &training)?;
                for (index, operator) in of_class().filter(|(_, operator)| fold_of(operator) == fold) {
                    let (duration_ns, is_seen) = gpu::predict(&model, operator);
                    predictions.push((index, duration_ns, is_seen));
                }
            }
            progress.advance();
            Ok(predictions)
        })
        .collect::<Result<_, FitError>>()?;
    let count = measured.operators.len();
    let mut held_out = vec![HeldOut { predicted_ns: vec![f64::NAN; count], is_seen: vec![false; count] }; foldings.len()];
    for (&(folding, _, _), predictions) in jobs.iter().zip(results) {
        for (index, duration_ns, is_seen) in predictions {
            held_out[folding].predicted_ns[index] = duration_ns;
            held_out[folding].is_seen[index] = is_seen;
        }
    }
    Ok(held_out)
}

/// Errors of the operators that a filter keeps.
pub fn accuracy(measured: &Measurements, held_out: &HeldOut, keep: impl Fn(&MeasuredOperator) -> bool) -> Accuracy {
    let pairs = measured.operators.iter().zip(&held_out.predicted_ns).filter(|(operator, _)| keep(operator));
    Accuracy::of(pairs.map(|(operator, &predicted)| (predicted, operator.gpu_ns)))
}

/// Residuals of a class: for seen shapes from random folds, for new shapes from held-out families.
pub fn residuals(measured: &Measurements, class: KernelClass, random: &[HeldOut], family: &HeldOut) -> Residuals {
    let collect = |held_out: &HeldOut, wanted: Option<bool>| -> Vec<f64> {
        let operators = measured.operators.iter().enumerate().filter(|(_, operator)| operator.class == class);
        operators
            .filter(|&(index, _)| wanted.is_none_or(|wanted| held_out.is_seen[index] == wanted))
            .map(|(index, operator)| libm::log(operator.gpu_ns / held_out.predicted_ns[index]))
            .collect()
    };
    let seen: Vec<f64> = random.iter().flat_map(|held_out| collect(held_out, Some(true))).collect();
    let new = collect(family, Some(false));
    let errors = accuracy(measured, family, |operator| operator.class == class);
    Residuals {
        samples: errors.count as u32,
        seen_log_deviation: statistics::robust_deviation(&seen),
        new_log_deviation: statistics::robust_deviation(&new),
        median_error_percent: errors.median_percent,
        p90_error_percent: errors.p90_percent,
    }
}

/// A whole model takes `invocation + scale x sum of operators`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overhead {
    /// Constant part, copies included.
    pub constant_ns: f64,
    /// Factor on the sum of the operators.
    pub scale: f64,
}

const OVERHEAD: RobustFit = RobustFit { ridge: 1e-9, ridge_target: 0.0, delta: 0.05, rounds: 10 };

/// Sum of each model's predicted operators.
pub fn sums_ns(measured: &Measurements, held_out: &HeldOut) -> Vec<f64> {
    let mut sums = vec![0.0; measured.models.len()];
    for (operator, predicted) in measured.operators.iter().zip(&held_out.predicted_ns) {
        sums[operator.model] += predicted;
    }
    sums
}

/// Fits the overhead to sums of held-out predictions.
pub fn fit_overhead(sums: &[f64], measured_ns: &[f64]) -> Result<Overhead, FitError> {
    let features: Vec<Vec<f64>> = sums.iter().map(|&sum| vec![1.0, sum]).collect();
    let typical = statistics::median(measured_ns);
    let coefficients = fit_relative(&features, measured_ns, &vec![1.0; sums.len()], &[typical, 1.0], OVERHEAD)?;
    Ok(Overhead { constant_ns: coefficients[0], scale: coefficients[1] })
}

/// Latency of every whole model; the overhead of each fold is fitted to the held-out sums of the other folds.
pub fn whole_predictions(measured: &Measurements, held_out: &HeldOut, folds: &Folds) -> Result<Vec<f64>, FitError> {
    let sums = sums_ns(measured, held_out);
    let latencies = &measured.gpu.mean_ns;
    let mut predicted = vec![f64::NAN; sums.len()];
    for fold in 0..FOLDS {
        let (test, training): (Vec<usize>, Vec<usize>) = (0..sums.len()).partition(|&model| folds.0[model] == fold);
        let pick = |values: &[f64]| training.iter().map(|&model| values[model]).collect::<Vec<_>>();
        let overhead = fit_overhead(&pick(&sums), &pick(latencies))?;
        for model in test {
            predicted[model] = overhead.constant_ns + overhead.scale * sums[model];
        }
    }
    Ok(predicted)
}
