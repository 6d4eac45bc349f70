//! Charts as data, in the form in which `plots` reads them: the fields are those of `plots::charts`.

mod run;

use serde::Serialize;

pub use run::{Fusion, Operator, Span, Task, TaskGraph, Timeline};

/// A figure: one chart, or several side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figure {
    /// What tells it from other figures of its part in file names; empty for the only or first one.
    pub name: String,
    /// What it shows, for readers that do not see it.
    pub caption: String,
    /// Panels in a row; at least 1.
    pub columns: usize,
    /// Its panels, row by row.
    pub panels: Vec<Panel>,
    /// Whether the page leaves it out; it is written beside it all the same.
    pub aside: bool,
}

/// A chart in a figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Panel {
    /// What is written above it: `a  MobileNet v2`; empty for nothing.
    pub label: String,
    /// The chart.
    pub chart: Chart,
}

impl Figure {
    /// A figure of one chart.
    pub fn of(name: &str, caption: impl Into<String>, chart: Chart) -> Self {
        let panels = vec![Panel { label: String::new(), chart }];
        Self { name: name.to_owned(), caption: caption.into(), columns: 1, panels, aside: false }
    }

    /// A figure of several charts.
    pub fn grid(name: &str, caption: impl Into<String>, columns: usize, panels: Vec<Panel>) -> Self {
        Self { name: name.to_owned(), caption: caption.into(), columns: columns.max(1), panels, aside: false }
    }

    /// The figure, left out of the page.
    #[must_use]
    pub fn aside(mut self) -> Self {
        self.aside = true;
        self
    }
}

impl Panel {
    /// A chart with a label above it.
    pub fn new(label: impl Into<String>, chart: Chart) -> Self {
        Self { label: label.into(), chart }
    }
}

/// A chart. Numbers must be finite.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Chart {
    /// Grouped bars with intervals.
    Bars(Bars),
    /// Distributions.
    Boxes(Boxes),
    /// A table of values, coloured.
    Heat(HeatMap),
    /// Curves.
    Lines(Lines),
    /// Alternatives with two costs.
    Pareto(Pareto),
    /// Wholes and their parts.
    Stacks(Stacks),
    /// What ran when.
    Timeline(Timeline),
    /// What a result becomes when parameters are moved.
    Tornado(Tornado),
    /// A model's tasks.
    Graph(TaskGraph),
    /// A model's operators, and the tasks that they became.
    Fusion(Fusion),
}

/// Width of a figure on paper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Width {
    /// One column of two: 85 mm. Two such panels fit side by side.
    #[default]
    Single,
    /// Both columns: 178 mm.
    Double,
}

/// Bars side by side: for each place, one of each series.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Bars {
    /// What it shows.
    pub title: String,
    /// What is on the vertical axis, with its unit.
    pub quantity: String,
    /// What the places are; empty for nothing.
    pub places_are: String,
    /// Places, such as models.
    pub places: Vec<String>,
    /// Series, such as strategies.
    pub series: Vec<String>,
    /// For each place a bar of each series; `None` where there is none, marked by a dash.
    pub bars: Vec<Vec<Option<Bar>>>,
    /// Whether equal ratios are equally long; bars then begin at the edge.
    pub logarithmic: bool,
    /// Width on paper.
    pub width: Width,
    /// Height of the area of the bars over the width of the figure; 0 for what suits most.
    pub aspect: f64,
}

/// A value with an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bar {
    /// The value.
    pub value: f64,
    /// Ends of its interval, if it has one.
    pub interval: Option<(f64, f64)>,
}

/// One box a sample: quartiles and median, whiskers from the 5th to the 95th percentile, a point for each value beyond.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Boxes {
    /// What it shows.
    pub title: String,
    /// What is on the axis, with its unit.
    pub quantity: String,
    /// The samples, from top to bottom.
    pub samples: Vec<Sample>,
    /// Whether equal ratios are equally long.
    pub logarithmic: bool,
    /// A value to mark, such as no error at all.
    pub mark: Option<f64>,
    /// Width on paper.
    pub width: Width,
}

/// Values of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Its name.
    pub name: String,
    /// The values.
    pub values: Vec<f64>,
}

/// A table of values, coloured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HeatMap {
    /// What it shows.
    pub title: String,
    /// What the numbers are, with their unit.
    pub quantity: String,
    /// Rows, from top to bottom.
    pub rows: Vec<String>,
    /// Columns.
    pub columns: Vec<String>,
    /// For each row a cell of each column; `None` where there is none.
    pub cells: Vec<Vec<Option<Cell>>>,
    /// Whether equal ratios are equal steps of colour.
    pub logarithmic: bool,
    /// Width on paper.
    pub width: Width,
}

/// A cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cell {
    /// Its number.
    pub value: f64,
    /// What it is of, such as the best strategy: then the colour is that group's, else it follows the value.
    pub group: Option<String>,
}

/// Curves in one frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Curve {
    /// Its name.
    pub name: String,
    /// Its points, by ascending place.
    pub points: Vec<CurvePoint>,
    /// Whether a value holds until the next, as that of a clock does; else points are joined.
    pub steps: bool,
}

/// A point of a curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Its place on the horizontal axis.
    pub x: f64,
    /// Its value.
    pub y: f64,
    /// Ends of its interval, if it has one.
    pub interval: Option<(f64, f64)>,
}

/// Alternatives with two costs, both the lower the better.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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

/// One bar a whole, from left to right its parts; its sum at the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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

/// What a result becomes when one parameter after the other is lowered and raised; the one that moves it most on top.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Swing {
    /// Its name, with how far it is moved.
    pub name: String,
    /// The result with the parameter lowered.
    pub lowered: f64,
    /// The result with it raised.
    pub raised: f64,
}
