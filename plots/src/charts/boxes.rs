//! Boxes: the spread of values in groups.

use serde::Deserialize;

use plotters::element::Circle;

use crate::axis::Axis;
use crate::backend::pixels;
use crate::charts::{left_out, quantile};
use crate::elements::{filled, line, lined, rectangle};
use crate::frame::{Frame, Layout, nothing};
use crate::scale::{drawable, linear_domain, logarithmic_domain};
use crate::scene::{Scene, Stroke};
use crate::style::{Colour, HAIRLINE, INK, MUTED, WHITE, Width, looks};

/// One box a sample: quartiles and median, whiskers from the 5th to the 95th percentile, a point for each value beyond.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Boxes {
    /// What it shows.
    pub title: String,
    /// What is on the axis, with its unit.
    pub quantity: String,
    /// The samples, from top to bottom.
    pub samples: Vec<Sample>,
    /// Whether equal ratios are equally long.
    pub logarithmic: bool,
    /// A value to mark, such as no error at all.
    pub mark: Option<f64>,
    /// Width on paper.
    pub width: Width,
}

/// Values of a group.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sample {
    /// Its name.
    pub name: String,
    /// The values.
    pub values: Vec<f64>,
}

/// Height of a box with what is around it.
const ROW: f64 = 13.0;

impl Boxes {
    /// Draws it: as high as there are samples.
    pub fn draw(&self) -> Scene {
        let across = self.width.points();
        let drawn: Vec<Vec<f64>> = self.samples.iter().map(|sample| self.ascending(sample)).collect();
        let values = || drawn.iter().flatten().copied().chain(self.mark);
        let domain = if self.logarithmic { logarithmic_domain(values(), 0.04) } else { linear_domain(values(), false) };
        let (true, Some(domain)) = (drawn.iter().any(|values| !values.is_empty()), domain) else {
            return nothing(across, 60.0, &self.title, "no values");
        };
        let names = self.samples.iter().map(|sample| format!("{} ({})", sample.name, sample.values.len())).collect();
        let x = Axis::Numbers { label: self.quantity.clone(), domain, logarithmic: self.logarithmic };
        let y = Axis::Names { label: String::new(), names };
        let total: usize = self.samples.iter().map(|sample| sample.values.len()).sum();
        let kept: usize = drawn.iter().map(Vec::len).sum();
        let why = if self.logarithmic { "not positive or not finite" } else { "not finite" };
        let notes = left_out(total - kept, total, why);
        let height = ROW * self.samples.len() as f64 + 2.0;
        let frame = Layout { title: &self.title, across, x: &x, y: &y, legend: &[], notes: &notes, height: Some(height) }.draw();
        if let Some(mark) = self.mark.filter(|mark| drawable(*mark, self.logarithmic)) {
            frame.draw(&line([(mark, 0.0), (mark, self.samples.len() as f64)], Stroke::solid(MUTED, 0.8)));
        }
        let names: Vec<String> = self.samples.iter().map(|sample| sample.name.clone()).collect();
        let looks = looks(&names);
        for (index, (values, look)) in drawn.iter().zip(looks).enumerate() {
            if !values.is_empty() {
                one_box(&frame, values, index as f64 + 0.5, look.colour);
            }
        }
        frame.done()
    }

    fn ascending(&self, sample: &Sample) -> Vec<f64> {
        let mut values: Vec<f64> = sample.values.iter().copied().filter(|value| drawable(*value, self.logarithmic)).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    }
}

/// Half of a box's height; a row is 1 high.
const HALF: f64 = 0.3;

fn one_box(frame: &Frame, values: &[f64], y: f64, colour: Colour) {
    let [low, first, median, third, high] = [0.05, 0.25, 0.5, 0.75, 0.95].map(|share| quantile(values, share));
    let ink = Stroke::solid(INK, HAIRLINE);
    for (from, to) in [(low, first), (third, high)] {
        frame.draw(&line([(from, y), (to, y)], ink));
    }
    for end in [low, high] {
        frame.draw(&line([(end, y - HALF / 2.0), (end, y + HALF / 2.0)], ink));
    }
    let hint = format!("median {median:.4}, quartiles {first:.4} to {third:.4}, {} values", values.len());
    let corners = [(first, y - HALF), (third, y + HALF)];
    let outline = Stroke::solid(colour, HAIRLINE);
    frame.draw(&rectangle(corners, filled(colour.mixed(WHITE, 0.55))).outline(outline).hint(hint));
    frame.draw(&line([(median, y - HALF), (median, y + HALF)], Stroke::solid(INK, 1.3)));
    for value in values.iter().filter(|value| **value < low || **value > high) {
        frame.draw(&Circle::new((*value, y), pixels(0.9), lined(Stroke::solid(colour, 0.5))));
    }
}
