//! A judgement as a section: tables, pairs for figures, findings.

use crate::host::gates::{Gate, gates};
use crate::host::judge::{CaseErrors, Judgement};
use crate::host::observed::{HostRun, Level};
use crate::{Comparison, Pair, Section, Table};

/// Worst cases that are told.
const FINDINGS: usize = 5;
/// Error that is worth being told.
const NOTEWORTHY_PERCENT: f64 = 10.0;

/// The section of a validation and its judgement.
pub fn section(run: &HostRun, judgement: &Judgement) -> Section {
    Section {
        title: "This machine".to_owned(),
        text: text(run, judgement),
        tables: vec![errors(judgement), cases(judgement), rankings(judgement), gate_table(&gates(judgement))],
        comparisons: comparisons(run, judgement),
        findings: findings(judgement),
    }
}

fn text(run: &HostRun, judgement: &Judgement) -> Vec<String> {
    let fact = |name: &str| run.machine.get(name).map_or("unknown", String::as_str);
    let workers: Vec<String> = run.workers.iter().map(|(name, what)| format!("`{name}` ({what})")).collect();
    let mut text = vec![
        format!(
            "Measured {} on {} ({} cores, {}, governor {}); workers: {}.",
            if run.is_quick { "quickly" } else { "in full" },
            fact("cpu"),
            fact("cores"),
            fact("kernel"),
            fact("governor"),
            workers.join(", ")
        ),
        "Calibration and executions took turns. The fit saw operators, slices, and segments of other models; of the models judged here it \
         saw no segment and no execution. Operators are judged held out, in five folds."
            .to_owned(),
    ];
    let others = run.machine.get("others_share").and_then(|text| text.parse::<f64>().ok());
    let drift = judgement.drift_percent.map_or_else(String::new, |drift| {
        format!("What the canaries took varied by {drift:.0} % (90th over 10th percentile, {} readings). ", run.canaries.len())
    });
    let others =
        others.map_or_else(String::new, |share| format!("Other processes took up to {:.0} % of the cores.", 100.0 * share));
    if !drift.is_empty() || !others.is_empty() {
        text.push(format!("{drift}{others}").trim().to_owned());
    }
    if judgement.disturbed_percent > 0.0 {
        text.push(format!(
            "**Others used the cores**: {:.0} % of the cases had no run beside which other processes used less than 15 % of the cores; their \
             latencies hold that as well. Above 50 % of the cases no gate is judged.",
            judgement.disturbed_percent
        ));
    }
    text.extend(run.notes.iter().cloned());
    text
}

fn words(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|&cell| cell.to_owned()).collect()
}

fn optional(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

fn errors(judgement: &Judgement) -> Table {
    let row = |level: &crate::host::judge::LevelErrors| {
        let errors = &level.errors;
        let coverage = level
            .coverage
            .map_or_else(|| "-".to_owned(), |it| format!("{:.0} ({:.0} to {:.0})", it.percent, it.low_percent, it.high_percent));
        vec![
            level.name.clone(),
            errors.count.to_string(),
            format!("{:.1} ({:.1} to {:.1})", errors.mape_percent, errors.mape_low_percent, errors.mape_high_percent),
            format!("{:.1}", errors.median_percent),
            format!("{:.1}", errors.p90_percent),
            format!("{:.0}", errors.within_10_percent),
            format!("{:+.1}", errors.bias_percent),
            optional(level.noise_percent, 1),
            optional(level.ks, 2),
            optional(level.p50_error_percent, 1),
            optional(level.p95_error_percent, 1),
            coverage,
        ]
    };
    Table {
        caption: "Errors in percent of what was measured; MAPE with its 95 % interval; *noise* is the median difference of the same \
                  measured twice; KS the distance of latency distributions, mean over cases; p50 and p95 the errors of those quantiles, \
                  median over cases; *in interval* the share of runs whose median lay in the simulator's own 90 % interval."
            .to_owned(),
        header: words(&[
            "level", "n", "MAPE", "median", "p90", "within 10 %", "bias", "noise", "KS", "p50", "p95", "in interval",
        ]),
        rows: judgement.levels.iter().map(row).collect(),
    }
}

fn cases(judgement: &Judgement) -> Table {
    let row = |case: &CaseErrors| {
        vec![
            case.name.clone(),
            case.strategy.clone(),
            format!("{:.3}", case.predicted_ns * 1e-6),
            format!("{:.3}", case.measured_ns * 1e-6),
            format!("{:+.1}", error_percent(case)),
            format!("{:+.1}", 100.0 * (case.predicted_ns / case.without_drift_ns - 1.0)),
            format!("{:.1}", case.spread_percent),
        ]
    };
    Table {
        caption: "Median latencies in ms; errors in percent, as measured and with the machine's drift taken out; *spread*: slowest over \
                  fastest run, less 1."
            .to_owned(),
        header: words(&["case", "strategy", "predicted", "measured", "error", "without drift", "spread"]),
        rows: judgement.cases.iter().map(row).collect(),
    }
}

fn rankings(judgement: &Judgement) -> Table {
    let mut rows: Vec<Vec<String>> = judgement
        .rankings
        .iter()
        .map(|it| {
            let agreed = if it.chosen == it.best { "yes" } else { "no" };
            vec![
                it.name.clone(),
                it.strategies.to_string(),
                optional(it.tau, 2),
                it.chosen.clone(),
                it.best.clone(),
                agreed.to_owned(),
                format!("{:.1}", it.regret_percent),
            ]
        })
        .collect();
    for level in [Level::Model, Level::Workload] {
        let own: Vec<_> = judgement.rankings.iter().filter(|it| it.level == level).collect();
        if own.is_empty() {
            continue;
        }
        let count = own.len() as f64;
        let agreed = own.iter().filter(|it| it.chosen == it.best).count();
        let taus: Vec<f64> = own.iter().filter_map(|it| it.tau).collect();
        let tau = sim::statistics::mean(&taus).ok();
        rows.push(vec![
            format!("all of level {}", level.name()),
            own.iter().map(|it| it.strategies).sum::<usize>().to_string(),
            optional(tau, 2),
            "-".to_owned(),
            "-".to_owned(),
            format!("{agreed} of {}", own.len()),
            format!("{:.1}", own.iter().map(|it| it.regret_percent).sum::<f64>() / count),
        ]);
    }
    Table {
        caption:
            "Which strategy the simulator would pick, and what that costs: measured latency of the one picked over that of the \
                  fastest, less 1, in percent. Means in the last rows."
                .to_owned(),
        header: words(&["case", "strategies", "tau", "picked", "fastest", "agreed", "regret"]),
        rows,
    }
}

fn gate_table(gates: &[Gate]) -> Table {
    let row = |gate: &Gate| {
        let word = |holds: bool, yes: &str, no: &str| (if holds { yes } else { no }).to_owned();
        vec![
            gate.name.to_owned(),
            format!("{:.1}", gate.percent),
            gate.aim.to_owned(),
            word(gate.is_aim_met, "met", "missed"),
            gate.limit.to_owned(),
            if gate.is_void { "not judged".to_owned() } else { word(gate.passes, "holds", "fails") },
        ]
    };
    Table {
        caption: "Aims, for a quiet machine, and gates, which leave 30 percentage points to a shared one.".to_owned(),
        header: words(&["figure", "percent", "aim", "", "gate", ""]),
        rows: gates.iter().map(row).collect(),
    }
}

fn error_percent(case: &CaseErrors) -> f64 {
    100.0 * (case.predicted_ns / case.measured_ns - 1.0)
}

fn comparisons(run: &HostRun, judgement: &Judgement) -> Vec<Comparison> {
    let operators = run.operators.iter().map(|operator| Pair {
        label: operator.class.clone(),
        group: operator.worker.clone(),
        predicted: operator.predicted_ns * 1e-3,
        measured: operator.measured_ns * 1e-3,
    });
    let mut comparisons = vec![Comparison {
        name: "host-operators".to_owned(),
        caption: "Operators of this machine, held out of the fit.".to_owned(),
        unit: "us".to_owned(),
        pairs: operators.collect(),
    }];
    for (level, name, caption) in [
        (Level::Model, "host-models", "Whole models on this machine; no execution was seen by the fit."),
        (Level::Workload, "host-workloads", "Workloads on this machine; no execution was seen by the fit."),
    ] {
        let own = judgement.cases.iter().filter(|case| case.level == level).map(|case| Pair {
            label: case.name.clone(),
            group: case.strategy.clone(),
            predicted: case.predicted_ns * 1e-6,
            measured: case.measured_ns * 1e-6,
        });
        comparisons.push(Comparison {
            name: name.to_owned(),
            caption: caption.to_owned(),
            unit: "ms".to_owned(),
            pairs: own.collect(),
        });
    }
    comparisons.retain(|comparison| !comparison.pairs.is_empty());
    comparisons
}

fn findings(judgement: &Judgement) -> Vec<String> {
    let mut worst: Vec<&CaseErrors> =
        judgement.cases.iter().filter(|case| error_percent(case).abs() > NOTEWORTHY_PERCENT).collect();
    worst.sort_by(|one, other| error_percent(other).abs().total_cmp(&error_percent(one).abs()));
    let told = worst.iter().take(FINDINGS).map(|case| {
        let without = 100.0 * (case.predicted_ns / case.without_drift_ns - 1.0);
        let why = if case.spread_percent > error_percent(case).abs() {
            "its runs differ among themselves by more than that: noise of the machine"
        } else if without.abs() < 0.5 * error_percent(case).abs() {
            "most of it is the machine, by its canaries"
        } else {
            "its runs and the canaries agree: an error of the model"
        };
        format!(
            "`{}` under `{}`: predicted {:.3} ms, measured {:.3} ms ({:+.0} %; runs differ by {:.0} %; {:+.0} % with drift taken out): {why}.",
            case.name,
            case.strategy,
            case.predicted_ns * 1e-6,
            case.measured_ns * 1e-6,
            error_percent(case),
            case.spread_percent,
            without
        )
    });
    told.collect()
}
