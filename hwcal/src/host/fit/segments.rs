//! What a segment saves over the sum of its kernels.
//!
//! `segment = alone + sum over kernels of factor(class) x max(kernel - alone, 0)`: the fixed part of a launch is paid once, and
//! inside a segment each kernel takes a factor of the rest (fused, laid out and cached otherwise than alone). The factors are fitted to kernels
//! as predicted, so that they take out what predictions of a class are off by as well; how far those of classes may differ is chosen by
//! what leaves the least error on segments of models left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use serde::Serialize;
use sim::cost::{ClassModel, CostModels, KernelClass};
use sim::graph::OperatorWork;

use crate::host::fit::FitError;
use crate::host::fit::common::LongResidual;
use crate::host::fit::family::loss;
use crate::host::sample::{Experiment, Sample};
use crate::linear::{RobustFit, fit_relative};
use crate::statistics::Accuracy;
use crate::usc::round::significant;

/// The law of one worker, and its errors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentLaw {
    /// Fixed part of a kernel alone, which a segment pays once.
    pub alone_ns: f64,
    /// Factor of each class; classes that occur in no segment take that of all together.
    pub factors: BTreeMap<&'static str, f64>,
    /// Factor of all classes together.
    pub factor: f64,
    /// Segments of at least two kernels.
    pub segments: usize,
    /// Models they are of.
    pub models: usize,
    /// Errors with the kernels' durations as measured alone, each model predicted by a fit to the others.
    pub held_out: Accuracy,
    /// The same with the kernels' durations as predicted.
    pub from_predictions: Accuracy,
    /// Errors of the plain sum of the kernels' measured durations.
    pub plain_sum: Accuracy,
    /// `ln(measured / predicted)` of long segments from predicted kernels, their model left out: what does not cancel in a whole model.
    #[serde(skip)]
    pub(crate) long_residuals: Vec<LongResidual>,
}

/// A segment as kernels.
struct Segment<'a> {
    model: &'a str,
    duration_ns: f64,
    kernels: Vec<Kernel>,
}

/// A kernel of a segment.
#[derive(Clone, Copy)]
struct Kernel {
    class: KernelClass,
    /// Duration alone: measured, or predicted where it was not.
    measured_ns: f64,
    predicted_ns: f64,
    /// Deviation of the logarithm of the prediction.
    log_deviation: f64,
}

/// Pulls towards one factor for all classes that are tried, so that a class with little data stays near it.
const PULLS: [f64; 4] = [3e-1, 1e-1, 3e-2, 3e-3];
const CLASSES: RobustFit = RobustFit { ridge: 0.0, ridge_target: 1.0, delta: 0.05, rounds: 10 };
const ONE: RobustFit = RobustFit { ridge: 1e-9, ridge_target: 1.0, delta: 0.05, rounds: 10 };
/// Steps of the search for the fixed part.
const STEPS: u32 = 24;

/// Fewest kernels of a segment that tells what does not cancel.
const LONG: usize = 8;
/// More factors must lower the error with one model left out by this one.
const WORTH: f64 = 0.97;

/// How many factors a law has.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Detail {
    /// None: a segment takes the sum of its kernels.
    Sum,
    /// One for all classes.
    One,
    /// One for each class, with a pull towards one for all.
    Classes(f64),
}

/// Predicted and measured segments of each model, by a law fitted to those of the others.
struct HeldOut {
    detail: Detail,
    /// From the kernels as measured alone.
    measured: Vec<(f64, f64)>,
    /// From the kernels as predicted.
    predicted: Vec<(f64, f64)>,
    /// Those of many kernels.
    long_residuals: Vec<LongResidual>,
}

impl HeldOut {
    fn of(all: &[&Segment<'_>], names: &BTreeSet<&str>, most_ns: f64, detail: Detail) -> Result<Self, FitError> {
        let (mut measured, mut predicted, mut long_residuals) = (Vec::new(), Vec::new(), Vec::new());
        for name in names {
            let (test, training): (Vec<&Segment<'_>>, Vec<&Segment<'_>>) = all.iter().partition(|segment| segment.model == *name);
            let law = Law::fit(&training, most_ns, detail)?;
            for segment in test {
                let predicted_ns = law.predict(segment, |kernel| kernel.predicted_ns);
                measured.push((law.predict(segment, |kernel| kernel.measured_ns), segment.duration_ns));
                predicted.push((predicted_ns, segment.duration_ns));
                if segment.kernels.len() >= LONG {
                    long_residuals.push(law.residual(segment, predicted_ns.max(1.0)));
                }
            }
        }
        Ok(Self { detail, measured, predicted, long_residuals })
    }
}

/// The fixed part and factors.
#[derive(Clone, Debug, Default)]
struct Law {
    alone_ns: f64,
    factor: f64,
    factors: BTreeMap<KernelClass, f64>,
}

/// Fits the law to the segments of a worker; none where there are no segments of several kernels.
///
/// `launch_ns` is what a launch of next to nothing takes: the fixed part is looked for up to that.
pub(crate) fn fit(
    samples: &[Sample],
    worker: &str,
    models: &CostModels,
    launch_ns: Option<f64>,
) -> Result<Option<SegmentLaw>, FitError> {
    let segments = segments(samples, worker, models);
    if segments.is_empty() {
        return Ok(None);
    }
    let shortest =
        segments.iter().flat_map(|segment| &segment.kernels).map(|kernel| kernel.measured_ns).fold(f64::INFINITY, f64::min);
    let most_ns = launch_ns.unwrap_or(shortest).max(0.0);
    let all: Vec<&Segment<'_>> = segments.iter().collect();
    let names: BTreeSet<&str> = segments.iter().map(|segment| segment.model).collect();
    // With one model nothing can be left out: the plain sum stands.
    let mut best = HeldOut::of(&all, &names, most_ns, Detail::Sum)?;
    // What is predicted is what counts: few of a model's kernels have been measured alone.
    let details = std::iter::once(Detail::One).chain(PULLS.map(Detail::Classes)).filter(|_| names.len() > 1);
    for detail in details {
        let other = HeldOut::of(&all, &names, most_ns, detail)?;
        if loss(other.predicted.iter().copied()) < WORTH * loss(best.predicted.iter().copied()) {
            best = other;
        }
    }
    let HeldOut { detail, measured: held_out, predicted: from_predictions, long_residuals } = best;
    let law = Law::fit(&all, most_ns, detail)?;
    let sum =
        |segment: &&Segment<'_>| (segment.kernels.iter().map(|kernel| kernel.measured_ns).sum::<f64>(), segment.duration_ns);
    Ok(Some(SegmentLaw {
        alone_ns: significant(law.alone_ns, 4),
        factors: law.factors.iter().map(|(class, &factor)| (class.name(), significant(factor, 4))).collect(),
        factor: significant(law.factor, 4),
        segments: segments.len(),
        models: names.len(),
        held_out: Accuracy::of(held_out),
        from_predictions: Accuracy::of(from_predictions),
        plain_sum: Accuracy::of(all.iter().map(sum)),
        long_residuals,
    }))
}

fn segments<'a>(samples: &'a [Sample], worker: &str, models: &CostModels) -> Vec<Segment<'a>> {
    let own = || samples.iter().filter(|sample| sample.worker == worker && sample.timing.p10_ns > 0);
    let by_key: BTreeMap<&str, &Sample> = own().map(|sample| (sample.key.as_str(), sample)).collect();
    let mut segments = Vec::new();
    for sample in own() {
        let Experiment::Segment { model, tasks, task_keys, .. } = &sample.experiment else { continue };
        let kernels: Vec<Kernel> = tasks
            .iter()
            .enumerate()
            .filter_map(|(index, work)| {
                let work = OperatorWork::from(work);
                let class = KernelClass::of(&work)?;
                let alone = task_keys.get(index).and_then(|key| by_key.get(key.as_str()));
                let prediction = match alone.map(|sample| &sample.experiment) {
                    Some(Experiment::Operator { op_type, fused, .. }) => {
                        let fused: Vec<&str> = fused.iter().map(String::as_str).collect();
                        models.predict_kernel(op_type, &fused, &work)
                    }
                    _ => models.predict(&work),
                };
                let predicted_ns = prediction.duration_ns;
                let measured_ns = alone.map_or(predicted_ns, |sample| sample.timing.p10_ns as f64);
                Some(Kernel { class, measured_ns, predicted_ns, log_deviation: prediction.log_deviation })
            })
            .collect();
        if kernels.len() > 1 {
            segments.push(Segment { model, duration_ns: sample.timing.p10_ns as f64, kernels });
        }
    }
    segments
}

impl Law {
    /// Tries fixed parts from 0 to `most_ns`; factors by non-negative least squares for each.
    fn fit(segments: &[&Segment<'_>], most_ns: f64, detail: Detail) -> Result<Self, FitError> {
        if detail == Detail::Sum {
            return Ok(Self { alone_ns: 0.0, factor: 1.0, factors: BTreeMap::new() });
        }
        let mut best: Option<(f64, Self)> = None;
        for step in 0..=STEPS {
            let law = Self::with_alone(segments, most_ns * f64::from(step) / f64::from(STEPS), detail)?;
            let loss =
                loss(segments.iter().map(|segment| (law.predict(segment, |kernel| kernel.predicted_ns), segment.duration_ns)));
            if best.as_ref().is_none_or(|(least, _)| loss < *least) {
                best = Some((loss, law));
            }
        }
        Ok(best.map_or_else(Self::default, |(_, law)| law))
    }

    fn with_alone(segments: &[&Segment<'_>], alone_ns: f64, detail: Detail) -> Result<Self, FitError> {
        // A segment that is hardly longer than its launch tells nothing about its kernels.
        let told: Vec<&&Segment<'_>> = segments.iter().filter(|segment| segment.duration_ns > 1.2 * alone_ns).collect();
        let classes: Vec<KernelClass> = told
            .iter()
            .flat_map(|segment| segment.kernels.iter().map(|kernel| kernel.class))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let rest = |segment: &Segment<'_>, class: KernelClass| -> f64 {
            let own = segment.kernels.iter().filter(|kernel| kernel.class == class);
            own.map(|kernel| (kernel.predicted_ns - alone_ns).max(0.0)).sum()
        };
        let rows: Vec<Vec<f64>> =
            told.iter().map(|segment| classes.iter().map(|&class| rest(segment, class)).collect()).collect();
        let values: Vec<f64> = told.iter().map(|segment| segment.duration_ns - alone_ns).collect();
        // Errors relative to whole segments.
        let weights: Vec<f64> = told
            .iter()
            .zip(&values)
            .map(|(segment, value)| (value / segment.duration_ns) * (value / segment.duration_ns))
            .collect();
        let sums: Vec<Vec<f64>> = rows.iter().map(|row| vec![row.iter().sum()]).collect();
        if sums.iter().all(|sum| sum[0] <= 0.0) {
            return Ok(Self { alone_ns, factor: 1.0, factors: BTreeMap::new() });
        }
        let factor = fit_relative(&sums, &values, &weights, &[1.0], ONE)?[0];
        let Detail::Classes(ridge) = detail else {
            return Ok(Self { alone_ns, factor, factors: BTreeMap::new() });
        };
        let how = RobustFit { ridge, ..CLASSES };
        let factors = fit_relative(&rows, &values, &weights, &vec![factor.max(1e-3); classes.len()], how)?;
        Ok(Self { alone_ns, factor, factors: classes.into_iter().zip(factors).collect() })
    }

    fn predict(&self, segment: &Segment<'_>, duration: fn(&Kernel) -> f64) -> f64 {
        self.alone_ns + segment.kernels.iter().map(|kernel| self.inside_ns(kernel.class, duration(kernel))).sum::<f64>()
    }

    /// What a kernel takes inside a segment.
    fn inside_ns(&self, class: KernelClass, duration_ns: f64) -> f64 {
        self.factors.get(&class).copied().unwrap_or(self.factor) * (duration_ns - self.alone_ns).max(0.0)
    }

    /// What a segment was off by, and what its kernels' own errors and shares say about that.
    fn residual(&self, segment: &Segment<'_>, predicted_ns: f64) -> LongResidual {
        let mut shares: BTreeMap<KernelClass, f64> = BTreeMap::new();
        let mut own_variance = 0.0;
        for kernel in &segment.kernels {
            let share = self.inside_ns(kernel.class, kernel.predicted_ns) / predicted_ns;
            *shares.entry(kernel.class).or_default() += share;
            own_variance += share * kernel.log_deviation * share * kernel.log_deviation;
        }
        let class_shares = shares.values().map(|share| share * share).sum();
        LongResidual { residual: libm::log(segment.duration_ns / predicted_ns), class_shares, own_variance }
    }
}

/// Cost models that know what segments save.
pub(crate) fn apply(models: &CostModels, law: Option<&SegmentLaw>) -> Result<CostModels, FitError> {
    let Some(law) = law else { return Ok(models.clone()) };
    let with_factor = |model: &ClassModel| {
        let mut model = model.clone();
        model.in_segment = law.factors.get(model.class.name()).copied().unwrap_or(law.factor);
        model
    };
    let classes = models.classes().iter().chain(models.operators()).map(with_factor).collect();
    let models = CostModels::new(models.element_bytes(), models.scale(), classes)?.with_fused(models.fused().clone())?;
    Ok(models.with_alone_ns(law.alone_ns)?)
}

impl Display for SegmentLaw {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let numbers = |it: &Accuracy| format!("{:8.2}{:7.1}{:9.0}", it.median_percent, it.p90_percent, it.within_10_percent);
        writeln!(
            out,
            "segments of {} models      {:5}{}  one model left out",
            self.models,
            self.segments,
            numbers(&self.held_out)
        )?;
        writeln!(out, "  from predicted kernels   {:5}{}", self.segments, numbers(&self.from_predictions))?;
        writeln!(out, "  plain sum of kernels     {:5}{}", self.segments, numbers(&self.plain_sum))?;
        let factors: Vec<String> = self.factors.iter().map(|(class, factor)| format!("{class} {factor:.2}")).collect();
        writeln!(out, "  alone {:.1} us, inside x {:.2} ({})", self.alone_ns / 1e3, self.factor, factors.join(", "))
    }
}
