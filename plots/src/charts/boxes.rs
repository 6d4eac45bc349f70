//! Boxes: the spread of values in groups.

use crate::charts::{left_out, quantile};
use crate::frame::{Axis, Layout, nothing};
use crate::geometry::{Path, Point, Rectangle};
use crate::scale::{drawable, linear_domain, logarithmic_domain};
use crate::scene::{Scene, Shape, Stroke};
use crate::style::{Colour, HAIRLINE, INK, MUTED, WHITE, Width, looks};

/// One box a sample: quartiles and median, whiskers from the 5th to the 95th percentile, a point for each value beyond.
#[derive(Clone, Debug, Default, PartialEq)]
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
#[derive(Clone, Debug, Default, PartialEq)]
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
        let mut scene = Scene::new(across, 0.0, self.title.clone());
        let frame = Layout { x: &x, y: &y, legend: &[], notes: &notes, height: Some(height) }.draw(&mut scene);
        if let Some(mark) = self.mark.filter(|mark| drawable(*mark, self.logarithmic)) {
            let at = frame.x.at(mark);
            let line = Path::line([Point::new(at, frame.area.top), Point::new(at, frame.area.bottom)]);
            scene.stroke(line, Stroke::solid(MUTED, 0.8));
        }
        let names: Vec<String> = self.samples.iter().map(|sample| sample.name.clone()).collect();
        let looks = looks(&names);
        let row = frame.area.height() / self.samples.len() as f64;
        for (index, (values, look)) in drawn.iter().zip(looks).enumerate() {
            let y = frame.area.top + row * (index as f64 + 0.5);
            if !values.is_empty() {
                one_box(&mut scene, values, y, 0.3 * row, |value| frame.x.at(value), look.colour);
            }
        }
        scene
    }

    fn ascending(&self, sample: &Sample) -> Vec<f64> {
        let mut values: Vec<f64> = sample.values.iter().copied().filter(|value| drawable(*value, self.logarithmic)).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    }
}

fn one_box(scene: &mut Scene, values: &[f64], y: f64, half: f64, at: impl Fn(f64) -> f64, colour: Colour) {
    let [low, first, median, third, high] = [0.05, 0.25, 0.5, 0.75, 0.95].map(|share| quantile(values, share));
    let ink = Stroke::solid(INK, HAIRLINE);
    for (from, to) in [(low, first), (third, high)] {
        scene.stroke(Path::line([Point::new(at(from), y), Point::new(at(to), y)]), ink);
    }
    for end in [low, high] {
        scene.stroke(Path::line([Point::new(at(end), y - half / 2.0), Point::new(at(end), y + half / 2.0)]), ink);
    }
    let path = Path::rectangle(Rectangle::new(at(first), y - half, at(third).max(at(first) + 0.2), y + half));
    let fill = colour.mixed(WHITE, 0.55);
    let hint = format!("median {median:.4}, quartiles {first:.4} to {third:.4}, {} values", values.len());
    scene.shapes.push(Shape { path, fill: Some(fill), stroke: Some(Stroke::solid(colour, HAIRLINE)), hint });
    scene.stroke(Path::line([Point::new(at(median), y - half), Point::new(at(median), y + half)]), Stroke::solid(INK, 1.3));
    for value in values.iter().filter(|value| **value < low || **value > high) {
        scene.stroke(Path::circle(Point::new(at(*value), y), 0.9), Stroke::solid(colour, 0.5));
    }
}
