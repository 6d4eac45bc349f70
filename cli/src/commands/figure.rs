//! `socrates figure`: figures from result files, and parts of the study.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use plots::Scene;
use plots::charts::Comparison;
use plots::run::{Choice, Chosen, latencies, states, task_graph, timeline};
use plots::style::Width;
use results::write_atomic;
use study::{PARTS, Part};

use crate::arguments::{Drawable, FigureArguments, FigureName, FigureWidth};
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;
use crate::study::{drawn as study_drawn, make};

/// What a figure is written as.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Svg,
    Png,
}

pub(crate) fn figure(arguments: &FigureArguments) -> Outcome {
    match arguments.name {
        Drawable::Results(name) => of_results(name, arguments),
        Drawable::Study(part) => of_study(part, arguments),
    }
}

fn of_results(figure: FigureName, arguments: &FigureArguments) -> Outcome {
    let name = arguments.name.name();
    let input = arguments.input.as_ref().ok_or_else(|| {
        let what = if figure == FigureName::Comparison { "pairs.json" } else { "runs/pixel4-solo" };
        Failure::input(anyhow!("`{name}` is drawn from results: name them, `socrates figure {name} {what}`"))
    })?;
    let output = arguments.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.svg")));
    let form = form(&output)?;
    let (chosen, figures) = drawn(figure, input, arguments, &name)?;
    for (suffix, scene) in figures {
        let path = if suffix.is_empty() { output.clone() } else { with_suffix(&output, suffix) };
        write(&path, form, &scene, arguments)?;
    }
    if let Some(Chosen { others: others @ 1.., .. }) = chosen {
        print(&format!("{others} more runs are in `{}`: choose by --case and --strategy\n", input.display()))?;
    }
    Ok(Status::Done)
}

/// A part of the study: its figures, its data or its text, by the ending of the output.
fn of_study(part: &'static Part, arguments: &FigureArguments) -> Outcome {
    let name = part.name;
    if let Some(input) = &arguments.input {
        let input = input.display();
        return Err(Failure::input(anyhow!("`{name}` is a part of the study and runs what it needs: leave `{input}` away")));
    }
    let usual = if name.starts_with("table") { "md" } else { "svg" };
    let output = arguments.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.{usual}")));
    let ending = output.extension().and_then(OsStr::to_str).unwrap_or_default().to_owned();
    if !["svg", "png", "csv", "md"].contains(&ending.as_str()) {
        let output = output.display();
        return Err(Failure::input(anyhow!(
            "`{output}` is neither .svg, .png, .csv nor .md: name a file that ends in one of them"
        )));
    }
    let study = make(PARTS, |it| it.name == name, arguments.full, arguments.threads, arguments.quiet, |_| Ok(()))?;
    for made in &study.parts {
        let data = &made.data;
        let path = |suffix: &str| if suffix.is_empty() { output.clone() } else { with_suffix(&output, suffix) };
        match ending.as_str() {
            "md" => put(&output, made.markdown("").as_bytes(), part.title)?,
            "csv" => {
                for table in &data.tables {
                    put(&path(&table.name), table.csv().as_bytes(), &table.caption)?;
                }
            }
            _ if data.figures.is_empty() => {
                return Err(Failure::input(anyhow!("`{name}` has no figure: name a file that ends in .md or .csv")));
            }
            _ => {
                for figure in &data.figures {
                    write(&path(&figure.name), form(&output)?, &study_drawn(figure)?, arguments)?;
                }
            }
        }
        for finding in &data.findings {
            print(&format!("  {finding}\n"))?;
        }
    }
    Ok(Status::Done)
}

fn write(path: &Path, form: Form, scene: &Scene, arguments: &FigureArguments) -> Result<(), Failure> {
    let bytes = match form {
        Form::Svg => scene.svg().into_bytes(),
        Form::Png => scene.png(arguments.dpi).map_err(Failure::input)?,
    };
    put(path, &bytes, &scene.title)
}

fn put(path: &Path, bytes: &[u8], what: &str) -> Result<(), Failure> {
    write_atomic(path, bytes)?;
    print(&format!("{}: {what}\n", path.display()))?;
    Ok(())
}

type Figures = Vec<(&'static str, Scene)>;

fn drawn(
    figure: FigureName,
    input: &Path,
    arguments: &FigureArguments,
    name: &str,
) -> Result<(Option<Chosen>, Figures), Failure> {
    let choice = Choice { case: arguments.case.clone(), strategy: arguments.strategy.clone(), model: arguments.model.clone() };
    let width = |usual: Width| match arguments.width {
        None => usual,
        Some(FigureWidth::Single) => Width::Single,
        Some(FigureWidth::Double) => Width::Double,
    };
    let one = |chosen: Chosen, scene: Scene| (Some(chosen), vec![("", scene)]);
    Ok(match figure {
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
