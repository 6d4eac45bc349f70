//! The cross-validation of the phones' fits as a part of the validation.

use hwcal::usc::{Campaign, LeftOutModel, Validation, WorkerReport};

use crate::models::prediction::cores_of;
use crate::section::{Comparison, Pair, Section, Table};

/// Models whose errors are named among the worst.
const WORST: usize = 5;
/// Runs that deviate by more, in percent, hide what a model could tell.
const NOISY_PERCENT: f64 = 5.0;

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
            report.family_models.iter().map(|it| Pair {
                label: it.model.clone(),
                group: cores_of(report.worker),
                predicted: it.predicted_ns / 1e6,
                measured: it.measured_ns / 1e6,
            })
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
        findings: findings(&reports().collect::<Vec<_>>()),
    }
}

fn error(it: &LeftOutModel) -> f64 {
    (it.predicted_ns / it.measured_ns - 1.0).abs()
}

/// The models predicted worst, each beside how far its runs deviate, and what of the errors is runs that deviate.
fn findings(reports: &[&WorkerReport]) -> Vec<String> {
    let mut all: Vec<(&str, &LeftOutModel)> =
        reports.iter().flat_map(|report| report.family_models.iter().map(|it| (report.worker, it))).collect();
    all.sort_by(|one, other| error(other.1).total_cmp(&error(one.1)));
    let name = |&(worker, it): &(&str, &LeftOutModel)| {
        format!(
            "`{}` on {}: predicted {:.2} ms, measured {:.2} ms, runs deviating by {:.0} %.",
            it.model,
            cores_of(worker),
            it.predicted_ns / 1e6,
            it.measured_ns / 1e6,
            it.deviation_percent
        )
    };
    let mut findings: Vec<String> = all.iter().take(WORST).map(name).collect();
    for report in reports.iter().filter(|report| report.noise_percent > NOISY_PERCENT) {
        let (calm, restless): (Vec<&LeftOutModel>, Vec<&LeftOutModel>) =
            report.family_models.iter().partition(|it| it.deviation_percent <= NOISY_PERCENT);
        let mean = |models: &[&LeftOutModel]| 100.0 * models.iter().map(|it| error(it)).sum::<f64>() / models.len() as f64;
        if calm.len() >= WORST && restless.len() >= WORST {
            findings.push(format!(
                "On {}, models whose runs deviate by at most {NOISY_PERCENT:.0} % are predicted {:.1} % off ({} models), the others {:.1} % ({}).",
                cores_of(report.worker),
                mean(&calm),
                calm.len(),
                mean(&restless),
                restless.len()
            ));
        }
    }
    findings
}
