//! How commands end: the exit status, and what the user is told.

use std::io::{self, IsTerminal};

use results::ResultsError;
use results::explain::ExplainError;
use runner::RunError;
use scenarios::ReadError;

/// The end of a command.
pub(crate) type Outcome = Result<Status, Failure>;

/// Exit statuses; documented in `--help` and in `docs/cli.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// All that was asked for was done.
    Done,
    /// The command ended, but something asked for failed: a run stalled, a strategy has no plan for a model, or a check
    /// did not hold.
    Incomplete,
    /// The input is wrong: arguments, scenario, profile, model, results to be explained.
    BadInput,
    /// The output cannot be written.
    NoOutput,
    /// Interrupted by the user.
    Interrupted,
}

impl Status {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Incomplete => 1,
            Self::BadInput => 2,
            Self::NoOutput => 3,
            Self::Interrupted => 130,
        }
    }

    /// A reader that wants no more (`socrates list models | head -1`) is no failure.
    pub(crate) fn forgive_closed_pipe(failure: Failure) -> Outcome {
        let closed = failure.error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        if closed { Ok(Self::Done) } else { Err(failure) }
    }
}

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    status: Status,
    error: anyhow::Error,
}

impl Failure {
    /// The input is wrong.
    pub(crate) fn input(error: impl Into<anyhow::Error>) -> Self {
        Self { status: Status::BadInput, error: error.into() }
    }

    /// The output cannot be written.
    pub(crate) fn output(error: impl Into<anyhow::Error>) -> Self {
        Self { status: Status::NoOutput, error: error.into() }
    }

    /// The user interrupted.
    pub(crate) fn interrupted() -> Self {
        Self { status: Status::Interrupted, error: anyhow::anyhow!("interrupted: nothing was written") }
    }

    /// The user interrupted, and something was kept.
    pub(crate) fn interrupted_with(kept: &str) -> Self {
        Self { status: Status::Interrupted, error: anyhow::anyhow!("interrupted; {kept}") }
    }

    /// Tells the user and gives the status.
    #[expect(clippy::print_stderr, reason = "the one place where errors are told")]
    pub(crate) fn report(&self) -> Status {
        match self.error.downcast_ref::<ReadError>() {
            // Reports on files bring their own headings.
            Some(ReadError::Invalid(errors)) => eprintln!("{}", errors.render(io::stderr().is_terminal())),
            _ => eprintln!("error: {:#}", self.error),
        }
        self.status
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::input(error)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Read(error) => Self::input(error),
            RunError::Output(error) => Self::output(error),
            RunError::Interrupted => Self::interrupted(),
            error => Self::input(error),
        }
    }
}

impl From<ExplainError> for Failure {
    fn from(error: ExplainError) -> Self {
        Self::input(error)
    }
}

impl From<ResultsError> for Failure {
    fn from(error: ResultsError) -> Self {
        Self::output(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::output(error)
    }
}
