//! What frontend passes change in a model: for `model inspect --diff` and `model optimize`.

use std::fmt::Write;

use serde::Serialize;
use sim::frontend::analysis::{Dag, Decomposition, SearchSpace};
use sim::frontend::{Passes, Report, Step, Totals, optimize};
use sim::graph::Graph;
use sim::platform::{Device, DeviceBuilder, ProcessorKind, SupportRules, Worker};
use sim::task::LoweredModel;

use crate::failure::Failure;
use runner::grouped;

use crate::table::{Align, Table};

/// Workers that placements are counted for where no device is named.
const NOMINAL_WORKERS: usize = 3;

/// Names of operators that a line shows.
const SHOWN_NAMES: usize = 6;

/// What passes change.
#[derive(Debug, Serialize)]
pub(crate) struct Diff {
    passes: Vec<&'static str>,
    is_exact: bool,
    steps: Vec<Change>,
    before: Sizes,
    after: Sizes,
}

/// One run of one pass that changed something.
#[derive(Debug, Serialize)]
struct Change {
    pass: &'static str,
    round: u32,
    removed: Vec<String>,
    added: Vec<String>,
    changed: Vec<String>,
    notes: Vec<String>,
    before: Counted,
    after: Counted,
}

/// Sizes of a graph.
#[derive(Clone, Copy, Debug, Serialize)]
struct Counted {
    operators: u64,
    static_operators: u64,
    macs: u64,
    parameters: u64,
    weight_bytes: u64,
    activation_bytes: u64,
}

/// Sizes of a graph and of the search for a placement of its tasks.
#[derive(Debug, Serialize)]
struct Sizes {
    #[serde(flatten)]
    counted: Counted,
    tasks: u64,
    /// Tasks that every path passes.
    cuts: u64,
    /// Tasks of the largest part that cannot be taken apart.
    largest_tangle: u64,
    workers: u64,
    /// Decimal logarithm of the number of placements of all tasks.
    placements_log10: f64,
    /// Decimal logarithm of how many of them a search by parts looks at.
    searched_log10: f64,
}

/// Runs passes and tells what they change; `device` is the one whose tasks and workers are counted.
pub(crate) fn diff(graph: &Graph, passes: &Passes, device: Option<&Device>) -> Result<(Graph, Diff), Failure> {
    let nominal;
    let (device, workers) = if let Some(device) = device {
        (device, device.workers().len())
    } else {
        nominal = nominal_device()?;
        (&nominal, NOMINAL_WORKERS)
    };
    let (optimized, report) = optimize(graph, passes).map_err(Failure::input)?;
    let Report { steps, before, after } = report;
    let diff = Diff {
        passes: passes.passes().map(|pass| pass.name).collect(),
        is_exact: passes.are_exact(),
        steps: steps.into_iter().map(change).collect(),
        before: sizes(graph, before, device, workers),
        after: sizes(&optimized, after, device, workers),
    };
    Ok((optimized, diff))
}

/// A device with one worker that runs everything.
fn nominal_device() -> Result<Device, Failure> {
    let mut builder = DeviceBuilder::new("nominal");
    let processor = builder.processor("cpu", ProcessorKind::CpuCluster, 1, Vec::new());
    let memory = builder.memory("cpu");
    builder.worker(Worker {
        name: "cpu".to_owned(),
        kind: ProcessorKind::CpuCluster,
        demands: vec![(processor, 1)],
        memory,
        invocation_ns: 0,
        support: SupportRules::ALL,
        costs: std::sync::Arc::default(),
    });
    builder.host(memory);
    builder.build().map_err(|errors| Failure::input(anyhow::anyhow!("no nominal device: {errors:?}")))
}

fn counted(totals: Totals) -> Counted {
    let Totals { operators, static_operators, macs, parameters, weight_bytes, activation_bytes } = totals;
    Counted { operators, static_operators, macs, parameters, weight_bytes, activation_bytes }
}

fn change(step: Step) -> Change {
    let Step { pass, round, removed, added, changed, notes, before, after } = step;
    Change { pass, round, removed, added, changed, notes, before: counted(before), after: counted(after) }
}

fn sizes(graph: &Graph, totals: Totals, device: &Device, workers: usize) -> Sizes {
    let lowered = LoweredModel::of(graph, device);
    let dag = Dag::of_tasks(&lowered.tasks);
    let decomposition = Decomposition::of(&dag);
    let space = SearchSpace::of(&dag, &decomposition, workers);
    let counts = decomposition.counts();
    Sizes {
        counted: counted(totals),
        tasks: lowered.tasks.task_count() as u64,
        cuts: counts.cuts as u64,
        largest_tangle: counts.largest_tangle as u64,
        workers: workers as u64,
        placements_log10: space.all_log10,
        searched_log10: space.pruned_log10,
    }
}

/// The changes as tables.
pub(crate) fn rendered(model: &str, diff: &Diff) -> String {
    let mut text = if diff.steps.is_empty() { format!("{model}: no pass changes anything\n") } else { steps(diff) };
    for step in &diff.steps {
        for (sign, names) in [("-", &step.removed), ("+", &step.added), ("~", &step.changed)] {
            if !names.is_empty() {
                let more =
                    if names.len() > SHOWN_NAMES { format!(" and {} more", names.len() - SHOWN_NAMES) } else { String::new() };
                let shown: Vec<&str> = names.iter().take(SHOWN_NAMES).map(String::as_str).collect();
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{} {}: {sign} {}{more}", step.pass, step.round, shown.join(" "));
            }
        }
        for note in &step.notes {
            let _ = writeln!(text, "{} {}: {note}", step.pass, step.round);
        }
    }
    let _ = writeln!(text, "\n{model}, {}:\n", diff.passes.join(","));
    text.push_str(&totals(diff));
    if !diff.is_exact {
        text.push_str("\nthe outputs change: these passes compress the model\n");
    }
    text
}

fn steps(diff: &Diff) -> String {
    let mut table = Table::new(&[
        ("pass", Align::Left),
        ("round", Align::Right),
        ("removed", Align::Right),
        ("added", Align::Right),
        ("changed", Align::Right),
        ("operators", Align::Right),
        ("static", Align::Right),
        ("MACs", Align::Right),
        ("parameters", Align::Right),
        ("weight bytes", Align::Right),
        ("activation bytes", Align::Right),
    ]);
    for step in &diff.steps {
        let edited = [step.removed.len(), step.added.len(), step.changed.len()].map(|count| count.to_string());
        let (before, after) = (step.before, step.after);
        let numbers = [
            (before.operators, after.operators),
            (before.static_operators, after.static_operators),
            (before.macs, after.macs),
            (before.parameters, after.parameters),
            (before.weight_bytes, after.weight_bytes),
            (before.activation_bytes, after.activation_bytes),
        ];
        let words = [step.pass.to_owned(), step.round.to_string()];
        table.row(words.into_iter().chain(edited).chain(numbers.map(|(before, after)| difference(before, after))));
    }
    table.render() + "\n"
}

fn totals(diff: &Diff) -> String {
    let mut table =
        Table::new(&[("", Align::Left), ("before", Align::Right), ("after", Align::Right), ("difference", Align::Right)]);
    let (before, after) = (&diff.before, &diff.after);
    let numbers = [
        ("operators", before.counted.operators, after.counted.operators),
        ("static operators", before.counted.static_operators, after.counted.static_operators),
        ("tasks", before.tasks, after.tasks),
        ("MACs", before.counted.macs, after.counted.macs),
        ("parameters", before.counted.parameters, after.counted.parameters),
        ("weight bytes", before.counted.weight_bytes, after.counted.weight_bytes),
        ("activation bytes", before.counted.activation_bytes, after.counted.activation_bytes),
        ("tasks on every path", before.cuts, after.cuts),
        ("largest tangle", before.largest_tangle, after.largest_tangle),
    ];
    for (what, before, after) in numbers {
        table.row([what.to_owned(), grouped(before), grouped(after), difference(before, after)]);
    }
    let power = |log10: f64| format!("10^{log10:.1}");
    let workers = before.workers;
    for (what, before, after) in [
        (format!("placements on {workers} workers"), before.placements_log10, after.placements_log10),
        ("searched by parts".to_owned(), before.searched_log10, after.searched_log10),
    ] {
        table.row([what, power(before), power(after)]);
    }
    table.render()
}

/// What was gained or lost, with its sign; `=` for nothing.
fn difference(before: u64, after: u64) -> String {
    match after.checked_sub(before) {
        Some(0) => "=".to_owned(),
        Some(more) => format!("+{}", grouped(more)),
        None => format!("-{}", grouped(before - after)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_signs() {
        assert_eq!([difference(5, 5), difference(5, 1005), difference(5, 2)], ["=", "+1_000", "-3"]);
    }
}
