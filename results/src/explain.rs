//! Why each operator ran where it ran, and what its fallback cost: reads a results directory, renders text.

use std::fmt::Write;
use std::path::Path;

use thiserror::Error;

use crate::ResultsError;
use crate::placement::{FallbackCost, LayoutConversions, Placement, RequestAccount, TaskPlacement, read_placements};

/// What of a results directory to explain; what is `None` is not narrowed down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Name of the case.
    pub case: Option<String>,
    /// Name of the strategy.
    pub strategy: Option<String>,
    /// Name of the model.
    pub model: Option<String>,
    /// Number of a task, or a part of its name or of the name of an operator it covers. Selected tasks are shown in detail.
    pub task: Option<String>,
}

/// Why there is no explanation.
#[derive(Debug, Error)]
pub enum ExplainError {
    /// The directory cannot be read.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// The directory is of no runs.
    #[error("the results are of no runs: there is nothing to explain")]
    NoRuns,
    /// Nothing is selected.
    #[error("nothing of {what} `{wanted}`: there is {}", there.join(", "))]
    Nothing {
        /// What was narrowed down.
        what: &'static str,
        /// To what.
        wanted: String,
        /// What there is.
        there: Vec<String>,
    },
}

/// Placements to be rendered, with only the tasks selected.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The placements, one for each model of each run.
    pub placements: Vec<Placement>,
    /// Whether to show what each worker could have done with each task.
    pub detailed: bool,
}

/// Reads what a results directory says about a selection.
///
/// # Errors
/// If the directory has no placements, or the selection fits nothing; then the error lists what there is.
pub fn explain(directory: &Path, selection: &Selection) -> Result<Explanation, ExplainError> {
    select(read_placements(directory)?, selection)
}

/// Narrows placements down.
pub fn select(placements: Vec<Placement>, selection: &Selection) -> Result<Explanation, ExplainError> {
    let mut left = placements;
    if left.is_empty() {
        return Err(ExplainError::NoRuns);
    }
    narrow(&mut left, "case", selection.case.as_deref(), |placement| &placement.case)?;
    narrow(&mut left, "strategy", selection.strategy.as_deref(), |placement| &placement.strategy)?;
    narrow(&mut left, "model", selection.model.as_deref(), |placement| &placement.model)?;
    if let Some(wanted) = &selection.task {
        let all: Vec<String> = left.iter().flat_map(|placement| &placement.tasks).map(|task| task.name.clone()).collect();
        for placement in &mut left {
            placement.tasks.retain(|task| is_task(task, wanted));
        }
        left.retain(|placement| !placement.tasks.is_empty());
        if left.is_empty() {
            return Err(nothing("task", wanted, all));
        }
    }
    Ok(Explanation { placements: left, detailed: selection.task.is_some() })
}

fn narrow(
    placements: &mut Vec<Placement>,
    what: &'static str,
    wanted: Option<&str>,
    name: impl Fn(&Placement) -> &String,
) -> Result<(), ExplainError> {
    let Some(wanted) = wanted else { return Ok(()) };
    let there: Vec<String> = placements.iter().map(|placement| name(placement).clone()).collect();
    placements.retain(|placement| name(placement) == wanted);
    if placements.is_empty() { Err(nothing(what, wanted, there)) } else { Ok(()) }
}

fn nothing(what: &'static str, wanted: &str, mut there: Vec<String>) -> ExplainError {
    const SHOWN: usize = 20;
    there.sort_unstable();
    there.dedup();
    let more = there.len().saturating_sub(SHOWN);
    there.truncate(SHOWN);
    there = there.into_iter().map(|name| format!("`{name}`")).collect();
    if more > 0 {
        there.push(format!("and {more} more"));
    }
    ExplainError::Nothing { what, wanted: wanted.to_owned(), there }
}

fn is_task(task: &TaskPlacement, wanted: &str) -> bool {
    task.task.to_string() == wanted || task.name.contains(wanted) || task.operators.iter().any(|name| name.contains(wanted))
}

/// Renders an explanation as text that ends with a newline.
pub fn render(explanation: &Explanation) -> String {
    let mut text = String::new();
    for placement in &explanation.placements {
        if !text.is_empty() {
            text.push('\n');
        }
        render_placement(placement, explanation.detailed, &mut text);
    }
    text
}

fn render_placement(placement: &Placement, detailed: bool, text: &mut String) {
    let primary = if placement.primary.is_empty() { "none in particular".to_owned() } else { placement.primary.join(", ") };
    line(text, format_args!("model {} | case {} | strategy {}", placement.model, placement.case, placement.strategy));
    line(text, format_args!("{} | {} requests | meant to run on: {primary}", placement.origin.name(), placement.requests));
    let header = ["task", "name", "kind", "ran on", "run ms", "alone ms", "queued ms", "invoked ms", "copies in ms", "why"];
    let mut rows = vec![header.map(str::to_owned)];
    for task in &placement.tasks {
        rows.extend(task_rows(task));
    }
    table(text, &rows);
    if let Some(account) = &placement.account {
        line(text, format_args!("request: {}", account_text(account)));
    }
    if let Some(fallback) = &placement.fallback {
        line(text, format_args!("fallback: {}", fallback_text(fallback)));
    }
    if let Some(conversions) = placement.conversions.as_ref().filter(|conversions| conversions.conversions > 0) {
        line(text, format_args!("layouts: {}", conversions_text(conversions)));
    }
    if detailed {
        for task in &placement.tasks {
            render_options(task, text);
        }
    }
}

fn task_rows(task: &TaskPlacement) -> Vec<[String; 10]> {
    let head = |ran_on: String, numbers: [String; 4], first: bool| {
        let [run, solo, queued, invoked] = numbers;
        let once = |value: String| if first { value } else { String::new() };
        [
            once(task.task.to_string()),
            once(task.name.clone()),
            once(task.kind.clone()),
            ran_on,
            run,
            solo,
            queued,
            invoked,
            once(milliseconds(task.copies_in.copy_ns)),
            once(task.why.sentence()),
        ]
    };
    if task.ran.is_empty() {
        return vec![head("-".to_owned(), [(); 4].map(|()| "-".to_owned()), true)];
    }
    let row = |(index, ran): (usize, &crate::placement::Ran)| {
        let ran_on = if ran.part == "whole" { ran.worker.clone() } else { format!("{} ({})", ran.worker, ran.part) };
        head(ran_on, [ran.run_ns, ran.solo_ns, ran.queued_ns, ran.invocation_ns].map(milliseconds), index == 0)
    };
    task.ran.iter().enumerate().map(row).collect()
}

fn render_options(task: &TaskPlacement, text: &mut String) {
    line(text, format_args!("\ntask {} {} ({})", task.task, task.name, task.operators.join(", ")));
    if let Some(fallback) = &task.fallback {
        line(text, format_args!("fallback: {}", fallback_text(fallback)));
    }
    let header = ["worker", "can run it", "alone ms", "copies in ms", "copies out ms", "in all ms", "note"];
    let mut rows = vec![header.map(str::to_owned)];
    for option in &task.options {
        let time = |ns: Option<u64>| ns.map_or_else(|| "-".to_owned(), |ns| milliseconds(ns as f64));
        rows.push([
            option.worker.clone(),
            option.refusal.as_ref().map_or_else(|| "yes".to_owned(), |refusal| format!("no: {refusal}")),
            time(option.expected_ns),
            time(Some(option.copies_in_ns)),
            time(Some(option.copies_out_ns)),
            time(option.total_ns()),
            if option.extrapolated { "extrapolated".to_owned() } else { String::new() },
        ]);
    }
    table(text, &rows);
}

fn account_text(account: &RequestAccount) -> String {
    let rest_ns = account.rest_ns();
    let (sign, rest) = if rest_ns < 0.0 { ('-', "at the same time") } else { ('+', "waiting") };
    format!(
        "{} ms = kernels {} + invocations {} + copies in {} + output copies {} {sign} {} {rest}",
        milliseconds(account.latency_ns),
        milliseconds(account.kernel_ns),
        milliseconds(account.invocation_ns),
        milliseconds(account.copy_ns),
        milliseconds(account.output_copy_ns),
        milliseconds(rest_ns.abs()),
    )
}

fn conversions_text(conversions: &LayoutConversions) -> String {
    let count = conversions.conversions;
    let mut text = format!(
        "{count} conversions {} ms ({} if each reader made its own)",
        milliseconds(conversions.convert_ns as f64),
        conversions.by_reader
    );
    if !conversions.round_trips.is_empty() {
        let trips = conversions.round_trips.iter();
        let tasks: Vec<String> = trips
            .map(|trip| format!("{} in `{}` saves {} ms", trip.task, trip.memory, milliseconds(trip.saved_ns as f64)))
            .collect();
        let _ = write!(text, "; they would cancel for task {}", tasks.join(", "));
    }
    text
}

fn fallback_text(fallback: &FallbackCost) -> String {
    let slower = fallback.slower_ns.map_or_else(
        || "kernels against the primary worker unknown".to_owned(),
        |slower_ns| format!("kernels {:+.3} ms against the primary worker", slower_ns * 1e-6),
    );
    format!(
        "{} tasks; for each request {} ms = {:.1} copies {} ms ({:.0} bytes), invocations {} ms, {slower}",
        fallback.tasks,
        milliseconds(fallback.total_ns()),
        fallback.copies.copies,
        milliseconds(fallback.copies.copy_ns),
        fallback.copies.bytes,
        milliseconds(fallback.invocation_ns),
    )
}

fn milliseconds(nanoseconds: f64) -> String {
    format!("{:.3}", nanoseconds * 1e-6)
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{content}");
}

/// Columns padded to their widest cell; numbers to the right.
fn table<const COLUMNS: usize>(text: &mut String, rows: &[[String; COLUMNS]]) {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    for row in rows {
        let mut content = String::new();
        for ((cell, &width), name) in row.iter().zip(&widths).zip(&rows[0]) {
            let padded = if name.ends_with(" ms") { format!("{cell:>width$}  ") } else { format!("{cell:<width$}  ") };
            content.push_str(&padded);
        }
        line(text, format_args!("{}", content.trim_end()));
    }
}
