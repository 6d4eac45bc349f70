//! The way in: which workers, how, and what can go wrong.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use executor::ProcessorError;
use thiserror::Error;

use crate::host::clock::{Clock, ClockMaker, RealClock};
use crate::host::design::{Design, WorkerShape};
use crate::host::journal::JournalError;
use crate::host::rounds::Limits;
use crate::host::run::{Measurable, Run};
use crate::host::samples::Samples;
use crate::host::worker::{Opener, Worker};

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
    /// Time for it all; 95 s of a quick run and 760 s of a full one where none is given.
    pub budget: Option<Duration>,
    /// Seed of the design.
    pub seed: u64,
    /// Where to keep what has been measured, to be resumed.
    pub journal: Option<PathBuf>,
}

impl Options {
    pub(super) fn nominal(&self) -> Duration {
        Duration::from_secs(if self.quick { 95 } else { 760 })
    }

    /// How often each unit is prepared and measured, at different times.
    pub(super) const fn visits(&self) -> usize {
        if self.quick { 2 } else { 3 }
    }

    pub(super) const fn limits(&self) -> Limits {
        Limits {
            minimum: 15,
            maximum: if self.quick { 16 } else { 24 },
            tight: 0.03,
            gap_ns: 400_000,
            block_ns: if self.quick { 120_000 } else { 200_000 },
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
    // What is expected is the longest it may take; on the machines seen, measuring takes a third of it. A second visit of everything is worth less
    // than a first of more.
    let expected_ns = 3.5 * options.nominal().as_nanos() as f64 / options.visits() as f64;
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
