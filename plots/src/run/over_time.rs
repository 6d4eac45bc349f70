//! What changed over time: latencies from `requests.parquet`, clocks, temperatures and power from `states.parquet`.

use std::collections::BTreeMap;
use std::path::Path;

use results::tables::{RequestRow, StateRow};

use super::{Choice, Chosen, RunError};
use crate::charts::{Curve, CurvePoint, Lines};
use crate::style::Width;

/// What can be drawn over time: the word for it, its quantity in `states.parquet`, its label, what its values are multiplied by.
pub const STATES: [(&str, &str, &str, f64); 3] = [
    ("temperatures", "temperature_celsius", "temperature, °C", 1.0),
    ("clocks", "frequency_khz", "frequency, MHz", 1e-3),
    ("power", "power_w", "mean power, W", 1.0),
];

/// Windows over which latencies are summed up.
const WINDOWS: usize = 60;

/// Latencies by the time of arrival: the median of each sixtieth of the run, with the 10th and the 90th percentile; a curve a model.
///
/// # Errors
/// If the directory has no requests, or nothing of the choice.
pub fn latencies(directory: &Path, choice: &Choice) -> Result<(Chosen, Lines), RunError> {
    let chosen = Chosen::find(directory, choice)?;
    let rows = chosen.rows(directory, |row: &RequestRow| (&row.case, &row.strategy))?;
    let mut models: BTreeMap<&String, Vec<(f64, f64)>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.outcome == "completed") {
        if choice.model.as_ref().is_none_or(|model| *model == row.model) {
            let latency_ms = (row.ended_ns.saturating_sub(row.arrived_ns)) as f64 * 1e-6;
            models.entry(&row.model).or_default().push((row.arrived_ns as f64 * 1e-9, latency_ms));
        }
    }
    let end = models.values().flatten().map(|it| it.0).fold(0.0, f64::max);
    let curves =
        models.into_iter().map(|(name, requests)| Curve { name: name.clone(), points: summed(requests, end), steps: false });
    let lines = Lines {
        title: format!("Latency of {} under {}", chosen.case, chosen.strategy),
        across: "time of arrival, s".to_owned(),
        quantity: "latency, ms".to_owned(),
        curves: curves.collect(),
        logarithmic: true,
        width: Width::Double,
        ..Lines::default()
    };
    Ok((chosen, lines))
}

fn summed(mut requests: Vec<(f64, f64)>, end: f64) -> Vec<CurvePoint> {
    requests.sort_by(|one, other| one.0.total_cmp(&other.0));
    let window = |at: f64| if end > 0.0 { ((at / end * WINDOWS as f64) as usize).min(WINDOWS - 1) } else { 0 };
    let point = |together: &[(f64, f64)]| {
        let mut latencies: Vec<f64> = together.iter().map(|it| it.1).collect();
        latencies.sort_unstable_by(f64::total_cmp);
        let [low, y, high] = [0.1, 0.5, 0.9].map(|share| crate::charts::quantile(&latencies, share));
        let x = together.iter().map(|it| it.0).sum::<f64>() / together.len() as f64;
        CurvePoint { x, y, interval: Some((low, high)) }
    };
    requests.chunk_by(|one, next| window(one.0) == window(next.0)).map(point).collect()
}

/// Points of a curve above which means are drawn instead.
const DENSE: usize = 4 * WINDOWS;

/// Means over equal pieces of time of values that hold until the next; `None` of few, which are drawn as they are.
fn means(points: &[CurvePoint]) -> Option<Vec<CurvePoint>> {
    let (first, last) = (points.first()?.x, points.last()?.x);
    let count = 2 * WINDOWS;
    if points.len() <= DENSE || last <= first {
        return None;
    }
    let length = (last - first) / count as f64;
    let mut sums = vec![0.0; count];
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0].x, pair[1].x);
        while from < to {
            let window = (((from - first) / length + 1e-9) as usize).min(count - 1);
            let end = if window + 1 == count { to } else { to.min(first + length * (window + 1) as f64) };
            sums[window] += pair[0].y * (end - from).max(0.0);
            // Rounding must not keep time from passing.
            from = if end > from { end } else { to };
        }
    }
    let mean = |(window, sum): (usize, f64)| CurvePoint::new(first + length * (window as f64 + 0.5), sum / length);
    Some(sums.into_iter().enumerate().map(mean).collect())
}

/// Clocks, temperatures or power over time; of dense curves the means of each 120th of the run. `word` is one of [`STATES`].
///
/// # Errors
/// If the run has nothing of the kind, or the directory nothing of the choice.
pub fn states(directory: &Path, choice: &Choice, word: &str) -> Result<(Chosen, Lines), RunError> {
    let chosen = Chosen::find(directory, choice)?;
    let Some((_, quantity, label, factor)) = STATES.iter().find(|it| it.0 == word) else {
        let there = STATES.iter().map(|it| format!("`{}`", it.0)).collect();
        return Err(RunError::Nothing { what: "figure", wanted: word.to_owned(), there });
    };
    let rows = chosen.rows(directory, |row: &StateRow| (&row.case, &row.strategy))?;
    let mut curves: BTreeMap<&String, Vec<CurvePoint>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.quantity == *quantity) {
        curves.entry(&row.of).or_default().push(CurvePoint::new(row.at_ns as f64 * 1e-9, row.value * factor));
    }
    if curves.is_empty() {
        return Err(RunError::None("clocks, temperatures or power of that kind: its scenario models none"));
    }
    let steps = *quantity == "frequency_khz";
    let dense = curves.values().any(|points| means(points).is_some());
    let name = |of: &String| if of.is_empty() { "device".to_owned() } else { of.clone() };
    let curve = |(of, points): (&String, Vec<CurvePoint>)| match means(&points) {
        Some(points) => Curve { name: name(of), points, steps: false },
        None => Curve { name: name(of), points, steps },
    };
    let curves = curves.into_iter().map(curve).collect();
    let title = format!("{label} of {} under {}", chosen.case, chosen.strategy);
    let across = "time, s".to_owned();
    let quantity = if dense { format!("{label} (means)") } else { (*label).to_owned() };
    Ok((chosen, Lines { title, across, quantity, curves, width: Width::Double, ..Lines::default() }))
}
