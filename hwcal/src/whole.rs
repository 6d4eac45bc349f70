//! What fits to latencies of whole models share: sums of coefficient x feature, and errors on models left out.

use scenarios::profile::ModelErrors;
use sim::cost::{ClassModel, Feature, FitRange, KernelClass, Provenance, Residuals};

use crate::statistics::{self, Accuracy, quantile};
use crate::usc::FitError;
use crate::usc::intervals::COVERAGE;
use crate::usc::round::{rounded, significant};

/// Share of residuals beyond each end of an interval.
const TAIL: f64 = 0.05;
/// As in the phones' profiles: a factor of 1.5 either way, no data behind it.
const ASSUMED_LOG_DEVIATION: f64 = 0.4;

/// A latency: what is asked for by what it costs.
pub(crate) fn dot(features: &[f64], coefficients: &[f64]) -> f64 {
    features.iter().zip(coefficients).map(|(feature, coefficient)| feature * coefficient).sum()
}

/// How far measurements lie from predictions of fits that did not see the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// Ends of the central 90 % of measured / predicted.
    pub interval: [f64; 2],
    /// Robust deviation of its logarithm.
    pub log_deviation: f64,
}

impl Spread {
    /// Of ratios measured / predicted.
    pub(crate) fn of(ratios: &[f64]) -> Self {
        let logs: Vec<f64> = ratios.iter().map(|&ratio| libm::log(ratio)).collect();
        Self {
            interval: [quantile(ratios, TAIL), quantile(ratios, 1.0 - TAIL)],
            log_deviation: statistics::robust_deviation(&logs),
        }
    }
}

/// The errors of a worker for which familiar and new models are not told apart.
pub(crate) fn model_errors(errors: &Accuracy, interval: [f64; 2]) -> ModelErrors {
    let [low, high] = interval.map(|end| significant(end, 4));
    let percent = significant(errors.mean_percent, 3);
    ModelErrors {
        models: errors.count as u32,
        coverage: COVERAGE,
        familiar_low: low,
        familiar_high: high,
        new_low: low,
        new_high: high,
        random_percent: percent,
        family_percent: percent,
    }
}

/// What the models of all classes of a worker say of their errors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Errors<'a> {
    pub models: &'a Accuracy,
    /// Of models left out; what is assumed has a deviation of its own.
    pub log_deviation: f64,
}

impl Errors<'_> {
    /// The model of a class: its prices, where they come from, and how far they may be off.
    pub(crate) fn model(
        &self,
        class: KernelClass,
        basis: Provenance,
        prices: Vec<(Feature, f64)>,
        range: Option<FitRange>,
        samples: u32,
    ) -> Result<ClassModel, FitError> {
        let spread = if basis == Provenance::Assumed { ASSUMED_LOG_DEVIATION } else { significant(self.log_deviation, 4) };
        let mut model = ClassModel::linear(class, basis, prices);
        model.range = range;
        model.residuals = Residuals {
            samples,
            seen_log_deviation: spread,
            new_log_deviation: spread,
            median_error_percent: self.models.median_percent,
            p90_error_percent: self.models.p90_percent,
        };
        Ok(rounded(&model)?)
    }
}
