//! The cross-validation, as numbers and as a table.

use std::fmt::{self, Display, Formatter};

use scenarios::profile::ModelErrors;
use serde::Serialize;

use crate::statistics::Accuracy;
use crate::usc::fit::NoiseFloor;
use crate::usc::{Baseline, Campaign};

/// Errors of one kernel class on the GPU.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindReport {
    /// Name of the class.
    pub class: &'static str,
    /// Random folds, mean over seeds.
    pub random: Accuracy,
    /// Whole families left out.
    pub family: Accuracy,
}

/// Errors of whole models on one worker.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkerReport {
    /// Name of the worker.
    pub worker: &'static str,
    /// Random folds, mean over seeds.
    pub random: Accuracy,
    /// Whole families left out.
    pub family: Accuracy,
    /// Median standard deviation over runs, in percent of the mean.
    pub noise_percent: f64,
    /// Share of models in the intervals of a 90 % coverage, the interval resting on the other folds: random folds, families left out.
    pub covered_percent: [f64; 2],
    /// Mean error, families left out, of a prediction from single cores alone; of sets of several cores.
    pub from_single_cores_percent: Option<f64>,
    /// Every model, with whole families left out.
    #[serde(skip)]
    pub family_models: Vec<LeftOutModel>,
    /// What goes into the profile.
    #[serde(skip)]
    pub errors: ModelErrors,
}

/// A model, predicted by a fit that saw none of its family.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOutModel {
    /// Name.
    pub model: String,
    /// Predicted latency.
    pub predicted_ns: f64,
    /// Measured latency.
    pub measured_ns: f64,
    /// Its standard deviation over runs, in percent.
    pub deviation_percent: f64,
}

/// Errors of models that were never trained on the model they predict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validation {
    /// What was fitted.
    #[serde(skip)]
    pub campaign: &'static Campaign,
    /// Models measured.
    pub models: usize,
    /// Operators measured on the GPU.
    pub operators: usize,
    /// Families of models.
    pub families: usize,
    /// GPU, single operators, random folds.
    pub gpu_random_operators: Accuracy,
    /// GPU, single operators, families left out.
    pub gpu_family_operators: Accuracy,
    /// GPU, single operators by class.
    pub gpu_kinds: Vec<KindReport>,
    /// GPU, whole models.
    pub gpu: WorkerReport,
    /// Constant of a whole model on the GPU.
    pub gpu_constant_ns: f64,
    /// Factor on the sum of a model's operators on the GPU.
    pub gpu_scale: f64,
    /// Besides, for each operator.
    pub gpu_operator_ns: f64,
    /// Spread of the GPU's measurements.
    pub gpu_noise: NoiseFloor,
    /// CPU, whole models.
    pub core_sets: Vec<WorkerReport>,
}

impl Display for Validation {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let noise = &self.gpu_noise;
        writeln!(
            out,
            "Held-out errors of {} in percent: {} models of {} families, {} operators; 5 folds over models, at random (mean of 3",
            self.campaign.device, self.models, self.families, self.operators
        )?;
        writeln!(out, "shuffles) and with whole families left out. In parentheses the plain baseline.")?;
        writeln!(out)?;
        writeln!(out, "GPU, single operators          random                               family")?;
        writeln!(out, "class                        n  median    p90  in 10 %   mean      median    p90  in 10 %   mean")?;
        operator_row(out, "all", &self.gpu_random_operators, &self.gpu_family_operators)?;
        let base = |numbers: [f64; 4]| {
            let [median, p90, within, mean] = numbers;
            format!("{median:8.1}{p90:7.1}{within:9.0}{mean:7.1}")
        };
        let [random, family] = self.campaign.baseline_operators;
        writeln!(out, "{:26}{:4}{}    {}", "(baseline)", "", base(random), base(family))?;
        for kind in &self.gpu_kinds {
            operator_row(out, kind.class, &kind.random, &kind.family)?;
        }
        writeln!(
            out,
            "spread among equal shapes (n = {}): median {:.1}, p90 {:.1}",
            noise.operators, noise.median_percent, noise.p90_percent
        )?;
        writeln!(out)?;
        writeln!(out, "Whole models                   random                               family")?;
        writeln!(
            out,
            "worker                 mean (base) median    p90 in 10 % held    mean (base) median    p90 in 10 % held   noise  from 1 core"
        )?;
        for report in std::iter::once(&self.gpu).chain(&self.core_sets) {
            model_row(out, self.campaign.baseline_models, report)?;
        }
        write!(out, "gpu whole model = {:.3} ms + {:.4} x sum of its operators", self.gpu_constant_ns / 1e6, self.gpu_scale)?;
        if self.gpu_operator_ns > 0.0 {
            write!(out, " + {:.1} us for each", self.gpu_operator_ns / 1e3)?;
        }
        writeln!(out)
    }
}

fn operator_row(out: &mut Formatter<'_>, name: &str, random: &Accuracy, family: &Accuracy) -> fmt::Result {
    let numbers = |it: &Accuracy| {
        format!("{:8.2}{:7.1}{:9.0}{:7.2}", it.median_percent, it.p90_percent, it.within_10_percent, it.mean_percent)
    };
    writeln!(out, "{name:26}{:4}{}    {}", family.count, numbers(random), numbers(family))
}

fn model_row(out: &mut Formatter<'_>, baselines: &[Baseline], report: &WorkerReport) -> fmt::Result {
    let baseline = baselines.iter().find(|row| row.0 == report.worker);
    let base = |number: Option<f64>| number.map_or_else(String::new, |number| format!("({number:.1})"));
    let numbers = |it: &Accuracy, baseline: Option<f64>, covered: f64| {
        let (mean, median, p90, within) = (it.mean_percent, it.median_percent, it.p90_percent, it.within_10_percent);
        format!("{mean:7.2}{:>7}{median:7.2}{p90:7.1}{within:8.0}{covered:5.0}", base(baseline))
    };
    let [random, family] = report.covered_percent;
    writeln!(
        out,
        "{:20}{} {}{:8.1}{}",
        report.worker,
        numbers(&report.random, baseline.map(|row| row.1), random),
        numbers(&report.family, baseline.map(|row| row.2), family),
        report.noise_percent,
        report.from_single_cores_percent.map_or_else(String::new, |percent| format!("{percent:13.1}"))
    )
}
