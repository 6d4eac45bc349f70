//! A run of the study, with its replicates.

use results::Interval;
use runner::Cause;
use sim::metrics::{ModelReport, Report};

/// A run: a case of a scenario under a strategy.
#[derive(Debug)]
pub struct Outcome {
    /// Which of the scenarios that were given.
    pub scenario: usize,
    /// Name of the device.
    pub device: String,
    /// Name of the case: that of the stream, where streams run separately.
    pub case: String,
    /// The strategy, as written in the scenario.
    pub strategy: String,
    /// The report of each replicate, the first with the scenario's seed; or why there is none.
    pub reports: Result<Vec<Report>, Cause>,
}

impl Outcome {
    /// The first report; `None` where the run failed.
    pub fn report(&self) -> Option<&Report> {
        self.reports.as_ref().ok()?.first()
    }

    /// A figure over the replicates in which it exists: mean and 95 % interval.
    pub fn figure(&self, figure: impl Fn(&Report) -> Option<f64>) -> Interval {
        Interval::of(&self.values(figure))
    }

    /// A figure of each replicate in which it exists.
    pub fn values(&self, figure: impl Fn(&Report) -> Option<f64>) -> Vec<f64> {
        self.reports.iter().flatten().filter_map(figure).collect()
    }

    /// Why the run failed.
    pub fn failure(&self) -> Option<String> {
        self.reports.as_ref().err().map(ToString::to_string)
    }
}

/// Median latency in ms of the first model of a report.
pub fn median_ms(report: &Report) -> Option<f64> {
    let latency = report.models.first().and_then(|model: &ModelReport| model.latency)?;
    Some(latency.p50_ns * 1e-6)
}
