//! This machine: measures its processors into samples.

mod clock;
mod design;
pub mod sample;
mod timing;

pub use sample::{
    Bound, CopyDirection, Experiment, LaunchMode, Refusal, RefusalKind, Sample, SliceDimension, Sustained, Timing, WorkRecord,
};
