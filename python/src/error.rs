//! Errors as exceptions, in the words of the command line.

use std::error::Error as StdError;
use std::fmt::Display;

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyKeyboardInterrupt};
use pyo3::prelude::*;
use results::ResultsError;
use runner::RunError;
use scenarios::ReadError;

create_exception!(socrates, SocratesError, PyException, "Anything that Socrates refuses or cannot do.");
create_exception!(socrates, InputError, SocratesError, "The input is wrong: a scenario, profile, model, strategy, or argument.");
create_exception!(socrates, OutputError, SocratesError, "Results cannot be written or read.");
create_exception!(socrates, SimulationError, SocratesError, "No run of a scenario could be simulated.");

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("SocratesError", py.get_type::<SocratesError>())?;
    module.add("InputError", py.get_type::<InputError>())?;
    module.add("OutputError", py.get_type::<OutputError>())?;
    module.add("SimulationError", py.get_type::<SimulationError>())
}

/// The input is wrong.
pub(crate) fn input(error: impl Display) -> PyErr {
    InputError::new_err(error.to_string())
}

/// What was read is wrong.
pub(crate) fn read(error: &ReadError) -> PyErr {
    match error {
        ReadError::Invalid(errors) => InputError::new_err(errors.render(false)),
        other => InputError::new_err(told(other)),
    }
}

/// Results cannot be written or read.
pub(crate) fn output(error: &ResultsError) -> PyErr {
    OutputError::new_err(told(error))
}

/// A scenario cannot be run.
pub(crate) fn run(error: &RunError) -> PyErr {
    match error {
        RunError::Read(error) => read(error),
        RunError::Output(error) => output(error),
        RunError::Interrupted => PyKeyboardInterrupt::new_err(()),
        other => InputError::new_err(other.to_string()),
    }
}

/// An error with its causes, as the command line tells it.
fn told(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
