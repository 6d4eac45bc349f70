//! `socrates execute`: a scenario in, run on this machine's processors; a comparison and a results directory out.

use std::path::{Path, PathBuf};

use hwcal::host::Context;
use results::{Content, OBSERVATION_FILE, ObservedRun, RunWriter, Stop};
use scenarios::{Document, Reference, Scenario};
use sim::strategy::registry;

use crate::arguments::ExecuteArguments;
use crate::execute::{Machine, Summarised, infos, measure, table, tell_differences};
use crate::failure::{Failure, Outcome, Status};
use crate::host::{observation, observed_run};
use crate::output::print;
use crate::run::{Inputs, Interrupt, JobFailure, Progress, jobs, provenance, tell_failures, tell_nothing_written, tell_results};

pub(crate) fn execute(arguments: &ExecuteArguments) -> Outcome {
    perform(arguments, None)
}

/// `socrates observe`: the same, with everything that a replay needs.
pub(crate) fn observe(arguments: &ExecuteArguments) -> Outcome {
    perform(arguments, Some(Vec::new()))
}

fn perform(arguments: &ExecuteArguments, mut observed: Option<Vec<ObservedRun>>) -> Outcome {
    let scenario = scenario_of(arguments)?;
    warn_of_replicates(&scenario.value);
    let inputs = Inputs::load(&scenario.value)?;
    let machine = Machine::of(arguments, &inputs)?;
    let jobs = jobs(&scenario.value, &inputs);
    if observed.is_some() {
        warn_of_differences(&inputs, &machine)?;
    }
    let suffix = if observed.is_some() { "observed" } else { "measured" };
    let default_output = || PathBuf::from("runs").join(format!("{}-{suffix}", scenario.value.name));
    let output = arguments.output.clone().unwrap_or_else(default_output);
    let mut writer =
        RunWriter::begin(&output, provenance(command_line(arguments, &scenario, &machine), &scenario, &inputs), &Content::ALL)?;
    let progress = Progress::new("runs", arguments.quiet);
    progress.set(0, jobs.len());
    let interrupt = Interrupt::listen()?;
    let mut measured: Vec<Summarised> = Vec::new();
    let mut failures: Vec<JobFailure> = Vec::new();
    for job in &jobs {
        match measure(job, &scenario.value, &inputs, &machine, &interrupt) {
            Ok(run) => {
                if run.stop == Stop::Interrupted {
                    return Err(Failure::interrupted());
                }
                writer.add(&run.result(job, &scenario.value, &inputs.device, &infos(job, &inputs, &machine)))?;
                if let Some(observed) = &mut observed {
                    observed.push(observed_run(job, &inputs, &run));
                }
                measured.push(run.summary());
            }
            Err(cause) => failures.push(JobFailure { case: job.case.clone(), strategy: job.strategy.clone(), cause }),
        }
        progress.advance();
        if interrupt.is_wanted() {
            return Err(Failure::interrupted());
        }
    }
    drop(progress);
    if writer.is_empty() {
        tell_failures(&failures, &[]);
        tell_nothing_written();
        return Ok(Status::Incomplete);
    }
    if let Some(runs) = observed {
        writer.add_file(OBSERVATION_FILE, observation(arguments, &scenario, &inputs, &machine, &interrupt, runs)?.to_bytes()?);
    }
    let (directory, file) = writer.commit()?;
    print(&table(&scenario.value, &inputs, &machine, &file, &measured))?;
    tell_results(&directory, arguments.quiet);
    tell_failures(&failures, &file.cases);
    let differs = tell_differences(&file, &measured, arguments.tolerance);
    let failed = file.cases.iter().any(|case| matches!(case.stop, Stop::Stalled(_) | Stop::Failed(_)));
    Ok(if failures.is_empty() && !failed && !differs { Status::Done } else { Status::Incomplete })
}

/// Tells what is different from when the profile was measured: what is observed then says little about it.
#[expect(clippy::print_stderr, reason = "messages to the user")]
fn warn_of_differences(inputs: &Inputs, machine: &Machine) -> Result<(), Failure> {
    let now = Context::read(machine.processors(), &[]).map_err(Failure::input)?;
    for difference in Context::of_profile(&inputs.profile.value).differences(&now) {
        eprintln!("warning: since profile `{}` was measured: {difference}", inputs.profile.name);
    }
    Ok(())
}

/// Replicates are draws of the simulator: a machine draws anew in each run, so that a real run is repeated, not replicated.
#[expect(clippy::print_stderr, reason = "messages to the user")]
fn warn_of_replicates(scenario: &Scenario) {
    if scenario.replicates > 1 {
        eprintln!(
            "warning: `replicates = {}` is for `socrates run`: for real each case runs once; run the command again, with another `--seed` \
             for other arrivals",
            scenario.replicates
        );
    }
}

/// The scenario, with what the command line says instead.
fn scenario_of(arguments: &ExecuteArguments) -> Result<Document<Scenario>, Failure> {
    let mut scenario = Scenario::open(&Reference::of(&arguments.scenario, Path::new("")))?;
    for strategy in &arguments.strategies {
        registry::build(strategy).map_err(Failure::input)?;
    }
    if !arguments.strategies.is_empty() {
        scenario.value.strategies.clone_from(&arguments.strategies);
        scenario.value.strategies.dedup();
    }
    if let Some(passes) = scenario.value.passes.as_ref().filter(|passes| !passes.are_exact()) {
        let names: Vec<&str> = passes.passes().filter(|pass| !pass.is_exact).map(|pass| pass.name).collect();
        return Err(Failure::input(anyhow::anyhow!(
            "the scenario's passes `{}` change what models compute: only exact passes can be run for real",
            names.join("`, `")
        )));
    }
    if let Some(seed) = arguments.seed {
        scenario.value.seed = seed;
    }
    if let Some(device) = &arguments.device {
        scenario.value.device = Reference::of(device, Path::new(""));
    }
    Ok(scenario)
}

/// The command line, with the processors that were used.
fn command_line(arguments: &ExecuteArguments, scenario: &Document<Scenario>, machine: &Machine) -> Vec<String> {
    let mut command_line = vec!["socrates".to_owned(), "execute".to_owned(), scenario.name.clone()];
    if let Some(seed) = arguments.seed {
        command_line.extend(["--seed".to_owned(), seed.to_string()]);
    }
    command_line.extend(["--warm-up".to_owned(), arguments.warm_up.to_string()]);
    for (worker, processor) in machine.processors() {
        command_line.extend(["--processor".to_owned(), format!("{worker}={processor}")]);
    }
    for strategy in &arguments.strategies {
        command_line.extend(["--strategy".to_owned(), strategy.clone()]);
    }
    for (core, share) in &arguments.cpu_loads {
        command_line.extend(["--cpu-load".to_owned(), format!("{core}={}%", share * 100.0)]);
    }
    if let Some(frames) = &arguments.frames {
        command_line.extend(["--frames".to_owned(), format!("{}={}Hz,{}", frames.worker, frames.rate_hz, frames.layers)]);
    }
    command_line
}
