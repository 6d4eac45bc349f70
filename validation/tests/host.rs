//! Judging this machine: numbers by hand, what is refused, and the committed example.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use validation::host::{
    Canary, Case, Gate, HostRun, Judgement, Level, LevelErrors, Operator, Prediction, Run, SCHEMA_VERSION, gates, judge, section,
};

/// A prediction of 1 ms, spread evenly from 0.9 to 1.1 ms.
fn prediction() -> Prediction {
    let quantiles_ns = (0..=100).map(|at| 0.9e6 + 2e3 * f64::from(at)).collect();
    Prediction { median_ns: 1e6, interval_ns: [0.8e6, 1.2e6], quantiles_ns }
}

/// Runs whose latencies are evenly spread by 10 % about some medians, one after the other.
fn case(name: &str, strategy: &str, predicted: f64, medians_ms: &[f64]) -> Case {
    let run = |(index, median_ms): (usize, &f64)| {
        let latencies_ns = (0..=10).map(|at| (median_ms * 1e6 * (0.9 + 0.02 * f64::from(at))).round() as u64).collect();
        Run { at_ms: 1000 * index as u64 + 500, latencies_ns, others_share: Some(0.0) }
    };
    let mut prediction = prediction();
    for ns in prediction.quantiles_ns.iter_mut().chain(&mut prediction.interval_ns).chain([&mut prediction.median_ns]) {
        *ns *= predicted;
    }
    let runs = medians_ms.iter().enumerate().map(run).collect();
    let (case, strategy, model) = (name.to_owned(), strategy.to_owned(), name.to_owned());
    Case { level: Level::Model, case, strategy, model, prediction, runs }
}

fn run(cases: Vec<Case>) -> HostRun {
    let operator = |predicted_ns| Operator {
        worker: "cpu".into(),
        class: "convolution".into(),
        predicted_ns,
        measured_ns: 1000.0,
        is_unusual: false,
    };
    HostRun {
        schema_version: SCHEMA_VERSION,
        is_quick: true,
        machine: BTreeMap::new(),
        workers: BTreeMap::new(),
        common_error_percent: None,
        operator_differences: vec![0.02, 0.04],
        canaries: Vec::new(),
        operators: vec![operator(1100.0), operator(950.0)],
        cases,
        notes: Vec::new(),
    }
}

fn level<'a>(judgement: &'a Judgement, name: &str) -> &'a LevelErrors {
    judgement.levels.iter().find(|level| level.name == name).expect(name)
}

fn near(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
}

#[test]
fn errors_intervals_and_rankings_by_hand() {
    let cases = vec![
        case("a", "cpu", 1.0, &[1.0, 1.1, 1.0]),
        case("a", "gpu", 2.0, &[2.5, 2.5, 2.5]),
        case("b", "cpu", 1.0, &[2.0, 2.0, 2.0]),
        case("b", "gpu", 1.5, &[1.6, 1.6, 1.6]),
    ];
    let judged = judge(&run(cases)).expect("judged");
    let models = level(&judged, "model");
    // 0, 20, 50 and 6.25 %.
    near(models.errors.mape_percent, 19.0625);
    near(models.errors.median_percent, 13.125);
    near(models.noise_percent.expect("repeated"), 0.0);
    // Within 0.8 to 1.2 times the prediction: a on the CPU, b on the GPU.
    let coverage = models.coverage.expect("intervals");
    assert_eq!((coverage.inside, coverage.count), (6, 12));
    assert!(coverage.low_percent < 50.0 && coverage.high_percent > 50.0);
    near(level(&judged, "operator, as in models").errors.mape_percent, 7.5);
    near(level(&judged, "operator, as in models").noise_percent.expect("twice"), 3.0);
    let [a, b] = judged.rankings.as_slice() else { panic!("{:?}", judged.rankings) };
    assert_eq!((a.chosen.as_str(), a.best.as_str(), a.tau), ("cpu", "cpu", Some(1.0)));
    assert_eq!((b.chosen.as_str(), b.best.as_str(), b.tau), ("cpu", "gpu", Some(-1.0)));
    near(b.regret_percent, 25.0);
    let gates = gates(&judged);
    let told: Vec<String> = gates.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "median error of models: 13.1 %; aim at most 10 %: missed; gate at most 40 %: holds",
            "runs within the simulator's 90 % intervals: 50.0 %; aim 80 to 97 %: missed; gate at least 50 %: holds",
            "regret of the strategy that the simulator picks, mean over models: 12.5 %; aim at most 5 %: missed; gate at most 35 %: holds",
        ]
    );
}

#[test]
fn drift_that_the_canaries_saw_is_taken_out() {
    let mut run = run(vec![case("a", "cpu", 1.0, &[1.0, 1.3, 1.0])]);
    let canary = |at_ms, compute_ns| Canary { worker: "cpu".into(), at_ms, compute_ns, memory_ns: 1 };
    // Slow by 30 % around the second run, which begins at 1500.
    run.canaries = [(0, 100), (1000, 100), (1200, 130), (1900, 130), (2200, 100), (2600, 100), (3000, 100)]
        .map(|(at_ms, compute_ns)| canary(at_ms, compute_ns))
        .to_vec();
    let judged = judge(&run).expect("judged");
    near(judged.cases[0].without_drift_ns, 1e6);
    near(judged.cases[0].spread_percent, 30.0);
    run.cases[0].runs.truncate(2);
    let judged = judge(&run).expect("judged");
    near(judged.cases[0].measured_ns, 1.15e6);
    near(judged.cases[0].without_drift_ns, 1e6);
}

#[test]
fn runs_that_others_disturbed_count_only_where_there_is_no_other() {
    let mut two = run(vec![case("a", "cpu", 1.0, &[1.0, 9.0]), case("b", "cpu", 1.0, &[9.0, 9.0])]);
    two.cases[0].runs[1].others_share = Some(0.8);
    for of_b in &mut two.cases[1].runs {
        of_b.others_share = Some(0.8);
    }
    let judged = judge(&two).expect("judged");
    near(judged.cases[0].measured_ns, 1e6);
    near(judged.cases[1].measured_ns, 9e6);
    near(judged.disturbed_percent, 50.0);
    assert!(gates(&judged).iter().any(Gate::fails));
    two.cases[0].runs[0].others_share = Some(0.8);
    let judged = judge(&two).expect("judged");
    assert!(gates(&judged).iter().all(|gate| gate.is_void && !gate.fails()));
    assert!(section(&two, &judged).markdown().contains("**Others used the cores**: 100 % of the cases"));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let good = serde_json::to_value(run(vec![case("a", "cpu", 1.0, &[1.0])])).expect("a text");
    let check = |change: &dyn Fn(&mut serde_json::Value), expected: &str| {
        let mut changed = good.clone();
        change(&mut changed);
        let error = HostRun::read(&changed.to_string()).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error} does not say {expected}");
    };
    assert!(HostRun::read(&good.to_string()).is_ok());
    check(&|it| it["schema_version"] = 9.into(), "schema version 9: this program reads version 1");
    check(&|it| it["cases"][0]["runs"] = serde_json::json!([]), "case `a`, strategy `cpu`, model `a`: there is a run without");
    check(&|it| it["cases"][0]["runs"][0]["latencies_ns"] = serde_json::json!([0]), "without a request that completed");
    check(&|it| it["cases"][0]["runs"][0]["latencies_ns"] = serde_json::json!([1]), "are both in nanoseconds?");
    check(&|it| it["cases"][0]["prediction"]["median_ns"] = 0.0.into(), "a predicted latency is not above 0");
    check(&|it| it["cases"][0]["prediction"]["quantiles_ns"] = serde_json::json!([]), "a predicted latency is not above 0");
    check(&|it| it["operators"][0]["measured_ns"] = 0.0.into(), "operator of class `convolution` on `cpu`");
    check(&|it| it["cases"] = "none".into(), "not a validation of a host");
    assert!(HostRun::read("").expect_err("nothing").to_string().contains("not a validation of a host"));
}

/// The report beside the samples is what the samples give, on any machine. `UPDATE=1` writes it anew.
#[test]
fn the_committed_report_is_what_its_samples_give() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/host");
    let text = fs::read_to_string(folder.join("host-run.json")).expect("committed");
    let run = HostRun::read(&text).expect("a validation");
    let judged = judge(&run).expect("judged");
    let report = section(&run, &judged).markdown();
    let path = folder.join("report.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &report).expect("written");
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == report,
        "report.md is stale: run `UPDATE=1 cargo test -p socrates-validation`"
    );
    assert_eq!(run.cases.iter().filter(|case| case.level == Level::Model).count(), 30, "six models under five strategies");
    assert!(run.operators.len() > 500 && run.canaries.len() > 20);
}
