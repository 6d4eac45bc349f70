//! Published figures beside what the simulator says: every cell, and whether anything was fitted to it.

mod codl;
mod contention;
mod responsiveness;
mod run;
mod throttling;

use thiserror::Error;

use crate::section::{Comparison, Pair, Section, Table};

/// Why published figures cannot be predicted.
#[derive(Debug, Error)]
pub enum PublishedError {
    /// Calibration on published figures, or a prediction from it, fails.
    #[error(transparent)]
    Calibration(#[from] hwcal::published::PublishedError),
    /// Published figures that cannot be read.
    #[error(transparent)]
    Data(#[from] hwcal::table::TableError),
    /// A scenario cannot be run.
    #[error("scenario `{scenario}`: {why}")]
    Scenario {
        /// The scenario.
        scenario: String,
        /// Why.
        why: String,
    },
}

/// How a figure of ours came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A parameter was fitted to the published figure.
    Fitted,
    /// Nothing was fitted to the published figure.
    Predicted,
}

impl Standing {
    /// As a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fitted => "fitted",
            Self::Predicted => "predicted",
        }
    }
}

/// One published figure beside ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// What it is, with its unit.
    pub what: String,
    /// As published, or as near as words come.
    pub published: String,
    /// Ours.
    pub ours: String,
    /// How ours came about.
    pub standing: Standing,
}

impl Cell {
    fn new(what: impl Into<String>, published: impl Into<String>, ours: impl Into<String>, standing: Standing) -> Self {
        Self { what: what.into(), published: published.into(), ours: ours.into(), standing }
    }
}

fn table(caption: &str, cells: Vec<Cell>) -> Table {
    let row = |cell: Cell| vec![cell.what, cell.published, cell.ours, cell.standing.name().to_owned()];
    Table {
        caption: caption.to_owned(),
        header: ["figure", "published", "ours", "ours is"].map(str::to_owned).into(),
        rows: cells.into_iter().map(row).collect(),
    }
}

fn comparison(name: &str, caption: &str, unit: &str, pairs: Vec<Pair>) -> Comparison {
    Comparison { name: name.to_owned(), caption: caption.to_owned(), unit: unit.to_owned(), pairs }
}

/// All sections on published figures, in the order of the page.
pub fn sections() -> Result<Vec<Section>, PublishedError> {
    Ok(vec![codl::latency()?, codl::power()?, contention::section()?, responsiveness::section()?, throttling::section()?])
}
