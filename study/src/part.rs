//! A part of the study: a figure or a table, what it runs, and what came out.

use serde::Serialize;

use crate::{Context, Figure, PARTS, StudyError, Table};

/// A part of the study.
pub struct Part {
    /// Name on the command line and stem of its files: `fig2`.
    pub name: &'static str,
    /// What it is about, in a few words.
    pub title: &'static str,
    /// Whether it comes out alike each time.
    pub determinism: Determinism,
    /// Scenarios of the library that it runs; each runs alone by `socrates run NAME`.
    pub scenarios: &'static [&'static str],
    /// Makes it.
    pub make: fn(&Context<'_>) -> Result<PartData, StudyError>,
}

/// Whether a part comes out alike each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Determinism {
    /// Simulated.
    Deterministic,
    /// Measured on the machine that made it.
    Measured,
}

impl Determinism {
    /// In words, for captions.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Deterministic => "deterministic: the same bytes on any machine and number of threads, seed 0",
            Self::Measured => "measured on the machine that made it",
        }
    }
}

/// What came out of a part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartData {
    /// What is shown, on what devices, models and strategies, with what interval; one paragraph.
    pub caption: String,
    /// Data: everything that is drawn, and more.
    pub tables: Vec<Table>,
    /// What is drawn.
    pub figures: Vec<Figure>,
    /// What the numbers say, a sentence or two each, made from them.
    pub findings: Vec<String>,
    /// What they say about the study's findings and hypotheses.
    pub verdicts: Vec<Verdict>,
}

/// Whether our numbers support a claim of the study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// They do.
    Supported,
    /// In some cases.
    Partly,
    /// They do not.
    NotSupported,
}

impl Support {
    /// Supported if all of the cases are, partly if some, else not; not of no cases.
    pub const fn of(for_it: usize, all: usize) -> Self {
        if for_it == 0 {
            Self::NotSupported
        } else if for_it < all {
            Self::Partly
        } else {
            Self::Supported
        }
    }

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Partly => "partly supported",
            Self::NotSupported => "not supported",
        }
    }
}

/// What a part says about a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Name of the claim, among [`crate::CLAIMS`].
    pub claim: &'static str,
    /// Whether it holds here.
    pub support: Support,
    /// The numbers behind it.
    pub because: String,
}

impl Verdict {
    /// A verdict on the claim of this name.
    pub fn new(claim: &'static str, support: Support, because: impl Into<String>) -> Self {
        Self { claim, support, because: because.into() }
    }
}

/// The part of a name.
pub fn part(name: &str) -> Option<&'static Part> {
    PARTS.iter().find(|part| part.name == name)
}
