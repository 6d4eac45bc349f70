//! `socrates calibrate refine`: a profile, changed by what observed runs took.

use std::fmt::Write;

use hwcal::host::{self, Context};
use scenarios::{Profile, ProfileInfo, Reference};

use crate::arguments::RefineArguments;
use crate::failure::{Failure, Outcome, Status};
use crate::host::{Observed, copies, launches};
use crate::output::print;

pub(crate) fn refine(arguments: &RefineArguments) -> Outcome {
    let device = arguments.device.display().to_string();
    let document = Profile::open(&Reference::File(arguments.device.clone()))?;
    let context = Context::of_profile(&document.value);
    let (mut all_launches, mut all_copies, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for directory in &arguments.directories {
        let observed = Observed::load(directory, Some(&absolute(&device)))?;
        let now: Context = serde_json::from_value(observed.observation.context.clone()).map_err(Failure::input)?;
        let differences = context.differences(&now);
        let serious: Vec<String> = differences.iter().filter(|it| it.is_serious).map(ToString::to_string).collect();
        if !serious.is_empty() {
            return Err(Failure::input(anyhow::anyhow!(
                "`{}` was observed under other circumstances than profile `{device}` was measured: {}\nhint: calibrate anew with \
                 `socrates calibrate run`",
                directory.display(),
                serious.join("; ")
            )));
        }
        warn(&differences);
        for run in &observed.observation.runs {
            let job = observed.job(run)?;
            all_launches.extend(launches(&job, &observed.inputs, run));
            all_copies.extend(copies(&observed.inputs, run));
        }
        let requests: usize = observed.observation.runs.iter().map(|run| run.requests.len()).sum();
        names.push(format!("{requests} requests of scenario `{}`", observed.observation.scenario));
    }
    let fingerprint = ProfileInfo::of(&document).fingerprint;
    let refined = host::refine(&document.value, &fingerprint, &names.join(", "), &all_launches, &all_copies);
    let refined = refined.map_err(Failure::input)?;
    let text = refined.to_toml().map_err(Failure::output)?;
    results::write_atomic(&arguments.output, text.as_bytes())?;
    if !arguments.quiet
        && let Some(last) = refined.provenance.refinements.last()
    {
        let percent = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1} %"));
        let mut lines = format!(
            "{} launches; median error {} before, {} after, on the same launches\n",
            last.launches.unwrap_or(0),
            percent(last.error_before_percent),
            percent(last.error_after_percent)
        );
        for (name, factor) in &last.factors {
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "  {name} x {factor:.3}");
        }
        print(&lines)?;
    }
    Ok(Status::Done)
}

/// A path that is told from a name of the library.
fn absolute(path: &str) -> String {
    if path.contains(['/', '\\']) { path.to_owned() } else { format!("./{path}") }
}

#[expect(clippy::print_stderr, reason = "messages to the user")]
fn warn(differences: &[host::Difference]) {
    for difference in differences {
        eprintln!("warning: {difference}");
    }
}
