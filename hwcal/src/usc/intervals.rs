//! Intervals of whole-model predictions, from models that were left out, and how many of them the intervals hold.

use scenarios::profile::ModelErrors;

use crate::folds::{FOLDS, Folds};
use crate::statistics::{Accuracy, quantile};
use crate::usc::gpu_validation::HeldOut;
use crate::usc::measurements::Measurements;
use crate::usc::round::significant;

/// Share of measurements that an interval is to hold.
pub const COVERAGE: f64 = 0.9;
/// Share of residuals beyond each end. Less than half of what is not covered: families differ, and the next one lies outside of what the others
/// say more often than chance would have it. With 3 % about 94 % of models left out at random are covered, and 85 % of those of families left out.
const TAIL: f64 = 0.03;
/// A model is familiar where at least this share of its kernels has a shape that other models have.
pub const FAMILIAR_SHARE: f64 = 0.5;
/// Fewer residuals make no interval of their own.
const RESIDUALS_AT_LEAST: usize = 20;

/// Predictions of every model in one cross-validation.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// Latencies, each from the other folds.
    pub predicted_ns: Vec<f64>,
    /// Whether the model was familiar to those folds.
    pub is_familiar: Vec<bool>,
}

/// Whether each model's kernels mostly occur in other folds.
pub fn familiar(measured: &Measurements, held_out: &HeldOut) -> Vec<bool> {
    let mut counts = vec![(0.0, 0.0); measured.models.len()];
    for (operator, &is_seen) in measured.operators.iter().zip(&held_out.is_seen) {
        let (seen, all) = &mut counts[operator.model];
        *all += 1.0;
        *seen += f64::from(u8::from(is_seen));
    }
    counts.into_iter().map(|(seen, all)| seen >= FAMILIAR_SHARE * all).collect()
}

/// Ends of an interval of measured / predicted, of the residuals of the models that `keep` keeps, over all cross-validations.
fn interval(left_out: &[LeftOut], measured_ns: &[f64], is_familiar: bool, keep: impl Fn(usize) -> bool) -> [f64; 2] {
    let collect = |group: Option<bool>| -> Vec<f64> {
        let of_one = |one: &LeftOut| -> Vec<f64> {
            (0..measured_ns.len())
                .filter(|&model| keep(model) && group.is_none_or(|group| one.is_familiar[model] == group))
                .map(|model| measured_ns[model] / one.predicted_ns[model])
                .collect()
        };
        // The one with families left out counts as much as all random ones together.
        let repeats = left_out.len().saturating_sub(1).max(1);
        let (random, family) = left_out.split_at(left_out.len().saturating_sub(1));
        random.iter().chain(family.iter().flat_map(|one| std::iter::repeat_n(one, repeats))).flat_map(of_one).collect()
    };
    let own = collect(Some(is_familiar));
    let ratios = if own.len() >= RESIDUALS_AT_LEAST { own } else { collect(None) };
    [quantile(&ratios, TAIL), quantile(&ratios, 1.0 - TAIL)]
}

/// The errors of a worker, and the share of models in their interval in each cross-validation, where the interval rests on the other folds alone.
pub fn model_errors(measured_ns: &[f64], foldings: &[Folds], left_out: &[LeftOut]) -> (ModelErrors, Vec<f64>) {
    let all = |is_familiar| interval(left_out, measured_ns, is_familiar, |_| true).map(|end| significant(end, 4));
    let coverage = foldings.iter().zip(left_out).map(|(folds, one)| {
        let mut inside = 0.0;
        for fold in 0..FOLDS {
            let ends = [false, true].map(|familiar| interval(left_out, measured_ns, familiar, |model| folds.0[model] != fold));
            for model in (0..measured_ns.len()).filter(|&model| folds.0[model] == fold) {
                let [low, high] = ends[usize::from(one.is_familiar[model])];
                let ratio = measured_ns[model] / one.predicted_ns[model];
                inside += f64::from(u8::from((low..=high).contains(&ratio)));
            }
        }
        inside / measured_ns.len().max(1) as f64
    });
    let coverage: Vec<f64> = coverage.collect();
    let percent = |one: &LeftOut| Accuracy::of(one.predicted_ns.iter().copied().zip(measured_ns.iter().copied())).mean_percent;
    let percents: Vec<f64> = left_out.iter().map(percent).collect();
    let (family, random) = percents.split_last().map_or((0.0, &[][..]), |(family, random)| (*family, random));
    let ([familiar_low, familiar_high], [new_low, new_high]) = (all(true), all(false));
    let errors = ModelErrors {
        models: measured_ns.len() as u32,
        coverage: COVERAGE,
        familiar_low,
        familiar_high,
        new_low,
        new_high,
        random_percent: significant(crate::statistics::mean(random), 3),
        family_percent: significant(family, 3),
    };
    (errors, coverage)
}
