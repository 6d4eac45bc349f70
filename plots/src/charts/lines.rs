//! Lines over time, or over anything else, with bands of uncertainty.

use serde::Deserialize;

use crate::axis::Axis;
use crate::charts::left_out;
use crate::elements::{Mark, line, polygon};
use crate::frame::{Layout, nothing};
use crate::geometry::Point;
use crate::legend::{Entry, Symbol};
use crate::scale::{drawable, linear_domain, logarithmic_domain};
use crate::scene::{Scene, Stroke};
use crate::style::{LINE, Width, looks};

/// Points of a curve closer than this, in points on paper, are drawn as the span they cover.
const NEAR: f64 = 0.35;

/// Curves in one frame.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lines {
    /// What it shows.
    pub title: String,
    /// What is on the horizontal axis, with its unit.
    pub across: String,
    /// What is on the vertical axis, with its unit.
    pub quantity: String,
    /// The curves.
    pub curves: Vec<Curve>,
    /// Whether equal ratios on the vertical axis are equally long.
    pub logarithmic: bool,
    /// Whether equal ratios on the horizontal axis are.
    pub logarithmic_across: bool,
    /// Whether the vertical axis begins at 0.
    pub from_zero: bool,
    /// Width on paper.
    pub width: Width,
}

/// A curve.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Curve {
    /// Its name.
    pub name: String,
    /// Its points, by ascending place.
    pub points: Vec<CurvePoint>,
    /// Whether a value holds until the next, as that of a clock does; else points are joined.
    pub steps: bool,
}

/// A point of a curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CurvePoint {
    /// Its place on the horizontal axis.
    pub x: f64,
    /// Its value.
    pub y: f64,
    /// Ends of its interval, if it has one.
    pub interval: Option<(f64, f64)>,
}

impl CurvePoint {
    /// A point without an interval.
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y, interval: None }
    }
}

impl Lines {
    /// Draws it.
    pub fn draw(&self) -> Scene {
        let across = self.width.points();
        let height = if self.width == Width::Single { 0.5 } else { 0.26 } * across;
        let kept = |point: &&CurvePoint| drawable(point.x, self.logarithmic_across) && drawable(point.y, self.logarithmic);
        let given = || self.curves.iter().flat_map(|curve| &curve.points);
        let ends = |point: &CurvePoint| {
            let (low, high) = point.interval.unwrap_or((point.y, point.y));
            [low, point.y, high]
        };
        let values = given().filter(kept).flat_map(ends);
        let domain = if self.logarithmic { logarithmic_domain(values, 0.05) } else { linear_domain(values, self.from_zero) };
        let places = given().filter(kept).map(|point| point.x);
        let extent =
            if self.logarithmic_across { logarithmic_domain(places, 0.03) } else { linear_domain(places, false).map(unpadded) };
        let (Some(domain), Some(extent)) = (domain, extent) else {
            return nothing(across, height, &self.title, "no points");
        };
        let names: Vec<String> = self.curves.iter().map(|curve| curve.name.clone()).collect();
        let looks = looks(&names);
        let sparse = |curve: &Curve| curve.points.len() <= 40 && !curve.steps;
        let entry = |(curve, look): (&Curve, _)| {
            Entry::new(&curve.name, look, if sparse(curve) { Symbol::LinePoint } else { Symbol::Line })
        };
        let legend: Vec<Entry> = self.curves.iter().zip(looks.iter().copied()).map(entry).collect();
        let legend = if legend.len() > 1 { legend } else { Vec::new() };
        let why = if self.logarithmic { "not positive or not finite" } else { "not finite" };
        let notes = left_out(given().count() - given().filter(kept).count(), given().count(), why);
        let x = Axis::Numbers { label: self.across.clone(), domain: extent, logarithmic: self.logarithmic_across };
        let y = Axis::Numbers { label: self.quantity.clone(), domain, logarithmic: self.logarithmic };
        let frame =
            Layout { title: &self.title, across, x: &x, y: &y, legend: &legend, notes: &notes, height: Some(height) }.draw();
        for (curve, look) in self.curves.iter().zip(&looks) {
            let banded = curve.points.iter().filter(kept);
            let bands: Vec<(f64, f64, f64)> = banded
                .filter_map(|it| it.interval.map(|(low, high)| (it.x, low, high)))
                .filter(|(_, low, high)| drawable(*low, self.logarithmic) && drawable(*high, self.logarithmic))
                .collect();
            if bands.len() > 1 {
                let there = bands.iter().map(|&(x, low, _)| (x, low));
                let back = bands.iter().rev().map(|&(x, _, high)| (x, high));
                frame.draw(&polygon(there.chain(back), look.colour.with_alpha(0.2)));
            }
        }
        for (curve, look) in self.curves.iter().zip(&looks) {
            let points: Vec<(f64, f64)> = curve.points.iter().filter(kept).map(|it| (it.x, it.y)).collect();
            let stroke = Stroke { colour: look.colour, width: LINE, dash: look.dash };
            frame.draw(&line(thinned(&stepped(&points, curve.steps), |(x, y)| frame.at(x, y)), stroke));
            if sparse(curve) || points.len() == 1 {
                for at in points {
                    frame.draw(&Mark { at, series: *look, radius: 1.9, hint: String::new() });
                }
            }
        }
        frame.done()
    }
}

/// Time fills the axis: no margin but where all is at one place. What begins near 0 begins at 0.
fn unpadded((low, high): (f64, f64)) -> (f64, f64) {
    let margin = (high - low) * 0.05 / 1.1;
    let (low, high) = (low + margin, high - margin);
    (if low > 0.0 && low < 0.1 * high { 0.0 } else { low }, high)
}

/// The points with corners between them.
fn stepped(points: &[(f64, f64)], steps: bool) -> Vec<(f64, f64)> {
    if !steps {
        return points.to_vec();
    }
    let corner = |pair: &[(f64, f64)]| [pair[0], (pair[1].0, pair[0].1)];
    points.windows(2).flat_map(corner).chain(points.last().copied()).collect()
}

/// Of points that fall together across, the first, the lowest, the highest and the last: it looks the same.
fn thinned(points: &[(f64, f64)], at: impl Fn((f64, f64)) -> Point) -> Vec<(f64, f64)> {
    let column = |point: &(f64, f64)| libm::floor(at(*point).x / NEAR) as i64;
    let mut kept = Vec::new();
    for together in points.chunk_by(|one, next| column(one) == column(next)) {
        if together.len() <= 4 {
            kept.extend_from_slice(together);
            continue;
        }
        let order = |one: &&(f64, f64), other: &&(f64, f64)| one.1.total_cmp(&other.1);
        let least = together.iter().min_by(order);
        let most = together.iter().max_by(order);
        kept.push(together[0]);
        kept.extend(most.into_iter().chain(least));
        kept.push(together[together.len() - 1]);
    }
    kept
}
