//! Charts of the study, drawn.

use plots::Scene;
use plots::charts::Panels;
use study::Figure;

use crate::failure::Failure;

/// A figure of the study, drawn: `plots` reads the data in the form in which they are written.
pub(crate) fn drawn(figure: &Figure) -> Result<Scene, Failure> {
    let value = serde_json::json!({ "caption": figure.caption, "columns": figure.columns, "panels": figure.panels });
    let panels: Panels = serde_json::from_value(value).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("figure `{}` cannot be drawn", figure.caption));
        Failure::output(error)
    })?;
    Ok(panels.draw())
}

#[cfg(test)]
mod tests {
    use study::{
        Alternative, Bar, Bars, Boxes, Cell, Chart, Curve, CurvePoint, Fusion, HeatMap, Lines, Operator, Panel, Pareto, Sample,
        Span, Stacks, Swing, Task, TaskGraph, Timeline, Tornado, Width,
    };

    use super::*;

    fn words(all: &[&str]) -> Vec<String> {
        all.iter().map(|&word| word.to_owned()).collect()
    }

    /// One of each kind, as data of the study: `plots` knows every field, and draws it.
    #[test]
    fn plots_reads_every_chart_of_the_study() {
        let bar = Some(Bar { value: 2.0, interval: Some((1.0, 3.0)) });
        let point = CurvePoint { x: 1.0, y: 2.0, interval: Some((1.0, 3.0)) };
        let charts = vec![
            Chart::Bars(Bars { places: words(&["a"]), series: words(&["gpu"]), bars: vec![vec![bar]], ..Bars::default() }),
            Chart::Boxes(Boxes {
                samples: vec![Sample { name: "a".into(), values: vec![1.0, 2.0] }],
                mark: Some(1.0),
                ..Boxes::default()
            }),
            Chart::Heat(HeatMap {
                rows: words(&["a"]),
                columns: words(&["b"]),
                cells: vec![vec![Some(Cell { value: 1.0, group: Some("gpu".into()) })]],
                width: Width::Double,
                ..HeatMap::default()
            }),
            Chart::Lines(Lines {
                curves: vec![Curve { name: "a".into(), points: vec![point], steps: true }],
                ..Lines::default()
            }),
            Chart::Pareto(Pareto {
                alternatives: vec![Alternative { label: "a".into(), group: "gpu".into(), x: 1.0, y: 2.0 }],
                ..Pareto::default()
            }),
            Chart::Stacks(Stacks { wholes: words(&["a"]), parts: words(&["b"]), values: vec![vec![1.0]], ..Stacks::default() }),
            Chart::Fusion(Fusion {
                headings: ("a".into(), "b".into()),
                operators: vec![Operator { label: "Relu".into(), task: Some(0), ..Operator::default() }],
                tasks: vec![Task { label: "1".into(), ran: vec![("gpu".into(), 1.0)], ..Task::default() }],
                lanes: words(&["gpu"]),
                ..Fusion::default()
            }),
            Chart::Timeline(Timeline {
                rows: words(&["gpu"]),
                spans: vec![Span { end: 1.0, ..Span::default() }],
                window: (0.0, 1.0),
                ..Timeline::default()
            }),
            Chart::Tornado(Tornado {
                base: 1.0,
                parameters: vec![Swing { name: "a".into(), lowered: 0.5, raised: 2.0 }],
                flips: Some((1.5, "heft".into())),
                ..Tornado::default()
            }),
            Chart::Graph(TaskGraph {
                tasks: vec![Task { label: "conv".into(), ran: vec![("gpu".into(), 1.0)], ..Task::default() }],
                ..TaskGraph::default()
            }),
        ];
        for chart in charts {
            let figure = Figure::grid("", "One.", 1, vec![Panel::new("a  one", chart.clone())]);
            let scene = drawn(&figure).unwrap_or_else(|failure| panic!("{chart:?}: {failure:?}"));
            assert_eq!(scene.collisions(), Vec::<String>::new(), "{chart:?}");
            assert!(scene.shapes.len() > 1, "{chart:?}");
        }
    }
}
