//! The table that compares strategies, model by model.

use std::fmt::Write;

use results::{CaseSummary, RunFile, Stop};
use scenarios::Scenario;
use sim::metrics::{ModelReport, WorkerReport};

use crate::run::{Inputs, JobFailure, interface, sustained};
use crate::table::{Align, Table, milliseconds};

/// Utilisation below which a worker is not worth a mention.
const NOTEWORTHY: f64 = 0.005;

/// One line of the table, before the best of its model is known.
struct Row<'a> {
    case: &'a CaseSummary,
    model: &'a ModelReport,
}

/// The comparison as text.
pub(crate) fn comparison(scenario: &Scenario, inputs: &Inputs, file: &RunFile, failures: &[JobFailure]) -> String {
    let mut table = Table::new(&[
        ("model", Align::Left),
        ("", Align::Left),
        ("strategy", Align::Left),
        ("requests", Align::Right),
        ("p50 ms", Align::Right),
        ("p99 ms", Align::Right),
        ("x best", Align::Right),
        ("missed", Align::Right),
        ("fallback", Align::Right),
        ("copies", Align::Right),
        ("memory MB", Align::Right),
        ("mJ each", Align::Right),
        ("W", Align::Right),
        ("end C", Align::Right),
        ("extrapolated", Align::Right),
        ("busy", Align::Left),
    ]);
    for rows in by_model(file) {
        let median = |row: &Row<'_>| row.model.latency.map(|latency| latency.p50_ns);
        let best = rows.iter().filter_map(median).min_by(f64::total_cmp);
        for (index, row) in rows.iter().enumerate() {
            let name = if index == 0 { label(file, row) } else { String::new() };
            let mark = if best.is_some() && median(row) == best { "*" } else { "" };
            table.row([name, mark.to_owned()].into_iter().chain(cells(row, best)));
        }
    }
    let seed = scenario.seed;
    let mut text = format!("{} on {}, seed {seed}; * marks the least median latency\n\n", scenario.name, inputs.device.name());
    text.push_str(&table.render());
    text.push_str(&sustained::table(file));
    text.push_str(&interface::table(file));
    for strategy in &scenario.strategies {
        let failed = failures.iter().filter(|failure| failure.strategy == *strategy);
        let cases: Vec<&str> = failed.map(|failure| failure.case.as_str()).collect();
        if !cases.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\nnot run under {strategy}: {}", cases.join(", "));
        }
    }
    text
}

/// The model; where it runs in several cases, such as streams of different rates, with the case.
fn label(file: &RunFile, row: &Row<'_>) -> String {
    let model = &row.model.name;
    let elsewhere =
        |case: &CaseSummary| case.case != row.case.case && case.report.models.iter().any(|other| other.name == *model);
    if file.cases.iter().any(elsewhere) { format!("{model}, {}", row.case.case) } else { model.clone() }
}

/// Lines of one model of one case together, in the order of the strategies.
fn by_model(file: &RunFile) -> Vec<Vec<Row<'_>>> {
    let mut groups: Vec<Vec<Row<'_>>> = Vec::new();
    for case in &file.cases {
        for model in &case.report.models {
            let same = |group: &&mut Vec<Row<'_>>| {
                group.first().is_some_and(|first| first.case.case == case.case && first.model.name == model.name)
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.push(Row { case, model }),
                None => groups.push(vec![Row { case, model }]),
            }
        }
    }
    groups
}

fn cells(row: &Row<'_>, best_ns: Option<f64>) -> [String; 14] {
    let (requests, totals) = (&row.model.requests, &row.model.totals);
    let time = |ns: Option<f64>| ns.map_or_else(|| "-".to_owned(), milliseconds);
    let median_ns = row.model.latency.map(|latency| latency.p50_ns);
    let ratio = median_ns.zip(best_ns).filter(|&(_, best_ns)| best_ns > 0.0).map(|(median_ns, best_ns)| median_ns / best_ns);
    let each = |count: u64| if requests.completed == 0 { 0.0 } else { count as f64 / requests.completed as f64 };
    let missed =
        if requests.deadlines == 0 { String::new() } else { percent(share(requests.deadline_misses, requests.deadlines)) };
    let extrapolated = totals.extrapolated_share.unwrap_or(0.0);
    let stop = match &row.case.stop {
        Stop::Stalled(_) => "stalled".to_owned(),
        Stop::Failed(_) => "failed".to_owned(),
        Stop::Interrupted => "interrupted".to_owned(),
        Stop::EventBudget => "out of events".to_owned(),
        Stop::Drained | Stop::Horizon => busy(&row.case.report.workers),
    };
    [
        row.case.strategy.clone(),
        format!("{}/{}", requests.completed, requests.arrived),
        time(median_ns),
        time(row.model.latency.map(|latency| latency.p99_ns)),
        ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
        missed,
        if totals.fallback_tasks > 0 { totals.fallback_tasks.to_string() } else { String::new() },
        if totals.copies > 0 { format!("{:.1}", each(totals.copies)) } else { String::new() },
        row.model.memory.map_or_else(String::new, |memory| megabytes(memory.weight_bytes + memory.arena_bytes)),
        sustained::millijoules(row.case, &row.model.name),
        sustained::watts(row.case),
        sustained::hottest(row.case),
        if extrapolated > 0.0 { percent(extrapolated) } else { String::new() },
        stop,
    ]
}

/// Workers that did something, with the share of the run that they were busy.
fn busy(workers: &[WorkerReport]) -> String {
    let noted = workers.iter().filter_map(|worker| {
        let utilization = worker.utilization.filter(|&utilization| utilization >= NOTEWORTHY)?;
        Some(format!("{} {}", worker.name, percent(utilization)))
    });
    noted.collect::<Vec<_>>().join(", ")
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 * 1e-6)
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}
