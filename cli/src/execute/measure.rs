//! One job, run for real.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use executor::frames::WithFrames;
use executor::{Executed, ModelToRun, Opener, Overhead, Settings, execute, open};
use results::{Choices, ModelInfo, Origin, RunResult, Stop};
use scenarios::Scenario;
use sim::identifiers::ModelId;
use sim::metrics::{ModelReport, Report};
use sim::platform::Device;
use sim::record::Record;
use sim::strategy::registry;
use sim::workload::{Arrivals, Stream};
use validation::replay::Observed;

use crate::execute::memory::allocated;
use crate::execute::{Again, Decider, How, Machine, again};
use crate::run::{Cause, Inputs, Interrupt, Job, info, name_of, primary};

/// What came of a job.
pub(crate) struct Measured {
    executed: Executed,
    report: Report,
    pub(crate) stop: Stop,
    overhead: Option<f64>,
    /// For each model of the job, then the frames.
    models: Vec<OfModel>,
    /// What the strategy decided.
    choices: Choices,
}

/// A model of a job beside what was expected of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct OfModel {
    /// What the same run comes to in the simulator, with the same arrivals and whatever ran beside it.
    pub(crate) simulated: Option<ModelReport>,
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

/// Runs a job on the machine, and in the simulator.
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
    let mut all_streams = job.streams(scenario, inputs, &used);
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
    let simulated = simulate(job, scenario, inputs, machine);
    let of_model = |position: usize| OfModel {
        simulated: simulated.get(position).cloned(),
        difference: used
            .get(position)
            .zip(executed.outputs.get(position))
            .and_then(|(&model, outputs)| machine.difference(inputs, model, scenario.seed, outputs.as_ref()?)),
    };
    let of_models = (0..models.len()).map(of_model).collect();
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
    /// Ends the watch even if what is watched panics: the scope would wait for it for ever.
    struct Done<'a>(&'a AtomicBool);

    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let (flag, done) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                flag.store(interrupt.is_wanted(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let _done = Done(&done);
        run(&flag)
    })
}

/// Each model in the simulator, the frames last; nothing where the run cannot be simulated.
fn simulate(job: &Job, scenario: &Scenario, inputs: &Inputs, machine: &Machine) -> Vec<ModelReport> {
    let Ok(options) = scenario.options(&inputs.device) else { return Vec::new() };
    let how = How { decider: Decider::Strategy, seed: scenario.seed, variation: options.variation, arrivals_ns: None };
    again(job, scenario, inputs, &machine.beside(inputs), how).map_or_else(|_| Vec::new(), Again::into_models)
}
