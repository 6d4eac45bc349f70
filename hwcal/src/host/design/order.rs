//! The order of experiments: fair queueing over strata.

use super::jobs::Job;

/// Experiments of one kind on one worker.
pub(super) struct Stratum {
    /// Its share of the time, relative to the others'.
    pub(super) share: f64,
    /// In the order in which they are to be measured.
    pub(super) jobs: Vec<Job>,
}

/// Merges strata such that at any time each has had its share, in order of virtual finish times (Demers, Keshav and Shenker,
/// "Analysis and Simulation of a Fair Queueing Algorithm", 1989). What is expected to be cheap comes early in its stratum's turn.
pub(super) fn fair(strata: Vec<Stratum>) -> Vec<Job> {
    let mut timed: Vec<(f64, usize, Job)> = Vec::new();
    for (index, stratum) in strata.into_iter().enumerate() {
        let mut virtual_ns = 0.0;
        for job in stratum.jobs {
            virtual_ns += job.expected_ns / stratum.share;
            timed.push((virtual_ns, index, job));
        }
    }
    timed.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    timed.into_iter().map(|(_, _, job)| job).collect()
}
