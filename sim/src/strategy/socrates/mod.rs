//! `socrates`: plans by search and simulation, for all models together, and changes plans as the device changes.
//!
//! Source: this project; what the study calls for: both levels at once, reuse of data, live latencies.
//! Rule: candidates for each model are single workers, the plans of other strategies, and the result of dynamic programming over its
//! tasks (whole or shared, with transfers, data where they are, launches saved in segments), improved step by step; each is simulated on
//! the device with shared bandwidth and the memory limit, and of several models those candidates are taken that together slow each
//! other least. At run time, factors for each worker and kind of kernel are learnt from what kernels really take. When they have moved
//! by more than a fifth, candidates (and a new search) are judged again by the corrected costs; that is charged to the run. A request
//! that finds its workers busy follows the candidate that is expected to end first.
//! Ignores: arrivals to come; what a new plan does to requests that are in flight already.

mod adapt;
mod beam;
mod evaluate;
mod options;
mod portfolio;

use crate::frontend::Passes;
use crate::identifiers::{ModelId, TaskId, WorkerId};
use crate::plan::{Plan, PlanError, Program};
use crate::platform::Device;
use crate::record::Record;
use crate::strategy::parameters::Parameter;
use crate::strategy::parameters::ParameterKind::Plain;
use crate::strategy::registry::Entry;
use crate::strategy::{Decisions, DeviceView, Interest, Job, Rewrite, Strategy, System};
use crate::task::{CostTable, Lowering, Patterns, TaskGraph};

use adapt::Factors;
use beam::Beam;
use evaluate::{Evaluator, Subject, plan_of};
use options::Options;
use portfolio::{Allowed, Candidate};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "socrates",
    summary: "adaptive: searched and simulated plans for all models together, judged again when the device changes",
    accelerator: None,
    parameters: &[
        Parameter { name: "splits", kind: Plain, default: "on", summary: "`on`, or `off`: operators are never shared" },
        Parameter {
            name: "others",
            kind: Plain,
            default: "on",
            summary: "`on`, or `off`: plans of other strategies are not tried",
        },
        Parameter { name: "rewrites", kind: Plain, default: "on", summary: "`on`, or `off`: models are planned as they are" },
        Parameter { name: "adapt", kind: Plain, default: "on", summary: "`on`, or `off`: the first plan stays" },
    ],
    build: |parameters| {
        let switch = |name| parameters.choice(name, &[("on", true), ("off", false)]);
        let allowed = Allowed { splits: switch("splits")?, others: switch("others")? };
        Ok(Box::new(Socrates { allowed, rewrites: switch("rewrites")?, adapts: switch("adapt")?, running: None }))
    },
};

/// Factors have to move by this much (in logarithms) before plans are judged again: a fifth.
const HYSTERESIS: f64 = 0.182;

/// Another plan has to be better by this share to be taken.
const WORTH_A_CHANGE: f64 = 0.03;

/// Least time between two judgements.
const PAUSE_NS: u64 = 20_000_000;

/// Partial plans kept by the search at run time.
const QUICK_WIDTH: usize = 6;

/// What planning takes at run time for each kernel that is simulated or searched for, on one core: rounded up from what
/// `socrates-bench strategies` prints.
const PLANNING_NS_PER_KERNEL: u64 = 400;

struct Socrates {
    allowed: Allowed,
    rewrites: bool,
    adapts: bool,
    running: Option<Running>,
}

/// What is kept of the models.
struct Running {
    device: Device,
    models: Vec<Known>,
    factors: Factors,
    /// Logarithms of the factors that the plans in force were judged by.
    judged_by: Vec<f64>,
    judged_ns: u64,
}

struct Known {
    tasks: TaskGraph,
    costs: CostTable,
    candidates: Vec<Candidate>,
    /// The candidate in force where workers are idle.
    chosen: usize,
    /// The one that new requests follow now.
    followed: usize,
}

impl Known {
    fn subject(&self) -> Subject<'_> {
        Subject { tasks: &self.tasks, costs: &self.costs }
    }
}

impl Strategy for Socrates {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let one = [*job];
        let jobs = if view.jobs.iter().any(|other| other.model == job.model) { view.jobs } else { &one };
        let is_planned = self.running.as_ref().is_some_and(|running| running.models.len() == jobs.len());
        if job.model.index() == 0 || !is_planned {
            self.running = Some(Running::plan(jobs, view, self.allowed)?);
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
        let mut evaluator = Evaluator::new(view.device);
        let mut latency_ns = |job: &Job<'_>| {
            let subject = Subject { tasks: job.tasks, costs: job.costs };
            let options = Options::whole_only(job.tasks);
            let searched = Beam::new(view.device, job.tasks, job.costs, &options, QUICK_WIDTH).search();
            let searched = searched.map(|choices| plan_of(&choices, job.tasks));
            let solos = view.device.worker_ids().map(|worker| portfolio::solo(job, worker));
            searched.into_iter().chain(solos).filter_map(|plan| evaluator.alone_ns(subject, &plan)).min().unwrap_or(u64::MAX)
        };
        let all: Vec<u64> = variants.iter().map(&mut latency_ns).collect();
        (0..all.len()).min_by_key(|&index| (all[index], index)).unwrap_or(0)
    }

    fn interest(&self) -> Interest {
        Interest { arrival: self.adapts, observe: self.adapts, ..Interest::default() }
    }

    fn dispatch(&mut self, system: &dyn System, decisions: &mut Decisions) {
        if let Some(running) = &mut self.running {
            running.judge(system.now_ns(), self.allowed, decisions);
            running.follow(system, decisions);
        }
    }

    fn alternatives(&self, model: ModelId) -> Vec<Plan> {
        let known = self.running.as_ref().filter(|_| self.adapts).and_then(|running| running.models.get(model.index()));
        known.map_or_else(Vec::new, |known| known.candidates.iter().map(|candidate| candidate.plan.clone()).collect())
    }

    fn observe(&mut self, record: &Record) {
        if let (Record::Kernel(kernel), Some(running)) = (record, &mut self.running)
            && let Some(known) = running.models.get(kernel.model.index())
        {
            let kind = known.tasks.work(kernel.task).filter(|_| kernel.kernels == 1).map(|work| work.kind);
            running.factors.observe(kernel.worker, kind, kernel.end_ns, kernel.end_ns - kernel.start_ns, kernel.solo_ns);
        }
    }
}

fn not_found(why: &str) -> PlanError {
    PlanError::NotFound { strategy: ENTRY.name.to_owned(), why: why.to_owned() }
}

impl Running {
    fn plan(jobs: &[Job<'_>], view: &DeviceView<'_>, allowed: Allowed) -> Result<Self, PlanError> {
        let mut evaluator = Evaluator::new(view.device);
        let mut models = Vec::with_capacity(jobs.len());
        for job in jobs {
            let candidates = portfolio::candidates(job, view, allowed, &mut evaluator);
            if candidates.is_empty() {
                let nowhere = |task: &TaskId| !view.device.worker_ids().any(|worker| job.costs.supports(*task, worker));
                return Err(match job.tasks.tasks().find(nowhere) {
                    Some(task) => PlanError::Unplaceable { strategy: ENTRY.name.to_owned(), task: task.0 },
                    None => not_found("none that was tried fits in the memory there is"),
                });
            }
            let (tasks, costs) = (job.tasks.clone(), job.costs.scaled(&|_, _| 1.0));
            models.push(Known { tasks, costs, candidates, chosen: 0, followed: 0 });
        }
        let chosen = together(&models, &models.iter().map(Known::subject).collect::<Vec<_>>(), &mut evaluator);
        for (known, chosen) in models.iter_mut().zip(chosen) {
            (known.chosen, known.followed) = (chosen, chosen);
        }
        let workers = view.device.workers().len();
        let mut running = Self {
            device: view.device.clone(),
            models,
            factors: Factors::new(workers),
            judged_by: vec![0.0; workers],
            judged_ns: 0,
        };
        running.expect(&mut evaluator);
        Ok(running)
    }

    /// What kernels are expected to take longer than alone, by the plans in force.
    fn expect(&mut self, evaluator: &mut Evaluator<'_>) {
        let subjects: Vec<Subject<'_>> = self.models.iter().map(Known::subject).collect();
        let programs = self.models.iter().map(|known| evaluator.compile(known.subject(), &known.candidates[known.chosen].plan));
        if let Some(programs) = programs.collect::<Option<Vec<Program>>>()
            && let Some(slowdowns) = evaluator.slowdowns(&subjects, &programs)
        {
            self.factors.expect(&slowdowns);
        }
    }

    /// Judges candidates again if the factors have moved far enough.
    fn judge(&mut self, now_ns: u64, allowed: Allowed, decisions: &mut Decisions) {
        self.factors.fade(now_ns);
        let workers: Vec<WorkerId> = self.device.worker_ids().collect();
        let logs: Vec<f64> = workers.iter().map(|&worker| self.factors.log(worker, None)).collect();
        let has_moved = logs.iter().zip(&self.judged_by).any(|(now, then)| (now - then).abs() > HYSTERESIS);
        if !has_moved || now_ns < self.judged_ns.saturating_add(PAUSE_NS) {
            return;
        }
        (self.judged_by, self.judged_ns) = (logs, now_ns);
        let device = self.device.clone();
        let mut evaluator = Evaluator::new(&device);
        let factors = &self.factors;
        let corrected = self.models.iter().map(|known| {
            let factor =
                |task: TaskId, worker: WorkerId| libm::exp(factors.log(worker, known.tasks.work(task).map(|work| work.kind)));
            known.costs.scaled(&factor)
        });
        let corrected: Vec<CostTable> = corrected.collect();
        for (known, costs) in self.models.iter_mut().zip(&corrected) {
            let subject = Subject { tasks: &known.tasks, costs };
            for candidate in &mut known.candidates {
                candidate.alone_ns = evaluator.alone_ns(subject, &candidate.plan).unwrap_or(u64::MAX);
            }
            let options =
                if allowed.splits { Options::of(&known.tasks, costs, &device) } else { Options::whole_only(&known.tasks) };
            let found = Beam::new(&device, &known.tasks, costs, &options, QUICK_WIDTH).search();
            evaluator.kernels += (known.tasks.task_count() * QUICK_WIDTH) as u64;
            let plan = found.map(|choices| plan_of(&choices, &known.tasks));
            if let Some(plan) = plan.filter(|plan| !known.candidates.iter().any(|candidate| candidate.plan == *plan))
                && let Some(alone_ns) = evaluator.alone_ns(subject, &plan)
            {
                let least_ns = known.candidates.iter().map(|candidate| candidate.alone_ns).min().unwrap_or(u64::MAX);
                if (alone_ns as f64) < least_ns as f64 * (1.0 - WORTH_A_CHANGE) {
                    known.candidates.push(Candidate { plan, alone_ns });
                }
            }
        }
        let subjects: Vec<Subject<'_>> =
            self.models.iter().zip(&corrected).map(|(known, costs)| Subject { tasks: &known.tasks, costs }).collect();
        let chosen = together(&self.models, &subjects, &mut evaluator);
        for (model, (known, chosen)) in self.models.iter_mut().zip(chosen).enumerate() {
            let worth = |index: usize| known.candidates[index].alone_ns as f64;
            if chosen != known.chosen && worth(chosen) < worth(known.chosen) * (1.0 - WORTH_A_CHANGE) {
                known.chosen = chosen;
                known.followed = chosen;
                decisions.replan(ModelId::from_index(model), known.candidates[chosen].plan.clone());
            }
        }
        let mut uncharged = Evaluator::new(&device);
        self.expect(&mut uncharged);
        decisions.spend((evaluator.kernels + uncharged.kernels).saturating_mul(PLANNING_NS_PER_KERNEL));
    }

    /// Requests that find their workers busy follow the candidate that is expected to end first.
    fn follow(&mut self, system: &dyn System, decisions: &mut Decisions) {
        let backlog_ns: Vec<u64> = self.device.worker_ids().map(|worker| system.backlog_ns(worker)).collect();
        for arriving in system.arriving() {
            let Some(known) = self.models.get_mut(arriving.model.index()) else { continue };
            let ends_ns = |candidate: &Candidate| {
                let used = candidate.plan.segments().iter().filter_map(|segment| segment.worker);
                let waits_ns = used.map(|worker| {
                    let rivals = self.device.worker_ids().filter(|&rival| rival == worker || self.device.conflict(rival, worker));
                    rivals.map(|rival| backlog_ns[rival.index()]).max().unwrap_or(0)
                });
                candidate.alone_ns.saturating_add(waits_ns.max().unwrap_or(0))
            };
            let chosen_ns = ends_ns(&known.candidates[known.chosen]);
            let best = (0..known.candidates.len()).min_by_key(|&index| (ends_ns(&known.candidates[index]), index));
            let best = best.filter(|&best| (ends_ns(&known.candidates[best]) as f64) < chosen_ns as f64 * (1.0 - WORTH_A_CHANGE));
            let follows = best.unwrap_or(known.chosen);
            if follows != known.followed {
                known.followed = follows;
                decisions.replan(arriving.model, known.candidates[follows].plan.clone());
            }
        }
    }
}

/// For each model the candidate to take: from the fastest of each on, changed one by one as long as the mean slowdown of all (begun
/// at once, over their fastest alone) gets less.
fn together(models: &[Known], subjects: &[Subject<'_>], evaluator: &mut Evaluator<'_>) -> Vec<usize> {
    let fastest = |known: &Known| (0..known.candidates.len()).min_by_key(|&index| known.candidates[index].alone_ns).unwrap_or(0);
    let mut chosen: Vec<usize> = models.iter().map(fastest).collect();
    if models.len() < 2 {
        return chosen;
    }
    let alone_ns: Vec<f64> = models.iter().zip(&chosen).map(|(known, &at)| known.candidates[at].alone_ns.max(1) as f64).collect();
    let mut slowdown = |chosen: &[usize]| -> Option<f64> {
        let plans = models.iter().zip(subjects).zip(chosen);
        let programs = plans.map(|((known, &subject), &at)| evaluator.compile(subject, &known.candidates[at].plan));
        let programs: Vec<Program> = programs.collect::<Option<_>>()?;
        let each_ns = evaluator.each_ns(subjects, &programs)?;
        Some(each_ns.iter().zip(&alone_ns).map(|(&took_ns, alone_ns)| took_ns as f64 / alone_ns).sum::<f64>())
    };
    let mut best = slowdown(&chosen).unwrap_or(f64::INFINITY);
    let mut again = true;
    let mut rounds = 0;
    while again && rounds < 2 {
        (again, rounds) = (false, rounds + 1);
        for model in 0..models.len() {
            for candidate in 0..models[model].candidates.len() {
                let before = std::mem::replace(&mut chosen[model], candidate);
                match slowdown(&chosen).filter(|&changed| changed < best) {
                    Some(changed) => (best, again) = (changed, true),
                    None => chosen[model] = before,
                }
            }
        }
    }
    chosen
}
