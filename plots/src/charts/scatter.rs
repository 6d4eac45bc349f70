//! Predicted against measured, both on logarithmic axes.

use serde::Deserialize;

use crate::charts::{distinct, left_out};
use crate::frame::{Axis, Layout, nothing};
use crate::geometry::{Path, Point};
use crate::legend::{Entry, Symbol, point};
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
    /// What is predicted, with its unit: `latency, ms`.
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
        legend.push(Entry::new("predicted = measured", line(INK), Symbol::Line));
        legend.push(Entry::new("±10 %", line(band()), Symbol::Area));
        let axis = |what: &str| Axis::Numbers { label: format!("{what} {}", self.quantity), domain, logarithmic: true };
        let mut scene = Scene::new(across, 0.0, self.title.clone());
        let notes = left_out(self.pairs.len() - pairs.len(), self.pairs.len(), "not positive or not finite");
        let (x, y) = (axis("measured"), axis("predicted"));
        let frame = Layout { x: &x, y: &y, legend: &legend, notes: &notes, height: None }.draw(&mut scene);
        let at = |measured: f64, predicted: f64| Point::new(frame.x.at(measured), frame.y.at(predicted));
        let (low, high) = domain;
        let (over, under) = (1.0 + BAND, 1.0 - BAND);
        let corners = [
            at(low, low),
            at(low, over * low),
            at(high / over, high),
            at(high, high),
            at(high, under * high),
            at(low / under, low),
        ];
        scene.fill(Path::polygon(corners), band().with_alpha(0.6));
        scene.stroke(Path::line([at(low, low), at(high, high)]), Stroke::solid(INK, 0.6));
        let radius = if pairs.len() > 300 { 1.3 } else { 2.0 };
        // Group after group would hide the first: as they come.
        for pair in pairs {
            let look = groups.iter().position(|group| *group == pair.group).map_or(looks[0], |index| looks[index]);
            let hint = format!(
                "{} ({}): predicted {}, measured {}, {:+.1} %",
                pair.label,
                pair.group,
                si(pair.predicted, 4),
                si(pair.measured, 4),
                pair.error_percent(),
            );
            point(&mut scene, look, at(pair.measured, pair.predicted), radius, hint);
        }
        scene
    }
}

fn band() -> Colour {
    GRID.mixed(MUTED, 0.12)
}

fn line(colour: Colour) -> Series {
    Series { colour, marker: Marker::Circle, dash: Dash::Solid, hatch: Hatch::Plain }
}
