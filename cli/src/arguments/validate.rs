//! Arguments of `validate`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// What to compare with measurements.
#[derive(Debug, Subcommand)]
pub(crate) enum ValidateCommand {
    /// Replay a table of measured mappings of network blocks to processors and clocks, and print the errors.
    ///
    /// The table has the columns `src` (campaign, `lw` or `coup`), `model`, `proc_per_block`, `freq_idx_per_block`, `input_ms`, `task_ms`, `task_mj` and
    /// `total_mj`; others are ignored, and energies and `input_ms` may be empty. Latency is `task_ms`: all blocks, without reading the image. Rows
    /// that cannot be judged are counted and named; rows without energy are left out of its figure.
    Mappings(MappingsArguments),
    /// Write the page that holds predictions beside every published measurement, with its figures in a folder beside it.
    Published(PublishedArguments),
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
