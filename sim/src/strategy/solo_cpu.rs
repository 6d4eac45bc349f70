//! `cpu`: the whole model on one gang of CPU cores.
//!
//! Source: what every on-device framework does by default (TensorFlow Lite and ncnn with a thread count and an affinity).
//! Rule: one segment with all tasks on one CPU worker; with `worker=auto` the worker of least expected latency.
//! Ignores: every other processor, and whatever else runs on the cores.

use crate::identifiers::WorkerId;
use crate::plan::{Plan, PlanError};
use crate::platform::ProcessorKind;
use crate::strategy::parameters::{Parameter, ParameterKind, worker_named};
use crate::strategy::registry::Entry;
use crate::strategy::{DeviceView, Job, Strategy};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "cpu",
    summary: "the whole model on one gang of CPU cores",
    accelerator: None,
    parameters: &[Parameter {
        name: "worker",
        kind: ParameterKind::Workers,
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
        let worker = cpu_worker(ENTRY.name, &self.worker, job, view)?;
        if let Some(task) = job.tasks.tasks().find(|&task| !job.costs.supports(task, worker)) {
            return Err(PlanError::Unplaceable { strategy: ENTRY.name.to_owned(), task: task.0 });
        }
        let mut plan = Plan::new();
        plan.segment(Some(worker), job.tasks.tasks());
        Ok(plan)
    }
}

/// The CPU worker of a name, or for `auto` the one that would run the whole model fastest.
pub(super) fn cpu_worker(strategy: &str, name: &str, job: &Job<'_>, view: &DeviceView<'_>) -> Result<WorkerId, PlanError> {
    if name != "auto" {
        return worker_named(strategy, view.device, name);
    }
    view.device
        .worker_ids()
        .filter(|&worker| view.device.worker(worker).kind == ProcessorKind::CpuCluster)
        .filter_map(|worker| whole_model_ns(job, worker).map(|total_ns| (total_ns, worker)))
        .min()
        .map(|(_, worker)| worker)
        .ok_or_else(|| PlanError::Missing {
            strategy: strategy.to_owned(),
            needs: "a CPU worker that can run every operator of the model".to_owned(),
            device: view.device.name().to_owned(),
        })
}

fn whole_model_ns(job: &Job<'_>, worker: WorkerId) -> Option<u64> {
    job.tasks.tasks().map(|task| job.costs.duration_ns(task, worker)).sum()
}
