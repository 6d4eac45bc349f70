//! The whole fit: cross-validation, models on all data, profile.

use serde::Serialize;
use sim::cost::{ClassModel, CostModels, FitRange, KernelShape, Provenance, Residuals};

use crate::folds::{FOLDS, Folds};
use crate::pixel4::gpu_validation::{HeldOut, Overhead};
use crate::pixel4::measurements::{CORE_SETS, CalibrationData, MeasuredOperator, Measurements};
use crate::pixel4::report::{CoreSetReport, KindReport, Validation};
use crate::pixel4::round::rounded;
use crate::pixel4::{FitError, Progress, assumed, cpu, gpu, gpu_validation, profile};
use crate::statistics::{self, Accuracy};

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
}

/// Fits the profile and cross-validates it. `progress` is told how many of all steps are done, from any thread.
pub fn fit(data: CalibrationData<'_>, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<FitReport, FitError> {
    let measured = Measurements::read(data)?;
    let mut foldings: Vec<Folds> = SEEDS.iter().map(|&seed| Folds::random(&measured.models, seed)).collect();
    foldings.push(Folds::by_family(&measured.models));
    let steps = foldings.len() * FOLDS * gpu::CLASSES.len() + gpu::CLASSES.len() + CORE_SETS.len();
    let progress = Progress::new(steps, progress);

    let held_out = gpu_validation::hold_out(&measured, &foldings, &progress)?;
    let (gpu_worker, overhead) = fit_gpu(&measured, &held_out, &progress)?;
    let features = cpu::model_features(&measured);
    let mut workers = Vec::new();
    let mut core_sets = Vec::new();
    for (set, &(_, name, _)) in CORE_SETS.iter().enumerate() {
        let (random, family, residuals) = validate_core_set(&measured, &features, set, &foldings)?;
        let relative_deviation = &measured.cores[set].relative_deviation;
        let noise_percent = 100.0 * statistics::median(relative_deviation);
        core_sets.push(CoreSetReport { worker: name, random, family, noise_percent });
        workers.push(fit_cores(&measured, &features, set, residuals)?);
        progress.advance();
    }
    workers.push(gpu_worker);
    let validation = validate_gpu(&measured, &foldings, &held_out, overhead, core_sets)?;
    let profile = profile::text(&measured, &workers)?;
    Ok(FitReport { profile, validation })
}

fn split_family(held_out: &[HeldOut]) -> Option<(&HeldOut, &[HeldOut])> {
    held_out.split_last()
}

fn fit_gpu(measured: &Measurements, held_out: &[HeldOut], progress: &Progress<'_>) -> Result<(FittedWorker, Overhead), FitError> {
    let (family, random) = split_family(held_out).ok_or(FitError::NoFolds)?;
    let mut classes: Vec<ClassModel> = Vec::new();
    for class in gpu::CLASSES {
        let operators: Vec<&MeasuredOperator> = measured.operators.iter().filter(|it| it.class == class).collect();
        let mut model = gpu::fit_class(class, &operators)?;
        model.residuals = gpu_validation::residuals(measured, class, random, family);
        classes.push(rounded(&model)?);
        progress.advance();
    }
    for model in assumed::of_gpu(&classes) {
        classes.push(rounded(&model)?);
    }
    // The overhead of models that no fold saw, over all random foldings.
    let sums: Vec<f64> = random.iter().flat_map(|held_out| gpu_validation::sums_ns(measured, held_out)).collect();
    let latencies: Vec<f64> = random.iter().flat_map(|_| measured.gpu.mean_ns.iter().copied()).collect();
    let overhead = gpu_validation::fit_overhead(&sums, &latencies)?;
    let copies: Vec<f64> = measured
        .input_elements
        .iter()
        .zip(&measured.output_elements)
        .map(|(&input, &output)| measured.published.copies_ns(input, output))
        .collect();
    // The links charge the copies of input and output: what is left is the invocation.
    let invocation_ns = (overhead.constant_ns - statistics::mean(&copies)).max(0.0);
    let costs = CostModels::new(2, crate::pixel4::round::significant(overhead.scale, 5), classes)?;
    Ok((FittedWorker { name: "gpu", invocation_ns: libm::round(invocation_ns) as u64, costs }, overhead))
}

fn validate_core_set(
    measured: &Measurements,
    features: &[Vec<f64>],
    set: usize,
    foldings: &[Folds],
) -> Result<(Accuracy, Accuracy, Residuals), FitError> {
    let latencies = &measured.cores[set].mean_ns;
    let mut accuracies = Vec::new();
    let mut logs: Vec<Vec<f64>> = Vec::new();
    for folds in foldings {
        let predicted = cpu::hold_out(measured, features, set, folds)?;
        accuracies.push(Accuracy::of(predicted.iter().copied().zip(latencies.iter().copied())));
        logs.push(predicted.iter().zip(latencies).map(|(predicted, latency)| libm::log(latency / predicted)).collect());
    }
    let family = accuracies.pop().unwrap_or_default();
    let random = Accuracy::mean_of(&accuracies);
    let new = logs.pop().unwrap_or_default();
    let residuals = Residuals {
        samples: 0,
        seen_log_deviation: statistics::robust_deviation(&logs.concat()),
        new_log_deviation: statistics::robust_deviation(&new),
        median_error_percent: family.median_percent,
        p90_error_percent: family.p90_percent,
    };
    Ok((random, family, residuals))
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
    Ok(FittedWorker { name: CORE_SETS[set].1, invocation_ns: libm::round(coefficients[0]) as u64, costs })
}

fn validate_gpu(
    measured: &Measurements,
    foldings: &[Folds],
    held_out: &[HeldOut],
    overhead: Overhead,
    core_sets: Vec<CoreSetReport>,
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
    let whole: Vec<Accuracy> = held_out
        .iter()
        .zip(foldings)
        .map(|(held_out, folds)| gpu_validation::whole_accuracy(measured, held_out, folds))
        .collect::<Result<_, _>>()?;
    let (random_operators, family_operators) = pair(&|_| true);
    Ok(Validation {
        models: measured.models.len(),
        operators: measured.operators.len(),
        families: families(measured),
        gpu_random_operators: random_operators,
        gpu_family_operators: family_operators,
        gpu_kinds: kinds,
        gpu_random_models: Accuracy::mean_of(&whole[..random.len()]),
        gpu_family_models: whole.last().copied().unwrap_or_default(),
        gpu_constant_ns: overhead.constant_ns,
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
