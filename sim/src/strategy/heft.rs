//! `heft`: heterogeneous earliest finish time.
//!
//! Source: Topcuoglu, Hariri and Wu, IEEE TPDS 13(3), 2002.
//! Rule: `rank(i) = mean cost(i) + max over successors s of (mean transfer(i, s) + rank(s))`; tasks in descending rank, ties in
//! topological order; each goes to the worker on which it finishes earliest, in the earliest idle slot that is long enough.
//! Ignores: contention for bandwidth, invocation costs, other requests, whatever changes at run time.

use crate::identifiers::TaskId;
use crate::plan::{Plan, PlanError};
use crate::strategy::list::{Scheduler, WORKERS, workers_of};
use crate::strategy::registry::Entry;
use crate::strategy::{DeviceView, Job, Strategy};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "heft",
    summary: "list scheduling: each operator where it is expected to finish earliest",
    granularity: "operator",
    optimises: "the end of each operator, by rank",
    ignores: "bandwidth, invocations, what segments save, other requests, load",
    accelerator: None,
    parameters: &[WORKERS],
    build: |parameters| Ok(Box::new(Heft { workers: parameters.names("workers") })),
};

/// The HEFT strategy.
#[derive(Clone, Debug, Default)]
pub struct Heft {
    workers: Vec<String>,
}

impl Heft {
    /// On the workers of these names; on all that never compete for a core if there are none.
    pub fn on(workers: Vec<String>) -> Self {
        Self { workers }
    }
}

impl Strategy for Heft {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let workers = workers_of(ENTRY.name, &self.workers, view.device)?;
        let mut scheduler = Scheduler::new(ENTRY.name, job, view.device, &workers)?;
        let rank = scheduler.rank_upward();
        let mut order: Vec<TaskId> = job.tasks.tasks().collect();
        order.sort_by(|one, other| rank[other.index()].total_cmp(&rank[one.index()]));
        for &task in &order {
            scheduler.put_earliest(task);
        }
        Ok(scheduler.plan(&order))
    }
}
