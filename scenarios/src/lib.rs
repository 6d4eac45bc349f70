//! Formats and data of Socrates: scenarios and device profiles in TOML, models in ONNX and `TFLite`, and the library that ships with it.
//!
//! Text goes one way: raw types that mirror the file, then validated types that the simulator can use. Every error of a file is
//! reported at once, with its place and what to do about it ([`text::FileErrors`]).

#![forbid(unsafe_code)]

pub mod band;
pub mod library;
pub mod measured;
pub mod model;
pub mod onnx;
pub mod profile;
mod read;
pub mod scenario;
pub mod schema;
pub mod sweep;
pub mod text;
pub mod tflite;
pub mod zoo;

pub use library::{devices, scenarios};
pub use profile::{Profile, ProfileInfo};
pub use read::{Document, ReadError, Reference};
pub use scenario::Scenario;
pub use sweep::Sweep;
