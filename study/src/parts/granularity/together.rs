//! Several models at once.

use sim::metrics::Report;

use super::{copies, decision_us, decisions, level};
use crate::parts::common::bar;
use crate::{Bars, Chart, Figure, Kind, Outcome, Table, Width};

/// Inferences a second over those under the first strategy, geometric mean over models: how much is done in all.
pub(super) fn throughput(outcome: &Outcome, first: &Outcome) -> Vec<f64> {
    let of =
        |report: &Report| -> Vec<f64> { report.models.iter().map(|model| model.throughput_per_second.unwrap_or(0.0)).collect() };
    let pairs = outcome.reports.iter().flatten().zip(first.reports.iter().flatten());
    pairs
        .filter_map(|(one, other)| {
            let ratios: Vec<f64> = of(one).iter().zip(of(other)).map(|(one, other)| one / other).collect();
            if ratios.iter().all(|ratio| ratio.is_finite() && *ratio > 0.0) {
                crate::parts::common::geometric_mean(&ratios)
            } else {
                None
            }
        })
        .collect()
}

pub(super) fn at_once(outcomes: &[Outcome]) -> Figure {
    let strategies: Vec<String> = outcomes.iter().map(|it| it.strategy.clone()).collect();
    let models = outcomes
        .first()
        .and_then(Outcome::report)
        .map_or_else(Vec::new, |report| report.models.iter().map(|model| model.name.clone()).collect::<Vec<String>>());
    let bars = |index: usize| {
        let of = |outcome: &Outcome| bar(&outcome.figure(|report| report.models.get(index)?.throughput_per_second));
        outcomes.iter().map(of).collect()
    };
    let chart = Bars {
        title: "Four models at once".to_owned(),
        quantity: "inferences a second".to_owned(),
        bars: (0..models.len()).map(bars).collect(),
        places: models,
        series: strategies,
        logarithmic: true,
        width: Width::Double,
        aspect: 0.3,
        ..Bars::default()
    };
    Figure::of("together", "Four models at once: inferences a second of each, by strategy.", Chart::Bars(chart)).aside()
}

pub(super) fn tasks(outcomes: &[Outcome]) -> Table {
    let columns = [
        ("strategy", "", Kind::Text),
        ("level", "", Kind::Text),
        ("throughput_over_first", "", Kind::Number),
        ("low", "", Kind::Number),
        ("high", "", Kind::Number),
        ("copies", "", Kind::Number),
        ("decisions", "", Kind::Number),
        ("deciding", "us", Kind::Number),
    ];
    let caption = "Four models at once: inferences a second over those under the first strategy (geometric mean over models), and for each inference copies, \
                   decisions, and the time that deciding took.";
    let mut table = Table::new("together", caption, &columns).shown();
    let Some(first) = outcomes.first() else { return table };
    for outcome in outcomes {
        let gain = results::Interval::of(&throughput(outcome, first));
        let mean = |figure: fn(&Report) -> Option<f64>| outcome.figure(figure).mean;
        table.push([
            (&outcome.strategy).into(),
            level(&outcome.strategy).into(),
            gain.mean.into(),
            gain.low.into(),
            gain.high.into(),
            mean(copies).into(),
            mean(decisions).into(),
            mean(decision_us).into(),
        ]);
    }
    table
}
