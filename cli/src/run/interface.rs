//! How the user interface fared beside inference.

use results::RunFile;

use crate::table::{Align, Table, milliseconds};

/// A line for each run with a user interface; nothing without one.
pub(super) fn table(file: &RunFile) -> String {
    let mut table = Table::new(&[
        ("user interface beside", Align::Left),
        ("strategy", Align::Left),
        ("frames/s", Align::Right),
        ("dropped", Align::Right),
        ("late", Align::Right),
        ("> 16 ms", Align::Right),
        ("frozen", Align::Right),
        ("p50 ms", Align::Right),
        ("p90", Align::Right),
        ("p95", Align::Right),
        ("p99", Align::Right),
        ("GPU: inference", Align::Right),
        ("frames", Align::Right),
    ]);
    let mut rows = 0;
    let percent = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{:.1}%", share * 100.0));
    for case in &file.cases {
        let Some(interface) = &case.report.interface else { continue };
        let time = |of: fn(&sim::metrics::Latency) -> f64| {
            interface.frame_time.as_ref().map_or_else(|| "-".to_owned(), |latency| milliseconds(of(latency)))
        };
        let slow = (interface.shown > 0).then(|| interface.slow as f64 / interface.shown as f64);
        table.row([
            case.case.clone(),
            case.strategy.clone(),
            interface.frames_per_second.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}")),
            percent(interface.drop_rate),
            percent(interface.jank_rate),
            percent(slow),
            if interface.frozen > 0 { interface.frozen.to_string() } else { String::new() },
            time(|latency| latency.p50_ns),
            time(|latency| latency.p90_ns),
            time(|latency| latency.p95_ns),
            time(|latency| latency.p99_ns),
            percent(interface.gpu_utilization_of_requests),
            percent(interface.gpu_utilization),
        ]);
        rows += 1;
    }
    if rows == 0 { String::new() } else { format!("\n{}", table.render()) }
}
