//! The whole fit: cross-validation, models on all data, profile.

use scenarios::profile::ModelErrors;
use serde::Serialize;
use sim::cost::{ClassModel, CostModels, FitRange, KernelShape, Provenance, Residuals};

use crate::folds::{FOLDS, Folds};
use crate::statistics::{self, Accuracy};
use crate::usc::gpu_validation::{HeldOut, Overhead};
use crate::usc::intervals::{self, LeftOut};
use crate::usc::measurements::{CalibrationData, MeasuredOperator, Measurements, WholeModels};
use crate::usc::report::{KindReport, LeftOutModel, Validation, WorkerReport};
use crate::usc::round::rounded;
use crate::usc::{Campaign, CoreSet, FitError, Progress, assumed, cpu, gpu, gpu_validation, profile};

/// Seeds of the random folds.
const SEEDS: [u64; 3] = [0, 1, 2];

/// What a fit makes.
#[derive(Clone, Debug, PartialEq)]
pub struct FitReport {
    /// Text of the device profile.
    pub profile: String,
    /// Errors on models that the fit did not see.
    pub validation: Validation,
}

/// A worker's part of the profile.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FittedWorker {
    /// Name of the worker.
    pub name: &'static str,
    /// Fixed cost of a whole model, or of entering a segment.
    pub invocation_ns: u64,
    /// Cost models.
    pub costs: CostModels,
    /// Errors of whole models.
    pub model_errors: Option<ModelErrors>,
}

/// Fits the profile and cross-validates it. `progress` is told how many of all steps are done, from any thread.
pub fn fit(
    campaign: &'static Campaign,
    data: CalibrationData<'_>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<FitReport, FitError> {
    let measured = Measurements::read(campaign, data)?;
    let mut foldings: Vec<Folds> = SEEDS.iter().map(|&seed| Folds::random(&measured.models, seed)).collect();
    foldings.push(Folds::by_family(&measured.models));
    let steps = foldings.len() * FOLDS * gpu::CLASSES.len() + gpu::CLASSES.len() + campaign.core_sets.len();
    let progress = Progress::new(steps, progress);

    let held_out = gpu_validation::hold_out(&measured, &foldings, &progress)?;
    let is_familiar: Vec<Vec<bool>> = held_out.iter().map(|held_out| intervals::familiar(&measured, held_out)).collect();
    let judge = |worker: &'static str, whole: &WholeModels, predicted: Vec<Vec<f64>>| {
        let noise_percent = 100.0 * statistics::median(&whole.relative_deviation);
        let left_out = |(index, &predicted_ns): (usize, &f64)| LeftOutModel {
            model: measured.models[index].clone(),
            predicted_ns,
            measured_ns: whole.mean_ns[index],
            deviation_percent: 100.0 * whole.relative_deviation[index],
        };
        let family_models = predicted.last().into_iter().flatten().enumerate().map(left_out).collect();
        let (mut report, residuals) = judge_worker(worker, &whole.mean_ns, noise_percent, &foldings, &is_familiar, predicted);
        report.family_models = family_models;
        (report, residuals)
    };
    let mut workers = Vec::new();
    let mut reports = Vec::new();
    let features = cpu::model_features(&measured);
    for (set, &CoreSet { worker, .. }) in campaign.core_sets.iter().enumerate() {
        let predicted = foldings.iter().map(|folds| cpu::hold_out(&measured, &features, set, folds)).collect::<Result<_, _>>()?;
        let (mut report, residuals) = judge(worker, &measured.cores[set], predicted);
        if let (true, Some(folds)) = (campaign.core_sets[set].threads() > 1, foldings.last()) {
            let alone = cpu::from_single_cores(&measured, &features, set, folds)?;
            let pairs = alone.into_iter().zip(measured.cores[set].mean_ns.iter().copied());
            report.from_single_cores_percent = Some(Accuracy::of(pairs).mean_percent);
        }
        let mut fitted = fit_cores(&measured, &features, set, residuals)?;
        fitted.model_errors = Some(report.errors);
        reports.push(report);
        workers.push(fitted);
        progress.advance();
    }
    let whole =
        held_out.iter().zip(&foldings).map(|(held_out, folds)| gpu_validation::whole_predictions(&measured, held_out, folds));
    let (report, _) = judge("gpu", &measured.gpu, whole.collect::<Result<_, _>>()?);
    let (mut gpu_worker, overhead) = fit_gpu(&measured, &held_out, &foldings, &progress)?;
    gpu_worker.model_errors = Some(report.errors);
    workers.push(gpu_worker);
    let validation = validate_gpu(&measured, &held_out, overhead, report, reports)?;
    let profile = profile::text(&measured, &workers)?;
    Ok(FitReport { profile, validation })
}

/// Errors of whole models on one worker, and the deviations that its kernels are given.
fn judge_worker(
    worker: &'static str,
    measured_ns: &[f64],
    noise_percent: f64,
    foldings: &[Folds],
    is_familiar: &[Vec<bool>],
    predicted: Vec<Vec<f64>>,
) -> (WorkerReport, Residuals) {
    let accuracy = |predicted: &Vec<f64>| Accuracy::of(predicted.iter().copied().zip(measured_ns.iter().copied()));
    let mut accuracies: Vec<Accuracy> = predicted.iter().map(accuracy).collect();
    let log = |predicted: &Vec<f64>| {
        predicted.iter().zip(measured_ns).map(|(predicted, latency)| libm::log(latency / predicted)).collect()
    };
    let mut logs: Vec<Vec<f64>> = predicted.iter().map(log).collect();
    let left_out =
        |(predicted_ns, is_familiar): (Vec<f64>, &Vec<bool>)| LeftOut { predicted_ns, is_familiar: is_familiar.clone() };
    let left_out: Vec<LeftOut> = predicted.into_iter().zip(is_familiar).map(left_out).collect();
    let (errors, coverage) = intervals::model_errors(measured_ns, foldings, &left_out);
    let (family, random) = (accuracies.pop().unwrap_or_default(), Accuracy::mean_of(&accuracies));
    let new = logs.pop().unwrap_or_default();
    let residuals = Residuals {
        samples: 0,
        seen_log_deviation: statistics::robust_deviation(&logs.concat()),
        new_log_deviation: statistics::robust_deviation(&new),
        median_error_percent: family.median_percent,
        p90_error_percent: family.p90_percent,
    };
    let (family_coverage, random_coverage) =
        coverage.split_last().map_or((0.0, 0.0), |(family, random)| (*family, statistics::mean(random)));
    let covered_percent = [100.0 * random_coverage, 100.0 * family_coverage];
    (
        WorkerReport {
            worker,
            random,
            family,
            noise_percent,
            covered_percent,
            from_single_cores_percent: None,
            family_models: Vec::new(),
            errors,
        },
        residuals,
    )
}

fn split_family(held_out: &[HeldOut]) -> Option<(&HeldOut, &[HeldOut])> {
    held_out.split_last()
}

fn fit_gpu(
    measured: &Measurements,
    held_out: &[HeldOut],
    foldings: &[Folds],
    progress: &Progress<'_>,
) -> Result<(FittedWorker, Overhead), FitError> {
    let (family, random) = split_family(held_out).ok_or(FitError::NoFolds)?;
    // The overhead of models that no fold saw, over all random foldings.
    let whole = random.iter().zip(foldings).map(|(held_out, folds)| gpu_validation::whole_models(measured, held_out, folds));
    let overhead = gpu_validation::fit_overhead(&whole.collect::<Vec<_>>())?;
    // What an operator takes inside a model, where each one takes something besides what was measured of it alone.
    let besides_ns = overhead.operator_ns / overhead.scale;
    let inside = |operator: &MeasuredOperator| MeasuredOperator { gpu_ns: operator.gpu_ns + besides_ns, ..operator.clone() };
    let mut classes: Vec<ClassModel> = Vec::new();
    for class in gpu::CLASSES {
        let operators: Vec<MeasuredOperator> = measured.operators.iter().filter(|it| it.class == class).map(inside).collect();
        let mut model = gpu::fit_class(class, &operators.iter().collect::<Vec<_>>())?;
        model.residuals = gpu_validation::residuals(measured, class, random, family);
        classes.push(rounded(&model)?);
        progress.advance();
    }
    for model in assumed::of_gpu(&classes) {
        classes.push(rounded(&model)?);
    }
    let copies: Vec<f64> = measured
        .input_elements
        .iter()
        .zip(&measured.output_elements)
        .map(|(&input, &output)| measured.published.copies_ns(input, output))
        .collect();
    // The links charge the copies of input and output: what is left is the invocation.
    let invocation_ns = (overhead.constant_ns - statistics::mean(&copies)).max(0.0);
    let costs = CostModels::new(2, crate::usc::round::significant(overhead.scale, 5), classes)?;
    Ok((FittedWorker { name: "gpu", invocation_ns: libm::round(invocation_ns) as u64, costs, model_errors: None }, overhead))
}

/// The CPU's residuals are those of whole models: no operator was measured on its own.
fn fit_cores(measured: &Measurements, features: &[Vec<f64>], set: usize, residuals: Residuals) -> Result<FittedWorker, FitError> {
    let all: Vec<usize> = (0..measured.models.len()).collect();
    let coefficients = cpu::fit_core_set(measured, features, set, &all)?;
    let mut classes: Vec<ClassModel> = Vec::new();
    for class in gpu::CLASSES {
        let priced = cpu::TERMS.iter().zip(&coefficients).flat_map(|(term, &coefficient)| {
            let prices = term.prices.iter().filter(move |(priced, _)| *priced == class);
            prices.map(move |&(_, feature)| (feature, coefficient))
        });
        let used = priced.filter(|&(_, coefficient)| coefficient > 0.0).collect();
        let shapes: Vec<&KernelShape> =
            measured.operators.iter().filter(|operator| operator.class == class).map(|operator| &operator.shape).collect();
        let mut model = ClassModel::linear(class, Provenance::Fitted, used);
        model.range = FitRange::around(shapes.iter().copied());
        model.residuals = Residuals { samples: shapes.len() as u32, ..residuals };
        classes.push(rounded(&model)?);
    }
    for model in assumed::of_cpu(&classes) {
        classes.push(rounded(&model)?);
    }
    let costs = CostModels::new(4, 1.0, classes)?;
    Ok(FittedWorker {
        name: measured.campaign.core_sets[set].worker,
        invocation_ns: libm::round(coefficients[0]) as u64,
        costs,
        model_errors: None,
    })
}

fn validate_gpu(
    measured: &Measurements,
    held_out: &[HeldOut],
    overhead: Overhead,
    gpu: WorkerReport,
    core_sets: Vec<WorkerReport>,
) -> Result<Validation, FitError> {
    let (family, random) = split_family(held_out).ok_or(FitError::NoFolds)?;
    let pair = |keep: &dyn Fn(&MeasuredOperator) -> bool| {
        let over_seeds: Vec<Accuracy> = random.iter().map(|one| gpu_validation::accuracy(measured, one, keep)).collect();
        (Accuracy::mean_of(&over_seeds), gpu_validation::accuracy(measured, family, keep))
    };
    let kinds = gpu::CLASSES
        .into_iter()
        .map(|class| {
            let (random, family) = pair(&|operator| operator.class == class);
            KindReport { class: class.name(), random, family }
        })
        .collect();
    let (random_operators, family_operators) = pair(&|_| true);
    Ok(Validation {
        campaign: measured.campaign,
        models: measured.models.len(),
        operators: measured.operators.len(),
        families: families(measured),
        gpu_random_operators: random_operators,
        gpu_family_operators: family_operators,
        gpu_kinds: kinds,
        gpu,
        gpu_constant_ns: overhead.constant_ns,
        gpu_operator_ns: overhead.operator_ns,
        gpu_scale: overhead.scale,
        gpu_noise: noise(measured),
        core_sets,
    })
}

fn families(measured: &Measurements) -> usize {
    let mut families: Vec<&str> = measured.models.iter().map(|model| crate::folds::family(model)).collect();
    families.sort_unstable();
    families.dedup();
    families.len()
}

/// Spread among operators of one shape: what no model of shapes can explain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct NoiseFloor {
    /// Operators whose shape was measured more than once.
    pub operators: usize,
    /// Median of `|duration / median of the shape - 1|`, in percent.
    pub median_percent: f64,
    /// 90th percentile of the same.
    pub p90_percent: f64,
}

fn noise(measured: &Measurements) -> NoiseFloor {
    let mut by_shape: std::collections::BTreeMap<_, Vec<f64>> = std::collections::BTreeMap::new();
    for operator in &measured.operators {
        by_shape.entry((operator.class as usize, operator.key)).or_default().push(operator.gpu_ns);
    }
    let spread: Vec<f64> = by_shape
        .values()
        .filter(|durations| durations.len() > 1)
        .flat_map(|durations| {
            let median = statistics::median(durations);
            durations.iter().map(move |duration| (duration / median - 1.0).abs())
        })
        .collect();
    NoiseFloor {
        operators: spread.len(),
        median_percent: 100.0 * statistics::median(&spread),
        p90_percent: 100.0 * statistics::quantile(&spread, 0.9),
    }
}
