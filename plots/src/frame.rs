//! The frame of a chart: axes with ticks, labels, legend and notes, and the area between them where data go.

use plotters::coord::cartesian::MeshLine;
use plotters::coord::ranged1d::{BoldPoints, Ranged, ValueFormatter};
use plotters::element::{Drawable, PointCollection};

use crate::axis::{Axis, GAP, label_left, names_below, names_left, small};
use crate::backend::{pixel, pixels, point};
use crate::canvas::{Canvas, Plot, drawn};
use crate::elements::{corners, line, lined, rectangle};
use crate::geometry::{Point, Rectangle};
use crate::legend::{Entry, Legend};
use crate::scene::{Anchor, Scene, Stroke, Text, Weight, shortened};
use crate::style::{GRID, HAIRLINE, INK, MUTED, SMALL, TEXT};

/// Margin of the page.
const MARGIN: f64 = 2.0;
/// Least area for data, a side.
const LEAST: f64 = 20.0;
/// A grid line nearer to an axis than this is not drawn, in pixels.
const NEAR: u32 = 50;

/// Where data go.
pub(crate) struct Frame {
    /// The page around the area.
    pub(crate) canvas: Canvas,
    /// The area; its places are values.
    plot: Plot,
    /// Where the area is on the page.
    pub(crate) area: Rectangle,
}

impl Frame {
    /// Draws an element whose places are values.
    pub(crate) fn draw<'a, E>(&self, element: &'a E)
    where
        &'a E: PointCollection<'a, (f64, f64)>,
        E: Drawable<Scene>,
    {
        drawn(&self.plot.draw(element));
    }

    /// Where values are on the page, in points.
    pub(crate) fn at(&self, x: f64, y: f64) -> Point {
        point(self.plot.map_coordinate(&(x, y)))
    }

    /// The page as it is.
    pub(crate) fn done(self) -> Scene {
        self.canvas.done()
    }
}

/// What a frame is made of.
pub(crate) struct Layout<'a> {
    /// What the figure shows.
    pub(crate) title: &'a str,
    /// Width of the page, in points.
    pub(crate) across: f64,
    pub(crate) x: &'a Axis,
    pub(crate) y: &'a Axis,
    pub(crate) legend: &'a [Entry],
    /// Under the chart: what was left out.
    pub(crate) notes: &'a [String],
    /// Height of the area for data; `None` for as high as it is wide.
    pub(crate) height: Option<f64>,
}

impl Layout<'_> {
    /// Draws everything around the data and the grid behind them, on a page as high as that needs.
    pub(crate) fn draw(&self) -> Frame {
        let (page_left, page_right) = (MARGIN, self.across - MARGIN);
        let legend = Legend::new(self.legend, page_right - page_left);
        let top = MARGIN + legend.height() + SMALL / 2.0;
        let left = page_left + self.y.heading() + self.y.left_labels(self.across) + GAP;
        let right = (page_right - self.x.right_margin()).max(left + LEAST);
        let bottom = top + self.height.unwrap_or(right - left).max(LEAST);
        // Whole pixels, as all that is drawn.
        let [(left, top), (right, bottom)] = corners(Rectangle::new(left, top, right, bottom));
        let (first, last) = (point((left, top)), point((right, bottom)));
        let area = Rectangle::new(first.x, first.y, last.x, last.y);
        let below = self.x.heading() + self.x.bottom_labels(area.width()) + GAP;
        let note_height = SMALL + 3.0;
        let height = area.bottom + below + note_height * self.notes.len() as f64 + MARGIN;
        let page = Scene::new(self.across.max(area.right + MARGIN), height, self.title);
        let size = (page.width, page.height);
        let canvas = Canvas::new(page);
        let across = (self.x.scale(area.width(), small), (left, right));
        let down = match self.y {
            Axis::Numbers { .. } => (bottom, top),
            Axis::Names { .. } => (top, bottom),
        };
        let plot = canvas.plot(across, (self.y.scale(area.height(), |_| SMALL), down));
        let frame = Frame { canvas, plot, area };
        legend.draw(&frame.canvas, Point::new(page_left, MARGIN));
        grid(&frame);
        self.draw_vertical(&frame, size);
        self.draw_horizontal(&frame, size, below);
        for (index, note) in self.notes.iter().enumerate() {
            let y = area.bottom + below + note_height * (index + 1) as f64 - 1.0;
            let content = shortened(note, SMALL, Weight::Regular, page_right - page_left);
            let text = Text::new(content, Point::new(page_left, y), SMALL, MUTED);
            frame.canvas.write(&text.anchored(Anchor::Start, Anchor::End));
        }
        frame
    }

    fn draw_vertical(&self, frame: &Frame, (_, height): (f64, f64)) {
        let (canvas, area) = (&frame.canvas, frame.area);
        let scale = frame.plot.as_coord_spec().y_spec();
        for value in scale.key_points(BoldPoints(usize::MAX)) {
            let y = frame.at(frame.plot.get_x_range().start, value).y;
            label_left(canvas, scale.format_ext(&value), area.left - GAP, y);
        }
        if let Axis::Names { names, .. } = self.y {
            names_left(canvas, names, area, self.y.left_labels(self.across) + 0.01);
        }
        let axis = [Point::new(area.left, area.top), Point::new(area.left, area.bottom)];
        canvas.draw(&line(axis.map(pixel), Stroke::solid(INK, HAIRLINE)));
        if !self.y.label().is_empty() {
            let at = Point::new(MARGIN, area.centre().y);
            let content = shortened(self.y.label(), TEXT, Weight::Regular, height - 2.0 * MARGIN);
            let mut text = Text::new(content, at, TEXT, INK).anchored(Anchor::Middle, Anchor::Start).upwards();
            // Long labels of low charts move rather than leave the page.
            let bounds = text.bounds();
            text.at.y += (MARGIN - bounds.top).max(0.0) - (bounds.bottom - height + MARGIN).max(0.0);
            canvas.write(&text);
        }
    }

    fn draw_horizontal(&self, frame: &Frame, (across, _): (f64, f64), below: f64) {
        let (canvas, area) = (&frame.canvas, frame.area);
        let scale = frame.plot.as_coord_spec().x_spec();
        for value in scale.key_points(usize::MAX) {
            let label = scale.format_ext(&value);
            let x = frame.at(value, frame.plot.get_y_range().start).x;
            let length = if label.is_empty() { 1.2 } else { 2.0 };
            let mark = [Point::new(x, area.bottom), Point::new(x, area.bottom + length)];
            canvas.draw(&line(mark.map(pixel), Stroke::solid(INK, HAIRLINE)));
            if !label.is_empty() {
                let at = Point::new(x, area.bottom + GAP);
                canvas.write(&Text::new(label, at, SMALL, INK).anchored(Anchor::Middle, Anchor::Start));
            }
        }
        if let Axis::Names { names, .. } = self.x {
            names_below(canvas, names, area);
        }
        let axis = [Point::new(area.left, area.bottom), Point::new(area.right, area.bottom)];
        canvas.draw(&line(axis.map(pixel), Stroke::solid(INK, HAIRLINE)));
        if !self.x.label().is_empty() {
            let at = Point::new(area.centre().x, area.bottom + below - 2.0);
            let content = shortened(self.x.label(), TEXT, Weight::Regular, across - 2.0 * MARGIN);
            let mut text = Text::new(content, at, TEXT, INK).anchored(Anchor::Middle, Anchor::End);
            let bounds = text.bounds();
            text.at.x += (MARGIN - bounds.left).max(0.0) - (bounds.right - across + MARGIN).max(0.0);
            canvas.write(&text);
        }
    }
}

/// A line behind the data for each tick with a label, none over the axes.
fn grid(frame: &Frame) {
    let style = lined(Stroke::solid(GRID, 0.4));
    let (left, bottom) = (pixels(frame.area.left), pixels(frame.area.bottom));
    let mesh = frame.plot.draw_mesh(
        |page, line| {
            let near = match &line {
                MeshLine::XMesh(from, ..) => from.0.abs_diff(left),
                MeshLine::YMesh(from, ..) => from.1.abs_diff(bottom),
            };
            if near <= NEAR { Ok(()) } else { line.draw(page, &style) }
        },
        BoldPoints(usize::MAX),
        BoldPoints(usize::MAX),
    );
    drawn(&mesh);
}

/// A page that says that there is nothing to draw.
pub(crate) fn nothing(width: f64, height: f64, title: &str, why: &str) -> Scene {
    let scene = Scene::new(width, height, title);
    let inner = scene.page().grown(-MARGIN);
    let canvas = Canvas::new(scene);
    canvas.draw(&rectangle(corners(inner), lined(Stroke::solid(GRID, HAIRLINE))));
    let content = shortened(&format!("no data: {why}"), TEXT, Weight::Regular, inner.width() - 4.0);
    canvas.write(&Text::new(content, inner.centre(), TEXT, MUTED));
    canvas.done()
}
