//! The cross-validation, as numbers and as a table.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use crate::pixel4::fit::NoiseFloor;
use crate::statistics::Accuracy;

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

/// Errors of whole models on one core set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CoreSetReport {
    /// Name of the worker.
    pub worker: &'static str,
    /// Random folds, mean over seeds.
    pub random: Accuracy,
    /// Whole families left out.
    pub family: Accuracy,
    /// Median standard deviation over runs, in percent of the mean.
    pub noise_percent: f64,
}

/// Errors of models that were never trained on the model they predict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validation {
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
    /// GPU, whole models, random folds.
    pub gpu_random_models: Accuracy,
    /// GPU, whole models, families left out.
    pub gpu_family_models: Accuracy,
    /// Constant of a whole model on the GPU.
    pub gpu_constant_ns: f64,
    /// Factor on the sum of a model's operators on the GPU.
    pub gpu_scale: f64,
    /// Spread of the GPU's measurements.
    pub gpu_noise: NoiseFloor,
    /// CPU, whole models.
    pub core_sets: Vec<CoreSetReport>,
}

/// Mean absolute percentage errors of the plain baseline for whole models: worker, random folds, families left out. Non-negative
/// least squares over about 20 features on the CPU; mean of two tree ensembles plus a fitted overhead on the GPU. It used the
/// same measurements, 5 random folds and 5 folds of families, but folded all 102 models of the campaign, not the 83 that were
/// measured on this device.
pub const BASELINE_MODELS: [(&str, f64, f64); 7] = [
    ("gpu", 3.4, 5.6),
    ("cpu.1large", 2.6, 4.9),
    ("cpu.1medium", 2.4, 5.1),
    ("cpu.3medium", 3.7, 8.8),
    ("cpu.1large1medium", 4.5, 9.5),
    ("cpu.1small", 2.9, 6.6),
    ("cpu.4small", 7.1, 19.7),
];

/// The same for single operators on the GPU: median, 90th percentile, share within 10 %, mean; random folds, families left out.
pub const BASELINE_OPERATORS: [[f64; 4]; 2] = [[3.9, 22.6, 75.0, 8.4], [6.4, 34.6, 62.0, 13.3]];

impl Display for Validation {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let noise = &self.gpu_noise;
        writeln!(
            out,
            "Held-out errors in percent: {} models of {} families, {} operators; 5 folds over models, at random (mean of 3",
            self.models, self.families, self.operators
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
        let [random, family] = BASELINE_OPERATORS;
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
        writeln!(out, "worker                 mean (base) median    p90 in 10 %    mean (base) median    p90 in 10 %   noise")?;
        model_row(out, "gpu", &self.gpu_random_models, &self.gpu_family_models, None)?;
        for set in &self.core_sets {
            model_row(out, set.worker, &set.random, &set.family, Some(set.noise_percent))?;
        }
        writeln!(out, "gpu whole model = {:.3} ms + {:.4} x sum of its operators", self.gpu_constant_ns / 1e6, self.gpu_scale)
    }
}

fn operator_row(out: &mut Formatter<'_>, name: &str, random: &Accuracy, family: &Accuracy) -> fmt::Result {
    let numbers = |it: &Accuracy| {
        format!("{:8.2}{:7.1}{:9.0}{:7.2}", it.median_percent, it.p90_percent, it.within_10_percent, it.mean_percent)
    };
    writeln!(out, "{name:26}{:4}{}    {}", family.count, numbers(random), numbers(family))
}

fn model_row(
    out: &mut Formatter<'_>,
    worker: &str,
    random: &Accuracy,
    family: &Accuracy,
    noise_percent: Option<f64>,
) -> fmt::Result {
    let baseline = BASELINE_MODELS.iter().find(|row| row.0 == worker);
    let base = |number: Option<f64>| number.map_or_else(String::new, |number| format!("({number:.1})"));
    let numbers = |it: &Accuracy, baseline: Option<f64>| {
        format!(
            "{:7.2}{:>7}{:7.2}{:7.1}{:8.0}",
            it.mean_percent,
            base(baseline),
            it.median_percent,
            it.p90_percent,
            it.within_10_percent
        )
    };
    let noise = noise_percent.map_or_else(String::new, |percent| format!("{percent:8.1}"));
    let row = format!(
        "{worker:20}{} {}{noise}",
        numbers(random, baseline.map(|row| row.1)),
        numbers(family, baseline.map(|row| row.2))
    );
    writeln!(out, "{}", row.trim_end())
}
