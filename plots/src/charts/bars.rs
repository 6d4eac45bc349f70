//! Grouped bars with intervals.

use serde::Deserialize;

use crate::axis::Axis;
use crate::backend::pixel;
use crate::canvas::Canvas;
use crate::charts::left_out;
use crate::elements::{self, line};
use crate::frame::{Layout, nothing};
use crate::geometry::Point;
use crate::legend::{Entry, Symbol};
use crate::number::si;
use crate::scale::{drawable, linear_domain, logarithmic_domain};
use crate::scene::{Scene, Stroke, Text};
use crate::style::{INK, MUTED, SMALL, Width, looks};

/// Bars side by side: for each place, one of each series.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bars {
    /// What it shows.
    pub title: String,
    /// What is on the vertical axis, with its unit.
    pub quantity: String,
    /// What the places are; empty for nothing.
    pub places_are: String,
    /// Places, such as models.
    pub places: Vec<String>,
    /// Series, such as strategies.
    pub series: Vec<String>,
    /// For each place a bar of each series; `None` where there is none, marked by a dash.
    pub bars: Vec<Vec<Option<Bar>>>,
    /// Whether equal ratios are equally long; bars then begin at the edge.
    pub logarithmic: bool,
    /// Width on paper.
    pub width: Width,
    /// Height of the area of the bars over the width of the figure; 0 for what suits most.
    pub aspect: f64,
}

/// A value with an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bar {
    /// The value.
    pub value: f64,
    /// Ends of its interval, if it has one.
    pub interval: Option<(f64, f64)>,
}

impl Bar {
    /// A value without an interval.
    pub const fn of(value: f64) -> Self {
        Self { value, interval: None }
    }
}

impl Bars {
    /// Draws it.
    pub fn draw(&self) -> Scene {
        let across = self.width.points();
        let aspect = if self.aspect > 0.0 {
            self.aspect
        } else if self.width == Width::Single {
            0.75
        } else {
            0.4
        };
        let height = across * aspect;
        let kept = |bar: &&Bar| drawable(bar.value, self.logarithmic);
        let given = || self.bars.iter().flatten().flatten();
        let ends = |bar: &Bar| {
            let (low, high) = bar.interval.unwrap_or((bar.value, bar.value));
            [low, bar.value, high]
        };
        let values = given().filter(kept).flat_map(ends);
        let domain = if self.logarithmic { logarithmic_domain(values, 0.06) } else { linear_domain(values, true) };
        let Some(domain) = domain.filter(|_| !self.places.is_empty()) else {
            return nothing(across, height, &self.title, "no values");
        };
        let looks = looks(&self.series);
        let entry = |(name, look): (&String, _)| Entry::new(name, look, Symbol::Area);
        let legend: Vec<Entry> = self.series.iter().zip(looks.iter().copied()).map(entry).collect();
        let legend = if self.series.len() > 1 { legend } else { Vec::new() };
        let x = Axis::Names { label: self.places_are.clone(), names: self.places.clone() };
        let y = Axis::Numbers { label: self.quantity.clone(), domain, logarithmic: self.logarithmic };
        let why = if self.logarithmic { "not positive or not finite" } else { "not finite" };
        let notes = left_out(given().count() - given().filter(kept).count(), given().count(), why);
        let frame =
            Layout { title: &self.title, across, x: &x, y: &y, legend: &legend, notes: &notes, height: Some(height) }.draw();
        // A place is 1 wide.
        let thick = 0.84 / self.series.len().max(1) as f64;
        let points = thick * frame.area.width() / self.places.len() as f64;
        let base = if self.logarithmic { domain.0 } else { 0.0 };
        for (place, bars) in self.bars.iter().enumerate().take(self.places.len()) {
            for (index, (bar, look)) in bars.iter().zip(&looks).enumerate() {
                let left = place as f64 + 0.08 + thick * index as f64;
                let middle = left + thick / 2.0;
                let Some(bar) = bar.as_ref().filter(kept) else {
                    let at = frame.at(middle, base);
                    frame.canvas.write(&Text::new("–", Point::new(at.x, at.y - 2.5), SMALL.min(1.6 * points), MUTED));
                    continue;
                };
                let corners = [(left + 0.04 * thick, base), (left + 0.96 * thick, bar.value)];
                let hint = format!("{}, {}: {}", self.places[place], self.series[index], si(bar.value, 4));
                frame.draw(&elements::Bar { corners, colour: look.colour, hatch: look.hatch, hint });
                if let Some((low, high)) =
                    bar.interval.filter(|(low, high)| drawable(*low, self.logarithmic) && drawable(*high, self.logarithmic))
                {
                    interval(&frame.canvas, frame.at(middle, low), frame.at(middle, high), 0.25 * points);
                }
            }
        }
        if !self.logarithmic {
            frame.draw(&line([(0.0, base), (self.places.len() as f64, base)], Stroke::solid(INK, 0.5)));
        }
        frame.done()
    }
}

/// An interval as a line with ends.
fn interval(canvas: &Canvas, low: Point, high: Point, half: f64) {
    let half = half.min(2.5);
    let ink = Stroke::solid(INK, 0.7);
    canvas.draw(&line([low, high].map(pixel), ink));
    for end in [low, high] {
        canvas.draw(&line([Point::new(end.x - half, end.y), Point::new(end.x + half, end.y)].map(pixel), ink));
    }
}
