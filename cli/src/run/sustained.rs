//! Energy and heat of runs: cells of the comparison, and the table of what long runs come to.

use results::{CaseSummary, RunFile};
use sim::metrics::{DeviceReport, EnergyReport};

use crate::table::{Align, Table, milliseconds};

fn energy(case: &CaseSummary) -> Option<&EnergyReport> {
    case.report.device.as_ref().and_then(|device| device.energy.as_ref())
}

/// Energy of an inference of a model.
pub(super) fn millijoules(case: &CaseSummary, model: &str) -> String {
    let of_model = energy(case).and_then(|energy| energy.models.iter().find(|of| of.name == model));
    of_model.and_then(|of| of.per_inference_j).map_or_else(String::new, |joules| format!("{:.1}", joules * 1e3))
}

/// Mean power of the device.
pub(super) fn watts(case: &CaseSummary) -> String {
    energy(case).and_then(|energy| energy.mean_power_w).map_or_else(String::new, |watts| format!("{watts:.2}"))
}

/// Temperature of the hottest node at the end.
pub(super) fn hottest(case: &CaseSummary) -> String {
    let nodes = case.report.device.iter().flat_map(|device| &device.temperatures);
    nodes.map(|node| node.end_celsius).max_by(f64::total_cmp).map_or_else(String::new, |celsius| format!("{celsius:.1}"))
}

/// The first minute against the last, where temperatures were modelled for long enough; else nothing.
pub(super) fn table(file: &RunFile) -> String {
    let mut table = Table::new(&[
        ("model", Align::Left),
        ("strategy", Align::Left),
        ("minute 1, p50 ms", Align::Right),
        ("last minute", Align::Right),
        ("x slower", Align::Right),
        ("throttled from s", Align::Right),
        ("MHz: mean (end)", Align::Left),
        ("battery", Align::Right),
    ]);
    let mut rows = 0;
    for case in &file.cases {
        let Some(device) = &case.report.device else { continue };
        for model in &device.sustained {
            let time = |ns: Option<f64>| ns.map_or_else(|| "-".to_owned(), milliseconds);
            let slower = model.first_minute_ns.zip(model.last_minute_ns).filter(|&(first_ns, _)| first_ns > 0.0);
            let from = device.throttled_from_ns.map_or_else(|| "never".to_owned(), |ns| format!("{:.0}", ns as f64 * 1e-9));
            let battery = device.energy.as_ref().and_then(|energy| energy.battery_share);
            table.row([
                model.model.clone(),
                case.strategy.clone(),
                time(model.first_minute_ns),
                time(model.last_minute_ns),
                slower.map_or_else(String::new, |(first_ns, last_ns)| format!("{:.2}", last_ns / first_ns)),
                from,
                clocks(device),
                battery.map_or_else(String::new, |share| format!("{:.1}%", share * 100.0)),
            ]);
            rows += 1;
        }
    }
    if rows == 0 { String::new() } else { format!("\n{}", table.render()) }
}

fn clocks(device: &DeviceReport) -> String {
    let clock = |clock: &sim::metrics::ClockReport| {
        format!("{} {:.0} ({:.0})", clock.processor, clock.mean_khz * 1e-3, clock.end_khz * 1e-3)
    };
    device.clocks.iter().map(clock).collect::<Vec<_>>().join(", ")
}
