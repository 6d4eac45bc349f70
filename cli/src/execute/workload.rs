//! Workloads that were run for real beside their simulation: what users of a service see.

use results::RunFile;
use scenarios::Scenario;
use sim::metrics::ModelReport;

use crate::execute::measure::Summarised;
use crate::table::{Align, Table, milliseconds};

/// A line for each model of each run, where requests arrive whether or not others have ended; else nothing.
pub(super) fn table(scenario: &Scenario, file: &RunFile, measured: &[Summarised]) -> String {
    if scenario.streams.iter().all(|stream| stream.arrivals.is_closed()) {
        return String::new();
    }
    let mut table = Table::new(&[
        ("simulated / measured", Align::Left),
        ("strategy", Align::Left),
        ("p50 ms", Align::Right),
        ("p95 ms", Align::Right),
        ("p99 ms", Align::Right),
        ("requests/s", Align::Right),
        ("dropped", Align::Right),
        ("missed", Align::Right),
    ]);
    for (case, of_case) in file.cases.iter().zip(measured) {
        for (model, beside) in case.report.models.iter().zip(&of_case.models) {
            let both = |of: &dyn Fn(&ModelReport) -> Option<String>| {
                let cell = |model: Option<&ModelReport>| model.and_then(of).unwrap_or_else(|| "-".to_owned());
                format!("{} / {}", cell(beside.simulated.as_ref()), cell(Some(model)))
            };
            let share = |part: u64, whole: u64| (whole > 0).then(|| format!("{:.1}%", 100.0 * part as f64 / whole as f64));
            table.row([
                model.name.clone(),
                case.strategy.clone(),
                both(&|it| it.latency.map(|latency| milliseconds(latency.p50_ns))),
                both(&|it| it.latency.map(|latency| milliseconds(latency.p95_ns))),
                both(&|it| it.latency.map(|latency| milliseconds(latency.p99_ns))),
                both(&|it| it.throughput_per_second.map(|rate| format!("{rate:.2}"))),
                both(&|it| share(it.requests.dropped, it.requests.arrived)),
                if model.requests.deadlines > 0 {
                    both(&|it| share(it.requests.deadline_misses, it.requests.deadlines))
                } else {
                    String::new()
                },
            ]);
        }
    }
    format!("{}\n", table.render())
}
