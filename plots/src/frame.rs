//! The frame of a chart: axes with ticks, labels, legend and notes, and the area between them where data go.

use crate::geometry::{Path, Point, Rectangle};
use crate::legend::{Entry, Legend};
use crate::scale::{Scale, Tick};
use crate::scene::{Anchor, Scene, Stroke, Text, Weight, shortened, width};
use crate::style::{GRID, HAIRLINE, INK, MUTED, SMALL, TEXT};

/// Between a tick's label and the axis.
const GAP: f64 = 3.0;
/// Margin of the page.
const MARGIN: f64 = 2.0;
/// Least area for data, a side.
const LEAST: f64 = 20.0;

/// What an axis measures.
#[derive(Clone, Debug)]
pub(crate) enum Axis {
    /// Numbers.
    Numbers {
        /// What, with its unit.
        label: String,
        domain: (f64, f64),
        logarithmic: bool,
    },
    /// Names, one beside the other; their places are 0.5, 1.5, ...
    Names { label: String, names: Vec<String> },
}

impl Axis {
    fn label(&self) -> &str {
        match self {
            Self::Numbers { label, .. } | Self::Names { label, .. } => label,
        }
    }

    fn scale(&self, range: (f64, f64)) -> Scale {
        match self {
            Self::Numbers { domain, logarithmic, .. } => Scale { domain: *domain, range, logarithmic: *logarithmic },
            Self::Names { names, .. } => Scale { domain: (0.0, names.len().max(1) as f64), range, logarithmic: false },
        }
    }

    /// Ticks so far apart that labels of that size do not touch, where `size` gives the extent of a label along the axis.
    fn ticks(&self, scale: &Scale, size: impl Fn(&str) -> f64) -> Vec<Tick> {
        let Self::Numbers { .. } = self else { return Vec::new() };
        let length = (scale.range.1 - scale.range.0).abs();
        for most in (2..=9).rev() {
            let ticks = scale.ticks(most);
            let mut ends: Vec<(f64, f64)> = ticks
                .iter()
                .filter(|tick| !tick.label.is_empty())
                .map(|tick| {
                    let (at, half) = (scale.at(tick.value), size(&tick.label) / 2.0 + 2.0);
                    (at - half, at + half)
                })
                .collect();
            ends.sort_by(|one, other| one.0.total_cmp(&other.0));
            if ends.windows(2).all(|pair| pair[0].1 <= pair[1].0) && ends.len() as f64 * 14.0 <= length.max(30.0) {
                return ticks;
            }
        }
        let mut ticks = scale.ticks(2);
        let first = ticks.iter().position(|tick| !tick.label.is_empty());
        for (index, tick) in ticks.iter_mut().enumerate() {
            if Some(index) != first {
                tick.label.clear();
            }
        }
        ticks
    }
}

/// Where data go.
pub(crate) struct Frame {
    /// The area.
    pub(crate) area: Rectangle,
    /// From values to places across.
    pub(crate) x: Scale,
    /// From values to places down.
    pub(crate) y: Scale,
}

/// What a frame is made of.
pub(crate) struct Layout<'a> {
    pub(crate) x: &'a Axis,
    pub(crate) y: &'a Axis,
    pub(crate) legend: &'a [Entry],
    /// Under the chart: what was left out.
    pub(crate) notes: &'a [String],
    /// Height of the area for data; `None` for as high as it is wide.
    pub(crate) height: Option<f64>,
}

impl Layout<'_> {
    /// Draws everything around the data and the grid behind them; sets the height of the page.
    pub(crate) fn draw(&self, scene: &mut Scene) -> Frame {
        let (page_left, page_right) = (MARGIN, scene.width - MARGIN);
        let legend = Legend::new(self.legend, page_right - page_left);
        let top = MARGIN + legend.height() + SMALL / 2.0;
        let left = page_left + heading(self.y) + self.left_labels(scene.width) + GAP;
        let right = (page_right - self.right_margin()).max(left + LEAST);
        let bottom = top + self.height.unwrap_or(right - left).max(LEAST);
        let area = Rectangle::new(left, top, right, bottom);
        let below = heading(self.x) + self.bottom_labels(area.width()) + GAP;
        let note_height = SMALL + 3.0;
        scene.width = scene.width.max(right + MARGIN);
        scene.height = bottom + below + note_height * self.notes.len() as f64 + MARGIN;
        legend.draw(scene, Point::new(page_left, MARGIN));
        let frame = Frame { area, x: self.x.scale((left, right)), y: self.y.scale((bottom, top)) };
        self.draw_vertical(scene, &frame);
        self.draw_horizontal(scene, &frame, below);
        for (index, note) in self.notes.iter().enumerate() {
            let y = bottom + below + note_height * (index + 1) as f64 - 1.0;
            let content = shortened(note, SMALL, Weight::Regular, page_right - page_left);
            let text = Text::new(content, Point::new(page_left, y), SMALL, MUTED);
            scene.texts.push(text.anchored(Anchor::Start, Anchor::End));
        }
        frame
    }

    /// Room for the labels of the vertical axis; names take at most half of the page.
    fn left_labels(&self, across: f64) -> f64 {
        let widest = |labels: &[String]| labels.iter().map(|label| width(label, SMALL, Weight::Regular)).fold(0.0, f64::max);
        match self.y {
            Axis::Names { names, .. } => widest(names).min(0.5 * across),
            numbers @ Axis::Numbers { .. } => {
                let scale = numbers.scale((100.0, 0.0));
                widest(&(2..=9).flat_map(|most| scale.ticks(most)).map(|tick| tick.label).collect::<Vec<_>>())
            }
        }
    }

    /// Room for the right half of the last label.
    fn right_margin(&self) -> f64 {
        match self.x {
            Axis::Names { .. } => 0.0,
            numbers @ Axis::Numbers { .. } => {
                let scale = numbers.scale((0.0, 100.0));
                let near =
                    |tick: &Tick| (width(&tick.label, SMALL, Weight::Regular) / 2.0 - (100.0 - scale.at(tick.value))).max(0.0);
                (2..=9).flat_map(|most| scale.ticks(most)).map(|tick| near(&tick)).fold(0.0, f64::max)
            }
        }
    }

    /// Room for the labels of the horizontal axis, under an area of this width.
    fn bottom_labels(&self, across: f64) -> f64 {
        match self.x {
            Axis::Names { names, .. } if turned(names, across) => {
                names.iter().map(|name| width(name, SMALL, Weight::Regular)).fold(0.0, f64::max).min(MOST_TURNED)
            }
            Axis::Numbers { .. } | Axis::Names { .. } => SMALL,
        }
    }

    fn draw_vertical(&self, scene: &mut Scene, frame: &Frame) {
        let area = frame.area;
        let line = |y: f64| Path::line([Point::new(area.left, y), Point::new(area.right, y)]);
        for tick in self.y.ticks(&frame.y, |_| SMALL) {
            let y = frame.y.at(tick.value);
            if !tick.label.is_empty() {
                if (y - area.bottom).abs() > 0.5 {
                    scene.stroke(line(y), Stroke::solid(GRID, 0.4));
                }
                label_left(scene, tick.label, area.left - GAP, y);
            }
        }
        if let Axis::Names { names, .. } = self.y {
            let most = self.left_labels(scene.width) + 0.01;
            for (index, name) in names.iter().enumerate() {
                // The first name stands on top.
                let y = area.top + area.height() * (index as f64 + 0.5) / names.len() as f64;
                label_left(scene, shortened(name, SMALL, Weight::Regular, most), area.left - GAP, y);
            }
        }
        let axis = Path::line([Point::new(area.left, area.top), Point::new(area.left, area.bottom)]);
        scene.stroke(axis, Stroke::solid(INK, HAIRLINE));
        if !self.y.label().is_empty() {
            let at = Point::new(MARGIN, area.centre().y);
            let content = shortened(self.y.label(), TEXT, Weight::Regular, scene.height - 2.0 * MARGIN);
            let mut text = Text::new(content, at, TEXT, INK).anchored(Anchor::Middle, Anchor::Start).upwards();
            // Long labels of low charts move rather than leave the page.
            let bounds = text.bounds();
            text.at.y += (MARGIN - bounds.top).max(0.0) - (bounds.bottom - scene.height + MARGIN).max(0.0);
            scene.texts.push(text);
        }
    }

    fn draw_horizontal(&self, scene: &mut Scene, frame: &Frame, below: f64) {
        let area = frame.area;
        for tick in self.x.ticks(&frame.x, |label| width(label, SMALL, Weight::Regular)) {
            let x = frame.x.at(tick.value);
            let length = if tick.label.is_empty() { 1.2 } else { 2.0 };
            let mark = Path::line([Point::new(x, area.bottom), Point::new(x, area.bottom + length)]);
            scene.stroke(mark, Stroke::solid(INK, HAIRLINE));
            if !tick.label.is_empty() {
                let grid = Path::line([Point::new(x, area.top), Point::new(x, area.bottom)]);
                // No grid over the axis.
                if (x - area.left).abs() > 0.5 {
                    scene.stroke(grid, Stroke::solid(GRID, 0.4));
                }
                let at = Point::new(x, area.bottom + GAP);
                scene.texts.push(Text::new(tick.label, at, SMALL, INK).anchored(Anchor::Middle, Anchor::Start));
            }
        }
        if let Axis::Names { names, .. } = self.x {
            draw_names(scene, names, frame);
        }
        let axis = Path::line([Point::new(area.left, area.bottom), Point::new(area.right, area.bottom)]);
        scene.stroke(axis, Stroke::solid(INK, HAIRLINE));
        if !self.x.label().is_empty() {
            let at = Point::new(area.centre().x, area.bottom + below - 2.0);
            let content = shortened(self.x.label(), TEXT, Weight::Regular, scene.width - 2.0 * MARGIN);
            let mut text = Text::new(content, at, TEXT, INK).anchored(Anchor::Middle, Anchor::End);
            let bounds = text.bounds();
            text.at.x += (MARGIN - bounds.left).max(0.0) - (bounds.right - scene.width + MARGIN).max(0.0);
            scene.texts.push(text);
        }
    }
}

/// Longest name that stands upright under a chart.
const MOST_TURNED: f64 = 90.0;

/// Whether names do not fit beside each other.
fn turned(names: &[String], across: f64) -> bool {
    let each = across / names.len().max(1) as f64;
    names.iter().any(|name| width(name, SMALL, Weight::Regular) > each - 3.0)
}

fn draw_names(scene: &mut Scene, names: &[String], frame: &Frame) {
    let area = frame.area;
    let each = area.width() / names.len().max(1) as f64;
    let upright = turned(names, area.width());
    // Where even upright names do not fit, only each so many is named.
    let every = if upright { libm::ceil((SMALL + 2.0) / each).max(1.0) as usize } else { 1 };
    for (index, name) in names.iter().enumerate().step_by(every) {
        let at = Point::new(area.left + each * (index as f64 + 0.5), area.bottom + GAP);
        let text = if upright {
            let content = shortened(name, SMALL, Weight::Regular, MOST_TURNED);
            Text::new(content, at, SMALL, INK).anchored(Anchor::End, Anchor::Middle).upwards()
        } else {
            Text::new(name.clone(), at, SMALL, INK).anchored(Anchor::Middle, Anchor::Start)
        };
        scene.texts.push(text);
    }
}

fn label_left(scene: &mut Scene, content: String, x: f64, y: f64) {
    scene.texts.push(Text::new(content, Point::new(x, y), SMALL, INK).anchored(Anchor::End, Anchor::Middle));
}

fn heading(axis: &Axis) -> f64 {
    if axis.label().is_empty() { 0.0 } else { TEXT + 3.5 }
}

/// A page that says that there is nothing to draw.
pub(crate) fn nothing(width: f64, height: f64, title: &str, why: &str) -> Scene {
    let mut scene = Scene::new(width, height, title);
    let inner = scene.page().grown(-MARGIN);
    scene.stroke(Path::rectangle(inner), Stroke::solid(GRID, HAIRLINE));
    let content = shortened(&format!("no data: {why}"), TEXT, Weight::Regular, inner.width() - 4.0);
    scene.texts.push(Text::new(content, inner.centre(), TEXT, MUTED));
    scene
}
