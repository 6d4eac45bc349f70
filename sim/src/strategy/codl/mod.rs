//! `codl`: a CPU and a GPU share operators by rows or output channels, in chains that share once.
//!
//! Source: Jia et al., `CoDL`: Efficient CPU-GPU Co-execution for Deep Learning Inference on Mobile Devices, `MobiSys` 2022.
//! Rule: each operator runs whole on either, or is cut by rows or by output channels at a ratio of 0.1, ... 0.9, whichever is
//! predicted to be shortest: what sharing takes (transformation and mapping of what the CPU reads and writes, and a constant
//! bound for synchronisation) plus the longer part. Then greedily from the first operator on: of all chains by rows at one ratio, up to
//! 30 operators long, the one that gains most over its operators one by one; a chain shares once and recomputes its halo.
//! Predictor: the profile's own cost models, asked about the very parts, which are non-linear as the published ones are.
//! Ignores: load, contention for bandwidth, branches that could run side by side, what entering a segment costs, and where data are:
//! as in the publication all of it is taken to lie with the accelerator, so that the CPU always pays for both ways.

mod chains;
mod operators;

use crate::identifiers::{TaskId, WorkerId};
use crate::plan::{Piece, Plan, PlanError};
use crate::strategy::co_execution::{Layout, PLANNED_FOR, WORKERS, pair, planned_for};
use crate::strategy::parameters::{Parameter, ParameterKind};
use crate::strategy::registry::Entry;
use crate::strategy::{DeviceView, Job, Strategy};

use operators::Predictor;

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "codl",
    summary: "CPU and GPU share operators by rows or channels, in chains that share once",
    granularity: "part of an operator, chains",
    optimises: "latency with the cost of sharing, paid once a chain",
    ignores: "load, bandwidth, branches, where data are",
    accelerator: None,
    parameters: &[
        WORKERS,
        Parameter {
            name: "by",
            kind: ParameterKind::Plain,
            default: "best",
            summary: "`rows`, `channels`, or `best`: the one that is expected to be sooner; chains are by rows",
        },
        Parameter { name: "chains", kind: ParameterKind::Plain, default: "on", summary: "`on`, or `off`: operators one by one" },
        Parameter {
            name: "ratios",
            kind: ParameterKind::Plain,
            default: "all",
            summary: "of chains: `all` from 0 to 1, or `near`: up to 0.3 from what is best for the first operator",
        },
        Parameter {
            name: "sync_us",
            kind: ParameterKind::Plain,
            default: "1000",
            summary: "what synchronisation is believed to take, in microseconds; `auto` takes twice what the device's link says",
        },
        PLANNED_FOR,
    ],
    build: |parameters| {
        let synchronization = match parameters.text("sync_us") {
            "auto" => Synchronization::OfLink,
            _ => Synchronization::Bound(u64::from(parameters.number("sync_us", 0)?) * 1000),
        };
        Ok(Box::new(Codl {
            workers: parameters.names("workers"),
            planned_for: planned_for(ENTRY.name, parameters)?,
            by: parameters.choice("by", &[("best", By::Best), ("rows", By::Rows), ("channels", By::Channels)])?,
            chains: parameters.choice("chains", &[("on", true), ("off", false)])?,
            near: parameters.choice("ratios", &[("all", false), ("near", true)])?,
            synchronization,
        }))
    },
};

/// Along which dimension operators are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Best,
    Rows,
    Channels,
}

/// What the planner believes that synchronisation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Synchronization {
    Bound(u64),
    /// Twice the link's: the published bound of 1 ms is 1.8 times the published mean of 0.54 ms.
    OfLink,
}

struct Codl {
    workers: Vec<String>,
    planned_for: Option<String>,
    by: By,
    chains: bool,
    near: bool,
    synchronization: Synchronization,
}

/// How a task or a chain runs.
#[derive(Clone, Debug, PartialEq)]
enum Choice {
    OnCpu,
    OnAccelerator,
    /// What the accelerator and the CPU compute.
    Shared([Vec<Piece>; 2]),
}

/// A choice for consecutive tasks.
#[derive(Clone, Debug)]
struct Decision {
    choice: Choice,
    /// The accelerator's share in tenths.
    tenths: u32,
    latency_ns: u64,
}

impl Strategy for Codl {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let pair = pair(ENTRY.name, &self.workers, job, view)?;
        let believed = pair.believed(ENTRY.name, self.planned_for.as_deref(), view)?;
        let predictor = Predictor::new(job, view.device, believed, self.synchronization);
        let tasks: Vec<TaskId> = job.tasks.tasks().collect();
        let runs = |task: TaskId, worker: WorkerId| job.costs.supports(task, worker);
        let alone: Vec<Decision> = tasks
            .iter()
            .map(|&task| {
                let unplaceable = PlanError::Unplaceable { strategy: ENTRY.name.to_owned(), task: task.0 };
                predictor.best(task, self.by, runs(task, pair.accelerator)).ok_or(unplaceable)
            })
            .collect::<Result<_, _>>()?;
        let mut layout = Layout::default();
        let mut next = 0;
        while next < tasks.len() {
            let chain = if self.chains { predictor.best_chain(&tasks, &alone, next, self.near, pair) } else { None };
            let (length, decision) = chain.unwrap_or_else(|| (1, alone[next].clone()));
            let chained = &tasks[next..next + length];
            match decision.choice {
                Choice::OnCpu => chained.iter().for_each(|&task| layout.whole(task, pair.cpu)),
                Choice::OnAccelerator => chained.iter().for_each(|&task| layout.whole(task, pair.accelerator)),
                Choice::Shared([accelerated, rest]) => layout.shared([(pair.cpu, rest), (pair.accelerator, accelerated)]),
            }
            next += length;
        }
        Ok(layout.finish())
    }
}
