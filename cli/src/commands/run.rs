//! `socrates run`: a scenario in, a comparison and a results directory out.

use std::path::{Path, PathBuf};

use results::{Content, RunFile, RunWriter};
use runner::{check_size, perform, replicates};
use scenarios::{Document, Reference, Scenario};
use sim::strategy::registry;

use crate::arguments::RunArguments;
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;
use crate::run::{
    Inputs, Interrupt, Progress, Watched, comparison, intervals, jobs, provenance, remarks, tell_failures, tell_nothing_written,
    tell_results,
};

pub(crate) fn run(arguments: &RunArguments) -> Outcome {
    let scenario = scenario_of(arguments)?;
    let inputs = Inputs::load(&scenario.value)?;
    let jobs = jobs(&scenario.value, &inputs);
    check_size(&jobs, &scenario.value, &inputs)?;
    let output = arguments.output.clone().unwrap_or_else(|| PathBuf::from("runs").join(&scenario.value.name));
    let writer = RunWriter::begin(&output, provenance(command_line(arguments, &scenario), &scenario, &inputs), &Content::ALL)?;
    let progress = Progress::new("runs", arguments.quiet);
    let interrupt = Interrupt::listen()?;
    let watched = Watched { progress: &progress, interrupt: &interrupt };
    let (mut writer, failures) = perform(&jobs, &scenario.value, &inputs, writer, arguments.threads, &watched)?;
    if writer.is_empty() {
        // Results of an earlier run are worth more than none.
        tell_failures(&failures, &[]);
        tell_nothing_written();
        return Ok(Status::Incomplete);
    }
    let replicated = if scenario.value.replicates > 1 {
        let replicated = replicates(&jobs, &scenario.value, &inputs, arguments.threads, &watched)?;
        writer.set_replicates(replicated.clone());
        Some(replicated)
    } else {
        None
    };
    drop(progress);
    let (directory, file) = writer.commit()?;
    let mut text = comparison(&scenario.value, &inputs, &file, &failures);
    text.push_str(&remarks(&scenario.value, &file));
    if let Some(replicated) = &replicated {
        text.push_str(&intervals(&file, replicated));
    }
    print(&text)?;
    tell_results(&directory, arguments.quiet);
    tell_failures(&failures, &file.cases);
    Ok(if failures.is_empty() && !stalled(&file) { Status::Done } else { Status::Incomplete })
}

/// The scenario, with what the command line says instead.
fn scenario_of(arguments: &RunArguments) -> Result<Document<Scenario>, Failure> {
    let mut scenario = Scenario::open(&Reference::of(&arguments.scenario, Path::new("")))?;
    for strategy in &arguments.strategies {
        registry::build(strategy).map_err(Failure::input)?;
    }
    if !arguments.strategies.is_empty() {
        scenario.value.strategies.clone_from(&arguments.strategies);
        scenario.value.strategies.dedup();
    }
    if let Some(seed) = arguments.seed {
        scenario.value.seed = seed;
    }
    if let Some(replicates) = arguments.replicates {
        scenario.value.replicates = replicates;
    }
    Ok(scenario)
}

fn stalled(file: &RunFile) -> bool {
    file.cases.iter().any(|case| matches!(case.stop, results::Stop::Stalled(_) | results::Stop::Failed(_)))
}

/// The command line, without what does not change results.
fn command_line(arguments: &RunArguments, scenario: &Document<Scenario>) -> Vec<String> {
    let mut command_line = vec!["socrates".to_owned(), "run".to_owned(), scenario.name.clone()];
    if let Some(seed) = arguments.seed {
        command_line.extend(["--seed".to_owned(), seed.to_string()]);
    }
    if let Some(replicates) = arguments.replicates {
        command_line.extend(["--replicates".to_owned(), replicates.to_string()]);
    }
    for strategy in &arguments.strategies {
        command_line.extend(["--strategy".to_owned(), strategy.clone()]);
    }
    command_line
}
