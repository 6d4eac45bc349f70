//! Errors, distributions, intervals and rankings of a validation of this machine.

use serde::Serialize;
use sim::statistics::{Interval, StatisticsError, median};

use crate::Summary;
use crate::host::drift::Drift;
use crate::host::observed::{Case, HostRun, Level};
use crate::statistics::{kolmogorov_smirnov, quantile_error, ranking, share_interval};

/// What is told of one level.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelErrors {
    /// Its name.
    pub name: String,
    /// Errors of medians of whole cases, or of operators.
    pub errors: Summary,
    /// Median of `|second / first - 1|` of the same measured twice, apart, in percent.
    pub noise_percent: Option<f64>,
    /// Kolmogorov-Smirnov distance between predicted and measured latencies, mean over cases.
    pub ks: Option<f64>,
    /// Median of the absolute errors of the 50th percentile of the latencies, in percent.
    pub p50_error_percent: Option<f64>,
    /// Of the 95th.
    pub p95_error_percent: Option<f64>,
    /// How many runs had their median within the simulator's own 90 % interval.
    pub coverage: Option<Coverage>,
}

/// How often an interval held what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// Runs whose median lay within.
    pub inside: usize,
    /// Runs.
    pub count: usize,
    /// The share in percent.
    pub percent: f64,
    /// Its 95 % interval, lower end.
    pub low_percent: f64,
    /// Upper end.
    pub high_percent: f64,
}

/// Strategies of one case, ranked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseRanking {
    /// The level.
    pub level: Level,
    /// The case and the model.
    pub name: String,
    /// Strategies compared.
    pub strategies: usize,
    /// Kendall's tau-b; absent where ranks do not vary.
    pub tau: Option<f64>,
    /// The strategy that the simulator would pick.
    pub chosen: String,
    /// The strategy that was fastest.
    pub best: String,
    /// What that costs: measured latency of the chosen over that of the best, less 1, in percent.
    pub regret_percent: f64,
}

/// What a case came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseErrors {
    /// The level.
    pub level: Level,
    /// The case, and the model where there are several.
    pub name: String,
    /// The strategy.
    pub strategy: String,
    /// Predicted median latency.
    pub predicted_ns: f64,
    /// Measured: median over runs of their medians.
    pub measured_ns: f64,
    /// The same with the machine's slowdowns taken out.
    pub without_drift_ns: f64,
    /// Largest ratio of two runs' medians less 1, in percent.
    pub spread_percent: f64,
}

/// The whole judgement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// Levels, from operators to workloads.
    pub levels: Vec<LevelErrors>,
    /// Every case.
    pub cases: Vec<CaseErrors>,
    /// Every ranking.
    pub rankings: Vec<CaseRanking>,
    /// 90th over 10th percentile of what the canaries took, less 1, in percent.
    pub drift_percent: Option<f64>,
    /// Share of the cases that others disturbed in every run, in percent.
    pub disturbed_percent: f64,
}

/// Judges a validation.
///
/// # Errors
/// If a level has values of which a statistic does not exist.
pub fn judge(run: &HostRun) -> Result<Judgement, StatisticsError> {
    let drift = Drift::of(run);
    let mut levels = operators(run)?;
    let mut cases = Vec::new();
    for case in &run.cases {
        cases.push(errors_of(case, &drift, run)?);
    }
    for level in [Level::Model, Level::Workload] {
        let of_level: Vec<(&Case, &CaseErrors)> = run.cases.iter().zip(&cases).filter(|(case, _)| case.level == level).collect();
        if !of_level.is_empty() {
            levels.extend(level_errors(level, &of_level)?);
        }
    }
    let drift_percent = drift.spread()?.map(|spread| 100.0 * spread);
    let disturbed = run.cases.iter().filter(|case| case.is_disturbed()).count();
    let disturbed_percent = 100.0 * disturbed as f64 / run.cases.len().max(1) as f64;
    Ok(Judgement { levels, rankings: rankings(run, &cases)?, cases, drift_percent, disturbed_percent })
}

fn operators(run: &HostRun) -> Result<Vec<LevelErrors>, StatisticsError> {
    let noise_percent = if run.operator_differences.is_empty() { None } else { Some(100.0 * median(&run.operator_differences)?) };
    let mut levels = Vec::new();
    for (name, is_unusual) in [("operator, as in models", false), ("operator, unusual shapes", true)] {
        let chosen = || run.operators.iter().filter(move |operator| operator.is_unusual == is_unusual);
        let predicted: Vec<f64> = chosen().map(|operator| operator.predicted_ns).collect();
        let measured: Vec<f64> = chosen().map(|operator| operator.measured_ns).collect();
        if predicted.is_empty() {
            continue;
        }
        levels.push(LevelErrors {
            name: name.to_owned(),
            errors: Summary::of(&predicted, &measured)?,
            noise_percent,
            ks: None,
            p50_error_percent: None,
            p95_error_percent: None,
            coverage: None,
        });
    }
    Ok(levels)
}

fn medians(case: &Case) -> Result<Vec<f64>, StatisticsError> {
    case.usable().map(|run| median(&run.latencies_ns.iter().map(|&ns| ns as f64).collect::<Vec<_>>())).collect()
}

fn errors_of(case: &Case, drift: &Drift, run: &HostRun) -> Result<CaseErrors, StatisticsError> {
    let medians = medians(case)?;
    let without: Vec<f64> =
        medians.iter().zip(case.usable()).map(|(median_ns, run)| median_ns / drift.slowdown(run.at_ms)).collect();
    let several = run.cases.iter().any(|other| {
        (other.level, &other.case, &other.strategy) == (case.level, &case.case, &case.strategy) && other.model != case.model
    });
    let (low, high) = medians.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &it| (low.min(it), high.max(it)));
    Ok(CaseErrors {
        level: case.level,
        name: if several { format!("{}: {}", case.case, case.model) } else { case.case.clone() },
        strategy: case.strategy.clone(),
        predicted_ns: case.prediction.median_ns,
        measured_ns: median(&medians)?,
        without_drift_ns: median(&without)?,
        spread_percent: 100.0 * (high / low - 1.0),
    })
}

/// A level as it was measured, and with the machine's drift taken out.
fn level_errors(level: Level, cases: &[(&Case, &CaseErrors)]) -> Result<Vec<LevelErrors>, StatisticsError> {
    let predicted: Vec<f64> = cases.iter().map(|(_, errors)| errors.predicted_ns).collect();
    let measured: Vec<f64> = cases.iter().map(|(_, errors)| errors.measured_ns).collect();
    let without: Vec<f64> = cases.iter().map(|(_, errors)| errors.without_drift_ns).collect();
    let (mut distances, mut p50, mut p95) = (Vec::new(), Vec::new(), Vec::new());
    let (mut inside, mut count, mut differences) = (0, 0, Vec::new());
    for (case, _) in cases {
        let latencies: Vec<f64> = case.usable().flat_map(|run| run.latencies_ns.iter().map(|&ns| ns as f64)).collect();
        let quantiles = &case.prediction.quantiles_ns;
        distances.push(kolmogorov_smirnov(quantiles, &latencies)?);
        p50.push(quantile_error(quantiles, &latencies, 0.5)?.abs());
        p95.push(quantile_error(quantiles, &latencies, 0.95)?.abs());
        let medians = medians(case)?;
        let [low, high] = case.prediction.interval_ns;
        inside += medians.iter().filter(|&&median_ns| low <= median_ns && median_ns <= high).count();
        count += medians.len();
        differences.extend(medians.windows(2).map(|pair| (pair[1] / pair[0] - 1.0).abs()));
    }
    let Interval { low, high } = share_interval(inside, count, 0.95)?;
    let percent = |share: f64| 100.0 * share;
    let noise_percent = if differences.is_empty() { None } else { Some(percent(median(&differences)?)) };
    let raw = LevelErrors {
        name: level.name().to_owned(),
        errors: Summary::of(&predicted, &measured)?,
        noise_percent,
        ks: Some(distances.iter().sum::<f64>() / distances.len() as f64),
        p50_error_percent: Some(percent(median(&p50)?)),
        p95_error_percent: Some(percent(median(&p95)?)),
        coverage: Some(Coverage {
            inside,
            count,
            percent: percent(inside as f64 / count as f64),
            low_percent: percent(low),
            high_percent: percent(high),
        }),
    };
    let steady = LevelErrors {
        name: format!("{}, drift taken out", level.name()),
        errors: Summary::of(&predicted, &without)?,
        noise_percent: None,
        ks: None,
        p50_error_percent: None,
        p95_error_percent: None,
        coverage: None,
    };
    Ok(vec![raw, steady])
}

/// Every case that ran under several strategies. Of workloads with several models, each model is ranked for itself.
fn rankings(run: &HostRun, cases: &[CaseErrors]) -> Result<Vec<CaseRanking>, StatisticsError> {
    let mut names: Vec<(Level, &str)> = Vec::new();
    for case in cases {
        if !names.contains(&(case.level, &case.name)) {
            names.push((case.level, &case.name));
        }
    }
    let mut rankings = Vec::new();
    for (level, name) in names {
        let own: Vec<&CaseErrors> = cases.iter().filter(|case| case.level == level && case.name == name).collect();
        if own.len() < 2 || run.cases.is_empty() {
            continue;
        }
        let predicted: Vec<f64> = own.iter().map(|case| case.predicted_ns).collect();
        let measured: Vec<f64> = own.iter().map(|case| case.measured_ns).collect();
        let ranked = ranking(&predicted, &measured)?;
        rankings.push(CaseRanking {
            level,
            name: name.to_owned(),
            strategies: own.len(),
            tau: ranked.tau,
            chosen: own[ranked.chosen].strategy.clone(),
            best: own[ranked.best].strategy.clone(),
            regret_percent: 100.0 * ranked.regret,
        });
    }
    Ok(rankings)
}
