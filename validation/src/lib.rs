//! Predicted against measured, wherever a measurement exists.
//!
//! [`Summary`] is the one way errors are told, [`Section`] the one way a part of the validation is handed to the command
//! line, the report page and the figures. A fit never sees what it is judged on: [`hwcal`](../hwcal/index.html) fits, this
//! crate hands it the measurements it may see and judges on the others.

#![forbid(unsafe_code)]

pub mod host;
pub mod mappings;
pub mod models;
pub mod published;
pub mod replay;
pub mod section;
pub mod statistics;
pub mod summary;

pub use section::{Comparison, Pair, Section, Table};
pub use summary::Summary;
