//! A chart of any kind, as it is read from data of the study.

use serde::Deserialize;

use crate::Scene;
use crate::charts::{Bars, Boxes, Fusion, HeatMap, Lines, Pareto, Stacks, TaskGraph, Timeline, Tornado};

/// A chart.
#[derive(Clone, Debug, PartialEq, Deserialize)]
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

impl Chart {
    /// Draws it.
    pub fn draw(&self) -> Scene {
        match self {
            Self::Bars(chart) => chart.draw(),
            Self::Boxes(chart) => chart.draw(),
            Self::Heat(chart) => chart.draw(),
            Self::Lines(chart) => chart.draw(),
            Self::Pareto(chart) => chart.draw(),
            Self::Stacks(chart) => chart.draw(),
            Self::Timeline(chart) => chart.draw(),
            Self::Tornado(chart) => chart.draw(),
            Self::Graph(chart) => chart.draw(),
            Self::Fusion(chart) => chart.draw(),
        }
    }
}
