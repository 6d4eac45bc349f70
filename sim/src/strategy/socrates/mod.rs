//! `socrates`: plans by search and simulation, for all models together, and changes plans as the device changes.
//!
//! Source: this project; what the study calls for: both levels at once, reuse of data, live latencies.
//! Rule: candidates for each model are single workers, the plans of other strategies, and the result of dynamic programming over its
//! tasks (whole or shared, with transfers, data where they are, launches saved in segments), improved step by step; each is simulated on
//! the device with shared bandwidth and the memory limit, and of several models those candidates are taken that together slow each
//! other least, one request of each after the other ([`together`]). At run time, factors for each worker and kind of kernel are learnt
//! from what kernels really take. When they have moved by more than a fifth, candidates (and a new search) are judged again by the
//! corrected costs; that is charged to the run. Which plan a request follows depends on who else is at work ([`follow`]). Where preparing
//! a new plan takes time, plans are judged again only after ten times as long.
//! Ignores: arrivals to come; what a new plan does to requests that are in flight already.

mod adapt;
mod beam;
mod evaluate;
mod follow;
mod forms;
mod improve;
mod objective;
mod options;
mod pace;
mod portfolio;
mod running;
mod seen;
mod together;

use crate::frontend::Passes;
use crate::identifiers::ModelId;
use crate::plan::{Plan, PlanError};
use crate::record::Record;
use crate::strategy::parameters::Parameter;
use crate::strategy::parameters::ParameterKind::Plain;
use crate::strategy::registry::{self, Entry};
use crate::strategy::{Decisions, DeviceView, Interest, Job, Rewrite, Strategy, System};
use crate::task::{Lowering, Patterns};

use beam::Beam;
use evaluate::{Evaluator, Subject};
use forms::{Form, plan_of};
use objective::Objective;
use options::Options;
use portfolio::Allowed;
use running::Running;

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "socrates",
    summary: "adaptive: searched and simulated plans for all models together, judged again when the device changes",
    granularity: "all, chosen by simulation",
    optimises: "simulated latency (or energy, or deadlines) of all models, with rewrites, corrected at run time",
    ignores: "arrivals to come, what a new plan does to requests in flight",
    accelerator: None,
    parameters: &[
        Parameter {
            name: "objective",
            kind: Plain,
            default: "latency",
            summary: "`latency`, `energy` (the least that meets the deadline), or `deadline` (cores occupied shortest, deadlines met)",
        },
        Parameter { name: "splits", kind: Plain, default: "on", summary: "`on`, or `off`: operators are never shared" },
        Parameter {
            name: "others",
            kind: Plain,
            default: "on",
            summary: "`on`, or `off`: plans of other strategies are not tried",
        },
        Parameter { name: "rewrites", kind: Plain, default: "on", summary: "`on`, or `off`: models are planned as they are" },
        Parameter {
            name: "placement",
            kind: Plain,
            default: "on",
            summary: "`on`, or `off`: a model stays on one processor, what that refuses on the CPU",
        },
        Parameter { name: "adapt", kind: Plain, default: "on", summary: "`on`, or `off`: the first plan stays" },
    ],
    build: |parameters| {
        let switch = |name| parameters.choice(name, &[("on", true), ("off", false)]);
        let objective = parameters.choice(
            "objective",
            &[("latency", Objective::Latency), ("energy", Objective::Energy), ("deadline", Objective::Deadline)],
        )?;
        let (splits, others, placement) = (switch("splits")?, switch("others")?, switch("placement")?);
        let allowed = Allowed { splits, others, placement, objective };
        let (rewrites, adapts) = (switch("rewrites")?, switch("adapt")?);
        Ok(Box::new(Socrates { allowed, rewrites, adapts, running: None, queues: None }))
    },
};

/// Who gives requests to workers where they wait for each other.
const QUEUES: &str = "band";

/// Partial plans kept by the search at run time.
const QUICK_WIDTH: usize = 6;

struct Socrates {
    allowed: Allowed,
    rewrites: bool,
    adapts: bool,
    running: Option<Running>,
    /// Gives requests to workers that wait for each other.
    queues: Option<Box<dyn Strategy>>,
}

impl Strategy for Socrates {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        if self.allowed.objective == Objective::Energy && view.device.power().is_none() {
            return Err(not_found(&format!("`objective=energy`: the profile of `{}` says nothing of power", view.device.name())));
        }
        let one = [*job];
        let jobs = if view.jobs.iter().any(|other| other.model == job.model) { view.jobs } else { &one };
        let is_planned = self.running.as_ref().is_some_and(|running| running.models.len() == jobs.len());
        if job.model.index() == 0 || !is_planned {
            let mut running = Running::plan(jobs, view, self.allowed)?;
            self.queues = self.queues_of(jobs, view, &mut running);
            self.running = Some(running);
        }
        let position = jobs.iter().position(|other| other.model == job.model).unwrap_or(0);
        let known = self.running.as_ref().and_then(|running| running.models.get(position));
        known.map(|known| known.candidates[known.chosen].plan.clone()).ok_or_else(|| not_found("the model was not there"))
    }

    fn rewrites(&self) -> Vec<Rewrite> {
        if !self.rewrites {
            return Vec::new();
        }
        let fused = Lowering { patterns: Patterns::ALL };
        vec![
            Rewrite { name: "passes", passes: Passes::exact(), lowering: Lowering::default() },
            Rewrite { name: "passes and patterns", passes: Passes::exact(), lowering: fused },
        ]
    }

    /// The one whose quickly searched plan is simulated to be fastest; the model as it is where none gains anything.
    fn choose_variant(&mut self, variants: &[Job<'_>], view: &DeviceView<'_>) -> usize {
        let mut evaluator = Evaluator::new(view.device, self.allowed.objective);
        let mut worth = |job: &Job<'_>| {
            let subject = Subject { tasks: job.tasks, costs: job.costs };
            let solos = view.device.worker_ids().map(|worker| portfolio::solo(job, worker));
            let mut plans: Vec<Plan> = solos.collect();
            if self.allowed.placement {
                let options = Options::whole_only(job.tasks);
                let searched = Beam::new(view.device, job.tasks, job.costs, &options, QUICK_WIDTH).search();
                plans.extend(searched.map(|choices| plan_of(&choices, job.tasks, Form::Runs)));
            } else {
                plans.extend(portfolio::delegated(job, view));
            }
            plans.iter().filter_map(|plan| evaluator.worth(subject, plan)).min().unwrap_or(u64::MAX)
        };
        let all: Vec<u64> = variants.iter().map(&mut worth).collect();
        (0..all.len()).min_by_key(|&index| (all[index], index)).unwrap_or(0)
    }

    fn interest(&self) -> Interest {
        Interest { arrival: self.adapts, observe: self.adapts, dispatch: self.adapts }
    }

    fn dispatch(&mut self, system: &dyn System, decisions: &mut Decisions) {
        if let Some(running) = self.running.as_mut().filter(|_| !system.arriving().is_empty()) {
            let judged = running.judge(system, self.allowed, decisions);
            running.follow(system, self.allowed.objective, judged, decisions);
        }
        if let Some(queues) = self.queues.as_mut().filter(|_| !system.ready().is_empty()) {
            queues.dispatch(system, decisions);
        }
    }

    fn alternatives(&self, model: ModelId) -> Vec<Plan> {
        let known = self.running.as_ref().filter(|_| self.adapts).and_then(|running| running.models.get(model.index()));
        known.map_or_else(Vec::new, |known| {
            known.candidates.iter().map(|candidate| &candidate.plan).chain(&known.open).cloned().collect()
        })
    }

    fn observe(&mut self, record: &Record) {
        if let Some(queues) = &mut self.queues {
            queues.observe(record);
        }
        if let Some(running) = &mut self.running {
            running.observe(record);
        }
    }
}

impl Socrates {
    /// Who gives requests of several models to workers where they wait for each other, with an open plan for each model; `None` where
    /// plans do not change, there is one model, or one of them has no such plan.
    fn queues_of(&self, jobs: &[Job<'_>], view: &DeviceView<'_>, running: &mut Running) -> Option<Box<dyn Strategy>> {
        let Allowed { others, placement, objective, .. } = self.allowed;
        if !(self.adapts && others && placement && objective == Objective::Latency && jobs.len() > 1) {
            return None;
        }
        let mut queues = registry::build(QUEUES).ok()?;
        let plans: Vec<Plan> = jobs.iter().map(|job| queues.plan(job, view).ok()).collect::<Option<_>>()?;
        for (known, plan) in running.models.iter_mut().zip(plans) {
            known.open = Some(plan);
        }
        Some(queues)
    }
}

fn not_found(why: &str) -> PlanError {
    PlanError::NotFound { strategy: ENTRY.name.to_owned(), why: why.to_owned() }
}
