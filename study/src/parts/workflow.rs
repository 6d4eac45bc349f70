//! Fig. 1: the workflow, drawn from a run: graph, passes, placement, timeline.

use runner::Model;
use sim::frontend::{Passes, Totals, optimize};
use sim::identifiers::WorkerId;
use sim::platform::Device;
use sim::record::Record;
use sim::task::LoweredModel;

use crate::{
    Bar, Bars, Chart, Context, Determinism, Figure, Kind, Panel, Part, PartData, Span, StudyError, Table, Task, TaskGraph,
    Timeline, Width, median_ms,
};

pub(crate) const PART: Part = Part {
    name: "fig1",
    title: "the workflow, drawn from a run",
    determinism: Determinism::Deterministic,
    scenarios: &["study-fig1"],
    make,
};

/// What is kept of the run.
struct Ran {
    graph: Vec<Task>,
    spans: Vec<Span>,
    rows: Vec<String>,
    end_ms: f64,
    latency_ms: Option<f64>,
    model: String,
    strategy: String,
    device: String,
    kernels: Table,
    sizes: Vec<(&'static str, u64)>,
}

fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let scenario = context.scenario("study-fig1")?;
    let loaded = context.load(vec![scenario])?;
    let seen = context.simulate(&loaded, |job, loaded, simulated| {
        let model = job.used(&loaded.inputs).first().map(|&index| job.model(&loaded.inputs, index));
        let original = job.used(&loaded.inputs).first().map(|&index| &loaded.inputs.models[index]);
        let latency_ms = median_ms(&simulated.report);
        model.zip(original).map(|(model, original)| Ran {
            latency_ms,
            strategy: job.strategy.clone(),
            ..ran(model, original, &loaded.inputs.device, &simulated.records)
        })
    })?;
    let ran = seen.into_iter().flatten().next().ok_or_else(|| missing("no run"))?;
    let ran =
        ran.map_err(|cause| missing(&cause.to_string()))?.into_iter().flatten().next().ok_or_else(|| missing("no model"))?;
    let caption = format!(
        "From model to schedule: {} on {} under `{}`, one inference. a: sizes of the model as it goes through the frontend; b: its tasks, coloured by the \
         processor that the strategy chose, with their time; c: the schedule. Expected durations, seed 0.",
        ran.model, ran.device, ran.strategy,
    );
    let workers = ran.rows.iter().filter(|row| !row.starts_with("copies")).count();
    let size = |index: usize| ran.sizes.get(index).map_or(0, |(_, size)| *size);
    let findings = vec![format!(
        "{} operators become {} by exact passes and {} tasks by fusion; they run on {workers} processors in {:.2} ms.",
        size(0),
        size(1),
        size(2),
        ran.latency_ms.unwrap_or(0.0),
    )];
    Ok(PartData { caption, tables: vec![ran.kernels.clone()], figures: vec![figure(ran)], findings, ..PartData::default() })
}

fn missing(why: &str) -> StudyError {
    StudyError::Part { part: PART.name, why: why.to_owned() }
}

fn ran(model: &Model, original: &Model, device: &Device, records: &[Record]) -> Ran {
    let lowered = &model.lowered;
    let name = |worker: WorkerId| device.worker(worker).name.clone();
    let mut places: Vec<Vec<(String, f64)>> = vec![Vec::new(); lowered.info.len()];
    let mut bars: Vec<(String, u64, u64, String, String)> = Vec::new();
    let columns = [
        ("on", "", Kind::Text),
        ("task", "", Kind::Text),
        ("kind", "", Kind::Text),
        ("start", "us", Kind::Number),
        ("end", "us", Kind::Number),
    ];
    let mut kernels = Table::new("", "Kernels and copies of the run.", &columns);
    for record in records {
        match record {
            Record::Kernel(it) => {
                let info = &lowered.info[it.task.index()];
                places[it.task.index()].push((name(it.worker), (it.end_ns - it.start_ns) as f64 * 1e-6));
                bars.push((name(it.worker), it.start_ns, it.end_ns, short(info.kind.name()).to_owned(), info.name.clone()));
            }
            Record::Copy(it) => {
                let link = device.link(it.link);
                let memory = |at: sim::identifiers::MemoryId| device.memories()[at.index()].name.clone();
                let row = format!("copies {} to {}", memory(link.from), memory(link.to));
                bars.push((row, it.start_ns, it.end_ns, String::new(), "copy".to_owned()));
            }
            _ => {}
        }
    }
    let mut rows: Vec<String> = Vec::new();
    for (row, ..) in &bars {
        if !rows.contains(row) {
            rows.push(row.clone());
        }
    }
    // Processors in the device's order, then copies.
    let place = |row: &String| device.workers().iter().position(|worker| worker.name == *row).unwrap_or(usize::MAX);
    rows.sort_by_key(place);
    for (row, start_ns, end_ns, kind, task) in &bars {
        let us = |ns: &u64| *ns as f64 * 1e-3;
        kernels.push([row.into(), task.into(), kind.into(), us(start_ns).into(), us(end_ns).into()]);
    }
    let span = |(row, start_ns, end_ns, kind, task): &(String, u64, u64, String, String)| Span {
        row: rows.iter().position(|it| it == row).unwrap_or(0),
        start: *start_ns as f64 * 1e-6,
        end: *end_ns as f64 * 1e-6,
        group: String::new(),
        label: kind.clone(),
        hint: task.clone(),
    };
    let end_ms = bars.iter().map(|(_, _, end_ns, ..)| *end_ns as f64 * 1e-6).fold(0.0, f64::max);
    let tasks = lowered.tasks.tasks().zip(&lowered.info).zip(places);
    let graph = tasks.map(|((task, info), ran)| {
        let producers = lowered.tasks.inputs(task).iter().filter_map(|&data| lowered.tasks.producer(data));
        let mut reads: Vec<usize> = producers.map(sim::identifiers::TaskId::index).collect();
        reads.sort_unstable();
        reads.dedup();
        Task { label: short(info.kind.name()).to_owned(), hint: info.name.clone(), ran, fallback: false, reads }
    });
    let optimized = optimize(&original.graph, &Passes::exact()).map(|(graph, _)| graph);
    let dynamic = |totals: Totals| totals.operators;
    let fused = optimized.as_ref().map_or(0, |graph| LoweredModel::of(graph, device).info.len() as u64);
    let sizes = vec![
        ("operators of the file", dynamic(Totals::of(&original.graph))),
        ("after exact passes", optimized.as_ref().map_or(0, |graph| dynamic(Totals::of(graph)))),
        ("tasks after fusion", fused),
    ];
    Ran {
        graph: graph.collect(),
        spans: bars.iter().map(span).collect(),
        rows: rows.clone(),
        end_ms,
        latency_ms: None,
        model: model.name.clone(),
        strategy: String::new(),
        device: device.name().to_owned(),
        kernels,
        sizes,
    }
}

/// A kernel kind, short enough to be written on a task.
fn short(kind: &str) -> &str {
    match kind {
        "convolution" => "conv",
        "single_pixel_convolution" => "1×1 conv",
        "depthwise_convolution" => "dw conv",
        "concatenate" => "concat",
        "average_pool" => "avg pool",
        "max_pool" => "max pool",
        "global_pool" => "global pool",
        "fully_connected" => "linear",
        other => other,
    }
}

fn figure(ran: Ran) -> Figure {
    let sizes = Bars {
        title: "Sizes".to_owned(),
        quantity: "operators or tasks".to_owned(),
        places: ran.sizes.iter().map(|(name, _)| (*name).to_owned()).collect(),
        series: vec![ran.model.clone()],
        bars: ran.sizes.iter().map(|(_, size)| vec![Some(Bar { value: *size as f64, interval: None })]).collect(),
        width: Width::Single,
        aspect: 0.4,
        ..Bars::default()
    };
    let graph = TaskGraph { title: "Placement".to_owned(), tasks: ran.graph, unit: "ms".to_owned(), width: Width::Double };
    let timeline = Timeline {
        title: "Timeline".to_owned(),
        unit: "ms".to_owned(),
        rows: ran.rows,
        spans: ran.spans,
        arrivals: vec![0.0],
        window: (0.0, ran.end_ms),
        note: String::new(),
        width: Width::Double,
    };
    let panels = vec![
        Panel::new("a  passes", Chart::Bars(sizes)),
        Panel::new("b  tasks and their placement", Chart::Graph(graph)),
        Panel::new("c  timeline", Chart::Timeline(timeline)),
    ];
    Figure::grid("", "The workflow: sizes after passes, placement of tasks, timeline.", 1, panels)
}
