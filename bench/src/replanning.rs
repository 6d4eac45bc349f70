//! What planning again takes at run time, when processors have become slower.

use std::fmt::Write as _;
use std::time::Instant;

use sim::engine::{Model, Options, plan_all, simulate_programs};
use sim::identifiers::ModelId;
use sim::plan::{Plan, PlanError};
use sim::record::{KernelRecord, NoRecorder, Record};
use sim::strategy::registry::build;
use sim::strategy::{Decisions, DeviceView, Interest, Job, Strategy, System};
use sim::workload::{Arrivals, Stream};

use crate::strategies::{Wanted, library_device, lowered, names, spread};

/// Passes everything on, and keeps what calls took in which plans were judged again, and what of it was charged.
struct Timed {
    strategy: Box<dyn Strategy>,
    took_us: Vec<f64>,
    charged_us: Vec<f64>,
}

impl Strategy for Timed {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        self.strategy.plan(job, view)
    }

    fn interest(&self) -> Interest {
        self.strategy.interest()
    }

    fn dispatch(&mut self, system: &dyn System, decisions: &mut Decisions) {
        let begin = Instant::now();
        self.strategy.dispatch(system, decisions);
        if decisions.spent_ns > 0 {
            self.took_us.push(begin.elapsed().as_secs_f64() * 1e6);
            self.charged_us.push(decisions.spent_ns as f64 / 1e3);
        }
    }

    /// Kernels are told to have taken twice as long.
    fn observe(&mut self, record: &Record) {
        match *record {
            Record::Kernel(kernel) => {
                let start_ns = kernel.start_ns.saturating_sub(kernel.end_ns - kernel.start_ns);
                self.strategy.observe(&Record::Kernel(KernelRecord { start_ns, ..kernel }));
            }
            _ => self.strategy.observe(record),
        }
    }
}

/// Requests of a run: enough for factors to move.
const REQUESTS: u64 = 60;

/// Time of `socrates` to judge plans again when kernels take twice as long as planned, as a table in Markdown.
///
/// # Errors
/// If a device or model is not there, or a run fails.
pub fn table(wanted: &Wanted) -> Result<String, String> {
    let device = library_device(&wanted.device)?;
    let mut text =
        format!("Planning again in ms on {} (kernels take twice as long as planned): median (least..most).\n\n", device.name());
    text.push_str("| model | tasks | times | took | charged to the run |\n| --- | ---: | ---: | ---: | ---: |\n");
    for name in names(wanted) {
        let model = lowered(&name, &device)?;
        let (mut took_ms, mut charged_ms) = (Vec::new(), Vec::new());
        for _ in 0..wanted.rounds {
            let strategy = build("socrates").map_err(|error| error.to_string())?;
            let mut timed = Timed { strategy, took_us: Vec::new(), charged_us: Vec::new() };
            let models = [Model { name: &name, tasks: &model.tasks, costs: &model.costs }];
            let programs = plan_all(&device, &models, &mut timed, &Options::default()).map_err(|error| error.to_string())?;
            let streams = vec![Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(REQUESTS))];
            simulate_programs(&device, &models, programs, streams, Some(&mut timed), &Options::default(), &mut NoRecorder)
                .map_err(|error| error.to_string())?;
            took_ms.extend(timed.took_us.iter().map(|us| us / 1e3));
            charged_ms.extend(timed.charged_us.iter().map(|us| us / 1e3));
        }
        let (tasks, times) = (model.tasks.task_count(), took_ms.len());
        let _ = writeln!(text, "| {name} | {tasks} | {times} | {} | {} |", spread(&mut took_ms), spread(&mut charged_ms));
    }
    Ok(text)
}
