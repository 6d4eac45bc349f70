//! Graphs of the page: where each model's tasks ran, on a layout that all its runs share.

use results::placement::Placement;
use serde::Serialize;

use crate::charts::GraphPlaces;
use crate::run::short_kind;

/// Width of graphs on the page, in the units of figures.
const ACROSS: f64 = 620.0;

/// Where tasks of a model stand.
#[derive(Debug, Serialize)]
pub(super) struct GraphLayout {
    width: f64,
    height: f64,
    node: (f64, f64),
    at: Vec<(f64, f64)>,
    /// Lines between tasks, as path data.
    lines: String,
}

/// The layouts so far, each with what it is of.
#[derive(Debug, Default)]
pub(super) struct Layouts(Vec<(Vec<Vec<usize>>, GraphLayout)>);

impl Layouts {
    fn index(&mut self, reads: Vec<Vec<usize>>) -> usize {
        if let Some(index) = self.0.iter().position(|(known, _)| *known == reads) {
            return index;
        }
        let places = GraphPlaces::of(&reads, ACROSS);
        let rounded = |value: f64| libm::round(value * 10.0) / 10.0;
        let layout = GraphLayout {
            width: rounded(places.width),
            height: rounded(places.height),
            node: places.node,
            at: places.nodes.iter().map(|at| (rounded(at.x), rounded(at.y))).collect(),
            lines: places.lines.iter().map(crate::svg::data).collect(),
        };
        self.0.push((reads, layout));
        self.0.len() - 1
    }

    pub(super) fn done(self) -> Vec<GraphLayout> {
        self.0.into_iter().map(|(_, layout)| layout).collect()
    }
}

/// A model's tasks in a run.
#[derive(Debug, Serialize)]
pub(super) struct Graph {
    model: String,
    layout: usize,
    requests: u64,
    workers: Vec<String>,
    tasks: Vec<GraphTask>,
    /// What fallback cost for each request, in ms, and how many tasks fell back.
    fallback: Option<(f64, u64)>,
    /// Where the time of a request went, in ms: latency, kernels, invocations, copies, copies of outputs.
    account: Option<[f64; 5]>,
}

#[derive(Debug, Serialize)]
struct GraphTask {
    name: String,
    kind: String,
    operators: usize,
    /// Worker, part (empty for the whole), mean time in µs, of what it takes alone.
    ran: Vec<(usize, String, f64, f64)>,
    why: String,
    /// Its fallback's cost in µs; none if it did not fall back.
    fallback: Option<f64>,
    /// Worker, expected time in µs; none where it cannot.
    best: Option<(String, f64)>,
    reads: Vec<u32>,
}

impl Graph {
    pub(super) fn workers(&self) -> &[String] {
        &self.workers
    }
}

/// The graphs of a run's models.
pub(super) fn graphs<'a>(placements: impl Iterator<Item = &'a Placement>, layouts: &mut Layouts) -> Vec<Graph> {
    placements.map(|placement| graph(placement, layouts)).collect()
}

fn graph(placement: &Placement, layouts: &mut Layouts) -> Graph {
    let reads = placement.tasks.iter().map(|task| task.reads.iter().map(|it| *it as usize).collect()).collect();
    let mut workers: Vec<String> = Vec::new();
    let micro = |nanoseconds: f64| libm::round(nanoseconds * 1e-1) / 100.0;
    let mut tasks = Vec::new();
    for task in &placement.tasks {
        let mut ran = Vec::new();
        for it in &task.ran {
            let worker = workers.iter().position(|worker| *worker == it.worker).unwrap_or_else(|| {
                workers.push(it.worker.clone());
                workers.len() - 1
            });
            let part = if it.part == "whole" { String::new() } else { it.part.clone() };
            ran.push((worker, part, micro(it.run_ns), micro(it.solo_ns)));
        }
        let options = task.options.iter().filter_map(|it| Some((it.worker.clone(), it.total_ns()?)));
        let best = options.min_by_key(|it| it.1).map(|(worker, total_ns)| (worker, micro(total_ns as f64)));
        tasks.push(GraphTask {
            name: task.name.clone(),
            kind: short_kind(&task.kind).to_owned(),
            operators: task.operators.len(),
            ran,
            why: task.why.sentence(),
            fallback: task.fallback.as_ref().map(|it| micro(it.total_ns())),
            best,
            reads: task.reads.clone(),
        });
    }
    let milli = |nanoseconds: f64| nanoseconds * 1e-6;
    Graph {
        model: placement.model.clone(),
        layout: layouts.index(reads),
        requests: placement.requests,
        workers,
        tasks,
        fallback: placement.fallback.as_ref().map(|it| (milli(it.total_ns()), it.tasks)),
        account: placement
            .account
            .as_ref()
            .map(|it| [it.latency_ns, it.kernel_ns, it.invocation_ns, it.copy_ns, it.output_copy_ns].map(milli)),
    }
}
