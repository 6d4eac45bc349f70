//! What always taking the same strategy costs, against the best of each context.

use super::best::ADAPTIVE;
use super::grid::{Cell, LOADS};
use super::{TIE, geometric_mean, signed_percent};
use crate::{Boxes, Chart, Figure, Kind, PartData, Sample, Table, Width};

/// How far a choice is from the best, context by context: ratios of at least 1, with the index of the context.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Regret {
    pub(super) choice: String,
    pub(super) ratios: Vec<(usize, f64)>,
    /// Contexts in which the choice failed.
    pub(super) failures: usize,
}

/// Regret of a rule that names a strategy for each context.
fn of(choice: &str, cells: &[Cell], rule: impl Fn(&Cell) -> Option<String>) -> Regret {
    let (mut ratios, mut failures) = (Vec::new(), 0);
    for (index, cell) in cells.iter().enumerate() {
        match rule(cell).and_then(|strategy| cell.mean_ms(&strategy)).zip(cell.best_ms()) {
            Some((ms, best_ms)) => ratios.push((index, ms / best_ms)),
            None => failures += 1,
        }
    }
    Regret { choice: choice.to_owned(), ratios, failures }
}

/// The published strategy with the least geometric mean of its ratios to the best over some contexts, failing in none of them if any does not.
fn best_fixed(cells: &[&Cell]) -> Option<String> {
    let names: Vec<String> = cells.first()?.times.iter().map(|(name, _)| name.clone()).collect();
    let value = |name: &String| {
        let ratios: Vec<Option<f64>> = cells.iter().map(|cell| Some(cell.mean_ms(name)? / cell.best_ms()?)).collect();
        let failures = ratios.iter().filter(|ratio| ratio.is_none()).count();
        (failures, geometric_mean(ratios.into_iter().flatten()).unwrap_or(f64::INFINITY))
    };
    let published = names.into_iter().filter(|name| !name.starts_with(ADAPTIVE));
    published
        .map(|name| (value(&name), name))
        .min_by(|(one, _), (other, _)| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)))
        .map(|(_, name)| name)
}

/// Whether two contexts cannot be told apart beforehand.
type Same = fn(&Cell, &Cell) -> bool;

/// Each strategy always, and the best fixed choice by what is known beforehand.
pub(super) fn all(cells: &[Cell]) -> Vec<Regret> {
    let names: Vec<String> =
        cells.first().map_or_else(Vec::new, |cell| cell.times.iter().map(|(name, _)| name.clone()).collect());
    let mut all: Vec<Regret> = names.iter().map(|name| of(name, cells, |_| Some(name.clone()))).collect();
    let known: [(&str, Same); 3] = [
        ("best for each device", |one, other| one.device == other.device),
        ("best for each model", |one, other| one.model == other.model),
        ("best for each device and model", |one, other| one.device == other.device && one.model == other.model),
    ];
    for (name, same) in known {
        all.push(of(name, cells, |cell| best_fixed(&cells.iter().filter(|other| same(cell, other)).collect::<Vec<_>>())));
    }
    all
}

impl Regret {
    fn ascending(&self) -> Vec<f64> {
        let mut ratios: Vec<f64> = self.ratios.iter().map(|(_, ratio)| *ratio).collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }

    fn quantile(&self, share: f64) -> Option<f64> {
        sim::statistics::quantile(&self.ascending(), share).ok()
    }
}

/// Adds table, figure and findings.
pub(super) fn add(cells: &[Cell], data: &mut PartData) {
    let mut all = all(cells);
    let mean = |regret: &Regret| geometric_mean(regret.ratios.iter().map(|(_, ratio)| *ratio)).unwrap_or(f64::INFINITY);
    all.sort_by(|one, other| mean(one).total_cmp(&mean(other)));
    let columns = [
        ("choice", "", Kind::Text),
        ("mean", "%", Kind::Number),
        ("median", "%", Kind::Number),
        ("p90", "%", Kind::Number),
        ("worst", "%", Kind::Number),
        ("worst_in", "", Kind::Text),
        ("within_2_percent", "", Kind::Count),
        ("failures", "", Kind::Count),
    ];
    let caption = "Time beyond that of the best strategy of each context if one always takes the same: geometric mean, quantiles and worst over \
                   the contexts, in how many it is at most 2 % behind, and in how many it has no plan. `best for each ...`: the published strategy \
                   with the least mean over the contexts of that device or model, known beforehand.";
    let mut table = Table::new("regret", caption, &columns).shown();
    let percent = |ratio: Option<f64>| ratio.map(|ratio| (ratio - 1.0) * 100.0);
    for regret in &all {
        let worst = regret.ratios.iter().max_by(|one, other| one.1.total_cmp(&other.1));
        let place = worst.map(|&(index, _)| place(&cells[index]));
        table.push([
            (&regret.choice).into(),
            percent(Some(mean(regret)).filter(|mean| mean.is_finite())).into(),
            percent(regret.quantile(0.5)).into(),
            percent(regret.quantile(0.9)).into(),
            percent(worst.map(|&(_, ratio)| ratio)).into(),
            place.into(),
            regret.ratios.iter().filter(|(_, ratio)| *ratio <= 1.0 + TIE).count().into(),
            regret.failures.into(),
        ]);
    }
    data.tables.push(table);
    let samples = all.iter().map(|regret| Sample { name: regret.choice.clone(), values: regret.ascending() }).collect();
    let boxes = Boxes {
        title: "Regret of fixed choices".to_owned(),
        quantity: "time over that of the best strategy of the context".to_owned(),
        samples,
        logarithmic: true,
        mark: Some(1.0),
        width: Width::Double,
    };
    let caption = "Regret: the time of a choice over that of the best strategy of each context. Boxes are quartiles, whiskers reach from the 5th to the 95th \
                   percentile, points lie beyond; in brackets, the contexts in which it has a plan.";
    data.figures.push(Figure::of("regret", caption, Chart::Boxes(boxes)));
    let find = |name: &str| all.iter().find(|regret| regret.choice == name);
    let fixed =
        all.iter().find(|regret| regret.failures == 0 && !regret.choice.starts_with("best for") && regret.choice != ADAPTIVE);
    if let (Some(adaptive), Some(fixed), Some(informed)) = (find(ADAPTIVE), fixed, find("best for each device and model")) {
        let worst = |regret: &Regret| regret.quantile(1.0).unwrap_or(1.0) - 1.0;
        data.findings.push(format!(
            "Always taking `{}`, the best single choice that can run everything, costs {} on average and up to {}; choosing the best for each device \
             and model beforehand still costs {} and up to {}, because load is not known beforehand; `socrates` {} and up to {}.",
            fixed.choice,
            signed_percent(mean(fixed) - 1.0),
            signed_percent(worst(fixed)),
            signed_percent(mean(informed) - 1.0),
            signed_percent(worst(informed)),
            signed_percent(mean(adaptive) - 1.0),
            signed_percent(worst(adaptive)),
        ));
    }
}

fn place(cell: &Cell) -> String {
    format!("{}, {}, {}", cell.model, cell.device, LOADS[cell.load])
}

#[cfg(test)]
mod tests {
    use super::super::grid::tests::cells;
    use super::*;

    #[test]
    fn regret_is_never_below_none_and_somebody_has_none() {
        for seed in 0..20 {
            let cells = cells(seed);
            let all = all(&cells);
            for regret in &all {
                assert!(regret.ratios.iter().all(|(_, ratio)| *ratio >= 1.0), "{}", regret.choice);
                assert_eq!(regret.ratios.len() + regret.failures, cells.len(), "{}", regret.choice);
            }
            for index in 0..cells.len() {
                let least = all.iter().flat_map(|regret| &regret.ratios).filter(|(at, _)| *at == index).map(|(_, ratio)| *ratio);
                assert!((least.fold(f64::INFINITY, f64::min) - 1.0).abs() < 1e-12, "somebody is best in context {index}");
            }
        }
    }

    #[test]
    fn the_best_fixed_choice_is_so_by_brute_force() {
        for seed in 0..20 {
            let cells = cells(seed);
            let chosen = best_fixed(&cells.iter().collect::<Vec<_>>()).expect("strategies");
            let value = |name: &str| {
                let ratios = cells.iter().map(|cell| cell.mean_ms(name).map(|ms| ms / cell.best_ms().expect("some")));
                let ratios: Vec<Option<f64>> = ratios.collect();
                let product: f64 = ratios.iter().flatten().product();
                let count = ratios.iter().flatten().count();
                (ratios.len() - count, product.powf(1.0 / count as f64))
            };
            for other in ["cpu", "gpu", "heft"] {
                let ((fails, mean), (others_fails, others_mean)) = (value(&chosen), value(other));
                assert!(fails < others_fails || fails == others_fails && mean <= others_mean + 1e-12, "{chosen} against {other}");
            }
        }
    }

    #[test]
    fn knowing_more_beforehand_is_never_worse() {
        for seed in 0..20 {
            // Without failures: a choice that fails less may be slower.
            let mut cells = cells(seed);
            for cell in &mut cells {
                cell.times.retain(|(name, _)| name != "gpu");
            }
            let all = all(&cells);
            let mean = |name: &str| {
                let regret = all.iter().find(|regret| regret.choice == name).expect("there");
                geometric_mean(regret.ratios.iter().map(|(_, ratio)| *ratio)).expect("some")
            };
            for less in ["best for each device", "best for each model", "cpu", "heft"] {
                assert!(mean("best for each device and model") <= mean(less) + 1e-12, "{less}");
            }
        }
    }
}
