//! What falling back from NPUs of AI Hub costs: each network left out of everything that the cost was fitted to.

use hwcal::npu::{FallbackValidation, MixedRow, Within, grouped};
use sim::statistics::median;

use crate::section::{Comparison, Pair, Section, Table};

/// What the cross-validation says of runs on NPU and CPU together, beside a constant for each segment of the CPU.
pub fn section(validation: &FallbackValidation) -> Section {
    let within = |it: &Within| format!("{:.0} % within a factor of 1.25, {:.0} % of 2", it.quarter_percent, it.double_percent);
    let (mixed, whole) = (&validation.mixed_within, &validation.whole_within);
    let [low, high] = validation.interval;
    let mut section = Section {
        title: "Falling back from NPUs of AI Hub".to_owned(),
        text: vec![
            "Networks of which ONNX Runtime left layers to the CPU: predicted is the latency measured of the network whole on the same NPU, and the cost of \
             falling back by a fit that saw nothing of the network, on any device. Which layers those are was read off their number. Baseline: a constant \
             for each segment of the CPU, fitted and judged likewise."
                .to_owned(),
            format!(
                "Of {} runs on NPU and CPU together {} (baseline {}); mean error {:.1} % ({:.1} %). Of {} runs on the CPU alone, which set the prices of its \
                 kernels, {}; measured / predicted of all lies between {low:.2} and {high:.2} in 90 %.",
                mixed.count,
                within(mixed),
                within(&validation.baseline_within),
                mixed.mean_percent,
                validation.baseline_within.mean_percent,
                whole.count,
                within(whole),
            ),
        ],
        ..Section::default()
    };
    section.tables.push(table("Networks on NPU and CPU together, each left out; medians over devices.", &validation.mixed));
    section.tables.push(table(
        "Runs that nothing is fitted to: precisions mixed layer by layer, and a network whose layers on the CPU are guessed to be moves of data.",
        &validation.unfitted,
    ));
    let pairs: Vec<Pair> = validation.mixed.iter().map(pair).collect();
    section.findings.push(format!("Falling back is priced worst for {}.", worst(&validation.mixed)));
    section.findings.push(
        "Runs of one or two layers on the CPU, and all of TFLite's, are not judged: which layers they are is not known."
            .to_owned(),
    );
    section.comparisons.push(Comparison {
        name: "npus-fallback".to_owned(),
        caption: "Networks on NPU and CPU together, each left out of the fit of what falling back costs.".to_owned(),
        unit: "ms".to_owned(),
        pairs,
    });
    section
}

fn table(caption: &str, rows: &[MixedRow]) -> Table {
    let over = |group: &[MixedRow], number: fn(&MixedRow) -> f64| {
        median(&group.iter().map(number).collect::<Vec<_>>()).unwrap_or(f64::NAN)
    };
    let row = |group: &[MixedRow]| {
        let ratios = || group.iter().map(|row| row.predicted_ns / row.measured_ns);
        vec![
            group[0].model.clone(),
            group[0].precision.clone(),
            group.len().to_string(),
            group[0].layers_cpu.to_string(),
            format!("{:.1}", over(group, |row| row.whole_ns) / 1e6),
            format!("{:.1}", over(group, |row| row.measured_ns) / 1e6),
            format!("{:.1}", over(group, |row| row.predicted_ns) / 1e6),
            format!("{:.2} to {:.2}", ratios().fold(f64::MAX, f64::min), ratios().fold(0.0, f64::max)),
        ]
    };
    Table {
        caption: caption.to_owned(),
        header: [
            "network",
            "precision",
            "devices",
            "layers on the CPU",
            "whole, ms",
            "measured, ms",
            "predicted, ms",
            "predicted / measured",
        ]
        .map(str::to_owned)
        .into(),
        rows: grouped(rows).into_iter().map(row).collect(),
    }
}

fn pair(row: &MixedRow) -> Pair {
    Pair {
        label: format!("{} ({}) on {}", row.model, row.precision, row.device),
        group: row.model.clone(),
        predicted: row.predicted_ns / 1e6,
        measured: row.measured_ns / 1e6,
    }
}

/// The run furthest off, either way.
fn worst(rows: &[MixedRow]) -> String {
    let off = |row: &&MixedRow| libm::log(row.ratio()).abs();
    let found = rows.iter().max_by(|one, other| off(one).total_cmp(&off(other)));
    found.map_or_else(String::new, |row| {
        format!("`{}` on {} (predicted {:.2} of measured)", row.model, row.device, 1.0 / row.ratio())
    })
}
