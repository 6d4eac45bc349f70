//! Several charts on one page, in rows and columns.

use std::ops::Range;

use serde::Deserialize;

use crate::charts::Chart;
use crate::geometry::Point;
use crate::scene::{Anchor, Scene, Text, Weight, shortened};
use crate::style::{INK, TEXT, Width};

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
    /// Draws it: a column is as wide as its widest panel, a row as high as its highest. A panel as wide as both columns of paper has a row
    /// of its own.
    pub fn draw(&self) -> Scene {
        let scenes: Vec<Scene> = self.panels.iter().map(|panel| panel.chart.draw()).collect();
        let most = |all: &mut dyn Iterator<Item = f64>| all.fold(0.0, f64::max);
        let rows = self.rows(&scenes);
        let shared = || rows.iter().filter(|row| row.len() > 1 || !is_wide(&scenes[row.start]));
        let columns = rows.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        let width_of =
            |column: usize| most(&mut shared().filter(|row| column < row.len()).map(|row| scenes[row.start + column].width));
        let widths: Vec<f64> = (0..columns).map(width_of).collect();
        let mut page = Scene::new(0.0, 0.0, self.caption.clone());
        let mut top = 0.0;
        for (panels, row) in rows.iter().map(|row| (&self.panels[row.clone()], &scenes[row.clone()])) {
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

    /// Which panels stand in each row.
    fn rows(&self, scenes: &[Scene]) -> Vec<Range<usize>> {
        let columns = self.columns.max(1);
        let mut rows: Vec<Range<usize>> = Vec::new();
        for (index, scene) in scenes.iter().enumerate() {
            let fits = |row: &Range<usize>| row.len() < columns && !is_wide(scene) && !is_wide(&scenes[row.start]);
            match rows.last_mut().filter(|row| fits(row)) {
                Some(row) => row.end = index + 1,
                None => rows.push(index..index + 1),
            }
        }
        rows
    }
}

/// Whether nothing fits beside it on paper.
fn is_wide(scene: &Scene) -> bool {
    scene.width >= Width::Double.points() - 1.0
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
        assert!(scene.width < Width::Double.points() + 0.1, "two columns of paper hold two panels");
        assert!(scene.height > 2.0 * one.height);
        assert_eq!(scene.shapes.len(), 3 * one.shapes.len());
        assert_eq!(scene.texts.len(), 3 * (one.texts.len() + 1));
    }

    #[test]
    fn wide_panels_have_a_row_of_their_own() {
        let point = CurvePoint::new(1.0, 1.0);
        let curves = vec![Curve { points: vec![point], ..Curve::default() }];
        let of = |width| Lines { curves: curves.clone(), width, ..Lines::default() };
        let panel = |width| Panel { label: "p".to_owned(), chart: Chart::Lines(of(width)) };
        let (one, wide) = (of(Width::Single).draw(), of(Width::Double).draw());
        let panels = [Width::Single, Width::Double, Width::Single, Width::Single].map(panel).to_vec();
        let scene = Panels { caption: "Three rows.".to_owned(), columns: 2, panels }.draw();
        assert_eq!(scene.collisions(), Vec::<String>::new());
        assert!(scene.width <= Width::Double.points() + 0.1, "columns are as wide as what shares them: {}", scene.width);
        assert!((scene.height - (2.0 * one.height + wide.height + 3.0 * (LABEL + 4.0))).abs() < 1e-9);
    }

    #[test]
    fn unknown_fields_are_errors() {
        let read = |text: &str| serde_json::from_str::<Panels>(text).is_ok();
        assert!(read(r#"{"columns":1,"panels":[{"label":"","chart":{"bars":{"width":"double"}}}]}"#));
        assert!(!read(r#"{"columns":1,"panels":[{"label":"","chart":{"bars":{"colour":"red"}}}]}"#));
        assert!(!read(r#"{"columns":1,"panels":[{"label":"","chart":{"pie":{}}}]}"#));
    }
}
