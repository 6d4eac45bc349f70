//! The `socrates` command: reads arguments, calls the other crates, talks to the user. A library, so that the Python package has the same
//! command.

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

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};

use crate::arguments::{Arguments, CalibrateCommand, Command, ModelCommand, StudyArguments, with_examples};
use crate::failure::{Outcome, Status};

/// Does what a command line says, the program's name first; returns the exit status.
pub fn main(command_line: impl IntoIterator<Item = OsString>) -> u8 {
    let mut command = with_examples(Arguments::command());
    let arguments =
        command.try_get_matches_from_mut(command_line).and_then(|mut matches| Arguments::from_arg_matches_mut(&mut matches));
    match arguments.map_err(|error| error.format(&mut command)) {
        Ok(arguments) => perform(arguments).unwrap_or_else(|failure| failure.report()).code(),
        Err(error) => {
            // A reader that wants no more is no failure.
            let _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or(u8::MAX)
        }
    }
}

fn perform(arguments: Arguments) -> Outcome {
    match arguments.command.unwrap_or_else(|| Command::Study(StudyArguments::default())) {
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
        Command::Import { command } => commands::import(&command),
        Command::Validate { command } => commands::validate(&command),
        Command::Predict(arguments) => commands::predict(&arguments),
        Command::Schema { format } => commands::schema(format),
    }
    .or_else(Status::forgive_closed_pipe)
}
