//! Predictions of runs that a fit did not see, and how far they were off.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use crate::statistics::{Accuracy, mean, median};

/// A run, and what a fit without its network says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MixedRow {
    /// Network.
    pub model: String,
    /// Precision.
    pub precision: String,
    /// Device.
    pub device: String,
    /// Layers on the CPU; 0 where all were.
    pub layers_cpu: u64,
    /// Latency of the same network whole on the NPU; 0 where the CPU ran all of it.
    pub whole_ns: f64,
    /// Latency.
    pub measured_ns: f64,
    /// The NPU's latency, and the predicted cost of falling back.
    pub predicted_ns: f64,
    /// The same with a constant for each segment of the CPU, fitted and judged likewise.
    pub baseline_ns: f64,
    /// Whether other runs of its kind were fitted to.
    pub is_fitted: bool,
}

impl MixedRow {
    /// Whether NPU and CPU both had a part in it.
    pub fn is_mixed(&self) -> bool {
        self.whole_ns > 0.0
    }

    /// Measured / predicted.
    pub fn ratio(&self) -> f64 {
        self.measured_ns / self.predicted_ns
    }
}

/// How many rows a prediction is right for, within a factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Within {
    /// Rows.
    pub count: usize,
    /// Share within a factor of 1.25, in percent.
    pub quarter_percent: f64,
    /// Share within a factor of 2, in percent.
    pub double_percent: f64,
    /// Mean absolute percentage error.
    pub mean_percent: f64,
}

impl Within {
    pub(super) fn of(rows: &[MixedRow], predicted: fn(&MixedRow) -> f64) -> Self {
        let share = |factor: f64| {
            let is_near = |row: &MixedRow| {
                let ratio = predicted(row) / row.measured_ns;
                f64::from(u8::from((1.0 / factor..=factor).contains(&ratio)))
            };
            100.0 * mean(&rows.iter().map(is_near).collect::<Vec<_>>())
        };
        Self {
            count: rows.len(),
            quarter_percent: share(1.25),
            double_percent: share(2.0),
            mean_percent: Accuracy::of(rows.iter().map(|row| (predicted(row), row.measured_ns))).mean_percent,
        }
    }
}

/// Errors on networks that a fit did not see.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FallbackValidation {
    /// Runs on NPU and CPU together.
    pub mixed: Vec<MixedRow>,
    /// Runs on the CPU alone.
    pub whole: Vec<MixedRow>,
    /// Runs that no fit sees: precisions mixed layer by layer, and layers on the CPU that are guessed.
    pub unfitted: Vec<MixedRow>,
    /// Of `mixed`.
    pub mixed_within: Within,
    /// Of `mixed`, by the baseline.
    pub baseline_within: Within,
    /// Of `whole`.
    pub whole_within: Within,
    /// Of `mixed` and `whole`.
    pub errors: Accuracy,
    /// Ends of the central 90 % of measured / predicted over `mixed` and `whole`.
    pub interval: [f64; 2],
    /// Robust deviation of its logarithm.
    pub log_deviation: f64,
}

/// Rows of one network and precision, in order.
pub fn grouped(rows: &[MixedRow]) -> Vec<&[MixedRow]> {
    rows.chunk_by(|one, other| (&one.model, &one.precision) == (&other.model, &other.precision)).collect()
}

impl Display for FallbackValidation {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "Falling back to the CPU by ONNX Runtime; medians over devices, each network left out of everything.\n")?;
        writeln!(
            out,
            "network                       precision         devices  layers  whole ms     cut ms  predicted  measured / predicted"
        )?;
        for group in grouped(&self.mixed).into_iter().chain(grouped(&self.unfitted)) {
            let over = |number: fn(&MixedRow) -> f64| median(&group.iter().map(number).collect::<Vec<_>>());
            let ratios: Vec<f64> = group.iter().map(MixedRow::ratio).collect();
            let (low, high) = ratios.iter().fold((f64::MAX, 0.0_f64), |(low, high), &it| (low.min(it), high.max(it)));
            writeln!(
                out,
                "{:30}{:18}{:7}{:8}{:10.1}{:11.1}{:11.1}  {low:.2} to {high:.2}{}",
                group[0].model,
                group[0].precision,
                group.len(),
                group[0].layers_cpu,
                over(|row| row.whole_ns) / 1e6,
                over(|row| row.measured_ns) / 1e6,
                over(|row| row.predicted_ns) / 1e6,
                if group[0].is_fitted { "" } else { " (never fitted)" }
            )?;
        }
        let say = |out: &mut Formatter<'_>, name: &str, it: &Within| {
            writeln!(
                out,
                "{name}: {} runs, within a factor of 1.25 {:.0} %, of 2 {:.0} %, mean error {:.1} %",
                it.count, it.quarter_percent, it.double_percent, it.mean_percent
            )
        };
        say(out, "NPU and CPU", &self.mixed_within)?;
        say(out, "the same, a constant a segment", &self.baseline_within)?;
        say(out, "CPU alone", &self.whole_within)?;
        writeln!(out, "90 % of measured / predicted: {:.2} to {:.2}", self.interval[0], self.interval[1])
    }
}
