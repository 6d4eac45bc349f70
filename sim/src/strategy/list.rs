//! What the list schedulers (`heft`, `cpop`, `peft`) share: tasks, one after the other, each put in an idle slot of a worker.
//!
//! All three ignore contention for bandwidth, invocation costs, what segments save, other requests, and whatever changes at run time.

use crate::identifiers::{MemoryId, TaskId, WorkerId};
use crate::plan::{Plan, PlanError};
use crate::platform::Device;
use crate::strategy::Job;
use crate::strategy::parameters::{Parameter, ParameterKind, worker_named};

/// In place of a duration: the worker cannot run the task.
pub(super) const NEVER: u64 = u64::MAX;

/// The parameter that names the workers to schedule on.
pub(super) const WORKERS: Parameter = Parameter {
    name: "workers",
    kind: ParameterKind::Workers,
    default: "auto",
    summary: "workers joined by `+`; `auto` takes the accelerators and the whole of each CPU cluster",
};

/// The workers of [`WORKERS`]: those named, else [`independent_workers`].
pub(super) fn workers_of(strategy: &str, named: &[String], device: &Device) -> Result<Vec<WorkerId>, PlanError> {
    if named.is_empty() {
        return Ok(independent_workers(device));
    }
    named.iter().map(|name| worker_named(strategy, device, name)).collect()
}

/// Workers that never compete for a core: the largest gangs within one processor first.
pub(super) fn independent_workers(device: &Device) -> Vec<WorkerId> {
    let mut candidates: Vec<WorkerId> = device.worker_ids().collect();
    candidates.sort_by_key(|&id| {
        let worker = device.worker(id);
        (worker.demands.len(), std::cmp::Reverse(worker.threads()), id)
    });
    let mut chosen: Vec<WorkerId> = Vec::new();
    for candidate in candidates {
        if !chosen.iter().any(|&other| device.conflict(candidate, other)) {
            chosen.push(candidate);
        }
    }
    chosen.sort_unstable();
    chosen
}

/// Transfer times between the chosen workers, ready for the inner loop.
pub(super) struct Transfers {
    count: usize,
    /// `(latency_ns, ns_per_byte)` from worker to worker; zero within one memory.
    pair: Vec<(u64, f64)>,
    /// The same from the host's memory to each worker.
    host: Vec<(u64, f64)>,
    mean_latency_ns: f64,
    mean_ns_per_byte: f64,
}

impl Transfers {
    fn between(device: &Device, workers: &[WorkerId]) -> Self {
        let memory = |worker: WorkerId| device.worker(worker).memory;
        let line = |from: MemoryId, to: MemoryId| {
            device.route(from, to).map_or((0, 0.0), |link| {
                let link = device.link(link);
                (link.fixed_ns + link.synchronization_ns, link.ns_per_byte + 1e9 / link.bytes_per_second)
            })
        };
        let pair: Vec<_> =
            workers.iter().flat_map(|&from| workers.iter().map(move |&to| line(memory(from), memory(to)))).collect();
        let ordered_pairs = (workers.len() * workers.len().saturating_sub(1)).max(1) as f64;
        Self {
            count: workers.len(),
            mean_latency_ns: pair.iter().map(|&(latency_ns, _)| latency_ns as f64).sum::<f64>() / ordered_pairs,
            mean_ns_per_byte: pair.iter().map(|&(_, ns_per_byte)| ns_per_byte).sum::<f64>() / ordered_pairs,
            host: workers.iter().map(|&to| line(device.host(), memory(to))).collect(),
            pair,
        }
    }

    /// Expected time to bring bytes from a worker (`None`: from where requests arrive) to another.
    #[inline]
    pub(super) fn ns(&self, from: Option<u32>, to: usize, bytes: u64) -> u64 {
        let (latency_ns, ns_per_byte) = match from {
            Some(from) => self.pair[from as usize * self.count + to],
            None => self.host[to],
        };
        latency_ns + (bytes as f64 * ns_per_byte) as u64
    }

    /// Mean over the ordered pairs of different workers.
    #[inline]
    pub(super) fn mean_ns(&self, bytes: u64) -> f64 {
        self.mean_latency_ns + bytes as f64 * self.mean_ns_per_byte
    }
}

/// Where on a worker a task would run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) end_ns: u64,
    start_ns: u64,
    index: usize,
    position: usize,
}

/// A schedule that grows task by task, in any order in which a task comes after those it reads from.
pub(super) struct Scheduler<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) workers: &'a [WorkerId],
    pub(super) transfers: Transfers,
    /// `duration_ns[task * workers + worker]`; [`NEVER`] where it cannot run.
    duration_ns: Vec<u64>,
    timelines: Vec<Timeline>,
    finish_ns: Vec<u64>,
    place: Vec<u32>,
}

impl<'a> Scheduler<'a> {
    /// Nothing scheduled yet; an error names a task that none of the workers can run.
    pub(super) fn new(strategy: &str, job: &'a Job<'a>, device: &Device, workers: &'a [WorkerId]) -> Result<Self, PlanError> {
        let count = job.tasks.task_count();
        let mut duration_ns = Vec::with_capacity(count * workers.len());
        for task in job.tasks.tasks() {
            let first = duration_ns.len();
            duration_ns.extend(workers.iter().map(|&worker| job.costs.duration_ns(task, worker).unwrap_or(NEVER)));
            if duration_ns[first..].iter().all(|&ns| ns == NEVER) {
                return Err(PlanError::Unplaceable { strategy: strategy.to_owned(), task: task.0 });
            }
        }
        Ok(Self {
            job,
            workers,
            transfers: Transfers::between(device, workers),
            duration_ns,
            timelines: vec![Timeline::default(); workers.len()],
            finish_ns: vec![0; count],
            place: vec![0; count],
        })
    }

    /// Durations of a task, one a worker; [`NEVER`] where it cannot run.
    #[inline]
    pub(super) fn durations_ns(&self, task: TaskId) -> &[u64] {
        &self.duration_ns[task.index() * self.workers.len()..][..self.workers.len()]
    }

    /// Mean duration of a task over the workers that can run it.
    pub(super) fn mean_ns(&self, task: TaskId) -> f64 {
        let possible = self.durations_ns(task).iter().filter(|&&duration_ns| duration_ns != NEVER);
        let (sum_ns, possible) = possible.fold((0.0, 0u32), |(sum, count), &duration_ns| (sum + duration_ns as f64, count + 1));
        sum_ns / f64::from(possible)
    }

    /// Longest path from the start of each task to the end: mean durations and mean transfers.
    pub(super) fn rank_upward(&self) -> Vec<f64> {
        let tasks = self.job.tasks;
        let mut rank = vec![0.0f64; tasks.task_count()];
        for task in tasks.tasks().rev() {
            let mut tail = 0.0f64;
            for &data in tasks.made(task) {
                let transfer_ns = self.transfers.mean_ns(tasks.bytes(data));
                for &reader in tasks.readers(data) {
                    tail = tail.max(rank[reader.index()] + transfer_ns);
                }
            }
            rank[task.index()] = tail + self.mean_ns(task);
        }
        rank
    }

    /// Where a task would finish on one worker, in the earliest idle slot that is long enough; `None` where it cannot run.
    #[inline]
    pub(super) fn earliest(&self, task: TaskId, index: usize) -> Option<Place> {
        let duration_ns = self.duration_ns[task.index() * self.workers.len() + index];
        if duration_ns == NEVER {
            return None;
        }
        let tasks = self.job.tasks;
        let mut ready_ns = 0;
        for &data in tasks.inputs(task) {
            let bytes = tasks.bytes(data);
            let arrival_ns = match tasks.producer(data) {
                None => self.transfers.ns(None, index, bytes),
                Some(from) if self.place[from.index()] as usize == index => self.finish_ns[from.index()],
                Some(from) => {
                    let transfer_ns = self.transfers.ns(Some(self.place[from.index()]), index, bytes);
                    self.finish_ns[from.index()].saturating_add(transfer_ns)
                }
            };
            ready_ns = ready_ns.max(arrival_ns);
        }
        let (start_ns, position) = self.timelines[index].earliest(ready_ns, duration_ns);
        Some(Place { end_ns: start_ns.saturating_add(duration_ns), start_ns, index, position })
    }

    /// Where a task would finish on each worker that can run it.
    pub(super) fn places(&self, task: TaskId) -> impl Iterator<Item = (usize, Place)> {
        (0..self.workers.len()).filter_map(move |index| self.earliest(task, index).map(|place| (index, place)))
    }

    /// Puts a task where it would finish earliest; of equal places the first worker's.
    #[inline]
    pub(super) fn put_earliest(&mut self, task: TaskId) {
        let mut best: Option<Place> = None;
        for index in 0..self.workers.len() {
            if let Some(place) = self.earliest(task, index)
                && best.is_none_or(|best| place.end_ns < best.end_ns)
            {
                best = Some(place);
            }
        }
        self.put(task, best.expect("checked at the start: some worker can run it"));
    }

    /// Puts a task in its place.
    #[inline]
    pub(super) fn put(&mut self, task: TaskId, place: Place) {
        let slot = Slot { start_ns: place.start_ns, end_ns: place.end_ns, task };
        self.timelines[place.index].slots.insert(place.position, slot);
        self.finish_ns[task.index()] = place.end_ns;
        self.place[task.index()] = place.index as u32;
    }

    /// Puts every task, the ready one of highest priority first, of equal ones the earlier in topological order.
    pub(super) fn by_priority(
        &mut self,
        priority: &[f64],
        mut choose: impl FnMut(&Self, TaskId) -> Option<Place>,
    ) -> Vec<TaskId> {
        let tasks = self.job.tasks;
        let mut missing: Vec<usize> = tasks.tasks().map(|task| tasks.predecessors(task).count()).collect();
        let mut ready: Vec<TaskId> = tasks.tasks().filter(|task| missing[task.index()] == 0).collect();
        let mut order = Vec::with_capacity(missing.len());
        let first = |one: TaskId, other: TaskId| priority[other.index()].total_cmp(&priority[one.index()]).then(one.cmp(&other));
        while let Some(at) = (0..ready.len()).min_by(|&one, &other| first(ready[one], ready[other])) {
            let task = ready.swap_remove(at);
            let place = choose(self, task).expect("checked at the start: some worker can run it");
            self.put(task, place);
            order.push(task);
            for next in tasks.successors(task) {
                missing[next.index()] -= 1;
                if missing[next.index()] == 0 {
                    ready.push(next);
                }
            }
        }
        order
    }

    /// The schedule as a plan; `order` is the order in which tasks were put.
    pub(super) fn plan(&self, order: &[TaskId]) -> Plan {
        plan_of(self.workers, &self.timelines, order)
    }
}

/// Busy slots of one worker, by start.
#[derive(Clone, Debug, Default)]
struct Timeline {
    slots: Vec<Slot>,
}

/// A planned run of a task.
#[derive(Clone, Copy, Debug)]
struct Slot {
    start_ns: u64,
    end_ns: u64,
    task: TaskId,
}

impl Timeline {
    /// Earliest start from `ready_ns` on with room for `duration_ns`, and where to insert it.
    #[inline]
    fn earliest(&self, ready_ns: u64, duration_ns: u64) -> (u64, usize) {
        let mut position = self.slots.partition_point(|slot| slot.start_ns <= ready_ns);
        let mut start = ready_ns;
        if position > 0 {
            start = start.max(self.slots[position - 1].end_ns);
        }
        while position < self.slots.len() && self.slots[position].start_ns < start.saturating_add(duration_ns) {
            start = start.max(self.slots[position].end_ns);
            position += 1;
        }
        (start, position)
    }
}

/// One segment a task in order of planned start: a topological order, since a task starts when its predecessors have ended.
///
/// Only tasks of no duration can start with their predecessors; then the order of ranks decides among equal starts.
fn plan_of(workers: &[WorkerId], timelines: &[Timeline], by_rank: &[TaskId]) -> Plan {
    let mut plan = Plan::with_capacity(by_rank.len());
    plan.sequenced = true;
    let slots =
        || timelines.iter().zip(workers).flat_map(|(timeline, &worker)| timeline.slots.iter().map(move |slot| (slot, worker)));
    if slots().any(|(slot, _)| slot.start_ns == slot.end_ns) {
        let mut rank = vec![0u32; by_rank.len()];
        for (position, task) in by_rank.iter().enumerate() {
            rank[task.index()] = position as u32;
        }
        let mut all: Vec<(&Slot, WorkerId)> = slots().collect();
        all.sort_unstable_by_key(|(slot, _)| (slot.start_ns, rank[slot.task.index()]));
        for (slot, worker) in all {
            plan.segment(Some(worker), [slot.task]);
        }
        return plan;
    }
    let mut heads: Vec<_> = timelines.iter().map(|timeline| timeline.slots.iter().peekable()).collect();
    let next = |heads: &mut Vec<std::iter::Peekable<std::slice::Iter<'_, Slot>>>| {
        let starts = heads.iter_mut().enumerate().filter_map(|(index, head)| head.peek().map(|slot| (slot.start_ns, index)));
        let (_, index) = starts.min()?;
        heads[index].next().map(|slot| (slot.task, workers[index]))
    };
    while let Some((task, worker)) = next(&mut heads) {
        plan.segment(Some(worker), [task]);
    }
    plan
}
