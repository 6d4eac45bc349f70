//! Strategies: written once, driven by the simulator on virtual time and by the executor on the wall clock.

mod adms;
mod band;
mod blastnet;
mod co_execution;
mod codl;
mod cpop;
mod dart;
mod delegate;
mod exact;
mod fixed_mapping;
mod haxconn;
mod heft;
mod list;
mod mulayer;
mod parameters;
mod peft;
mod pipe_it;
mod pipeline;
mod puzzle;
pub mod registry;
mod socrates;
mod solo_cpu;
mod split;

pub use cpop::Cpop;
pub use fixed_mapping::FixedMapping;
pub use heft::Heft;
pub use parameters::{Parameter, ParameterKind, Parameters};
pub use peft::Peft;

use crate::frontend::Passes;
use crate::identifiers::{ModelId, RequestId, SegmentId, WorkerId};
use crate::plan::{Plan, PlanError, Program};
use crate::platform::Device;
use crate::record::Record;
use crate::task::{CostTable, Lowering, TaskGraph};

/// One model to be planned.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The model.
    pub model: ModelId,
    /// Its name.
    pub name: &'a str,
    /// Its tasks.
    pub tasks: &'a TaskGraph,
    /// What they are expected to cost, on each worker of the device.
    pub costs: &'a CostTable,
}

/// The device as a strategy sees it when it plans.
#[derive(Clone, Copy)]
pub struct DeviceView<'a> {
    /// The device.
    pub device: &'a Device,
    /// The models that will share it, this one included.
    pub jobs: &'a [Job<'a>],
    /// Seed for strategies that search at random.
    pub seed: u64,
}

/// Which run-time calls a strategy wants. What it does not want costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Call [`Strategy::dispatch`] when a segment without a planned worker is ready and something changed.
    pub dispatch: bool,
    /// Call [`Strategy::dispatch`] for requests that have arrived, before they start: they follow the plans in force after it.
    pub arrival: bool,
    /// Call [`Strategy::observe`] with each record.
    pub observe: bool,
}

/// How a model is rewritten before it is planned.
#[derive(Clone, Debug)]
pub struct Rewrite {
    /// Name, shown in results.
    pub name: &'static str,
    /// Passes over the graph.
    pub passes: Passes,
    /// How the result is lowered.
    pub lowering: Lowering,
}

/// Decides what runs where. See the module documentation of each strategy for its source, its rule and what it ignores.
pub trait Strategy: Send {
    /// Offline: what runs where, in which pieces.
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError>;

    /// Rewrites of models that it wants to choose among, beside each model as it is; none by default.
    fn rewrites(&self) -> Vec<Rewrite> {
        Vec::new()
    }

    /// Which variant of a model it will be asked to plan: the first is the model as it is, the others are by its rewrites. Variants that
    /// could not be made are left out.
    fn choose_variant(&mut self, _variants: &[Job<'_>], _view: &DeviceView<'_>) -> usize {
        0
    }

    /// Which of the calls below are wanted; none by default.
    fn interest(&self) -> Interest {
        Interest::default()
    }

    /// Online: places ready segments that the plan left open, or replaces a model's plan. By default nothing is placed.
    fn dispatch(&mut self, _system: &dyn System, _decisions: &mut Decisions) {}

    /// Plans that it may switch a model to at run time: whoever runs plans for real can prepare them beforehand.
    fn alternatives(&self, _model: ModelId) -> Vec<Plan> {
        Vec::new()
    }

    /// What happened: arrivals, completions with their measured durations.
    fn observe(&mut self, _record: &Record) {}
}

/// A request in flight, as named by the system that runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InFlight(pub u32);

/// A segment that could start now if it had a worker: everything it reads exists somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Its request.
    pub in_flight: InFlight,
    /// The request's number.
    pub request: RequestId,
    /// The request's model.
    pub model: ModelId,
    /// The segment.
    pub segment: SegmentId,
    /// When the request arrived.
    pub arrived_ns: u64,
    /// Until when it should be done.
    pub deadline_ns: Option<u64>,
    /// Its priority.
    pub priority: i32,
}

/// A request that has arrived and not started yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arriving {
    /// Its number.
    pub request: RequestId,
    /// Its model.
    pub model: ModelId,
    /// When it arrived.
    pub arrived_ns: u64,
    /// Until when it should be done.
    pub deadline_ns: Option<u64>,
    /// Its stream's priority.
    pub priority: i32,
}

/// The running system as a strategy sees it: the same questions answered by the simulator and by the executor.
pub trait System {
    /// Time since the start.
    fn now_ns(&self) -> u64;
    /// The device.
    fn device(&self) -> &Device;
    /// Segments that wait for a worker, oldest first.
    fn ready(&self) -> &[Ready];
    /// Requests that wait for this very decision before they start, in order of arrival; empty unless the strategy is interested.
    fn arriving(&self) -> &[Arriving];
    /// Whether nothing runs on a worker, nothing waits for it, and its cores are free.
    fn is_idle(&self, worker: WorkerId) -> bool;
    /// Segments and blocking copies that wait for a worker.
    fn queue_length(&self, worker: WorkerId) -> usize;
    /// Expected time until a worker has done what it runs and what waits for it.
    fn backlog_ns(&self, worker: WorkerId) -> u64;
    /// Work that a worker does per time at the moment: 1 at the speed of its profile, 0 where it stands still. The expectations here are those
    /// of the profile: divide by it to hold the present speed against them.
    fn rate(&self, _worker: WorkerId) -> f64 {
        1.0
    }
    /// Whether a worker is there: false while one of its processors has vanished, true where nobody knows of such.
    fn is_available(&self, _worker: WorkerId) -> bool {
        true
    }
    /// Whether units of a plan that replaces a model's are being prepared: requests follow the plan before it until they are.
    fn is_being_prepared(&self, _model: ModelId) -> bool {
        false
    }
    /// The program that a request in flight follows.
    fn program(&self, in_flight: InFlight) -> &Program;
    /// Expected costs of a model.
    fn costs(&self, model: ModelId) -> &CostTable;
    /// The worker that a segment of a request has been given; `None` while it is open.
    fn placed(&self, in_flight: InFlight, segment: SegmentId) -> Option<WorkerId>;
    /// Expected duration of a segment on a worker, invocation included; `None` where the worker cannot run it.
    fn segment_ns(&self, in_flight: InFlight, segment: SegmentId, worker: WorkerId) -> Option<u64> {
        let program = self.program(in_flight);
        let costs = self.costs(self.model(in_flight));
        let mut total = self.device().worker(worker).invocation_ns;
        for index in program.kernel_range(segment.0) {
            total = total.saturating_add(costs.piece(program.kernel(index), program.launch(index), worker)?.duration_ns);
        }
        Some(total)
    }
    /// The model of a request in flight.
    fn model(&self, in_flight: InFlight) -> ModelId;
    /// Expected time to bring what a segment reads into a worker's memory, from where it is now (0 where it is there already).
    fn transfer_ns(&self, in_flight: InFlight, segment: SegmentId, worker: WorkerId) -> u64;
}

/// What a strategy decided in one call of [`Strategy::dispatch`].
#[derive(Debug, Default)]
pub struct Decisions {
    /// Segments placed, in order.
    pub placements: Vec<(InFlight, SegmentId, WorkerId)>,
    /// New plans, in order.
    pub plans: Vec<(ModelId, Plan)>,
    /// Requests given up; carried out before what was placed.
    pub drops: Vec<InFlight>,
    /// What deciding took beyond the device's `decision_ns`: the simulator lets decisions take effect that much later. On the wall clock it is
    /// measured instead.
    pub spent_ns: u64,
}

impl Decisions {
    /// Gives an open segment of a request to a worker. It need not be ready: it starts when what it reads is there.
    pub fn place(&mut self, in_flight: InFlight, segment: SegmentId, worker: WorkerId) {
        self.placements.push((in_flight, segment, worker));
    }

    /// Gives a request up: nothing more of it starts, and when what runs of it has ended, it ends as
    /// [`crate::record::Outcome::Dropped`].
    pub fn drop(&mut self, in_flight: InFlight) {
        self.drops.push(in_flight);
    }

    /// Says that deciding took this much longer.
    pub fn spend(&mut self, spent_ns: u64) {
        self.spent_ns = self.spent_ns.saturating_add(spent_ns);
    }

    /// Replaces a model's plan for the requests that arrive from now on.
    pub fn replan(&mut self, model: ModelId, plan: Plan) {
        self.plans.push((model, plan));
    }
}
