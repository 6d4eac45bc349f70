//! What is kept between calls at run time: models with their candidates, what was learnt, which plans are in force.

use std::collections::BTreeMap;

use crate::identifiers::{ModelId, SegmentId, TaskId, WorkerId};
use crate::plan::{Plan, PlanError, Program};
use crate::platform::Device;
use crate::strategy::socrates::adapt::Factors;
use crate::strategy::socrates::beam::Beam;
use crate::strategy::socrates::evaluate::{Evaluator, Subject};
use crate::strategy::socrates::forms::{Form, plan_of};
use crate::strategy::socrates::objective::Objective;
use crate::strategy::socrates::options::Options;
use crate::strategy::socrates::pace::Paces;
use crate::strategy::socrates::portfolio::{self, Allowed, Candidate};
use crate::strategy::socrates::seen::{Journal, pooled};
use crate::strategy::socrates::together::{Member, together};
use crate::strategy::socrates::{ENTRY, QUICK_WIDTH, not_found};
use crate::strategy::{Decisions, DeviceView, Job, System};
use crate::task::{CostTable, TaskGraph};

/// Factors have to move by this much (in logarithms) before plans are judged again: a fifth.
const HYSTERESIS: f64 = 0.182;

/// Another plan has to be better by this share to be taken.
pub(super) const WORTH_A_CHANGE: f64 = 0.03;

/// Least time from one judgement to the next.
const PAUSE_NS: u64 = 20_000_000;

/// Judging may take this share of the time, at most: requests wait for it.
const BUDGET: f64 = 0.02;

/// Preparing new plans may take this share of the time, at most, on the worker that it keeps longest: what it prepares for has to last.
const PREPARATION_BUDGET: f64 = 0.1;

/// Each judgement that changed nothing doubles the rest before the next, so many times at most.
const MOST_DOUBLINGS: u32 = 4;

/// What planning takes at run time for each kernel that is simulated, on one core: rounded up from what `socrates-bench strategies`
/// prints, as is the next.
pub(super) const SIMULATION_NS_PER_KERNEL: u64 = 400;

/// What a new search takes for each task and worker: costs are corrected, shares balanced anew.
const SEARCH_NS_PER_TASK_AND_WORKER: u64 = 5_000;

/// What is kept of the models.
pub(super) struct Running {
    pub(super) device: Device,
    pub(super) models: Vec<Known>,
    pub(super) factors: Factors,
    pub(super) journal: Journal,
    /// How requests come.
    pub(super) paces: Paces,
    /// Logarithms of the factors that the plans in force were judged by.
    judged_by: Vec<f64>,
    /// No judgement before this.
    rests_until_ns: u64,
    /// Judgements in a row that changed nothing.
    in_vain: u32,
    /// For models that were at work at the same time, the candidate that each follows.
    pub(super) sets: BTreeMap<Vec<usize>, Vec<usize>>,
}

pub(super) struct Known {
    pub(super) tasks: TaskGraph,
    costs: CostTable,
    /// Costs as they were when plans were judged last.
    corrected: CostTable,
    pub(super) candidates: Vec<Candidate>,
    /// The candidate in force where workers are idle.
    pub(super) chosen: usize,
    /// The one that new requests follow now; `None` where that is the open plan.
    pub(super) followed: Option<usize>,
    /// A plan that leaves open which workers run it, for requests that wait for each other.
    pub(super) open: Option<Plan>,
}

impl Known {
    fn subject(&self) -> Subject<'_> {
        Subject { tasks: &self.tasks, costs: &self.costs }
    }

    fn member(&self, now_ns: u64, evaluator: &Evaluator<'_>) -> Member<'_> {
        let subject = Subject { tasks: &self.tasks, costs: &self.corrected };
        Member {
            subject,
            programs: self.candidates.iter().map(|candidate| evaluator.compile(subject, &candidate.plan)).collect(),
            alone_ns: self.worth_ns(now_ns),
            beyond: self.beyond(now_ns),
            for_several: self.candidates.iter().position(|candidate| candidate.for_several),
        }
    }

    /// For each candidate, what its requests take beyond what is simulated, as a factor. One that was not tried is taken to be like
    /// those that were, among those that use as many workers: one or several.
    fn beyond(&self, now_ns: u64) -> Vec<f64> {
        let pooled = [false, true].map(|shares| {
            let alike = self.candidates.iter().filter(|candidate| candidate.shares_work() == shares);
            pooled(alike.map(|candidate| candidate.seen), now_ns)
        });
        let log = |candidate: &Candidate| candidate.seen.log(now_ns, pooled[usize::from(candidate.shares_work())]);
        self.candidates.iter().map(|candidate| libm::exp(log(candidate))).collect()
    }

    /// For each candidate, expected latency of a request with nothing else running.
    pub(super) fn worth_ns(&self, now_ns: u64) -> Vec<f64> {
        let beyond = self.beyond(now_ns).into_iter();
        beyond.zip(&self.candidates).map(|(factor, candidate)| factor * candidate.alone_ns as f64).collect()
    }
}

impl Running {
    pub(super) fn plan(jobs: &[Job<'_>], view: &DeviceView<'_>, allowed: Allowed) -> Result<Self, PlanError> {
        let mut evaluator = Evaluator::new(view.device, allowed.objective);
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
            let corrected = job.costs.scaled(&|_, _| 1.0);
            models.push(Known { tasks, costs, corrected, candidates, chosen: 0, followed: Some(0), open: None });
        }
        let all: Vec<usize> = (0..models.len()).collect();
        let chosen = chosen(&models, &all, 0, allowed.objective, &mut evaluator);
        let sets = BTreeMap::from([(all, chosen.clone())]);
        for (known, chosen) in models.iter_mut().zip(chosen) {
            (known.chosen, known.followed) = (chosen, Some(chosen));
        }
        let workers = view.device.workers().len();
        let paces = Paces::new(models.len());
        let mut running = Self {
            device: view.device.clone(),
            models,
            factors: Factors::new(workers),
            journal: Journal::default(),
            paces,
            judged_by: vec![0.0; workers],
            rests_until_ns: 0,
            in_vain: 0,
            sets,
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

    /// Judges candidates again if the factors have moved far enough; says whether it did.
    pub(super) fn judge(&mut self, system: &dyn System, allowed: Allowed, decisions: &mut Decisions) -> bool {
        let now_ns = system.now_ns();
        self.factors.fade(now_ns);
        let workers: Vec<WorkerId> = self.device.worker_ids().collect();
        let logs: Vec<f64> = workers.iter().map(|&worker| self.factors.log(worker, None)).collect();
        let has_moved = logs.iter().zip(&self.judged_by).any(|(now, then)| (now - then).abs() > HYSTERESIS);
        if !has_moved || now_ns < self.rests_until_ns {
            return false;
        }
        self.judged_by = logs;
        let device = self.device.clone();
        let mut evaluator = Evaluator::new(&device, allowed.objective);
        let mut searched = 0;
        let known_before: Vec<usize> = self.models.iter().map(|known| known.candidates.len()).collect();
        let mut preparation_ns: f64 = 0.0;
        let factors = &self.factors;
        let corrected = self.models.iter().map(|known| {
            let factor =
                |task: TaskId, worker: WorkerId| libm::exp(factors.log(worker, known.tasks.work(task).map(|work| work.kind)));
            known.costs.scaled(&factor)
        });
        let corrected: Vec<CostTable> = corrected.collect();
        for (known, costs) in self.models.iter_mut().zip(&corrected) {
            let subject = Subject { tasks: &known.tasks, costs };
            for (index, candidate) in known.candidates.iter_mut().enumerate() {
                let before_ns = candidate.alone_ns;
                candidate.alone_ns = evaluator.alone_ns(subject, &candidate.plan).unwrap_or(u64::MAX);
                // What is seen of the plan in force is as new as the factors; what was seen of others holds beside them.
                evaluator.account(subject, candidate);
                if Some(index) == known.followed {
                    candidate.seen.rebase(candidate.alone_ns as f64 / before_ns.max(1) as f64);
                }
            }
            let found = if allowed.placement {
                let options =
                    if allowed.splits { Options::of(&known.tasks, costs, &device) } else { Options::whole_only(&known.tasks) };
                searched += (known.tasks.task_count() * device.workers().len()) as u64;
                Beam::new(&device, &known.tasks, costs, &options, QUICK_WIDTH).search()
            } else {
                None
            };
            let plan = found.map(|choices| plan_of(&choices, &known.tasks, Form::Runs));
            if let Some(plan) = plan.filter(|plan| !known.candidates.iter().any(|candidate| candidate.plan == *plan))
                && let Some(alone_ns) = evaluator.alone_ns(subject, &plan)
            {
                let least_ns = known.candidates.iter().map(|candidate| candidate.alone_ns).min().unwrap_or(u64::MAX);
                if (alone_ns as f64) < least_ns as f64 * (1.0 - WORTH_A_CHANGE) {
                    let mut candidate = Candidate::new(plan, alone_ns);
                    evaluator.account(subject, &mut candidate);
                    known.candidates.push(candidate);
                }
            }
        }
        for (known, corrected) in self.models.iter_mut().zip(corrected) {
            known.corrected = corrected;
        }
        self.sets.clear();
        for arriving in system.arriving() {
            self.paces.arrived(arriving.model.index(), arriving.request, arriving.arrived_ns);
        }
        let active = self.active();
        let several = active.len() > 1 && self.are_steady(&active);
        let sets: Vec<&[usize]> = if several { vec![&active] } else { active.chunks(1).collect() };
        let of_set = |set: &&[usize]| chosen(&self.models, set, now_ns, allowed.objective, &mut evaluator);
        let chosen: Vec<usize> = sets.iter().flat_map(of_set).collect();
        if several {
            self.sets.insert(active.clone(), chosen.clone());
        }
        for (model, chosen) in active.into_iter().zip(chosen) {
            let known = &mut self.models[model];
            let worth_ns = known.worth_ns(now_ns);
            let is_worth_it = several
                || allowed.objective.choose(&known.candidates, &worth_ns, None, known.chosen, WORTH_A_CHANGE) != known.chosen;
            if chosen != known.chosen && is_worth_it {
                known.chosen = chosen;
                known.followed = Some(chosen);
                if chosen >= known_before[model] {
                    preparation_ns += preparation_of_ns(&device, &known.tasks, &known.candidates[chosen].plan);
                }
                decisions.replan(ModelId::from_index(model), known.candidates[chosen].plan.clone());
            }
        }
        let simulated = evaluator.kernels;
        let mut evaluator = Evaluator::new(&device, allowed.objective);
        self.expect(&mut evaluator);
        let simulated = simulated + evaluator.kernels;
        let spent_ns =
            simulated.saturating_mul(SIMULATION_NS_PER_KERNEL) + searched.saturating_mul(SEARCH_NS_PER_TASK_AND_WORKER);
        decisions.spend(spent_ns);
        self.in_vain = if decisions.plans.is_empty() { (self.in_vain + 1).min(MOST_DOUBLINGS) } else { 0 };
        let rest_ns = PAUSE_NS.max((spent_ns as f64 / BUDGET) as u64) << self.in_vain;
        let rest_ns = rest_ns.max((preparation_ns / PREPARATION_BUDGET) as u64);
        self.rests_until_ns = now_ns.saturating_add(rest_ns);
        true
    }
}

/// What preparing the units of a plan takes on the worker that it keeps longest.
fn preparation_of_ns(device: &Device, tasks: &TaskGraph, plan: &Plan) -> f64 {
    let of_worker = |worker: WorkerId| {
        let costs = &device.worker(worker).costs;
        let preparation = costs.overheads().preparation;
        let of_task = |task: TaskId| {
            let parameters = tasks.work(task).map_or(0, |work| work.parameters);
            preparation.duration_ns(parameters as f64 * f64::from(costs.element_bytes()))
        };
        let segments = (0..plan.segments().len()).map(SegmentId::from_index);
        let own = segments.filter(|segment| plan.segments()[segment.index()].worker == Some(worker));
        own.flat_map(|segment| plan.pieces(segment)).map(|piece| of_task(piece.task)).sum::<f64>()
    };
    device.worker_ids().map(of_worker).fold(0.0, f64::max)
}

/// For each of some models the candidate to follow if they are at work at the same time. Where energy counts, models are chosen for one by one.
pub(super) fn chosen(
    models: &[Known],
    active: &[usize],
    now_ns: u64,
    objective: Objective,
    evaluator: &mut Evaluator<'_>,
) -> Vec<usize> {
    match objective {
        Objective::Latency | Objective::Deadline => {
            let members: Vec<Member<'_>> = active.iter().map(|&model| models[model].member(now_ns, evaluator)).collect();
            together(&members, evaluator)
        }
        Objective::Energy => {
            let one = |&model: &usize| {
                let known = &models[model];
                objective.choose(&known.candidates, &known.worth_ns(now_ns), None, known.chosen, 0.0)
            };
            active.iter().map(one).collect()
        }
    }
}
