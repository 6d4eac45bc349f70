//! The table of measured runs, beside what the simulator says of them.

use std::fmt::Write;

use results::RunFile;
use scenarios::Scenario;

use crate::execute::Machine;
use crate::execute::measure::Summarised;
use crate::execute::memory::memory_table;
use crate::execute::workload;
use crate::run::Inputs;
use crate::table::{Align, Table, milliseconds};

/// The measured runs as text.
pub(crate) fn table(scenario: &Scenario, inputs: &Inputs, machine: &Machine, file: &RunFile, measured: &[Summarised]) -> String {
    let mut text = format!("{} on {}, measured, seed {}\n\n", scenario.name, inputs.device.name(), scenario.seed);
    for (worker, processor) in machine.processors() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "worker {worker}: {processor}");
    }
    text.push('\n');
    let mut table = Table::new(&[
        ("model", Align::Left),
        ("strategy", Align::Left),
        ("requests", Align::Right),
        ("p50 ms", Align::Right),
        ("p99 ms", Align::Right),
        ("simulated", Align::Right),
        ("ratio", Align::Right),
        ("missed", Align::Right),
        ("difference", Align::Right),
        ("overhead", Align::Right),
        ("busy", Align::Left),
    ]);
    for (case, of_case) in file.cases.iter().zip(measured) {
        for (position, model) in case.report.models.iter().enumerate() {
            let beside = of_case.models.get(position).cloned().unwrap_or_default();
            let simulated_ns = beside.simulated.as_ref().and_then(|model| model.latency).map(|latency| latency.p50_ns);
            let time = |ns: Option<f64>| ns.map_or_else(|| "-".to_owned(), milliseconds);
            let median_ns = model.latency.map(|latency| latency.p50_ns);
            let ratio = simulated_ns.zip(median_ns).map(|(simulated, measured)| simulated / measured);
            let requests = &model.requests;
            let missed = requests.deadline_misses as f64 / requests.deadlines as f64;
            let percent = |share: f64| format!("{:.1}%", 100.0 * share);
            let busy = case.report.workers.iter().filter_map(|worker| {
                let share = worker.utilization.filter(|&share| share >= 0.005)?;
                Some(format!("{} {:.0}%", worker.name, 100.0 * share))
            });
            table.row([
                model.name.clone(),
                case.strategy.clone(),
                format!("{}/{}", requests.completed, requests.arrived),
                time(median_ns),
                time(model.latency.map(|latency| latency.p99_ns)),
                time(simulated_ns),
                ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
                if requests.deadlines > 0 { percent(missed) } else { String::new() },
                beside.difference.map_or_else(String::new, |difference| format!("{difference:.1e}")),
                of_case.overhead.map_or_else(String::new, percent),
                busy.collect::<Vec<_>>().join(", "),
            ]);
        }
    }
    text.push_str(&table.render());
    let _ = write!(
        text,
        "\nsimulated: the same run in the simulator with this profile, and what ran beside it; ratio: simulated / measured\n\
         difference: of the outputs from the whole model on the CPU, relative to their largest value\n\
         overhead: share of the time with a request in flight in which no kernel and no copy ran\n\n"
    );
    text.push_str(&workload::table(scenario, file, measured));
    text.push_str(&memory_table(file));
    text
}

/// Tells of outputs that differ too much; whether there are any.
#[expect(clippy::print_stderr, reason = "messages to the user")]
pub(crate) fn tell_differences(file: &RunFile, measured: &[Summarised], tolerance: f64) -> bool {
    let mut differs = false;
    for (case, of_case) in file.cases.iter().zip(measured) {
        for (model, beside) in case.report.models.iter().zip(&of_case.models) {
            // Not a number is different too.
            if let Some(difference) = beside.difference.filter(|&difference| difference.is_nan() || difference > tolerance) {
                let (name, strategy) = (&model.name, &case.strategy);
                eprintln!(
                    "error: outputs of `{name}` under `{strategy}` differ by {difference:.1e}, the tolerance is {tolerance:.1e}"
                );
                differs = true;
            }
        }
    }
    differs
}
