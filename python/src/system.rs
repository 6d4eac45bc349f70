//! The running system as a strategy in Python sees it: a picture of the moment, so that it may be kept.

use pyo3::prelude::*;
use sim::identifiers::{ModelId, SegmentId};
use sim::strategy::{self, InFlight, System as Running};

use crate::device::WorkerSpec;
use crate::job::Shared;
use crate::plan::Plan;

/// A segment that could start now if it had a worker.
#[pyclass(frozen, get_all, module = "socrates")]
pub(crate) struct Ready {
    /// Handle of its request in flight.
    in_flight: u32,
    /// The request's number.
    request: u32,
    /// Number of the request's model.
    model: u32,
    /// The segment.
    segment: u32,
    /// Its tasks.
    tasks: Vec<u32>,
    /// When the request arrived.
    arrived_ns: u64,
    /// Until when it should be done.
    deadline_ns: Option<u64>,
    /// Its priority.
    priority: i32,
    /// Expected duration on each worker, invocation included; `None` where it cannot run.
    durations_ns: Vec<Option<u64>>,
    /// Expected time to bring what it reads to each worker.
    transfers_ns: Vec<u64>,
}

/// A request that has arrived and not started yet.
#[pyclass(frozen, get_all, module = "socrates")]
pub(crate) struct Arriving {
    /// Its number.
    request: u32,
    /// Number of its model.
    model: u32,
    /// When it arrived.
    arrived_ns: u64,
    /// Until when it should be done.
    deadline_ns: Option<u64>,
    /// Its stream's priority.
    priority: i32,
}

/// The system at one moment.
#[pyclass(frozen, get_all, module = "socrates")]
pub(crate) struct System {
    /// Time since the start.
    now_ns: u64,
    /// Segments that wait for a worker, oldest first.
    ready: Vec<Py<Ready>>,
    /// Requests that wait for this very decision before they start.
    arriving: Vec<Py<Arriving>>,
    /// For each worker, whether it is idle.
    idle: Vec<bool>,
    /// For each worker, what waits for it.
    queue_lengths: Vec<usize>,
    /// For each worker, the expected time until it has done what it runs and what waits for it.
    backlogs_ns: Vec<u64>,
    /// For each worker, the work that it does per time: 1 at the speed of its profile.
    rates: Vec<f64>,
    /// For each worker, whether it is there.
    available: Vec<bool>,
}

impl System {
    pub(crate) fn of(py: Python<'_>, system: &dyn Running) -> PyResult<Self> {
        let device = system.device();
        let ready = system.ready().iter().map(|ready| Py::new(py, picture(system, ready)));
        let arriving = system.arriving().iter().map(|it| {
            let (request, model) = (it.request.0, it.model.0);
            Py::new(
                py,
                Arriving { request, model, arrived_ns: it.arrived_ns, deadline_ns: it.deadline_ns, priority: it.priority },
            )
        });
        Ok(Self {
            now_ns: system.now_ns(),
            ready: ready.collect::<PyResult<_>>()?,
            arriving: arriving.collect::<PyResult<_>>()?,
            idle: device.worker_ids().map(|worker| system.is_idle(worker)).collect(),
            queue_lengths: device.worker_ids().map(|worker| system.queue_length(worker)).collect(),
            backlogs_ns: device.worker_ids().map(|worker| system.backlog_ns(worker)).collect(),
            rates: device.worker_ids().map(|worker| system.rate(worker)).collect(),
            available: device.worker_ids().map(|worker| system.is_available(worker)).collect(),
        })
    }
}

fn picture(system: &dyn Running, ready: &strategy::Ready) -> Ready {
    let program = system.program(ready.in_flight);
    let workers = || system.device().worker_ids();
    Ready {
        in_flight: ready.in_flight.0,
        request: ready.request.0,
        model: ready.model.0,
        segment: ready.segment.0,
        tasks: program.kernel_range(ready.segment.0).map(|index| program.kernel(index).task.0).collect(),
        arrived_ns: ready.arrived_ns,
        deadline_ns: ready.deadline_ns,
        priority: ready.priority,
        durations_ns: workers().map(|worker| system.segment_ns(ready.in_flight, ready.segment, worker)).collect(),
        transfers_ns: workers().map(|worker| system.transfer_ns(ready.in_flight, ready.segment, worker)).collect(),
    }
}

/// What a strategy decides in one call of `dispatch`.
#[pyclass(module = "socrates")]
#[derive(Default)]
pub(crate) struct Decisions {
    placements: Vec<(u32, u32, WorkerSpec)>,
    plans: Vec<(u32, Py<Plan>)>,
    drops: Vec<u32>,
    spent_ns: u64,
}

#[pymethods]
impl Decisions {
    /// Gives a ready segment to a worker.
    fn place(&mut self, ready: &Ready, worker: WorkerSpec) {
        self.placements.push((ready.in_flight, ready.segment, worker));
    }

    /// Gives any open segment of a request to a worker: it starts when what it reads is there.
    fn place_segment(&mut self, in_flight: u32, segment: u32, worker: WorkerSpec) {
        self.placements.push((in_flight, segment, worker));
    }

    /// Gives a request up.
    fn drop(&mut self, in_flight: u32) {
        self.drops.push(in_flight);
    }

    /// Replaces a model's plan for the requests that arrive from now on.
    fn replan(&mut self, model: u32, plan: Py<Plan>) {
        self.plans.push((model, plan));
    }

    /// Says that deciding took this much longer than the device's profile has it.
    fn spend(&mut self, spent_ns: u64) {
        self.spent_ns = self.spent_ns.saturating_add(spent_ns);
    }
}

impl Decisions {
    /// Hands the decisions on; errors name workers and models that are not there.
    pub(crate) fn hand_on(&self, py: Python<'_>, shared: &Shared, to: &mut strategy::Decisions) -> PyResult<()> {
        let device = &shared.inputs.device;
        for (in_flight, segment, worker) in &self.placements {
            to.place(InFlight(*in_flight), SegmentId(*segment), worker.resolve(device)?);
        }
        for (model, plan) in &self.plans {
            let model = shared.check_model(*model)?;
            to.replan(model, plan.borrow(py).simulated(device, shared.task_count(model))?);
        }
        for &in_flight in &self.drops {
            to.drop(InFlight(in_flight));
        }
        to.spend(self.spent_ns);
        Ok(())
    }
}

impl Shared {
    fn check_model(&self, model: u32) -> PyResult<ModelId> {
        let models = self.model_count();
        if (model as usize) < models {
            Ok(ModelId(model))
        } else {
            Err(crate::error::input(format!("no model {model}: the run has {models}")))
        }
    }
}
