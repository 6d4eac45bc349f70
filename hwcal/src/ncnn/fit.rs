//! Shared coefficients, those of each run, and their errors on models left out on every device at once.

use std::fmt::{self, Display, Formatter};

use rayon::prelude::*;
use serde::Serialize;
use sim::cost::{Feature, KernelClass, KernelShape};

use crate::linear::{RobustFit, fit_relative};
use crate::ncnn::{Category, Measurements, Run};
use crate::statistics::{Accuracy, median};
use crate::usc::FitError;
use crate::whole::{Spread, dot};

/// One coefficient: what it prices, each with a factor, and nanoseconds per unit expected on a small core; only the ratios matter.
pub(super) struct Term {
    pub prices: &'static [(KernelClass, Feature, f64)],
    pub prior_ns: f64,
}

const fn term(prices: &'static [(KernelClass, Feature, f64)], prior_ns: f64) -> Term {
    Term { prices, prior_ns }
}

/// Products of rows: a pointwise convolution's arithmetic, less well blocked.
const UNBLOCKED: f64 = 1.5;

/// A feature of convolutions of any kind. ncnn runs a grouped one group by group, with the kernels of a plain one.
const fn convolutions(feature: Feature) -> [(KernelClass, Feature, f64); 3] {
    use KernelClass as C;
    [(C::Convolution, feature, 1.0), (C::SinglePixelConvolution, feature, 1.0), (C::GroupedConvolution, feature, 1.0)]
}

/// All coefficients; the first is the constant of a whole model.
pub(super) const TERMS: [Term; 18] = {
    use Feature as F;
    use KernelClass as C;
    [
        term(&[], 1e5),
        term(
            &[
                (C::Convolution, F::Launch, 1.0),
                (C::SinglePixelConvolution, F::Launch, 1.0),
                (C::GroupedConvolution, F::Groups, 1.0),
                (C::MatrixMultiply, F::Launch, 1.0),
                (C::FullyConnectedRows, F::Launch, 1.0),
            ],
            5e3,
        ),
        term(
            &[
                (C::Convolution, F::PointwiseMacs, 1.0),
                (C::SinglePixelConvolution, F::PointwiseMacs, 1.0),
                (C::GroupedConvolution, F::PointwiseMacs, 1.0),
                (C::FullyConnectedRows, F::Macs, UNBLOCKED),
            ],
            0.12,
        ),
        term(&const { convolutions(F::Winograd4Macs) }, 0.15),
        term(
            &[
                (C::Convolution, F::DirectMacs, 1.0),
                (C::Convolution, F::WideMacs, 1.0),
                (C::SinglePixelConvolution, F::DirectMacs, 1.0),
                (C::SinglePixelConvolution, F::WideMacs, 1.0),
                (C::GroupedConvolution, F::DirectMacs, 1.0),
                (C::GroupedConvolution, F::WideMacs, 1.0),
            ],
            0.15,
        ),
        term(&const { convolutions(F::UnpackedMacs) }, 0.15),
        term(&const { convolutions(F::TouchedElements) }, 0.5),
        term(&const { convolutions(F::Weights) }, 0.5),
        term(&[(C::DepthwiseConvolution, F::WindowPositions, 1.0)], 0.5),
        term(&[(C::DepthwiseConvolution, F::TouchedElements, 1.0)], 0.5),
        term(&[(C::DepthwiseConvolution, F::Launch, 1.0)], 5e3),
        // Attention, which ncnn does not block as it does convolutions; no model but one has any.
        term(&[(C::MatrixMultiply, F::Macs, 1.0)], 0.18),
        term(&[(C::FullyConnected, F::Macs, 1.0)], 0.5),
        term(&[(C::Pool, F::WindowPositions, 1.0), (C::GlobalPool, F::InputElements, 1.0)], 0.3),
        // Exponentials, and powers across channels: far more than arithmetic on the same elements.
        term(&[(C::Activation, F::OutputElements, 1.0)], 2.0),
        term(&[(C::Normalization, F::OutputElements, 1.0)], 5.0),
        term(
            &[
                (C::Elementwise, F::TouchedElements, 1.0),
                (C::Softmax, F::TouchedElements, 1.0),
                (C::Resize, F::TouchedElements, 1.0),
            ],
            0.5,
        ),
        term(&[(C::DataMovement, F::TouchedElements, 1.0), (C::Concatenate, F::TouchedElements, 1.0)], 0.5),
    ]
};

/// Coefficients that all runs share: a weak pull to the physical prior.
const SHARED: RobustFit = RobustFit { ridge: 5e-5, ridge_target: 1.0, delta: 0.1, rounds: 6 };
/// Rounds of levels and coefficients in turns.
const TURNS: usize = 4;
/// Pull of a run's coefficients to the shared ones, as the weight of this many measurements.
const PULL: f64 = 0.03;
/// A shared coefficient of none may come back: this share of its prior.
const LEAST_SHARE: f64 = 1e-3;

/// Features of a model: one row a model, one column a term.
pub(super) fn features(measured: &Measurements) -> Vec<Vec<f64>> {
    let of_model = |layers: &Vec<_>| {
        let mut row = vec![0.0; TERMS.len()];
        row[0] = 1.0;
        for work in layers {
            let (class, shape) = (KernelClass::of(work), KernelShape::of(work));
            for (slot, term) in row.iter_mut().zip(&TERMS) {
                let of_class = term.prices.iter().filter(|price| Some(price.0) == class);
                *slot += of_class.map(|(_, feature, factor)| factor * feature.value(&shape)).sum::<f64>();
            }
        }
        row
    };
    measured.layers.iter().map(of_model).collect()
}

/// Measurements of a run but those of one model.
fn kept(run: &Run, left_out: Option<usize>) -> impl Iterator<Item = (usize, f64)> + '_ {
    run.measured_ns.iter().copied().filter(move |&(model, _)| Some(model) != left_out)
}

fn level(run: &Run, features: &[Vec<f64>], coefficients: &[f64], left_out: Option<usize>) -> f64 {
    let ratios: Vec<f64> = kept(run, left_out).map(|(model, ns)| ns / dot(&features[model], coefficients)).collect();
    median(&ratios)
}

/// Coefficients that runs of a kind share, each run at a level of its own.
pub(super) fn shared(runs: &[&Run], features: &[Vec<f64>], left_out: Option<usize>) -> Result<Vec<f64>, FitError> {
    let prior: Vec<f64> = TERMS.iter().map(|term| term.prior_ns).collect();
    let mut coefficients = prior.clone();
    for _ in 0..TURNS {
        let (mut rows, mut values) = (Vec::new(), Vec::new());
        for run in runs {
            let level = level(run, features, &coefficients, left_out);
            for (model, ns) in kept(run, left_out) {
                rows.push(features[model].clone());
                values.push(ns / level);
            }
        }
        coefficients = fit_relative(&rows, &values, &vec![1.0; rows.len()], &prior, SHARED)?;
    }
    Ok(coefficients)
}

/// Coefficients of one run, near the shared ones.
pub(super) fn own(run: &Run, features: &[Vec<f64>], shared: &[f64], left_out: Option<usize>) -> Result<Vec<f64>, FitError> {
    let level = level(run, features, shared, left_out);
    let scales: Vec<f64> =
        shared.iter().zip(&TERMS).map(|(coefficient, term)| level * coefficient.max(LEAST_SHARE * term.prior_ns)).collect();
    let (rows, values): (Vec<Vec<f64>>, Vec<f64>) = kept(run, left_out).map(|(model, ns)| (features[model].clone(), ns)).unzip();
    let how = RobustFit { ridge: PULL / rows.len().max(1) as f64, ..SHARED };
    Ok(fit_relative(&rows, &values, &vec![1.0; rows.len()], &scales, how)?)
}

/// Errors of a run's models, each left out on all devices.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunReport {
    /// Index of the run.
    pub run: usize,
    /// Errors.
    pub errors: Accuracy,
    /// Predicted latencies, in the order of the run's measurements.
    #[serde(skip)]
    pub predicted_ns: Vec<f64>,
}

/// Errors of a kind of runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CategoryReport {
    /// Kind.
    pub category: &'static str,
    /// Runs.
    pub runs: usize,
    /// Median over runs of the mean error, the median error and the share within 10 %, in percent.
    pub mean_percent: f64,
    /// See `mean_percent`.
    pub median_percent: f64,
    /// See `mean_percent`.
    pub within_10_percent: f64,
    /// The mean error that a plain baseline reaches: non-negative least squares over 8 features, each device on its own.
    pub baseline_percent: f64,
    /// Ends of the central 90 % of measured / predicted over all models of all runs.
    pub interval: [f64; 2],
    /// Robust deviation of its logarithm.
    pub log_deviation: f64,
}

/// Errors of all runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validation {
    /// By kind.
    pub categories: Vec<CategoryReport>,
    /// By run.
    pub runs: Vec<RunReport>,
}

/// Leaves each model out on all devices at once.
pub(super) fn cross_validate(measured: &Measurements) -> Result<Validation, FitError> {
    let features = features(measured);
    let of_category = |category: Category| -> Vec<&Run> { measured.runs.iter().filter(|run| run.category == category).collect() };
    let jobs: Vec<(usize, Category)> =
        (0..measured.models.len()).flat_map(|model| Category::ALL.map(|category| (model, category))).collect();
    let results: Vec<Vec<(usize, usize, f64)>> = jobs
        .par_iter()
        .map(|&(model, category)| {
            let runs = of_category(category);
            let has = |run: &Run| run.measured_ns.iter().any(|measured| measured.0 == model);
            if !runs.iter().any(|run| has(run)) {
                return Ok(Vec::new());
            }
            let shared = shared(&runs, &features, Some(model))?;
            let mut predicted = Vec::new();
            for (index, run) in measured.runs.iter().enumerate().filter(|(_, run)| run.category == category && has(run)) {
                let coefficients = own(run, &features, &shared, Some(model))?;
                predicted.push((index, model, dot(&features[model], &coefficients)));
            }
            Ok(predicted)
        })
        .collect::<Result<_, FitError>>()?;
    let mut predicted: Vec<Vec<f64>> = measured.runs.iter().map(|run| vec![f64::NAN; run.measured_ns.len()]).collect();
    for (run, model, ns) in results.into_iter().flatten() {
        if let Some(position) = measured.runs[run].measured_ns.iter().position(|measured| measured.0 == model) {
            predicted[run][position] = ns;
        }
    }
    let report = |(run, predicted_ns): (usize, Vec<f64>)| {
        let pairs = predicted_ns.iter().copied().zip(measured.runs[run].measured_ns.iter().map(|measured| measured.1));
        RunReport { run, errors: Accuracy::of(pairs), predicted_ns }
    };
    let runs: Vec<RunReport> = predicted.into_iter().enumerate().map(report).collect();
    let categories =
        Category::ALL.into_iter().zip(BASELINES).map(|(category, baseline)| summarise(measured, &runs, category, baseline));
    Ok(Validation { categories: categories.collect(), runs })
}

/// One thread, four threads, GPU; phones and boards only.
const BASELINES: [f64; 3] = [18.2, 20.6, 25.6];

fn summarise(measured: &Measurements, reports: &[RunReport], category: Category, baseline_percent: f64) -> CategoryReport {
    let of: Vec<&RunReport> = reports.iter().filter(|report| measured.runs[report.run].category == category).collect();
    let over = |number: fn(&Accuracy) -> f64| median(&of.iter().map(|report| number(&report.errors)).collect::<Vec<_>>());
    let ratios: Vec<f64> = of
        .iter()
        .flat_map(|report| {
            measured.runs[report.run].measured_ns.iter().zip(&report.predicted_ns).map(|((_, ns), predicted)| ns / predicted)
        })
        .collect();
    let spread = Spread::of(&ratios);
    CategoryReport {
        category: category.name(),
        runs: of.len(),
        mean_percent: over(|it| it.mean_percent),
        median_percent: over(|it| it.median_percent),
        within_10_percent: over(|it| it.within_10_percent),
        baseline_percent,
        interval: spread.interval,
        log_deviation: spread.log_deviation,
    }
}

impl Display for Validation {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "Errors in percent of models left out on all devices at once; medians over runs. In parentheses the plain baseline.\n"
        )?;
        writeln!(out, "runs                       n    mean (base)  median  in 10 %   90 % of measured / predicted")?;
        for it in &self.categories {
            let [low, high] = it.interval;
            writeln!(
                out,
                "{:22}{:6}{:8.1} ({:.1}){:8.1}{:9.0}   {low:.2} to {high:.2}",
                it.category, it.runs, it.mean_percent, it.baseline_percent, it.median_percent, it.within_10_percent
            )?;
        }
        Ok(())
    }
}
