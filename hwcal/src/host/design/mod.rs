//! What is measured, and in which order: experiments on every worker, such that whatever number of them a budget allows is balanced
//! over workers and kinds.

mod experiments;
mod jobs;
mod near;
mod order;
mod points;
mod sequence;
pub(crate) mod zoo;

use std::collections::BTreeSet;

use executor::Transfer;
pub(crate) use jobs::{Job, Measurement, Source, What, load_source};

/// Source of operators drawn from the whole space of shapes, however unusual.
pub(crate) const CORNER: &str = "design";
/// Begin of the source of operators that differ in sizes only from those of a model.
pub(crate) const NEAR: &str = "near";

/// What the design must know of a worker.
#[derive(Clone, Debug)]
pub(crate) struct WorkerShape {
    /// Its name.
    pub(crate) name: String,
    /// Cores that it occupies.
    pub(crate) cores: Vec<usize>,
    /// How tensors get there.
    pub(crate) transfer: Transfer,
    /// Cores whose frequency can be read.
    pub(crate) readable_cores: Vec<usize>,
    /// Whether a power counter can be read.
    pub(crate) has_power_counter: bool,
}

impl WorkerShape {
    /// Whether two workers can be busy at once.
    fn is_apart_from(&self, other: &Self) -> bool {
        !self.cores.iter().any(|core| other.cores.contains(core))
    }
}

/// All experiments.
pub(crate) struct Design {
    /// In the order in which they are measured.
    pub(crate) jobs: Vec<Job>,
    /// Those that come last, whatever the budget allowed of the others: repetitions of early ones.
    pub(crate) closing: Vec<Job>,
}

impl Design {
    /// The design for some workers. The same for the same workers and the same seed.
    ///
    /// A quick one holds what is expected to fit into `expected_ns`, a full one everything.
    pub(crate) fn new(workers: &[WorkerShape], is_quick: bool, seed: u64, expected_ns: f64) -> Self {
        let models = zoo::models();
        let mut strata = Vec::new();
        for worker in 0..workers.len() {
            strata.extend(experiments::strata(worker, workers, &models, is_quick, seed));
        }
        let mut jobs = order::fair(strata);
        let mut known = BTreeSet::new();
        jobs.retain(|job| job.keys().all(|key| known.insert(key.to_owned())));
        if is_quick {
            let mut sum_ns = 0.0;
            jobs.retain(|job| {
                sum_ns += job.expected_ns;
                sum_ns <= expected_ns
            });
        }
        let closing = experiments::noise(workers, &jobs, is_quick);
        Self { jobs, closing }
    }

    /// Every key of every sample, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.jobs.iter().chain(&self.closing).flat_map(Job::keys)
    }

    /// Changes with any experiment.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut text = String::new();
        for key in self.keys() {
            text.push_str(key);
            text.push('\n');
        }
        hash(text.as_bytes())
    }
}

/// FNV-1a.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests;
