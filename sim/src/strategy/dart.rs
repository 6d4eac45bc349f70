//! `dart`: a pipeline of CPU and GPU nodes for all models, with admission control.
//!
//! Source: Xiang and Kim, "Pipelined data-parallel CPU/GPU scheduling for multi-DNN real-time inference" (DART), RTSS 2019.
//! Rule: of all sets of at most `nodes` workers that fit side by side (a node is a gang of CPU cores, whose size is the chosen
//! parallelism, or an accelerator), the one for which the longest stages of all models, each cut into contiguous stages over some of
//! the nodes, are shortest in sum. A request with a deadline is admitted only if it can meet it behind all that was admitted before:
//! the sum over its stages of what the node has still to do and the stage itself.
//! Ignores: contention for bandwidth, the rates at which models are asked for, whatever changes at run time.

use std::collections::BTreeMap;

use crate::identifiers::{RequestId, SegmentId, WorkerId};
use crate::plan::{Plan, PlanError};
use crate::record::Record;
use crate::strategy::parameters::{Parameter, ParameterKind, worker_named};
use crate::strategy::pipeline::{Stage, StageTimes, compatible_sets};
use crate::strategy::registry::Entry;
use crate::strategy::{Decisions, DeviceView, Interest, Job, Strategy, System};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "dart",
    summary: "a pipeline of CPU and accelerator nodes for all models, with admission control",
    granularity: "layers in stages",
    optimises: "deadlines, by stages and admission",
    ignores: "bandwidth, arrival rates",
    accelerator: None,
    parameters: &[
        Parameter {
            name: "workers",
            kind: ParameterKind::Workers,
            default: "auto",
            summary: "workers joined by `+` of which nodes are made; `auto` takes all",
        },
        Parameter { name: "nodes", kind: ParameterKind::Plain, default: "3", summary: "most nodes" },
    ],
    build: |parameters| {
        let (workers, nodes) = (parameters.names("workers"), parameters.number("nodes", 1)? as usize);
        Ok(Box::new(Dart { workers, nodes, stages: Vec::new(), admitted: BTreeMap::new() }))
    },
};

struct Dart {
    workers: Vec<String>,
    nodes: usize,
    /// For each model, worker and expected time of each stage.
    stages: Vec<Vec<(WorkerId, u64)>>,
    /// For each request admitted, worker and expected time of what each of its stages has still to do.
    admitted: BTreeMap<RequestId, Vec<(WorkerId, u64)>>,
}

impl Strategy for Dart {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let workers: Vec<WorkerId> = match self.workers[..] {
            [] => view.device.worker_ids().collect(),
            _ => self.workers.iter().map(|name| worker_named(ENTRY.name, view.device, name)).collect::<Result<_, _>>()?,
        };
        let sets = compatible_sets(view.device, &workers, self.nodes);
        let of_job = |job: &Job<'_>| within(&sets, &StageTimes::new(job, view.device, &workers, true).shortest(&sets));
        let all: Vec<_> = view.jobs.iter().map(of_job).collect();
        let sum_ns = |at: &usize| {
            let mut longest_ns = all.iter().map(|found| found[*at].as_ref().map(|(longest_ns, _)| *longest_ns));
            longest_ns.try_fold(0u64, |sum, ns| Some(sum.saturating_add(ns?))).map(|sum| (sum, sets[*at].len(), *at))
        };
        let best = (0..sets.len()).filter_map(|at| sum_ns(&at)).min().ok_or_else(|| PlanError::Missing {
            strategy: ENTRY.name.to_owned(),
            needs: "nodes that can run every operator of every model".to_owned(),
            device: view.device.name().to_owned(),
        })?;
        let own = view.jobs.iter().position(|other| other.model == job.model);
        let found = own.map_or_else(|| of_job(job), |own| all[own].clone());
        let (_, stages) = found[best.2].clone().ok_or(PlanError::Unplaceable { strategy: ENTRY.name.to_owned(), task: 0 })?;
        let count = self.stages.len().max(job.model.index() + 1);
        self.stages.resize_with(count, Vec::new);
        self.stages[job.model.index()] = stages.iter().map(|stage| (stage.worker, stage.expected_ns)).collect();
        self.admitted.clear();
        let mut plan = Plan::new();
        for (index, Stage { worker, tasks, .. }) in stages.into_iter().enumerate() {
            // The first is placed when the request is admitted.
            plan.segment((index > 0).then_some(worker), tasks);
        }
        Ok(plan)
    }

    fn interest(&self) -> Interest {
        Interest { dispatch: true, observe: true, ..Interest::default() }
    }

    fn dispatch(&mut self, system: &dyn System, decisions: &mut Decisions) {
        for ready in system.ready() {
            let Some(stages) = self.stages.get(ready.model.index()).filter(|stages| !stages.is_empty()) else { continue };
            let pending_ns = |worker: WorkerId| {
                let parts = self.admitted.values().flatten().filter(|part| part.0 == worker);
                parts.map(|part| part.1).fold(0u64, u64::saturating_add)
            };
            let response =
                stages.iter().fold(0u64, |sum, &(worker, own_ns)| sum.saturating_add(own_ns).saturating_add(pending_ns(worker)));
            if ready.deadline_ns.is_some_and(|deadline_ns| system.now_ns().saturating_add(response) > deadline_ns) {
                decisions.drop(ready.in_flight);
            } else {
                self.admitted.insert(ready.request, stages.clone());
                decisions.place(ready.in_flight, SegmentId(0), stages[0].0);
            }
        }
    }

    fn observe(&mut self, record: &Record) {
        match record {
            Record::Kernel(kernel) => {
                let parts = self.admitted.get_mut(&kernel.request);
                if let Some(part) = parts.and_then(|parts| parts.get_mut(kernel.segment.index())) {
                    part.1 = part.1.saturating_sub(kernel.solo_ns);
                }
            }
            Record::Request(request) => drop(self.admitted.remove(&request.request)),
            _ => {}
        }
    }
}

/// A model may leave nodes out: for each set the best of the sets within it.
fn within(sets: &[Vec<usize>], found: &[Option<(u64, Vec<Stage>)>]) -> Vec<Option<(u64, Vec<Stage>)>> {
    let best = |set: &Vec<usize>| {
        let inside = sets.iter().zip(found).filter(|(other, _)| other.iter().all(|member| set.contains(member)));
        let possible = inside.filter_map(|(_, found)| found.as_ref());
        possible.min_by_key(|(longest_ns, stages)| (*longest_ns, stages.len())).cloned()
    };
    sets.iter().map(best).collect()
}
