//! `cpu`: the whole model on one gang of CPU cores.
//!
//! Source: what every on-device framework does by default (TensorFlow Lite and ncnn with a thread count and an affinity).
//! Rule: one segment with all tasks on one CPU worker; with `worker=auto` the worker of least expected latency.
//! Ignores: every other processor, and whatever else runs on the cores.

use crate::identifiers::{TaskId, WorkerId};
use crate::plan::{Plan, PlanError};
use crate::platform::ProcessorKind;
use crate::strategy::parameters::{Parameter, ParameterKind, cpu_worker_named};
use crate::strategy::registry::Entry;
use crate::strategy::{DeviceView, Job, Strategy};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "cpu",
    summary: "the whole model on one gang of CPU cores",
    granularity: "model",
    optimises: "nothing: one processor, one gang of cores",
    ignores: "accelerators",
    accelerator: None,
    parameters: &[Parameter {
        name: "worker",
        kind: ParameterKind::CpuWorker,
        default: "auto",
        summary: "the CPU worker; `auto` takes the one of least expected latency",
    }],
    build: |parameters| Ok(Box::new(SoloCpu { worker: parameters.text("worker").to_owned() })),
};

struct SoloCpu {
    worker: String,
}

impl Strategy for SoloCpu {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let all: Vec<TaskId> = job.tasks.tasks().collect();
        let worker = cpu_worker(ENTRY.name, &self.worker, job, view, &all)?;
        let mut plan = Plan::new();
        plan.segment(Some(worker), all);
        Ok(plan)
    }
}

/// The CPU worker of a name, or for `auto` the one that would run the given tasks fastest. It can run all of them.
pub(super) fn cpu_worker(
    strategy: &str,
    name: &str,
    job: &Job<'_>,
    view: &DeviceView<'_>,
    tasks: &[TaskId],
) -> Result<WorkerId, PlanError> {
    if name != "auto" {
        let worker = cpu_worker_named(strategy, view.device, name)?;
        return match tasks.iter().find(|&&task| !job.costs.supports(task, worker)) {
            None => Ok(worker),
            Some(task) => Err(PlanError::Unplaceable { strategy: strategy.to_owned(), task: task.0 }),
        };
    }
    view.device
        .worker_ids()
        .filter(|&worker| view.device.worker(worker).kind == ProcessorKind::CpuCluster)
        .filter_map(|worker| job.costs.segment_ns(tasks, worker).map(|total_ns| (total_ns, worker)))
        .min()
        .map(|(_, worker)| worker)
        .ok_or_else(|| PlanError::Missing {
            strategy: strategy.to_owned(),
            needs: "a CPU worker that can run every operator that is left to it".to_owned(),
            device: view.device.name().to_owned(),
        })
}
