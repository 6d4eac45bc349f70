//! NPUs of AI Hub's measurements: each model left out on all devices at once.

use hwcal::npu::{Precision, Validation};

use crate::section::{Comparison, Pair, Section, Table};

/// Models whose errors are named.
const WORST: usize = 4;

/// What the cross-validation of the NPUs says, beside the plain baseline. Nothing of a model that is judged was fitted to, on any device.
pub fn section(validations: &[(Precision, Validation)]) -> Section {
    let mut section = Section {
        title: "Models on NPUs of AI Hub".to_owned(),
        text: vec![
            "Latencies of networks on NPUs of Qualcomm's systems on chip, by TFLite, in half precision and with 8 bits. All devices share coefficients; each has a \
             scale. Baseline: a constant and multiply-accumulates, fitted and judged likewise."
                .to_owned(),
        ],
        ..Section::default()
    };
    for (precision, validation) in validations {
        let name = match precision {
            Precision::Float16 => "fp16",
            Precision::Int8 => "int8",
        };
        let [low, high] = validation.interval;
        let rows = validation.devices.iter().map(|it| {
            vec![
                it.device.clone(),
                it.errors.count.to_string(),
                format!("{:.2}", it.scale),
                format!("{:.1}", it.errors.mean_percent),
                format!("{:.1}", it.baseline.mean_percent),
                format!("{:.1}", it.errors.median_percent),
                format!("{:.1}", it.errors.p90_percent),
                format!("{:.0}", it.errors.within_10_percent),
            ]
        });
        section.tables.push(Table {
            caption: format!(
                "Errors in {name} of networks left out on all devices at once; measured / predicted lies between {low:.2} and {high:.2} in 90 %."
            ),
            header: ["NPU of", "n", "scale", "MAPE %", "baseline", "median %", "p90 %", "within 10 %"].map(str::to_owned).into(),
            rows: rows.collect(),
        });
        let pairs: Vec<Pair> = validation
            .devices
            .iter()
            .flat_map(|it| {
                it.pairs.iter().map(|(model, predicted_ns, measured_ns)| Pair {
                    label: format!("{model} on {}", it.device),
                    group: it.device.clone(),
                    predicted: predicted_ns / 1e6,
                    measured: measured_ns / 1e6,
                })
            })
            .collect();
        section.findings.push(format!("Median errors in {name} are largest for {}.", worst(&pairs)));
        section.comparisons.push(Comparison {
            name: format!("npus-{name}"),
            caption: format!("Networks on NPUs in {name}, each left out on all devices at once."),
            unit: "ms".to_owned(),
            pairs,
        });
    }
    section
}

/// The models with the largest median ratio either way.
fn worst(pairs: &[Pair]) -> String {
    let model = |pair: &Pair| pair.label.split(" on ").next().unwrap_or_default().to_owned();
    let mut models: Vec<String> = pairs.iter().map(model).collect();
    models.sort_unstable();
    models.dedup();
    let median = |name: &String| {
        let ratios: Vec<f64> =
            pairs.iter().filter(|pair| model(pair) == *name).map(|pair| pair.predicted / pair.measured).collect();
        sim::statistics::median(&ratios).ok()
    };
    let mut ratios: Vec<(f64, String)> = models.into_iter().filter_map(|name| Some((median(&name)?, name))).collect();
    ratios.sort_by(|one, other| libm::log(other.0).abs().total_cmp(&libm::log(one.0).abs()).then(one.1.cmp(&other.1)));
    let words: Vec<String> =
        ratios.iter().take(WORST).map(|(ratio, name)| format!("`{name}` (predicted {ratio:.2} of measured)")).collect();
    words.join(", ")
}
