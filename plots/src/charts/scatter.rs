//! Predicted against measured, both on logarithmic axes.

use serde::Deserialize;

use crate::axis::Axis;
use crate::charts::{distinct, left_out};
use crate::elements::{Mark, line, polygon};
use crate::frame::{Layout, nothing};
use crate::legend::{Entry, Symbol};
use crate::number::si;
use crate::scale::{drawable, logarithmic_domain};
use crate::scene::{Dash, Hatch, Scene, Stroke};
use crate::style::{Colour, GRID, INK, MUTED, Marker, Series, Width, looks};

/// Predicted against measured values: one point a pair, the line on which they are equal, the band within which they differ by
/// at most 10 %.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scatter {
    /// What it shows.
    pub title: String,
    /// What is predicted, with its unit: `latency, ms`; or only the unit.
    pub quantity: String,
    /// The pairs.
    pub pairs: Vec<Pair>,
    /// Width on paper.
    pub width: Width,
}

/// A prediction and what was measured.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Pair {
    /// What it is of.
    pub label: String,
    /// Its group, such as a network or a processor.
    pub group: String,
    /// Predicted.
    pub predicted: f64,
    /// Measured.
    pub measured: f64,
}

impl Pair {
    /// `predicted / measured - 1`, in percent.
    pub fn error_percent(&self) -> f64 {
        100.0 * (self.predicted / self.measured - 1.0)
    }
}

/// Width of the band.
const BAND: f64 = 0.1;

impl Scatter {
    /// Draws it: as high as it is wide, plus the legend.
    pub fn draw(&self) -> Scene {
        let across = self.width.points();
        let drawn = |pair: &&Pair| drawable(pair.predicted, true) && drawable(pair.measured, true);
        let pairs: Vec<&Pair> = self.pairs.iter().filter(drawn).collect();
        let Some(domain) = logarithmic_domain(pairs.iter().flat_map(|pair| [pair.predicted, pair.measured]), 0.05) else {
            return nothing(across, 0.4 * across, &self.title, "no pair of positive values");
        };
        let groups = distinct(self.pairs.iter().map(|pair| &pair.group));
        let looks = looks(&groups);
        let mut legend = Vec::new();
        if groups.len() > 1 {
            legend.extend(groups.iter().zip(&looks).map(|(group, look)| Entry::new(group, *look, Symbol::Point)));
        }
        legend.push(Entry::new("predicted = measured", look(INK), Symbol::Line));
        legend.push(Entry::new("±10 %", look(band()), Symbol::Area));
        let separator = if self.quantity.contains(", ") { " " } else { ", " };
        let axis = |what: &str| Axis::Numbers { label: format!("{what}{separator}{}", self.quantity), domain, logarithmic: true };
        let notes = left_out(self.pairs.len() - pairs.len(), self.pairs.len(), "not positive or not finite");
        let (x, y) = (axis("measured"), axis("predicted"));
        let frame = Layout { title: &self.title, across, x: &x, y: &y, legend: &legend, notes: &notes, height: None }.draw();
        let (low, high) = domain;
        let (over, under) = (1.0 + BAND, 1.0 - BAND);
        let corners =
            [(low, low), (low, over * low), (high / over, high), (high, high), (high, under * high), (low / under, low)];
        frame.draw(&polygon(corners, band().with_alpha(0.6)));
        frame.draw(&line([(low, low), (high, high)], Stroke::solid(INK, 0.6)));
        let radius = if pairs.len() > 300 { 1.3 } else { 2.0 };
        // Group after group would hide the first: as they come.
        for pair in pairs {
            let series = groups.iter().position(|group| *group == pair.group).map_or(looks[0], |index| looks[index]);
            let hint = format!(
                "{} ({}): predicted {}, measured {}, {:+.1} %",
                pair.label,
                pair.group,
                si(pair.predicted, 4),
                si(pair.measured, 4),
                pair.error_percent(),
            );
            frame.draw(&Mark { at: (pair.measured, pair.predicted), series, radius, hint });
        }
        frame.done()
    }
}

fn band() -> Colour {
    GRID.mixed(MUTED, 0.12)
}

fn look(colour: Colour) -> Series {
    Series { colour, marker: Marker::Circle, dash: Dash::Solid, hatch: Hatch::Plain }
}
