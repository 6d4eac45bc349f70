//! Maps of latencies, and one figure with intervals.

use super::{Contest, INTERVALS_ON, WITH_INTERVALS};
use crate::parts::common::{bar, find, geometric_mean, listed, short};
use crate::{Bars, Cell, Chart, Figure, HeatMap, Outcome, Panel, Width, median_ms};

pub(super) fn figures(
    outcomes: &[Outcome],
    contests: &[Contest<'_>],
    devices: &[&str],
    models: &[String],
    strategies: &[String],
) -> Vec<Figure> {
    let of = |device: &str, model: &str| contests.iter().find(|it| it.device == device && it.model == model);
    let best = |device: &&str| -> Vec<Option<Cell>> {
        let cell = |model: &String| of(device, model).map(|it| Cell { value: it.best_ms, group: Some(it.best.clone()) });
        models.iter().map(cell).collect()
    };
    let best = HeatMap {
        title: "Best strategy and its median latency".to_owned(),
        quantity: "latency of the best strategy, ms".to_owned(),
        rows: devices.iter().map(|device| short(device)).collect(),
        columns: models.to_vec(),
        cells: devices.iter().map(best).collect(),
        logarithmic: true,
        width: Width::Double,
    };
    let ran = |strategy: &&String| contests.iter().any(|it| it.ratio(strategy).is_some());
    let rows: Vec<String> = strategies.iter().filter(ran).cloned().collect();
    let mean = |strategy: &String, device: &str| {
        let ratios: Vec<f64> = contests.iter().filter(|it| it.device == device).filter_map(|it| it.ratio(strategy)).collect();
        geometric_mean(&ratios).map(|value| Cell { value, group: None })
    };
    let over_best = HeatMap {
        title: "Latency over the best, by device".to_owned(),
        quantity: "latency over that of the best strategy, geometric mean over models".to_owned(),
        cells: rows.iter().map(|strategy| devices.iter().map(|device| mean(strategy, device)).collect()).collect(),
        columns: devices.iter().map(|device| short(device)).collect(),
        rows: rows.clone(),
        logarithmic: true,
        width: Width::Double,
    };
    let mut figures = vec![
        Figure::of("", "The best strategy for each model on each device, and its median latency in ms.", Chart::Heat(best)),
        Figure::of("over-best", "Latency over that of the best strategy, geometric mean over models.", Chart::Heat(over_best)),
    ];
    let panel = |device: &&str| {
        let cell = |strategy: &String, model: &String| {
            let value = of(device, model).and_then(|it| it.ratio(strategy))?;
            Some(Cell { value, group: None })
        };
        let chart = HeatMap {
            title: format!("Latency over the best on {device}"),
            quantity: "latency over that of the best".to_owned(),
            rows: rows.clone(),
            columns: models.to_vec(),
            cells: rows.iter().map(|strategy| models.iter().map(|model| cell(strategy, model)).collect()).collect(),
            logarithmic: true,
            width: Width::Single,
        };
        Panel::new(short(device), Chart::Heat(chart))
    };
    for (index, some) in devices.chunks(4).enumerate() {
        let caption = format!(
            "Latency of every strategy over that of the best, on {}.",
            listed(&some.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
        );
        figures.push(Figure::grid(&format!("devices{}", index + 1), caption, 2, some.iter().map(panel).collect()).aside());
    }
    figures.push(with_intervals(outcomes, models));
    figures
}

pub(super) fn with_intervals(outcomes: &[Outcome], models: &[String]) -> Figure {
    let bars = |model: &String| {
        let of = |strategy: &&str| find(outcomes, INTERVALS_ON, model, strategy).and_then(|it| bar(&it.figure(median_ms)));
        WITH_INTERVALS.iter().map(of).collect()
    };
    let chart = Bars {
        title: format!("Median latency on {INTERVALS_ON}"),
        quantity: "median latency, ms".to_owned(),
        places: models.to_vec(),
        series: WITH_INTERVALS.map(str::to_owned).to_vec(),
        bars: models.iter().map(bars).collect(),
        logarithmic: true,
        width: Width::Double,
        ..Bars::default()
    };
    let caption = format!("Median latency on {INTERVALS_ON} under six strategies, with 95 % intervals of the mean.");
    Figure::of("intervals", caption, Chart::Bars(chart))
}
