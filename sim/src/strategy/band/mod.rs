//! `band`: several models at once, sub-graph by sub-graph, on whatever worker is expected to end them soonest.
//!
//! Source: Jeong et al., "Band: coordinated multi-DNN inference on heterogeneous mobile processors", `MobiSys` 2022.
//! Rule: models are cut into unit sub-graphs by which workers support them, units that follow each other may run as one ([`units`]);
//! whenever something changes, a scheduler looks at the first `window` requests, estimates the shortest time to the end of each
//! ([`latency`]) and gives the first sub-graph of one to a worker. Measured times enter the estimates as moving averages.
//! Ignores: what copies cost, contention for bandwidth, priorities, what merging saves beyond invocations.

mod latency;
mod run_time;
mod schedulers;
pub(super) mod units;

use crate::identifiers::{ModelId, WorkerId};
use crate::plan::{Plan, PlanError};
use crate::record::{Outcome, Record};
use crate::strategy::band::latency::Profile;
use crate::strategy::band::run_time::RunTime;
use crate::strategy::band::schedulers::Scheduler;
use crate::strategy::band::units::Units;
use crate::strategy::list::{WORKERS, workers_of};
use crate::strategy::parameters::{Parameter, ParameterKind};
use crate::strategy::registry::Entry;
use crate::strategy::{Decisions, DeviceView, Interest, Job, Strategy, System};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "band",
    summary: "several models at once: at run time each sub-graph goes where the model is expected to end soonest",
    granularity: "sub-graph",
    optimises: "the expected end of each model, at run time",
    ignores: "copies, bandwidth, priorities",
    accelerator: None,
    parameters: &[
        WORKERS,
        Parameter {
            name: "scheduler",
            kind: ParameterKind::Plain,
            default: "heft",
            summary: "`fixed`, `round_robin`, `shortest_expected_latency`, `heft`, `heft_reserved` or `least_slack`",
        },
        Parameter { name: "window", kind: ParameterKind::Plain, default: "10", summary: "requests that a scheduler looks at" },
        Parameter {
            name: "minimum_subgraph_size",
            kind: ParameterKind::Plain,
            default: "7",
            summary: "least operators in a piece that an accelerator gets",
        },
        Parameter {
            name: "pinned",
            kind: ParameterKind::Workers,
            default: "auto",
            summary: "for `fixed`: the worker of each model, joined by `+`; `auto` takes them in turn",
        },
    ],
    build: |parameters| {
        let scheduler = parameters.choice("scheduler", &Scheduler::NAMES)?;
        let window = parameters.number("window", 1)? as usize;
        let minimum = parameters.number("minimum_subgraph_size", 1)? as usize;
        let (workers, pinned) = (parameters.names("workers"), parameters.names("pinned"));
        Ok(Box::new(Band { scheduler, window, minimum, workers, pinned, models: Vec::new(), run: RunTime::default() }))
    },
};

struct Band {
    scheduler: Scheduler,
    window: usize,
    minimum: usize,
    workers: Vec<String>,
    pinned: Vec<String>,
    /// By number; `None` where a model has not been planned.
    models: Vec<Option<Model>>,
    run: RunTime,
}

/// What is prepared of a model.
struct Model {
    units: Units,
    profile: Profile,
    /// Workers that may run all of it, as bits.
    whole: u32,
    /// For `fixed`: its worker.
    pinned: usize,
}

impl Strategy for Band {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let workers = workers_of(ENTRY.name, &self.workers, view.device)?;
        let units = Units::of(ENTRY.name, job, view.device, &workers, self.minimum)?;
        let whole = units.masks.iter().fold(u32::MAX, |all, &mask| all & mask);
        let pinned = self.pin(job, view, &workers, whole)?;
        let takes_whole = matches!(self.scheduler, Scheduler::Fixed | Scheduler::RoundRobin);
        if takes_whole && whole == 0 {
            return Err(PlanError::Missing {
                strategy: ENTRY.name.to_owned(),
                needs: format!("a worker that can run the whole of `{}`", job.name),
                device: view.device.name().to_owned(),
            });
        }
        let unit_ns = |unit: usize, bit: usize| {
            let allowed = units.masks[unit] & (1 << bit) != 0;
            let expected_ns = job.costs.segment_ns(&units.tasks[unit], workers[bit]).filter(|_| allowed);
            expected_ns.map_or(f64::INFINITY, |ns| ns as f64)
        };
        let times = (0..units.count()).flat_map(|unit| (0..workers.len()).map(move |bit| (unit, bit)));
        let enter_ns = workers.iter().map(|&worker| view.device.worker(worker).invocation_ns as f64).collect();
        let profile = Profile::new(&units, times.map(|(unit, bit)| unit_ns(unit, bit)).collect(), enter_ns);
        let plan = units.open_plan();
        self.run = RunTime::on(workers);
        let count = self.models.len().max(job.model.index() + 1);
        self.models.resize_with(count, || None);
        self.models[job.model.index()] = Some(Model { units, profile, whole, pinned });
        Ok(plan)
    }

    fn interest(&self) -> Interest {
        Interest { dispatch: true, observe: true, ..Interest::default() }
    }

    fn dispatch(&mut self, system: &dyn System, decisions: &mut Decisions) {
        self.run.collect(system, self.window);
        self.schedule(system.now_ns() as f64, decisions);
        self.run.start(system, decisions, |model, range| kernels(&self.models, model, range));
    }

    fn observe(&mut self, record: &Record) {
        if let Record::Request(request) = record
            && request.outcome == Outcome::Dropped
        {
            self.run.dropped(request.request);
        }
        if let Record::Kernel(kernel) = record
            && let Some(done) = self.run.kernel_ended(kernel)
            && let Some(Some(model)) = self.models.get_mut(kernel.model.index())
        {
            model.profile.measured(done.unit, done.worker, done.took_ns);
        }
    }
}

impl Band {
    /// The worker of a model under `fixed`: the one named, or the first from the model's number on that can run all of it.
    fn pin(&self, job: &Job<'_>, view: &DeviceView<'_>, workers: &[WorkerId], whole: u32) -> Result<usize, PlanError> {
        let turn = job.model.index();
        if let Some(name) = self.pinned.get(turn % self.pinned.len().max(1)) {
            let at = workers.iter().position(|&worker| view.device.worker(worker).name == *name);
            return at.filter(|&bit| whole & (1 << bit) != 0).ok_or_else(|| PlanError::Missing {
                strategy: ENTRY.name.to_owned(),
                needs: format!("worker `{name}` among its workers, able to run the whole of `{}`", job.name),
                device: view.device.name().to_owned(),
            });
        }
        let candidates = (0..workers.len()).map(|offset| (turn + offset) % workers.len());
        Ok(candidates.into_iter().find(|bit| whole & (1 << bit) != 0).unwrap_or(0))
    }
}

/// Kernels of each unit of a range.
fn kernels(models: &[Option<Model>], model: ModelId, range: (usize, usize)) -> Vec<usize> {
    let of_model = models.get(model.index()).and_then(Option::as_ref);
    of_model.map_or_else(Vec::new, |model| model.units.tasks[range.0..=range.1].iter().map(Vec::len).collect())
}
