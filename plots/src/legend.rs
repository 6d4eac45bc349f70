//! Legends: in rows above the data, never over them.

use crate::backend::pixel;
use crate::canvas::Canvas;
use crate::elements::{Bar, Mark, corners, line};
use crate::geometry::{Point, Rectangle};
use crate::scene::{Anchor, Stroke, Text, Weight, shortened, width};
use crate::style::{INK, LINE, SMALL, Series};

/// Width of a symbol.
const SYMBOL: f64 = 14.0;
/// Between a symbol and its label.
const GAP: f64 = 3.0;
/// Between entries.
const BETWEEN: f64 = 9.0;
/// From one row to the next.
const ROW: f64 = 9.5;

/// What stands before a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    /// A point.
    Point,
    /// A line.
    Line,
    /// A line with a point.
    LinePoint,
    /// An area.
    Area,
}

/// One entry.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) label: String,
    pub(crate) series: Series,
    pub(crate) symbol: Symbol,
}

impl Entry {
    pub(crate) fn new(label: impl Into<String>, series: Series, symbol: Symbol) -> Self {
        Self { label: label.into(), series, symbol }
    }

    fn length(&self) -> f64 {
        SYMBOL + GAP + width(&self.label, SMALL, Weight::Regular)
    }
}

/// Entries in columns of equal width: as many as fit.
pub(crate) struct Legend {
    entries: Vec<Entry>,
    columns: usize,
    pitch: f64,
}

impl Legend {
    /// A legend within a width.
    pub(crate) fn new(entries: &[Entry], most_width: f64) -> Self {
        let fit = |entry: &Entry| {
            let label = shortened(&entry.label, SMALL, Weight::Regular, most_width - SYMBOL - GAP);
            Entry { label, ..entry.clone() }
        };
        let entries: Vec<Entry> = entries.iter().map(fit).collect();
        let widest = entries.iter().map(Entry::length).fold(0.0, f64::max);
        let pitch = widest + BETWEEN;
        let columns = (((most_width + BETWEEN) / pitch) as usize).clamp(1, entries.len().max(1));
        // No ragged end: four entries are two rows of two rather than three and one.
        let rows = entries.len().div_ceil(columns).max(1);
        Self { columns: entries.len().div_ceil(rows).max(1), pitch, entries }
    }

    /// How high it is; 0 without entries.
    pub(crate) fn height(&self) -> f64 {
        if self.entries.is_empty() { 0.0 } else { ROW * self.entries.len().div_ceil(self.columns) as f64 + 2.0 }
    }

    /// Draws it with its upper left corner at a point.
    pub(crate) fn draw(&self, canvas: &Canvas, at: Point) {
        for (index, entry) in self.entries.iter().enumerate() {
            let left = at.x + self.pitch * (index % self.columns) as f64;
            let y = at.y + ROW * (index / self.columns) as f64 + ROW / 2.0;
            symbol(canvas, entry, left, y);
            let text = Text::new(entry.label.clone(), Point::new(left + SYMBOL + GAP, y), SMALL, INK);
            canvas.write(&text.anchored(Anchor::Start, Anchor::Middle));
        }
    }
}

fn symbol(canvas: &Canvas, entry: &Entry, left: f64, y: f64) {
    let series = entry.series;
    if matches!(entry.symbol, Symbol::Line | Symbol::LinePoint) {
        let stroke = Stroke { colour: series.colour, width: LINE, dash: series.dash };
        canvas.draw(&line([Point::new(left, y), Point::new(left + SYMBOL, y)].map(pixel), stroke));
    }
    match entry.symbol {
        Symbol::Line => {}
        Symbol::Point | Symbol::LinePoint => {
            let at = pixel(Point::new(left + SYMBOL / 2.0, y));
            canvas.draw(&Mark { at, series, radius: 2.3, hint: String::new() });
        }
        Symbol::Area => {
            let corners = corners(Rectangle::new(left + 2.0, y - 3.0, left + SYMBOL, y + 3.0));
            canvas.draw(&Bar { corners, colour: series.colour, hatch: series.hatch, hint: String::new() });
        }
    }
}
