//! What the frontend does to a model: operators that go, operators that are joined, sizes after each pass.

use sim::frontend::{PASSES, Passes, Report, optimize};
use sim::graph::Graph;
use sim::graph::work::KernelKind;
use sim::identifiers::OperatorId;
use sim::task::LoweredModel;

use crate::Operator;

/// Kinds of operators that are counted apart.
pub(super) const KINDS: [&str; 6] =
    ["convolution, product", "reduction", "element-wise", "data movement", "view, no data move", "other"];

/// Sizes of a model at a stage of the frontend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) name: String,
    /// By kind.
    pub(super) counts: [u64; KINDS.len()],
}

impl Stage {
    fn of(name: impl Into<String>, kinds: impl Iterator<Item = KernelKind>) -> Self {
        let mut counts = [0; KINDS.len()];
        for kind in kinds {
            counts[place(kind)] += 1;
        }
        Self { name: name.into(), counts }
    }

    /// Operators or tasks.
    pub(super) fn size(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Place of a kind among [`KINDS`].
const fn place(kind: KernelKind) -> usize {
    match kind {
        KernelKind::Convolution
        | KernelKind::DepthwiseConvolution
        | KernelKind::GroupedConvolution
        | KernelKind::TransposedConvolution
        | KernelKind::FullyConnected
        | KernelKind::MatrixMultiply
        | KernelKind::Recurrent => 0,
        KernelKind::MaxPool
        | KernelKind::AveragePool
        | KernelKind::GlobalPool
        | KernelKind::Reduce
        | KernelKind::Normalization
        | KernelKind::Softmax => 1,
        KernelKind::Activation | KernelKind::Elementwise => 2,
        KernelKind::Concatenate | KernelKind::DataMovement | KernelKind::Resize | KernelKind::Embedding => 3,
        KernelKind::View => 4,
        KernelKind::Other => 5,
    }
}

/// Operators that run in every request, in topological order.
fn dynamic(graph: &Graph) -> impl Iterator<Item = OperatorId> {
    graph.topological_order().iter().copied().filter(|&id| !graph.is_static(id))
}

/// The file; for each exact pass that changes something, what it and those before it leave; the tasks after fusion. `None` if a pass fails.
pub(super) fn stages(graph: &Graph, lowered: &LoweredModel) -> Option<Vec<Stage>> {
    let of = |name: String, graph: &Graph| Stage::of(name, dynamic(graph).map(|id| graph.work(id).kind));
    let mut stages = vec![of("file".to_owned(), graph)];
    let mut last = graph.clone();
    let mut passes = String::new();
    for pass in PASSES.iter().filter(|pass| pass.is_exact) {
        passes = if passes.is_empty() { pass.name.to_owned() } else { format!("{passes},{}", pass.name) };
        let (next, _) = optimize(graph, &Passes::parse(&passes).ok()?).ok()?;
        if next != last {
            stages.push(of(format!("pass: {}", pass.name), &next));
            last = next;
        }
    }
    if stages.len() == 1 {
        stages.push(Stage { name: "exact passes".to_owned(), ..stages[0].clone() });
    }
    stages.push(Stage::of("fusion", lowered.info.iter().map(|info| info.kind)));
    Some(stages)
}

/// Operators of the file up to the last that is part of a drawn task, but those of tasks that are not drawn; what passes remove is among them.
pub(super) fn operators(
    graph: &Graph,
    optimized: &Graph,
    report: &Report,
    task_of: &impl Fn(&str) -> Option<usize>,
) -> Vec<Operator> {
    let is_left = |name: &str| optimized.operator_named(name).is_some();
    let all: Vec<OperatorId> = dynamic(graph).collect();
    let task = |id: OperatorId| task_of(&graph.operator(id).name);
    let end = all.iter().rposition(|&id| task(id).is_some()).map_or(0, |last| last + 1);
    let is_drawn = |&id: &OperatorId| task(id).is_some() || !is_left(&graph.operator(id).name);
    let drawn: Vec<OperatorId> = all[..end].iter().copied().filter(is_drawn).collect();
    let operator = |&id: &OperatorId| {
        let of = graph.operator(id);
        let reads = graph.predecessors(id).iter().filter_map(|before| drawn.iter().position(|it| it == before));
        Operator {
            label: of.op_type.clone(),
            hint: of.name.clone(),
            reads: reads.collect(),
            task: task(id),
            gone: if is_left(&of.name) { String::new() } else { removed_by(&of.name, report) },
        }
    };
    drawn.iter().map(operator).collect()
}

/// Which pass removed an operator; where nothing read it any more, which pass had come before.
fn removed_by(name: &str, report: &Report) -> String {
    let Some(step) = report.steps.iter().position(|step| step.removed.iter().any(|it| it == name)) else {
        return "removed".to_owned();
    };
    let cause = report.steps[..=step].iter().rev().find(|step| step.pass != "dead").map_or("dead", |step| step.pass);
    format!("removed by pass {cause}")
}

#[cfg(test)]
mod tests {
    use sim::graph::{Attributes, RawGraph};

    use super::*;

    #[test]
    fn what_passes_remove_is_drawn_and_told() {
        let graph = RawGraph::new("example")
            .with_input("x", &[1, 8])
            .with_operator("Relu", &["x"], &["a"], Attributes::new())
            .with_operator("Identity", &["a"], &["b"], Attributes::new())
            .with_operator("Sigmoid", &["b"], &["c"], Attributes::new())
            .with_operator("Neg", &["c"], &["y"], Attributes::new())
            .with_output("y")
            .build()
            .expect("a graph");
        let (optimized, report) = optimize(&graph, &Passes::exact()).expect("passes");
        let task_of = |name: &str| ["a", "c"].iter().position(|it| *it == name);
        let drawn = operators(&graph, &optimized, &report, &task_of);
        let seen: Vec<(&str, Option<usize>, &str, &[usize])> =
            drawn.iter().map(|it| (it.label.as_str(), it.task, it.gone.as_str(), it.reads.as_slice())).collect();
        let expected: [(&str, Option<usize>, &str, &[usize]); 3] =
            [("Relu", Some(0), "", &[]), ("Identity", None, "removed by pass identity", &[0]), ("Sigmoid", Some(1), "", &[1])];
        assert_eq!(seen, expected);
    }
}
