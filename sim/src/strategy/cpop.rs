//! `cpop`: critical path on a processor.
//!
//! Source: Topcuoglu, Hariri and Wu, IEEE TPDS 13(3), 2002.
//! Rule: `priority(i)` = longest path through task `i` (mean costs, mean transfers). The tasks of the longest path all go to the one
//! worker that runs them in the least total time; the ready task of highest priority is placed next, those off the path where they
//! finish earliest, in idle slots that are long enough.
//! Ignores: contention for bandwidth, invocation costs, other requests, whatever changes at run time.

use crate::identifiers::TaskId;
use crate::plan::{Plan, PlanError};
use crate::strategy::list::{NEVER, Scheduler, WORKERS, workers_of};
use crate::strategy::registry::Entry;
use crate::strategy::{DeviceView, Job, Strategy};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "cpop",
    summary: "list scheduling: the critical path on one worker, the rest where it finishes earliest",
    granularity: "operator",
    optimises: "the critical path, on one processor",
    ignores: "bandwidth, invocations, what segments save, other requests, load",
    accelerator: None,
    parameters: &[WORKERS],
    build: |parameters| Ok(Box::new(Cpop { workers: parameters.names("workers") })),
};

/// The CPOP strategy.
#[derive(Clone, Debug, Default)]
pub struct Cpop {
    workers: Vec<String>,
}

impl Cpop {
    /// On the workers of these names; on all that never compete for a core if there are none.
    pub fn on(workers: Vec<String>) -> Self {
        Self { workers }
    }
}

impl Strategy for Cpop {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let workers = workers_of(ENTRY.name, &self.workers, view.device)?;
        let mut scheduler = Scheduler::new(ENTRY.name, job, view.device, &workers)?;
        let upward = scheduler.rank_upward();
        let downward = rank_downward(&scheduler);
        let priority: Vec<f64> = upward.iter().zip(&downward).map(|(up, down)| up + down).collect();
        let mut critical = vec![false; priority.len()];
        let path = critical_path(&scheduler, &priority);
        for task in &path {
            critical[task.index()] = true;
        }
        // The worker of least total; where a worker cannot run some of the path, those tasks are placed like all others.
        let total = |index: usize| {
            let able = path.iter().map(|&task| scheduler.durations_ns(task)[index]).filter(|&ns| ns != NEVER);
            let (count, sum_ns) = able.fold((0usize, 0u64), |(count, sum), ns| (count + 1, sum.saturating_add(ns)));
            (path.len() - count, sum_ns)
        };
        let of_path = (0..workers.len()).min_by_key(|&index| total(index));
        let order = scheduler.by_priority(&priority, |scheduler, task| {
            let pinned = of_path.filter(|_| critical[task.index()]).and_then(|index| scheduler.earliest(task, index));
            pinned.or_else(|| scheduler.places(task).map(|(_, place)| place).min_by_key(|place| place.end_ns))
        });
        Ok(scheduler.plan(&order))
    }
}

/// Longest path from the start to each task, without the task itself: mean durations and mean transfers.
fn rank_downward(scheduler: &Scheduler<'_>) -> Vec<f64> {
    let tasks = scheduler.job.tasks;
    let mut rank = vec![0.0f64; tasks.task_count()];
    for task in tasks.tasks() {
        let from = rank[task.index()] + scheduler.mean_ns(task);
        for &data in tasks.made(task) {
            let reached = from + scheduler.transfers.mean_ns(tasks.bytes(data));
            for &reader in tasks.readers(data) {
                rank[reader.index()] = rank[reader.index()].max(reached);
            }
        }
    }
    rank
}

/// From the entry task of highest priority on, always the successor of highest priority: along a longest path priorities are equal.
fn critical_path(scheduler: &Scheduler<'_>, priority: &[f64]) -> Vec<TaskId> {
    let tasks = scheduler.job.tasks;
    let highest = |candidates: &mut dyn Iterator<Item = TaskId>| {
        candidates.fold(None, |best: Option<TaskId>, task| match best {
            // A little less is equal: sums along different ways are rounded differently.
            Some(best) if priority[task.index()] <= priority[best.index()] * (1.0 + 1e-12) => Some(best),
            _ => Some(task),
        })
    };
    let mut path = Vec::new();
    let mut next = highest(&mut tasks.tasks().filter(|&task| tasks.predecessors(task).next().is_none()));
    while let Some(task) = next {
        path.push(task);
        next = highest(&mut tasks.successors(task));
    }
    path
}
