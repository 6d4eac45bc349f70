//! Charts of a model and of what ran when.

use serde::Serialize;

use super::Width;

/// Rows of bars over time: a row for each processor or link.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Timeline {
    /// What it shows.
    pub title: String,
    /// Unit of time, such as `ms`.
    pub unit: String,
    /// Rows, from top to bottom.
    pub rows: Vec<String>,
    /// Bars.
    pub spans: Vec<Span>,
    /// Times at which requests arrive.
    pub arrivals: Vec<f64>,
    /// From when to when; what lies outside is not drawn.
    pub window: (f64, f64),
    /// What is not shown, for a note; empty for nothing.
    pub note: String,
    /// Width on paper.
    pub width: Width,
}

/// A bar.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Span {
    /// Its row.
    pub row: usize,
    /// When it began.
    pub start: f64,
    /// When it ended.
    pub end: f64,
    /// What its colour stands for, such as its model; empty for the row's own colour.
    pub group: String,
    /// What is written on it where there is room.
    pub label: String,
    /// What is said when it is pointed at.
    pub hint: String,
}

/// A graph of tasks in layers from top to bottom, cut into strips from left to right.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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

/// Operators of a file on the left, a row for those that one task joins; on the right the task, in the lane of where it ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
