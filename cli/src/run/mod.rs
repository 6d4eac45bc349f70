//! What the commands that run scenarios say to the user: progress, comparison, what failed.

mod comparison;
mod interface;
mod interrupt;
mod intervals;
mod progress;
mod sustained;
mod sweep_progress;
mod tell;
mod watched;

pub(crate) use comparison::comparison;
pub(crate) use interrupt::Interrupt;
pub(crate) use intervals::{intervals, remarks};
pub(crate) use progress::{MeasureProgress, Progress};
pub(crate) use runner::{Cause, Inputs, Job, JobFailure, Model, info, jobs, name_of, primary, provenance, thread_pool};
pub(crate) use sweep_progress::SweepProgress;
pub(crate) use tell::{tell_failures, tell_nothing_written, tell_results};
pub(crate) use watched::Watched;
