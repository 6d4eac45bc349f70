//! From a scenario to results: load the inputs, list the runs, simulate them side by side, compare.

mod comparison;
mod estimate;
mod inputs;
mod interface;
mod interrupt;
mod intervals;
mod jobs;
mod perform;
mod progress;
mod provenance;
mod replicates;
mod rewrites;
mod sustained;
mod tell;

pub(crate) use comparison::comparison;
pub(crate) use estimate::check_size;
pub(crate) use inputs::{Inputs, Model, device_of};
pub(crate) use interrupt::Interrupt;
pub(crate) use intervals::{intervals, remarks};
pub(crate) use jobs::{Job, jobs, name_of};
pub(crate) use perform::{Cause, JobFailure, info, perform, primary, thread_pool};
pub(crate) use progress::{MeasureProgress, Progress};
pub(crate) use provenance::provenance;
pub(crate) use replicates::replicates;
pub(crate) use tell::{tell_failures, tell_nothing_written, tell_results};
