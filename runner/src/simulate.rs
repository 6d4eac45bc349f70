//! One run: a group of streams under a strategy, with a seed.

use results::{Choice, ModelInfo, Origin, RunResult, TaskInfo};
use scenarios::Scenario;
use sim::engine::{self, SimulationError, Summary};
use sim::identifiers::WorkerId;
use sim::metrics::Report;
use sim::plan::PlanError;
use sim::platform::Device;
use sim::record::Record;
use sim::strategy::{Strategy, registry};

use crate::{Inputs, Job, Model, name_of};

/// A run that could not be simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFailure {
    /// Its case.
    pub case: String,
    /// Its strategy.
    pub strategy: String,
    /// Why.
    pub cause: Cause,
}

/// Why a run could not be simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The strategy cannot be planned for, for this reason.
    Plan(String),
    /// Anything else.
    Other(String),
}

impl Cause {
    fn other(error: &impl std::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }
}

impl std::error::Error for Cause {}

impl std::fmt::Display for Cause {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plan(why) => write!(formatter, "the strategy has no plan: {why}"),
            Self::Other(why) => formatter.write_str(why),
        }
    }
}

/// A run as it came out.
pub struct Simulated<'a> {
    /// The models of this run, each once.
    pub models: Vec<ModelInfo<'a>>,
    /// What happened, in order of time.
    pub records: Vec<Record>,
    /// How it ended.
    pub summary: Summary,
    /// Its figures.
    pub report: Report,
}

impl Simulated<'_> {
    /// The run as results are written from it.
    #[must_use]
    pub fn result<'b>(&'b self, job: &'b Job, scenario: &Scenario, device: &'b Device) -> RunResult<'b> {
        RunResult {
            case: &job.case,
            strategy: &job.strategy,
            origin: Origin::Simulated,
            seed: scenario.seed,
            device,
            models: &self.models,
            records: &self.records,
            summary: &self.summary,
            report: &self.report,
        }
    }
}

/// One run of a seed.
///
/// # Errors
/// Where the strategy has no plan for a model.
pub fn simulate<'a>(job: &Job, scenario: &Scenario, inputs: &'a Inputs, seed: u64) -> Result<Simulated<'a>, Cause> {
    let mut strategy = registry::build(&job.strategy).map_err(|error| Cause::other(&error))?;
    simulate_by(strategy.as_mut(), job, scenario, inputs, seed)
}

/// One run of a seed by a strategy that need not be in the registry, whatever the job says.
///
/// # Errors
/// Where the strategy has no plan for a model.
pub fn simulate_by<'a>(
    strategy: &mut dyn Strategy,
    job: &Job,
    scenario: &Scenario,
    inputs: &'a Inputs,
    seed: u64,
) -> Result<Simulated<'a>, Cause> {
    let device = &inputs.device;
    let used = job.used(inputs);
    let streams = job.streams(scenario, inputs, &used);
    let primary = primary(&job.strategy, device);
    let models: Vec<ModelInfo<'a>> = used.iter().map(|&model| info(job.model(inputs, model), device, &primary)).collect();
    let engine_models: Vec<engine::Model<'_>> = models.iter().map(|info| info.model).collect();
    let mut records = Vec::new();
    let mut options = scenario.options(device).map_err(|error| Cause::other(&error))?;
    options.seed = seed;
    (options.noise_log_deviation, options.common_log_deviation) = inputs.deviations();
    let summary = engine::simulate(device, &engine_models, streams, strategy, &options, &mut records)
        .map_err(|error| cause(&error, &models, device))?;
    let mut report = results::report(device, &models, &records, summary.end_ns).map_err(|error| Cause::other(&error))?;
    for (report, &stream) in report.streams.iter_mut().zip(&job.streams) {
        report.name = Some(name_of(scenario, inputs, stream));
    }
    Ok(Simulated { models, records, summary, report })
}

/// Why a run cannot start, with the names of tasks and workers.
fn cause(error: &SimulationError, models: &[ModelInfo<'_>], device: &Device) -> Cause {
    let SimulationError::Plan { model, source } = error else { return Cause::other(error) };
    let info = models.iter().find(|info| info.model.name == model);
    let task_of = |task: u32| info.and_then(|info| info.tasks.get(task as usize));
    let told = match *source {
        PlanError::Unplaceable { task, .. } => task_of(task).map(|task| {
            let refusals = device
                .workers()
                .iter()
                .zip(&task.choices)
                .filter_map(|(worker, choice)| choice.refusal.as_ref().map(|refusal| format!("{}: {refusal}", worker.name)));
            let refusals: Vec<String> = refusals.collect();
            format!("operator `{}` can run on no worker that the strategy uses ({})", task.name, refusals.join("; "))
        }),
        PlanError::Unsupported { task, worker, .. } => {
            task_of(task).zip(device.workers().get(worker as usize)).map(|(task, on)| {
                let refusal = task.choices.get(worker as usize).and_then(|choice| choice.refusal.as_deref());
                format!("operator `{}` cannot run on worker `{}` ({})", task.name, on.name, refusal.unwrap_or("no cost is known"))
            })
        }
        _ => None,
    };
    Cause::Plan(told.unwrap_or_else(|| source.to_string()))
}

/// Workers that a strategy means a model to run on.
#[must_use]
pub fn primary(strategy: &str, device: &Device) -> Vec<WorkerId> {
    let kind = registry::entry(strategy).ok().and_then(|entry| entry.accelerator);
    device.worker_ids().filter(|&worker| Some(device.worker(worker).kind) == kind).collect()
}

/// What results tell of a model: its tasks, and what each worker would take for them.
#[must_use]
pub fn info<'a>(model: &'a Model, device: &Device, primary: &[WorkerId]) -> ModelInfo<'a> {
    let lowered = &model.lowered;
    let tasks = lowered.tasks.tasks().zip(lowered.info.iter().zip(&model.operator_names)).map(|(task, (info, operators))| {
        let choice = |worker: WorkerId| {
            let placement = lowered.placement(task, worker);
            Choice {
                refusal: placement.unsupported.clone(),
                expected_ns: lowered.costs.duration_ns(task, worker),
                extrapolated: !placement.in_range,
            }
        };
        TaskInfo {
            name: info.name.clone(),
            operators: operators.clone(),
            kind: info.kind.name().to_owned(),
            choices: device.worker_ids().map(choice).collect(),
        }
    });
    ModelInfo {
        model: engine::Model { name: &model.name, tasks: &lowered.tasks, costs: &lowered.costs },
        tasks: tasks.collect(),
        primary: primary.to_vec(),
    }
}
