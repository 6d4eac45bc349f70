//! How fast the machine was while something ran, by the canaries around it.

use std::collections::BTreeMap;

use sim::statistics::{StatisticsError, median, quantile};

use crate::host::observed::{Canary, HostRun};

/// Slowdowns of the machine over a validation, relative to the median of all canaries.
pub(crate) struct Drift {
    /// By worker: times, and how many times as long as usual the canary of arithmetic took.
    workers: BTreeMap<String, Vec<(u64, f64)>>,
}

impl Drift {
    pub(crate) fn of(run: &HostRun) -> Self {
        let mut by_worker: BTreeMap<String, Vec<&Canary>> = BTreeMap::new();
        for canary in run.canaries.iter().filter(|canary| canary.compute_ns > 0) {
            by_worker.entry(canary.worker.clone()).or_default().push(canary);
        }
        let of_worker = |(worker, canaries): (String, Vec<&Canary>)| {
            let all: Vec<f64> = canaries.iter().map(|canary| canary.compute_ns as f64).collect();
            let usual = median(&all).ok()?;
            Some((worker, canaries.iter().map(|canary| (canary.at_ms, canary.compute_ns as f64 / usual)).collect()))
        };
        Self { workers: by_worker.into_iter().filter_map(of_worker).collect() }
    }

    /// How many times as long as usual everything took at a time: geometric mean over workers of the canaries before and after.
    pub(crate) fn slowdown(&self, at_ms: u64) -> f64 {
        let logs = self.workers.values().filter_map(|readings| {
            let before = readings.iter().rev().find(|reading| reading.0 <= at_ms);
            let after = readings.iter().find(|reading| reading.0 > at_ms);
            let around: Vec<f64> = before.into_iter().chain(after).map(|reading| libm::log(reading.1)).collect();
            (!around.is_empty()).then(|| around.iter().sum::<f64>() / around.len() as f64)
        });
        let logs: Vec<f64> = logs.collect();
        if logs.is_empty() { 1.0 } else { libm::exp(logs.iter().sum::<f64>() / logs.len() as f64) }
    }

    /// 90th over 10th percentile of the slowdowns, less 1; `None` without canaries.
    pub(crate) fn spread(&self) -> Result<Option<f64>, StatisticsError> {
        let all: Vec<f64> = self.workers.values().flatten().map(|reading| reading.1).collect();
        if all.is_empty() { Ok(None) } else { Ok(Some(quantile(&all, 0.9)? / quantile(&all, 0.1)? - 1.0)) }
    }
}
