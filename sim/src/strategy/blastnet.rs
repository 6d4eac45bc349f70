//! `blastnet`: models cut into blocks; at run time blocks of different models alternate on the processors.
//!
//! Source: Ling et al., "`BlastNet`: exploiting duo-blocks for cross-processor real-time DNN inference", `SenSys` 2022 (abstract).
//! Rule: each model is cut into at most `blocks` blocks of about equal time, each of which can run on any worker that supports it (the
//! paper searches a CPU and a GPU variant of each by training; here both run the same operators). A free worker takes the next block
//! of the model that was served longest ago, of equals of the one with the least time to its deadline, unless the block would end
//! sooner elsewhere, copies counted.
//! Ignores: contention for bandwidth, what comes after the block; and the search for variants, which changes the models.

use std::collections::BTreeMap;

use crate::identifiers::{ModelId, TaskId, WorkerId};
use crate::plan::{Plan, PlanError};
use crate::strategy::list::{WORKERS, workers_of};
use crate::strategy::parameters::{Parameter, ParameterKind};
use crate::strategy::registry::Entry;
use crate::strategy::{Decisions, DeviceView, Interest, Job, Ready, Strategy, System};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "blastnet",
    summary: "models in blocks, at run time alternating between models and processors",
    granularity: "block",
    optimises: "fairness among models, at run time",
    ignores: "bandwidth, what follows",
    accelerator: None,
    parameters: &[
        WORKERS,
        Parameter { name: "blocks", kind: ParameterKind::Plain, default: "6", summary: "most blocks that a model is cut into" },
    ],
    build: |parameters| {
        let (names, blocks) = (parameters.names("workers"), parameters.number("blocks", 1)? as usize);
        Ok(Box::new(BlastNet { names, blocks, workers: Vec::new(), served: BTreeMap::new(), turns: 0 }))
    },
};

struct BlastNet {
    names: Vec<String>,
    blocks: usize,
    workers: Vec<WorkerId>,
    /// The turn in which each model was served last.
    served: BTreeMap<ModelId, u64>,
    turns: u64,
}

impl Strategy for BlastNet {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        self.workers = workers_of(ENTRY.name, &self.names, view.device)?;
        (self.served, self.turns) = (BTreeMap::new(), 0);
        let least = |task: TaskId| self.workers.iter().filter_map(|&worker| job.costs.duration_ns(task, worker)).min();
        let able = |task: TaskId, worker: WorkerId| job.costs.supports(task, worker);
        let mut total: u128 = 0;
        for task in job.tasks.tasks() {
            let unplaceable = PlanError::Unplaceable { strategy: ENTRY.name.to_owned(), task: task.0 };
            total += u128::from(least(task).ok_or(unplaceable)?);
        }
        // The share of all time, in blocks, that lies before a task.
        let blocks = self.blocks as u128;
        let reached = |sum: u128| (sum * blocks).checked_div(total).unwrap_or(0);
        let mut plan = Plan::new();
        let mut block: Vec<TaskId> = Vec::new();
        let mut able_workers = self.workers.clone();
        let (mut sum, mut begin) = (0u128, 0u128);
        for task in job.tasks.tasks() {
            able_workers.retain(|&worker| able(task, worker));
            // A block ends where it has its share of the time, and where nobody could run the next operator with it.
            if !block.is_empty() && (able_workers.is_empty() || reached(sum) > reached(begin)) {
                plan.segment(None, block.drain(..));
                able_workers = self.workers.iter().copied().filter(|&worker| able(task, worker)).collect();
                begin = sum;
            }
            block.push(task);
            sum += u128::from(least(task).unwrap_or(0));
        }
        if !block.is_empty() {
            plan.segment(None, block);
        }
        Ok(plan)
    }

    fn interest(&self) -> Interest {
        Interest { dispatch: true, ..Interest::default() }
    }

    fn dispatch(&mut self, system: &dyn System, decisions: &mut Decisions) {
        let mut waiting: Vec<Ready> = system.ready().to_vec();
        let busy_ns = |&worker: &WorkerId| system.backlog_ns(worker).max(u64::from(!system.is_idle(worker)));
        let mut backlog_ns: Vec<u64> = self.workers.iter().map(busy_ns).collect();
        while !waiting.is_empty() {
            let urgency = |ready: &Ready| {
                let served = self.served.get(&ready.model).copied().unwrap_or(0);
                (served, ready.deadline_ns.unwrap_or(u64::MAX), ready.arrived_ns, ready.request, ready.segment)
            };
            let at = (0..waiting.len()).min_by_key(|&at| urgency(&waiting[at])).unwrap_or(0);
            let ready = waiting.remove(at);
            let end = |(index, &worker): (usize, &WorkerId)| {
                let run_ns = system.segment_ns(ready.in_flight, ready.segment, worker).filter(|_| system.is_available(worker))?;
                let copies_ns = system.transfer_ns(ready.in_flight, ready.segment, worker);
                Some((backlog_ns[index].saturating_add(run_ns).saturating_add(copies_ns), index))
            };
            let Some((end_ns, index)) = self.workers.iter().enumerate().filter_map(end).min() else { continue };
            if backlog_ns[index] == 0 {
                decisions.place(ready.in_flight, ready.segment, self.workers[index]);
                self.turns += 1;
                self.served.insert(ready.model, self.turns);
            }
            // Taken for the others, whether it starts now or waits for it.
            backlog_ns[index] = end_ns.max(1);
        }
    }
}
