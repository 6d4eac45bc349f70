//! The `socrates` command: reads arguments, calls the other crates, talks to the user.

#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod execute;
mod failure;
mod host;
mod output;
mod run;
mod study;
mod table;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::arguments::{Arguments, CalibrateCommand, Command, ImportCommand, ModelCommand, RunArguments, with_examples};
use crate::failure::{Outcome, Status};

fn main() -> ExitCode {
    let mut command = with_examples(Arguments::command());
    let arguments = match Arguments::from_arg_matches_mut(&mut command.get_matches_mut()) {
        Ok(arguments) => arguments,
        Err(error) => error.format(&mut command).exit(),
    };
    let status = perform(arguments).unwrap_or_else(|failure| failure.report());
    ExitCode::from(status.code())
}

fn perform(arguments: Arguments) -> Outcome {
    match arguments.command.unwrap_or_else(|| Command::Run(RunArguments::default())) {
        Command::Run(arguments) => commands::run(&arguments),
        Command::Execute(arguments) => commands::execute(&arguments),
        Command::Observe(arguments) => commands::observe(&arguments),
        Command::Replay(arguments) => commands::replay(&arguments),
        Command::Sweep(arguments) => commands::sweep(&arguments),
        Command::Merge(arguments) => commands::merge(&arguments),
        Command::Capacity(arguments) => commands::capacity(&arguments),
        Command::List { what } => commands::list(what),
        Command::Model { command: ModelCommand::Inspect(arguments) } => commands::inspect(&arguments),
        Command::Model { command: ModelCommand::Optimize(arguments) } => commands::optimize(&arguments),
        Command::Explain(arguments) => commands::explain(&arguments),
        Command::Study(arguments) => commands::study(&arguments),
        Command::Figure(arguments) => commands::figure(&arguments),
        Command::Report(arguments) => commands::report(&arguments),
        Command::Calibrate { command: CalibrateCommand::Fit(arguments) } => commands::fit(&arguments),
        Command::Calibrate { command: CalibrateCommand::Run(arguments) } => commands::calibrate(&arguments),
        Command::Calibrate { command: CalibrateCommand::Check(arguments) } => commands::check(&arguments),
        Command::Calibrate { command: CalibrateCommand::Refine(arguments) } => commands::refine(&arguments),
        Command::Import { command: ImportCommand::Band(arguments) } => commands::import_band(&arguments),
        Command::Validate { command } => commands::validate(&command),
        Command::Predict(arguments) => commands::predict(&arguments),
        Command::Schema { format } => commands::schema(format),
    }
    .or_else(Status::forgive_closed_pipe)
}
