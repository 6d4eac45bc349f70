//! The `socrates` command.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(command::main(std::env::args_os()))
}
