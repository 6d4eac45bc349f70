//! This machine: measures its processors into samples.

pub mod sample;

pub use sample::{
    Bound, CopyDirection, Experiment, LaunchMode, Refusal, RefusalKind, Sample, SliceDimension, Sustained, Timing, WorkRecord,
};
