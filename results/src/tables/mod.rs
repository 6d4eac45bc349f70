//! Parquet tables: one row for each request, kernel, copy, frame and change of the device.
//!
//! Each table is declared once, as a struct (see [`RequestRow`]); its columns, writer and reader follow from it. Integers are
//! signed 64-bit (differences of columns must not wrap), delta-encoded; text is dictionary-encoded; nothing is compressed.

mod columns;
mod encode;
mod file;
mod fill;
mod fill_device;
mod rows;

pub use columns::{Column, Kind, Values};
pub use encode::encode;
pub use file::{TableWriter, read_table};
pub use fill_device::quantity;
pub use rows::{CopyRow, FrameRow, OperatorRow, RequestRow, Row, StateRow};

pub(crate) use fill::{fill_copies, fill_operators, fill_requests, outcome_name};
pub(crate) use fill_device::{fill_frames, fill_states};
