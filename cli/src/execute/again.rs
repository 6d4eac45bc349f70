//! A job that ran for real, in the simulator: with what was decided there, or with a strategy that decides anew, and with what ran
//! beside it.

use executor::Specification;
use executor::frames::WithFrames;
use results::{Choices, ModelInfo, Origin, RunResult};
use scenarios::Scenario;
use sim::engine::{self, Summary, Variation};
use sim::environment::{Load, Presence, Takes};
use sim::identifiers::{ModelId, ProcessorId};
use sim::metrics::{ModelReport, Report};
use sim::record::{Outcome, Record};
use sim::strategy::{Interest, Strategy, registry};
use sim::workload::{Arrivals, Stream};
use validation::replay::Replay;

use crate::run::{Inputs, Job, Model, info, primary};

/// What ran beside a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Beside<'a> {
    /// Processors that are kept busy, each for a share of the time.
    pub(crate) loads: Vec<(ProcessorId, f64)>,
    /// Frames: model, period.
    pub(crate) frames: Option<BesideFrames<'a>>,
}

/// UI frames beside a job.
#[derive(Clone)]
pub(crate) struct BesideFrames<'a> {
    pub(crate) model: &'a Model,
    pub(crate) worker: sim::identifiers::WorkerId,
    pub(crate) period_ns: u64,
}

impl PartialEq for BesideFrames<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.worker, self.period_ns) == (other.worker, other.period_ns)
    }
}

impl std::fmt::Debug for BesideFrames<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "frames every {} ns", self.period_ns)
    }
}

impl<'a> Beside<'a> {
    /// What a machine is loaded with. A thread of load on a core takes turns with a worker's thread while it is busy, so that it takes half
    /// of the share for which it is.
    pub(crate) fn of(
        processors: &[(String, Specification)],
        inputs: &Inputs,
        cpu_loads: &[(usize, f64)],
        frames: Option<BesideFrames<'a>>,
    ) -> Self {
        let mut loads = Vec::new();
        for &(core, share) in cpu_loads {
            let workers = processors.iter().filter(|(_, specification)| specification.cores().contains(&core));
            let demands = workers.filter_map(|(name, _)| inputs.device.worker_named(name));
            let processor =
                demands.filter_map(|worker| inputs.device.worker(worker).demands.last()).map(|demand| demand.0).next();
            loads.extend(processor.map(|processor| (processor, share / 2.0)));
        }
        Self { loads, frames }
    }
}

/// Who decides.
#[derive(Clone, Copy)]
pub(crate) enum Decider<'a> {
    /// What was decided before.
    Choices(&'a Choices),
    /// The strategy of the job, anew.
    Strategy,
}

/// How to simulate.
#[derive(Clone, Copy)]
pub(crate) struct How<'a> {
    pub(crate) decider: Decider<'a>,
    pub(crate) seed: u64,
    pub(crate) variation: Variation,
    /// When requests of open streams arrived, by stream; as the scenario says where absent. Streams whose arrivals follow from completions
    /// stay as they are.
    pub(crate) arrivals_ns: Option<&'a [Vec<u64>]>,
}

/// A simulated run.
pub(crate) struct Again<'a> {
    models: Vec<ModelInfo<'a>>,
    pub(crate) records: Vec<Record>,
    summary: Summary,
    report: Report,
}

impl Again<'_> {
    /// What each model came to.
    pub(crate) fn into_models(self) -> Vec<ModelReport> {
        self.report.models
    }

    /// The run as results want it.
    pub(crate) fn result<'b>(&'b self, job: &'b Job, scenario: &Scenario, inputs: &'b Inputs) -> RunResult<'b> {
        RunResult {
            case: &job.case,
            strategy: &job.strategy,
            origin: Origin::Simulated,
            seed: scenario.seed,
            device: &inputs.device,
            models: &self.models,
            records: &self.records,
            summary: &self.summary,
            report: &self.report,
        }
    }
}

/// What a strategy wants to be asked at run time.
pub(crate) fn interest(strategy: &str) -> Interest {
    registry::build(strategy).map(|strategy| strategy.interest()).unwrap_or_default()
}

/// Simulates a job.
pub(crate) fn again<'a>(
    job: &Job,
    scenario: &Scenario,
    inputs: &'a Inputs,
    beside: &Beside<'a>,
    how: How<'_>,
) -> Result<Again<'a>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let device = &inputs.device;
    let used = job.used(inputs);
    let primary = primary(&job.strategy, device);
    let of_job = used.iter().map(|&model| job.model(inputs, model));
    let frames = beside.frames.as_ref().map(|frames| frames.model);
    let models: Vec<ModelInfo<'a>> = of_job.chain(frames).map(|model| info(model, device, &primary)).collect();
    let engine_models: Vec<engine::Model<'_>> = models.iter().map(|info| info.model).collect();
    let mut strategy: Box<dyn Strategy> = match how.decider {
        Decider::Strategy => registry::build(&job.strategy).map_err(|error| text(&error))?,
        Decider::Choices(choices) => {
            Box::new(Replay::of(choices).ok_or_else(|| "the observation holds a plan that is none".to_owned())?)
        }
    };
    let mut streams = job.streams(scenario, inputs, &used);
    for (index, stream) in streams.iter_mut().enumerate() {
        let recorded = how.arrivals_ns.and_then(|all| all.get(index));
        if let Some(times_ns) = recorded.filter(|_| !stream.arrivals.is_closed() && stream.arrivals.follows().is_none()) {
            stream.limit = Some(times_ns.len() as u64);
            stream.arrivals = Arrivals::Recorded(times_ns.clone());
        }
    }
    let mut options = scenario.options(device).map_err(|error| text(&error))?;
    (options.seed, options.variation) = (how.seed, how.variation);
    (options.noise_log_deviation, options.common_log_deviation) = inputs.deviations();
    options.environment.loads.extend(beside.loads.iter().map(|&(processor, share)| Load {
        processor,
        takes: Takes::Share(share),
        presence: Presence::ALWAYS,
        migration: None,
    }));
    let mut records = Vec::new();
    let summary = match &beside.frames {
        None => engine::simulate(device, &engine_models, streams, strategy.as_mut(), &options, &mut records),
        Some(frames) => {
            let model = ModelId::from_index(used.len());
            let mut stream = Stream::new(model, Arrivals::Periodic { period_ns: frames.period_ns, phase_ns: 0 }, None);
            (stream.deadline_ns, stream.priority) = (Some(frames.period_ns), i32::MAX);
            streams.push(stream);
            let mut strategy = WithFrames::new(strategy.as_mut(), model, frames.worker);
            engine::simulate(device, &engine_models, streams, &mut strategy, &options, &mut records)
        }
    };
    let summary = summary.map_err(|error| text(&error))?;
    let report = results::report(device, &models, &records, summary.end_ns).map_err(|error| text(&error))?;
    Ok(Again { models, records, summary, report })
}

/// Latencies of the requests of each model that completed, in order of completion.
pub(crate) fn latencies_ns(records: &[Record], models: usize) -> Vec<Vec<u64>> {
    let mut latencies = vec![Vec::new(); models];
    for record in records {
        if let Record::Request(it) = record
            && it.outcome == Outcome::Completed
            && let Some(own) = latencies.get_mut(it.model.index())
        {
            own.push(it.ended_ns - it.arrived_ns);
        }
    }
    latencies
}

/// When requests of each stream arrived.
pub(crate) fn arrivals_ns(records: &[Record], streams: usize) -> Vec<Vec<u64>> {
    let mut arrivals = vec![Vec::new(); streams];
    for record in records {
        if let Record::Arrival(it) = record
            && let Some(own) = arrivals.get_mut(it.stream.index())
        {
            own.push(it.at_ns);
        }
    }
    for own in &mut arrivals {
        own.sort_unstable();
    }
    arrivals
}
