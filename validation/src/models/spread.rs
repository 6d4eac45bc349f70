//! The interval of a sum of kernels whose errors are partly shared.

use std::collections::BTreeMap;

use sim::cost::{KernelClass, SharedErrors};

/// Share of measurements that the interval is meant to hold.
pub(crate) const COVERAGE: f64 = 0.9;
/// Half of the central 90 % of a normal distribution, in deviations.
const NINETY_PERCENT: f64 = 1.645;

/// A kernel of which the duration is known within a deviation of its logarithm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uncertain {
    pub(crate) duration_ns: f64,
    pub(crate) class: Option<KernelClass>,
    pub(crate) log_deviation: f64,
}

/// The interval over the expected `latency_ns`, which the kernels are a part of; none where the profile tells of no error that kernels share: that of
/// independent ones cancels, and an interval of it alone would promise too much.
///
/// These are the errors that the engine draws ([`sim::engine::Variation::ModelError`]), each of mean 1: one of all kernels of a worker, one for each class, one
/// for each kernel. Their variances add up by the squares of their shares (to first order), and the sum is taken as log-normal.
pub(crate) fn interval(
    kernels: &[Uncertain],
    latency_ns: f64,
    shared: SharedErrors,
    common_log_deviation: f64,
) -> Option<[f64; 2]> {
    let of_worker = if shared.worker_log_deviation > 0.0 { shared.worker_log_deviation } else { common_log_deviation };
    let of_all = squared(shared.machine_log_deviation) + squared(of_worker);
    if of_all + shared.class_log_deviation <= 0.0 || latency_ns <= 0.0 {
        return None;
    }
    let (mut total_ns, mut by_class, mut own) = (0.0, BTreeMap::<Option<KernelClass>, f64>::new(), 0.0);
    for kernel in kernels {
        total_ns += kernel.duration_ns;
        *by_class.entry(kernel.class).or_default() += kernel.duration_ns;
        own += squared(kernel.duration_ns * kernel.log_deviation);
    }
    let of_classes: f64 = by_class.values().map(|&duration_ns| squared(duration_ns * shared.class_log_deviation)).sum();
    let variance = (squared(total_ns) * of_all + of_classes + own) / squared(latency_ns);
    let end = |side: f64| libm::exp(side * NINETY_PERCENT * libm::sqrt(variance) - 0.5 * variance);
    Some([end(-1.0), end(1.0)])
}

fn squared(value: f64) -> f64 {
    value * value
}
