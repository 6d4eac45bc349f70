//! Simulates runs side by side and writes them down in order.

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use results::{Choice, ModelInfo, Origin, RunResult, RunWriter, TaskInfo};
use scenarios::Scenario;
use sim::engine::{self, SimulationError, Summary};
use sim::identifiers::WorkerId;
use sim::metrics::Report;
use sim::plan::PlanError;
use sim::platform::Device;
use sim::record::Record;
use sim::strategy::registry;

use crate::failure::Failure;
use crate::run::inputs::Model;
use crate::run::{Inputs, Interrupt, Job, Progress, name_of};

/// Runs simulated before they are written, for each thread: bounds the records held in memory.
const RUNS_AHEAD: usize = 4;

/// A run that could not be simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobFailure {
    /// Its case.
    pub(crate) case: String,
    /// Its strategy.
    pub(crate) strategy: String,
    /// Why.
    pub(crate) cause: Cause,
}

/// Why a run could not be simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
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

/// A run as it came out.
pub(super) struct Simulated<'a> {
    models: Vec<ModelInfo<'a>>,
    records: Vec<Record>,
    summary: Summary,
    pub(super) report: Report,
}

/// Threads to work on; `None` for one on each processor of this machine.
pub(crate) fn thread_pool(threads: Option<u16>) -> Result<ThreadPool, Failure> {
    ThreadPoolBuilder::new().num_threads(threads.map_or(0, usize::from)).build().map_err(Failure::input)
}

/// Simulates all runs on some threads, and adds them to the writer in their order. Runs that cannot be simulated are returned.
pub(crate) fn perform(
    jobs: &[Job],
    scenario: &Scenario,
    inputs: &Inputs,
    mut writer: RunWriter,
    threads: Option<u16>,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<(RunWriter, Vec<JobFailure>), Failure> {
    let pool = thread_pool(threads)?;
    progress.set(0, jobs.len());
    let mut failures = Vec::new();
    for some in jobs.chunks(pool.current_num_threads() * RUNS_AHEAD) {
        let one = |job: &Job| {
            let result = (!interrupt.is_wanted()).then(|| simulate(job, scenario, inputs, scenario.seed));
            progress.advance();
            result
        };
        let simulated: Vec<Option<Result<Simulated<'_>, Cause>>> = pool.install(|| some.par_iter().map(one).collect());
        for (job, result) in some.iter().zip(simulated) {
            match result {
                None => return Err(Failure::interrupted()),
                Some(Ok(simulated)) => writer.add(&simulated.result(job, scenario, &inputs.device))?,
                Some(Err(cause)) => {
                    failures.push(JobFailure { case: job.case.clone(), strategy: job.strategy.clone(), cause });
                }
            }
        }
    }
    if interrupt.is_wanted() { Err(Failure::interrupted()) } else { Ok((writer, failures)) }
}

impl Simulated<'_> {
    fn result<'b>(&'b self, job: &'b Job, scenario: &Scenario, device: &'b Device) -> RunResult<'b> {
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

/// One run of a seed. Fails where the strategy has no plan.
pub(super) fn simulate<'a>(job: &Job, scenario: &Scenario, inputs: &'a Inputs, seed: u64) -> Result<Simulated<'a>, Cause> {
    let device = &inputs.device;
    let used = job.used(inputs);
    let streams = job.streams(scenario, inputs, &used);
    let primary = primary(&job.strategy, device);
    let models: Vec<ModelInfo<'a>> = used.iter().map(|&model| info(job.model(inputs, model), device, &primary)).collect();
    let engine_models: Vec<engine::Model<'_>> = models.iter().map(|info| info.model).collect();
    let mut strategy = registry::build(&job.strategy).map_err(|error| Cause::other(&error))?;
    let mut records = Vec::new();
    let mut options = scenario.options(device).map_err(|error| Cause::other(&error))?;
    options.seed = seed;
    (options.noise_log_deviation, options.common_log_deviation) = inputs.deviations();
    let summary = engine::simulate(device, &engine_models, streams, strategy.as_mut(), &options, &mut records)
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
pub(crate) fn primary(strategy: &str, device: &Device) -> Vec<WorkerId> {
    let kind = registry::entry(strategy).ok().and_then(|entry| entry.accelerator);
    device.worker_ids().filter(|&worker| Some(device.worker(worker).kind) == kind).collect()
}

pub(crate) fn info<'a>(model: &'a Model, device: &Device, primary: &[WorkerId]) -> ModelInfo<'a> {
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
