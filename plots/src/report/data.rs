//! The data of the page.

use std::path::{Path, PathBuf};

use results::{CaseSummary, FileEntry, Provenance, RunFile, Stop, read_run};
use serde::Serialize;

use super::graphs::{Graph, GraphLayout, Layouts, graphs};
use super::spans::{Spans, all_spans};
use crate::run::RunError;
use crate::scene::Dash;
use crate::style::{Colour, Marker, PALETTE, Series, WHITE, looks, processors};

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    directories: Vec<Directory>,
    /// Layouts of graphs, shared by the runs of a model.
    layouts: Vec<GraphLayout>,
    /// Looks of strategies, by name.
    strategies: Vec<Look>,
    /// Looks of workers and links, by name.
    processors: Vec<Look>,
}

/// One results directory.
#[derive(Debug, Serialize)]
struct Directory {
    name: String,
    provenance: Provenance,
    files: Vec<FileEntry>,
    runs: Vec<Run>,
}

/// One run.
#[derive(Debug, Serialize)]
struct Run {
    case: String,
    strategy: String,
    origin: &'static str,
    device: String,
    seed: u64,
    stop: String,
    end_ms: f64,
    events: u64,
    power_w: Option<f64>,
    hottest_celsius: Option<f64>,
    throttled_s: Option<f64>,
    drop_rate: Option<f64>,
    jank_rate: Option<f64>,
    peak_memory_mb: Option<f64>,
    backlogged: bool,
    busy: Vec<(String, f64)>,
    models: Vec<Model>,
    spans: Option<Spans>,
    graphs: Vec<Graph>,
}

/// One model of a run.
#[derive(Debug, Serialize)]
struct Model {
    name: String,
    arrived: u64,
    completed: u64,
    p50_ms: Option<f64>,
    p90_ms: Option<f64>,
    p99_ms: Option<f64>,
    missed: Option<f64>,
    fallback_tasks: u64,
    copies: Option<f64>,
    mj: Option<f64>,
    extrapolated: Option<f64>,
}

/// How something looks.
#[derive(Debug, Serialize)]
pub(super) struct Look {
    name: String,
    colour: String,
    marker: String,
    dash: &'static [f64],
}

impl Look {
    fn new(name: &str, series: Series) -> Self {
        let dash = if series.dash == Dash::Solid { &[] } else { series.dash.lengths() };
        Self { name: name.to_owned(), colour: css(series.colour), marker: form(series.marker), dash }
    }
}

/// A marker of radius 1 as path data.
fn form(marker: Marker) -> String {
    crate::svg::data(&marker.path(crate::geometry::Point::default(), 1.0))
}

/// A colour by the variable that each theme sets.
fn css(colour: Colour) -> String {
    const NAMES: [&str; 7] = ["blue", "orange", "green", "vermillion", "sky", "pink", "ink"];
    let name = |wanted: Colour| PALETTE.iter().position(|it| *it == wanted).map(|index| format!("var(--{})", NAMES[index]));
    let tint = [0.36, 0.66].into_iter().find(|share| PALETTE[0].mixed(WHITE, *share) == colour);
    match (name(colour), tint) {
        (Some(name), _) => name,
        (None, Some(share)) => format!("color-mix(in srgb, var(--blue), var(--tint) {:.0}%)", 100.0 * share),
        (None, None) => "var(--muted)".to_owned(),
    }
}

impl Page {
    /// Reads all directories.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, RunError> {
        let mut layouts = Layouts::default();
        let files: Vec<RunFile> = paths.iter().map(|path| read_run(path)).collect::<Result<_, _>>()?;
        let runs = files.iter().map(|file| file.cases.len()).sum::<usize>();
        let names = names(paths);
        let mut directories = Vec::new();
        for ((path, name), file) in paths.iter().zip(names).zip(files) {
            directories.push(directory(path, name, file, runs, &mut layouts)?);
        }
        let runs = || directories.iter().flat_map(|directory: &Directory| &directory.runs);
        let strategies = distinct(runs().map(|run| run.strategy.clone()));
        let rows = runs().flat_map(|run| {
            let graphs = run.graphs.iter().flat_map(Graph::workers).cloned();
            run.spans.iter().flat_map(|spans| spans.rows().iter().cloned()).chain(graphs)
        });
        let rows = distinct(rows);
        let look = |names: &[String], looks: Vec<Series>| names.iter().zip(looks).map(|(name, it)| Look::new(name, it)).collect();
        Ok(Self {
            strategies: look(&strategies, looks(&strategies)),
            processors: look(&rows, processors(&rows)),
            layouts: layouts.done(),
            directories,
        })
    }
}

/// The last part of each path; whole paths where two have the same.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let last =
        |path: &PathBuf| path.file_name().map_or_else(|| path.display().to_string(), |it| it.to_string_lossy().into_owned());
    let short: Vec<String> = paths.iter().map(last).collect();
    let mut sorted = short.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() == short.len() { short } else { paths.iter().map(|path| path.display().to_string()).collect() }
}

fn directory(path: &Path, name: String, file: RunFile, runs: usize, layouts: &mut Layouts) -> Result<Directory, RunError> {
    let has = |wanted: &str| file.files.iter().any(|file| file.name == wanted);
    let tables = has("operators.parquet") && has("copies.parquet");
    let mut spans = if tables { all_spans(path, &file, runs)? } else { Vec::new() };
    let placements = if has("placement.json") { results::placement::read_placements(path)? } else { Vec::new() };
    let mut runs = Vec::new();
    for (index, case) in file.cases.iter().enumerate() {
        let of_run =
            placements.iter().filter(|it| it.case == case.case && it.strategy == case.strategy && it.origin == case.origin);
        let graphs = graphs(of_run, layouts);
        runs.push(run(case, spans.get_mut(index).and_then(Option::take), graphs));
    }
    Ok(Directory { name, provenance: file.provenance, files: file.files, runs })
}

fn run(case: &CaseSummary, spans: Option<Spans>, graphs: Vec<Graph>) -> Run {
    let report = &case.report;
    let device = report.device.as_ref();
    let energy = device.and_then(|device| device.energy.as_ref());
    let per_inference = |name: &str| energy?.models.iter().find(|it| it.name == name)?.per_inference_j.map(|it| it * 1e3);
    let models = report.models.iter().map(|model| {
        let requests = &model.requests;
        Model {
            name: model.name.clone(),
            arrived: requests.arrived,
            completed: requests.completed,
            p50_ms: model.latency.as_ref().map(|it| it.p50_ns * 1e-6),
            p90_ms: model.latency.as_ref().map(|it| it.p90_ns * 1e-6),
            p99_ms: model.latency.as_ref().map(|it| it.p99_ns * 1e-6),
            missed: (requests.deadlines > 0).then(|| requests.deadline_misses as f64 / requests.deadlines as f64),
            fallback_tasks: model.totals.fallback_tasks,
            copies: (requests.completed > 0).then(|| model.totals.copies as f64 / requests.completed as f64),
            mj: per_inference(&model.name),
            extrapolated: model.totals.extrapolated_share,
        }
    });
    let busy = report.workers.iter().filter_map(|it| Some((it.name.clone(), it.utilization.filter(|share| *share >= 0.005)?)));
    Run {
        case: case.case.clone(),
        strategy: case.strategy.clone(),
        origin: case.origin.name(),
        device: case.device.clone(),
        seed: case.seed,
        stop: stop(&case.stop),
        end_ms: report.end_ns as f64 * 1e-6,
        events: case.events,
        power_w: energy.and_then(|energy| energy.mean_power_w),
        hottest_celsius: device.and_then(|it| it.temperatures.iter().map(|it| it.most_celsius).reduce(f64::max)),
        throttled_s: device.and_then(|it| it.throttled_from_ns).map(|ns| ns as f64 * 1e-9),
        drop_rate: report.interface.as_ref().and_then(|it| it.drop_rate),
        jank_rate: report.interface.as_ref().and_then(|it| it.jank_rate),
        peak_memory_mb: report.peak_memory_bytes.map(|bytes| bytes as f64 * 1e-6),
        backlogged: report.streams.iter().any(|stream| format!("{:?}", stream.verdict) == "Backlogged"),
        busy: busy.collect(),
        models: models.collect(),
        spans,
        graphs,
    }
}

fn stop(stop: &Stop) -> String {
    match stop {
        Stop::Drained => "drained".to_owned(),
        Stop::Horizon => "at the horizon".to_owned(),
        Stop::EventBudget => "out of events".to_owned(),
        Stop::Stalled(why) => format!("stalled: {why}"),
        Stop::Failed(why) => format!("failed: {why}"),
        Stop::Interrupted => "interrupted".to_owned(),
    }
}

fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}
