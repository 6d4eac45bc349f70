//! Schema and readers of Socrates: what users write and what other tools write, turned into the types of [`sim`].

pub mod onnx;
pub mod zoo;
