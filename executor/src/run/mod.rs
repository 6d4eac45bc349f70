//! Running plans for real: the strategies of [`sim::strategy`] on the wall clock, with the records of [`sim::record`].
//!
//! Every worker of the device has a thread that opens its processor and owns it. What is shared (queues, requests in flight,
//! records) stands behind one lock, taken for the bookkeeping between kernels and never while one runs. Whichever thread ends
//! something does what follows from it: successors join their queues, the strategy is asked, arrivals are admitted. So a
//! worker that goes on with its own successor wakes nobody. The calling thread keeps the time of arrivals.
//!
//! The rules of `docs/semantics.md` hold, with times measured instead of computed; where they differ is said there.

mod blocks;
mod drops;
mod flow;
mod overhead;
mod schedule;
mod state;
mod system;
mod worker;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sim::engine::{self, Options, SimulationError, StopReason, Summary};
use sim::identifiers::{DataId, ModelId, WorkerId};
use sim::platform::Device;
use sim::record::Record;
use sim::strategy::{Decisions, Strategy};
use sim::workload::{Source, Stream};
use thiserror::Error;

use crate::processor::{Processor, ProcessorError};
use crate::run::blocks::HostBlocks;
use crate::run::schedule::Schedule;
use crate::run::state::{Occupation, State, Version, WorkerState};
use crate::run::worker::{Driver, OfRequest};
use crate::tensor::Tensor;
use crate::unit::UnitError;
use crate::weights::WeightError;

pub use overhead::Overhead;
pub use schedule::ModelToRun;

/// Opens the processor of a worker, on the thread that will drive it.
pub type Opener<'a> = Box<dyn FnOnce() -> Result<Box<dyn Processor>, ProcessorError> + Send + 'a>;

/// How to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Seed of arrivals and of strategies that search.
    pub seed: u64,
    /// Latest time; requests still in flight then are unfinished.
    pub horizon_ns: Option<u64>,
    /// Launches of every unit before the run.
    pub warm_up: u32,
    /// Most requests in flight; those beyond wait until one has completed.
    pub most_in_flight: usize,
    /// The streams from this one on go on in the background: the run ends when the others have.
    pub background_from: Option<usize>,
    /// How long a worker without work looks for some before it sleeps. Waking up costs more than most kernels' launch, but a
    /// worker that looks occupies its core.
    pub spin_ns: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { seed: 0, horizon_ns: None, warm_up: 2, most_in_flight: 16, background_from: None, spin_ns: 100_000 }
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Executed {
    /// Why it stopped, and counts; see [`Summary`].
    pub summary: Summary,
    /// What happened, in the order in which it ended.
    pub records: Vec<Record>,
    /// Outputs of the first request of each model that completed, in the order of the graph's outputs.
    pub outputs: Vec<Option<Vec<Tensor>>>,
    /// Host memory of all tensors between segments.
    pub host_bytes: u64,
}

/// Why a run could not start.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExecuteError {
    /// The strategy has no valid plan, or the inputs do not fit each other.
    #[error(transparent)]
    Plan(#[from] SimulationError),
    /// A segment cannot be cut out of its model.
    #[error("model `{model}`: {error}")]
    Unit {
        /// The model.
        model: String,
        /// Why.
        error: UnitError,
    },
    /// A model's input cannot be made up.
    #[error("model `{model}`: {error}")]
    Input {
        /// The model.
        model: String,
        /// Why.
        error: WeightError,
    },
    /// A processor cannot be opened, or refuses a unit.
    #[error("worker `{worker}`: {error}")]
    Processor {
        /// The worker.
        worker: String,
        /// Why.
        error: ProcessorError,
    },
    /// There is not one processor for each worker.
    #[error("{openers} processors for {workers} workers: there must be one for each")]
    OpenerCount {
        /// Processors given.
        openers: usize,
        /// Workers of the device.
        workers: usize,
    },
    /// A link that no worker carries out, or one between two memories neither of which is the host's.
    #[error(
        "link `{link}` cannot be carried out: it must lead from or to the host's memory, and block the worker at its other end"
    )]
    Link {
        /// The link.
        link: String,
    },
}

/// Everything that the threads of a run share.
struct Shared<'a> {
    state: Mutex<State<'a>>,
    /// One for each worker.
    wake: Vec<Condvar>,
    /// For the thread that keeps the time.
    timer: Condvar,
    /// For each worker, how often it was given something to do: looked at without the lock.
    given: Vec<AtomicU32>,
    host_blocks: Arc<HostBlocks>,
    inputs: Vec<BTreeMap<DataId, Tensor>>,
    models: &'a [ModelToRun<'a>],
    device: &'a Device,
    settings: &'a Settings,
    failure: Mutex<Option<ExecuteError>>,
}

/// Runs streams of requests on the processors of this machine. `openers` stand in the order of the device's workers.
///
/// # Errors
/// Where nothing could be run: no plan, a processor that cannot be opened, a unit that it refuses. Failures during the run stop
/// it and are told in the summary.
pub fn execute<'a>(
    device: &'a Device,
    models: &'a [ModelToRun<'a>],
    streams: Vec<Stream>,
    strategy: &'a mut dyn Strategy,
    openers: Vec<Opener<'a>>,
    settings: &'a Settings,
    interrupt: &AtomicBool,
) -> Result<Executed, ExecuteError> {
    check(device, openers.len())?;
    let engine_models: Vec<engine::Model<'_>> = models
        .iter()
        .map(|model| engine::Model { name: model.name, tasks: &model.lowered.tasks, costs: &model.lowered.costs })
        .collect();
    let options = Options { seed: settings.seed, ..Options::default() };
    let programs = engine::plan_all(device, &engine_models, strategy, &options)?;
    let mut versions = Vec::new();
    for (program, model) in programs.into_iter().zip(models) {
        let unit = |error| ExecuteError::Unit { model: model.name.to_owned(), error };
        let schedule = Schedule::of(model, &program).map_err(unit)?;
        versions.push(Arc::new(Version { number: versions.len() as u32, program, schedule }));
    }
    let inputs = models.iter().map(|model| inputs(model, settings.seed)).collect::<Result<Vec<_>, _>>()?;
    let workers = device.workers().len();
    let state = new_state(device, models, versions, streams, strategy, settings);
    let shared = Shared {
        host_blocks: Arc::clone(&state.host_blocks),
        state: Mutex::new(state),
        wake: (0..workers).map(|_| Condvar::new()).collect(),
        timer: Condvar::new(),
        given: (0..workers).map(|_| AtomicU32::new(0)).collect(),
        inputs,
        models,
        device,
        settings,
        failure: Mutex::new(None),
    };
    std::thread::scope(|scope| {
        for (worker, opener) in device.worker_ids().zip(openers) {
            let shared = &shared;
            scope.spawn(move || drive(shared, worker, opener));
        }
        keep_time(&shared, interrupt);
    });
    if let Some(error) = shared.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let host_bytes = shared.host_blocks.bytes();
    let mut state = shared.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.report_unfinished();
    Ok(finish(state, host_bytes))
}

fn finish(mut state: State<'_>, host_bytes: u64) -> Executed {
    state.records.sort_by_key(Record::ended_ns);
    // What was running when the horizon was reached has ended after it.
    let last_ns = state.records.iter().map(Record::ended_ns).max().unwrap_or(0);
    let summary = Summary {
        stop: state.stop.unwrap_or(StopReason::Drained),
        end_ns: state.end_ns.max(last_ns),
        events: state.events,
        arrived: state.arrived,
        completed: state.completed,
        dropped: state.dropped,
        refused: state.refused,
    };
    Executed { summary, records: state.records, outputs: state.outputs, host_bytes }
}

/// Copies are carried out by the worker at the device's end of a link.
fn check(device: &Device, openers: usize) -> Result<(), ExecuteError> {
    let workers = device.workers().len();
    if openers != workers {
        return Err(ExecuteError::OpenerCount { openers, workers });
    }
    for link in device.links() {
        let end = if link.from == device.host() { link.to } else { link.from };
        let touches_host = link.from == device.host() || link.to == device.host();
        if !touches_host || link.blocks.is_none_or(|worker| device.worker(worker).memory != end) {
            return Err(ExecuteError::Link { link: link.name.clone() });
        }
    }
    Ok(())
}

/// Values of a model's inputs, by data item.
fn inputs(model: &ModelToRun<'_>, seed: u64) -> Result<BTreeMap<DataId, Tensor>, ExecuteError> {
    let tensors = model.lowered.tensors.iter().enumerate();
    let given = tensors.filter(|&(_, tensor)| model.graph.inputs().contains(tensor));
    let value = |(index, &tensor): (usize, &sim::identifiers::TensorId)| {
        let error = |error| ExecuteError::Input { model: model.name.to_owned(), error };
        Ok((DataId::from_index(index), model.weights.input(model.graph, tensor, seed).map_err(error)?))
    };
    given.map(value).collect()
}

fn new_state<'a>(
    device: &'a Device,
    models: &'a [ModelToRun<'a>],
    versions: Vec<Arc<Version>>,
    streams: Vec<Stream>,
    strategy: &'a mut dyn Strategy,
    settings: &Settings,
) -> State<'a> {
    let workers = device.workers().len();
    State {
        device,
        models,
        next_version: versions.len() as u32,
        versions,
        interest: strategy.interest(),
        strategy: Some(strategy),
        sources: streams.into_iter().enumerate().map(|(index, stream)| Source::new(stream, settings.seed, index)).collect(),
        arrivals: std::collections::BinaryHeap::new(),
        orders: 0,
        outside: std::collections::VecDeque::new(),
        requests: Vec::new(),
        free: Vec::new(),
        most_in_flight: settings.most_in_flight.max(1),
        in_flight: 0,
        background_from: settings.background_from.unwrap_or(usize::MAX),
        workers: (0..workers).map(|_| WorkerState::default()).collect(),
        free_cores: device.processors().iter().map(|processor| processor.cores).collect(),
        ready: Vec::new(),
        asked: false,
        decisions: Decisions::default(),
        tickets: 0,
        arrived: 0,
        completed: 0,
        dropped: 0,
        refused: 0,
        events: 0,
        records: Vec::new(),
        outputs: vec![None; models.len()],
        host_blocks: Arc::default(),
        timer_until_ns: 0,
        woken: vec![false; workers],
        start: None,
        prepared: 0,
        stop: None,
        end_ns: 0,
    }
}

impl<'a> Shared<'a> {
    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After a change: the strategy is asked, and whoever got something to do is woken. `own` is awake.
    fn settle(&self, state: &mut State<'_>, own: Option<WorkerId>) {
        state.decide();
        if state.stop.is_none()
            && let Some(why) = state.stalled()
        {
            state.stop(StopReason::Stalled(why));
        }
        for (index, woken) in state.woken.iter_mut().enumerate() {
            if std::mem::take(woken) && own != Some(WorkerId::from_index(index)) {
                self.given[index].fetch_add(1, Ordering::Release);
                self.wake[index].notify_one();
            }
        }
        let is_sooner = state.arrivals.peek().is_some_and(|arrival| arrival.0.at_ns < state.timer_until_ns);
        if is_sooner || state.stop.is_some() {
            self.timer.notify_one();
        }
    }

    /// Nothing can be run: tells why, once, and lets all threads end.
    fn give_up(&self, error: ExecuteError) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        let mut state = self.lock();
        state.stop(StopReason::Failed(String::new()));
        self.settle(&mut state, None);
        for wake in &self.wake {
            wake.notify_all();
        }
    }
}

/// The calling thread: lets requests arrive in time, and stops at the horizon or when asked to.
fn keep_time(shared: &Shared<'_>, interrupt: &AtomicBool) {
    const GLANCE: Duration = Duration::from_millis(50);
    let workers = shared.device.workers().len();
    let mut state = shared.lock();
    while state.prepared < workers && state.stop.is_none() {
        state = shared.timer.wait_timeout(state, GLANCE).unwrap_or_else(PoisonError::into_inner).0;
        if interrupt.load(Ordering::Relaxed) {
            state.stop(StopReason::Interrupted);
        }
    }
    state.start = Some(Instant::now());
    for source in 0..state.sources.len() {
        for at_ns in state.sources[source].first() {
            state.expect_arrival(source, at_ns);
        }
    }
    if state.arrivals.is_empty() {
        state.stop(StopReason::Drained);
    }
    for wake in &shared.wake {
        wake.notify_all();
    }
    loop {
        let next_ns = state.arrive();
        shared.settle(&mut state, None);
        if state.stop.is_some() {
            break;
        }
        let now_ns = state.now_ns();
        let horizon_ns = shared.settings.horizon_ns.unwrap_or(u64::MAX);
        if now_ns >= horizon_ns {
            state.stop(StopReason::Horizon);
            state.end_ns = horizon_ns;
        } else if interrupt.load(Ordering::Relaxed) {
            state.stop(StopReason::Interrupted);
        }
        let until_ns = next_ns.unwrap_or(u64::MAX).min(horizon_ns).saturating_sub(now_ns);
        let sleep = Duration::from_nanos(until_ns).min(GLANCE);
        if state.stop.is_none() && !sleep.is_zero() {
            state.timer_until_ns = now_ns.saturating_add(sleep.as_nanos() as u64);
            state = shared.timer.wait_timeout(state, sleep).unwrap_or_else(PoisonError::into_inner).0;
            state.timer_until_ns = 0;
        }
    }
    drop(state);
    for (wake, given) in shared.wake.iter().zip(&shared.given) {
        given.fetch_add(1, Ordering::Release);
        wake.notify_all();
    }
}

/// The thread of a worker.
fn drive(shared: &Shared<'_>, worker: WorkerId, opener: Opener<'_>) {
    let name = || shared.device.worker(worker).name.clone();
    let prepared = opener().and_then(|processor| prepare(shared, worker, processor));
    let mut driver = match prepared {
        Ok(driver) => driver,
        Err(error) => return shared.give_up(ExecuteError::Processor { worker: name(), error }),
    };
    let mut state = shared.lock();
    state.prepared += 1;
    shared.timer.notify_one();
    while state.start.is_none() && state.stop.is_none() {
        state = shared.wake[worker.index()].wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    if let Some(start) = state.start {
        driver.starts_at(start);
    }
    loop {
        if state.stop.is_some() {
            return;
        }
        let Some(waiting) = state.take(worker) else {
            state = idle(shared, worker, state);
            continue;
        };
        let taken_ns = state.now_ns();
        let (Occupation::Segment { slot, .. } | Occupation::Copy { slot, .. }) = waiting.occupation;
        let request = &state.requests[slot as usize];
        let of_request = OfRequest { slot, id: request.id, model: request.model, version: Arc::clone(&request.version) };
        let requested_ns = match waiting.occupation {
            Occupation::Copy { fragment, link, .. } => {
                let key = (fragment, shared.device.link(link).to.0);
                request.requested_ns.get(&key).copied().unwrap_or(waiting.since_ns)
            }
            Occupation::Segment { .. } => waiting.since_ns,
        };
        drop(state);
        let result = match waiting.occupation {
            Occupation::Segment { segment, .. } => driver.segment(&of_request, segment, waiting.since_ns, taken_ns),
            Occupation::Copy { fragment, link, .. } => {
                driver.copy(&of_request, fragment, link, requested_ns).map(|record| vec![record])
            }
        };
        state = shared.lock();
        match result {
            Err(error) => state.stop(StopReason::Failed(format!("worker `{}`: {error}", name()))),
            Ok(records) => {
                for record in records {
                    state.record(record);
                }
                match waiting.occupation {
                    Occupation::Segment { segment, .. } => state.segment_ended(slot, segment, worker),
                    Occupation::Copy { fragment, link, .. } => {
                        state.events += 1;
                        state.copied(slot, fragment, shared.device.link(link).to);
                    }
                }
            }
        }
        state.release(worker);
        shared.settle(&mut state, Some(worker));
    }
}

/// Opens nothing: prepares every unit that this worker may be asked to run, and runs each a few times.
fn prepare<'a>(shared: &'a Shared<'_>, worker: WorkerId, processor: Box<dyn Processor>) -> Result<Driver<'a>, ProcessorError> {
    let versions = shared.lock().versions.clone();
    let mut driver = Driver::new(worker, shared.device, shared.models, &shared.inputs, &shared.host_blocks, processor);
    for (index, version) in versions.iter().enumerate() {
        let model = ModelId::from_index(index);
        driver.prepare(model, version)?;
        driver.warm_up(model, version, shared.settings.warm_up)?;
    }
    Ok(driver)
}

/// Nothing to do: looks for some a while without the lock, then sleeps until woken.
fn idle<'s, 'a>(shared: &'s Shared<'a>, worker: WorkerId, state: MutexGuard<'s, State<'a>>) -> MutexGuard<'s, State<'a>> {
    let given = &shared.given[worker.index()];
    let seen = given.load(Ordering::Acquire);
    drop(state);
    let begin = Instant::now();
    while given.load(Ordering::Acquire) == seen && begin.elapsed().as_nanos() < u128::from(shared.settings.spin_ns) {
        std::hint::spin_loop();
    }
    let state = shared.lock();
    if given.load(Ordering::Acquire) != seen || state.stop.is_some() {
        return state;
    }
    shared.wake[worker.index()].wait(state).unwrap_or_else(PoisonError::into_inner)
}
