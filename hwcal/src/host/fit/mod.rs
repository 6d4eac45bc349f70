//! From samples of this machine to its device profile: cost models, what segments save, copies, launches, shared bandwidth.

mod check;
mod class;
mod common;
mod contention;
mod copies;
mod family;
mod launch;
mod machine;
mod noise;
mod overheads;
mod profile;
mod report;
mod row;
mod segments;
mod support;
mod worker;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rayon::prelude::*;
use sim::cost::{CostModelError, CostModels};
use thiserror::Error;

pub use check::check;
pub use contention::{Pressure, SharedBandwidth};
pub use family::{Family, Physical, Trees};
pub use machine::{MachineDescription, ProcessorDescription, WorkerDescription};
pub use noise::Noise;
pub use report::{ClassReport, CopyReport, LaunchReport, Report, WorkerReport};
pub use segments::SegmentLaw;

use crate::host::sample::{Refusal, Sample};
use crate::host::samples::Samples;
use crate::linear::LinearError;

/// Why a host cannot be fitted.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum FitError {
    /// No worker has samples of operators.
    #[error("no operator was measured on any worker: run `socrates calibrate run` first")]
    NoOperators,
    /// A worker of the machine without samples of operators.
    #[error("worker `{worker}` has no usable sample of an operator: measure it, or leave it out of the machine")]
    NoSamples {
        /// The worker.
        worker: String,
    },
    /// A linear fit has no solution.
    #[error(transparent)]
    Linear(#[from] LinearError),
    /// A fitted model is refused.
    #[error("fitted model: {0}")]
    Model(#[from] CostModelError),
    /// The profile cannot be written.
    #[error("device profile cannot be written: {0}")]
    Write(String),
}

/// How to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FitOptions {
    /// Seed of the folds.
    pub seed: u64,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self { seed: 1 }
    }
}

/// What was measured on one machine.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// What workers ran.
    pub samples: &'a [Sample],
    /// What they could not run.
    pub refusals: &'a [Refusal],
}

impl<'a> From<&'a Samples> for Measured<'a> {
    fn from(samples: &'a Samples) -> Self {
        Self { samples: &samples.samples, refusals: &samples.refusals }
    }
}

/// A fitted machine.
#[derive(Clone, Debug, PartialEq)]
pub struct HostFit {
    /// Text of the device profile.
    pub profile: String,
    /// Errors on what the fit did not see.
    pub report: Report,
    /// What each measured operator was predicted by models that never saw it.
    pub held_out: Vec<HeldOut>,
}

/// An operator, or a slice of one, predicted by models that never saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldOut {
    /// The worker.
    pub worker: String,
    /// Class of the kernel.
    pub class: &'static str,
    /// Predicted duration.
    pub predicted_ns: f64,
    /// Measured duration.
    pub measured_ns: f64,
    /// Whether it was drawn from the whole space of shapes, and not from what models have.
    pub is_unusual: bool,
}

/// What was fitted for one worker.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FittedWorker {
    pub(crate) costs: CostModels,
    pub(crate) invocation_ns: u64,
}

/// Fits all workers of a machine, and cross-validates. The same samples and options give the same bytes.
pub fn fit(measured: Measured<'_>, machine: &MachineDescription, options: FitOptions) -> Result<HostFit, FitError> {
    let fitted: Vec<(FittedWorker, WorkerReport, Vec<HeldOut>)> =
        machine.workers.par_iter().map(|description| worker_of(measured, description, options)).collect::<Result<_, _>>()?;
    let mut workers = BTreeMap::new();
    let (mut reports, mut held_out) = (Vec::new(), Vec::new());
    for (description, (worker, report, of_worker)) in machine.workers.iter().zip(fitted) {
        workers.insert(description.name.clone(), worker);
        reports.push(report);
        held_out.extend(of_worker);
    }
    if workers.is_empty() {
        return Err(FitError::NoOperators);
    }
    let errors = common::shared_errors(&reports, measured.samples);
    for (report, &errors) in reports.iter().zip(errors.iter().flatten()) {
        if let Some(worker) = workers.get_mut(&report.worker) {
            worker.costs = worker.costs.clone().with_shared_errors(errors)?;
        }
    }
    let links = copies::fit(measured.samples, machine)?;
    let bandwidth = contention::fit(measured.samples, &workers, noise::of_all(measured.samples).median_percent);
    let common = errors.map(|errors| common::deviation(&reports, &errors));
    let profile = profile::text(measured, machine, &workers, &links, bandwidth.as_ref(), common)?;
    let copies = links.iter().map(CopyReport::of).collect();
    Ok(HostFit { profile, report: Report { workers: reports, copies, bandwidth }, held_out })
}

fn worker_of(
    measured: Measured<'_>,
    description: &WorkerDescription,
    options: FitOptions,
) -> Result<(FittedWorker, WorkerReport, Vec<HeldOut>), FitError> {
    let name = description.name.as_str();
    let rows = row::rows(measured.samples, name);
    if rows.is_empty() {
        return Err(FitError::NoSamples { worker: name.to_owned() });
    }
    let launch = launch::of(measured.samples, name);
    let held_out = check::hold_out(&rows, options.seed)?;
    let fitted = worker::fit(&rows, options.seed)?;
    let noise = noise::of_worker(measured.samples, name);
    let classes = check::classes(&rows, &held_out, &fitted.choices, &noise);
    let models = worker::finish(&fitted, &rows, &classes)?;
    let segments = segments::fit(measured.samples, name, &models, launch.back_to_back_ns)?;
    let costs = segments::apply(&models, segments.as_ref())?;
    let overheads = overheads::fit(measured.samples, description, &rows)?;
    let costs = costs.with_overheads(overheads)?;
    let report = WorkerReport {
        worker: name.to_owned(),
        all: check::accuracy(&rows, &held_out, |row| !row.is_corner),
        corners: check::accuracy(&rows, &held_out, |row| row.is_corner),
        slices: check::accuracy(&rows, &held_out, |row| row.is_slice),
        classes,
        noise: noise.all,
        launch,
        overheads,
        segments,
    };
    let pairs = rows.iter().zip(&held_out).filter_map(|(row, predicted)| {
        Some(HeldOut {
            worker: name.to_owned(),
            class: row.class.name(),
            predicted_ns: (*predicted)?,
            measured_ns: row.duration_ns,
            is_unusual: row.is_corner,
        })
    });
    Ok((FittedWorker { costs, invocation_ns: launch.invocation_ns() }, report, pairs.collect()))
}
