//! The run: takes experiments in order, one worker at a time, until all are done or the budget is.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use executor::ProcessorError;
use thiserror::Error;

use crate::host::bench::Subject;
use crate::host::canary::Canaries;
use crate::host::clock::{Clock, ClockMaker, RealClock};
use crate::host::design::{Design, Job, Measurement, Source, What, WorkerShape, load_source};
use crate::host::facts::{Machine, Provenance, WorkerFacts};
use crate::host::journal::{Entry, Header, Journal, JournalError, Measured};
use crate::host::long::{self, Load};
use crate::host::rounds::{self, BatchOutcome, Limits, Outcome, measure_units};
use crate::host::sample::{Bound, Experiment, LaunchMode, Refusal, RefusalKind, Sample, Timing, WorkRecord};
use crate::host::samples::{End, Samples};
use crate::host::timing::Series;
use crate::host::worker::{Gone, Opener, Worker};

/// A worker to be measured.
pub struct WorkerToMeasure {
    /// Its name, unique.
    pub name: String,
    /// Cores of this machine that it computes on; workers that share one are never busy at once.
    pub cores: Vec<usize>,
    /// Opens its processor, on the thread that will drive it; called again if the processor is lost.
    pub opener: Opener,
}

/// How to measure.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Less of everything: under two minutes.
    pub quick: bool,
    /// Time for it all; 100 s of a quick run and 13 min of a full one where none is given.
    pub budget: Option<Duration>,
    /// Seed of the design.
    pub seed: u64,
    /// Where to keep what has been measured, to be resumed.
    pub journal: Option<PathBuf>,
}

impl Options {
    fn nominal(&self) -> Duration {
        Duration::from_secs(if self.quick { 100 } else { 780 })
    }

    const fn limits(&self) -> Limits {
        Limits {
            minimum: 15,
            maximum: if self.quick { 24 } else { 60 },
            tight: 0.03,
            gap_ns: 400_000,
            block_ns: if self.quick { 150_000 } else { 300_000 },
            longest_ns: if self.quick { 1_500_000_000 } else { 6_000_000_000 },
        }
    }
}

/// How far a run is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Samples and refusals that there are.
    pub done: usize,
    /// Samples of the whole design; a run whose budget ends gets fewer.
    pub total: usize,
    /// Time that is left, at most that of the budget.
    pub remaining_ns: u64,
    /// The worker that is measured now.
    pub worker: String,
}

/// Why nothing could be measured. What had been measured is in the journal.
#[derive(Debug, Error)]
pub enum MeasureError {
    /// No worker.
    #[error("there is no worker to measure")]
    NoWorker,
    /// Two workers of one name.
    #[error("two workers are named `{0}`: names must be unique")]
    Duplicate(String),
    /// A processor cannot be opened.
    #[error("worker `{worker}` cannot be opened: {error}")]
    Open {
        /// The worker.
        worker: String,
        /// Why.
        error: ProcessorError,
    },
    /// A processor was lost and cannot be opened again.
    #[error("worker `{worker}` was lost: {error}")]
    Lost {
        /// The worker.
        worker: String,
        /// Why.
        error: ProcessorError,
    },
    /// A worker's thread panicked.
    #[error("the thread of worker `{0}` panicked")]
    Died(String),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Measures workers, one at a time with the others idle, until everything is measured, the budget is used up, or `interrupt` is set.
pub fn measure(
    workers: Vec<WorkerToMeasure>,
    options: &Options,
    progress: &mut dyn FnMut(&Progress),
    interrupt: &AtomicBool,
) -> Result<Samples, MeasureError> {
    let epoch = Instant::now();
    let clocks = |cores: &[usize]| -> Box<dyn Clock> { Box::new(RealClock::new(epoch, cores)) };
    let expected_ns = 0.9 * options.nominal().as_nanos() as f64;
    let design = |shapes: &[WorkerShape]| Design::new(shapes, options.quick, options.seed, expected_ns);
    measure_with(workers, options, progress, interrupt, Setting { clocks: &clocks, design: &design })
}

/// What tests replace.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    /// The clocks of the threads.
    pub(crate) clocks: ClockMaker<'a>,
    /// The design for some workers.
    pub(crate) design: &'a dyn Fn(&[WorkerShape]) -> Design,
}

/// The same by other clocks and another design.
pub(crate) fn measure_with(
    workers: Vec<WorkerToMeasure>,
    options: &Options,
    progress: &mut dyn FnMut(&Progress),
    interrupt: &AtomicBool,
    setting: Setting<'_>,
) -> Result<Samples, MeasureError> {
    check(&workers)?;
    std::thread::scope(|scope| {
        let mut opened = Vec::new();
        for worker in workers {
            let WorkerToMeasure { name, cores, opener } = worker;
            let handle = Worker::start(scope, opener, setting.clocks, cores.clone());
            let worker = handle.map_err(|error| MeasureError::Open { worker: name.clone(), error })?;
            opened.push(Measurable { name, cores, worker });
        }
        Run::begin(opened, options, interrupt, setting)?.finish(progress)
    })
}

fn check(workers: &[WorkerToMeasure]) -> Result<(), MeasureError> {
    if workers.is_empty() {
        return Err(MeasureError::NoWorker);
    }
    let mut names: Vec<&str> = workers.iter().map(|worker| worker.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(MeasureError::Duplicate(pair[0].to_owned())),
        None => Ok(()),
    }
}

/// A worker whose processor is open.
struct Measurable<'env> {
    name: String,
    cores: Vec<usize>,
    worker: Worker<'env>,
}

/// Most of a batch.
const BATCH_JOBS: usize = 16;
const BATCH_BYTES: u64 = 100_000_000;
const BATCH_NS: f64 = 2e9;
/// How far behind the first job of a batch the others may lie.
const BATCH_REACH: usize = 150;
/// How often something is measured again because of a disturbance, and how many jobs later.
const ATTEMPTS: u32 = 2;
const LATER: usize = 60;
/// Measurements of the canaries before the first batch.
const FIRST_CANARIES: usize = 5;
/// Share of the budget at whose end repetitions of early experiments begin.
const CLOSING: f64 = 0.9;

struct Run<'env> {
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
    /// Expected duration of what was done, and what it really took.
    pace_ns: (f64, f64),
}

impl<'env> Run<'env> {
    fn begin(
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
            pace_ns: (0.0, 0.0),
        })
    }

    fn budget_ns(&self) -> u64 {
        self.options.budget.unwrap_or_else(|| self.options.nominal()).as_nanos() as u64
    }

    fn finish(mut self, progress: &mut dyn FnMut(&Progress)) -> Result<Samples, MeasureError> {
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
        self.closing = std::mem::take(&mut self.queue);
        self.queue = left;
        Ok(self.samples())
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
                let batch = self.gather(job);
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

    fn progress(&self, job: &Job) -> Progress {
        let pace = if self.pace_ns.0 > 0.0 { self.pace_ns.1 / self.pace_ns.0 } else { 1.0 };
        let expected: f64 = self.queue.iter().chain(&self.closing).chain([job]).map(|job| job.expected_ns).sum();
        let of_budget_ns = (self.begin_ns + self.budget_ns()).saturating_sub(self.clock.now_ns());
        Progress {
            done: self.done.len(),
            total: self.places.len(),
            remaining_ns: of_budget_ns.min((expected * pace) as u64),
            worker: self.workers[job.worker].name.clone(),
        }
    }

    /// The next jobs of the same worker that fit beside a job.
    fn gather(&mut self, first: Job) -> Vec<Job> {
        let (worker, mut bytes, mut expected_ns) = (first.worker, first.bytes, first.expected_ns);
        let mut batch = vec![first];
        let mut at = 0;
        while at < self.queue.len().min(BATCH_REACH) && batch.len() < BATCH_JOBS {
            let job = &self.queue[at];
            let fits = bytes + job.bytes <= BATCH_BYTES && expected_ns + job.expected_ns <= BATCH_NS;
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

    fn measure_batch(&mut self, batch: Vec<Job>, deadline_ns: u64) -> Result<(), MeasureError> {
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

    fn measure_subjects(
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

    fn answer<T>(&self, worker: usize, answer: Result<Result<T, ProcessorError>, Gone>) -> Result<T, MeasureError> {
        let name = || self.workers[worker].name.clone();
        answer.map_err(|Gone| MeasureError::Died(name()))?.map_err(|error| MeasureError::Lost { worker: name(), error })
    }

    fn record(&mut self, job: &Job, key: String, outcome: Outcome, is_provisional: bool) -> Result<(), MeasureError> {
        let timing = match outcome {
            Outcome::Timed(timing) => timing,
            Outcome::Refused(why, message) => return self.refuse(job, key, why, message),
            Outcome::Unfinished | Outcome::Crowded => return Ok(()),
        };
        let Some(experiment) = self.experiment(job, &key, &timing) else { return Ok(()) };
        let before_ns = match self.provisional.get(&key) {
            Some(Measured::Sample(sample)) => sample.timing.p10_ns,
            _ => u64::MAX,
        };
        if timing.p10_ns < before_ns {
            let worker = self.workers[job.worker].name.clone();
            self.provisional.insert(key.clone(), Measured::Sample(Sample { key: key.clone(), worker, experiment, timing }));
        }
        match self.provisional.remove(&key) {
            Some(result) if !is_provisional => self.append(result),
            Some(result) => {
                self.provisional.insert(key, result);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// What a timing is of. `None` for a repetition of something that was not measured.
    fn experiment(&self, job: &Job, key: &str, timing: &Timing) -> Option<Experiment> {
        match &job.what {
            What::Unit { measurements, .. } => {
                measurements.iter().find(|measurement| measurement.key == key).map(|measurement| measurement.experiment.clone())
            }
            What::Copy { direction, bytes, .. } => Some(Experiment::Copy { direction: *direction, bytes: *bytes }),
            What::Noise { of, .. } => {
                let first = self.done.get(of)?;
                let Measured::Sample(sample) = &first.result else { return None };
                Some(Experiment::Noise {
                    of: of.clone(),
                    first_ns: sample.timing.p10_ns,
                    second_ns: timing.p10_ns,
                    apart_ns: self.clock.unix_ms().saturating_sub(first.unix_ms) * 1_000_000,
                })
            }
            _ => None,
        }
    }

    fn keep(&mut self, worker: usize, key: String, experiment: Experiment, timing: Timing) -> Result<(), MeasureError> {
        let worker = self.workers[worker].name.clone();
        self.append(Measured::Sample(Sample { key, worker, experiment, timing }))
    }

    fn refuse(&mut self, job: &Job, key: String, why: RefusalKind, message: String) -> Result<(), MeasureError> {
        let operator = match &job.what {
            What::Unit { source, .. } if why == RefusalKind::Unsupported => source.refused(&message),
            What::Unit { source, .. } => source.lead(),
            _ => None,
        };
        let (op_type, work) = operator.map_or((String::new(), None), |(op_type, work)| (op_type, Some(work)));
        let worker = self.workers[job.worker].name.clone();
        self.append(Measured::Refusal(Refusal { key, worker, why, op_type, work, message }))
    }

    fn append(&mut self, result: Measured) -> Result<(), MeasureError> {
        let entry = Entry { unix_ms: self.clock.unix_ms(), result };
        self.journal.append(&entry)?;
        self.done.insert(entry.key().to_owned(), entry);
        Ok(())
    }

    /// Experiments that take a worker, or two, for themselves.
    fn measure_long(&mut self, job: &Job, deadline_ns: u64) -> Result<(), MeasureError> {
        let Some(key) = job.keys().next().map(str::to_owned) else { return Ok(()) };
        let (limits, interrupt, machine) = (self.limits, self.interrupt, self.machine.clone());
        let must_stop = move |clock: &dyn Clock| interrupt.load(Ordering::Relaxed) || clock.now_ns() >= deadline_ns;
        let measurable = &self.workers[job.worker];
        let compute = record_of(&load_source(Bound::Compute));
        let answer = match &job.what {
            What::WakeUp { .. } => {
                let timing = self.wake_up(job.worker, deadline_ns)?;
                Ok(timing.map(|timing| (Experiment::WakeUp, timing)))
            }
            &What::Contention { with, own, other, .. } => self.contention(job.worker, with, own, other, deadline_ns)?,
            &What::Sustained { duration_ns, .. } => {
                let call = measurable.worker.call(move |station| {
                    let clock = Rc::clone(&station.clock);
                    station.watch(|station| long::sustained(station, duration_ns, &|| must_stop(&*clock)))
                });
                let result = call.map_err(|Gone| MeasureError::Died(measurable.name.clone()))?;
                result.map(|done| done.map(|(timing, stretches)| (Experiment::Sustained { work: compute, stretches }, timing)))
            }
            &What::Frequency { core, .. } => {
                let call = measurable
                    .worker
                    .call(move |station| station.watch(|station| long::frequency(station, core, &machine, &limits)));
                let result = call.map_err(|Gone| MeasureError::Died(measurable.name.clone()))?;
                result.map(|done| {
                    done.map(|(timing, frequency_khz)| (Experiment::Frequency { work: compute, core, frequency_khz }, timing))
                })
            }
            What::Power { .. } => {
                let call = measurable.worker.call(move |station| {
                    let clock = Rc::clone(&station.clock);
                    station.watch(|station| long::power(station, &machine, &|| must_stop(&*clock)))
                });
                let result = call.map_err(|Gone| MeasureError::Died(measurable.name.clone()))?;
                result.map(|done| {
                    done.map(|(timing, idle_mw, busy_mw)| (Experiment::Power { work: compute, idle_mw, busy_mw }, timing))
                })
            }
            What::Unit { .. } | What::Noise { .. } | What::Copy { .. } => Ok(None),
        };
        match answer {
            Ok(Some((experiment, timing))) => self.keep(job.worker, key, experiment, timing),
            Ok(None) => Ok(()),
            Err(error) => match rounds::refusal(&error, true) {
                Outcome::Refused(why, message) => self.refuse(job, key, why, message),
                _ => Ok(()),
            },
        }
    }

    /// From handing over until the idle thread has it.
    fn wake_up(&self, worker: usize, deadline_ns: u64) -> Result<Option<Timing>, MeasureError> {
        let measurable = &self.workers[worker];
        let mut series = Series::default();
        for _ in 0..self.limits.maximum {
            if self.is_interrupted() || self.clock.now_ns() >= deadline_ns {
                break;
            }
            self.clock.sleep(self.limits.gap_ns);
            let sent_ns = self.clock.now_ns();
            let received = measurable.worker.call(|station| station.clock.now_ns());
            let received_ns = received.map_err(|Gone| MeasureError::Died(measurable.name.clone()))?;
            series.push(received_ns.saturating_sub(sent_ns), None, false);
        }
        Ok(series.timing().filter(|_| series.used() >= self.limits.minimum))
    }

    fn contention(
        &self,
        worker: usize,
        with: usize,
        own: Bound,
        other: Bound,
        deadline_ns: u64,
    ) -> Result<Result<Option<(Experiment, Timing)>, ProcessorError>, MeasureError> {
        let load = Arc::new(Load::default());
        let (limits, interrupt) = (self.limits, self.interrupt);
        let shared = Arc::clone(&load);
        let driven = self.workers[with].worker.begin(move |station| station.watch(|station| shared.drive(station, other)));
        let shared = Arc::clone(&load);
        let measured = self.workers[worker].worker.call(move |station| {
            let clock = Rc::clone(&station.clock);
            let must_stop = || interrupt.load(Ordering::Relaxed) || clock.now_ns() >= deadline_ns;
            station.watch(|station| long::contention(station, own, &shared, &limits, &must_stop))
        });
        load.stop();
        let driven = driven.recv().map_err(|_| MeasureError::Died(self.workers[with].name.clone()))?;
        let measured = measured.map_err(|Gone| MeasureError::Died(self.workers[worker].name.clone()))?;
        let result = driven.and(measured).map(|done| {
            done.map(|[alone, together]| {
                let experiment = Experiment::Contention {
                    with: self.workers[with].name.clone(),
                    own,
                    other,
                    work: record_of(&load_source(own)),
                    other_work: record_of(&load_source(other)),
                    alone_ns: alone.p10_ns,
                    together_ns: together.p10_ns,
                };
                (experiment, together)
            })
        });
        Ok(result)
    }

    fn samples(mut self) -> Samples {
        let remaining = self.places.len() - self.done.len();
        let is_interrupted = self.is_interrupted();
        let has_time = self.clock.now_ns() < self.begin_ns + self.budget_ns();
        let end = match remaining {
            _ if is_interrupted => End::Interrupted,
            0 => End::Complete,
            // Everything was tried; what is missing was disturbed too much, or repeats what was refused.
            _ if has_time && self.queue.is_empty() => End::Complete,
            _ => End::Budget,
        };
        self.close_provenance();
        let mut results: Vec<(usize, Measured)> =
            self.done.into_iter().filter_map(|(key, entry)| self.places.get(&key).map(|&place| (place, entry.result))).collect();
        results.sort_by_key(|(place, _)| *place);
        Samples::new(self.provenance, results.into_iter().map(|(_, result)| result), remaining, end)
    }

    fn close_provenance(&mut self) {
        let provenance = &mut self.provenance;
        provenance.session_ns = self.clock.now_ns() - self.begin_ns;
        provenance.last_celsius = self.machine.celsius();
        if let Some((first, last)) = self.first_ticks.0.zip(self.machine.ticks()) {
            let passed = |index: usize| last[index].saturating_sub(first[index]) as f64;
            let all = passed(0).max(1.0);
            provenance.steal_share = passed(2) / all;
            let own = self.first_ticks.1.zip(self.machine.own_ticks()).map(|(first, last)| last.saturating_sub(first) as f64);
            provenance.others_share = own.map(|own| ((all - passed(1) - passed(2) - own) / all).max(0.0));
        }
    }
}

/// What a batch does for a job; `None` if it is not one for batches.
fn subject(what: &What) -> Option<(Subject, Vec<LaunchMode>)> {
    match what {
        What::Unit { source, measurements } => {
            Some((Subject::Unit(source.clone()), measurements.iter().map(|measurement| measurement.launch).collect()))
        }
        What::Noise { source, launch, .. } => Some((Subject::Unit(source.clone()), vec![*launch])),
        What::Copy { direction, bytes, .. } => Some((Subject::Copy(*direction, *bytes), vec![LaunchMode::BackToBack])),
        _ => None,
    }
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

/// Work of a unit of one operator.
fn record_of(source: &Source) -> WorkRecord {
    source.lead().map_or_else(|| unreachable!("loads are single operators"), |(_, work)| work)
}

fn provenance(machine: &Machine, shapes: &[WorkerShape], workers: Vec<WorkerFacts>, options: &Options) -> Provenance {
    let mut cores: Vec<usize> = shapes.iter().flat_map(|shape| shape.cores.iter().copied()).collect();
    cores.sort_unstable();
    cores.dedup();
    Provenance {
        kernel: machine.kernel(),
        cpu: machine.cpu("model name"),
        microcode: machine.cpu("microcode"),
        governor: machine.governor(&cores),
        has_frequencies: shapes.iter().any(|shape| !shape.readable_cores.is_empty()),
        has_power_counter: shapes.iter().any(|shape| shape.has_power_counter),
        first_celsius: machine.celsius(),
        last_celsius: None,
        workers,
        steal_share: 0.0,
        others_share: None,
        session_ns: 0,
        seed: options.seed,
        is_quick: options.quick,
    }
}

fn header(provenance: &Provenance, design: &Design) -> Header {
    let machine = format!("{}, {}, microcode {}", provenance.kernel, provenance.cpu, provenance.microcode);
    let of = |worker: &WorkerFacts| {
        let cores: Vec<String> = worker.cores.iter().map(ToString::to_string).collect();
        let parts = [&worker.name, &worker.hardware, &worker.kernels, &worker.driver, &worker.transfer];
        let parts: Vec<&str> = parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        format!("{} on cores [{}]", parts.join(", "), cores.join(", "))
    };
    let workers: Vec<String> = provenance.workers.iter().map(of).collect();
    Header::new(machine, workers.join("; "), design.fingerprint())
}
