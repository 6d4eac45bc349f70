//! Fig. 1: the workflow, drawn from a run: graph, passes, placement, timeline.

mod frontend;
mod schedule;

use runner::Model;
use sim::frontend::{Passes, optimize};

use self::frontend::{Stage, stages};
use self::schedule::{Schedule, schedule};
use crate::parts::common::{listed, short};
use crate::{
    Chart, Context, Determinism, Figure, Fusion, Kind, Operator, Panel, Part, PartData, Stacks, StudyError, Table, Timeline,
    Width, median_ms,
};

pub(crate) const PART: Part = Part {
    name: "fig1",
    title: "the workflow, drawn from a run",
    determinism: Determinism::Deterministic,
    scenarios: &["study-fig1"],
    make,
};

/// Tasks that are drawn: as many as can be read, here the model's stem and its first block.
const TASKS: usize = 13;

/// What is kept of the run.
struct Ran {
    schedule: Schedule,
    stages: Vec<Stage>,
    operators: Vec<Operator>,
    latency_ms: Option<f64>,
    model: String,
    strategy: String,
    device: String,
}

fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let scenario = context.scenario("study-fig1")?;
    let loaded = context.load(vec![scenario])?;
    let seen = context.simulate(&loaded, |job, loaded, simulated| {
        let index = *job.used(&loaded.inputs).first()?;
        let (device, original) = (&loaded.inputs.device, &loaded.inputs.models[index]);
        let model = job.model(&loaded.inputs, index);
        let (optimized, report) = optimize(&original.graph, &Passes::exact()).ok()?;
        Some(Ran {
            schedule: schedule(&model.lowered, device, &simulated.records, TASKS),
            stages: stages(&original.graph, &model.lowered)?,
            operators: frontend::operators(&original.graph, &optimized, &report, &task_of(model)),
            latency_ms: median_ms(&simulated.report),
            model: original.name.clone(),
            strategy: job.strategy.clone(),
            device: device.name().to_owned(),
        })
    })?;
    let seen = seen.into_iter().flatten().next().ok_or_else(|| missing("no run"))?;
    let ran = seen.map_err(|cause| missing(&cause.to_string()))?.into_iter().flatten().next();
    let ran = ran.ok_or_else(|| missing("no model, or its passes fail"))?;
    let caption = format!(
        "From model to schedule: {} on {} under `{}`, one inference; a, c and d show its first {} tasks, b all of it. a: the graph as the file has it, a row for the operators \
         that fusion joins to one task, dashed what exact passes remove. b: operators of the file, after the exact passes that change something (those before each included) and tasks \
         after fusion, by kind. c: each task in the lane of the processor that the strategy chose; the bar is its time, the longest {:.2} ms. d: the schedule, \
         with the numbers of the tasks where there is room. Expected durations, seed 0.",
        ran.model,
        short(&ran.device),
        ran.strategy,
        ran.schedule.tasks.len(),
        ran.schedule.longest_ms(),
    );
    let findings = findings(&ran);
    let tables = vec![ran.schedule.kernels.clone(), table(&ran.stages)];
    Ok(PartData { caption, tables, figures: vec![figure(ran)], findings, ..PartData::default() })
}

fn missing(why: &str) -> StudyError {
    StudyError::Part { part: PART.name, why: why.to_owned() }
}

/// The tasks that are drawn, by the names of their operators.
fn task_of(model: &Model) -> impl Fn(&str) -> Option<usize> {
    let drawn: Vec<Vec<String>> = model.operator_names.iter().take(TASKS).cloned().collect();
    move |name| drawn.iter().position(|names| names.iter().any(|it| it == name))
}

fn findings(ran: &Ran) -> Vec<String> {
    let [first, .., passes, fused] = &ran.stages[..] else { return Vec::new() };
    let shown = ran.operators.iter().filter(|operator| operator.task.is_some()).count();
    let gone = ran.operators.len() - shown;
    vec![
        format!(
            "{} operators become {} by exact passes and {} tasks by fusion; they run on {} processors in {:.2} ms.",
            first.size(),
            passes.size(),
            fused.size(),
            ran.schedule.workers,
            ran.latency_ms.unwrap_or(0.0),
        ),
        format!(
            "Of the {} operators that are drawn, exact passes remove {gone}; fusion joins the other {shown} to {} tasks on {}, with {} copies between memories.",
            ran.operators.len(),
            ran.schedule.tasks.len(),
            listed(&ran.schedule.lanes),
            ran.schedule.copies,
        ),
    ]
}

fn table(stages: &[Stage]) -> Table {
    let columns = [("stage", "", Kind::Text), ("kind", "", Kind::Text), ("count", "", Kind::Count)];
    let mut table = Table::new("stages", "Operators of the file, after passes, and tasks after fusion, by kind.", &columns);
    for stage in stages {
        for (kind, count) in frontend::KINDS.iter().zip(stage.counts) {
            table.push([(&stage.name).into(), (*kind).into(), count.into()]);
        }
    }
    table
}

fn figure(ran: Ran) -> Figure {
    let fusion = Fusion {
        title: "Operators, tasks and where they ran".to_owned(),
        headings: ("a  graph of the file".to_owned(), "c  tasks and their placement".to_owned()),
        operators: ran.operators,
        tasks: ran.schedule.tasks,
        lanes: ran.schedule.lanes,
    };
    let seen = |kind: usize| ran.stages.iter().any(|stage| stage.counts[kind] > 0);
    let kinds: Vec<usize> = (0..frontend::KINDS.len()).filter(|&kind| seen(kind)).collect();
    let passes = Stacks {
        title: "Sizes".to_owned(),
        quantity: "operators, or tasks after fusion".to_owned(),
        wholes: ran.stages.iter().map(|stage| stage.name.clone()).collect(),
        parts: kinds.iter().map(|&kind| frontend::KINDS[kind].to_owned()).collect(),
        values: ran.stages.iter().map(|stage| kinds.iter().map(|&kind| stage.counts[kind] as f64).collect()).collect(),
        width: Width::Single,
    };
    let timeline = Timeline {
        title: "Timeline".to_owned(),
        unit: "ms".to_owned(),
        rows: ran.schedule.rows,
        spans: ran.schedule.spans,
        arrivals: vec![0.0],
        window: (0.0, ran.schedule.end_ms),
        note: String::new(),
        width: Width::Single,
    };
    let panels = vec![
        Panel::new("", Chart::Fusion(fusion)),
        Panel::new("b  passes", Chart::Stacks(passes)),
        Panel::new("d  timeline", Chart::Timeline(timeline)),
    ];
    let caption =
        "The workflow: operators of the file and the tasks they are joined to, sizes after passes, placement of tasks, timeline.";
    Figure::grid("", caption, 2, panels)
}
