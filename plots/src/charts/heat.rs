//! Heat maps with their numbers: by value, or by what is best.

use serde::Deserialize;

use crate::axis::Axis;
use crate::backend::pixel;
use crate::canvas::Canvas;
use crate::charts::distinct;
use crate::elements::{Mark, corners, filled, lined, rectangle};
use crate::frame::{Layout, nothing};
use crate::geometry::{Point, Rectangle};
use crate::legend::{Entry, Symbol};
use crate::number::alike;
use crate::scale::drawable;
use crate::scene::{Scene, Stroke, Text, Weight, shortened, width};
use crate::style::{BLUE, Colour, MUTED, SMALL, Series, WHITE, Width, looks};

/// Height of a row.
const ROW: f64 = 14.0;

/// A table of values, coloured.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeatMap {
    /// What it shows.
    pub title: String,
    /// What the numbers are, with their unit.
    pub quantity: String,
    /// Rows, from top to bottom.
    pub rows: Vec<String>,
    /// Columns.
    pub columns: Vec<String>,
    /// For each row a cell of each column; `None` where there is none.
    pub cells: Vec<Vec<Option<Cell>>>,
    /// Whether equal ratios are equal steps of colour.
    pub logarithmic: bool,
    /// Width on paper.
    pub width: Width,
}

/// A cell.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cell {
    /// Its number.
    pub value: f64,
    /// What it is of, such as the best strategy: then the colour is that group's, else it follows the value.
    pub group: Option<String>,
}

impl HeatMap {
    /// Draws it: as high as there are rows.
    pub fn draw(&self) -> Scene {
        let across = self.width.points();
        let cells = || self.cells.iter().flatten().flatten();
        let values = || cells().map(|cell| cell.value).filter(|value| drawable(*value, self.logarithmic));
        if values().next().is_none() || self.columns.is_empty() {
            return nothing(across, 60.0, &self.title, "no values");
        }
        let (least, most) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| (low.min(it), high.max(it)));
        let groups = distinct(cells().filter_map(|cell| cell.group.as_ref()));
        let looks = looks(&groups);
        let entry = |(group, look): (&String, _)| Entry::new(group, look, Symbol::Point);
        let legend: Vec<Entry> = groups.iter().zip(looks.iter().copied()).map(entry).collect();
        let x = Axis::Names { label: self.quantity.clone(), names: self.columns.clone() };
        let y = Axis::Names { label: String::new(), names: self.rows.clone() };
        let height = Some(ROW * self.rows.len() as f64);
        let frame = Layout { title: &self.title, across, x: &x, y: &y, legend: &legend, notes: &[], height }.draw();
        let write = alike(values(), self.quantity.contains('%'));
        let place = |value: f64| if self.logarithmic { libm::log10(value) } else { value };
        let share = |value: f64| {
            let (low, high) = (place(least), place(most));
            if high > low { (place(value) - low) / (high - low) } else { 0.0 }
        };
        for (row, cells) in self.cells.iter().enumerate().take(self.rows.len()) {
            for (column, cell) in cells.iter().enumerate().take(self.columns.len()) {
                let begin = frame.at(column as f64, row as f64);
                let end = frame.at((column + 1) as f64, (row + 1) as f64);
                let place = Rectangle::new(begin.x, begin.y, end.x, end.y).grown(-0.4);
                let look = cell.as_ref().and_then(|cell| look(cell, &groups, &looks));
                let name = format!("{}, {}", self.rows[row], self.columns[column]);
                let content = cell.as_ref().map_or_else(String::new, |cell| write(cell.value));
                draw_cell(&frame.canvas, place, cell.as_ref(), look, &share, (&name, content));
            }
        }
        frame.done()
    }
}

fn look(cell: &Cell, groups: &[String], looks: &[Series]) -> Option<Series> {
    let group = cell.group.as_ref()?;
    groups.iter().position(|it| it == group).map(|index| looks[index])
}

fn draw_cell(
    canvas: &Canvas,
    place: Rectangle,
    cell: Option<&Cell>,
    look: Option<Series>,
    share: &impl Fn(f64) -> f64,
    (name, content): (&str, String),
) {
    let centre = place.centre();
    let Some(cell) = cell.filter(|cell| share(cell.value).is_finite()) else {
        let style = lined(Stroke::solid(MUTED.mixed(WHITE, 0.6), 0.4));
        canvas.draw(&rectangle(corners(place.grown(-0.3)), style));
        canvas.write(&Text::new("–", centre, SMALL, MUTED));
        return;
    };
    let colour: Colour =
        look.map_or_else(|| WHITE.mixed(BLUE, 0.06 + 0.94 * share(cell.value)), |it| it.colour.mixed(WHITE, 0.55));
    let group = cell.group.as_ref().map(|group| format!(" ({group})")).unwrap_or_default();
    let hint = format!("{name}: {content}{group}");
    canvas.draw(&rectangle(corners(place), filled(colour)).hint(hint));
    let text_width = width(&content, SMALL, Weight::Regular);
    // The group's form stands left of the number, for readers who do not see its colour.
    let with_marker = look.filter(|_| text_width + 12.0 <= place.width());
    let shift = if with_marker.is_some() { 4.0 } else { 0.0 };
    if let Some(series) = with_marker {
        let at = pixel(Point::new(centre.x - text_width / 2.0 - 1.5, centre.y));
        canvas.draw(&Mark { at, series, radius: 1.9, hint: String::new() });
    }
    let content = shortened(&content, SMALL, Weight::Regular, place.width() - 1.0);
    canvas.write(&Text::new(content, Point::new(centre.x + shift, centre.y), SMALL, colour.readable()));
}
