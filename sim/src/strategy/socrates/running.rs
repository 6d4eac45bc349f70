//! What is kept between calls at run time: models with their candidates, what was learnt, which plans are in force.

use crate::identifiers::{ModelId, RequestId, SegmentId, TaskId, WorkerId};
use crate::plan::{Plan, PlanError, Program};
use crate::platform::Device;
use crate::record::{Outcome, Record};
use crate::strategy::socrates::adapt::Factors;
use crate::strategy::socrates::beam::Beam;
use crate::strategy::socrates::evaluate::{Evaluator, Subject};
use crate::strategy::socrates::forms::{Form, plan_of};
use crate::strategy::socrates::objective::Objective;
use crate::strategy::socrates::options::Options;
use crate::strategy::socrates::portfolio::{self, Allowed, Candidate};
use crate::strategy::socrates::seen::{Journal, pooled};
use crate::strategy::socrates::together::{Member, together};
use crate::strategy::socrates::{ENTRY, QUICK_WIDTH, not_found};
use crate::strategy::{Decisions, DeviceView, Job, System};
use crate::task::{CostTable, TaskGraph};

/// Factors have to move by this much (in logarithms) before plans are judged again: a fifth.
const HYSTERESIS: f64 = 0.182;

/// Another plan has to be better by this share to be taken.
const WORTH_A_CHANGE: f64 = 0.03;

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
const SIMULATION_NS_PER_KERNEL: u64 = 400;

/// What a new search takes for each task and worker: costs are corrected, shares balanced anew.
const SEARCH_NS_PER_TASK_AND_WORKER: u64 = 5_000;

/// What is kept of the models.
pub(super) struct Running {
    device: Device,
    pub(super) models: Vec<Known>,
    factors: Factors,
    journal: Journal,
    /// Logarithms of the factors that the plans in force were judged by.
    judged_by: Vec<f64>,
    /// No judgement before this.
    rests_until_ns: u64,
    /// Judgements in a row that changed nothing.
    in_vain: u32,
    /// For models that were at work at the same time, the candidate that each follows.
    sets: std::collections::BTreeMap<Vec<usize>, Vec<usize>>,
}

pub(super) struct Known {
    tasks: TaskGraph,
    costs: CostTable,
    /// Costs as they were when plans were judged last.
    corrected: CostTable,
    pub(super) candidates: Vec<Candidate>,
    /// The candidate in force where workers are idle.
    pub(super) chosen: usize,
    /// The one that new requests follow now.
    followed: usize,
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
    fn worth_ns(&self, now_ns: u64) -> Vec<f64> {
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
            models.push(Known { tasks, costs, corrected, candidates, chosen: 0, followed: 0 });
        }
        let all: Vec<usize> = (0..models.len()).collect();
        let chosen = chosen(&models, &all, 0, allowed.objective, &mut evaluator);
        let sets = std::collections::BTreeMap::from([(all, chosen.clone())]);
        for (known, chosen) in models.iter_mut().zip(chosen) {
            (known.chosen, known.followed) = (chosen, chosen);
        }
        let workers = view.device.workers().len();
        let mut running = Self {
            device: view.device.clone(),
            models,
            factors: Factors::new(workers),
            journal: Journal::default(),
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
                if index == known.followed {
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
        let active = self.active(system);
        let chosen = chosen(&self.models, &active, now_ns, allowed.objective, &mut evaluator);
        self.sets.insert(active.clone(), chosen.clone());
        for (model, chosen) in active.into_iter().zip(chosen) {
            let known = &mut self.models[model];
            let worth_ns = known.worth_ns(now_ns);
            let is_worth_it = self.sets.first_key_value().is_some_and(|(set, _)| set.len() > 1)
                || allowed.objective.choose(&known.candidates, &worth_ns, None, known.chosen, WORTH_A_CHANGE) != known.chosen;
            if chosen != known.chosen && is_worth_it {
                known.chosen = chosen;
                known.followed = chosen;
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

    /// Requests follow the candidate that is best for the objective, by default the one that is expected to end first: by what waits for its workers now, and by what its requests took.
    ///
    /// The first requests after plans were `judged` or changed tell nothing of the plan: they waited for the decision, or found it cold.
    pub(super) fn follow(&mut self, system: &dyn System, objective: Objective, judged: bool, decisions: &mut Decisions) {
        let now_ns = system.now_ns();
        // What has vanished is never done.
        let left_ns = |worker| if system.is_available(worker) { system.backlog_ns(worker) } else { u64::MAX };
        let backlog_ns: Vec<u64> = self.device.worker_ids().map(left_ns).collect();
        // What was given to workers in this very decision, by model: nobody's backlog holds it yet. Requests of one model follow one plan.
        let mut given: Vec<(ModelId, Vec<WorkerId>, u64)> = Vec::new();
        let active = self.active(system);
        let joint = (objective == Objective::Latency && active.len() > 1).then(|| {
            self.sets.get(&active).cloned().unwrap_or_else(|| {
                let device = self.device.clone();
                let mut evaluator = Evaluator::new(&device, objective);
                let chosen = chosen(&self.models, &active, now_ns, objective, &mut evaluator);
                decisions.spend(evaluator.kernels.saturating_mul(SIMULATION_NS_PER_KERNEL));
                self.sets.insert(active.clone(), chosen.clone());
                chosen
            })
        });
        let slack: f64 = std::env::var("X_SLACK").ok().and_then(|t| t.parse().ok()).unwrap_or(1e9);
        for arriving in system.arriving() {
            let Some(known) = self.models.get_mut(arriving.model.index()) else { continue };
            if system.is_being_prepared(arriving.model) {
                // It follows the plan before, and tells nothing of the one to come.
                self.journal.begin(arriving.request, arriving.model.index(), known.followed, false);
                continue;
            }
            let given_ns = |worker: WorkerId| {
                let to_it = given.iter().filter(|(model, workers, _)| *model != arriving.model && workers.contains(&worker));
                to_it.map(|(.., ns)| *ns).fold(0, u64::saturating_add)
            };
            let waits_ns = |candidate: &Candidate| {
                let waits_ns = candidate.workers.iter().map(|&worker| {
                    let rivals = self.device.worker_ids().filter(|&rival| rival == worker || self.device.conflict(rival, worker));
                    let is_away = backlog_ns[worker.index()] == u64::MAX;
                    // A rival that has vanished holds nobody up.
                    let busy_ns = |rival: WorkerId| backlog_ns[rival.index()].saturating_add(given_ns(rival));
                    let others = rivals.map(busy_ns).filter(|&ns| is_away || ns < u64::MAX);
                    others.max().unwrap_or(0)
                });
                match waits_ns.max().unwrap_or(0) {
                    u64::MAX => f64::INFINITY,
                    longest_ns => longest_ns as f64,
                }
            };
            let worth_ns = known.worth_ns(now_ns);
            let ends_ns: Vec<f64> =
                worth_ns.iter().zip(&known.candidates).map(|(worth_ns, candidate)| worth_ns + waits_ns(candidate)).collect();
            let within_ns = arriving.deadline_ns.map(|deadline_ns| deadline_ns.saturating_sub(now_ns) as f64);
            let mut follows = objective.choose(&known.candidates, &ends_ns, within_ns, known.chosen, WORTH_A_CHANGE);
            if let Some(joint) = &joint
                && let Ok(position) = active.binary_search(&arriving.model.index())
                && ends_ns[joint[position]] <= ends_ns[follows] * (1.0 + slack)
            {
                follows = joint[position];
            }
            let has_changed = follows != known.followed;
            if has_changed {
                known.followed = follows;
                decisions.replan(arriving.model, known.candidates[follows].plan.clone());
            }
            if system.arriving().len() > 1 {
                given.push((arriving.model, known.candidates[follows].workers.clone(), worth_ns[follows] as u64));
            }
            self.journal.begin(arriving.request, arriving.model.index(), known.followed, !judged && !has_changed);
        }
    }

    /// Models that have requests in flight or arriving, in order.
    fn active(&self, system: &dyn System) -> Vec<usize> {
        let mut active: Vec<usize> = self.journal.models().collect();
        active.extend(system.arriving().iter().map(|arriving| arriving.model.index()).filter(|&model| model < self.models.len()));
        active.sort_unstable();
        active.dedup();
        active
    }

    /// Learns from what happened.
    pub(super) fn observe(&mut self, record: &Record) {
        match record {
            Record::Kernel(kernel) => {
                if let Some(known) = self.models.get(kernel.model.index()) {
                    let kind = known.tasks.work(kernel.task).filter(|_| kernel.kernels == 1).map(|work| work.kind);
                    self.factors.observe(kernel.worker, kind, kernel.end_ns, kernel.end_ns - kernel.start_ns, kernel.solo_ns);
                }
            }
            Record::Request(request) => self.ended(request.request, request.arrived_ns, request.ended_ns, request.outcome),
            _ => {}
        }
    }

    fn ended(&mut self, request: RequestId, arrived_ns: u64, ended_ns: u64, outcome: Outcome) {
        let Some((model, candidate)) = self.journal.end(request) else { return };
        if outcome == Outcome::Completed {
            let candidate = &mut self.models[model].candidates[candidate];
            candidate.seen.add(ended_ns, ended_ns - arrived_ns, candidate.alone_ns);
        }
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
fn chosen(models: &[Known], active: &[usize], now_ns: u64, objective: Objective, evaluator: &mut Evaluator<'_>) -> Vec<usize> {
    match objective {
        Objective::Latency | Objective::Deadline => {
            let members: Vec<Member<'_>> = active.iter().map(|&model| models[model].member(now_ns, evaluator)).collect();
            let made = |known: &Known| known.candidates.iter().position(|candidate| candidate.for_several);
            let start: Option<Vec<usize>> = active.iter().map(|&model| made(&models[model])).collect();
            together(&members, start.as_deref(), evaluator)
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
