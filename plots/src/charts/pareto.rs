//! Pareto fronts: what is not beaten in both of two costs.

use serde::Deserialize;

use crate::axis::Axis;
use crate::canvas::Canvas;
use crate::charts::{distinct, left_out};
use crate::elements::{Mark, line};
use crate::frame::{Layout, nothing};
use crate::geometry::{Path, Point, Rectangle};
use crate::legend::{Entry, Symbol};
use crate::scale::{drawable, linear_domain, logarithmic_domain};
use crate::scene::{Anchor, Dash, Hatch, Scene, Stroke, Text};
use crate::style::{INK, MUTED, Marker, SMALL, Series, Width, looks};

/// Alternatives with two costs, both the lower the better.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pareto {
    /// What it shows.
    pub title: String,
    /// The cost on the horizontal axis, with its unit.
    pub across: String,
    /// The cost on the vertical axis, with its unit.
    pub up: String,
    /// The alternatives.
    pub alternatives: Vec<Alternative>,
    /// Whether equal ratios are equally long, on both axes.
    pub logarithmic: bool,
    /// Width on paper.
    pub width: Width,
}

/// An alternative.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alternative {
    /// Its name, written beside it if it is on the front and there is room.
    pub label: String,
    /// Its group.
    pub group: String,
    /// The cost on the horizontal axis.
    pub x: f64,
    /// The cost on the vertical axis.
    pub y: f64,
}

impl Pareto {
    /// Which alternatives no other beats in one cost without being worse in the other, by ascending `x`.
    pub fn front(&self) -> Vec<usize> {
        let kept = |index: &usize| self.drawn(&self.alternatives[*index]);
        let mut order: Vec<usize> = (0..self.alternatives.len()).filter(kept).collect();
        let at = |index: usize| (self.alternatives[index].x, self.alternatives[index].y);
        order.sort_by(|&one, &other| at(one).0.total_cmp(&at(other).0).then(at(one).1.total_cmp(&at(other).1)));
        let mut front: Vec<usize> = Vec::new();
        for index in order {
            if front.last().is_none_or(|&last| at(index).1 < at(last).1) {
                front.push(index);
            }
        }
        front
    }

    fn drawn(&self, it: &Alternative) -> bool {
        drawable(it.x, self.logarithmic) && drawable(it.y, self.logarithmic)
    }

    /// Draws it.
    pub fn draw(&self) -> Scene {
        let across = self.width.points();
        let height = across.min(Width::Single.points() * 1.2) * 0.6;
        let drawn: Vec<&Alternative> = self.alternatives.iter().filter(|it| self.drawn(it)).collect();
        let domain = |values: Vec<f64>| {
            if self.logarithmic { logarithmic_domain(values, 0.1) } else { linear_domain(values, true) }
        };
        let domains = (domain(drawn.iter().map(|it| it.x).collect()), domain(drawn.iter().map(|it| it.y).collect()));
        let (Some(extent), Some(range)) = domains else {
            return nothing(across, height, &self.title, "no alternatives");
        };
        let groups = distinct(self.alternatives.iter().map(|it| &it.group));
        let looks = looks(&groups);
        let mut legend: Vec<Entry> =
            groups.iter().zip(&looks).map(|(group, look)| Entry::new(group, *look, Symbol::Point)).collect();
        let front_look = Series { colour: MUTED, dash: Dash::Dashed, marker: Marker::Circle, hatch: Hatch::Plain };
        legend.push(Entry::new("Pareto front", front_look, Symbol::Line));
        let notes = left_out(self.alternatives.len() - drawn.len(), self.alternatives.len(), "not finite, or not positive");
        let x = Axis::Numbers { label: self.across.clone(), domain: extent, logarithmic: self.logarithmic };
        let y = Axis::Numbers { label: self.up.clone(), domain: range, logarithmic: self.logarithmic };
        let frame =
            Layout { title: &self.title, across, x: &x, y: &y, legend: &legend, notes: &notes, height: Some(height) }.draw();
        let at = |it: &Alternative| frame.at(it.x, it.y);
        let front: Vec<&Alternative> = self.front().into_iter().map(|index| &self.alternatives[index]).collect();
        // What is beaten by the front begins at its corners.
        let mut corners = Vec::new();
        for pair in front.windows(2) {
            corners.extend([(pair[0].x, pair[0].y), (pair[1].x, pair[0].y)]);
        }
        corners.extend(front.last().map(|last| (last.x, last.y)));
        let edges = corners.windows(2).filter_map(|pair| Path::line(pair.iter().map(|&(x, y)| frame.at(x, y))).bounds());
        let edges: Vec<Rectangle> = edges.map(|bounds| bounds.grown(0.6)).collect();
        frame.draw(&line(corners, Stroke { colour: MUTED, width: 0.7, dash: Dash::Dashed }));
        for it in &drawn {
            let series = groups.iter().position(|group| *group == it.group).map_or(front_look, |index| looks[index]);
            let hint = format!("{} ({}): {:.4}, {:.4}", it.label, it.group, it.x, it.y);
            frame.draw(&Mark { at: (it.x, it.y), series, radius: 2.3, hint });
        }
        let taken: Vec<Rectangle> = drawn.iter().map(|it| square(at(it), 2.6)).chain(edges).collect();
        for it in front {
            label(&frame.canvas, &it.label, at(it), &taken, &frame.area);
        }
        frame.done()
    }
}

fn square(at: Point, half: f64) -> Rectangle {
    Rectangle::new(at.x - half, at.y - half, at.x + half, at.y + half)
}

/// Writes a label where it hides no point, no line and no label; nowhere if there is no such place.
fn label(canvas: &Canvas, content: &str, at: Point, taken: &[Rectangle], area: &Rectangle) {
    use Anchor::{End, Middle, Start};
    let places = [
        (4.0, 0.0, Start, Middle),
        (3.0, -3.0, Start, End),
        (3.0, 3.5, Start, Start),
        (0.0, -4.5, Middle, End),
        (0.0, 5.0, Middle, Start),
        (-4.0, 0.0, End, Middle),
        (-3.0, -3.0, End, End),
        (-3.0, 3.5, End, Start),
    ];
    let texts = canvas.texts();
    for (x, y, along, across) in places {
        let text = Text::new(content, Point::new(at.x + x, at.y + y), SMALL, INK).anchored(along, across);
        let bounds = text.bounds();
        let free = taken.iter().all(|other| !other.overlaps(&bounds));
        if free && area.contains(&bounds, 0.0) && texts.iter().all(|other| !other.bounds().overlaps(&bounds)) {
            canvas.write(&text);
            return;
        }
    }
}
