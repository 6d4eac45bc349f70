//! `socrates calibrate run` and `socrates calibrate check`: this machine, measured and fitted.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use executor::{Specification, discover, open};
use hwcal::host::{self, End, FitOptions, HostFit, Measured, Options, Samples, WorkerToMeasure};

use crate::arguments::{CalibrateRunArguments, CheckArguments};
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;
use crate::run::{Interrupt, MeasureProgress};

pub(crate) fn calibrate(arguments: &CalibrateRunArguments) -> Outcome {
    // A driver that computes on the CPU has to be told its number of threads before it is loaded.
    restart_confined(&arguments.processors, 1)?;
    let found = if arguments.processors.is_empty() { discover() } else { arguments.processors.clone() };
    let samples_file = arguments.samples.clone().unwrap_or_else(|| samples_beside(&arguments.output));
    let journal = samples_file.with_extension("journal");
    if let Some(folder) = journal.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut progress = MeasureProgress::new(arguments.quiet);
    progress.say(&format!("workers: {}; journal: `{}`", listed(&found), journal.display()));
    let options = Options {
        quick: arguments.quick,
        budget: arguments.budget.map(Duration::from_secs),
        seed: arguments.seed,
        journal: Some(journal.clone()),
    };
    let interrupt = Interrupt::listen()?;
    let mut samples = with_flag(&interrupt, |flag| {
        host::measure(workers(&found), &options, &mut |state| progress.set(state), flag).map_err(Failure::input)
    })?;
    progress.finish();
    if samples.end == End::Interrupted {
        return Err(Failure::interrupted_with(&format!("the journal `{}` is kept: run again to go on", journal.display())));
    }
    for facts in &mut samples.provenance.workers {
        facts.opens = found.iter().find(|(name, _)| *name == facts.name).map_or_else(String::new, |(_, opens)| opens.to_string());
    }
    let mut bytes = Vec::new();
    samples.write(&mut bytes).map_err(Failure::output)?;
    results::write_atomic(&samples_file, &bytes)?;
    let fitted = fit(&samples, &found, &arguments.output, arguments.seed)?;
    results::write_atomic(&arguments.output, fitted.profile.as_bytes())?;
    // Samples and profile are in place: what was kept in case of a stop is not needed any more.
    let _ = std::fs::remove_file(&journal);
    print(&fitted.report.to_string())?;
    progress.say(&format!(
        "profile in `{}`, {} samples in `{}`; run a scenario on it: `socrates execute host-solo --device {}`",
        arguments.output.display(),
        samples.samples.len(),
        samples_file.display(),
        arguments.output.display()
    ));
    Ok(Status::Done)
}

pub(crate) fn check(arguments: &CheckArguments) -> Outcome {
    let samples = read_samples(&arguments.samples.clone().unwrap_or_else(|| samples_beside(&arguments.profile)))?;
    let mut found = Vec::new();
    for worker in &samples.provenance.workers {
        let opens: Specification = worker.opens.parse().map_err(Failure::input)?;
        found.push((worker.name.clone(), opens));
    }
    let fitted = fit(&samples, &found, &arguments.profile, arguments.seed)?;
    if let Some(path) = &arguments.output {
        results::write_atomic(path, fitted.profile.as_bytes())?;
    }
    if arguments.json {
        let text = serde_json::to_string_pretty(&fitted.report).map_err(Failure::output)?;
        print(&format!("{text}\n"))?;
    } else {
        print(&fitted.report.to_string())?;
    }
    Ok(if fitted.report.is_good() { Status::Done } else { Status::Incomplete })
}

/// Samples that `calibrate run` wrote.
pub(crate) fn read_samples(path: &Path) -> Result<Samples, Failure> {
    let shown = path.display();
    let file = File::open(path)
        .with_context(|| format!("cannot read the samples `{shown}`: `socrates calibrate run` writes them beside the profile"));
    let read = Samples::read(&mut BufReader::new(file.map_err(Failure::input)?));
    read.with_context(|| format!("samples `{shown}`")).map_err(Failure::input)
}

/// Starts the program anew, if need be, with as many threads for drivers that compute on the CPU as they have cores.
pub(crate) fn restart_confined(processors: &[(String, Specification)], default: usize) -> Result<(), Failure> {
    let of = |specification: &Specification| match specification {
        Specification::OpenCl { cores, .. } if !cores.is_empty() => Some(cores.clone()),
        _ => None,
    };
    let cores = processors.iter().find_map(|(_, specification)| of(specification));
    executor::opencl::restart_with_threads(&cores.unwrap_or_else(|| (0..default).collect())).map_err(Failure::input)
}

/// `host.toml` to `host.samples.jsonl`.
pub(crate) fn samples_beside(profile: &Path) -> PathBuf {
    profile.with_extension("samples.jsonl")
}

pub(crate) fn listed(found: &[(String, Specification)]) -> String {
    let texts: Vec<String> = found.iter().map(|(name, specification)| format!("{name} = {specification}")).collect();
    texts.join(", ")
}

pub(crate) fn workers(found: &[(String, Specification)]) -> Vec<WorkerToMeasure> {
    let worker = |(name, specification): &(String, Specification)| {
        let (name, cores, specification) = (name.clone(), specification.cores().to_vec(), specification.clone());
        WorkerToMeasure { name, cores, opener: Box::new(move || open(&specification)) }
    };
    found.iter().map(worker).collect()
}

pub(crate) fn fit(samples: &Samples, found: &[(String, Specification)], profile: &Path, seed: u64) -> Result<HostFit, Failure> {
    let name = profile.file_stem().map_or_else(|| "host".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let measured: Vec<(String, Specification)> =
        found.iter().filter(|(name, _)| samples.samples.iter().any(|sample| sample.worker == *name)).cloned().collect();
    let quick = if samples.provenance.is_quick { " --quick" } else { "" };
    let machine = host::describe(&measured, &samples.provenance, &name, &format!("socrates calibrate run{quick}"));
    let measured = Measured { samples: &samples.samples, refusals: &samples.refusals };
    host::fit(measured, &machine, FitOptions { seed }).map_err(Failure::input)
}

/// Lets the measurement see the user's wish to stop.
pub(crate) fn with_flag<T>(interrupt: &Interrupt, run: impl FnOnce(&AtomicBool) -> T) -> T {
    let done = AtomicBool::new(false);
    let flag = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                flag.store(interrupt.is_wanted(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let result = run(&flag);
        done.store(true, Ordering::Relaxed);
        result
    })
}
