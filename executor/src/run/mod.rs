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
mod gates;
mod layout;
mod meter;
mod overhead;
mod overlap;
mod preparation;
mod schedule;
mod state;
mod system;
mod threads;
mod version;
mod worker;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use sim::engine::{self, Options, SimulationError, StopReason, Summary};
use sim::identifiers::{DataId, ModelId, WorkerId};
use sim::plan::{Plan, Program};
use sim::platform::Device;
use sim::record::Record;
use sim::strategy::{Decisions, Strategy};
use sim::workload::{self, Source, Stream};
use thiserror::Error;

use crate::processor::{Processor, ProcessorError, UnitMemory};
use crate::run::blocks::HostMemory;
use crate::run::schedule::Schedule;
use crate::run::state::{State, WorkerState};
use crate::run::threads::{Shared, drive, keep_time};
use crate::run::version::{Alternative, Version};
use crate::tensor::Tensor;
use crate::unit::UnitError;
use crate::weights::WeightError;

pub use meter::{MeasuredMemory, PlannedArena, SpaceMemory, WorkerMemory};
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
    /// Fills every place in an arena with NaN when nobody needs it any more: for tests.
    pub poison: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { seed: 0, horizon_ns: None, warm_up: 2, most_in_flight: 16, background_from: None, spin_ns: 100_000, poison: false }
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
    /// What was allocated.
    pub memory: MeasuredMemory,
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
    /// Two workers would write the same rows of a tensor in host memory.
    #[error(
        "model `{model}`: parts of data item {data} overlap, and the one made in host memory does not stand first in the plan"
    )]
    Overlap {
        /// The model.
        model: String,
        /// The data item.
        data: u32,
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
    let is_on_host = |worker: WorkerId| device.worker(worker).memory == device.host();
    let mut count = 0;
    let mut version = |program: Program, index: usize| {
        let schedule = Schedule::of(&models[index], &program)?;
        count += 1;
        Ok::<_, UnitError>((count - 1, ModelId::from_index(index), program, schedule))
    };
    let mut versions = Vec::new();
    let mut alternatives = Vec::new();
    for (index, (program, model)) in programs.into_iter().zip(models).enumerate() {
        let unit = |error| ExecuteError::Unit { model: model.name.to_owned(), error };
        if let Some(data) = overlap::written_twice(&program, &is_on_host) {
            return Err(ExecuteError::Overlap { model: model.name.to_owned(), data: data.0 });
        }
        versions.push(version(program, index).map_err(unit)?);
        let mut prepared = Vec::new();
        for plan in strategy.alternatives(ModelId::from_index(index)) {
            let program = Program::compile(&plan, &model.lowered.tasks, &model.lowered.costs);
            let program = program.map_err(|source| SimulationError::Plan { model: model.name.to_owned(), source })?;
            // A plan whose units cannot be cut out, or that is not safe, is none to switch to.
            if overlap::written_twice(&program, &is_on_host).is_none()
                && let Ok(version) = version(program, index)
            {
                prepared.push((plan, version));
            }
        }
        alternatives.push(prepared);
    }
    let made = |(number, model, program, schedule)| Arc::new(Version::new(number, model, count, program, schedule));
    let versions: Vec<Arc<Version>> = versions.into_iter().map(made).collect();
    let of_model = |prepared: Vec<(Plan, _)>| prepared.into_iter().map(|(plan, version)| (plan, made(version))).collect();
    let alternatives: Vec<Vec<Alternative>> = alternatives.into_iter().map(of_model).collect();
    let inputs = models.iter().map(|model| inputs(model, settings.seed)).collect::<Result<Vec<_>, _>>()?;
    let workers = device.workers().len();
    let sources = workload::sources(streams, settings.seed).map_err(SimulationError::from)?;
    let state = new_state(device, models, (versions, alternatives), sources, strategy, settings);
    let shared = Shared {
        host: Arc::clone(&state.host),
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
    let mut state = shared.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.report_unfinished();
    Ok(finish(state))
}

fn finish(mut state: State<'_>) -> Executed {
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
    let planned = state.versions.iter().map(|version| version.layout().map(PlannedArena::of)).collect();
    let memory = MeasuredMemory::of(&state.host.meter, &state.units, planned);
    Executed { summary, records: state.records, outputs: state.outputs, memory }
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
    (versions, alternatives): (Vec<Arc<Version>>, Vec<Vec<Alternative>>),
    sources: Vec<Source>,
    strategy: &'a mut dyn Strategy,
    settings: &Settings,
) -> State<'a> {
    let workers = device.workers().len();
    let count = (versions.len() + alternatives.iter().map(Vec::len).sum::<usize>()) as u32;
    State {
        device,
        models,
        next_version: count,
        first_of_run: count,
        versions,
        alternatives,
        pending: Vec::new(),
        interest: strategy.interest(),
        strategy: Some(strategy),
        sources,
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
        arriving: Vec::new(),
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
        host: Arc::new(HostMemory::new(workers, settings.poison)),
        access: vec![None; workers],
        units: vec![UnitMemory::default(); workers],
        timer_until_ns: 0,
        woken: vec![false; workers],
        start: None,
        prepared: 0,
        is_laid_out: false,
        stop: None,
        end_ns: 0,
        horizon_ns: settings.horizon_ns.unwrap_or(u64::MAX),
    }
}
