//! This machine: measures its processors into samples, and fits its device profile to them.

pub mod fit;
pub mod sample;

pub use fit::{FitError, FitOptions, HostFit, MachineDescription, Measured, Report, check, fit};
pub use sample::{
    Bound, CopyDirection, Experiment, LaunchMode, Refusal, RefusalKind, Sample, SliceDimension, Sustained, Timing, WorkRecord,
};
