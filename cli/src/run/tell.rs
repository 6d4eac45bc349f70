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

/// What failed, and why.
pub(crate) fn tell_failures(failures: &[JobFailure], file: &RunFile) {
    for failure in failures {
        eprintln!("error: `{}` under `{}`: {}", failure.case, failure.strategy, failure.why);
    }
    for case in &file.cases {
        if let Stop::Stalled(why) = &case.stop {
            eprintln!("error: `{}` under `{}` stalled: {why}", case.case, case.strategy);
        }
    }
}
