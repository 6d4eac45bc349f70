//! Several charts on one page, in rows and columns.

use serde::Deserialize;

use crate::charts::Chart;
use crate::geometry::Point;
use crate::scene::{Anchor, Scene, Text, Weight, shortened};
use crate::style::{INK, TEXT};

/// Between panels: two panels of one column and this are as wide as both columns.
const BETWEEN: f64 = 22.0;
/// Height of a label with what is around it.
const LABEL: f64 = 12.0;
/// Distance of a label from the left.
const MARGIN: f64 = 2.0;

/// Charts side by side.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Panels {
    /// What the figure shows.
    pub caption: String,
    /// Panels in a row; 0 counts as 1.
    pub columns: usize,
    /// The panels, row by row.
    pub panels: Vec<Panel>,
}

/// A chart in a figure.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// What is written above it; empty for nothing.
    pub label: String,
    /// The chart.
    pub chart: Chart,
}

impl Panels {
    /// Draws it: a column is as wide as its widest panel, a row as high as its highest.
    pub fn draw(&self) -> Scene {
        let columns = self.columns.max(1);
        let scenes: Vec<Scene> = self.panels.iter().map(|panel| panel.chart.draw()).collect();
        let most = |all: &mut dyn Iterator<Item = f64>| all.fold(0.0, f64::max);
        let width_of = |column: usize| most(&mut scenes.iter().skip(column).step_by(columns).map(|scene| scene.width));
        let widths: Vec<f64> = (0..columns.min(scenes.len())).map(width_of).collect();
        let mut page = Scene::new(0.0, 0.0, self.caption.clone());
        let mut top = 0.0;
        for (panels, row) in self.panels.chunks(columns).zip(scenes.chunks(columns)) {
            let label = if panels.iter().any(|panel| !panel.label.is_empty()) { LABEL } else { 0.0 };
            let mut left = 0.0;
            for ((panel, scene), width) in panels.iter().zip(row).zip(&widths) {
                if !panel.label.is_empty() {
                    let content = shortened(&panel.label, TEXT, Weight::Semibold, scene.width - 2.0 * MARGIN);
                    let text = Text::new(content, Point::new(left + MARGIN, top + MARGIN), TEXT, INK);
                    page.texts.push(text.semibold().anchored(Anchor::Start, Anchor::Start));
                }
                page.place(scene, Point::new(left, top + label));
                page.width = page.width.max(left + scene.width);
                left += width + BETWEEN;
            }
            top += label + most(&mut row.iter().map(|scene| scene.height)) + if label > 0.0 { 4.0 } else { 0.0 };
        }
        page.height = top;
        page
    }
}

impl Scene {
    /// Draws a page on this one, its upper left corner at a point.
    fn place(&mut self, other: &Self, corner: Point) {
        let moved = |at: Point| Point::new(at.x + corner.x, at.y + corner.y);
        for shape in &other.shapes {
            let mut shape = shape.clone();
            shape.path = shape.path.mapped(moved);
            self.shapes.push(shape);
        }
        for text in &other.texts {
            self.texts.push(Text { at: moved(text.at), ..text.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::{Curve, CurvePoint, Lines};

    #[test]
    fn panels_stand_side_by_side() {
        let points = [(0.0, 1.0), (1.0, 2.0)].map(|(x, y)| CurvePoint::new(x, y)).to_vec();
        let lines = Lines { across: "time, s".into(), curves: vec![Curve { points, ..Curve::default() }], ..Lines::default() };
        let panel = |label: &str| Panel { label: label.to_owned(), chart: Chart::Lines(lines.clone()) };
        let one = lines.draw();
        let panels = vec![panel("a  one"), panel("b  two"), panel("c  three")];
        let figure = Panels { caption: "Three.".to_owned(), columns: 2, panels };
        let scene = figure.draw();
        assert_eq!(scene.collisions(), Vec::<String>::new());
        assert!((scene.width - (2.0 * one.width + BETWEEN)).abs() < 1e-9);
        assert!(scene.width < crate::style::Width::Double.points() + 0.1, "two columns of paper hold two panels");
        assert!(scene.height > 2.0 * one.height);
        assert_eq!(scene.shapes.len(), 3 * one.shapes.len());
        assert_eq!(scene.texts.len(), 3 * (one.texts.len() + 1));
    }

    #[test]
    fn unknown_fields_are_errors() {
        let read = |text: &str| serde_json::from_str::<Panels>(text).is_ok();
        assert!(read(r#"{"columns":1,"panels":[{"label":"","chart":{"bars":{"width":"double"}}}]}"#));
        assert!(!read(r#"{"columns":1,"panels":[{"label":"","chart":{"bars":{"colour":"red"}}}]}"#));
        assert!(!read(r#"{"columns":1,"panels":[{"label":"","chart":{"pie":{}}}]}"#));
    }
}
