//! Plans to choose from for one model: what other strategies would do, and what the search finds, each simulated.

use crate::identifiers::WorkerId;
use crate::plan::Plan;
use crate::strategy::socrates::beam::Beam;
use crate::strategy::socrates::evaluate::{Evaluator, Subject, plan_of};
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
    /// What its requests really took.
    pub(super) seen: Seen,
}

impl Candidate {
    pub(super) fn new(plan: Plan, alone_ns: u64) -> Self {
        let mut workers: Vec<WorkerId> = plan.segments().iter().filter_map(|segment| segment.worker).collect();
        workers.sort_unstable();
        workers.dedup();
        Self { plan, workers, alone_ns, seen: Seen::default() }
    }

    /// Whether several workers have to do with each other.
    pub(super) fn shares_work(&self) -> bool {
        self.workers.len() > 1
    }
}

/// Strategies whose plans are tried too.
const OTHERS: [&str; 8] =
    ["cpu", "gpu", "gpu[fallback=operator]", "npu", "npu[fallback=operator]", "heft", "codl[sync_us=auto]", "split"];

/// Partial plans kept by the search of a first plan.
pub(super) const WIDTH: usize = 24;

/// Kernels that improving a plan may simulate.
const IMPROVEMENT_KERNELS: u64 = 25_000;

/// Candidates that are kept.
const MOST_KEPT: usize = 8;

/// What may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) splits: bool,
    pub(super) others: bool,
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
    let mut add = |plan: Plan, evaluator: &mut Evaluator<'_>| {
        if let Some(alone_ns) = evaluator.alone_ns(subject, &plan)
            && !found.iter().any(|known| known.plan == plan)
        {
            found.push(Candidate::new(plan, alone_ns));
        }
    };
    for worker in view.device.worker_ids() {
        if job.tasks.tasks().all(|task| job.costs.supports(task, worker)) {
            add(solo(job, worker), evaluator);
        }
    }
    if allowed.others {
        for other in OTHERS.iter().filter(|name| allowed.splits || !name.starts_with("codl") && !name.starts_with("split")) {
            if let Some(plan) = registry::build(other).ok().and_then(|mut strategy| strategy.plan(job, view).ok()) {
                add(plan, evaluator);
            }
        }
    }
    let options = if allowed.splits { Options::of(job.tasks, job.costs, view.device) } else { Options::whole_only(job.tasks) };
    if let Some(choices) = Beam::new(view.device, job.tasks, job.costs, &options, WIDTH).search() {
        let (choices, _) = improve(choices, subject, &view.device.worker_ids().collect::<Vec<_>>(), &options, evaluator);
        add(plan_of(&choices, job.tasks), evaluator);
    }
    found.sort_by_key(|candidate| candidate.alone_ns);
    found.truncate(MOST_KEPT);
    found
}

/// All tasks on one worker.
pub(super) fn solo(job: &Job<'_>, worker: WorkerId) -> Plan {
    let mut plan = Plan::new();
    plan.segment(Some(worker), job.tasks.tasks());
    plan
}

/// Changes a plan step by step as long as that makes it faster: moves runs of tasks on one worker to others, moves their ends, and
/// takes shared tasks whole or whole ones shared.
pub(super) fn improve(
    mut choices: Vec<Choice>,
    subject: Subject<'_>,
    workers: &[WorkerId],
    options: &Options,
    evaluator: &mut Evaluator<'_>,
) -> (Vec<Choice>, Option<u64>) {
    let limit = evaluator.kernels + IMPROVEMENT_KERNELS;
    let mut best_ns = evaluator.alone_ns(subject, &plan_of(&choices, subject.tasks));
    let mut again = true;
    while again && evaluator.kernels < limit {
        again = false;
        let mut begin = 0;
        while begin < choices.len() && evaluator.kernels < limit {
            let mut end = begin + 1;
            while end < choices.len() && choices[end] == choices[begin] {
                end += 1;
            }
            for (range, choice) in moves(&choices, begin, end, workers, options) {
                let supported = |task: usize| match choice {
                    Choice::Whole(worker) => subject.costs.supports(crate::identifiers::TaskId::from_index(task), worker),
                    Choice::Shared(_) => true,
                };
                if evaluator.kernels >= limit || !range.clone().all(supported) {
                    continue;
                }
                let before = choices[range.clone()].to_vec();
                choices[range.clone()].fill(choice);
                let changed_ns = evaluator.alone_ns(subject, &plan_of(&choices, subject.tasks));
                if changed_ns.is_some_and(|changed_ns| best_ns.is_none_or(|best_ns| changed_ns < best_ns)) {
                    (best_ns, again) = (changed_ns, true);
                } else {
                    choices[range].copy_from_slice(&before);
                }
            }
            begin = end;
        }
    }
    (choices, best_ns)
}

/// What can be done with the run `begin..end`.
fn moves(
    choices: &[Choice],
    begin: usize,
    end: usize,
    workers: &[WorkerId],
    options: &Options,
) -> Vec<(std::ops::Range<usize>, Choice)> {
    let mut moves = Vec::new();
    let now = choices[begin];
    for &worker in workers {
        let choice = Choice::Whole(worker);
        if choice != now {
            moves.push((begin..end, choice));
            if end - begin > 2 {
                moves.push((begin..begin + 1, choice));
                moves.push((end - 1..end, choice));
            }
        }
    }
    // Its ends become part of the neighbours'.
    if let Some(after) = choices.get(end).filter(|after| matches!(after, Choice::Whole(_))) {
        moves.push((end - 1..end, *after));
    }
    for task in begin..end {
        for shared in options.shared.get(task).into_iter().flatten() {
            let choice = Choice::Shared(shared.halves);
            if choice != now {
                moves.push((task..task + 1, choice));
            }
        }
    }
    moves
}
