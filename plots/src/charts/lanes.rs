//! Tasks in lanes: a column for each processor, a row for each task.

use crate::backend::{pixel, pixels};
use crate::canvas::Canvas;
use crate::charts::Task;
use crate::charts::fusion::NAMES;
use crate::elements::{Curve, corners, filled, line, lined, rectangle};
use crate::geometry::{Path, Point, Rectangle, Step};
use crate::scene::{Stroke, Text, Weight, shortened};
use crate::style::{GRID, INK, MUTED, Series, WHITE, processors};

/// Height of a task.
const HEIGHT: f64 = 11.0;
/// Height of the bar that shows the time.
const BAR: f64 = 2.2;
/// Size of labels.
const LABEL: f64 = 5.6;
/// Widest that a task is drawn.
const WIDEST: f64 = 72.0;
/// Right of the lanes, for lines that lead past several rows.
const GUTTER: f64 = 6.0;
/// Lines that lead over this many rows go around what is between.
const FAR: usize = 3;

/// A task, and the operators that it joins; no task where they are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) task: Option<usize>,
    pub(super) operators: Vec<usize>,
}

/// Tasks and where they ran.
pub(super) struct Lanes<'a> {
    pub(super) names: &'a [String],
    pub(super) tasks: &'a [Task],
    pub(super) rows: &'a [Row],
    /// Upper sides of the rows, and the lower one of the last.
    pub(super) tops: &'a [f64],
    pub(super) area: Rectangle,
}

/// Where a task is drawn.
struct Node {
    place: Rectangle,
    row: usize,
    time: f64,
    look: Option<usize>,
}

impl Lanes<'_> {
    /// Draws names, links and tasks.
    pub(super) fn draw(&self, canvas: &Canvas) {
        let looks = processors(self.names);
        for (index, name) in self.names.iter().enumerate() {
            let x = self.middle(index);
            let content = shortened(name, NAMES, Weight::Semibold, self.pitch() - 2.0);
            canvas.write(&Text::new(content, Point::new(x, self.area.top - 5.0), NAMES, INK).semibold());
            let lane = [Point::new(x, self.area.top), Point::new(x, self.area.bottom)];
            canvas.draw(&line(lane.map(pixel), Stroke::solid(GRID, 0.5)));
        }
        let boxes: Vec<Vec<Node>> = (0..self.tasks.len()).map(|task| self.boxes(task)).collect();
        for (to, task) in self.tasks.iter().enumerate() {
            for from in task.reads.iter().filter_map(|&from| boxes.get(from)?.first()) {
                let Some(to) = boxes[to].first() else { continue };
                let stroke = Stroke::solid(MUTED.mixed(WHITE, 0.1), 0.6);
                canvas.draw(&Curve { from: (0, pixels(0.0)), path: self.link(from, to), stroke });
            }
        }
        let longest = boxes.iter().flatten().map(|it| it.time).fold(0.0, f64::max);
        for (task, boxes) in self.tasks.iter().zip(&boxes) {
            for it in boxes {
                draw_box(canvas, it, task, longest, &looks);
            }
        }
    }

    fn pitch(&self) -> f64 {
        (self.area.width() - GUTTER) / self.names.len().max(1) as f64
    }

    fn middle(&self, lane: usize) -> f64 {
        self.area.left + self.pitch() * (lane as f64 + 0.5)
    }

    /// One box for each lane that a task ran in, with the sum of its times there, the longest first; in the middle of all lanes if it never ran.
    fn boxes(&self, task: usize) -> Vec<Node> {
        let Some(row) = self.rows.iter().position(|row| row.task == Some(task)) else { return Vec::new() };
        let y = f64::midpoint(self.tops[row], self.tops[row + 1]);
        let half = (self.pitch() - 4.0).clamp(1.0, WIDEST) / 2.0;
        let around = |x: f64| Rectangle::new(x - half, y - HEIGHT / 2.0, x + half, y + HEIGHT / 2.0);
        let mut boxes: Vec<Node> = Vec::new();
        for (worker, time) in &self.tasks[task].ran {
            let Some(lane) = self.names.iter().position(|name| name == worker) else { continue };
            let time = if time.is_finite() { time.max(0.0) } else { 0.0 };
            match boxes.iter_mut().find(|known| known.look == Some(lane)) {
                Some(known) => known.time += time,
                None => boxes.push(Node { place: around(self.middle(lane)), row, time, look: Some(lane) }),
            }
        }
        boxes.sort_by(|one, other| other.time.total_cmp(&one.time));
        if boxes.is_empty() {
            boxes.push(Node { place: around(self.area.centre().x - GUTTER / 2.0), row, time: 0.0, look: None });
        }
        boxes
    }

    /// Down to what reads it; around the lanes where it is far.
    fn link(&self, from: &Node, to: &Node) -> Path {
        let (begin, end) = (from.place.centre(), to.place.centre());
        if to.row.abs_diff(from.row) >= FAR {
            let gutter = self.area.right - 1.5;
            return Path::line([begin, Point::new(gutter, begin.y), Point::new(gutter, end.y), end]);
        }
        let (begin, end) = (Point::new(begin.x, from.place.bottom), Point::new(end.x, to.place.top));
        let middle = f64::midpoint(begin.y, end.y);
        let bend = Step::Cubic(Point::new(begin.x, middle), Point::new(end.x, middle), end);
        Path(vec![Step::Move(begin), bend])
    }
}

fn draw_box(canvas: &Canvas, it: &Node, task: &Task, longest: f64, looks: &[Series]) {
    let colour = it.look.map_or(MUTED, |lane| looks[lane].colour);
    canvas.draw(&rectangle(corners(it.place), filled(WHITE)));
    canvas.draw(&rectangle(corners(it.place), filled(colour.mixed(WHITE, 0.72))));
    let share = if longest > 0.0 { it.time / longest } else { 0.0 };
    let right = it.place.left + (it.place.width() * share).max(0.3);
    let bar = Rectangle::new(it.place.left, it.place.bottom - BAR, right, it.place.bottom);
    canvas.draw(&rectangle(corners(bar), filled(colour)));
    canvas.draw(&rectangle(corners(it.place), lined(Stroke::solid(colour, 0.5))));
    // What is pointed at is the whole box, in front.
    canvas.draw(&rectangle(corners(it.place), filled(WHITE.with_alpha(0.0))).hint(task.hint.clone()));
    let content = shortened(&task.label, LABEL, Weight::Regular, it.place.width() - 2.0);
    let centre = it.place.centre();
    canvas.write(&Text::new(content, Point::new(centre.x, centre.y - BAR / 2.0 + 0.2), LABEL, INK));
}
