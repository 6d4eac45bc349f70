//! Units and copies, several at once.

use std::sync::atomic::Ordering;

use executor::ProcessorError;

use super::{Run, without};
use crate::host::bench::Subject;
use crate::host::canary::Canaries;
use crate::host::design::{Job, What};
use crate::host::measure::MeasureError;
use crate::host::rounds::{BatchOutcome, Outcome, measure_units};
use crate::host::sample::LaunchMode;
use crate::host::worker::Gone;

/// Most of a batch.
const BATCH_JOBS: usize = 16;
const BATCH_BYTES: u64 = 100_000_000;
const BATCH_NS: f64 = 2e9;
/// How far behind the first job of a batch the others may lie.
const BATCH_REACH: usize = 150;
/// How often something is measured again because of a disturbance, and how many jobs later.
const ATTEMPTS: u32 = 1;
const LATER: usize = 60;
/// Measurements of the canaries before the first batch.
const FIRST_CANARIES: usize = 5;
impl Run<'_> {
    /// The next jobs of the same worker that fit beside a job, and into half of the time until the deadline: a batch that it cuts short has measured
    /// nothing.
    pub(super) fn gather(&mut self, first: Job, deadline_ns: u64) -> Vec<Job> {
        let half_ns = 0.5 * deadline_ns.saturating_sub(self.clock.now_ns()) as f64 / self.pace();
        let (worker, mut bytes, mut expected_ns) = (first.worker, first.bytes, first.expected_ns);
        let mut batch = vec![first];
        let mut at = 0;
        while at < self.queue.len().min(BATCH_REACH) && batch.len() < BATCH_JOBS {
            let job = &self.queue[at];
            let fits = bytes + job.bytes <= BATCH_BYTES && expected_ns + job.expected_ns <= BATCH_NS.min(half_ns);
            if job.worker != worker || !fits || subject(&job.what).is_none() || self.repeats_nothing(job) {
                at += 1;
            } else if let Some(job) = self.queue.remove(at) {
                bytes += job.bytes;
                expected_ns += job.expected_ns;
                batch.push(job);
            }
        }
        batch
    }

    pub(super) fn measure_batch(&mut self, batch: Vec<Job>, deadline_ns: u64) -> Result<(), MeasureError> {
        let worker = batch[0].worker;
        if self.canaries[worker].is_empty() {
            for _ in 0..FIRST_CANARIES {
                self.clock.sleep(50_000_000);
                let outcomes = self.measure_subjects(worker, Canaries::subjects().into(), deadline_ns)?.outcomes;
                self.canaries[worker].is_disturbed(&outcomes);
            }
        }
        let own = batch.iter().filter_map(|job| subject(&job.what));
        let measured = self.measure_subjects(worker, own.chain(Canaries::subjects()).collect(), deadline_ns)?;
        self.batch_ms = self.clock.unix_ms();
        let is_disturbed = self.canaries[worker].is_disturbed(&measured.outcomes[batch.len()..]);
        let is_crowded = batch.len() > 1;
        let (mut at_once, mut later) = (Vec::new(), Vec::new());
        for (mut job, outcomes) in batch.into_iter().zip(measured.outcomes) {
            let has = |wanted: &Outcome| outcomes.contains(wanted);
            let is_at_once = (is_crowded && has(&Outcome::Crowded)) || (measured.is_lost && has(&Outcome::Unfinished));
            let is_later = is_disturbed && job.attempts < ATTEMPTS;
            for (key, outcome) in job.keys().map(str::to_owned).collect::<Vec<_>>().into_iter().zip(outcomes) {
                self.record(&job, key, outcome, is_later)?;
            }
            let Some(left) = without(job.clone(), &self.done) else { continue };
            if is_at_once {
                // Alone in its batch.
                at_once.push(Job { bytes: BATCH_BYTES, ..left });
            } else if is_later {
                job.attempts += 1;
                later.push(Job { attempts: job.attempts, ..left });
            }
        }
        let at = self.queue.len().min(LATER);
        later.into_iter().rev().for_each(|job| self.queue.insert(at, job));
        at_once.into_iter().rev().for_each(|job| self.queue.push_front(job));
        Ok(())
    }

    pub(super) fn measure_subjects(
        &self,
        worker: usize,
        subjects: Vec<(Subject, Vec<LaunchMode>)>,
        deadline_ns: u64,
    ) -> Result<BatchOutcome, MeasureError> {
        let (limits, interrupt) = (self.limits, self.interrupt);
        let measured = self.workers[worker].worker.call(move |station| {
            let (processor, clock) = station.parts()?;
            let must_stop = || interrupt.load(Ordering::Relaxed) || clock.now_ns() >= deadline_ns;
            let measured = measure_units(processor, clock, &subjects, &limits, &must_stop);
            if measured.is_lost {
                station.lose();
            }
            Ok(measured)
        });
        self.answer(worker, measured)
    }

    pub(super) fn answer<T>(&self, worker: usize, answer: Result<Result<T, ProcessorError>, Gone>) -> Result<T, MeasureError> {
        let name = || self.workers[worker].name.clone();
        answer.map_err(|Gone| MeasureError::Died(name()))?.map_err(|error| MeasureError::Lost { worker: name(), error })
    }
}

/// What a batch does for a job; `None` if it is not one for batches.
pub(super) fn subject(what: &What) -> Option<(Subject, Vec<LaunchMode>)> {
    match what {
        What::Unit { source, measurements } => {
            Some((Subject::Unit(source.clone()), measurements.iter().map(|measurement| measurement.launch).collect()))
        }
        What::Noise { source, launch, .. } => Some((Subject::Unit(source.clone()), vec![*launch])),
        What::Copy { direction, bytes, .. } => Some((Subject::Copy(*direction, *bytes), vec![LaunchMode::BackToBack])),
        _ => None,
    }
}
