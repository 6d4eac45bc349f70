//! The order of things: a calibration to plan with, rounds of executions and more calibration, canaries throughout.

use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use executor::{Specification, discover};
use hwcal::host::{Context, HostFit, Occupancy, Samples, probe};
use results::{Choices, Stop};
use scenarios::{Profile, Reference};
use sim::engine::Variation;
use sim::record::Record;
use sim::statistics::median;
use validation::host::{Canary, HostRun, Run};

use super::calibration::{Calibration, fit_without};
use super::cases::{self, MODELS, Workload};
use super::collect::{Collected, collect};
use crate::arguments::{ExecuteArguments, ValidateHostArguments};
use crate::commands::calibrate::{read_samples, samples_beside, with_flag, workers};
use crate::commands::restart_confined;
use crate::execute::{Beside, Decider, How, Machine, Measured, again, latencies_ns, measure};
use crate::failure::Failure;
use crate::run::{Cause, Inputs, Interrupt, Job, MeasureProgress, jobs};

/// How much is measured.
struct Extent {
    /// Calibration before the first execution.
    first_seconds: f64,
    /// Calibration after each round of executions.
    piece_seconds: f64,
    rounds: usize,
    requests: usize,
    horizon_ms: u64,
    /// No execution begins after this time.
    limit_seconds: f64,
}

const QUICK: Extent =
    Extent { first_seconds: 85.0, piece_seconds: 22.0, rounds: 3, requests: 10, horizon_ms: 1_200, limit_seconds: 240.0 };
const FULL: Extent =
    Extent { first_seconds: 420.0, piece_seconds: 60.0, rounds: 5, requests: 30, horizon_ms: 5_000, limit_seconds: 2_400.0 };
/// Executions between two canaries.
const BETWEEN_CANARIES: usize = 5;

/// A workload on the profile that its plans are made with.
pub(super) struct Loaded {
    pub(super) workload: Workload,
    pub(super) inputs: Inputs,
    pub(super) jobs: Vec<Job>,
    /// For what runs beside nothing else: kept from round to round.
    pub(super) machine: Option<Machine>,
    /// What came of each job.
    pub(super) done: Vec<Done>,
}

/// What came of the executions of a job.
#[derive(Default)]
pub(super) struct Done {
    /// Runs of each of its models, in order of time.
    pub(super) runs: Vec<Vec<Run>>,
    pub(super) choices: Choices,
    pub(super) last: Option<Measured>,
    pub(super) is_hopeless: bool,
}

struct Session<'a> {
    arguments: &'a ValidateHostArguments,
    found: Vec<(String, Specification)>,
    interrupt: Interrupt,
    progress: MeasureProgress,
    begin: Instant,
    begin_ms: u64,
    canaries: Vec<Canary>,
    notes: Vec<String>,
}

/// Measures, predicts and compares; writes everything but the judgement.
pub(crate) fn validate(arguments: &ValidateHostArguments) -> Result<HostRun, Failure> {
    restart_confined(&arguments.processors, 1)?;
    let begin = Instant::now();
    let given = arguments.device.as_deref().map(|path| Profile::open(&Reference::File(path.to_owned()))).transpose()?;
    let found = match &given {
        Some(profile) => opened(&profile.value, &arguments.processors)?,
        None if arguments.processors.is_empty() => discover(),
        None => arguments.processors.clone(),
    };
    let begin_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let mut session = Session {
        arguments,
        found,
        interrupt: Interrupt::listen()?,
        progress: MeasureProgress::new(arguments.quiet),
        begin,
        begin_ms,
        canaries: Vec::new(),
        notes: Vec::new(),
    };
    if let Some(profile) = &given {
        session.check_context(&profile.value)?;
    }
    claim(&arguments.output)?;
    session.perform(if arguments.quick { &QUICK } else { &FULL }, given.is_some())
}

impl Session<'_> {
    fn perform(&mut self, extent: &Extent, is_given: bool) -> Result<HostRun, Failure> {
        let output = &self.arguments.output;
        let gpu = self.found.iter().find(|(_, it)| matches!(it, Specification::OpenCl { .. } | Specification::Vulkan { .. }));
        let gpu = gpu.map(|(name, _)| name.clone());
        if gpu.is_none() {
            self.notes.push("This machine has no GPU that a driver was found for: the CPU alone was judged.".to_owned());
        }
        let (found, seed) = (self.found.clone(), self.arguments.seed);
        let (interrupt, journal) = (self.interrupt.clone(), output.join("host.samples.journal"));
        let calibration =
            Calibration { found: &found, journal: journal.clone(), is_quick: self.arguments.quick, seed, interrupt: &interrupt };
        self.canary()?;
        let mut samples = if let (true, Some(path)) = (is_given, &self.arguments.device) {
            self.notes.push("The profile was measured before, not in turns with the executions.".to_owned());
            read_samples(&samples_beside(path))?
        } else {
            self.progress.say(&format!("calibrating for {:.0} s", extent.first_seconds));
            calibration.measure(extent.first_seconds, &mut self.progress)?
        };
        let plans = output.join("plans.toml");
        fit_without(&samples, &MODELS, &found, &plans, seed)?;
        let mut all = self.load(&plans, gpu.as_deref(), extent)?;
        for round in 0..extent.rounds {
            self.round(round, extent, &mut all)?;
            if !is_given && round + 1 < extent.rounds && !self.is_late(extent) {
                samples = calibration.measure(extent.piece_seconds, &mut self.progress)?;
            }
        }
        self.canary()?;
        let profile = output.join("host.toml");
        let fitted = fit_without(&samples, &MODELS, &found, &profile, seed)?;
        self.progress.say(&format!("measured for {:.0} s; predicting", self.begin.elapsed().as_secs_f64()));
        write_samples(&samples, &output.join("host.samples.jsonl"))?;
        // Everything is in place: what was kept in case of a stop is not needed any more.
        let _ = std::fs::remove_file(journal);
        self.assemble(&samples, &fitted, &profile, &all)
    }

    fn assemble(&mut self, samples: &Samples, fitted: &HostFit, profile: &Path, all: &[Loaded]) -> Result<HostRun, Failure> {
        let collected = Collected {
            is_quick: self.arguments.quick,
            samples,
            fitted,
            canaries: std::mem::take(&mut self.canaries),
            notes: std::mem::take(&mut self.notes),
        };
        collect(collected, profile, &self.arguments.output, all)
    }

    /// The models and workloads on the profile that plans are made with.
    fn load(&mut self, profile: &Path, gpu: Option<&str>, extent: &Extent) -> Result<Vec<Loaded>, Failure> {
        let seed = self.arguments.seed;
        let models = self.loaded(cases::models(profile, gpu.is_some(), extent.requests, seed)?)?;
        // How long each model takes on the first worker: rates of arrivals follow from it.
        let mut latencies: Vec<(&str, f64)> = Vec::new();
        for (model, job) in MODELS.iter().zip(models.jobs.iter().filter(|job| job.strategy == "cpu")) {
            let (decider, variation) = (Decider::Strategy, Variation::None);
            let how = How { decider, seed, variation, arrivals_ns: None };
            if let Ok(run) = again(job, &models.workload.scenario.value, &models.inputs, &Beside::default(), how) {
                let all: Vec<f64> = latencies_ns(&run.records, 1).concat().into_iter().map(|ns| ns as f64).collect();
                latencies.extend(median(&all).ok().map(|ns| (*model, ns)));
            }
        }
        let core = self.found.iter().find_map(|(_, it)| it.cores().first().copied()).unwrap_or(0);
        let workloads = cases::workloads(profile, gpu, core, &latencies, extent.horizon_ms, seed)?;
        let mut all = vec![models];
        for workload in workloads {
            all.push(self.loaded(workload)?);
        }
        Ok(all)
    }

    fn loaded(&self, workload: Workload) -> Result<Loaded, Failure> {
        let inputs = Inputs::load(&workload.scenario.value)?;
        let jobs = jobs(&workload.scenario.value, &inputs);
        let is_plain = workload.cpu_loads.is_empty();
        let machine = if is_plain { Some(self.machine(&workload, &inputs)?) } else { None };
        let done = jobs.iter().map(|_| Done::default()).collect();
        Ok(Loaded { workload, inputs, jobs, machine, done })
    }

    /// The processors for a workload; load begins with it and ends when it is dropped.
    fn machine(&self, workload: &Workload, inputs: &Inputs) -> Result<Machine, Failure> {
        let arguments = ExecuteArguments {
            scenario: String::new(),
            device: None,
            processors: self.found.clone(),
            output: None,
            seed: None,
            strategies: Vec::new(),
            warm_up: 2,
            tolerance: f64::INFINITY,
            cpu_loads: workload.cpu_loads.clone(),
            frames: workload.frames.clone(),
            quiet: true,
        };
        Machine::of(&arguments, inputs)
    }

    fn is_late(&self, extent: &Extent) -> bool {
        self.begin.elapsed().as_secs_f64() > extent.limit_seconds
    }

    /// Every job once, in another order each round.
    fn round(&mut self, round: usize, extent: &Extent, all: &mut [Loaded]) -> Result<(), Failure> {
        let mut order: Vec<(usize, usize)> =
            all.iter().enumerate().flat_map(|(index, it)| (0..it.jobs.len()).map(move |job| (index, job))).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        let total = order.len();
        for (count, (index, job)) in order.into_iter().enumerate() {
            if self.interrupt.is_wanted() {
                return Err(Failure::interrupted());
            }
            if self.is_late(extent) {
                let note = format!("Time was up in round {} of {}, after {count} of {total} runs.", round + 1, extent.rounds);
                self.progress.say(&note);
                self.notes.push(note);
                break;
            }
            if count % BETWEEN_CANARIES == 0 {
                self.progress.say(&format!("round {} of {}: {count} of {total} runs", round + 1, extent.rounds));
                self.canary()?;
            }
            self.execute(&mut all[index], job)?;
        }
        Ok(())
    }

    fn execute(&mut self, loaded: &mut Loaded, index: usize) -> Result<(), Failure> {
        if loaded.done[index].is_hopeless {
            return Ok(());
        }
        let at_ms = self.begin.elapsed().as_millis() as u64;
        let job = &loaded.jobs[index];
        let of_now = if loaded.machine.is_none() { Some(self.machine(&loaded.workload, &loaded.inputs)?) } else { None };
        let Some(machine) = loaded.machine.as_ref().or(of_now.as_ref()) else { return Ok(()) };
        let occupancy = Occupancy::begin();
        let measured = measure(job, &loaded.workload.scenario.value, &loaded.inputs, machine, &self.interrupt);
        // A thread of load that was asked for is this program's own.
        let others_share = occupancy.others_share().map(|share| (share * 1e3).round() / 1e3);
        let done = &mut loaded.done[index];
        match measured {
            Ok(measured) if matches!(measured.stop, Stop::Drained | Stop::Horizon) => {
                if let Some(difference) =
                    measured.largest_difference().filter(|difference| difference.is_nan() || *difference > 1e-3)
                {
                    self.notes.push(format!(
                        "Outputs of `{}` under `{}` differ by {difference:.1e} of the largest value from those of the whole model.",
                        job.case, job.strategy
                    ));
                }
                let used = job.used(&loaded.inputs).len();
                done.runs.resize_with(used, Vec::new);
                for (own, latencies_ns) in done.runs.iter_mut().zip(latencies_in_order(measured.records(), used)) {
                    if !latencies_ns.is_empty() {
                        own.push(Run { at_ms, latencies_ns, others_share });
                    }
                }
                done.choices = measured.choices().clone();
                done.last = Some(measured);
            }
            Ok(measured) if measured.stop == Stop::Interrupted => return Err(Failure::interrupted()),
            Ok(measured) => {
                self.notes.push(format!("`{}` under `{}` stopped: {:?}.", job.case, job.strategy, measured.stop));
                done.is_hopeless = true;
            }
            Err(Cause::Plan(why) | Cause::Other(why)) => {
                self.notes.push(format!("`{}` under `{}` was not run: {why}.", job.case, job.strategy));
                done.is_hopeless = true;
            }
        }
        Ok(())
    }

    fn canary(&mut self) -> Result<(), Failure> {
        let readings = with_flag(&self.interrupt, |flag| probe(workers(&self.found), flag)).map_err(Failure::input)?;
        self.canaries.extend(readings.into_iter().map(|reading| Canary {
            worker: reading.worker,
            at_ms: reading.unix_ms.saturating_sub(self.begin_ms),
            compute_ns: reading.compute_ns,
            memory_ns: reading.memory_ns,
        }));
        Ok(())
    }

    /// Refuses a profile of other circumstances before anything is measured; what only may matter is told.
    fn check_context(&mut self, profile: &Profile) -> Result<(), Failure> {
        let readings = with_flag(&self.interrupt, |flag| probe(workers(&self.found), flag)).map_err(Failure::input)?;
        let now = Context::read(&self.found, &readings).map_err(Failure::input)?;
        let differences = Context::of_profile(profile).differences(&now);
        let serious: Vec<String> = differences.iter().filter(|it| it.is_serious).map(ToString::to_string).collect();
        if !serious.is_empty() {
            return Err(Failure::input(anyhow::anyhow!(
                "profile `{}` was measured under other circumstances: {}\nhint: calibrate anew: leave `--device` out, or `socrates \
                 calibrate run`",
                profile.name,
                serious.join("; ")
            )));
        }
        for difference in differences {
            self.progress.say(&format!("warning: {difference}"));
            self.notes.push(format!("Since the profile was measured: {difference}."));
        }
        Ok(())
    }
}

fn write_samples(samples: &Samples, path: &Path) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    samples.write(&mut bytes).map_err(Failure::output)?;
    results::write_atomic(path, &bytes)?;
    Ok(())
}

fn latencies_in_order(records: &[Record], models: usize) -> Vec<Vec<u64>> {
    let mut latencies = latencies_ns(records, models);
    // A latency of 0 is none: the request was made of views.
    for own in &mut latencies {
        own.retain(|&ns| ns > 0);
    }
    latencies
}

/// The processors behind a profile's workers, or those that the command line names.
fn opened(profile: &Profile, given: &[(String, Specification)]) -> Result<Vec<(String, Specification)>, Failure> {
    let of_worker = |worker: &scenarios::profile::Worker| {
        if let Some(given) = given.iter().find(|(name, _)| *name == worker.name) {
            return Ok(given.clone());
        }
        let opens = worker.opens.as_ref().ok_or_else(|| {
            let (name, worker) = (&profile.name, &worker.name);
            Failure::input(anyhow::anyhow!("profile `{name}` does not say which processor of this machine is worker `{worker}`"))
        })?;
        Ok((worker.name.clone(), opens.parse().map_err(Failure::input)?))
    };
    profile.workers.iter().map(of_worker).collect()
}

/// File whose presence says that a folder is ours.
pub(super) const RUN_FILE: &str = "host-run.json";

/// Makes the folder; one that holds other things is refused.
fn claim(output: &PathBuf) -> Result<(), Failure> {
    let is_foreign = output.exists()
        && (!output.is_dir()
            || (std::fs::read_dir(output)?.next().is_some()
                && !output.join(RUN_FILE).exists()
                && !output.join("host.samples.journal").exists()));
    if is_foreign {
        return Err(Failure::output(anyhow::anyhow!(
            "`{}` exists and holds no earlier validation: choose another folder with `--output`, or remove it",
            output.display()
        )));
    }
    Ok(std::fs::create_dir_all(output)?)
}
