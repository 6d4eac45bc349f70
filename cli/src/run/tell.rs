//! What the user is told on standard error at the end of a run.

#![expect(clippy::print_stderr, reason = "messages to the user")]

use std::path::Path;

use results::{CaseSummary, Stop};

use crate::run::{Cause, JobFailure};

/// Where the results are.
pub(crate) fn tell_results(directory: &Path, quiet: bool) {
    if !quiet {
        let directory = directory.display();
        eprintln!(
            "results in `{directory}`; why it came out so: `socrates explain {directory}`; timeline: `{directory}/trace.pftrace`"
        );
    }
}

/// That there are no results.
pub(crate) fn tell_nothing_written() {
    eprintln!("error: no run succeeded: nothing was written");
}

/// What failed, and why; one message for all cases with one reason.
pub(crate) fn tell_failures(failures: &[JobFailure], cases: &[CaseSummary]) {
    for (strategy, cause, names) in grouped(failures) {
        match cause {
            Cause::Plan(why) => eprintln!("error: strategy `{strategy}` has no plan for {names}: {why}"),
            Cause::Other(why) => eprintln!("error: {names} under `{strategy}` could not be simulated: {why}"),
        }
    }
    for case in cases {
        match &case.stop {
            Stop::Stalled(why) => eprintln!("error: `{}` under `{}` stalled: {why}", case.case, case.strategy),
            Stop::Failed(why) => eprintln!("error: `{}` under `{}` failed: {why}", case.case, case.strategy),
            Stop::Drained | Stop::Horizon | Stop::EventBudget | Stop::Interrupted => {}
        }
    }
}

/// Failures of one strategy for one reason together, with the names of their cases.
fn grouped(failures: &[JobFailure]) -> Vec<(&str, &Cause, String)> {
    let mut groups: Vec<(&str, &Cause, Vec<String>)> = Vec::new();
    for JobFailure { case, strategy, cause } in failures {
        match groups.iter_mut().find(|group| group.0 == strategy && group.1 == cause) {
            Some((.., cases)) => cases.push(format!("`{case}`")),
            None => groups.push((strategy, cause, vec![format!("`{case}`")])),
        }
    }
    groups.into_iter().map(|(strategy, cause, cases)| (strategy, cause, cases.join(", "))).collect()
}
