//! `socrates sweep` and `socrates merge`: a sweep file in, one table out.

#![expect(clippy::print_stderr, reason = "messages to the user")]

use std::path::{Path, PathBuf};

use results::points::{Cells, PointsTable};
use sweep::{Options, Plan, ShardResult, SweepError, WHOLE, merge as merged, run_shard};

use crate::arguments::{MergeArguments, SweepArguments};
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;
use crate::run::{Interrupt, SweepProgress};
use crate::table::{Align, Table, milliseconds};

pub(crate) fn sweep(arguments: &SweepArguments) -> Outcome {
    let plan = Plan::open(&arguments.sweep)?;
    let shard = arguments.shard;
    let output = arguments.output.clone().unwrap_or_else(|| {
        let name = &plan.sweep().name;
        let part = if shard == WHOLE { String::new() } else { format!("-shard-{}-of-{}", shard.index, shard.count) };
        PathBuf::from("runs").join(format!("{name}{part}"))
    });
    let cache = (!arguments.no_cache).then_some(arguments.cache.as_path());
    let watch = SweepProgress::new(Interrupt::listen()?, arguments.quiet);
    let result = run_shard(&plan, shard, &Options { threads: arguments.threads, cache }, &watch);
    watch.finish();
    let result = result.map_err(|error| match (error, cache) {
        (SweepError::Interrupted { kept }, Some(cache)) => {
            let cache = cache.display();
            Failure::interrupted_with(&format!("{kept} runs are kept in `{cache}`: the same command goes on from there"))
        }
        (error, _) => error.into(),
    })?;
    result.write(&output)?;
    print(&summary(&result))?;
    tell(&result, &output, arguments.quiet);
    Ok(if result.about.failed_rows == 0 && result.tally.absent_figures.is_empty() { Status::Done } else { Status::Incomplete })
}

pub(crate) fn merge(arguments: &MergeArguments) -> Outcome {
    let shards = arguments.shards.iter().map(|folder| ShardResult::read(folder)).collect::<Result<Vec<_>, SweepError>>()?;
    let result = merged(shards)?;
    result.write(&arguments.output)?;
    print(&summary(&result))?;
    if !arguments.quiet {
        eprintln!("results in `{}`", arguments.output.display());
    }
    Ok(if result.about.failed_rows == 0 { Status::Done } else { Status::Incomplete })
}

fn tell(result: &ShardResult, output: &Path, quiet: bool) {
    let tally = &result.tally;
    if !quiet {
        eprintln!("{} runs simulated, {} from the cache; results in `{}`", tally.simulated, tally.cached, output.display());
    }
    for place in &tally.damaged {
        eprintln!("warning: cache segment {place}; what was lost was simulated again");
    }
    for figure in &tally.absent_figures {
        eprintln!("error: no run has a figure `{figure}`: its column is empty; `run.json` of `socrates run` shows what there is");
    }
    for (why, rows) in &tally.failures {
        eprintln!("error: {rows} rows have no figures: {why}");
    }
}

/// What strategies come to over all points.
#[derive(Default)]
struct OfStrategy {
    rows: u64,
    failed: u64,
    best: u64,
    p50_ns: Vec<f64>,
    p99_ns: Vec<f64>,
    misses: u64,
    deadlines: u64,
}

/// Each strategy over all points: how often its median latency is the least, and medians over points.
fn summary(result: &ShardResult) -> String {
    let (about, table) = (&result.about, &result.table);
    let strategies = &about.strategies;
    let mut all: Vec<OfStrategy> = strategies.iter().map(|_| OfStrategy::default()).collect();
    for group in groups(table) {
        let p50 = |row: usize| real(table, "latency_p50_ns", row);
        let best = group.iter().filter_map(|&(row, _)| p50(row)).min_by(f64::total_cmp);
        for (row, strategy) in group {
            let Some(of) = strategies.iter().position(|name| name == strategy).and_then(|index| all.get_mut(index)) else {
                continue;
            };
            of.rows += 1;
            of.failed += u64::from(text(table, "error", row).is_some());
            of.best += u64::from(p50(row).is_some() && p50(row) == best);
            of.p50_ns.extend(p50(row));
            of.p99_ns.extend(real(table, "latency_p99_ns", row));
            of.misses += integer(table, "deadline_misses", row).unwrap_or(0).cast_unsigned();
            of.deadlines += integer(table, "deadlines", row).unwrap_or(0).cast_unsigned();
        }
    }
    let mut shown = Table::new(&[
        ("strategy", Align::Left),
        ("rows", Align::Right),
        ("failed", Align::Right),
        ("least p50 in", Align::Right),
        ("median of p50 ms", Align::Right),
        ("median of p99 ms", Align::Right),
        ("missed", Align::Right),
    ]);
    for (strategy, of) in strategies.iter().zip(&mut all) {
        let percent = |part: u64, whole: u64| {
            if whole == 0 { String::new() } else { format!("{:.1}%", 100.0 * part as f64 / whole as f64) }
        };
        shown.row([
            strategy.clone(),
            of.rows.to_string(),
            if of.failed == 0 { String::new() } else { of.failed.to_string() },
            percent(of.best, of.rows),
            median(&mut of.p50_ns),
            median(&mut of.p99_ns),
            percent(of.misses, of.deadlines),
        ]);
    }
    let part = about.shard.map_or_else(String::new, |shard| format!(", shard {} of {}", shard.index, shard.count));
    let points = about.points;
    format!("{}: {} of {points} points on {}{part}\n\n{}", about.name, about.design, about.provenance.device, shown.render())
}

/// Rows that differ in strategy alone, with it.
fn groups(table: &PointsTable) -> Vec<Vec<(usize, &str)>> {
    let mut groups: Vec<Vec<(usize, &str)>> = Vec::new();
    let mut numbers = std::collections::BTreeMap::new();
    for row in 0..table.rows() {
        let key = (
            integer(table, "point", row),
            text(table, "case", row),
            integer(table, "replicate", row),
            text(table, "stream", row),
        );
        let number = *numbers.entry(key).or_insert(groups.len());
        if number == groups.len() {
            groups.push(Vec::new());
        }
        groups[number].push((row, text(table, "strategy", row).unwrap_or_default()));
    }
    groups
}

fn real(table: &PointsTable, name: &str, row: usize) -> Option<f64> {
    match table.column(name)? {
        Cells::Real(cells) => cells[row],
        _ => None,
    }
}

fn integer(table: &PointsTable, name: &str, row: usize) -> Option<i64> {
    match table.column(name)? {
        Cells::Integer(cells) => cells[row],
        _ => None,
    }
}

fn text<'a>(table: &'a PointsTable, name: &str, row: usize) -> Option<&'a str> {
    match table.column(name)? {
        Cells::Text(cells) => cells.get(row),
        _ => None,
    }
}

fn median(values_ns: &mut [f64]) -> String {
    values_ns.sort_by(f64::total_cmp);
    match values_ns.len() {
        0 => "-".to_owned(),
        count => milliseconds(f64::midpoint(values_ns[(count - 1) / 2], values_ns[count / 2])),
    }
}

impl From<SweepError> for Failure {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Read(error) => error.into(),
            SweepError::Run(error) => error.into(),
            SweepError::Output(error) => error.into(),
            SweepError::Cache { .. } => Self::output(error),
            SweepError::Interrupted { .. } => Self::interrupted(),
            error => Self::input(error),
        }
    }
}
