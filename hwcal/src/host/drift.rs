//! What slows a machine down for a while, taken out.
//!
//! Whoever shares the caches, the memory or the other half of a core slows everything down for seconds and minutes, by up to a
//! half, and takes no core from it. What was measured in one batch was slowed down together; and what is measured in several
//! batches tells them apart. So `ln(duration of visit) = ln(duration) + slowdown of batch`, solved by medians in turns (Tukey's
//! median polish, "Exploratory Data Analysis", 1977): the slowdown of a batch is the median over what it holds, a duration that
//! over its visits, and the median slowdown of all batches of a worker is none.

use std::collections::BTreeMap;

use crate::host::sample::Sample;
use crate::statistics::{median, quantile};

/// Rounds of the polish.
const ROUNDS: usize = 10;
/// Fewest things in a batch that tell what it was slowed down by.
const LEAST: usize = 5;

/// Takes the slowdowns of their batches out of the durations of samples: also of those that were visited once, beside others.
pub(crate) fn correct(samples: &mut [&mut Sample]) {
    let mut workers: BTreeMap<String, Vec<&mut Sample>> = BTreeMap::new();
    for sample in samples.iter_mut() {
        let timing = &sample.timing;
        if !timing.visits_ns.is_empty() && timing.visits_ns.len() == timing.batches_ms.len() {
            workers.entry(sample.worker.clone()).or_default().push(sample);
        }
    }
    workers.into_values().for_each(polish);
}

/// How much the slowdowns of a worker's batches vary: one standard deviation of the logarithm. `None` where too few are known.
pub(crate) fn deviation(samples: &[Sample], worker: &str) -> Option<f64> {
    let visits: Vec<Vec<(u64, f64)>> = samples.iter().filter(|sample| sample.worker == worker).map(visits).collect();
    let slowdowns: Vec<f64> = slowdowns(&visits).into_values().collect();
    if slowdowns.len() < LEAST {
        return None;
    }
    // Nine of ten batches lie within it, however rare and slow the others are: that is what intervals promise.
    Some((quantile(&slowdowns, 0.95) - quantile(&slowdowns, 0.05)) / (2.0 * 1.645))
}

/// Each visit of a sample: its batch, and the logarithm of its duration.
fn visits(sample: &Sample) -> Vec<(u64, f64)> {
    let logs = sample.timing.visits_ns.iter().map(|&visit_ns| libm::log(visit_ns.max(1) as f64));
    sample.timing.batches_ms.iter().copied().zip(logs).collect()
}

/// The duration of something visited several times, as a logarithm.
fn duration(visits: &[(u64, f64)], slowdowns: &BTreeMap<u64, f64>) -> f64 {
    let logs: Vec<f64> = visits.iter().map(|(batch, log)| log - slowdowns.get(batch).copied().unwrap_or(0.0)).collect();
    median(&logs)
}

/// The slowdown of each batch that enough is known of.
fn slowdowns(visits: &[Vec<(u64, f64)>]) -> BTreeMap<u64, f64> {
    let mut slowdowns: BTreeMap<u64, f64> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let mut residuals: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for visits in visits.iter().filter(|visits| visits.len() > 1) {
            let log_duration = duration(visits, &slowdowns);
            for &(batch, log) in visits {
                residuals.entry(batch).or_default().push(log - log_duration);
            }
        }
        residuals.retain(|_, residuals| residuals.len() >= LEAST);
        slowdowns = residuals.into_iter().map(|(batch, residuals)| (batch, median(&residuals))).collect();
        let usual = median(&slowdowns.values().copied().collect::<Vec<_>>());
        for slowdown in slowdowns.values_mut() {
            *slowdown -= usual;
        }
    }
    slowdowns
}

fn polish(mut samples: Vec<&mut Sample>) {
    let visits: Vec<Vec<(u64, f64)>> = samples.iter().map(|sample| visits(sample)).collect();
    let slowdowns = slowdowns(&visits);
    for (sample, visits) in samples.iter_mut().zip(&visits) {
        sample.timing.p10_ns = libm::round(libm::exp(duration(visits, &slowdowns))).max(1.0) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::sample::{Experiment, Timing};

    /// Three visits in batches of ten, a third of which were slow: the durations come back, whatever the batches did.
    #[test]
    fn slow_batches_are_taken_out() {
        let mut samples: Vec<Sample> = (0..300_u64)
            .map(|index| {
                let true_ns = 10_000.0 * libm::exp((index % 17) as f64 / 4.0);
                // Other neighbours on each visit.
                let batches_ms: Vec<u64> =
                    [7, 11, 13].iter().enumerate().map(|(visit, step)| 1000 * visit as u64 + index * step % 300 / 10).collect();
                let slow = |batch: u64| if batch.is_multiple_of(3) { 1.0 + 0.1 * (batch % 5) as f64 } else { 1.0 };
                let visits_ns: Vec<u64> = batches_ms.iter().map(|&batch| (true_ns * slow(batch)) as u64).collect();
                let timing = Timing {
                    p10_ns: visits_ns[0],
                    median_ns: 0,
                    samples: 10,
                    spread: 0.0,
                    stolen: 0,
                    interval_ns: [0, 0],
                    busy_p10_ns: None,
                    turn_ns: None,
                    prepared_ns: None,
                    visits_ns,
                    batches_ms,
                };
                Sample { key: index.to_string(), worker: "cpu".to_owned(), experiment: Experiment::WakeUp, timing }
            })
            .collect();
        let deviation = deviation(&samples, "cpu").expect("thirty batches");
        // Slow ones by 1 to 1.4, a third of them: a third of the distance between the 5th and the 95th percentile.
        assert!((0.02..0.2).contains(&deviation), "{deviation}");
        correct(&mut samples.iter_mut().collect::<Vec<_>>());
        for (index, sample) in samples.iter().enumerate() {
            let true_ns = 10_000.0 * libm::exp((index % 17) as f64 / 4.0);
            assert!((sample.timing.p10_ns as f64 / true_ns - 1.0).abs() < 1e-3, "{sample:?} took {true_ns}");
        }
    }
}
