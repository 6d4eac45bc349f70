//! What strategies that share operators between a CPU and an accelerator have in common: the two workers, and the plan's layout.

use crate::identifiers::{TaskId, WorkerId};
use crate::plan::{Piece, Plan, PlanError};
use crate::platform::ProcessorKind;
use crate::strategy::parameters::{Parameter, ParameterKind, Parameters, worker_named};
use crate::strategy::registry::StrategyError;
use crate::strategy::solo_cpu::cpu_worker;
use crate::strategy::{DeviceView, Job};

/// The two workers that share operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) cpu: WorkerId,
    /// A GPU; where there is none, another accelerator, or else another CPU worker.
    pub(super) accelerator: WorkerId,
}

/// The parameter that names the workers.
pub(super) const WORKERS: Parameter = Parameter {
    name: "workers",
    kind: ParameterKind::Workers,
    default: "auto",
    summary: "a CPU worker and an accelerator joined by `+`; `auto` takes the CPU worker of least latency and the first GPU, else another worker",
};

/// The parameter that names the accelerator whose costs the plan is made with.
pub(super) const PLANNED_FOR: Parameter = Parameter {
    name: "planned_for",
    kind: ParameterKind::Workers,
    default: "auto",
    summary: "the accelerator whose costs the plan is made with; `auto` takes the one that it runs on",
};

/// The value of [`PLANNED_FOR`].
pub(super) fn planned_for(strategy: &str, parameters: &Parameters) -> Result<Option<String>, StrategyError> {
    match &parameters.names(PLANNED_FOR.name)[..] {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        _ => Err(StrategyError::BadValue {
            strategy: strategy.to_owned(),
            name: PLANNED_FOR.name.to_owned(),
            value: parameters.text(PLANNED_FOR.name).to_owned(),
            right: "must be one worker".to_owned(),
        }),
    }
}

impl Pair {
    /// The pair whose costs a plan is made with.
    pub(super) fn believed(self, strategy: &str, planned_for: Option<&str>, view: &DeviceView<'_>) -> Result<Self, PlanError> {
        let accelerator = planned_for.map_or(Ok(self.accelerator), |name| worker_named(strategy, view.device, name))?;
        Ok(Self { accelerator, ..self })
    }
}

/// The workers of the given names, CPU first; without names the CPU worker of least expected latency, and of those that never compete
/// with it for a core the first GPU, else the first other accelerator, else the first CPU worker.
pub(super) fn pair(strategy: &str, names: &[String], job: &Job<'_>, view: &DeviceView<'_>) -> Result<Pair, PlanError> {
    let device = view.device;
    let missing = || PlanError::Missing {
        strategy: strategy.to_owned(),
        needs: "a CPU worker and another that never compete for a core".to_owned(),
        device: device.name().to_owned(),
    };
    match names {
        [] => {
            let tasks: Vec<TaskId> = job.tasks.tasks().collect();
            let cpu = cpu_worker(strategy, "auto", job, view, &tasks)?;
            let kind = |worker: WorkerId| device.worker(worker).kind;
            let others = || device.worker_ids().filter(|&worker| worker != cpu && !device.conflict(cpu, worker));
            let accelerator = others()
                .find(|&worker| kind(worker) == ProcessorKind::Gpu)
                .or_else(|| others().find(|&worker| kind(worker) != ProcessorKind::CpuCluster))
                .or_else(|| others().next());
            accelerator.map(|accelerator| Pair { cpu, accelerator }).ok_or_else(missing)
        }
        [cpu, accelerator] => {
            let pair =
                Pair { cpu: worker_named(strategy, device, cpu)?, accelerator: worker_named(strategy, device, accelerator)? };
            if pair.cpu == pair.accelerator { Err(missing()) } else { Ok(pair) }
        }
        _ => Err(missing()),
    }
}

/// Lays out a plan in topological order: neighbouring whole tasks on one worker are one segment.
#[derive(Default)]
pub(super) struct Layout {
    plan: Plan,
    run: Vec<TaskId>,
    worker: Option<WorkerId>,
}

impl Layout {
    /// A task, whole.
    pub(super) fn whole(&mut self, task: TaskId, worker: WorkerId) {
        if self.worker != Some(worker) {
            self.flush();
            self.worker = Some(worker);
        }
        self.run.push(task);
    }

    /// A task or a chain, shared: what each of two workers computes of it, the CPU first: where a copy for it occupies the accelerator,
    /// it comes before the accelerator's own part, not after.
    pub(super) fn shared(&mut self, halves: [(WorkerId, Vec<Piece>); 2]) {
        self.flush();
        for (worker, pieces) in halves {
            self.plan.segment_of_pieces(Some(worker), pieces);
        }
    }

    pub(super) fn finish(mut self) -> Plan {
        self.flush();
        self.plan
    }

    fn flush(&mut self) {
        if !self.run.is_empty() {
            self.plan.segment(self.worker, self.run.drain(..));
        }
        self.worker = None;
    }
}

/// Shares that are tried, in tenths.
pub(super) const TENTHS: std::ops::RangeInclusive<u32> = 0..=10;

/// Where a dimension of `of` is cut for a share in tenths; `None` where a side would be empty.
pub(super) fn cut_at(of: u32, tenths: u32) -> Option<u32> {
    let at = libm::round(f64::from(of) * f64::from(tenths) / 10.0) as u32;
    (at > 0 && at < of).then_some(at)
}
