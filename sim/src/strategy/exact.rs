//! `exact`: the shortest schedule of one request, for small models.
//!
//! Source: the usual mixed-integer formulation of scheduling dependent tasks on unrelated processors with communication (see
//! `milp`), solved by branch and bound.
//! Rule: of all placements of whole tasks and all orders on each worker, one of least length. The search starts from the best of
//! `heft`, `cpop` and `peft` and ends where nothing shorter is left. Tasks that only feed the next one on the same worker share its
//! segment, which can only save. Models of more than [`LARGEST`] tasks, and searches of more than `nodes` nodes, are refused.
//! Ignores: contention for bandwidth, copies that occupy a worker, invocation costs and what segments save (in the search), splits,
//! other requests, whatever changes at run time.

use crate::identifiers::{TaskId, WorkerId};
use crate::milp::{Instance, Unsolved};
use crate::plan::{Plan, PlanError};
use crate::strategy::list::{WORKERS, workers_of};
use crate::strategy::parameters::{Parameter, ParameterKind};
use crate::strategy::registry::Entry;
use crate::strategy::{Cpop, DeviceView, Heft, Job, Peft, Strategy};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "exact",
    summary: "the shortest schedule of a small model, by mixed-integer programming",
    granularity: "operator",
    optimises: "latency of one inference, exactly",
    ignores: "bandwidth, blocking copies, invocations, shared operators, load; models of more than 12 tasks",
    accelerator: None,
    parameters: &[
        WORKERS,
        Parameter {
            name: "nodes",
            kind: ParameterKind::Plain,
            default: "20000",
            summary: "most nodes of the search; beyond, no plan is found",
        },
    ],
    build: |parameters| {
        Ok(Box::new(Exact { workers: parameters.names("workers"), nodes: u64::from(parameters.number("nodes", 1)?) }))
    },
};

/// Most tasks of a model.
const LARGEST: usize = 12;

struct Exact {
    workers: Vec<String>,
    nodes: u64,
}

/// Tasks in order of start, each with the index of its worker.
type Sequence = Vec<(TaskId, usize)>;

impl Strategy for Exact {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let not_found = |why: String| PlanError::NotFound { strategy: ENTRY.name.to_owned(), why };
        let count = job.tasks.task_count();
        if count > LARGEST {
            return Err(not_found(format!("`{}` has {count} tasks, at most {LARGEST} are searched", job.name)));
        }
        let workers = workers_of(ENTRY.name, &self.workers, view.device)?;
        if let Some((one, other)) = conflicting(&workers, view) {
            let (one, other) = (&view.device.worker(one).name, &view.device.worker(other).name);
            return Err(not_found(format!("workers `{one}` and `{other}` compete for cores")));
        }
        let durations = job.tasks.tasks().flat_map(|task| workers.iter().map(move |&worker| job.costs.duration_ns(task, worker)));
        let instance = Instance::new(job, view.device, workers.clone(), durations.collect());
        let mut best = self.listed(job, view, &instance)?;
        // A length just below the best known is asked for; times are whole nanoseconds.
        let wanted_ns = best.0.saturating_sub(1);
        let bound = crate::bounds::LowerBounds::of(job, view.device);
        let is_open = bound.is_none_or(|bound| wanted_ns >= bound.critical_path_ns) && wanted_ns > 0;
        if is_open {
            match instance.shortest(wanted_ns, self.nodes) {
                Ok(solved) => {
                    let mut tasks: Vec<TaskId> = job.tasks.tasks().collect();
                    tasks.sort_by(|one, other| solved.start[one.index()].total_cmp(&solved.start[other.index()]));
                    let sequence = topological(job, &tasks, &solved.before)
                        .into_iter()
                        .map(|task| (task, solved.placed[task.index()]))
                        .collect();
                    let found = (length_ns(&instance, &sequence), sequence);
                    best = if found.0 < best.0 { found } else { best };
                }
                Err(Unsolved::NothingShorter) => {}
                Err(Unsolved::GivenUp) => {
                    return Err(not_found(format!("the search for `{}` was given up after {} nodes", job.name, self.nodes)));
                }
            }
        }
        Ok(plan(job, &workers, &best.1))
    }
}

impl Exact {
    /// The best of the list schedulers: length and sequence.
    fn listed(&self, job: &Job<'_>, view: &DeviceView<'_>, instance: &Instance<'_>) -> Result<(u64, Sequence), PlanError> {
        let workers = || self.workers.clone();
        let strategies: [Box<dyn Strategy>; 3] =
            [Box::new(Heft::on(workers())), Box::new(Cpop::on(workers())), Box::new(Peft::on(workers()))];
        let mut best: Option<(u64, Sequence)> = None;
        for mut strategy in strategies {
            let plan = strategy.plan(job, view)?;
            let index = |worker: Option<WorkerId>| instance.workers.iter().position(|&known| Some(known) == worker).unwrap_or(0);
            let pieces = plan.segments().iter().zip(plan.all_pieces());
            let sequence: Sequence = pieces.map(|(segment, piece)| (piece.task, index(segment.worker))).collect();
            let length = length_ns(instance, &sequence);
            if best.as_ref().is_none_or(|best| length < best.0) {
                best = Some((length, sequence));
            }
        }
        Ok(best.expect("three were tried"))
    }
}

fn conflicting(workers: &[WorkerId], view: &DeviceView<'_>) -> Option<(WorkerId, WorkerId)> {
    let pairs = workers.iter().enumerate().flat_map(|(at, &one)| workers[at + 1..].iter().map(move |&other| (one, other)));
    pairs.into_iter().find(|&(one, other)| one == other || view.device.conflict(one, other))
}

/// The order that keeps as close to `wanted` as dependencies and `before` allow: tasks of no duration start with those they wait for.
fn topological(job: &Job<'_>, wanted: &[TaskId], before: &[(TaskId, TaskId)]) -> Vec<TaskId> {
    let mut missing: Vec<usize> = job.tasks.tasks().map(|task| job.tasks.predecessors(task).count()).collect();
    let mut left = wanted.to_vec();
    let mut order: Vec<TaskId> = Vec::with_capacity(left.len());
    loop {
        let waits = |task: TaskId| before.iter().any(|&(one, other)| other == task && !order.contains(&one));
        let ready = |task: &TaskId| missing[task.index()] == 0;
        let next = left.iter().position(|task| ready(task) && !waits(*task)).or_else(|| left.iter().position(ready));
        let Some(at) = next else { return order };
        let task = left.remove(at);
        for next in job.tasks.successors(task) {
            missing[next.index()] -= 1;
        }
        order.push(task);
    }
}

/// Length of a sequence: each task as soon as its worker is free and its inputs are there, outputs back at the host.
fn length_ns(instance: &Instance<'_>, sequence: &Sequence) -> u64 {
    let (tasks, host) = (instance.tasks, instance.device.host());
    let mut free_ns = vec![0u64; instance.workers.len()];
    let mut made: Vec<(u64, usize)> = vec![(0, 0); tasks.task_count()];
    let mut length_ns = 0;
    for &(task, worker) in sequence {
        let here = instance.memory(worker);
        let ready = tasks.inputs(task).iter().map(|&data| match tasks.producer(data) {
            None => instance.copy(data, host, here),
            Some(from) => {
                let (end_ns, place) = made[from.index()];
                end_ns.saturating_add(instance.copy(data, instance.memory(place), here))
            }
        });
        let start_ns = ready.max().unwrap_or(0).max(free_ns[worker]);
        let end_ns = start_ns.saturating_add(instance.duration(task, worker).unwrap_or(u64::MAX));
        free_ns[worker] = end_ns;
        made[task.index()] = (end_ns, worker);
        let outputs = tasks.made(task).iter().filter(|&&data| tasks.is_output(data));
        let back_ns = outputs.map(|&data| instance.copy(data, here, host)).max().unwrap_or(0);
        length_ns = length_ns.max(end_ns.saturating_add(back_ns));
    }
    length_ns
}

/// A plan of the sequence; a task joins the segment of the one before it on its worker if it alone reads what that makes, and
/// reads nothing else: then neither waits for the other.
fn plan(job: &Job<'_>, workers: &[WorkerId], sequence: &Sequence) -> Plan {
    let tasks = job.tasks;
    let mut segments: Vec<(usize, Vec<TaskId>)> = Vec::new();
    let mut last: Vec<Option<usize>> = vec![None; workers.len()];
    for &(task, worker) in sequence {
        let joins = last[worker].filter(|&segment| {
            let before = *segments[segment].1.last().expect("a segment has a task");
            let feeds_only = tasks.made(before).iter().all(|&data| !tasks.is_output(data) && tasks.readers(data) == [task]);
            let reads_only = tasks.inputs(task).iter().all(|&data| tasks.producer(data) == Some(before));
            feeds_only && reads_only && !tasks.inputs(task).is_empty()
        });
        if let Some(segment) = joins {
            segments[segment].1.push(task);
        } else {
            last[worker] = Some(segments.len());
            segments.push((worker, vec![task]));
        }
    }
    let mut plan = Plan::new();
    plan.sequenced = true;
    for (worker, tasks) in segments {
        plan.segment(Some(workers[worker]), tasks);
    }
    plan
}
