//! Shares, partitions and costs, by model and accelerator.

use super::Row;
use crate::parts::common::distinct;
use crate::{Cell, Chart, Figure, HeatMap, Kind, Panel, Table, Width};

pub(super) fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(
        "",
        "Support of each model's operators by the accelerator of each device, and the cost of falling back.",
        &[
            ("device", "", Kind::Text),
            ("processor", "", Kind::Text),
            ("model", "", Kind::Text),
            ("operators", "", Kind::Count),
            ("supported", "", Kind::Count),
            ("operator_share", "", Kind::Number),
            ("mac_share", "", Kind::Number),
            ("partitions", "", Kind::Number),
            ("latency", "ms", Kind::Number),
            ("latency_if_supported", "ms", Kind::Number),
            ("cost_of_fallback", "", Kind::Number),
            ("refused", "", Kind::Text),
        ],
    );
    for row in rows {
        table.push([
            (&row.device).into(),
            row.processor.into(),
            (&row.model).into(),
            row.operators.into(),
            row.supported.into(),
            row.share().into(),
            row.mac_share.into(),
            row.partitions.into(),
            row.latency_ms.into(),
            row.all_supported_ms.into(),
            row.cost().into(),
            row.why.join("; ").into(),
        ]);
    }
    table
}

pub(super) fn figure(rows: &[Row]) -> Figure {
    let accelerators = distinct(rows.iter().map(Row::accelerator).collect::<Vec<_>>().iter());
    let models = distinct(rows.iter().map(|row| &row.model));
    let panel = |label: &str, quantity: &str, logarithmic: bool, value: &dyn Fn(&Row) -> Option<f64>| {
        let cell = |model: &String, accelerator: &String| {
            let row = rows.iter().find(|row| row.model == *model && row.accelerator() == *accelerator)?;
            Some(Cell { value: value(row)?, group: None })
        };
        let chart = HeatMap {
            title: quantity.to_owned(),
            quantity: quantity.to_owned(),
            rows: models.clone(),
            columns: accelerators.clone(),
            cells: models.iter().map(|model| accelerators.iter().map(|it| cell(model, it)).collect()).collect(),
            logarithmic,
            width: Width::Single,
        };
        Panel::new(label, Chart::Heat(chart))
    };
    let panels = vec![
        panel("a  operators that the accelerator runs", "share of operators, %", false, &|row| Some(100.0 * row.share())),
        panel("b  work that the accelerator runs", "share of multiply-accumulates, %", false, &|row| Some(100.0 * row.mac_share)),
        panel("c  partitions", "times that the accelerator is entered", true, &|row| row.partitions),
        panel("d  cost of falling back", "latency over that with full support", true, &Row::cost),
    ];
    Figure::grid(
        "",
        "Operators that GPUs and NPUs support, partitions, and the cost of falling back, by model and device.",
        2,
        panels,
    )
}
