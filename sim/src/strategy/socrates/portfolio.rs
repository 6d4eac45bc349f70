//! Plans to choose from for one model: what other strategies would do, and what the search finds, each simulated.

use crate::identifiers::WorkerId;
use crate::plan::Plan;
use crate::platform::{Device, ProcessorKind};
use crate::strategy::socrates::beam::Beam;
use crate::strategy::socrates::evaluate::{Evaluator, Subject};
use crate::strategy::socrates::forms::{Form, has_branches, plan_of};
use crate::strategy::socrates::improve::{Improvement, choices_of};
use crate::strategy::socrates::objective::Objective;
use crate::strategy::socrates::options::{Choice, Options};
use crate::strategy::socrates::seen::Seen;
use crate::strategy::{DeviceView, Job, registry};

/// A plan with its latency alone.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) plan: Plan,
    /// Workers that it uses, each once.
    pub(super) workers: Vec<WorkerId>,
    pub(super) alone_ns: u64,
    /// What a request adds to the energy that the device draws anyway; 0 where that is not asked for.
    pub(super) energy_j: f64,
    /// For how long a request occupies cores, all added up; 0 where that is not asked for.
    pub(super) occupied_ns: u64,
    /// Whether it was made with other models in mind.
    pub(super) for_several: bool,
    /// What its requests really took.
    pub(super) seen: Seen,
}

impl Candidate {
    pub(super) fn new(plan: Plan, alone_ns: u64) -> Self {
        let mut workers: Vec<WorkerId> = plan.segments().iter().filter_map(|segment| segment.worker).collect();
        workers.sort_unstable();
        workers.dedup();
        Self { plan, workers, alone_ns, energy_j: 0.0, occupied_ns: 0, for_several: false, seen: Seen::default() }
    }

    /// Whether several workers have to do with each other.
    pub(super) fn shares_work(&self) -> bool {
        self.workers.len() > 1
    }
}

/// Strategies that mean a model to run on one processor.
const DELEGATES: [&str; 5] = ["cpu", "gpu", "gpu[fallback=operator]", "npu", "npu[fallback=operator]"];

/// Other strategies whose plans are tried too; the last two share operators.
const OTHERS: [&str; 4] = ["heft", "peft", "codl[sync_us=auto]", "split"];

/// Strategies whose placements are improved where a model has branches.
const LISTED: [&str; 2] = ["heft", "peft"];

/// Partial plans kept by the search of a first plan.
pub(super) const WIDTH: usize = 24;

/// Kernels that improving a plan may simulate.
const IMPROVEMENT_KERNELS: u64 = 25_000;

/// Fastest candidates that are kept.
const MOST_KEPT: usize = 8;

/// What may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) splits: bool,
    pub(super) others: bool,
    pub(super) placement: bool,
    pub(super) objective: Objective,
}

/// Candidates for a job, the fastest first. Empty if none fits.
pub(super) fn candidates(
    job: &Job<'_>,
    view: &DeviceView<'_>,
    allowed: Allowed,
    evaluator: &mut Evaluator<'_>,
) -> Vec<Candidate> {
    let subject = Subject { tasks: job.tasks, costs: job.costs };
    let mut found: Vec<Candidate> = Vec::new();
    let mut for_several = None;
    let mut add = |plan: Plan, evaluator: &mut Evaluator<'_>| {
        let Some(alone_ns) = evaluator.alone_ns(subject, &plan) else { return };
        let (plan, alone_ns) = joined(&plan, alone_ns, subject, evaluator).unwrap_or((plan, alone_ns));
        if !found.iter().any(|known| known.plan == plan) {
            found.push(Candidate::new(plan, alone_ns));
        }
    };
    for worker in view.device.worker_ids() {
        if job.tasks.tasks().all(|task| job.costs.supports(task, worker)) {
            add(solo(job, worker), evaluator);
        }
    }
    if allowed.others || !allowed.placement {
        for plan in delegated(job, view) {
            add(plan, evaluator);
        }
    }
    if allowed.others && allowed.placement {
        let others = if allowed.splits { &OTHERS[..] } else { &OTHERS[..2] };
        for plan in planned(others, job, view) {
            add(plan, evaluator);
        }
    }
    if allowed.others && allowed.placement && view.jobs.len() > 1 {
        for plan in planned(&["haxconn"], job, view) {
            for_several = Some(plan.clone());
            add(plan, evaluator);
        }
    }
    if allowed.placement {
        for plan in searched(job, view, allowed, evaluator) {
            add(plan, evaluator);
        }
    }
    for candidate in &mut found {
        candidate.for_several = for_several.as_ref() == Some(&candidate.plan);
        evaluator.account(subject, candidate);
    }
    kept(found, view.device)
}

/// Plans of strategies that mean the model to run on one processor.
pub(super) fn delegated(job: &Job<'_>, view: &DeviceView<'_>) -> Vec<Plan> {
    planned(&DELEGATES, job, view)
}

/// Plans of other strategies, of those that have one.
fn planned(strategies: &[&str], job: &Job<'_>, view: &DeviceView<'_>) -> Vec<Plan> {
    strategies.iter().filter_map(|name| registry::build(name).ok()?.plan(job, view).ok()).collect()
}

/// The same placement in fewer segments, if that is not slower: whatever comes between two segments costs a launch.
fn joined(plan: &Plan, alone_ns: u64, subject: Subject<'_>, evaluator: &mut Evaluator<'_>) -> Option<(Plan, u64)> {
    let joined = plan_of(&choices_of(plan, subject.tasks)?, subject.tasks, Form::Runs);
    let is_shorter = joined.segments().len() < plan.segments().len();
    let joined_ns = if is_shorter { evaluator.alone_ns(subject, &joined)? } else { return None };
    (joined_ns <= alone_ns).then_some((joined, joined_ns))
}

/// The fastest, and beside them the fastest single worker of each kind, to fall back on; where energy counts, the most frugal too.
fn kept(mut found: Vec<Candidate>, device: &Device) -> Vec<Candidate> {
    found.sort_by_key(|candidate| candidate.alone_ns);
    let kind = |candidate: &Candidate| match candidate.workers[..] {
        [worker] => Some(device.worker(worker).kind),
        _ => None,
    };
    let mut seen: Vec<ProcessorKind> = Vec::new();
    let is_fallback: Vec<bool> = found
        .iter()
        .map(|candidate| {
            let new = kind(candidate).filter(|kind| !seen.contains(kind));
            seen.extend(new);
            new.is_some()
        })
        .collect();
    let least = |cost: &dyn Fn(&Candidate) -> f64| {
        (0..found.len()).min_by(|&one, &other| cost(&found[one]).total_cmp(&cost(&found[other])))
    };
    let frugal = [least(&|candidate| candidate.energy_j), least(&|candidate| candidate.occupied_ns as f64)];
    let for_several: Vec<bool> = found.iter().map(|candidate| candidate.for_several).collect();
    let mut index = 0;
    found.retain(|_| {
        index += 1;
        index <= MOST_KEPT || for_several[index - 1] || is_fallback[index - 1] || frugal.contains(&Some(index - 1))
    });
    found
}

/// Plans found by search: dynamic programming, with tasks shared and without, then placements of list schedulers too, improved step by
/// step.
fn searched(job: &Job<'_>, view: &DeviceView<'_>, allowed: Allowed, evaluator: &mut Evaluator<'_>) -> Vec<Plan> {
    let subject = Subject { tasks: job.tasks, costs: job.costs };
    let whole = Options::whole_only(job.tasks);
    let shared = allowed.splits.then(|| Options::of(job.tasks, job.costs, view.device));
    let all: Vec<&Options> = shared.iter().chain([&whole]).collect();
    let mut improved = Improvement { subject, workers: view.device.worker_ids().collect(), options: all[0], evaluator };
    let mut plans = Vec::new();
    let mut starts: Vec<Vec<Choice>> = Vec::new();
    for &options in &all {
        if let Some(choices) = Beam::new(view.device, job.tasks, job.costs, options, WIDTH).search() {
            let choices = improved.with(options).improve(choices, Form::Runs, IMPROVEMENT_KERNELS / all.len() as u64);
            plans.push(plan_of(&choices, job.tasks, Form::Runs));
            starts.push(choices);
        }
    }
    if has_branches(job.tasks) {
        let listed = LISTED.iter().filter_map(|name| registry::build(name).ok()?.plan(job, view).ok());
        starts.extend(listed.filter_map(|plan| choices_of(&plan, job.tasks)));
        let kernels = IMPROVEMENT_KERNELS / (2 * starts.len().max(1)) as u64;
        for start in starts {
            // First whole tasks alone: sharing one early can hide that it had better move.
            let placed = improved.with(&whole).improve(start, Form::Chains, kernels);
            plans.push(plan_of(&improved.improve(placed, Form::Chains, kernels), job.tasks, Form::Chains));
        }
    }
    plans
}

/// All tasks on one worker.
pub(super) fn solo(job: &Job<'_>, worker: WorkerId) -> Plan {
    let mut plan = Plan::new();
    plan.segment(Some(worker), job.tasks.tasks());
    plan
}
