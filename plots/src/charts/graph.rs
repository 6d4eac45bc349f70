//! A model's graph of tasks, coloured by where they ran and how long.

use serde::Deserialize;

use crate::backend::pixels;
use crate::canvas::Canvas;
use crate::charts::distinct;
use crate::elements::{Curve, corners, filled, lined, rectangle};
use crate::frame::nothing;
use crate::geometry::{Path, Point, Rectangle, Step};
use crate::layered::{Layered, Place};
use crate::legend::{Entry, Legend, Symbol};
use crate::scene::{Dash, Hatch, POINTS_PER_MM, Scene, Stroke, Text, Weight, shortened};
use crate::style::{Colour, INK, MUTED, Marker, Series, VERMILLION, WHITE, Width, processors};

const NODE_WIDTH: f64 = 46.0;
const NODE_HEIGHT: f64 = 11.0;
/// From one layer to the next.
const PITCH: f64 = 17.0;
/// Between nodes of a layer.
const GAP: f64 = 5.0;
/// Between strips.
const GUTTER: f64 = 12.0;
/// Height of the bar that shows the time.
const BAR: f64 = 2.4;
/// Size of labels.
const LABEL: f64 = 5.6;
/// Highest strip that still fits a page with its caption, if that can be.
const HIGHEST: f64 = 200.0 * POINTS_PER_MM;

/// A graph of tasks in layers from top to bottom, cut into strips from left to right.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaskGraph {
    /// What it shows.
    pub title: String,
    /// The tasks; each reads results only of tasks before it.
    pub tasks: Vec<Task>,
    /// Unit of their times.
    pub unit: String,
    /// Width on paper; wide graphs exceed it.
    pub width: Width,
}

/// A task.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Task {
    /// What is written on it.
    pub label: String,
    /// What is said when it is pointed at.
    pub hint: String,
    /// Where it ran and how long, one entry a part; empty if it never did.
    pub ran: Vec<(String, f64)>,
    /// Whether it ran where it was not meant to.
    pub fallback: bool,
    /// The tasks whose results it reads.
    pub reads: Vec<usize>,
}

impl Task {
    fn time(&self) -> f64 {
        self.ran.iter().map(|(_, time)| time.max(0.0)).filter(|time| time.is_finite()).sum()
    }
}

/// A range of layers, drawn as one column.
struct Strip {
    first: usize,
    /// One past the last layer.
    end: usize,
    /// What is added to places of the layout.
    shift: f64,
    right: f64,
}

impl TaskGraph {
    /// Draws it.
    pub fn draw(&self) -> Scene {
        let across = self.width.points();
        if self.tasks.is_empty() {
            return nothing(across, 60.0, &self.title, "no tasks");
        }
        let reads: Vec<Vec<usize>> = self.tasks.iter().map(|task| task.reads.clone()).collect();
        let places = GraphPlaces::of(&reads, across);
        let workers = distinct(self.tasks.iter().flat_map(|task| task.ran.iter().map(|(worker, _)| worker)));
        let looks = processors(&workers);
        let longest = self.tasks.iter().map(Task::time).fold(0.0, f64::max);
        let legend = Legend::new(&self.legend(&workers, &looks, longest), across - 4.0);
        let top = legend.height() + 8.0;
        let canvas = Canvas::new(Scene::new(across.max(places.width), top + places.height + 4.0, self.title.clone()));
        legend.draw(&canvas, Point::new(2.0, 2.0));
        let down = |at: Point| Point::new(at.x, at.y + top);
        for line in &places.lines {
            let stroke = Stroke::solid(MUTED.mixed(WHITE, 0.35), 0.6);
            canvas.draw(&Curve { from: (0, pixels(top)), path: line.clone(), stroke });
        }
        for (task, at) in self.tasks.iter().zip(&places.nodes) {
            let look = |worker: &String| workers.iter().position(|it| it == worker).map_or(MUTED, |index| looks[index].colour);
            draw_task(&canvas, task, down(*at), longest, look);
        }
        canvas.done()
    }

    fn legend(&self, workers: &[String], looks: &[Series], longest: f64) -> Vec<Entry> {
        let plain = |look: &Series| Series { hatch: Hatch::Plain, ..*look };
        let mut legend: Vec<Entry> =
            workers.iter().zip(looks).map(|(worker, look)| Entry::new(worker, plain(look), Symbol::Area)).collect();
        let line = |colour, dash| Series { colour, dash, marker: Marker::Circle, hatch: Hatch::Plain };
        if self.tasks.iter().any(|task| task.fallback) {
            legend.push(Entry::new("fell back", line(VERMILLION, Dash::Dashed), Symbol::Line));
        }
        let scale = format!("full bar: {} {}", crate::number::si(longest, 3), self.unit);
        legend.push(Entry::new(scale, line(INK, Dash::Solid), Symbol::Line));
        legend
    }
}

/// Where the tasks of a graph stand, in points.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct GraphPlaces {
    /// Of all.
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Width and height of a task.
    pub(crate) node: (f64, f64),
    /// Middles of tasks.
    pub(crate) nodes: Vec<Point>,
    /// From what is read to what reads it.
    pub(crate) lines: Vec<Path>,
}

impl GraphPlaces {
    /// Lays out tasks by what each reads.
    pub(crate) fn of(reads: &[Vec<usize>], across: f64) -> Self {
        let from = |(to, reads): (usize, &Vec<usize>)| reads.iter().map(move |&from| (from, to)).collect::<Vec<_>>();
        let edges: Vec<(usize, usize)> = reads.iter().enumerate().flat_map(from).collect();
        // Results from before edges were kept: tasks in their order, no lines.
        let chain: Vec<(usize, usize)> = (1..reads.len()).map(|to| (to - 1, to)).collect();
        let known = !edges.is_empty();
        let graph = Layered::new(reads.len(), if known { &edges } else { &chain }, NODE_WIDTH, GAP);
        let strips = strips(&graph, across);
        let grid = Grid { graph: &graph, strips: &strips, top: 0.0 };
        let rows = strips.iter().map(|strip| strip.end - strip.first).max().unwrap_or(0);
        Self {
            width: strips.last().map_or(0.0, |strip| strip.right) + GUTTER / 2.0 + 1.0,
            height: PITCH * rows as f64,
            node: (NODE_WIDTH, NODE_HEIGHT),
            nodes: graph.nodes.iter().map(|&at| grid.at(at)).collect(),
            lines: graph.routes.iter().filter(|_| known).map(|route| grid.route(route)).collect(),
        }
    }
}

/// Cuts layers into as few strips as keep to a page's height, where few links are cut.
fn strips(graph: &Layered, across: f64) -> Vec<Strip> {
    let layers = graph.layers.len();
    let extent = |first: usize, end: usize| {
        let places = graph.layers[first..end].iter().flatten();
        places.fold((f64::INFINITY, f64::NEG_INFINITY), |(left, right), place| {
            (left.min(place.x - place.width / 2.0), right.max(place.x + place.width / 2.0))
        })
    };
    let cut = |count: usize| {
        let mut strips: Vec<Strip> = Vec::new();
        let (mut first, mut x) = (0, 4.0);
        for index in 0..count {
            let ideal = layers * (index + 1) / count;
            let slack = (layers / count / 6).min(4);
            let near = ideal.saturating_sub(slack).max(first + 1)..=(ideal + slack).min(layers);
            let best = near.min_by_key(|&end| (graph.links_below(end - 1), end.abs_diff(ideal)));
            let end = if index + 1 == count { layers } else { best.unwrap_or(ideal) };
            if end > first {
                let (left, right) = extent(first, end);
                strips.push(Strip { first, end, shift: x - left, right: x + right - left });
                x += right - left + GUTTER;
            }
            first = end;
        }
        strips
    };
    let width = |strips: &[Strip]| strips.last().map_or(0.0, |strip| strip.right + 4.0);
    let height = |strips: &[Strip]| strips.iter().map(|strip| PITCH * (strip.end - strip.first) as f64).fold(0.0, f64::max);
    let mut chosen = cut(1);
    for count in 2..=layers.max(2) {
        let candidate = cut(count);
        // Wide and low is better than high while it fits the page; what does not fit at all has at least the form of one.
        let fits = width(&candidate) <= across || height(&chosen) > HIGHEST.max(1.3 * width(&candidate));
        if !fits || height(&chosen) < 0.6 * across.min(HIGHEST) {
            break;
        }
        chosen = candidate;
    }
    chosen
}

struct Grid<'a> {
    graph: &'a Layered,
    strips: &'a [Strip],
    top: f64,
}

impl Grid<'_> {
    fn strip(&self, layer: usize) -> usize {
        self.strips.iter().position(|strip| layer < strip.end).unwrap_or(0)
    }

    /// The middle of a place on the page.
    fn at(&self, (layer, index): (usize, usize)) -> Point {
        let strip = &self.strips[self.strip(layer)];
        let Place { x, .. } = self.graph.layers[layer][index];
        Point::new(x + strip.shift, self.top + PITCH * ((layer - strip.first) as f64 + 0.5))
    }

    /// A line through places; where it goes on in the next strip, around the end of this one.
    fn route(&self, route: &[(usize, usize)]) -> Path {
        let mut path = Path::default();
        let half = NODE_HEIGHT / 2.0;
        for pair in route.windows(2) {
            let (from, to) = (self.at(pair[0]), self.at(pair[1]));
            let (begin, end) = (Point::new(from.x, from.y + half), Point::new(to.x, to.y - half));
            path.0.push(Step::Move(Point::new(from.x, from.y)));
            path.0.push(Step::Line(begin));
            let strip = self.strip(pair[0].0);
            if self.strip(pair[1].0) == strip {
                let middle = f64::midpoint(begin.y, end.y);
                path.0.push(Step::Cubic(Point::new(begin.x, middle), Point::new(end.x, middle), end));
            } else {
                let gutter = self.strips[strip].right + GUTTER / 2.0;
                let corners = [
                    (begin.x, begin.y + 2.5),
                    (gutter, begin.y + 2.5),
                    (gutter, end.y - 3.0),
                    (end.x, end.y - 3.0),
                    (end.x, end.y),
                ];
                path.0.extend(corners.map(|(x, y)| Step::Line(Point::new(x, y))));
            }
            path.0.push(Step::Line(to));
        }
        path
    }
}

fn draw_task(canvas: &Canvas, task: &Task, at: Point, longest: f64, colour: impl Fn(&String) -> Colour) {
    let (left, top) = (at.x - NODE_WIDTH / 2.0, at.y - NODE_HEIGHT / 2.0);
    let node = Rectangle::new(left, top, left + NODE_WIDTH, top + NODE_HEIGHT);
    // Under the tint nothing shines through.
    let fill = |place: Rectangle, colour: Colour| rectangle(corners(place), filled(colour));
    canvas.draw(&fill(node, WHITE));
    let (total, mut x, mut bar) = (task.time(), left, left);
    for (worker, time) in &task.ran {
        let time = if time.is_finite() { time.max(0.0) } else { 0.0 };
        let share = if total > 0.0 { time / total } else { 1.0 / task.ran.len() as f64 };
        let part = Rectangle::new(x, top, x + share * NODE_WIDTH, node.bottom);
        canvas.draw(&fill(part, colour(worker).mixed(WHITE, 0.72)));
        x = part.right;
        let length = if longest > 0.0 { NODE_WIDTH * time / longest } else { 0.0 };
        let shown = Rectangle::new(bar, node.bottom - BAR, bar + length.max(0.3), node.bottom);
        canvas.draw(&fill(shown, colour(worker)));
        bar += length;
    }
    let border = if task.fallback {
        Stroke { colour: VERMILLION, width: 1.1, dash: Dash::Dashed }
    } else {
        Stroke::solid(task.ran.first().map_or(MUTED, |(worker, _)| colour(worker)), 0.5)
    };
    canvas.draw(&rectangle(corners(node), lined(border)).dashed(border.dash));
    // What is pointed at is the whole node, in front.
    canvas.draw(&fill(node, WHITE.with_alpha(0.0)).hint(task.hint.clone()));
    let content = shortened(&task.label, LABEL, Weight::Regular, NODE_WIDTH - 2.0);
    canvas.write(&Text::new(content, Point::new(at.x, at.y - BAR / 2.0 + 0.2), LABEL, INK));
}
