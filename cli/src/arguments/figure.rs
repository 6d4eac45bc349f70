//! Arguments of `figure` and `report`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use study::Part;

/// Arguments of `figure`.
#[derive(Args, Debug)]
pub(crate) struct FigureArguments {
    /// What to draw.
    #[arg(value_parser = drawable())]
    pub(crate) name: Drawable,
    /// What to draw it from: a results directory; for `comparison` a file of predictions and measurements. Parts of the study take none:
    /// they run what they need.
    pub(crate) input: Option<PathBuf>,
    /// File to write, `.svg` or `.png`; for parts of the study also `.csv` (data) or `.md` (caption, tables, findings). By default the
    /// figure's name with `.svg`, or `.md` for a table.
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
    /// Width on paper; parts of the study have their own.
    #[arg(long, value_enum)]
    pub(crate) width: Option<FigureWidth>,
    /// Of a part of the study: more devices, models and strategies, whatever time it takes.
    #[arg(long)]
    pub(crate) full: bool,
    /// Of a part of the study: threads; by default one for each processor of this machine.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// What can be drawn.
#[derive(Clone, Copy)]
pub(crate) enum Drawable {
    /// A figure of results.
    Results(FigureName),
    /// A part of the study.
    Study(&'static Part),
}

impl std::fmt::Debug for Drawable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.name())
    }
}

impl Drawable {
    /// Its name on the command line.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Results(name) => name.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned()),
            Self::Study(part) => part.name.to_owned(),
        }
    }
}

/// The names of all figures of results and of all parts of the study.
fn drawable() -> impl TypedValueParser<Value = Drawable> {
    let of_results = FigureName::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let of_study = study::PARTS.iter().map(|part| PossibleValue::new(part.name).help(format!("The study: {}", part.title)));
    PossibleValuesParser::new(of_results.chain(of_study)).try_map(|name| {
        let of_results = FigureName::from_str(&name, false).map(Drawable::Results).ok();
        of_results.or_else(|| study::part(&name).map(Drawable::Study)).ok_or("no such figure")
    })
}

/// What can be drawn from results.
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
