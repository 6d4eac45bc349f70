//! Timelines: what ran where, when.

use serde::Deserialize;

use crate::axis::Axis;
use crate::backend::pixel;
use crate::canvas::Canvas;
use crate::charts::distinct;
use crate::elements::{Bar, corners, line, polygon};
use crate::frame::{Layout, nothing};
use crate::geometry::{Point, Rectangle};
use crate::legend::{Entry, Symbol};
use crate::scale::drawable;
use crate::scene::{Hatch, Scene, Stroke, Text, Weight, width};
use crate::style::{Colour, INK, MUTED, WHITE, Width, looks, processors};

/// Height of a row.
const ROW: f64 = 15.0;
/// Size of labels in bars.
const LABEL: f64 = 5.4;

/// Rows of bars over time: a row for each processor or link.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeline {
    /// What it shows.
    pub title: String,
    /// Unit of time, such as `ms`.
    pub unit: String,
    /// Rows, from top to bottom.
    pub rows: Vec<String>,
    /// Bars.
    pub spans: Vec<Span>,
    /// Times at which requests arrive.
    pub arrivals: Vec<f64>,
    /// From when to when; what lies outside is not drawn.
    pub window: (f64, f64),
    /// What is not shown, for a note; empty for nothing.
    pub note: String,
    /// Width on paper.
    pub width: Width,
}

/// A bar.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Span {
    /// Its row.
    pub row: usize,
    /// When it began.
    pub start: f64,
    /// When it ended.
    pub end: f64,
    /// What its colour stands for, such as its model; empty for the row's own colour.
    pub group: String,
    /// What is written on it where there is room.
    pub label: String,
    /// What is said when it is pointed at.
    pub hint: String,
}

impl Timeline {
    /// Draws it: as high as there are rows.
    pub fn draw(&self) -> Scene {
        let across = self.width.points();
        let (from, to) = self.window;
        let seen = |span: &&Span| {
            drawable(span.start, false)
                && drawable(span.end, false)
                && span.row < self.rows.len()
                && span.end >= from
                && span.start <= to
        };
        let spans: Vec<&Span> = self.spans.iter().filter(seen).collect();
        if spans.is_empty() || !drawable(from, false) || !drawable(to, false) || to <= from {
            return nothing(across, 60.0, &self.title, "nothing ran");
        }
        let groups = distinct(self.spans.iter().map(|span| &span.group).filter(|group| !group.is_empty()));
        let (group_looks, row_looks) = (looks(&groups), processors(&self.rows));
        let entry = |(group, look): (&String, _)| Entry::new(group, look, Symbol::Area);
        let legend: Vec<Entry> = groups.iter().zip(group_looks.iter().copied()).map(entry).collect();
        let notes = if self.note.is_empty() { Vec::new() } else { vec![self.note.clone()] };
        let x = Axis::Numbers { label: format!("time, {}", self.unit), domain: (from, to), logarithmic: false };
        let y = Axis::Names { label: String::new(), names: self.rows.clone() };
        let height = Some(ROW * self.rows.len() as f64);
        let frame = Layout { title: &self.title, across, x: &x, y: &y, legend: &legend, notes: &notes, height }.draw();
        let area = frame.area;
        for index in 1..self.rows.len() {
            let y = index as f64;
            frame.draw(&line([(from, y), (to, y)], Stroke::solid(MUTED.mixed(WHITE, 0.75), 0.4)));
        }
        for span in spans {
            let (colour, hatch) = match groups.iter().position(|group| *group == span.group) {
                Some(index) => (group_looks[index].colour, group_looks[index].hatch),
                None => (row_looks[span.row].colour, Hatch::Plain),
            };
            let begin = frame.at(span.start.max(from), span.row as f64);
            let end = frame.at(span.end.min(to), (span.row + 1) as f64);
            bar(&frame.canvas, Rectangle::new(begin.x, begin.y + 2.0, end.x, end.y - 2.0), span, colour, hatch);
        }
        for arrival in self.arrivals.iter().filter(|at| drawable(**at, false) && **at >= from && **at <= to) {
            let x = frame.at(*arrival, 0.0).x;
            let mark = [Point::new(x - 1.6, area.top - 3.2), Point::new(x + 1.6, area.top - 3.2), Point::new(x, area.top - 0.4)];
            let hint = format!("a request arrives at {arrival:.3} {}", self.unit);
            frame.canvas.draw(&polygon(mark.map(pixel), INK).hint(hint));
        }
        frame.done()
    }
}

fn bar(canvas: &Canvas, place: Rectangle, span: &Span, colour: Colour, hatch: Hatch) {
    // Neighbours are told apart by the gap between them, while there is room for one.
    let gap = if place.width() > 1.2 { 0.25 } else { 0.0 };
    let inner = Rectangle::new(place.left, place.top, place.right - gap, place.bottom);
    let length = width(&span.label, LABEL, Weight::Regular);
    let labelled = !span.label.is_empty() && length + 2.0 <= inner.width();
    let hatch = if labelled { Hatch::Plain } else { hatch };
    canvas.draw(&Bar { corners: corners(inner), colour, hatch, hint: span.hint.clone() });
    if labelled {
        canvas.write(&Text::new(span.label.clone(), inner.centre(), LABEL, colour.readable()));
    }
}
