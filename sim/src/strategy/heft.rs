//! `heft`: heterogeneous earliest finish time.
//!
//! Source: Topcuoglu, Hariri and Wu, IEEE TPDS 13(3), 2002.
//! Rule: `rank(i) = mean cost(i) + max over successors s of (mean transfer(i, s) + rank(s))`; tasks in descending rank, ties in
//! topological order; each goes to the worker on which it finishes earliest, in the earliest idle slot that is long enough.
//! Ignores: contention for bandwidth, invocation costs, other requests, whatever changes at run time.

use crate::identifiers::{MemoryId, TaskId, WorkerId};
use crate::plan::{Plan, PlanError};
use crate::platform::Device;
use crate::strategy::parameters::{Parameter, ParameterKind, worker_named};
use crate::strategy::registry::Entry;
use crate::strategy::{DeviceView, Job, Strategy};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "heft",
    summary: "list scheduling: each operator where it is expected to finish earliest",
    accelerator: None,
    parameters: &[Parameter {
        name: "workers",
        kind: ParameterKind::Workers,
        default: "auto",
        summary: "workers joined by `+`; `auto` takes the accelerators and the whole of each CPU cluster",
    }],
    build: |parameters| Ok(Box::new(Heft { workers: parameters.names("workers") })),
};

/// The HEFT strategy.
#[derive(Clone, Debug, Default)]
pub struct Heft {
    workers: Vec<String>,
}

impl Strategy for Heft {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let workers = if self.workers.is_empty() {
            independent_workers(view.device)
        } else {
            let named = |name: &String| worker_named(ENTRY.name, view.device, name);
            self.workers.iter().map(named).collect::<Result<_, _>>()?
        };
        schedule(job, view.device, &workers)
    }
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

const NEVER: u64 = u64::MAX;

/// Transfer times between the chosen workers, ready for the inner loop.
struct Transfers {
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

    #[inline]
    fn ns(&self, from: Option<u32>, to: usize, bytes: u64) -> u64 {
        let (latency_ns, ns_per_byte) = match from {
            Some(from) => self.pair[from as usize * self.count + to],
            None => self.host[to],
        };
        latency_ns + (bytes as f64 * ns_per_byte) as u64
    }
}

fn schedule(job: &Job<'_>, device: &Device, workers: &[WorkerId]) -> Result<Plan, PlanError> {
    let transfers = Transfers::between(device, workers);
    let count = job.tasks.task_count();
    let mut duration_ns = Vec::with_capacity(count * workers.len());
    for task in job.tasks.tasks() {
        duration_ns.extend(workers.iter().map(|&worker| job.costs.duration_ns(task, worker).unwrap_or(NEVER)));
    }
    let order = descending_rank(job, &transfers, &duration_ns, workers.len())?;
    let mut timelines = vec![Timeline::default(); workers.len()];
    let mut finish_ns = vec![0u64; count];
    let mut place = vec![0u32; count];
    for &task in &order {
        let mut best = (NEVER, NEVER, 0, 0);
        for (index, timeline) in timelines.iter().enumerate() {
            let duration_ns = duration_ns[task.index() * workers.len() + index];
            if duration_ns == NEVER {
                continue;
            }
            let mut ready_ns = 0;
            for &data in job.tasks.inputs(task) {
                let bytes = job.tasks.bytes(data);
                let arrival_ns = match job.tasks.producer(data) {
                    None => transfers.ns(None, index, bytes),
                    Some(from) if place[from.index()] as usize == index => finish_ns[from.index()],
                    Some(from) => finish_ns[from.index()].saturating_add(transfers.ns(Some(place[from.index()]), index, bytes)),
                };
                ready_ns = ready_ns.max(arrival_ns);
            }
            let (start, position) = timeline.earliest(ready_ns, duration_ns);
            let end = start.saturating_add(duration_ns);
            if end < best.0 {
                best = (end, start, index, position);
            }
        }
        let (end, start, index, position) = best;
        timelines[index].slots.insert(position, Slot { start_ns: start, end_ns: end, task });
        finish_ns[task.index()] = end;
        place[task.index()] = index as u32;
    }
    Ok(plan_of(workers, &timelines, &order))
}

fn descending_rank(job: &Job<'_>, transfers: &Transfers, duration_ns: &[u64], workers: usize) -> Result<Vec<TaskId>, PlanError> {
    let mut rank = vec![0.0f64; job.tasks.task_count()];
    for task in job.tasks.tasks().rev() {
        let possible = duration_ns[task.index() * workers..][..workers].iter().filter(|&&duration_ns| duration_ns != NEVER);
        let (sum_ns, possible) = possible.fold((0.0, 0u32), |(sum, count), &duration_ns| (sum + duration_ns as f64, count + 1));
        if possible == 0 {
            return Err(PlanError::Unplaceable { strategy: ENTRY.name.to_owned(), task: task.0 });
        }
        let mut tail = 0.0f64;
        for &data in job.tasks.made(task) {
            let transfer_ns = transfers.mean_latency_ns + job.tasks.bytes(data) as f64 * transfers.mean_ns_per_byte;
            for &reader in job.tasks.readers(data) {
                tail = tail.max(rank[reader.index()] + transfer_ns);
            }
        }
        rank[task.index()] = tail + sum_ns / f64::from(possible);
    }
    let mut order: Vec<TaskId> = job.tasks.tasks().collect();
    order.sort_by(|one, other| rank[other.index()].total_cmp(&rank[one.index()]));
    Ok(order)
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
