//! Unit sub-graphs: what Band (and `adms`) cut a model into before it runs.

use std::collections::BTreeSet;

use crate::identifiers::{TaskId, WorkerId};
use crate::plan::{Plan, PlanError};
use crate::platform::{Device, ProcessorKind};
use crate::strategy::Job;
use crate::strategy::delegate::epochs;

/// Most workers: a set of them is the bits of one word.
const MOST_WORKERS: usize = 32;

/// A model cut into groups of tasks that the same workers can run. A unit reads only what earlier units make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::strategy) struct Units {
    /// Tasks of each unit in topological order.
    pub(in crate::strategy) tasks: Vec<Vec<TaskId>>,
    /// Workers that may run each unit, as bits.
    pub(in crate::strategy) masks: Vec<u32>,
    /// The last earlier unit that each unit reads from.
    pub(in crate::strategy) reads_from: Vec<Option<usize>>,
}

impl Units {
    /// Ready tasks of equal support together, again and again. Connected pieces of fewer than `minimum` tasks that an accelerator
    /// could run are not given to it.
    pub(in crate::strategy) fn of(
        strategy: &str,
        job: &Job<'_>,
        device: &Device,
        workers: &[WorkerId],
        minimum: usize,
    ) -> Result<Self, PlanError> {
        if workers.len() > MOST_WORKERS {
            let why = format!("{} workers are more than {MOST_WORKERS}", workers.len());
            return Err(PlanError::NotFound { strategy: strategy.to_owned(), why });
        }
        let mut masks = vec![0u32; job.tasks.task_count()];
        for (bit, &worker) in workers.iter().enumerate() {
            let supported: Vec<bool> = job.tasks.tasks().map(|task| job.costs.supports(task, worker)).collect();
            let is_cpu = device.worker(worker).kind == ProcessorKind::CpuCluster;
            for (runs_here, piece) in epochs(job.tasks, &supported) {
                // What nobody else can run is kept, however small.
                let only_here = |task: &TaskId| !workers.iter().any(|&other| other != worker && job.costs.supports(*task, other));
                if runs_here && (is_cpu || piece.len() >= minimum || piece.iter().any(only_here)) {
                    for task in piece {
                        masks[task.index()] |= 1 << bit;
                    }
                }
            }
        }
        restore(job, workers, &mut masks);
        if let Some(task) = masks.iter().position(|&mask| mask == 0) {
            return Err(PlanError::Unplaceable { strategy: strategy.to_owned(), task: task as u32 });
        }
        Ok(Self::grouped(job, &masks))
    }

    fn grouped(job: &Job<'_>, masks: &[u32]) -> Self {
        let mut missing: Vec<usize> = job.tasks.tasks().map(|task| job.tasks.predecessors(task).count()).collect();
        let mut ready: BTreeSet<TaskId> = job.tasks.tasks().filter(|task| missing[task.index()] == 0).collect();
        let mut unit_of = vec![0usize; masks.len()];
        let mut units = Self { tasks: Vec::new(), masks: Vec::new(), reads_from: Vec::new() };
        while let Some(&first) = ready.first() {
            let mask = masks[first.index()];
            let mut tasks = Vec::new();
            while let Some(task) = ready.iter().copied().find(|task| masks[task.index()] == mask) {
                ready.remove(&task);
                unit_of[task.index()] = units.tasks.len();
                tasks.push(task);
                for next in job.tasks.successors(task) {
                    missing[next.index()] -= 1;
                    if missing[next.index()] == 0 {
                        ready.insert(next);
                    }
                }
            }
            let own = units.tasks.len();
            let sources = tasks.iter().flat_map(|&task| job.tasks.predecessors(task)).map(|from| unit_of[from.index()]);
            units.reads_from.push(sources.filter(|&from| from != own).max());
            units.tasks.push(tasks);
            units.masks.push(mask);
        }
        units
    }

    pub(in crate::strategy) fn count(&self) -> usize {
        self.tasks.len()
    }

    /// One open segment a unit.
    pub(in crate::strategy) fn open_plan(&self) -> Plan {
        let mut plan = Plan::new();
        for tasks in &self.tasks {
            plan.segment(None, tasks.iter().copied());
        }
        plan
    }
}

/// A task that lost all its workers, because each of them would have too small a piece, gets them back.
fn restore(job: &Job<'_>, workers: &[WorkerId], masks: &mut [u32]) {
    for task in job.tasks.tasks().filter(|task| masks[task.index()] == 0).collect::<Vec<_>>() {
        for (bit, &worker) in workers.iter().enumerate() {
            masks[task.index()] |= u32::from(job.costs.supports(task, worker)) << bit;
        }
    }
}
