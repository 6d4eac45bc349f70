//! Setting up a run and the loop itself.

use std::rc::Rc;

use crate::engine::dynamics::Dynamics;
use crate::engine::preparation::Preparations;
use crate::engine::queue::{Class, EventQueue};
use crate::engine::settings::{self, SettableState};
use crate::engine::sharing::Sharing;
use crate::engine::state::{CopyState, Event, RequestState, Slots, WorkerState};
use crate::engine::{Model, Options, SimulationError, StopReason, Summary};
use crate::identifiers::{LinkId, MemoryId, ModelId, ProcessorId, WorkerId};
use crate::memory::{MemoryOptions, MemoryPlan};
use crate::plan::{Plan, Program};
use crate::platform::Device;
use crate::record::{Record, Recorder};
use crate::strategy::{Arriving, Decisions, DeviceView, Interest, Job, Ready, Strategy};
use crate::workload::{self, Incoming, Source, Stream};

/// Everything a run works on.
pub(super) struct Engine<'a, R: Recorder> {
    pub(super) device: &'a Device,
    pub(super) models: &'a [Model<'a>],
    pub(super) options: &'a Options,
    /// Away only while it decides.
    pub(super) strategy: Option<&'a mut dyn Strategy>,
    pub(super) interest: Interest,
    pub(super) recorder: &'a mut R,
    pub(super) queue: EventQueue<u64>,
    pub(super) now_ns: u64,
    /// For each model, the program that new requests follow.
    pub(super) programs: Vec<Rc<Program>>,
    pub(super) sources: Vec<Source>,
    pub(super) requests: Slots<RequestState>,
    pub(super) copies: Slots<CopyState>,
    pub(super) workers: Vec<WorkerState>,
    pub(super) layout: Layout,
    pub(super) free_cores: Vec<u32>,
    pub(super) sharing: Sharing<super::state::Flow>,
    /// What a device that stays as it is does not have.
    pub(super) dynamics: Option<Box<Dynamics>>,
    /// Plans made at run time; absent where preparing their units costs nothing.
    pub(super) preparations: Option<Box<Preparations>>,
    /// Clocks that plans set; empty where no plan sets any.
    pub(super) settable: Vec<SettableState>,
    pub(super) arriving: Vec<Arriving>,
    /// For each of them, the same as its stream sees it.
    pub(super) entering: Vec<Incoming>,
    /// Requests that the end of another lets in, while they are let in one after the other.
    pub(super) let_in: Vec<Incoming>,
    pub(super) ready: Vec<Ready>,
    pub(super) decision_pending: bool,
    pub(super) decisions: Decisions,
    pub(super) tickets: u64,
    pub(super) arrived: u64,
    pub(super) completed: u64,
    pub(super) dropped: u64,
    pub(super) refused: u64,
    /// Whether all requests have the same priority: queues are then first in, first out.
    pub(super) one_priority: bool,
}

/// What the loop asks of the device again and again, flat.
pub(super) struct Layout {
    /// Memory of each worker.
    pub(super) memory: Vec<u8>,
    pub(super) invocation_ns: Vec<u64>,
    /// Workers that need a core some other worker may hold too; the worker itself first. One entry where nobody shares its cores.
    pub(super) contenders: Vec<Vec<u16>>,
    /// Whether no other worker needs the worker's cores: then they need no counting.
    pub(super) exclusive: Vec<bool>,
    pub(super) demands: Vec<Vec<(ProcessorId, u32)>>,
    pub(super) host: u8,
    /// Slowdown curve of each worker, by its index in the sharing; empty where no worker has one.
    pub(super) curves: Vec<Option<u16>>,
    memories: usize,
    routes: Vec<Option<LinkId>>,
}

impl Layout {
    fn of(device: &Device) -> Self {
        let memories = device.memories().len();
        let memory_ids = || (0..memories).map(MemoryId::from_index);
        Self {
            memory: device.workers().iter().map(|worker| worker.memory.0 as u8).collect(),
            invocation_ns: device.workers().iter().map(|worker| worker.invocation_ns).collect(),
            exclusive: device.worker_ids().map(|worker| contenders(device, worker).len() == 1).collect(),
            contenders: device.worker_ids().map(|worker| contenders(device, worker)).collect(),
            demands: device.workers().iter().map(|worker| worker.demands.clone()).collect(),
            host: device.host().0 as u8,
            curves: curves(device),
            memories,
            routes: memory_ids().flat_map(|from| memory_ids().map(move |to| device.route(from, to))).collect(),
        }
    }

    #[inline]
    pub(super) fn route(&self, from: u8, to: u8) -> LinkId {
        self.routes[from as usize * self.memories + to as usize].expect("the device builder checked that every pair has a link")
    }
}

fn curves(device: &Device) -> Vec<Option<u16>> {
    let mut count = 0;
    let mut index = |worker| {
        device.slowdown(worker).map(|_| {
            count += 1;
            count - 1
        })
    };
    let curves: Vec<Option<u16>> = device.worker_ids().map(&mut index).collect();
    if count == 0 { Vec::new() } else { curves }
}

/// The channels of a device, shared max-min fairly but by workers whose slowdown was measured.
fn sharing<K: Copy + PartialEq>(device: &Device) -> Sharing<K> {
    let mut sharing = Sharing::new(device.channels().iter().map(|channel| channel.bytes_per_second).collect());
    if let Some(dram) = device.dram() {
        sharing.set_curves(dram.0, device.worker_ids().filter_map(|worker| device.slowdown(worker).cloned()).collect());
    }
    sharing
}

fn contenders(device: &Device, worker: WorkerId) -> Vec<u16> {
    let needs = |other: WorkerId, processor| device.worker(other).demands.iter().any(|&(needed, _)| needed == processor);
    let shares = |other: &WorkerId| device.worker(worker).demands.iter().any(|&(processor, _)| needs(*other, processor));
    let mut all = vec![worker.0 as u16];
    all.extend(device.worker_ids().filter(|other| *other != worker).filter(shares).map(|other| other.0 as u16));
    all
}

/// No run goes on for longer, 146 years: sums of a time before it and a delay cannot wrap.
const END_OF_TIME_NS: u64 = 1 << 62;

const WORKER_LIMIT: usize = 4096;
const MEMORY_LIMIT: usize = 32;

/// Runs streams of requests on a device under a strategy.
///
/// The strategy plans each model first. Equal inputs and seed give equal records and an equal summary, on any machine.
///
/// # Errors
/// If a plan is invalid or the inputs do not fit each other; then nothing has been simulated.
pub fn simulate<'a, R: Recorder>(
    device: &'a Device,
    models: &'a [Model<'a>],
    streams: Vec<Stream>,
    strategy: &'a mut dyn Strategy,
    options: &'a Options,
    recorder: &'a mut R,
) -> Result<Summary, SimulationError> {
    let programs = plan_all(device, models, strategy, options)?;
    simulate_programs(device, models, programs, streams, Some(strategy), options, recorder)
}

/// Runs streams of requests on a device, each model by a program compiled before: `programs[model]`.
///
/// The strategy, if any, is asked at run time only. See [`simulate`].
///
/// # Errors
/// If the inputs do not fit each other; then nothing has been simulated.
pub fn simulate_programs<'a, R: Recorder>(
    device: &'a Device,
    models: &'a [Model<'a>],
    programs: Vec<Program>,
    streams: Vec<Stream>,
    strategy: Option<&'a mut dyn Strategy>,
    options: &'a Options,
    recorder: &'a mut R,
) -> Result<Summary, SimulationError> {
    check(device, models, &streams)?;
    if programs.len() != models.len() {
        return Err(SimulationError::ProgramCount { programs: programs.len(), models: models.len() });
    }
    options.environment.check(device)?;
    for settings in programs.iter().filter_map(Program::settings) {
        let governors = options.environment.governors.iter().map(|(processor, _)| *processor);
        if let Some(processor) = settings::governed(settings.settings(), governors) {
            return Err(SimulationError::TwoMasters { processor: device.processors()[processor.index()].name.clone() });
        }
    }
    let interest = strategy.as_ref().map_or_else(Interest::default, |strategy| strategy.interest());
    let priority = |stream: &Stream, model: ModelId| stream.priority.saturating_add(programs[model.index()].priority());
    let of_stream = |stream: &Stream| stream.models().map(|model| priority(stream, model)).collect::<Vec<_>>();
    let priorities: Vec<i32> = streams.iter().flat_map(of_stream).collect();
    // Frames have a priority of their own.
    let is_alone = options.environment.interface.is_none();
    let one_priority = is_alone && priorities.windows(2).all(|pair| pair[0] == pair[1]);
    let settable = settings::states(programs.iter());
    let programs: Vec<Rc<Program>> = programs.into_iter().map(Rc::new).collect();
    let preparations = Preparations::of(device, models, &programs, strategy.as_deref());
    let engine = Engine {
        device,
        models,
        options,
        interest,
        strategy,
        recorder,
        queue: EventQueue::default(),
        now_ns: 0,
        programs,
        preparations,
        one_priority,
        sources: workload::sources(streams, options.seed)?,
        requests: Slots::default(),
        copies: Slots::default(),
        workers: device.workers().iter().map(|_| WorkerState::default()).collect(),
        layout: Layout::of(device),
        free_cores: device.processors().iter().map(|processor| processor.cores).collect(),
        sharing: sharing(device),
        settable,
        dynamics: Dynamics::of(&options.environment, device, options.seed),
        ready: Vec::new(),
        arriving: Vec::new(),
        entering: Vec::new(),
        let_in: Vec::new(),
        decision_pending: false,
        decisions: Decisions::default(),
        tickets: 0,
        arrived: 0,
        completed: 0,
        dropped: 0,
        refused: 0,
    };
    Ok(engine.run())
}

fn check(device: &Device, models: &[Model<'_>], streams: &[Stream]) -> Result<(), SimulationError> {
    for (what, count, limit) in
        [("workers", device.workers().len(), WORKER_LIMIT), ("memories", device.memories().len(), MEMORY_LIMIT)]
    {
        if count > limit {
            return Err(SimulationError::TooMany { what, count, limit });
        }
    }
    for model in models {
        let (tasks, workers) = (model.costs.task_count(), model.costs.worker_count());
        let (expected_tasks, expected_workers) = (model.tasks.task_count(), device.workers().len());
        if tasks != expected_tasks || workers != expected_workers {
            let model = model.name.to_owned();
            return Err(SimulationError::CostTableSize { model, tasks, workers, expected_tasks, expected_workers });
        }
    }
    match streams.iter().flat_map(Stream::models).find(|model| model.index() >= models.len()) {
        Some(model) => Err(SimulationError::UnknownModel { model, count: models.len() }),
        None => Ok(()),
    }
}

/// Plans every model and compiles the plans.
///
/// # Errors
/// If the strategy has no plan for a model, or an invalid one.
pub fn plan_all(
    device: &Device,
    models: &[Model<'_>],
    strategy: &mut dyn Strategy,
    options: &Options,
) -> Result<Vec<Program>, SimulationError> {
    let jobs: Vec<Job<'_>> = models
        .iter()
        .enumerate()
        .map(|(index, model)| Job { model: ModelId::from_index(index), name: model.name, tasks: model.tasks, costs: model.costs })
        .collect();
    let view = DeviceView { device, jobs: &jobs, seed: options.seed };
    let mut compile = |job: &Job<'_>| {
        let plan: Plan = strategy.plan(job, &view)?;
        Program::compile(&plan, job.tasks, job.costs)
    };
    let failed = |name: &str, source| SimulationError::Plan { model: name.to_owned(), source };
    let programs = jobs.iter().map(|job| compile(job).map_err(|source| failed(job.name, source)));
    let programs: Vec<Program> = programs.collect::<Result<_, _>>()?;
    match device.memory_limit_bytes() {
        Some(limit_bytes) => check_memory(device, models, &programs, limit_bytes).map(|()| programs),
        None => Ok(programs),
    }
}

/// Weights and the arena of one request of every model fit. Plans that leave segments open are not counted.
fn check_memory(device: &Device, models: &[Model<'_>], programs: &[Program], limit_bytes: u64) -> Result<(), SimulationError> {
    let needs = models.iter().zip(programs).map(|(model, program)| {
        let plan = MemoryPlan::of_program(program, model.tasks, device, MemoryOptions::default());
        plan.map_or(0, |plan| plan.peak_bytes())
    });
    let needs_bytes = needs.fold(0, u64::saturating_add);
    if needs_bytes > limit_bytes { Err(SimulationError::Memory { needs_bytes, limit_bytes }) } else { Ok(()) }
}

impl<R: Recorder> Engine<'_, R> {
    fn run(mut self) -> Summary {
        for source in 0..self.sources.len() {
            for at_ns in self.sources[source].first() {
                self.queue.schedule(at_ns, Class::Arrival, Event::Arrival { source: source as u32 }.packed());
            }
        }
        self.environment_starts();
        let horizon_ns = self.options.horizon_ns.unwrap_or(END_OF_TIME_NS).min(END_OF_TIME_NS);
        let mut events = 0;
        let stop = loop {
            if events == self.options.event_budget {
                break StopReason::EventBudget;
            }
            let Some((at_ns, packed)) = self.queue.pop() else {
                break self.empty();
            };
            let event = Event::unpacked(packed);
            if self.is_superseded(event) {
                continue;
            }
            let is_for_nothing = match event {
                Event::Environment { trigger } => !self.goes_on(trigger),
                Event::Prepared { .. } => !self.is_worth_preparing(),
                _ => false,
            };
            if is_for_nothing {
                break self.empty();
            }
            if at_ns > horizon_ns {
                self.now_ns = horizon_ns;
                break StopReason::Horizon;
            }
            self.now_ns = at_ns;
            events += 1;
            match event {
                Event::Worker { worker, .. } => self.worker_event(worker),
                Event::Copy { copy, .. } => self.copy_event(copy),
                Event::CopyFlows { copy } => self.copy_flows(copy),
                Event::Arrival { source } => self.arrival(source),
                Event::Decide => self.decide(),
                Event::Decided => self.decided(),
                Event::Environment { trigger } => self.environment_event(trigger),
                Event::Prepared { worker } => self.preparation_ended(worker),
            }
        };
        self.environment_ends();
        self.report_unfinished();
        let (arrived, completed, dropped, refused) = (self.arrived, self.completed, self.dropped, self.refused);
        Summary { stop, end_ns: self.now_ns, events, arrived, completed, dropped, refused }
    }

    /// Whether the rate changed since the event was scheduled, so that another one stands for the same end.
    #[inline]
    pub(super) fn is_superseded(&self, event: Event) -> bool {
        match event {
            Event::Worker { worker, generation } => self.workers[worker as usize].generation != generation,
            Event::Copy { copy, generation } => self.copies.items[copy as usize].generation != generation,
            Event::CopyFlows { .. }
            | Event::Arrival { .. }
            | Event::Decide
            | Event::Decided
            | Event::Environment { .. }
            | Event::Prepared { .. } => false,
        }
    }

    fn empty(&self) -> StopReason {
        let in_flight = self.arrived - self.completed - self.dropped;
        if in_flight == 0 {
            StopReason::Drained
        } else {
            let ready = self.ready.len();
            StopReason::Stalled(format!(
                "{in_flight} requests in flight, {ready} segments ready, none placed and nothing pending"
            ))
        }
    }

    /// The time after a delay from now.
    #[inline]
    pub(super) fn after(&self, delay_ns: u64) -> u64 {
        self.now_ns.saturating_add(delay_ns)
    }

    /// Whether records are wanted by anyone.
    #[inline]
    pub(super) fn observed(&self) -> bool {
        R::ENABLED || self.interest.observe
    }

    #[inline]
    pub(super) fn record(&mut self, record: &Record) {
        if R::ENABLED {
            self.recorder.record(record);
        }
        if self.interest.observe
            && let Some(strategy) = &mut self.strategy
        {
            strategy.observe(record);
        }
    }
}
