//! What kernels really take: factors for each worker and kind of kernel, learnt from records, forgotten when nothing is seen.

use crate::graph::KernelKind;
use crate::identifiers::WorkerId;

/// Weight of an old observation when a new one comes, of equal duration.
const DECAY: f64 = 0.93;

/// Nanoseconds until an observation counts for `1/e`, where no other comes.
const FORGOTTEN_AFTER_NS: f64 = 2e9;

/// Observed nanoseconds that outweigh the expectation that nothing has changed.
const PRIOR_NS: f64 = 1e6;

/// A weighted mean of logarithms of measured over expected durations.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    weight_ns: f64,
    sum: f64,
    last_ns: u64,
}

impl Mean {
    fn add(&mut self, at_ns: u64, log_ratio: f64, weight_ns: f64) {
        self.fade(at_ns);
        self.weight_ns = self.weight_ns * DECAY + weight_ns;
        self.sum = self.sum * DECAY + weight_ns * log_ratio;
    }

    fn fade(&mut self, at_ns: u64) {
        let since_ns = at_ns.saturating_sub(self.last_ns) as f64;
        let left = libm::exp(-since_ns / FORGOTTEN_AFTER_NS);
        self.weight_ns *= left;
        self.sum *= left;
        self.last_ns = self.last_ns.max(at_ns);
    }

    /// Shrunk towards 0 by the prior.
    fn log(&self, prior_ns: f64) -> f64 {
        self.sum / (self.weight_ns + prior_ns)
    }
}

/// Correction factors.
#[derive(Clone, Debug)]
pub(super) struct Factors {
    workers: Vec<Mean>,
    /// Deviation of each kind from its worker: `kinds[worker * KernelKind::ALL.len() + kind]`.
    kinds: Vec<Mean>,
    /// What kernels on each worker are expected to take longer than alone, by the plans in force.
    expected: Vec<f64>,
}

impl Factors {
    pub(super) fn new(workers: usize) -> Self {
        let kinds = vec![Mean::default(); workers * KernelKind::ALL.len()];
        Self { workers: vec![Mean::default(); workers], kinds, expected: vec![0.0; workers] }
    }

    /// Sets how much longer than alone kernels are expected to take on each worker.
    pub(super) fn expect(&mut self, slowdowns: &[f64]) {
        self.expected = slowdowns.iter().map(|&slowdown| libm::log(slowdown.max(1e-3))).collect();
    }

    /// A kernel took `took_ns` where `solo_ns` were expected with nothing else running.
    pub(super) fn observe(&mut self, worker: WorkerId, kind: Option<KernelKind>, at_ns: u64, took_ns: u64, solo_ns: u64) {
        if took_ns == 0 || solo_ns == 0 {
            return;
        }
        // One outlier (a page fault, a preemption) moves no plan.
        let ratio = (took_ns as f64 / solo_ns as f64).clamp(0.05, 20.0);
        let log_ratio = libm::log(ratio) - self.expected[worker.index()];
        let weight_ns = solo_ns as f64;
        let of_worker = self.workers[worker.index()].log(PRIOR_NS);
        self.workers[worker.index()].add(at_ns, log_ratio, weight_ns);
        if let Some(kind) = kind {
            let index = index(worker, kind);
            self.kinds[index].add(at_ns, log_ratio - of_worker, weight_ns);
        }
    }

    /// Forgets with time.
    pub(super) fn fade(&mut self, now_ns: u64) {
        for mean in self.workers.iter_mut().chain(&mut self.kinds) {
            mean.fade(now_ns);
        }
    }

    /// The logarithm of the factor of a kind of kernel on a worker.
    pub(super) fn log(&self, worker: WorkerId, kind: Option<KernelKind>) -> f64 {
        let of_kind = kind.map_or(0.0, |kind| self.kinds[index(worker, kind)].log(4.0 * PRIOR_NS));
        self.workers[worker.index()].log(PRIOR_NS) + of_kind
    }
}

const fn index(worker: WorkerId, kind: KernelKind) -> usize {
    worker.0 as usize * KernelKind::ALL.len() + kind as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const GPU: WorkerId = WorkerId(1);

    fn observed(times: u64, took_ns: u64) -> Factors {
        let mut factors = Factors::new(2);
        for index in 0..times {
            factors.observe(GPU, Some(KernelKind::Convolution), index * 1_000_000, took_ns, 1_000_000);
        }
        factors
    }

    #[test]
    fn factors_approach_what_is_seen_and_other_workers_stay() {
        let factors = observed(60, 2_000_000);
        let factor = libm::exp(factors.log(GPU, None));
        assert!((1.8..2.05).contains(&factor), "{factor}");
        assert!(factors.log(WorkerId(0), None).abs() < 1e-12);
    }

    #[test]
    fn what_is_expected_anyway_is_no_change() {
        let mut factors = Factors::new(2);
        factors.expect(&[1.0, 2.0]);
        for index in 0..60 {
            factors.observe(GPU, None, index * 1_000_000, 2_000_000, 1_000_000);
        }
        assert!(factors.log(GPU, None).abs() < 1e-9);
    }

    #[test]
    fn without_news_a_factor_fades() {
        let mut factors = observed(60, 2_000_000);
        factors.fade(60_000_000 + 20 * FORGOTTEN_AFTER_NS as u64);
        assert!(factors.log(GPU, None).abs() < 0.01);
    }

    #[test]
    fn one_outlier_among_many_moves_little() {
        let mut factors = observed(60, 1_000_000);
        factors.observe(GPU, None, 61_000_000, 1_000_000_000, 1_000_000);
        assert!(factors.log(GPU, None) < 0.25);
    }
}
