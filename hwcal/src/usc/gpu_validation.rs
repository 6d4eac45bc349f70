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

/// A whole model takes `constant + operators x operator + scale x sum of operators`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overhead {
    /// Constant part, copies included.
    pub constant_ns: f64,
    /// What each operator takes besides; 0 where the constant alone predicts about as well.
    pub operator_ns: f64,
    /// Factor on the sum of the operators.
    pub scale: f64,
}

/// A whole model: what its overhead is fitted to.
#[derive(Clone, Copy, Debug)]
pub struct WholeModel {
    /// Sum of its operators, as predicted by models that did not see it.
    pub sum_ns: f64,
    /// Number of its operators.
    pub operators: f64,
    /// Measured latency.
    pub measured_ns: f64,
    /// Fold that it is in.
    pub fold: usize,
}

const OVERHEAD: RobustFit = RobustFit { ridge: 1e-9, ridge_target: 0.0, delta: 0.05, rounds: 10 };
/// A cost of each operator must lower the mean error on left-out models to this share.
const WORTH_A_PARAMETER: f64 = 0.9;
/// Nanoseconds of an operator that are expected; only the order counts.
const OPERATOR_NS: f64 = 1e5;

impl Overhead {
    fn latency_ns(&self, model: &WholeModel) -> f64 {
        self.constant_ns + self.operator_ns * model.operators + self.scale * model.sum_ns
    }

    fn fit(models: &[WholeModel], each_operator: bool) -> Result<Self, FitError> {
        let row = |model: &WholeModel| {
            let mut row = vec![1.0, model.sum_ns];
            row.extend(each_operator.then_some(model.operators));
            row
        };
        let features: Vec<Vec<f64>> = models.iter().map(row).collect();
        let latencies: Vec<f64> = models.iter().map(|model| model.measured_ns).collect();
        let scales = [statistics::median(&latencies), 1.0, OPERATOR_NS];
        let fitted = fit_relative(&features, &latencies, &vec![1.0; models.len()], &scales[..features[0].len()], OVERHEAD)?;
        Ok(Self { constant_ns: fitted[0], operator_ns: fitted.get(2).copied().unwrap_or(0.0), scale: fitted[1] })
    }
}

/// Each model of one folding.
pub fn whole_models(measured: &Measurements, held_out: &HeldOut, folds: &Folds) -> Vec<WholeModel> {
    let of = |(&measured_ns, &fold): (&f64, &usize)| WholeModel { sum_ns: 0.0, operators: 0.0, measured_ns, fold };
    let mut models: Vec<WholeModel> = measured.gpu.mean_ns.iter().zip(&folds.0).map(of).collect();
    for (operator, predicted) in measured.operators.iter().zip(&held_out.predicted_ns) {
        let model = &mut models[operator.model];
        model.sum_ns += predicted;
        model.operators += 1.0;
    }
    models
}

/// Sum of relative errors of each model by the fit to the other folds.
fn left_out_error(models: &[WholeModel], each_operator: bool) -> Result<f64, FitError> {
    let mut sum = 0.0;
    for fold in 0..FOLDS {
        let (test, training): (Vec<WholeModel>, Vec<WholeModel>) = models.iter().partition(|model| model.fold == fold);
        if !test.is_empty() {
            let overhead = Overhead::fit(&training, each_operator)?;
            sum += test.iter().map(|model| (overhead.latency_ns(model) / model.measured_ns - 1.0).abs()).sum::<f64>();
        }
    }
    Ok(sum)
}

/// Fits the overhead to sums of held-out predictions, of one or more foldings; its form is chosen by leaving their folds out in turn.
pub fn fit_overhead(foldings: &[Vec<WholeModel>]) -> Result<Overhead, FitError> {
    let error = |each_operator: bool| -> Result<f64, FitError> {
        foldings.iter().map(|models| left_out_error(models, each_operator)).sum()
    };
    let each_operator = error(true)? < WORTH_A_PARAMETER * error(false)?;
    Overhead::fit(&foldings.concat(), each_operator)
}

/// Latency of every whole model; the overhead of each fold is chosen and fitted on the held-out sums of the other folds.
pub fn whole_predictions(measured: &Measurements, held_out: &HeldOut, folds: &Folds) -> Result<Vec<f64>, FitError> {
    let models = whole_models(measured, held_out, folds);
    let mut predicted = vec![f64::NAN; models.len()];
    for fold in 0..FOLDS {
        let training: Vec<WholeModel> = models.iter().filter(|model| model.fold != fold).copied().collect();
        let overhead = fit_overhead(&[training])?;
        for (slot, model) in predicted.iter_mut().zip(&models).filter(|(_, model)| model.fold == fold) {
            *slot = overhead.latency_ns(model);
        }
    }
    Ok(predicted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Models whose latency is `2 ms + each x operators + 1.1 x sum`, plus some noise.
    fn models(each_ns: f64) -> Vec<WholeModel> {
        let model = |index: usize| {
            let operators = (20 + (index * 37) % 90) as f64;
            let sum_ns = 1e6 * (4 + (index * 29) % 53) as f64;
            let noise = 1.0 + 0.004 * ((index * 13) % 7) as f64 - 0.012;
            WholeModel { sum_ns, operators, measured_ns: noise * (2e6 + each_ns * operators + 1.1 * sum_ns), fold: index % FOLDS }
        };
        (0..80).map(model).collect()
    }

    #[test]
    fn operators_have_a_cost_of_their_own_only_where_it_pays() {
        let with = fit_overhead(&[models(70e3)]).expect("regular");
        assert!((with.operator_ns / 70e3 - 1.0).abs() < 0.1 && (with.scale / 1.1 - 1.0).abs() < 0.02, "{with:?}");
        let without = fit_overhead(&[models(0.0)]).expect("regular");
        assert!(without.operator_ns.to_bits() == 0 && (without.constant_ns / 2e6 - 1.0).abs() < 0.1, "{without:?}");
    }
}
