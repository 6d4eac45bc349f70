//! Tornado charts: how far each parameter moves a result.

use serde::Deserialize;

use crate::axis::Axis;
use crate::charts::left_out;
use crate::elements::{Bar, line};
use crate::frame::{Layout, nothing};
use crate::legend::{Entry, Symbol};
use crate::number::si;
use crate::scale::{drawable, linear_domain};
use crate::scene::{Dash, Hatch, Scene, Stroke};
use crate::style::{INK, Marker, ORANGE, SKY, Series, VERMILLION, Width};

/// Height of a bar with what is around it.
const ROW: f64 = 12.0;

/// What a result becomes when one parameter after the other is lowered and raised; the one that moves it most on top.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tornado {
    /// What it shows.
    pub title: String,
    /// The result, with its unit.
    pub quantity: String,
    /// The result as it is.
    pub base: f64,
    /// The parameters, in any order.
    pub parameters: Vec<Swing>,
    /// Where the conclusion flips, and what it flips to.
    pub flips: Option<(f64, String)>,
    /// Width on paper.
    pub width: Width,
}

/// A parameter.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Swing {
    /// Its name, with how far it is moved.
    pub name: String,
    /// The result with the parameter lowered.
    pub lowered: f64,
    /// The result with it raised.
    pub raised: f64,
}

impl Tornado {
    /// Draws it: as high as there are parameters.
    pub fn draw(&self) -> Scene {
        let across = self.width.points();
        let kept = |swing: &&Swing| drawable(swing.lowered, false) && drawable(swing.raised, false);
        let mut swings: Vec<&Swing> = self.parameters.iter().filter(kept).collect();
        let mark = self.flips.as_ref().filter(|(mark, _)| drawable(*mark, false));
        let ends = swings.iter().flat_map(|swing| [swing.lowered, swing.raised]);
        let domain = linear_domain(ends.chain([self.base]).chain(mark.map(|(at, _)| *at)), false);
        let Some(domain) = domain.filter(|_| !swings.is_empty() && drawable(self.base, false)) else {
            return nothing(across, 60.0, &self.title, "no parameters");
        };
        // Stable: equal swings stay in the order given.
        let reach = |swing: &Swing| (swing.raised - self.base).abs().max((swing.lowered - self.base).abs());
        swings.sort_by(|one, other| reach(other).total_cmp(&reach(one)));
        let series = |colour, hatch| Series { colour, hatch, marker: Marker::Square, dash: Dash::Solid };
        let (lowered, raised) = (series(SKY, Hatch::Plain), series(ORANGE, Hatch::Rising));
        let flip = Series { dash: Dash::Dashed, ..series(VERMILLION, Hatch::Plain) };
        let mut legend =
            vec![Entry::new("parameter lowered", lowered, Symbol::Area), Entry::new("parameter raised", raised, Symbol::Area)];
        legend.extend(mark.map(|(_, label)| Entry::new(label, flip, Symbol::Line)));
        let notes = left_out(self.parameters.len() - swings.len(), self.parameters.len(), "not finite");
        let x = Axis::Numbers { label: self.quantity.clone(), domain, logarithmic: false };
        let y = Axis::Names { label: String::new(), names: swings.iter().map(|swing| swing.name.clone()).collect() };
        let height = Some(ROW * swings.len() as f64 + 2.0);
        let frame = Layout { title: &self.title, across, x: &x, y: &y, legend: &legend, notes: &notes, height }.draw();
        for (index, swing) in swings.iter().enumerate() {
            let middle = index as f64 + 0.5;
            // Both to one side: the shorter in front, each in its half of the bar.
            let one_sided = (swing.lowered - self.base) * (swing.raised - self.base) > 0.0;
            for (value, look, half) in [(swing.lowered, lowered, 0), (swing.raised, raised, 1)] {
                let (top, bottom) = match (one_sided, half) {
                    (false, _) => (-0.36, 0.36),
                    (true, 0) => (-0.36, 0.0),
                    (true, _) => (0.0, 0.36),
                };
                let corners = [(self.base, middle + top), (value, middle + bottom)];
                let hint = format!("{}: {}", swing.name, si(value, 4));
                frame.draw(&Bar { corners, colour: look.colour, hatch: look.hatch, hint });
            }
        }
        let down = |x: f64| [(x, 0.0), (x, swings.len() as f64)];
        frame.draw(&line(down(self.base), Stroke::solid(INK, 0.7)));
        if let Some((at, _)) = mark {
            frame.draw(&line(down(*at), Stroke { colour: flip.colour, width: 1.0, dash: flip.dash }));
        }
        frame.done()
    }
}
