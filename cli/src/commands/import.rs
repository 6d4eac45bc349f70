//! `socrates import`: what other programs are configured with, as a scenario; what they measured, as tables.

#![expect(clippy::print_stderr, reason = "messages to the user")]

use std::fs;

use anyhow::Context;
use scenarios::band;
use scenarios::measured::{self, Context as Told, Measured, MeasuredError};

use crate::arguments::{ImportArguments, ImportCommand, MeasuredArguments};
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;

pub(crate) fn import(command: &ImportCommand) -> Outcome {
    match command {
        ImportCommand::Band(arguments) => import_band(arguments),
        ImportCommand::Litert(arguments) => import_measured(arguments, measured::litert),
        ImportCommand::Onnxruntime(arguments) => import_measured(arguments, measured::onnxruntime),
        ImportCommand::Aihub(arguments) => import_measured(arguments, measured::aihub),
        ImportCommand::Mlperf(arguments) => import_measured(arguments, measured::mlperf),
    }
}

/// A file of measurements as a table.
fn import_measured(arguments: &MeasuredArguments, read: fn(&str, &Told) -> Result<Measured, MeasuredError>) -> Outcome {
    let shown = arguments.file.display().to_string();
    let text = fs::read_to_string(&arguments.file).with_context(|| format!("cannot read `{shown}`")).map_err(Failure::input)?;
    let told = Told {
        file: shown.clone(),
        model: arguments.model.clone(),
        device: arguments.device.clone(),
        processor: arguments.processor.clone(),
        cores: arguments.cores.clone(),
    };
    let measured = read(&text, &told).map_err(Failure::input)?;
    for warning in &measured.warnings {
        eprintln!("warning: {warning}");
    }
    let (is_empty, what, table) = if arguments.operators {
        (measured.operators.is_empty(), "operators", measured.operators_csv())
    } else {
        (measured.models.is_empty(), "whole models", measured.models_csv())
    };
    if is_empty {
        let other = if arguments.operators { "leave out `--operators`" } else { "try `--operators`" };
        return Err(Failure::input(anyhow::anyhow!("`{shown}` holds no latencies of {what}\nhint: {other}")));
    }
    match &arguments.output {
        Some(path) => results::write_atomic(path, table.as_bytes())?,
        None => print(&table)?,
    }
    Ok(Status::Done)
}

/// `socrates import band`.
fn import_band(arguments: &ImportArguments) -> Outcome {
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
