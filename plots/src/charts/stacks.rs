//! Stacked bars: what a whole is made of.

use serde::Deserialize;

use crate::axis::Axis;
use crate::charts::left_out;
use crate::elements::Bar;
use crate::frame::{Layout, nothing};
use crate::geometry::Point;
use crate::legend::{Entry, Symbol};
use crate::number::si;
use crate::scale::{drawable, linear_domain};
use crate::scene::{Anchor, Scene, Text, Weight, width};
use crate::style::{INK, SMALL, Width, looks};

/// Height of a bar with what is around it.
const ROW: f64 = 13.0;

/// One bar a whole, from left to right its parts; its sum at the end.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stacks {
    /// What it shows.
    pub title: String,
    /// What is on the axis, with its unit.
    pub quantity: String,
    /// The wholes, from top to bottom.
    pub wholes: Vec<String>,
    /// The parts.
    pub parts: Vec<String>,
    /// For each whole a value of each part, not below 0.
    pub values: Vec<Vec<f64>>,
    /// Width on paper.
    pub width: Width,
}

impl Stacks {
    /// Draws it: as high as there are wholes.
    pub fn draw(&self) -> Scene {
        let across = self.width.points();
        let kept = |value: &f64| drawable(*value, false) && *value >= 0.0;
        let sum = |values: &Vec<f64>| values.iter().copied().filter(|value| kept(value)).sum::<f64>();
        let some = self.values.iter().flatten().any(kept);
        let Some((_, most)) = linear_domain(self.values.iter().map(sum), true).filter(|_| some) else {
            return nothing(across, 60.0, &self.title, "no values");
        };
        let looks = looks(&self.parts);
        let entry = |(part, look): (&String, _)| Entry::new(part, look, Symbol::Area);
        let legend: Vec<Entry> = self.parts.iter().zip(looks.iter().copied()).map(entry).collect();
        let all = self.values.iter().flatten().count();
        let notes =
            left_out(all - self.values.iter().flatten().filter(|value| kept(value)).count(), all, "below 0 or not finite");
        // Sums stand right of bars.
        let label = |values: &Vec<f64>| si(sum(values), 3);
        let room = self.values.iter().map(|values| width(&label(values), SMALL, Weight::Regular)).fold(0.0, f64::max) + 5.0;
        let most = most / 1.05 * (1.0 + room / (0.5 * across - room).max(20.0));
        let x = Axis::Numbers { label: self.quantity.clone(), domain: (0.0, most), logarithmic: false };
        let y = Axis::Names { label: String::new(), names: self.wholes.clone() };
        let height = ROW * self.wholes.len() as f64 + 2.0;
        let frame =
            Layout { title: &self.title, across, x: &x, y: &y, legend: &legend, notes: &notes, height: Some(height) }.draw();
        for (index, values) in self.values.iter().enumerate().take(self.wholes.len()) {
            let middle = index as f64 + 0.5;
            let mut from = 0.0;
            for (part, (value, look)) in values.iter().zip(&looks).enumerate() {
                if !kept(value) || *value <= 0.0 {
                    continue;
                }
                let corners = [(from, middle - 0.36), (from + value, middle + 0.36)];
                let hint = format!("{}, {}: {}", self.wholes[index], self.parts[part], si(*value, 4));
                frame.draw(&Bar { corners, colour: look.colour, hatch: look.hatch, hint });
                from += value;
            }
            let end = frame.at(from, middle);
            let text = Text::new(label(values), Point::new(end.x + 3.0, end.y), SMALL, INK);
            frame.canvas.write(&text.anchored(Anchor::Start, Anchor::Middle));
        }
        frame.done()
    }
}
