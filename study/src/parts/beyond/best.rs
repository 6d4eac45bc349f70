//! Which strategy is best in which context, and what a fixed choice costs.

use std::collections::BTreeMap;

use results::Interval;

use super::grid::{Cell, LOADS, grid};
use super::{TIE, geometric_mean, regret, signed_percent};
use crate::chart::Cell as HeatCell;
use crate::parts::common::short;
use crate::{Chart, Context, Figure, HeatMap, Kind, Panel, PartData, StudyError, Support, Table, Verdict, Width};

/// The adaptive strategy.
pub(super) const ADAPTIVE: &str = "socrates";

pub(super) fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let cells = grid(context)?;
    let mut data = PartData {
        caption: caption(&cells),
        tables: vec![contexts(&cells), winners(&cells)],
        figures: vec![map(&cells)],
        findings: Vec::new(),
        verdicts: Vec::new(),
    };
    say(&cells, &mut data);
    regret::add(&cells, &mut data);
    Ok(data)
}

fn caption(cells: &[Cell]) -> String {
    let count = |key: fn(&Cell) -> &str| {
        let mut all: Vec<&str> = cells.iter().map(key).collect();
        all.sort_unstable();
        all.dedup();
        all.len()
    };
    let strategies = cells.first().map_or(0, |cell| cell.times.len());
    format!(
        "Every strategy of {strategies} in {} contexts: {} phones, {} models, and beside them nothing, two busy threads on each CPU core, frames \
         at 60 Hz in the GPU's queue, or a second model of about equal work. Median latency of 10 requests without a pause, with a second \
         model the time that one request of both takes; mean of 5 replicates, in which the cost models are wrong by what they were wrong by in \
         their tests. Strategies within 2 % of the best are tied with it.",
        cells.len(),
        count(|cell| &cell.device),
        count(|cell| &cell.model),
    )
}

/// Strategies that are best or tied with the best.
pub(super) fn tied(cell: &Cell) -> Vec<&str> {
    let Some(best_ms) = cell.best_ms() else { return Vec::new() };
    cell.means().into_iter().filter(|(_, ms)| *ms <= best_ms * (1.0 + TIE)).map(|(strategy, _)| strategy).collect()
}

fn contexts(cells: &[Cell]) -> Table {
    let columns = [
        ("device", "", Kind::Text),
        ("load", "", Kind::Text),
        ("model", "", Kind::Text),
        ("strategy", "", Kind::Text),
        ("time", "ms", Kind::Number),
        ("time_low", "ms", Kind::Number),
        ("time_high", "ms", Kind::Number),
        ("over_best", "", Kind::Number),
        ("tied", "", Kind::Flag),
        ("failure", "", Kind::Text),
    ];
    let mut table = Table::new("", "All strategies in all contexts; intervals are 95 %.", &columns);
    for cell in cells {
        let (best_ms, tied) = (cell.best_ms(), tied(cell));
        for (strategy, times) in &cell.times {
            let interval = Interval::of(times.as_deref().unwrap_or_default());
            let over = interval.mean.zip(best_ms).map(|(mean, best)| mean / best);
            table.push([
                (&cell.device).into(),
                LOADS[cell.load].into(),
                (&cell.model).into(),
                strategy.into(),
                interval.mean.into(),
                interval.low.into(),
                interval.high.into(),
                over.into(),
                tied.contains(&strategy.as_str()).into(),
                times.as_ref().err().cloned().into(),
            ]);
        }
    }
    table
}

/// How often each strategy is best.
fn winners(cells: &[Cell]) -> Table {
    let mut columns = vec![
        ("strategy", "", Kind::Text),
        ("best_or_tied", "", Kind::Count),
        ("alone", "", Kind::Count),
        ("best_or_tied_of_published", "", Kind::Count),
        ("alone_of_published", "", Kind::Count),
    ];
    columns.extend(LOADS.map(|load| (load, "", Kind::Count)));
    let caption = format!(
        "In how many of {} contexts a strategy is best or within 2 % of the best; so alone; the same among all strategies but `socrates`; best or tied \
         among all, by load.",
        cells.len()
    );
    let mut table = Table::new("winners", caption, &columns).shown();
    let published: Vec<Cell> = cells.iter().map(without_adaptive).collect();
    for (strategy, _) in cells.first().map_or(&[][..], |cell| &cell.times) {
        let count = |cells: &[Cell], alone: bool, load: Option<usize>| {
            let wins = |cell: &&Cell| {
                let tied = tied(cell);
                tied.contains(&strategy.as_str()) && (!alone || tied.len() == 1) && load.is_none_or(|load| cell.load == load)
            };
            cells.iter().filter(wins).count()
        };
        let mut row = vec![
            strategy.into(),
            count(cells, false, None).into(),
            count(cells, true, None).into(),
            count(&published, false, None).into(),
            count(&published, true, None).into(),
        ];
        row.extend((0..LOADS.len()).map(|load| count(cells, false, Some(load)).into()));
        table.push(row);
    }
    table
}

pub(super) fn without_adaptive(cell: &Cell) -> Cell {
    let mut cell = cell.clone();
    cell.times.retain(|(strategy, _)| !strategy.starts_with(ADAPTIVE));
    cell
}

/// A map for each load: colour is the simplest of the strategies that are best or tied, the number how many are.
fn map(cells: &[Cell]) -> Figure {
    let panel = |(load, name): (usize, &&str)| {
        let of_load: Vec<&Cell> = cells.iter().filter(|cell| cell.load == load).collect();
        let names = |key: fn(&Cell) -> &String| {
            let mut names: Vec<String> = Vec::new();
            for cell in &of_load {
                if !names.contains(key(cell)) {
                    names.push(key(cell).clone());
                }
            }
            names
        };
        let (devices, models) = (names(|cell| &cell.device), names(|cell| &cell.model));
        let at = |device: &String, model: &String| {
            let cell = of_load.iter().find(|cell| cell.device == *device && cell.model == *model)?;
            let tied = tied(cell);
            Some(HeatCell { value: tied.len() as f64, group: Some((*tied.first()?).to_owned()) })
        };
        let row = |device: &String| models.iter().map(|model| at(device, model)).collect();
        let heat = HeatMap {
            title: format!("Best strategy by device and model: {name}"),
            quantity: "strategies within 2 % of the best".to_owned(),
            cells: devices.iter().map(row).collect(),
            rows: devices.iter().map(|device| short(device)).collect(),
            columns: models,
            logarithmic: false,
            width: Width::Single,
        };
        let letter = char::from(b'a' + load as u8);
        Panel::new(format!("{letter}  {name}"), Chart::Heat(heat))
    };
    let caption = "Which strategy is best, by device, model and load. Colour and mark: the first in the order of the table of those within 2 % of the best; \
                   number: how many those are. `socrates` has its colour only where it is ahead of all others.";
    Figure::grid("", caption, 2, LOADS.iter().enumerate().map(panel).collect())
}

fn say(cells: &[Cell], data: &mut PartData) {
    let all = cells.len();
    let published: Vec<Cell> = cells.iter().map(without_adaptive).collect();
    let mut wins: BTreeMap<&str, usize> = BTreeMap::new();
    let mut alone: BTreeMap<&str, usize> = BTreeMap::new();
    for cell in &published {
        let tied = tied(cell);
        for &strategy in &tied {
            *wins.entry(strategy).or_default() += 1;
        }
        if let [only] = tied[..] {
            *alone.entry(only).or_default() += 1;
        }
    }
    let most = wins.iter().max_by_key(|(_, count)| **count).map_or(("none", 0), |(name, count)| (*name, *count));
    data.findings.push(format!(
        "Of the published strategies none is best or tied in all {all} contexts: the one that most often is, `{}`, is so in {} ({:.0} %). {} different ones are \
         the only best somewhere, in {} contexts together.",
        most.0,
        most.1,
        100.0 * most.1 as f64 / all.max(1) as f64,
        alone.len(),
        alone.values().sum::<usize>(),
    ));
    let support = if most.1 < all && wins.len() > 1 { Support::Supported } else { Support::NotSupported };
    let because = format!(
        "the best of the published ones wins or ties in {} of {all} contexts, {} are the only best somewhere",
        most.1,
        alone.len()
    );
    data.verdicts.push(Verdict::new("F1", support, because.clone()));
    let (changed, compared) = changes_with_load(&published);
    data.findings.push(format!(
        "Load changes who is best: in {changed} of {compared} pairs of device and model, no strategy that is best or tied on the idle device is so \
         under some load."
    ));
    data.verdicts.push(Verdict::new("H1", support, because));
    let solo = published.iter().filter(|cell| tied(cell).iter().any(|name| *name == "cpu" || name.starts_with("gpu"))).count();
    data.verdicts.push(Verdict::new(
        "F7",
        if changed > 0 && solo > 0 { Support::Supported } else { Support::NotSupported },
        format!(
            "one processor is best or tied in {solo} of {all} contexts; load alone changes the winner in {changed} of {compared}"
        ),
    ));
    adaptive(cells, &published, data);
}

/// In how many pairs of device and model some load leaves none of the idle device's winners a winner.
fn changes_with_load(cells: &[Cell]) -> (usize, usize) {
    let idle = cells.iter().filter(|cell| cell.load == 0);
    let (mut changed, mut compared) = (0, 0);
    for cell in idle {
        let winners = tied(cell);
        let loaded: Vec<&Cell> = cells
            .iter()
            .filter(|other| (1..3).contains(&other.load) && other.device == cell.device && other.model == cell.model)
            .collect();
        compared += usize::from(!loaded.is_empty());
        changed += usize::from(loaded.iter().any(|other| !tied(other).iter().any(|name| winners.contains(name))));
    }
    (changed, compared)
}

/// How the adaptive strategy does against the best published one.
fn adaptive(cells: &[Cell], published: &[Cell], data: &mut PartData) {
    let ratios: Vec<(f64, &Cell)> = cells
        .iter()
        .zip(published)
        .filter_map(|(cell, others)| Some((cell.mean_ms(ADAPTIVE)? / others.best_ms()?, cell)))
        .collect();
    let ahead = ratios.iter().filter(|(ratio, _)| *ratio < 1.0 - TIE).count();
    let behind = ratios.iter().filter(|(ratio, _)| *ratio > 1.0 + TIE).count();
    let Some((worst, at)) = ratios.iter().max_by(|one, other| one.0.total_cmp(&other.0)) else { return };
    let Some((most, there)) = ratios.iter().min_by(|one, other| one.0.total_cmp(&other.0)) else { return };
    data.findings.push(format!(
        "`socrates` against the best published strategy of each context: ahead by more than 2 % in {ahead} of {}, within 2 % in {}, behind in {behind}. At best {} \
         ({}, {}, {}), at worst {} ({}, {}, {}).",
        ratios.len(),
        ratios.len() - ahead - behind,
        signed_percent(most - 1.0),
        there.model,
        there.device,
        LOADS[there.load],
        signed_percent(worst - 1.0),
        at.model,
        at.device,
        LOADS[at.load],
    ));
    let of_load = |(load, name): (usize, &&str)| {
        let mean = geometric_mean(ratios.iter().filter(|(_, cell)| cell.load == load).map(|(ratio, _)| *ratio))?;
        Some(format!("{name} {}", signed_percent(mean - 1.0)))
    };
    let by_load: Vec<String> = LOADS.iter().enumerate().filter_map(of_load).collect();
    data.findings.push(format!("The same on average, by load: {}.", by_load.join(", ")));
}

#[cfg(test)]
mod tests {
    use super::super::grid::tests::cells;
    use super::*;

    #[test]
    fn ties_hold_the_best_and_nothing_beyond_two_percent() {
        for seed in 0..20 {
            for cell in cells(seed) {
                let tied = tied(&cell);
                let best_ms = cell.means().into_iter().map(|(_, ms)| ms).fold(f64::INFINITY, f64::min);
                for (strategy, ms) in cell.means() {
                    assert_eq!(tied.contains(&strategy), ms <= best_ms * 1.02, "{strategy} of {cell:?}");
                }
                assert!(!tied.is_empty());
            }
        }
    }

    #[test]
    fn the_published_strategies_are_all_but_one() {
        for cell in cells(1) {
            assert_eq!(without_adaptive(&cell).times.len(), cell.times.len() - 1);
        }
    }
}
