//! Arguments of `observe`, `replay` and `calibrate refine`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `replay`.
#[derive(Args, Debug)]
pub(crate) struct ReplayArguments {
    /// Results directory that `observe` wrote.
    pub(crate) directory: PathBuf,
    /// Device profile, instead of the one that the run was observed with.
    #[arg(long, value_name = "FILE")]
    pub(crate) device: Option<String>,
    /// Results directory; by default that of the observation with `-replayed`.
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Do not tell where the results are.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Arguments of `calibrate refine`.
#[derive(Args, Debug)]
pub(crate) struct RefineArguments {
    /// Results directories that `observe` wrote.
    #[arg(required = true)]
    pub(crate) directories: Vec<PathBuf>,
    /// Profile of this machine.
    #[arg(long, value_name = "FILE", default_value = "host.toml")]
    pub(crate) device: PathBuf,
    /// File for the refined profile.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Do not tell what was changed.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}
