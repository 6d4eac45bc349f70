//! What no model can explain: how much the same thing differs, measured twice, apart.

use std::collections::BTreeMap;

use serde::Serialize;
use sim::cost::KernelClass;
use sim::graph::OperatorWork;

use crate::host::sample::{Experiment, Sample};
use crate::statistics;

/// Differences between first and second measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Noise {
    /// Things measured twice.
    pub count: usize,
    /// Median of `|second / first - 1|`, in percent; 0 where nothing was measured twice.
    pub median_percent: f64,
    /// 90th percentile of the same.
    pub p90_percent: f64,
    /// Share of second measurements within 10 % of the first, in percent: what predicting each operator by its own measurement
    /// would reach, and so about the most that any model can.
    pub within_10_percent: f64,
}

/// Noise of a worker and of its classes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WorkerNoise {
    pub(crate) all: Noise,
    pub(crate) classes: BTreeMap<KernelClass, Noise>,
}

/// Fewest repeated measurements for a class to have a noise floor of its own.
const CLASS_LEAST: usize = 5;

impl Noise {
    fn of(differences: &[f64]) -> Self {
        Self {
            count: differences.len(),
            median_percent: 100.0 * statistics::median(differences),
            p90_percent: 100.0 * statistics::quantile(differences, 0.9),
            within_10_percent: 100.0 * differences.iter().filter(|&&difference| difference < 0.1).count() as f64
                / differences.len().max(1) as f64,
        }
    }
}

/// Of all workers together.
pub(crate) fn of_all(samples: &[Sample]) -> Noise {
    Noise::of(&samples.iter().filter_map(difference).map(|(_, difference)| difference).collect::<Vec<_>>())
}

/// Of one worker.
pub(crate) fn of_worker(samples: &[Sample], worker: &str) -> WorkerNoise {
    let own = || samples.iter().filter(|sample| sample.worker == worker);
    let class_of: BTreeMap<&str, KernelClass> = own()
        .filter_map(|sample| match &sample.experiment {
            Experiment::Operator { work, .. } => Some((sample.key.as_str(), KernelClass::of(&OperatorWork::from(work))?)),
            _ => None,
        })
        .collect();
    let differences: Vec<(&str, f64)> = own().filter_map(difference).collect();
    let mut by_class: BTreeMap<KernelClass, Vec<f64>> = BTreeMap::new();
    for (of, difference) in &differences {
        if let Some(&class) = class_of.get(of) {
            by_class.entry(class).or_default().push(*difference);
        }
    }
    let all: Vec<f64> = differences.into_iter().map(|(_, difference)| difference).collect();
    let classes = by_class.into_iter().filter(|(_, differences)| differences.len() >= CLASS_LEAST);
    WorkerNoise { all: Noise::of(&all), classes: classes.map(|(class, differences)| (class, Noise::of(&differences))).collect() }
}

fn difference(sample: &Sample) -> Option<(&str, f64)> {
    match &sample.experiment {
        Experiment::Noise { of, first_ns, second_ns, .. } if *first_ns > 0 => {
            Some((of, (*second_ns as f64 / *first_ns as f64 - 1.0).abs()))
        }
        _ => None,
    }
}
