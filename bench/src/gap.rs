//! How far plans are from the best: `socrates` beside `exact` on pieces of real models that are small enough for it.

use std::fmt::Write as _;
use std::time::Instant;

use sim::engine::{Model, Options, simulate};
use sim::identifiers::ModelId;
use sim::platform::Device;
use sim::record::NoRecorder;
use sim::strategy::registry::build;
use sim::task::{CostTable, TaskGraph};
use sim::workload::{Arrivals, Stream};

use crate::strategies::{Wanted, library_device, lowered, names};

/// Tasks of a piece.
const TASKS: usize = 10;

/// Pieces cut out of each model, evenly from its first task to its last.
const PIECES: usize = 4;

/// What stands against what.
const PLANNED: [&str; 3] = ["exact", "socrates[splits=off]", "socrates"];

/// Simulated latency of one request, planning included in neither; `None` where there is no plan.
fn latency_ns(strategy: &str, device: &Device, tasks: &TaskGraph, costs: &CostTable) -> Result<Option<u64>, String> {
    let mut strategy = build(strategy).map_err(|error| error.to_string())?;
    let models = [Model { name: "piece", tasks, costs }];
    let once = vec![Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(1))];
    let summary = simulate(device, &models, once, strategy.as_mut(), &Options::default(), &mut NoRecorder);
    Ok(summary.ok().filter(|summary| summary.completed == 1).map(|summary| summary.end_ns))
}

/// Simulated latencies over those of `exact`, for each model over its pieces, as a table in Markdown.
///
/// # Errors
/// If a device or model is not there.
pub fn gaps(wanted: &Wanted) -> Result<String, String> {
    let device = library_device(&wanted.device)?;
    let mut text = format!(
        "Simulated latency over that of `exact`, in percent, on {}: {PIECES} pieces of {TASKS} consecutive tasks of each model.\n\n",
        device.name()
    );
    text.push_str(
        "| model | solved | `socrates[splits=off]` median | most | `socrates` median | most | `exact` plans in ms, most |\n",
    );
    text.push_str("| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    let mut all = [Vec::new(), Vec::new()];
    let (mut solved, mut tried) = (0, 0);
    for name in names(wanted) {
        let model = lowered(&name, &device)?;
        let last = model.tasks.task_count().saturating_sub(TASKS);
        let mut starts: Vec<usize> = (0..PIECES).map(|piece| last * piece / (PIECES - 1)).collect();
        starts.dedup();
        let mut gaps = [Vec::new(), Vec::new()];
        let mut longest_ms: f64 = 0.0;
        for &start in &starts {
            let (tasks, costs) = model.tasks.window(&model.costs, start..(start + TASKS).min(model.tasks.task_count()));
            let begin = Instant::now();
            let Some(exact_ns) = latency_ns(PLANNED[0], &device, &tasks, &costs)? else { continue };
            longest_ms = longest_ms.max(begin.elapsed().as_secs_f64() * 1e3);
            for (gaps, strategy) in gaps.iter_mut().zip(&PLANNED[1..]) {
                let took_ns = latency_ns(strategy, &device, &tasks, &costs)?;
                let took_ns =
                    took_ns.ok_or_else(|| format!("`{strategy}` has no plan for a piece of `{name}` where `exact` has one"))?;
                gaps.push((took_ns as f64 / exact_ns as f64 - 1.0) * 100.0);
            }
        }
        let [whole, shared] = [0, 1].map(|which| median_and_most(&gaps[which]));
        let _ = writeln!(text, "| {name} | {} of {} | {whole} | {shared} | {longest_ms:.0} |", gaps[0].len(), starts.len());
        (solved, tried) = (solved + gaps[0].len(), tried + starts.len());
        for (all, gaps) in all.iter_mut().zip(&mut gaps) {
            all.append(gaps);
        }
    }
    let [whole, shared] = [0, 1].map(|which| median_and_most(&all[which]));
    let _ = writeln!(text, "| all | {solved} of {tried} | {whole} | {shared} | |");
    Ok(text)
}

fn median_and_most(percent: &[f64]) -> String {
    let mut sorted = percent.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.last() {
        Some(most) => format!("{:+.1} | {most:+.1}", sorted[sorted.len() / 2]),
        None => "- | -".to_owned(),
    }
}
