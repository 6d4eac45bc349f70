//! `gpu` and `npu`: one accelerator, with fallback of what it cannot run to the CPU.
//!
//! Sources: the delegate partitioner of TensorFlow Lite (`fallback=partitions`: supported operators are grouped into partitions,
//! the `partitions` largest go to the accelerator, all else to the CPU) and the rule of MACE (`fallback=operator`: each operator
//! goes to the accelerator if that supports it). Both count kernels: operators with what is fused to them.
//! Rule: epochs of alternating place; an epoch takes every ready task of its place until none is ready.
//! Ignores: what a boundary costs, how fast either processor is, what else runs.

use crate::identifiers::{TaskId, WorkerId};
use crate::plan::{Plan, PlanError};
use crate::platform::ProcessorKind;
use crate::strategy::parameters::{Parameter, ParameterKind, Parameters};
use crate::strategy::registry::{Entry, StrategyError};
use crate::strategy::solo_cpu::cpu_worker;
use crate::strategy::{DeviceView, Job, Strategy};
use crate::task::TaskGraph;

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "fallback",
        kind: ParameterKind::Plain,
        default: "partitions",
        summary: "`partitions` keeps the largest ones, `operator` decides each operator alone",
    },
    Parameter {
        name: "partitions",
        kind: ParameterKind::Plain,
        default: "1",
        summary: "how many partitions the accelerator gets, largest first (`fallback=partitions`)",
    },
    Parameter {
        name: "minimum",
        kind: ParameterKind::Plain,
        default: "1",
        summary: "least kernels in a partition (`fallback=partitions`)",
    },
    Parameter {
        name: "cpu",
        kind: ParameterKind::CpuWorker,
        default: "auto",
        summary: "the CPU worker for the rest; `auto` takes the one that the device says the accelerator falls back to, else that of least expected latency",
    },
];

/// Line of the registry.
pub(super) const GPU: Entry = Entry {
    name: "gpu",
    summary: "the GPU, unsupported operators on the CPU",
    granularity: "model or operator",
    optimises: "work on the accelerator",
    ignores: "whether falling back is worth it; other processors that could help; load",
    accelerator: Some(ProcessorKind::Gpu),
    parameters: PARAMETERS,
    build: |parameters| build("gpu", ProcessorKind::Gpu, parameters),
};

/// Line of the registry.
pub(super) const NPU: Entry = Entry {
    name: "npu",
    summary: "the NPU, unsupported operators on the CPU",
    granularity: "model or operator",
    optimises: "work on the accelerator",
    ignores: "whether falling back is worth it; other processors that could help; load",
    accelerator: Some(ProcessorKind::Npu),
    parameters: PARAMETERS,
    build: |parameters| build("npu", ProcessorKind::Npu, parameters),
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fallback {
    Partitions { keep: usize, minimum: usize },
    Operator,
}

struct Delegate {
    name: &'static str,
    kind: ProcessorKind,
    fallback: Fallback,
    cpu: String,
}

fn build(name: &'static str, kind: ProcessorKind, parameters: &Parameters) -> Result<Box<dyn Strategy>, StrategyError> {
    let partitions = Fallback::Partitions {
        keep: parameters.number("partitions", 1)? as usize,
        minimum: parameters.number("minimum", 1)? as usize,
    };
    let fallback = parameters.choice("fallback", &[("partitions", partitions), ("operator", Fallback::Operator)])?;
    Ok(Box::new(Delegate { name, kind, fallback, cpu: parameters.text("cpu").to_owned() }))
}

impl Strategy for Delegate {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let accelerator = self.accelerator(view)?;
        let supported: Vec<bool> = job.tasks.tasks().map(|task| job.costs.supports(task, accelerator)).collect();
        let chosen = match self.fallback {
            Fallback::Operator => supported,
            Fallback::Partitions { keep, minimum } => largest(job.tasks, &supported, keep, minimum),
        };
        let rest: Vec<TaskId> = job.tasks.tasks().filter(|task| !chosen[task.index()]).collect();
        let cpu = self.cpu(accelerator, job, view, &rest)?;
        let mut plan = Plan::new();
        for (delegated, tasks) in epochs(job.tasks, &chosen) {
            plan.segment(Some(if delegated { accelerator } else { cpu }), tasks);
        }
        Ok(plan)
    }
}

impl Delegate {
    /// The CPU worker that takes the rest. A runtime does not look for the fastest one: it falls back to its own kernels.
    fn cpu(&self, accelerator: WorkerId, job: &Job<'_>, view: &DeviceView<'_>, rest: &[TaskId]) -> Result<WorkerId, PlanError> {
        let own = view.device.falls_back_to(accelerator).filter(|_| self.cpu == "auto");
        match own.filter(|&own| rest.iter().all(|&task| job.costs.supports(task, own))) {
            Some(own) => Ok(own),
            None => cpu_worker(self.name, &self.cpu, job, view, rest),
        }
    }

    fn accelerator(&self, view: &DeviceView<'_>) -> Result<WorkerId, PlanError> {
        let mut workers = view.device.worker_ids();
        workers.find(|&worker| view.device.worker(worker).kind == self.kind).ok_or_else(|| PlanError::Missing {
            strategy: self.name.to_owned(),
            needs: format!("a worker of kind `{}`", self.kind.name()),
            device: view.device.name().to_owned(),
        })
    }
}

/// Marks the tasks of the `keep` largest partitions of supported tasks; of equal ones the earliest.
fn largest(tasks: &TaskGraph, supported: &[bool], keep: usize, minimum: usize) -> Vec<bool> {
    let mut partitions: Vec<Vec<TaskId>> = epochs(tasks, supported)
        .into_iter()
        .filter(|(delegated, tasks)| *delegated && tasks.len() >= minimum)
        .map(|(_, tasks)| tasks)
        .collect();
    partitions.sort_by_key(|partition| std::cmp::Reverse(partition.len()));
    let mut chosen = vec![false; supported.len()];
    for task in partitions.into_iter().take(keep).flatten() {
        chosen[task.index()] = true;
    }
    chosen
}

/// Tasks grouped by place in alternating epochs, each in topological order, the groups in topological order too.
///
/// Starts with the place of the first task. A group takes every task of its place whose predecessors are all in earlier groups or in it.
pub(super) fn epochs(tasks: &TaskGraph, delegated: &[bool]) -> Vec<(bool, Vec<TaskId>)> {
    let mut missing: Vec<usize> = tasks.tasks().map(|task| tasks.predecessors(task).count()).collect();
    // Ready tasks of the CPU and of the accelerator; the least number is taken first, so that a group is in topological order.
    let mut ready = [std::collections::BTreeSet::new(), std::collections::BTreeSet::new()];
    for task in tasks.tasks().filter(|task| missing[task.index()] == 0) {
        ready[usize::from(delegated[task.index()])].insert(task);
    }
    let mut groups = Vec::new();
    let mut place = delegated.first().copied().unwrap_or(false);
    while ready.iter().any(|set| !set.is_empty()) {
        let mut group = Vec::new();
        while let Some(task) = ready[usize::from(place)].pop_first() {
            group.push(task);
            for next in tasks.successors(task) {
                missing[next.index()] -= 1;
                if missing[next.index()] == 0 {
                    ready[usize::from(delegated[next.index()])].insert(next);
                }
            }
        }
        if !group.is_empty() {
            groups.push((place, group));
        }
        place = !place;
    }
    groups
}
