//! The run: takes experiments in order, one worker at a time, until all are done or the budget is.

mod batches;
mod origin;
mod results;
mod single;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::host::canary::Canaries;
use crate::host::clock::Clock;
use crate::host::design::{Job, Measurement, What, WorkerShape};
use crate::host::facts::{Machine, Provenance, WorkerFacts};
use crate::host::journal::{Entry, Journal, Measured};
use crate::host::measure::{MeasureError, Options, Progress, Setting};
use crate::host::rounds::Limits;
use crate::host::sample::{Experiment, LaunchMode};
use crate::host::samples::Samples;
use crate::host::worker::Worker;
use batches::subject;
use origin::{header, provenance};

/// A worker whose processor is open.
pub(super) struct Measurable<'env> {
    pub(super) name: String,
    pub(super) cores: Vec<usize>,
    pub(super) worker: Worker<'env>,
}

/// Share of the budget at whose end repetitions of early experiments begin.
const CLOSING: f64 = 0.9;

/// A run that has begun.
pub(super) struct Run<'env> {
    workers: Vec<Measurable<'env>>,
    options: Options,
    limits: Limits,
    interrupt: &'env AtomicBool,
    clock: Box<dyn Clock>,
    machine: Machine,
    provenance: Provenance,
    first_ticks: (Option<[u64; 3]>, Option<u64>),
    begin_ns: u64,
    journal: Journal,
    /// Place of each key in the design.
    places: BTreeMap<String, usize>,
    done: BTreeMap<String, Entry>,
    /// What was measured beside a disturbance and is to be measured again: the better of both counts.
    provisional: BTreeMap<String, Measured>,
    /// Of each worker.
    canaries: Vec<Canaries>,
    queue: VecDeque<Job>,
    closing: VecDeque<Job>,
    /// Time of day at the end of the last batch.
    batch_ms: u64,
    /// All units, and the repetitions of some, for further visits.
    again: [Vec<Job>; 2],
    /// Expected duration of what was done, and what it really took.
    pace_ns: (f64, f64),
}

impl<'env> Run<'env> {
    pub(super) fn begin(
        workers: Vec<Measurable<'env>>,
        options: &Options,
        interrupt: &'env AtomicBool,
        setting: Setting<'_>,
    ) -> Result<Self, MeasureError> {
        let clock = (setting.clocks)(&[]);
        let begin_ns = clock.now_ns();
        let machine = Machine::default();
        let shapes: Vec<WorkerShape> = workers
            .iter()
            .map(|worker| WorkerShape {
                name: worker.name.clone(),
                cores: worker.cores.clone(),
                transfer: worker.worker.description.transfer,
                readable_cores: worker.cores.iter().copied().filter(|&core| machine.frequency_khz(core).is_some()).collect(),
                has_power_counter: machine.energy_uj().is_some(),
            })
            .collect();
        let design = (setting.design)(&shapes);
        let facts = workers.iter().map(|worker| WorkerFacts::new(&worker.name, &worker.cores, &worker.worker.description));
        let provenance = provenance(&machine, &shapes, facts.collect(), options);
        let header = header(&provenance, &design);
        let (journal, entries) = match &options.journal {
            Some(path) => Journal::open(path, &header)?,
            None => (Journal::none(), Vec::new()),
        };
        let places: BTreeMap<String, usize> = design.keys().enumerate().map(|(place, key)| (key.to_owned(), place)).collect();
        let known = entries.into_iter().filter(|entry| places.contains_key(entry.key()));
        let done: BTreeMap<String, Entry> = known.map(|entry| (entry.key().to_owned(), entry)).collect();
        let again = [&design.jobs, &design.closing].map(|jobs| jobs.iter().filter_map(to_visit).collect());
        let missing = |jobs: Vec<Job>| jobs.into_iter().filter_map(|job| without(job, &done)).collect();
        let (queue, closing) = (missing(design.jobs), missing(design.closing));
        Ok(Self {
            canaries: vec![Canaries::default(); workers.len()],
            workers,
            options: options.clone(),
            limits: options.limits(),
            interrupt,
            first_ticks: (machine.ticks(), machine.own_ticks()),
            clock,
            machine,
            provenance,
            begin_ns,
            journal,
            places,
            done,
            provisional: BTreeMap::new(),
            queue,
            closing,
            again,
            batch_ms: 0,
            pace_ns: (0.0, 0.0),
        })
    }

    fn budget_ns(&self) -> u64 {
        self.options.budget.unwrap_or_else(|| self.options.nominal()).as_nanos() as u64
    }

    pub(super) fn finish(mut self, progress: &mut dyn FnMut(&Progress)) -> Result<Samples, MeasureError> {
        let end_ns = self.begin_ns + self.budget_ns();
        let closing_ns =
            if self.closing.is_empty() { end_ns } else { self.begin_ns + (CLOSING * self.budget_ns() as f64) as u64 };
        self.work(closing_ns, progress)?;
        self.settle()?;
        // What is left of the queue stays undone.
        let left = std::mem::take(&mut self.queue);
        self.queue = std::mem::take(&mut self.closing);
        self.work(end_ns, progress)?;
        self.settle()?;
        let closing = std::mem::take(&mut self.queue);
        for visit in 2..=self.options.visits() {
            self.visit(visit, end_ns, progress)?;
        }
        (self.closing, self.queue) = (closing, left);
        Ok(self.samples())
    }

    /// Prepares and measures again what was measured less often than so: units in another order than before, so that each meets
    /// other neighbours, other memory and another time.
    fn visit(&mut self, visit: usize, end_ns: u64, progress: &mut dyn FnMut(&Progress)) -> Result<(), MeasureError> {
        let due = |job: &&Job| {
            let visits = |key: &str| match self.done.get(key).map(|entry| &entry.result) {
                Some(Measured::Sample(sample)) => sample.timing.visits_ns.len().max(1),
                _ => usize::MAX,
            };
            job.keys().all(|key| visits(key) < visit)
        };
        let mut units: Vec<Job> = self.again[0].iter().filter(due).cloned().collect();
        let mut repetitions: Vec<Job> = self.again[1].iter().filter(due).cloned().collect();
        if visit.is_multiple_of(2) {
            units.reverse();
            repetitions.reverse();
        }
        // Repetitions evenly among the units.
        let stride = units.len() / repetitions.len().max(1) + 1;
        let mut queue = VecDeque::with_capacity(units.len() + repetitions.len());
        let mut repetitions = repetitions.into_iter();
        for (place, unit) in units.into_iter().enumerate() {
            queue.push_back(unit);
            if place % stride == stride - 1 {
                queue.extend(repetitions.next());
            }
        }
        queue.extend(repetitions);
        self.queue = queue;
        self.work(end_ns, progress)?;
        self.queue.clear();
        Ok(())
    }

    fn is_interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }

    /// What was to be measured again, and was not, counts as it is.
    fn settle(&mut self) -> Result<(), MeasureError> {
        for (_, result) in std::mem::take(&mut self.provisional) {
            self.append(result)?;
        }
        let done = &self.done;
        self.queue = std::mem::take(&mut self.queue).into_iter().filter_map(|job| without(job, done)).collect();
        Ok(())
    }

    /// Takes jobs from the queue until a deadline.
    fn work(&mut self, deadline_ns: u64, progress: &mut dyn FnMut(&Progress)) -> Result<(), MeasureError> {
        while !self.is_interrupted() && self.clock.now_ns() < deadline_ns {
            let Some(job) = self.queue.pop_front() else { break };
            if self.repeats_nothing(&job) {
                for key in job.keys() {
                    self.places.remove(key);
                }
                continue;
            }
            progress(&self.progress(&job));
            let begin_ns = self.clock.now_ns();
            let mut expected_ns = job.expected_ns;
            if subject(&job.what).is_some() {
                let batch = self.gather(job, deadline_ns);
                expected_ns = batch.iter().map(|job| job.expected_ns).sum();
                self.measure_batch(batch, deadline_ns)?;
            } else {
                self.measure_long(&job, deadline_ns)?;
            }
            self.pace_ns.0 += expected_ns;
            self.pace_ns.1 += (self.clock.now_ns() - begin_ns) as f64;
        }
        Ok(())
    }

    /// Whether a job repeats what the worker refused.
    fn repeats_nothing(&self, job: &Job) -> bool {
        let What::Noise { of, .. } = &job.what else { return false };
        self.done.get(of).is_some_and(|entry| matches!(entry.result, Measured::Refusal(_)))
    }

    /// What jobs took so far, over what was expected of them.
    fn pace(&self) -> f64 {
        if self.pace_ns.0 > 0.0 { self.pace_ns.1 / self.pace_ns.0 } else { 1.0 }
    }

    fn progress(&self, job: &Job) -> Progress {
        let pace = self.pace();
        let expected: f64 = self.queue.iter().chain(&self.closing).chain([job]).map(|job| job.expected_ns).sum();
        let of_budget_ns = (self.begin_ns + self.budget_ns()).saturating_sub(self.clock.now_ns());
        Progress {
            done: self.done.len(),
            total: self.places.len(),
            remaining_ns: of_budget_ns.min((expected * pace) as u64),
            worker: self.workers[job.worker].name.clone(),
        }
    }
}

/// Longest launch that is measured on several occasions, as expected for all repetitions: of long ones a disturbance is a small part.
const LONGEST_AGAIN_NS: f64 = 2e9;

/// What is measured again of a job: operators and slices back to back, and their repetitions.
fn to_visit(job: &Job) -> Option<Job> {
    let mut job = job.clone();
    if let What::Unit { measurements, .. } = &mut job.what {
        measurements.retain(|measurement| match measurement.experiment {
            Experiment::Operator { launch, .. } => launch == LaunchMode::BackToBack,
            Experiment::Slice { .. } => true,
            _ => false,
        });
        return (!measurements.is_empty() && job.expected_ns <= LONGEST_AGAIN_NS).then_some(job);
    }
    (matches!(job.what, What::Noise { .. }) && job.expected_ns <= LONGEST_AGAIN_NS).then_some(job)
}

/// A job without what is done; `None` if nothing is left.
fn without(mut job: Job, done: &BTreeMap<String, Entry>) -> Option<Job> {
    if let What::Unit { measurements, .. } = &mut job.what {
        measurements.retain(|measurement: &Measurement| !done.contains_key(&measurement.key));
        return (!measurements.is_empty()).then_some(job);
    }
    let is_done = job.keys().all(|key| done.contains_key(key));
    (!is_done).then_some(job)
}
