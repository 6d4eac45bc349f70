//! `socrates figure`: figures from result files.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::ValueEnum;
use plots::Scene;
use plots::charts::Comparison;
use plots::run::{Choice, Chosen, latencies, states, task_graph, timeline};
use plots::style::Width;
use results::write_atomic;

use crate::arguments::{FigureArguments, FigureName, FigureWidth};
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;

/// What a figure is written as.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Svg,
    Png,
}

pub(crate) fn figure(arguments: &FigureArguments) -> Outcome {
    let name = arguments.name.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    let output = arguments.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.svg")));
    let form = form(&output)?;
    let (chosen, figures) = drawn(arguments, &name)?;
    for (suffix, scene) in figures {
        let path = if suffix.is_empty() { output.clone() } else { with_suffix(&output, suffix) };
        let bytes = match form {
            Form::Svg => scene.svg().into_bytes(),
            Form::Png => scene.png(arguments.dpi).map_err(Failure::input)?,
        };
        write_atomic(&path, &bytes)?;
        print(&format!("{}: {}\n", path.display(), scene.title))?;
    }
    if let Some(Chosen { others: others @ 1.., .. }) = chosen {
        print(&format!("{others} more runs are in `{}`: choose by --case and --strategy\n", arguments.input.display()))?;
    }
    Ok(Status::Done)
}

type Figures = Vec<(&'static str, Scene)>;

fn drawn(arguments: &FigureArguments, name: &str) -> Result<(Option<Chosen>, Figures), Failure> {
    let choice = Choice { case: arguments.case.clone(), strategy: arguments.strategy.clone(), model: arguments.model.clone() };
    let width = |usual: Width| match arguments.width {
        None => usual,
        Some(FigureWidth::Single) => Width::Single,
        Some(FigureWidth::Double) => Width::Double,
    };
    let input = &arguments.input;
    let one = |chosen: Chosen, scene: Scene| (Some(chosen), vec![("", scene)]);
    Ok(match arguments.name {
        FigureName::Timeline => {
            let (chosen, mut chart) = timeline(input, &choice, arguments.from, arguments.to).map_err(Failure::input)?;
            chart.width = width(chart.width);
            one(chosen, chart.draw())
        }
        FigureName::Graph => {
            let (chosen, mut chart) = task_graph(input, &choice).map_err(Failure::input)?;
            chart.width = width(chart.width);
            one(chosen, chart.draw())
        }
        FigureName::Latencies => {
            let (chosen, mut chart) = latencies(input, &choice).map_err(Failure::input)?;
            chart.width = width(chart.width);
            one(chosen, chart.draw())
        }
        FigureName::Temperatures | FigureName::Clocks | FigureName::Power => {
            let (chosen, mut chart) = states(input, &choice, name).map_err(Failure::input)?;
            chart.width = width(chart.width);
            one(chosen, chart.draw())
        }
        FigureName::Comparison => (None, comparison(input)?.figures(width(Width::Single))),
    })
}

fn comparison(path: &Path) -> Result<Comparison, Failure> {
    let text = fs::read(path).with_context(|| format!("cannot read `{}`", path.display())).map_err(Failure::input)?;
    let read = serde_json::from_slice(&text);
    read.with_context(|| format!("`{}` is no comparison of predictions with measurements", path.display()))
        .map_err(Failure::input)
}

fn form(path: &Path) -> Result<Form, Failure> {
    match path.extension().and_then(OsStr::to_str) {
        Some("svg") => Ok(Form::Svg),
        Some("png") => Ok(Form::Png),
        _ => Err(Failure::input(anyhow!("`{}` is neither .svg nor .png: name a file that ends in one of them", path.display()))),
    }
}

/// `figure.svg` as `figure-errors.svg`.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let part = |part: Option<&OsStr>| part.map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!("{}-{suffix}.{}", part(path.file_stem()), part(path.extension())))
}
