//! Arguments of `study`.

use std::path::PathBuf;

use clap::Args;

const OUTPUT: &str = "runs/study";
const DOTS_PER_INCH: f64 = 200.0;

/// Arguments of `study`.
#[derive(Args, Debug)]
pub(crate) struct StudyArguments {
    /// Directory for data, figures, captions, `study.md` and `study.json`.
    #[arg(long, short, value_name = "DIR", default_value = OUTPUT)]
    pub(crate) output: PathBuf,
    /// More devices, models and strategies, whatever time it takes.
    #[arg(long)]
    pub(crate) full: bool,
    /// Write only a page and its figures, in the folder of its name without `.md`, as SVG.
    #[arg(long, value_name = "FILE.md", conflicts_with = "output")]
    pub(crate) page: Option<PathBuf>,
    /// Write nothing; tell whether the page (`docs/study.md`, or that of `--page`) and its figures are what would be written (status 1 if
    /// not).
    #[arg(long, conflicts_with_all = ["output", "full"])]
    pub(crate) check: bool,
    /// Pixels per inch of PNGs.
    #[arg(long, value_name = "N", default_value_t = DOTS_PER_INCH)]
    pub(crate) dpi: f64,
    /// Threads; by default one for each processor of this machine. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl Default for StudyArguments {
    fn default() -> Self {
        let output = PathBuf::from(OUTPUT);
        Self { output, full: false, page: None, check: false, dpi: DOTS_PER_INCH, threads: None, quiet: false }
    }
}
