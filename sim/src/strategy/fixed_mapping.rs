//! `fixed-mapping`: a placement that somebody else decided, with the clocks that they set.
//!
//! Source: none; it replays mappings that were measured.
//! Rule: task `i` goes to the `i`-th processor, at the `i`-th setting of its clocks. Consecutive tasks of one worker at one setting form a
//! segment.
//! Ignores: everything.

use crate::identifiers::{TaskId, WorkerId};
use crate::plan::{Plan, PlanError};
use crate::platform::Device;
use crate::strategy::parameters::{Parameter, ParameterKind, Parameters, worker_named};
use crate::strategy::registry::{Entry, StrategyError};
use crate::strategy::{DeviceView, Job, Strategy};
use crate::task::settings::SettingId;
use crate::task::{CostTable, Settings};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "fixed-mapping",
    summary: "given workers, and settings of their clocks, task by task",
    granularity: "operator",
    optimises: "nothing: it replays what others decided",
    ignores: "everything",
    accelerator: None,
    parameters: &[
        Parameter {
            name: "processors",
            kind: ParameterKind::Plain,
            default: "auto",
            summary: "a worker for each task: `gpu*12+cpu.1large*3`, or letters, `LLBG`, where workers have names of one letter; `auto` \
                      puts all on the device's first worker that runs all",
        },
        Parameter {
            name: "clocks",
            kind: ParameterKind::Plain,
            default: "none",
            summary: "points of the clocks of each task, joined by `|`: `5|5|7|4-7`; or one for all, `max` or `min`; `none` sets no clock",
        },
    ],
    build: |parameters| Ok(Box::new(FixedMapping::of(parameters)?)),
};

/// What is asked of the clocks of a task's worker.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Clocks {
    Unset,
    Highest,
    Lowest,
    /// Points of the worker's clocks, in their order.
    Points(Vec<usize>),
}

/// The strategy: names of workers, and what is asked of their clocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedMapping {
    processors: String,
    clocks: Vec<Clocks>,
}

impl FixedMapping {
    /// From the values of the parameters `processors` and `clocks`.
    ///
    /// # Errors
    /// If the clocks cannot be read.
    pub fn new(processors: &str, clocks: &str) -> Result<Self, String> {
        let one = |text: &str| match text {
            "max" => Ok(Clocks::Highest),
            "min" => Ok(Clocks::Lowest),
            "none" => Ok(Clocks::Unset),
            points => {
                let parsed = points.split('-').map(|point| point.trim().parse().ok()).collect::<Option<Vec<usize>>>();
                parsed
                    .map(Clocks::Points)
                    .ok_or_else(|| format!("`{points}` is not `max`, `min`, `none`, or points such as `5` or `4-7`"))
            }
        };
        let clocks = clocks.split('|').map(|text| one(text.trim())).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { processors: processors.to_owned(), clocks })
    }

    fn of(parameters: &Parameters) -> Result<Self, StrategyError> {
        let clocks = parameters.text("clocks");
        Self::new(parameters.text("processors"), clocks).map_err(|right| StrategyError::BadValue {
            strategy: ENTRY.name.to_owned(),
            name: "clocks".to_owned(),
            value: clocks.to_owned(),
            right,
        })
    }

    /// A worker for each of so many tasks.
    fn workers(&self, device: &Device, costs: &CostTable) -> Result<Vec<WorkerId>, PlanError> {
        let (text, tasks) = (self.processors.as_str(), costs.task_count());
        let workers: Vec<WorkerId> = if text == "auto" {
            let runs_all = |worker: &WorkerId| (0..tasks).all(|task| costs.supports(TaskId::from_index(task), *worker));
            vec![device.worker_ids().find(runs_all).unwrap_or(WorkerId(0)); tasks]
        } else if let Some(worker) = device.worker_named(text) {
            vec![worker; tasks]
        } else if text.contains(['+', '*']) {
            let mut workers = Vec::new();
            for run in text.split('+') {
                let (name, count) = run.split_once('*').unwrap_or((run, "1"));
                let count: usize = count.trim().parse().map_err(|_| not_found(format!("`{run}` is not `worker*count`")))?;
                workers.extend(std::iter::repeat_n(worker_named(ENTRY.name, device, name.trim())?, count.min(tasks + 1)));
            }
            workers
        } else {
            let named = |letter: char| worker_named(ENTRY.name, device, letter.encode_utf8(&mut [0; 4]));
            text.chars().map(named).collect::<Result<_, _>>()?
        };
        if workers.len() == tasks {
            return Ok(workers);
        }
        Err(not_found(format!("`processors` places {} tasks, the model has {tasks}", workers.len())))
    }
}

fn not_found(why: String) -> PlanError {
    PlanError::NotFound { strategy: ENTRY.name.to_owned(), why }
}

impl Strategy for FixedMapping {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let tasks: Vec<TaskId> = job.tasks.tasks().collect();
        let workers = self.workers(view.device, job.costs)?;
        if self.clocks.len() != 1 && self.clocks.len() != tasks.len() {
            return Err(not_found(format!("`clocks` names {} settings, the model has {} tasks", self.clocks.len(), tasks.len())));
        }
        let mut places: Vec<(WorkerId, Option<SettingId>)> = Vec::with_capacity(tasks.len());
        for (index, &worker) in workers.iter().enumerate() {
            if !job.costs.supports(tasks[index], worker) {
                return Err(PlanError::Unplaceable { strategy: ENTRY.name.to_owned(), task: index as u32 });
            }
            let asked = if self.clocks.len() == 1 { &self.clocks[0] } else { &self.clocks[index] };
            places.push((worker, setting(asked, worker, job.costs.settings().map(AsRef::as_ref), view.device)?));
        }
        let mut plan = Plan::new();
        for run in (0..tasks.len()).collect::<Vec<_>>().chunk_by(|&one, &next| places[one] == places[next]) {
            let (worker, setting) = places[run[0]];
            let segment = plan.segment(Some(worker), run.iter().map(|&index| tasks[index]));
            if let Some(setting) = setting {
                plan.at(segment, setting);
            }
        }
        Ok(plan)
    }
}

fn setting(
    asked: &Clocks,
    worker: WorkerId,
    settings: Option<&Settings>,
    device: &Device,
) -> Result<Option<SettingId>, PlanError> {
    if *asked == Clocks::Unset {
        return Ok(None);
    }
    let name = &device.worker(worker).name;
    let Some(settings) = settings else {
        let needs = "costs at settings of clocks".to_owned();
        return Err(PlanError::Missing { strategy: ENTRY.name.to_owned(), needs, device: device.name().to_owned() });
    };
    let setting = match asked {
        Clocks::Unset => None,
        Clocks::Highest => Some(settings.highest(worker)),
        Clocks::Lowest => Some(SettingId(0)),
        Clocks::Points(points) => settings.at_points(worker, points),
    };
    setting.map(Some).ok_or_else(|| not_found(format!("worker `{name}` has no such setting of its clocks: {asked:?}")))
}
