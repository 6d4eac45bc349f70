//! This machine: measures its processors into samples, and fits its device profile to them.
//!
//! [`measure()`] opens each worker on a thread of its own and works through a design (`design`), one worker at a time with the
//! others idle: tasks of the zoo and drawn operators, slices, segments, copies, launches, contention, sustained load. What is
//! measured is kept in a [`journal`], so that a run that was killed goes on where it stopped.
//!
//! How a noisy machine does no harm: several things are measured in turns (`rounds`); repetitions during which a hypervisor took
//! time, or the thread had to wait for its core, are marked and not used; a batch beside which two known units were slow is
//! repeated (`canary`); of what is left the 10th percentile counts; and some things are measured again at the end, which tells
//! the noise floor.
//!
//! [`fit()`] makes a profile of the samples: cost models of several families, chosen by cross-validation for each kind of
//! operator and worker.

mod bench;
mod canary;
mod clock;
mod context;
mod describe;
mod design;
mod drift;
pub mod facts;
pub mod fit;
pub mod journal;
mod long;
mod measure;
mod occupancy;
mod probe;
mod refine;
mod rounds;
mod run;
pub mod sample;
mod samples;
mod timing;
mod worker;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use context::{Context, Difference, WorkerContext};
pub use describe::describe;
pub use facts::{Provenance, WorkerFacts};
pub use fit::{FitError, FitOptions, HeldOut, HostFit, MachineDescription, Measured, Report, check, fit};
pub use journal::JournalError;
pub use measure::{MeasureError, Options, Progress, WorkerToMeasure, measure};
pub use occupancy::Occupancy;
pub use probe::{CanaryReading, probe};
pub use refine::{ObservedCopy, ObservedLaunch, RefineError, refine};
pub use sample::{
    Bound, CopyDirection, Experiment, LaunchMode, Refusal, RefusalKind, Sample, SliceDimension, Sustained, Timing, WorkRecord,
};
pub use samples::{End, Samples, SamplesError};
pub use worker::Opener;
