//! What a model's operators became: the graph of its file, the tasks that they are joined to, and where those ran.

use serde::Deserialize;

use crate::backend::pixels;
use crate::canvas::Canvas;
use crate::charts::Task;
use crate::charts::lanes::{Lanes, Row};
use crate::elements::{Curve, corners, filled, lined, rectangle};
use crate::frame::nothing;
use crate::geometry::{Path, Point, Rectangle, Step};
use crate::scene::{Anchor, Dash, Scene, Stroke, Text, Weight, shortened};
use crate::style::{GRID, INK, MUTED, SMALL, TEXT, WHITE, Width};

/// From one line of operators to the next.
const PITCH: f64 = 15.5;
/// Height of an operator.
const HEIGHT: f64 = 9.6;
/// Width of an operator.
const OPERATOR: f64 = 39.0;
/// Between operators of a line.
const GAP: f64 = 5.0;
/// Left of the operators, for lines that lead past several rows.
const GUTTER: f64 = 9.0;
/// Most operators beside each other.
const MOST: usize = 6;
/// Room for headings.
const HEADING: f64 = 23.0;
/// Size of labels.
const LABEL: f64 = 5.6;
/// Lines that lead over this many rows go around what is between.
const FAR: usize = 3;

/// Operators of a file on the left, a row for those that one task joins; on the right the task, in the lane of where it ran.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fusion {
    /// What it shows.
    pub title: String,
    /// What is written above the operators, and above the tasks.
    pub headings: (String, String),
    /// The operators; each reads results only of operators before it.
    pub operators: Vec<Operator>,
    /// The tasks; each reads results only of tasks before it.
    pub tasks: Vec<Task>,
    /// Where tasks run, from left to right.
    pub lanes: Vec<String>,
}

/// An operator of a file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Operator {
    /// What is written on it.
    pub label: String,
    /// What is said when it is pointed at.
    pub hint: String,
    /// The operators whose results it reads.
    pub reads: Vec<usize>,
    /// The task that it is part of; `None` if it is gone.
    pub task: Option<usize>,
    /// Where it is gone: what took it away.
    pub gone: String,
}

impl Fusion {
    /// Draws it, as wide as both columns of paper.
    pub fn draw(&self) -> Scene {
        let across = Width::Double.points();
        if self.operators.is_empty() && self.tasks.is_empty() {
            return nothing(across, 60.0, &self.title, "no operators");
        }
        let rows = self.rows();
        let mut tops = vec![HEADING];
        for row in &rows {
            let lines = row.operators.len().div_ceil(MOST).max(1);
            tops.push(tops[tops.len() - 1] + PITCH * lines as f64);
        }
        let height = tops[tops.len() - 1];
        let canvas = Canvas::new(Scene::new(across, height + 3.0, self.title.clone()));
        for (row, top) in rows.iter().zip(tops.windows(2)).filter(|(row, _)| row.task.is_some()) {
            let band = Rectangle::new(GUTTER - 2.0, top[0] + 0.8, across - 2.0, top[1] - 0.8);
            let hint = row.task.and_then(|task| self.tasks.get(task)).map_or("", |task| task.hint.as_str());
            canvas.draw(&rectangle(corners(band), filled(GRID.mixed(WHITE, 0.62))).hint(hint));
        }
        let right = GUTTER + 3.0 + MOST as f64 * (OPERATOR + GAP);
        self.draw_operators(&canvas, &rows, &tops);
        for (row, top) in rows.iter().zip(&tops).filter(|(row, _)| row.task.is_none()) {
            let last = GUTTER + 3.0 + row.operators.len().min(MOST) as f64 * (OPERATOR + GAP);
            let why = row.operators.first().map_or("", |&operator| self.operators[operator].gone.as_str());
            let content = shortened(why, LABEL, Weight::Regular, across - last - 4.0);
            let at = Point::new(last, top + PITCH / 2.0);
            canvas.write(&Text::new(content, at, LABEL, MUTED).anchored(Anchor::Start, Anchor::Middle));
        }
        let heading = |content: &str, x: f64, room: f64| {
            let content = shortened(content, TEXT, Weight::Semibold, room);
            let text = Text::new(content, Point::new(x, 2.0), TEXT, INK);
            canvas.write(&text.semibold().anchored(Anchor::Start, Anchor::Start));
        };
        heading(&self.headings.0, 2.0, right - 6.0);
        heading(&self.headings.1, right + 4.0, across - right - 8.0);
        let area = Rectangle::new(right + 4.0, HEADING, across - 4.0, height);
        Lanes { names: &self.lanes, tasks: &self.tasks, rows: &rows, tops: &tops, area }.draw(&canvas);
        canvas.done()
    }

    /// A row for each task, one for operators that are gone and stand beside each other in the file, in the order of their first ones.
    fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for (index, operator) in self.operators.iter().enumerate() {
            let task = operator.task.filter(|&task| task < self.tasks.len());
            let open = match task {
                Some(_) => rows.iter_mut().find(|row| row.task == task),
                None => {
                    rows.last_mut().filter(|row| row.task.is_none() && self.operators[row.operators[0]].gone == operator.gone)
                }
            };
            match open {
                Some(row) => row.operators.push(index),
                None => rows.push(Row { task, operators: vec![index] }),
            }
        }
        let drawn = |task: usize| rows.iter().any(|row| row.task == Some(task));
        let others: Vec<usize> = (0..self.tasks.len()).filter(|&task| !drawn(task)).collect();
        rows.extend(others.into_iter().map(|task| Row { task: Some(task), operators: Vec::new() }));
        rows
    }

    fn draw_operators(&self, canvas: &Canvas, rows: &[Row], tops: &[f64]) {
        let mut places = vec![(0, Point::default()); self.operators.len()];
        for (at, row) in rows.iter().enumerate() {
            for (index, &operator) in row.operators.iter().enumerate() {
                let x = GUTTER + 3.0 + OPERATOR / 2.0 + (OPERATOR + GAP) * (index % MOST) as f64;
                places[operator] = (at, Point::new(x, tops[at] + PITCH * ((index / MOST) as f64 + 0.5)));
            }
        }
        for (to, operator) in self.operators.iter().enumerate() {
            for &from in operator.reads.iter().filter(|&&from| from < to) {
                let stroke = Stroke::solid(MUTED.mixed(WHITE, 0.25), 0.6);
                canvas.draw(&Curve { from: (0, pixels(0.0)), path: link(places[from], places[to]), stroke });
            }
        }
        for (operator, (_, at)) in self.operators.iter().zip(&places) {
            let node = Rectangle::new(at.x - OPERATOR / 2.0, at.y - HEIGHT / 2.0, at.x + OPERATOR / 2.0, at.y + HEIGHT / 2.0);
            let gone = operator.task.is_none();
            let (colour, dash) = if gone { (MUTED, Dash::Dashed) } else { (MUTED.mixed(WHITE, 0.3), Dash::Solid) };
            canvas.draw(&rectangle(corners(node), filled(WHITE)).hint(operator.hint.clone()));
            canvas.draw(&rectangle(corners(node), lined(Stroke { colour, width: 0.6, dash })).dashed(dash));
            let content = shortened(&operator.label, LABEL, Weight::Regular, OPERATOR - 1.5);
            canvas.write(&Text::new(content, *at, LABEL, if gone { MUTED } else { INK }));
        }
    }
}

/// A line from an operator to one that reads it: along the line, down to the next rows, or around many.
fn link((from_row, from): (usize, Point), (to_row, to): (usize, Point)) -> Path {
    let half = HEIGHT / 2.0;
    let (begin, end) = (Point::new(from.x, from.y + half), Point::new(to.x, to.y - half));
    if (from.y - to.y).abs() < 0.1 {
        let next = to.x - from.x < OPERATOR + 2.0 * GAP;
        return if next { Path::line([from, to]) } else { over(from, to) };
    }
    if to_row.abs_diff(from_row) < FAR {
        let middle = f64::midpoint(begin.y, end.y);
        let bend = Step::Cubic(Point::new(begin.x, middle), Point::new(end.x, middle), end);
        return Path(vec![Step::Move(begin), bend]);
    }
    let gutter = GUTTER / 2.0 - 1.0;
    Path::line([
        begin,
        Point::new(begin.x, begin.y + 1.4),
        Point::new(gutter, begin.y + 1.4),
        Point::new(gutter, end.y - 1.4),
        Point::new(end.x, end.y - 1.4),
        end,
    ])
}

/// A line over the operators between two of a line.
fn over(from: Point, to: Point) -> Path {
    let top = from.y - HEIGHT / 2.0;
    let peak = top - (PITCH - HEIGHT) / 2.0 + 0.4;
    let (begin, end) = (from.x + OPERATOR / 4.0, to.x - OPERATOR / 4.0);
    Path::line([Point::new(begin, top), Point::new(begin, peak), Point::new(end, peak), Point::new(end, top)])
}

/// Size of names over lanes.
pub(super) const NAMES: f64 = SMALL;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_what_is_joined() {
        let operator = |task: Option<usize>, gone: &str| Operator { task, gone: gone.to_owned(), ..Operator::default() };
        let operators = vec![
            operator(Some(0), ""),
            operator(None, "layout"),
            operator(None, "dead"),
            operator(Some(1), ""),
            operator(Some(0), ""),
            operator(Some(9), ""),
        ];
        let fusion = Fusion { operators, tasks: vec![Task::default(); 3], ..Fusion::default() };
        let rows: Vec<(Option<usize>, Vec<usize>)> = fusion.rows().into_iter().map(|row| (row.task, row.operators)).collect();
        let expected =
            [(Some(0), vec![0, 4]), (None, vec![1]), (None, vec![2]), (Some(1), vec![3]), (None, vec![5]), (Some(2), vec![])];
        assert_eq!(rows, expected);
    }
}
