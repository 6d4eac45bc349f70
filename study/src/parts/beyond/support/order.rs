//! The order in which operator types are best added.

use std::collections::BTreeMap;

use runner::Loader;

use super::times;
use crate::parts::common::short;
use crate::{Chart, Context, Curve, CurvePoint, Figure, Kind, Lines, Loaded, Panel, StudyError, Table, Width};

/// Delegate times as operators are added one after the other, each time the one that gains most.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path {
    pub(super) device: String,
    pub(super) model: String,
    /// What was added, and the delegate's time then; first nothing.
    pub(super) steps: Vec<(String, f64)>,
    pub(super) cpu_ms: Option<f64>,
}

/// Adds one operator type after the other, each time the one after which the delegate is fastest.
pub(super) fn greedy(
    context: &Context<'_>,
    files: &Loader,
    loaded: &Loaded,
    model: usize,
    refused: &BTreeMap<String, usize>,
) -> Result<Option<Path>, StudyError> {
    let delegates: Vec<String> =
        loaded.scenario.strategies.iter().filter(|name| name.starts_with("gpu") || name.starts_with("npu")).cloned().collect();
    let time = |types: &[String]| {
        Ok::<_, StudyError>(times(files, loaded, types, &[model], Some(&delegates))?.first().and_then(|times| times.delegate_ms))
    };
    let mut list: Vec<String> = Vec::new();
    let Some(base_ms) = time(&list)? else { return Ok(None) };
    let mut steps = vec![(String::new(), base_ms)];
    let mut left: Vec<String> = refused.keys().cloned().collect();
    while !left.is_empty() {
        context.check()?;
        let mut best: Option<(f64, usize)> = None;
        for (index, op_type) in left.iter().enumerate() {
            let tried: Vec<String> = list.iter().cloned().chain([op_type.clone()]).collect();
            if let Some(ms) = time(&tried)?
                && best.is_none_or(|(least, _)| ms < least)
            {
                best = Some((ms, index));
            }
        }
        let Some((ms, index)) = best else { break };
        let added = left.remove(index);
        steps.push((added.clone(), ms));
        list.push(added);
    }
    let cpu = times(files, loaded, &[], &[model], Some(&["cpu".to_owned()]))?;
    let (device, model) = (loaded.inputs.device.name().to_owned(), loaded.inputs.models[model].name.clone());
    Ok(Some(Path { device, model, steps, cpu_ms: cpu.first().and_then(|times| times.best_ms) }))
}

pub(super) fn path_table(paths: &[Path]) -> Table {
    let columns = [
        ("device", "", Kind::Text),
        ("model", "", Kind::Text),
        ("step", "", Kind::Count),
        ("added", "", Kind::Text),
        ("delegate", "ms", Kind::Number),
        ("cpu", "ms", Kind::Number),
    ];
    let mut table = Table::new(
        "order",
        "Operator types added one after the other, each time the one after which the delegate is fastest.",
        &columns,
    );
    for path in paths {
        for (step, (added, ms)) in path.steps.iter().enumerate() {
            let added = if step == 0 { "–" } else { added };
            table.push([
                (&path.device).into(),
                (&path.model).into(),
                step.into(),
                added.into(),
                (*ms).into(),
                path.cpu_ms.into(),
            ]);
        }
    }
    table
}

pub(super) fn path_figure(paths: &[Path], devices: &[&str]) -> Figure {
    let panel = |(number, device): (usize, &&str)| {
        let curve = |path: &Path| {
            let base = path.steps.first().map_or(1.0, |(_, ms)| *ms);
            let point =
                |(step, (_, ms)): (usize, &(String, f64))| CurvePoint { x: step as f64, y: ms / base * 100.0, interval: None };
            Curve { name: path.model.clone(), points: path.steps.iter().enumerate().map(point).collect(), steps: false }
        };
        let chart = Lines {
            title: format!("Delegate's time as operators are added on {device}"),
            across: "operator types added".to_owned(),
            quantity: "time of the delegate, %".to_owned(),
            curves: paths.iter().filter(|path| path.device == *device).map(curve).collect(),
            logarithmic: false,
            logarithmic_across: false,
            from_zero: true,
            width: Width::Single,
        };
        let letter = char::from(b'a' + number as u8);
        Panel::new(format!("{letter}  {}", short(device)), Chart::Lines(chart))
    };
    let caption = "Time of the delegate as operator types are added, each time the one that helps most, as a share of that with today's list.";
    Figure::grid("order", caption, 2, devices.iter().enumerate().map(panel).collect())
}
