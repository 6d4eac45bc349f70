//! Phones of one campaign (qed-usc/mobile-ml-benchmark): single operators on the GPU, whole models on sets of CPU cores.

mod assumed;
mod campaign;
pub mod cpu;
pub mod derived;
mod fit;
pub mod gpu;
pub mod gpu_validation;
pub mod intervals;
mod measurements;
pub mod operators;
mod profile;
mod report;
pub(crate) mod round;
mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use sim::cost::CostModelError;
use thiserror::Error;

pub use campaign::{Baseline, CAMPAIGNS, CLUSTERS, Campaign, CoreSet, campaign};
pub use derived::{DERIVED, Derived, derived};
pub use fit::{FitReport, NoiseFloor, fit};
pub use measurements::{CalibrationData, MeasuredOperator, Measurements, Published, WholeModels};
pub use report::{KindReport, LeftOutModel, Validation, WorkerReport};

use crate::linear::LinearError;
use crate::table::TableError;

/// Why a fit failed.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum FitError {
    /// The data are refused.
    #[error(transparent)]
    Data(#[from] TableError),
    /// A linear fit has no solution.
    #[error(transparent)]
    Linear(#[from] LinearError),
    /// The fitted model is refused.
    #[error("fitted model: {0}")]
    Model(CostModelError),
    /// There is nothing to hold out.
    #[error("no folds: at least random and family folds are needed")]
    NoFolds,
    /// The profile cannot be written.
    #[error("device profile cannot be written: {0}")]
    Write(String),
}

/// Tells a callback how many of all steps are done.
pub struct Progress<'a> {
    done: AtomicUsize,
    total: usize,
    report: &'a (dyn Fn(usize, usize) + Sync),
}

impl<'a> Progress<'a> {
    /// Of a number of steps.
    pub fn new(total: usize, report: &'a (dyn Fn(usize, usize) + Sync)) -> Self {
        Self { done: AtomicUsize::new(0), total, report }
    }

    /// One step more is done.
    pub fn advance(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        (self.report)(done, self.total);
    }
}
