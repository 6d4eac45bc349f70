//! What the user is told on standard error at the end of a run.

#![expect(clippy::print_stderr, reason = "messages to the user")]

use std::path::Path;

use results::{RunFile, Stop};

use crate::run::JobFailure;

/// Where the results are.
pub(crate) fn tell_results(directory: &Path, quiet: bool) {
    if !quiet {
        let directory = directory.display();
        eprintln!(
            "results in `{directory}`; why it came out so: `socrates explain {directory}`; timeline: `{directory}/trace.pftrace`"
        );
    }
}

/// What failed, and why; one message for all cases with one reason.
pub(crate) fn tell_failures(failures: &[JobFailure], file: &RunFile) {
    for (strategy, why, cases) in grouped(failures) {
        eprintln!("error: strategy `{strategy}` has no plan for {cases}: {why}");
    }
    for case in &file.cases {
        if let Stop::Stalled(why) = &case.stop {
            eprintln!("error: `{}` under `{}` stalled: {why}", case.case, case.strategy);
        }
    }
}

/// Failures of one strategy for one reason together, with the names of their cases.
fn grouped(failures: &[JobFailure]) -> Vec<(&str, &str, String)> {
    let mut groups: Vec<(&str, &str, Vec<String>)> = Vec::new();
    for JobFailure { case, strategy, why } in failures {
        match groups.iter_mut().find(|group| group.0 == strategy && group.1 == why) {
            Some((.., cases)) => cases.push(format!("`{case}`")),
            None => groups.push((strategy, why, vec![format!("`{case}`")])),
        }
    }
    groups.into_iter().map(|(strategy, why, cases)| (strategy, why, cases.join(", "))).collect()
}
