//! The map of support: what one more operator type saves.

use std::collections::BTreeMap;

use super::Gain;
use crate::chart::Cell as HeatCell;
use crate::parts::common::short;
use crate::{Chart, Figure, HeatMap, Kind, Panel, Table, Width};

/// Kinds that the figure shows.
const SHOWN: usize = 10;

pub(super) fn table(gains: &[Gain]) -> Table {
    let columns = [
        ("device", "", Kind::Text),
        ("model", "", Kind::Text),
        ("added", "", Kind::Text),
        ("operators", "", Kind::Count),
        ("delegate_before", "ms", Kind::Number),
        ("delegate_after", "ms", Kind::Number),
        ("delegate_saved", "%", Kind::Number),
        ("best_before", "ms", Kind::Number),
        ("best_after", "ms", Kind::Number),
        ("best_saved", "%", Kind::Number),
        ("extrapolated", "", Kind::Number),
    ];
    let mut table = Table::new(
        "",
        "Times before and after one operator type is added to the list of the accelerator; `all` for all that are refused.",
        &columns,
    );
    for gain in gains {
        table.push([
            (&gain.device).into(),
            (&gain.model).into(),
            gain.added.as_deref().unwrap_or("all").into(),
            gain.count.into(),
            gain.before.delegate_ms.into(),
            gain.after.delegate_ms.into(),
            gain.of_delegate().map(|share| share * 100.0).into(),
            gain.before.best_ms.into(),
            gain.after.best_ms.into(),
            gain.of_best().map(|share| share * 100.0).into(),
            gain.after.extrapolated.into(),
        ]);
    }
    table
}

/// Types by what they save of the delegate's time where they save something, summed over models and devices; the best first.
pub(super) fn ranked(gains: &[Gain]) -> Vec<(String, f64, usize)> {
    let mut sums: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
    for gain in gains {
        if let (Some(added), Some(saved)) = (&gain.added, gain.of_delegate()) {
            let (sum, count) = sums.entry(added).or_default();
            *sum += saved.max(0.0);
            *count += 1;
        }
    }
    let mut ranked: Vec<(String, f64, usize)> =
        sums.into_iter().map(|(name, (sum, count))| (name.to_owned(), sum, count)).collect();
    ranked.sort_by(|one, other| other.1.total_cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    ranked
}

pub(super) fn models(gains: &[Gain]) -> Vec<String> {
    let mut models: Vec<String> = Vec::new();
    for gain in gains.iter().filter(|gain| gain.added.is_none() && !models.contains(&gain.model)).collect::<Vec<_>>() {
        if !models.contains(&gain.model) {
            models.push(gain.model.clone());
        }
    }
    models
}

pub(super) fn heat(gains: &[Gain], devices: &[&str]) -> Figure {
    let models = models(gains);
    let panel = |(number, device): (usize, &&str)| {
        let of: Vec<Gain> = gains.iter().filter(|gain| gain.device == *device).cloned().collect();
        let mut rows: Vec<Option<String>> = ranked(&of).into_iter().take(SHOWN).map(|(name, ..)| Some(name)).collect();
        rows.push(None);
        let cell = |added: &Option<String>, model: &String| {
            let gain = of.iter().find(|gain| gain.added == *added && gain.model == *model)?;
            // The map is for gains: what gets slower is in the table.
            Some(HeatCell { value: (gain.of_delegate()? * 1000.0).round().max(0.0) / 10.0, group: None })
        };
        let chart = HeatMap {
            title: format!("What one more operator saves on {device}"),
            quantity: "time of the delegate saved, % (0: none, or it takes longer)".to_owned(),
            cells: rows.iter().map(|added| models.iter().map(|model| cell(added, model)).collect()).collect(),
            rows: rows.iter().map(|added| added.clone().unwrap_or_else(|| "all refused".to_owned())).collect(),
            columns: models.clone(),
            logarithmic: false,
            width: Width::Single,
        };
        let letter = char::from(b'a' + number as u8);
        Panel::new(format!("{letter}  {}", short(device)), Chart::Heat(chart))
    };
    let caption = "Share of the delegate's time that goes if one more operator type ran on the GPU, those that save most first, and if all did. A dash: the model has \
                   none that is refused; 0: nothing gained, or slower.";
    Figure::grid("", caption, 2, devices.iter().enumerate().map(panel).collect())
}
