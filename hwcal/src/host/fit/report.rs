//! What a fit is worth, as numbers and as tables.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;
use sim::cost::{Overhead, Overheads};

use crate::host::fit::contention::SharedBandwidth;
use crate::host::fit::copies::FittedLink;
use crate::host::fit::family::Family;
use crate::host::fit::noise::Noise;
use crate::host::fit::segments::SegmentLaw;
use crate::statistics::Accuracy;

/// Share of held-out operators that should be within 10 %, in percent.
pub(crate) const WITHIN_10_TARGET_PERCENT: f64 = 85.0;
/// Median held-out error that should not be exceeded, in noise floors.
pub(crate) const NOISE_FLOORS_TARGET: f64 = 2.0;

/// Errors on operators that the fit did not see, and what else was fitted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// By worker.
    pub workers: Vec<WorkerReport>,
    /// Copies between memories.
    pub copies: Vec<CopyReport>,
    /// Bandwidth that workers share; `None` where no slowdown was measured.
    pub bandwidth: Option<SharedBandwidth>,
}

/// One worker.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkerReport {
    /// Its name.
    pub worker: String,
    /// Held-out errors of operators and slices that models have, or that differ from those in sizes only.
    pub all: Accuracy,
    /// Held-out errors of operators drawn from the whole space of shapes, however unusual.
    pub corners: Accuracy,
    /// Of slices alone.
    pub slices: Accuracy,
    /// By class.
    pub classes: Vec<ClassReport>,
    /// The same thing measured twice.
    pub noise: Noise,
    /// What entering it costs.
    pub launch: LaunchReport,
    /// What launches cost beyond their kernels.
    #[serde(skip)]
    pub overheads: Overheads,
    /// What segments save; `None` where none was measured.
    pub segments: Option<SegmentLaw>,
}

/// One class on one worker.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassReport {
    /// Its name.
    pub class: &'static str,
    /// Distinct operators.
    pub operators: usize,
    /// Held-out errors.
    pub accuracy: Accuracy,
    /// Noise floor: that of the class where enough was measured twice, else of the worker.
    pub noise_percent: f64,
    /// Deviation of `ln` of one measurement.
    pub seen_log_deviation: f64,
    /// Deviation of `ln(measured / predicted)` of held-out operators.
    pub new_log_deviation: f64,
    /// Families of the class (`None`) and of single ONNX types.
    pub families: Vec<(Option<String>, Family)>,
}

/// What launches take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LaunchReport {
    /// One launch after a gap.
    pub alone_ns: Option<f64>,
    /// One after the other.
    pub back_to_back_ns: Option<f64>,
    /// Until an idle thread has what it was handed.
    pub wake_up_ns: Option<f64>,
}

/// A copy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CopyReport {
    /// Name of the link.
    pub link: String,
    /// Before bytes flow.
    pub fixed_ns: u64,
    /// Bandwidth; `None` where nothing flows.
    pub bytes_per_second: Option<f64>,
    /// Errors of the fit, in-sample.
    pub accuracy: Accuracy,
}

impl CopyReport {
    pub(crate) fn of(fitted: &FittedLink) -> Self {
        Self {
            link: fitted.name.clone(),
            fixed_ns: fitted.fixed_ns,
            bytes_per_second: fitted.bytes_per_second,
            accuracy: fitted.accuracy,
        }
    }
}

impl WorkerReport {
    /// Whether enough held-out operators are within 10 %.
    pub fn is_close(&self) -> bool {
        self.all.within_10_percent >= WITHIN_10_TARGET_PERCENT
    }

    /// Whether the median held-out error is near the noise; `None` where no noise was measured.
    pub fn is_near_noise(&self) -> Option<bool> {
        (self.noise.count > 0).then_some(self.all.median_percent <= NOISE_FLOORS_TARGET * self.noise.median_percent)
    }
}

impl Report {
    /// Whether every worker meets both targets; a worker without measured noise need meet the first only.
    pub fn is_good(&self) -> bool {
        self.workers.iter().all(|worker| worker.is_close() && worker.is_near_noise().unwrap_or(true))
    }
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "Held-out errors in percent: every operator predicted by models that never saw it, nor a slice of it")?;
        for worker in &self.workers {
            write!(out, "\n{worker}")?;
        }
        if !self.copies.is_empty() {
            writeln!(out, "\ncopies                          fixed       bandwidth   median    p90")?;
        }
        for copy in &self.copies {
            let rate = copy.bytes_per_second.map_or_else(|| "at once".to_owned(), |rate| format!("{:.2} GB/s", rate / 1e9));
            let (median, p90) = (copy.accuracy.median_percent, copy.accuracy.p90_percent);
            writeln!(out, "{:24}{:10.1} us{rate:>16}{median:9.2}{p90:7.1}", copy.link, copy.fixed_ns as f64 / 1e3)?;
        }
        match &self.bandwidth {
            None => writeln!(out, "\nno slowdown by shared bandwidth was measured"),
            Some(bandwidth) => write!(out, "\n{bandwidth}"),
        }
    }
}

impl Display for WorkerReport {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "{:28}  n  median    p90  in 10 %  noise  family", self.worker)?;
        row(out, "as in models", &self.all, Some(self.noise.median_percent), self.verdict())?;
        if self.noise.count > 0 {
            let bound = Accuracy {
                count: self.noise.count,
                median_percent: self.noise.median_percent,
                p90_percent: self.noise.p90_percent,
                within_10_percent: self.noise.within_10_percent,
                ..Accuracy::default()
            };
            row(out, "  the same measured twice", &bound, None, "bounds what any model reaches")?;
        }
        if self.corners.count > 0 {
            row(out, "unusual shapes", &self.corners, None, "drawn from the whole space, not in the rows below")?;
        }
        for class in &self.classes {
            let families = class.families.iter().map(|(operator, family)| match operator {
                None => family.to_string(),
                Some(operator) => format!("{operator}: {family}"),
            });
            row(out, class.class, &class.accuracy, Some(class.noise_percent), &families.collect::<Vec<_>>().join("; "))?;
        }
        if self.slices.count > 0 {
            row(out, "slices", &self.slices, None, "")?;
        }
        if let Some(segments) = &self.segments {
            write!(out, "{segments}")?;
        }
        let launch = &self.launch;
        let microseconds = |ns: Option<f64>| ns.map_or_else(|| "unknown".to_owned(), |ns| format!("{:.1} us", ns / 1e3));
        let [alone, back_to_back, wake_up] = [launch.alone_ns, launch.back_to_back_ns, launch.wake_up_ns].map(microseconds);
        writeln!(out, "launch after a gap {alone}, back to back {back_to_back}, wake-up {wake_up}")?;
        let Overheads { turn, merge, preparation, .. } = self.overheads;
        let overhead = |it: Overhead| format!("{:.1} us + {:.1} us/MB", it.fixed_ns / 1e3, it.byte_ns * 1e3);
        let [turn, merge, preparation] = [turn, merge, preparation].map(overhead);
        writeln!(out, "in turn with others {turn} more, a part to its place {merge}, preparing {preparation} a kernel")
    }
}

impl WorkerReport {
    fn verdict(&self) -> &'static str {
        match (self.is_close(), self.is_near_noise()) {
            (true, Some(true)) => "both targets met",
            (true, None) => "share within 10 % met, noise unknown",
            (true, Some(false)) => "share within 10 % met, median above twice the noise",
            (false, Some(true)) => "share within 10 % missed, median within twice the noise",
            (false, _) => "targets missed",
        }
    }
}

fn row(out: &mut Formatter<'_>, name: &str, it: &Accuracy, noise: Option<f64>, rest: &str) -> fmt::Result {
    let noise = noise.map_or_else(|| " ".repeat(7), |noise| format!("{noise:7.2}"));
    let line = format!(
        "{name:26}{:5}{:8.2}{:7.1}{:9.0}{noise}  {rest}",
        it.count, it.median_percent, it.p90_percent, it.within_10_percent
    );
    writeln!(out, "{}", line.trim_end())
}
