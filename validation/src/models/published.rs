//! The cross-validation of the phones' fits as a part of the validation.

use hwcal::usc::{Campaign, Validation, WorkerReport};

use crate::models::prediction::cores_of;
use crate::section::{Comparison, Pair, Section, Table};

/// Models whose errors are named among the worst.
const WORST: usize = 5;

/// What a fit's cross-validation says, beside the plain baseline. Nothing of a model that is judged was fitted to.
pub fn section(campaign: &Campaign, validation: &Validation) -> Section {
    let header = [
        "processor",
        "random MAPE %",
        "baseline",
        "family MAPE %",
        "baseline",
        "median %",
        "p90 %",
        "within 10 %",
        "held, random %",
        "held, family %",
        "runs' deviation %",
        "from single cores, family MAPE %",
    ];
    let reports = || std::iter::once(&validation.gpu).chain(&validation.core_sets);
    let row = |report: &WorkerReport| {
        let baseline = campaign.baseline_models.iter().find(|row| row.0 == report.worker);
        let base = |pick: fn(&hwcal::usc::Baseline) -> f64| baseline.map_or_else(String::new, |row| format!("{:.1}", pick(row)));
        vec![
            cores_of(report.worker),
            format!("{:.2}", report.random.mean_percent),
            base(|row| row.1),
            format!("{:.2}", report.family.mean_percent),
            base(|row| row.2),
            format!("{:.2}", report.family.median_percent),
            format!("{:.1}", report.family.p90_percent),
            format!("{:.0}", report.family.within_10_percent),
            format!("{:.0}", report.covered_percent[0]),
            format!("{:.0}", report.covered_percent[1]),
            format!("{:.1}", report.noise_percent),
            report.from_single_cores_percent.map_or_else(String::new, |percent| format!("{percent:.1}")),
        ]
    };
    let pairs: Vec<Pair> = reports()
        .flat_map(|report| {
            report.family_pairs.iter().map(|(model, predicted_ns, measured_ns)| Pair {
                label: model.clone(),
                group: cores_of(report.worker),
                predicted: predicted_ns / 1e6,
                measured: measured_ns / 1e6,
            })
        })
        .collect();
    let mut worst: Vec<&Pair> = pairs.iter().collect();
    let error = |pair: &Pair| (pair.predicted / pair.measured - 1.0).abs();
    worst.sort_by(|one, other| error(other).total_cmp(&error(one)));
    let findings = worst
        .iter()
        .take(WORST)
        .map(|pair| {
            format!("`{}` on {}: predicted {:.2} ms, measured {:.2} ms.", pair.label, pair.group, pair.predicted, pair.measured)
        })
        .collect();
    Section {
        title: format!("Models on {}", campaign.device),
        text: vec![format!(
            "{} models of {} families, {} operators on the GPU; five folds over models, at random (mean of three shuffles) and with whole families \
             left out. `held` is the share of measurements in 90 % intervals that rest on the other folds.",
            validation.models, validation.families, validation.operators
        )],
        tables: vec![Table {
            caption: format!("Whole models on {}: errors of predictions by fits that never saw the model.", campaign.device),
            header: header.map(str::to_owned).to_vec(),
            rows: reports().map(row).collect(),
        }],
        comparisons: vec![Comparison {
            name: format!("families-{}", campaign.device),
            caption: format!("Whole models on {}, families left out of the fit.", campaign.device),
            unit: "ms".to_owned(),
            pairs,
        }],
        findings,
    }
}
