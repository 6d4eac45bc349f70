//! The study's figures and tables, as data: each part runs its scenarios, tabulates what came out, and says what that supports.
//!
//! [`PARTS`] is the one table of all parts; the command line, the page and the tests loop over it. Nothing here draws: a [`Chart`] is
//! plain data in the form in which `plots` reads it.

#![forbid(unsafe_code)]

mod chart;
mod claims;
mod context;
mod error;
mod file;
mod outcome;
mod page;
mod part;
mod parts;
mod table;

pub use chart::{
    Alternative, Bar, Bars, Boxes, Cell, Chart, Curve, CurvePoint, Figure, Fusion, HeatMap, Lines, Operator, Panel, Pareto,
    Sample, Span, Stacks, Swing, Task, TaskGraph, Timeline, Tornado, Width,
};
pub use claims::{CLAIMS, Claim};
pub use context::{Context, Loaded, Seen};
pub use error::StudyError;
pub use file::{FigureEntry, PartEntry, STUDY_FILE, StudyFile, StudyProvenance, TableEntry};
pub use outcome::{Outcome, median_ms};
pub use page::{Made, page};
pub use part::{Determinism, Part, PartData, Support, Verdict, part};
pub use parts::PARTS;
pub use table::{Column, Kind, Table, Value};

/// Version of the layout of `study.json` and of the tables beside it; any change of a field, a column or a unit raises it.
pub const SCHEMA_VERSION: u32 = 1;
