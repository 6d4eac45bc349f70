//! `adms`: sub-graphs of a least size, each given at run time to the processor in the best state.
//!
//! Source: ADMS, arXiv 2503.21109 (abstract and excerpts): a partition with a window, the least size of a sub-graph, against
//! fragments; a monitor of the processors; a scheduler by priority that scores their state. The score's formula is not public; this
//! one is ours: the time until the sub-graph would have ended on a worker, what waits there first, each at the pace that the worker
//! shows (a moving average of measured over expected time, which is how throttling and contention appear).
//! Rule: of the requests that wait, the one of highest priority, then of least time to its deadline, then the oldest, goes on first,
//! on the worker of best score; it waits if that is taken and no idle one is as good.
//! Ignores: what copies cost, what comes after the sub-graph, what merging saves.

use crate::identifiers::WorkerId;
use crate::plan::{Plan, PlanError};
use crate::record::Record;
use crate::strategy::band::units::Units;
use crate::strategy::list::{WORKERS, workers_of};
use crate::strategy::parameters::{Parameter, ParameterKind};
use crate::strategy::registry::Entry;
use crate::strategy::{Decisions, DeviceView, Interest, Job, Ready, Strategy, System};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "adms",
    summary: "sub-graphs of a least size, at run time on the processor in the best state",
    granularity: "sub-graph",
    optimises: "the state of processors: backlog and measured pace",
    ignores: "copies, what follows",
    accelerator: None,
    parameters: &[
        WORKERS,
        Parameter {
            name: "window",
            kind: ParameterKind::Plain,
            default: "5",
            summary: "least operators in a piece that an accelerator gets",
        },
    ],
    build: |parameters| {
        let window = parameters.number("window", 1)? as usize;
        Ok(Box::new(Adms { names: parameters.names("workers"), window, monitored: Vec::new(), masks: Vec::new() }))
    },
};

struct Adms {
    names: Vec<String>,
    window: usize,
    /// Its workers, each with measured over expected time.
    monitored: Vec<(WorkerId, f64)>,
    /// For each model, by segment, the workers that may run it, as bits.
    masks: Vec<Vec<u32>>,
}

/// Share of a new measurement in a worker's pace.
const NEW: f64 = 0.1;

impl Strategy for Adms {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let workers = workers_of(ENTRY.name, &self.names, view.device)?;
        let units = Units::of(ENTRY.name, job, view.device, &workers, self.window)?;
        let count = self.masks.len().max(job.model.index() + 1);
        self.masks.resize_with(count, Vec::new);
        self.masks[job.model.index()].clone_from(&units.masks);
        self.monitored = workers.into_iter().map(|worker| (worker, 1.0)).collect();
        Ok(units.open_plan())
    }

    fn interest(&self) -> Interest {
        Interest { dispatch: true, observe: true, ..Interest::default() }
    }

    fn dispatch(&mut self, system: &dyn System, decisions: &mut Decisions) {
        let mut waiting: Vec<Ready> = system.ready().to_vec();
        waiting.sort_by_key(|ready| {
            let deadline_ns = ready.deadline_ns.unwrap_or(u64::MAX);
            (-ready.priority, deadline_ns, ready.arrived_ns, ready.request, ready.segment)
        });
        let busy_ns = |worker: WorkerId| system.backlog_ns(worker).max(u64::from(!system.is_idle(worker))) as f64;
        let mut backlog_ns: Vec<f64> = self.monitored.iter().map(|&(worker, _)| busy_ns(worker)).collect();
        for ready in waiting {
            let score = |(index, &(worker, pace)): (usize, &(WorkerId, f64))| {
                let mask = self.masks.get(ready.model.index())?.get(ready.segment.index())?;
                let allowed = mask & (1 << index) != 0 && system.is_available(worker);
                let expected_ns = system.segment_ns(ready.in_flight, ready.segment, worker).filter(|_| allowed)? as f64;
                Some(((backlog_ns[index] + expected_ns) * pace, index, expected_ns))
            };
            let scores = self.monitored.iter().enumerate().filter_map(score);
            let Some((_, index, expected_ns)) = scores.min_by(|one, other| one.0.total_cmp(&other.0)) else { continue };
            if backlog_ns[index] <= 0.0 {
                decisions.place(ready.in_flight, ready.segment, self.monitored[index].0);
            }
            // Taken for the others, whether it starts now or waits for it.
            backlog_ns[index] += expected_ns;
        }
    }

    fn observe(&mut self, record: &Record) {
        if let Record::Kernel(kernel) = record
            && kernel.solo_ns > 0
            && let Some((_, pace)) = self.monitored.iter_mut().find(|(worker, _)| *worker == kernel.worker)
        {
            let measured = (kernel.end_ns - kernel.start_ns) as f64 / kernel.solo_ns as f64;
            *pace = NEW * measured + (1.0 - NEW) * *pace;
        }
    }
}
