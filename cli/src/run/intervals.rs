//! What is told beside the comparison: intervals over replicates, streams whose queue grows, scores.

use std::fmt::Write;

use results::{Interval, ReplicatesFile, RunFile};
use scenarios::Scenario;
use scenarios::scenario::Score;
use sim::metrics::Verdict;

use crate::table::{Align, Table, milliseconds};

/// The median of each model with its interval, and its difference from that under the first strategy, replicate by replicate.
pub(crate) fn intervals(file: &RunFile, replicates: &ReplicatesFile) -> String {
    let mut table = Table::new(&[
        ("model", Align::Left),
        ("strategy", Align::Left),
        ("p50 ms", Align::Right),
        ("+-", Align::Right),
        ("p99 ms", Align::Right),
        ("+-", Align::Right),
        ("less the first", Align::Right),
        ("+-", Align::Right),
    ]);
    let half = |interval: &Interval| interval.half_width().map_or_else(|| "-".to_owned(), milliseconds);
    let mean = |interval: &Interval| interval.mean.map_or_else(|| "-".to_owned(), milliseconds);
    for case in &file.cases {
        for model in &case.report.models {
            let path = |quantile: &str| format!("models[{}].latency.{quantile}", model.name);
            let mut row = vec![model.name.clone(), case.strategy.clone()];
            for figure in [path("p50_ns"), path("p99_ns")] {
                let found = replicates.figure(&case.case, &case.strategy, &figure);
                row.extend(found.map_or_else(|| ["-".to_owned(), "-".to_owned()], |it| [mean(it), half(it)]));
            }
            if let Some(difference) = replicates.difference(&case.case, &case.strategy, &path("p50_ns")) {
                row.extend([mean(difference), half(difference)]);
            }
            table.row(row);
        }
    }
    let percent = replicates.confidence * 100.0;
    format!("\nmeans over {} replicates with {percent}% intervals\n\n{}", replicates.seeds.len(), table.render())
}

/// Streams whose queue grew, and the scores that the scenario asks for.
pub(crate) fn remarks(scenario: &Scenario, file: &RunFile) -> String {
    let mut text = String::new();
    for case in &file.cases {
        for (index, stream) in case.report.streams.iter().enumerate() {
            if stream.verdict == Verdict::Backlogged {
                let name = stream.name.clone().unwrap_or_else(|| index.to_string());
                // Writing to a string cannot fail.
                let _ = writeln!(
                    text,
                    "BACKLOGGED: stream `{name}` of `{}` under {}: requests arrive faster than they are served, {} in the system at most",
                    case.case, case.strategy, stream.most_in_system
                );
            }
        }
    }
    if scenario.score == Some(Score::Xrbench) {
        let mut table = Table::new(&[("case", Align::Left), ("strategy", Align::Left), ("XRBench score", Align::Right)]);
        for case in &file.cases {
            let score = case.report.xrbench_score.map_or_else(|| "-".to_owned(), |score| format!("{score:.1}"));
            table.row([case.case.clone(), case.strategy.clone(), score]);
        }
        text.push_str(&table.render());
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}
