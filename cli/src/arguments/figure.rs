//! Arguments of `figure` and `report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `figure`.
#[derive(Args, Debug)]
pub(crate) struct FigureArguments {
    /// What to draw.
    pub(crate) name: FigureName,
    /// What to draw it from: a results directory; for `comparison` a file of predictions and measurements.
    pub(crate) input: PathBuf,
    /// File to write, `.svg` or `.png`; by default the figure's name with `.svg`.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Case to draw; the first by default.
    #[arg(long)]
    pub(crate) case: Option<String>,
    /// Strategy to draw, as written in the scenario; the first by default.
    #[arg(long)]
    pub(crate) strategy: Option<String>,
    /// Model to draw; the first, or all where the figure shows several, by default.
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Where a timeline begins, in ms.
    #[arg(long, value_name = "MS", default_value_t = 0.0)]
    pub(crate) from: f64,
    /// Where a timeline ends, in ms; by default where 400 kernels and copies are shown.
    #[arg(long, value_name = "MS")]
    pub(crate) to: Option<f64>,
    /// Pixels per inch of a PNG.
    #[arg(long, value_name = "N", default_value_t = 300.0)]
    pub(crate) dpi: f64,
    /// Width on paper.
    #[arg(long, value_enum)]
    pub(crate) width: Option<FigureWidth>,
}

/// What can be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FigureName {
    /// What ran where, when: processors and links as rows.
    Timeline,
    /// A model's tasks, coloured by processor and time, with what fell back marked.
    Graph,
    /// Latency over time.
    Latencies,
    /// Temperatures over time.
    Temperatures,
    /// Clocks over time.
    Clocks,
    /// Power over time.
    Power,
    /// Predicted against measured: a scatter, the distribution of errors and boxes by group, in a file each.
    Comparison,
}

/// Width of a figure on paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FigureWidth {
    /// One column, 85 mm.
    Single,
    /// Two columns, 178 mm.
    Double,
}

/// Arguments of `report`.
#[derive(Args, Debug)]
pub(crate) struct ReportArguments {
    /// Results directories.
    #[arg(required = true, value_name = "DIR")]
    pub(crate) directories: Vec<PathBuf>,
    /// File to write.
    #[arg(long, short, value_name = "FILE", default_value = "report.html")]
    pub(crate) output: PathBuf,
}
