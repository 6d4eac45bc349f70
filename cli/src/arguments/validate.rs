//! Arguments of `validate`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use executor::Specification;

use super::worker_processor;

/// What to compare with measurements.
#[derive(Debug, Subcommand)]
pub(crate) enum ValidateCommand {
    /// Replay a table of measured mappings of network blocks to processors and clocks, and print the errors.
    ///
    /// The table has the columns `src` (campaign, `lw` or `coup`), `model`, `proc_per_block`, `freq_idx_per_block`, `input_ms`, `task_ms`, `task_mj` and
    /// `total_mj`; others are ignored, and energies and `input_ms` may be empty. Latency is `task_ms`: all blocks, without reading the image. Rows
    /// that cannot be judged are counted and named; rows without energy are left out of its figure.
    Mappings(MappingsArguments),
    /// Calibrate this machine, predict, run for real, compare: operators, models, workloads, strategies.
    ///
    /// Calibration and executions take turns, and two known kernels are measured throughout, so that the machine's drift hits both sides and
    /// is told. Writes the profile, the samples, everything that was compared, a report and a trace of predicted and measured runs side by
    /// side. Status 1 if a gate fails; aims, which are tighter, are reported.
    Host(ValidateHostArguments),
    /// Write the page that holds predictions beside every published measurement, with its figures in a folder beside it.
    Published(PublishedArguments),
    /// Compare predictions of whole models with a table of measured ones, per processor and core set.
    ///
    /// The table has the columns `framework`, `model`, `device_key`, `processor`, `cores`, `dtype` and `mean_ms`; others are ignored. Rows that cannot
    /// be judged (another device, framework or type of numbers, a model whose operators are not known) are counted and named.
    Models(ModelsArguments),
}

/// Arguments of `validate models`.
#[derive(Args, Debug)]
pub(crate) struct ModelsArguments {
    /// Table of measured models.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Device: name of a built-in profile, or path of one.
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: String,
    /// Table of operators of models that the program does not know, in the columns of the measured ones
    /// (`model,op_idx,op,in_hw,in_ch,out_hw,out_ch,kernel,stride,groups`; latencies are ignored).
    #[arg(long, value_name = "FILE")]
    pub(crate) operators: Option<PathBuf>,
    /// Print JSON: one object with `device`, `groups` and `refused`; errors and shares in percent.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `validate published`.
#[derive(Args, Debug)]
pub(crate) struct PublishedArguments {
    /// The page; figures go to the folder of its name without `.md`.
    #[arg(long, short, value_name = "FILE", default_value = "docs/validation.md")]
    pub(crate) output: PathBuf,
    /// Write nothing; tell whether the page and its figures are what would be written (status 1 if not).
    #[arg(long)]
    pub(crate) check: bool,
    /// Print all sections as JSON instead.
    #[arg(long, conflicts_with = "check")]
    pub(crate) json: bool,
    /// Threads; by default one for each processor of this machine.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Arguments of `validate mappings`.
#[derive(Args, Debug)]
pub(crate) struct MappingsArguments {
    /// Table of measured mappings.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Device whose mappings were measured.
    #[arg(long, value_enum)]
    pub(crate) device: MappedDevice,
    /// What a row's prediction must not have been fitted to.
    #[arg(long, value_enum, default_value_t = HeldOutKind::Strings)]
    pub(crate) held_out: HeldOutKind,
    /// Print JSON: one object with `latency_mape`, `energy_mape`, `rank_within_network` (mean over networks and campaigns of Spearman's
    /// correlation within), and the same per network under `networks`; errors in percent.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A device of which mappings can be replayed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum MappedDevice {
    /// The RK3399Pro board.
    Rk3399pro,
}

/// What is held out of fits.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum HeldOutKind {
    /// The row's string of processors. Strings that the profile was not fitted to are predicted by the profile itself.
    Strings,
    /// The row's network.
    Networks,
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
