//! `pipe-it`: a pipeline of contiguous stages over groups of CPU cores.
//!
//! Source: Wang et al., "High-throughput CNN inference on embedded ARM big.LITTLE multicore processors" (Pipe-it), IEEE TCAD 2020.
//! Rule: operators in topological order are cut into stages, each on a gang of cores of its own; of all sets of at most `stages`
//! gangs that fit side by side and all cuts, those whose longest stage is shortest, of equal ones the fewest gangs. Requests that
//! follow each other overlap. (The paper searches by steps; here dynamic programming finds the best cut.)
//! Ignores: the latency of a single request, accelerators, contention for bandwidth, other models.

use crate::identifiers::WorkerId;
use crate::plan::{Plan, PlanError};
use crate::platform::ProcessorKind;
use crate::strategy::parameters::{Parameter, ParameterKind, cpu_worker_named};
use crate::strategy::pipeline::{StageTimes, compatible_sets};
use crate::strategy::registry::Entry;
use crate::strategy::{DeviceView, Job, Strategy};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "pipe-it",
    summary: "a pipeline over groups of CPU cores, for throughput",
    granularity: "layers in stages",
    optimises: "throughput: the longest stage",
    ignores: "latency, accelerators, bandwidth, other models",
    accelerator: None,
    parameters: &[
        Parameter {
            name: "workers",
            kind: ParameterKind::Workers,
            default: "auto",
            summary: "CPU workers joined by `+` of which stages are made; `auto` takes all",
        },
        Parameter { name: "stages", kind: ParameterKind::Plain, default: "4", summary: "most stages" },
    ],
    build: |parameters| {
        Ok(Box::new(PipeIt { workers: parameters.names("workers"), stages: parameters.number("stages", 1)? as usize }))
    },
};

struct PipeIt {
    workers: Vec<String>,
    stages: usize,
}

impl Strategy for PipeIt {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let is_cpu = |&worker: &WorkerId| view.device.worker(worker).kind == ProcessorKind::CpuCluster;
        let workers: Vec<WorkerId> = if self.workers.is_empty() {
            view.device.worker_ids().filter(is_cpu).collect()
        } else {
            let named = |name: &String| cpu_worker_named(ENTRY.name, view.device, name);
            self.workers.iter().map(named).collect::<Result<_, _>>()?
        };
        let sets = compatible_sets(view.device, &workers, self.stages);
        let found = StageTimes::new(job, view.device, &workers, false).shortest(&sets);
        let best = found.into_iter().flatten().min_by_key(|(longest_ns, stages)| (*longest_ns, stages.len()));
        let (_, stages) = best.ok_or_else(|| PlanError::Missing {
            strategy: ENTRY.name.to_owned(),
            needs: format!("CPU workers that can run every operator of `{}`", job.name),
            device: view.device.name().to_owned(),
        })?;
        let mut plan = Plan::new();
        for stage in stages {
            plan.segment(Some(stage.worker), stage.tasks);
        }
        Ok(plan)
    }
}
