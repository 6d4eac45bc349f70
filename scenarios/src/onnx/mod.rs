//! Reader and writer of ONNX models.
//!
//! Of a file only the structure is read: operators, attributes, shapes, and the values of small constants that shapes depend on. A file is
//! walked field by field through a buffered reader; an initialiser of more than 128 KiB is never loaded,
//! its data are stepped over by seeking. Memory is thus that of the graph, whatever the size of the weights, and files beyond
//! the 2 GB limit of ordinary protobuf readers are fine. Weights in external files are not even opened.
//!
//! ```
//! use scenarios::onnx::{ReadOptions, read_bytes};
//!
//! let bytes = scenarios::zoo::bytes("mobilenet_v2").expect("part of the zoo");
//! let graph = read_bytes("mobilenet_v2", bytes, &ReadOptions::default())?;
//! assert_eq!(graph.total_macs(), 300_774_272);
//! # Ok::<(), scenarios::onnx::OnnxError>(())
//! ```

mod convert;
mod dimensions;
mod error;
mod messages;
mod model;
mod tensors;
mod weights;
mod wire;
mod write;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::Path;

pub use error::OnnxError;
use sim::graph::{Graph, RawGraph};
pub use weights::{WeightValues, read_weights, read_weights_bytes};
use wire::Scanner;
pub use write::{WriteError, write};

/// How to read what a model leaves open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Sizes of symbolic dimensions by name (`--dimension sequence=128`).
    pub dimensions: BTreeMap<String, u64>,
    /// Whole shapes of inputs by name (`--input-shape image=1x3x224x224`); wins over the file and over `dimensions`.
    pub input_shapes: BTreeMap<String, Vec<u64>>,
}

/// Reads and validates the model in a file.
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Graph, OnnxError> {
    let path = path.as_ref();
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| OnnxError::Io { file: name.clone(), error })?;
    let stem = path.file_stem().map_or_else(|| name.clone(), |stem| stem.to_string_lossy().into_owned());
    build(&name, read_raw(&name, &stem, file, options)?)
}

/// Reads and validates a model in memory; `name` stands for the file in errors.
pub fn read_bytes(name: &str, bytes: &[u8], options: &ReadOptions) -> Result<Graph, OnnxError> {
    build(name, read_raw_bytes(name, bytes, options)?)
}

/// Reads a model in memory without validating the graph: what the file says, symbolic dimensions bound.
pub fn read_raw_bytes(name: &str, bytes: &[u8], options: &ReadOptions) -> Result<RawGraph, OnnxError> {
    read_raw(name, name, Cursor::new(bytes), options)
}

fn read_raw(file: &str, fallback_name: &str, source: impl Read + Seek, options: &ReadOptions) -> Result<RawGraph, OnnxError> {
    let mut scanner = Scanner::new(file, source)?;
    let parts = model::scan(&mut scanner)?;
    convert::convert(file, fallback_name, parts, options)
}

fn build(file: &str, raw: RawGraph) -> Result<Graph, OnnxError> {
    raw.build().map_err(|error| OnnxError::Graph { file: file.to_owned(), error: Box::new(error) })
}
