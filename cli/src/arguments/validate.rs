//! Arguments of `validate`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use executor::Specification;

use super::worker_processor;

/// Subcommands of `validate`.
#[derive(Debug, Subcommand)]
pub(crate) enum ValidateCommand {
    /// Calibrate this machine, predict, run for real, compare: operators, models, workloads, strategies.
    ///
    /// Calibration and executions take turns, and two known kernels are measured throughout, so that the machine's drift hits both sides and
    /// is told. Writes the profile, the samples, everything that was compared, a report and a trace of predicted and measured runs side by
    /// side. Status 1 if a gate fails; aims, which are tighter, are reported.
    Host(ValidateHostArguments),
}

/// Arguments of `validate host`.
#[derive(Args, Debug)]
pub(crate) struct ValidateHostArguments {
    /// Measure less, in under five minutes.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Worker and the processor behind it, `cpu=cpu[cores=0]`, `gpu=opencl[cores=1]`; repeat for several. By default every processor that
    /// is found.
    #[arg(long = "processor", value_name = "WORKER=PROCESSOR", value_parser = worker_processor)]
    pub(crate) processors: Vec<(String, Specification)>,
    /// Judge this profile, which `calibrate run` wrote, instead of calibrating anew; its samples lie beside it. Refused if it is of another
    /// machine, library or driver.
    #[arg(long, value_name = "FILE")]
    pub(crate) device: Option<PathBuf>,
    /// Judge what an earlier validation measured, a file `host-run.json`, and measure nothing.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quick", "processors", "device", "output"])]
    pub(crate) recorded: Option<PathBuf>,
    /// Folder for everything that is written.
    #[arg(long, value_name = "DIR", default_value = "runs/validate-host")]
    pub(crate) output: PathBuf,
    /// Print JSON: levels, cases, rankings, gates, and the section of the report.
    #[arg(long)]
    pub(crate) json: bool,
    /// Seed of the design, the folds, arrivals and replicates.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}
