//! `socrates import`: what other programs are configured with, as a scenario.

#![expect(clippy::print_stderr, reason = "messages to the user")]

use std::fs;

use anyhow::Context;
use scenarios::band;

use crate::arguments::ImportArguments;
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;

/// `socrates import band`.
pub(crate) fn import_band(arguments: &ImportArguments) -> Outcome {
    let shown = arguments.configuration.display();
    let text = fs::read_to_string(&arguments.configuration)
        .with_context(|| format!("cannot read configuration `{shown}`"))
        .map_err(Failure::input)?;
    let stem = arguments.configuration.file_stem().unwrap_or_default().to_string_lossy();
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    let name: String = stem.chars().map(|letter| if is_letter(letter) { letter } else { '-' }).collect();
    let imported = band::import(&text, &format!("band-{name}"), &arguments.device);
    let imported = imported.with_context(|| format!("configuration `{shown}`")).map_err(Failure::input)?;
    for warning in &imported.warnings {
        eprintln!("warning: {warning}");
    }
    match &arguments.output {
        Some(path) => results::write_atomic(path, imported.text.as_bytes())?,
        None => print(&imported.text)?,
    }
    Ok(Status::Done)
}
