//! This machine: what a calibrated simulator says of it, and what it does.
//!
//! Whoever measures (`socrates validate host`) hands over a [`HostRun`]; [`judge()`] makes a [`Judgement`] of it, [`gates()`] hold it against
//! aims and limits, [`section()`] tells it. None of them reads a clock or a file: the same run gives the same report anywhere.

mod drift;
mod gates;
mod judge;
mod observed;
mod report;

pub use gates::{Gate, gates};
pub use judge::{CaseErrors, CaseRanking, Coverage, Judgement, LevelErrors, judge};
pub use observed::{Canary, Case, HostRun, Level, ObservedError, Operator, Prediction, Run, SCHEMA_VERSION};
pub use report::section;
