//! From the text of a file to typed values that know where they stand, with every error of the file located.
//!
//! The raw types of a format are plain `serde` structures with the JSON Schema that `schemars` derives from them. Reading checks
//! the parsed text against that schema, drops what does not fit, and deserialises the rest: so one wrong value never hides another.

mod at;
mod diagnostic;
mod document;
mod nearest;
mod quantity;
mod structure;

pub use at::At;
pub use diagnostic::{Diagnostic, Diagnostics, FileErrors};
pub use nearest::{nearest, suggestion};
pub use quantity::{Bandwidth, Bytes, Duration, Frequency, QuantityError};

pub(crate) use document::read;
pub(crate) use structure::schema_of;
