//! ncnn's boards and phones: each model left out on all devices at once.

use hwcal::ncnn::{Measurements, Validation};

use crate::section::{Comparison, Pair, Section, Table};

/// What is aimed at, by kind of runs: one thread, several, GPU; in percent.
const AIMS: [f64; 3] = [12.0, 14.0, 18.0];
/// Models whose errors are named.
const WORST: usize = 5;

fn findings(validation: &Validation, worst: &[String]) -> Vec<String> {
    let missed = validation.categories.iter().zip(AIMS).filter(|(it, aim)| it.mean_percent > *aim);
    let missed: Vec<&str> = missed.map(|(it, _)| it.category).collect();
    let mut findings = Vec::new();
    if !missed.is_empty() {
        findings.push(format!("Aims missed: {}.", missed.join("; ")));
    }
    findings.push(format!(
        "A device has about 20 networks, each an architecture of its own, so what is left out has often no relative among the rest. Median errors are largest \
         for {}. Only vision_transformer has attention, which nothing else tells the price of.",
        worst.join(", ")
    ));
    findings
}

/// What the boards' cross-validation says, beside the plain baseline and the aim. Nothing of a model that is judged was fitted to, on any device.
pub fn section(measured: &Measurements, validation: &Validation) -> Section {
    let rows = validation.categories.iter().zip(AIMS).map(|(it, aim)| {
        vec![
            it.category.to_owned(),
            it.runs.to_string(),
            format!("{:.1}", it.mean_percent),
            format!("{:.1}", it.baseline_percent),
            format!("{aim:.0}"),
            format!("{:.1}", it.median_percent),
            format!("{:.0}", it.within_10_percent),
            format!("{:.2} to {:.2}", it.interval[0], it.interval[1]),
        ]
    });
    let mut pairs: Vec<Pair> = Vec::new();
    for report in &validation.runs {
        let run = &measured.runs[report.run];
        for (&(model, measured_ns), predicted_ns) in run.measured_ns.iter().zip(&report.predicted_ns) {
            pairs.push(Pair {
                label: format!("{} on {}", measured.models[model], run.device),
                group: run.category.name().to_owned(),
                predicted: predicted_ns / 1e6,
                measured: measured_ns / 1e6,
            });
        }
    }
    let mut by_model: Vec<(f64, &String)> = measured
        .models
        .iter()
        .filter_map(|model| {
            let is_its = |pair: &&Pair| pair.label.split(" on ").next() == Some(model.as_str());
            let errors: Vec<f64> = pairs.iter().filter(is_its).map(|pair| (pair.predicted / pair.measured - 1.0).abs()).collect();
            Some((sim::statistics::median(&errors).ok()?, model))
        })
        .collect();
    by_model.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
    let worst: Vec<String> =
        by_model.iter().take(WORST).map(|(error, model)| format!("{model} ({:.0} %)", 100.0 * error)).collect();
    Section {
        title: "Models on boards and phones of ncnn's benchmark".to_owned(),
        text: vec![
            "Latencies of networks on phones, boards and Jetsons as ncnn's users reported them. Features of the networks have coefficients shared by all devices, \
             drawn towards each device's own. Medians over runs, in percent; the plain baseline fits each device on its own, over other folds and not quite the \
             same runs."
                .to_owned(),
        ],
        tables: vec![Table {
            caption: "Errors of networks left out on all devices at once.".to_owned(),
            header: ["runs", "n", "MAPE %", "baseline", "aim", "median %", "within 10 %", "90 % of measured / predicted"]
                .map(str::to_owned)
                .into(),
            rows: rows.collect(),
        }],
        comparisons: vec![Comparison {
            name: "ncnn-boards".to_owned(),
            caption: "Networks on ncnn's boards and phones, each left out on all devices at once.".to_owned(),
            unit: "ms".to_owned(),
            pairs,
        }],
        findings: findings(validation, &worst),
    }
}
