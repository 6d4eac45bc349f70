//! One job, run for real.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use executor::frames::WithFrames;
use executor::{Executed, ModelToRun, Opener, Overhead, Settings, execute, open};
use results::{Choices, ModelInfo, Origin, RunResult, Stop};
use scenarios::Scenario;
use sim::engine;
use sim::identifiers::ModelId;
use sim::metrics::Report;
use sim::platform::Device;
use sim::record::Record;
use sim::strategy::registry;
use sim::workload::{Arrivals, Stream};
use validation::replay::Observed;

use crate::execute::Machine;
use crate::execute::memory::allocated;
use crate::run::{Cause, Inputs, Interrupt, Job, info, name_of, primary};

/// What came of a job.
pub(crate) struct Measured {
    executed: Executed,
    report: Report,
    pub(crate) stop: Stop,
    overhead: Option<f64>,
    /// For each model of the job: simulated median latency, and difference of the outputs.
    models: Vec<OfModel>,
    /// What the strategy decided.
    choices: Choices,
}

/// A model of a job beside what was expected of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OfModel {
    /// Median latency of the same run in the simulator.
    pub(crate) simulated_ns: Option<f64>,
    /// Largest difference from the outputs of the whole model on the CPU, relative to the largest of them.
    pub(crate) difference: Option<f64>,
}

/// What the table needs of a job.
pub(crate) struct Summarised {
    pub(crate) overhead: Option<f64>,
    pub(crate) models: Vec<OfModel>,
}

impl Measured {
    /// The run as results want it.
    pub(crate) fn result<'a>(
        &'a self,
        job: &'a Job,
        scenario: &Scenario,
        device: &'a Device,
        models: &'a [ModelInfo<'a>],
    ) -> RunResult<'a> {
        RunResult {
            case: &job.case,
            strategy: &job.strategy,
            origin: Origin::Measured,
            seed: scenario.seed,
            device,
            models,
            records: &self.executed.records,
            summary: &self.executed.summary,
            report: &self.report,
        }
    }

    /// What happened.
    pub(crate) fn records(&self) -> &[Record] {
        &self.executed.records
    }

    /// What the strategy decided.
    pub(crate) fn choices(&self) -> &Choices {
        &self.choices
    }

    /// Largest difference of any model's outputs from those of the whole model on the CPU.
    pub(crate) fn largest_difference(&self) -> Option<f64> {
        self.models.iter().filter_map(|model| model.difference).reduce(f64::max)
    }

    /// Without the records.
    pub(crate) fn summary(self) -> Summarised {
        Summarised { overhead: self.overhead, models: self.models }
    }
}

/// The models of a run as results want them; the frames last.
pub(crate) fn infos<'a>(job: &Job, inputs: &'a Inputs, machine: &'a Machine) -> Vec<ModelInfo<'a>> {
    let primary = primary(&job.strategy, &inputs.device);
    let used = job.used(inputs);
    let models = used.iter().map(|&model| job.model(inputs, model));
    let frames = machine.frames.as_ref().map(|frames| &frames.model);
    models.chain(frames).map(|model| info(model, &inputs.device, &primary)).collect()
}

/// Runs a job on the machine, and simulates it where nothing else runs beside it.
pub(crate) fn measure(
    job: &Job,
    scenario: &Scenario,
    inputs: &Inputs,
    machine: &Machine,
    interrupt: &Interrupt,
) -> Result<Measured, Cause> {
    let device = &inputs.device;
    let other = |error: &dyn std::fmt::Display| Cause::Other(error.to_string());
    let used = job.used(inputs);
    let mut models: Vec<ModelToRun<'_>> = used
        .iter()
        .map(|&index| {
            let (model, weights) = (job.model(inputs, index), &machine.weights[index][job.variants[index]]);
            ModelToRun { name: &model.name, graph: &model.graph, lowered: &model.lowered, weights }
        })
        .collect();
    let streams = || job.streams(scenario, inputs, &used);
    let mut all_streams = streams();
    let mut strategy = registry::build(&job.strategy).map_err(|error| other(&error))?;
    let mut observed = Observed::new(strategy.as_mut());
    let mut settings =
        Settings { seed: scenario.seed, horizon_ns: scenario.horizon_ns, warm_up: machine.warm_up, ..Settings::default() };
    let openers = machine.processors().iter().map(|(_, specification)| -> Opener<'_> { Box::new(move || open(specification)) });
    let openers: Vec<Opener<'_>> = openers.collect();
    let executed = with_interrupt(interrupt, |flag| match &machine.frames {
        None => execute(device, &models, all_streams, &mut observed, openers, &settings, flag),
        Some(frames) => {
            let model = ModelId::from_index(models.len());
            models.push(ModelToRun {
                name: &frames.model.name,
                graph: &frames.model.graph,
                lowered: &frames.model.lowered,
                weights: &frames.weights,
            });
            let mut stream = Stream::new(model, Arrivals::Periodic { period_ns: frames.period_ns, phase_ns: 0 }, None);
            (stream.deadline_ns, stream.priority) = (Some(frames.period_ns), i32::MAX);
            settings.background_from = Some(all_streams.len());
            all_streams.push(stream);
            let mut strategy = WithFrames::new(&mut observed, model, frames.worker);
            execute(device, &models, all_streams, &mut strategy, openers, &settings, flag)
        }
    })
    .map_err(|error| other(&error))?;
    let choices = observed.choices(&executed.records);
    let overhead = Overhead::of(&executed.records).share();
    let simulated = if machine.is_loaded { Vec::new() } else { simulate(job, scenario, inputs, &used, streams()) };
    let of_model = |(position, &model): (usize, &usize)| OfModel {
        simulated_ns: simulated.get(position).copied().flatten(),
        difference: executed.outputs[position]
            .as_ref()
            .and_then(|outputs| machine.difference(inputs, model, scenario.seed, outputs)),
    };
    let of_models = used.iter().enumerate().map(of_model).collect();
    let end_ns = executed.summary.end_ns;
    let mut report =
        results::report(device, &infos(job, inputs, machine), &executed.records, end_ns).map_err(|error| other(&error))?;
    for (report, &stream) in report.streams.iter_mut().zip(&job.streams) {
        report.name = Some(name_of(scenario, inputs, stream));
    }
    report.allocated = Some(allocated(device, &executed.memory));
    Ok(Measured { stop: Stop::from(&executed.summary.stop), report, overhead, models: of_models, executed, choices })
}

/// Lets the executor see the user's wish to stop.
fn with_interrupt<T>(interrupt: &Interrupt, run: impl FnOnce(&AtomicBool) -> T) -> T {
    let (flag, done) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                flag.store(interrupt.is_wanted(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let result = run(&flag);
        done.store(true, Ordering::Relaxed);
        result
    })
}

/// Median latency of each model in the simulator; nothing where it cannot be simulated.
fn simulate(job: &Job, scenario: &Scenario, inputs: &Inputs, used: &[usize], streams: Vec<Stream>) -> Vec<Option<f64>> {
    let models: Vec<engine::Model<'_>> = used
        .iter()
        .map(|&index| {
            let model = job.model(inputs, index);
            engine::Model { name: &model.name, tasks: &model.lowered.tasks, costs: &model.lowered.costs }
        })
        .collect();
    let Ok(mut strategy) = registry::build(&job.strategy) else { return Vec::new() };
    let mut records = Vec::new();
    let Ok(mut options) = scenario.options(&inputs.device) else { return Vec::new() };
    (options.noise_log_deviation, options.common_log_deviation) = inputs.deviations();
    let Ok(summary) = engine::simulate(&inputs.device, &models, streams, strategy.as_mut(), &options, &mut records) else {
        return Vec::new();
    };
    let infos: Vec<ModelInfo<'_>> = used.iter().map(|&model| info(job.model(inputs, model), &inputs.device, &[])).collect();
    let report = results::report(&inputs.device, &infos, &records, summary.end_ns);
    report.map_or_else(|_| Vec::new(), |report| report.models.iter().map(|model| model.latency.map(|it| it.p50_ns)).collect())
}
