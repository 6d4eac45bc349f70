//! Reader of `TFLite` (`LiteRT`) models.
//!
//! A file becomes the same graph that an ONNX file of the model would: operators by their ONNX names, images with channels first. Only the
//! structure is read; of constants, the values that shapes depend on.

mod buffer;
mod convert;
mod dense;
mod error;
mod layout;
mod names;
mod operators;
mod schema;
mod shapes;

use std::fs;
use std::path::Path;

pub use error::TfliteError;
use sim::graph::Graph;

use crate::onnx::ReadOptions;

/// Reads and validates the model in a file.
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Graph, TfliteError> {
    let path = path.as_ref();
    let file = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| TfliteError::Io { file: file.clone(), error })?;
    read_bytes(&file, &bytes, options)
}

/// Reads and validates a model in memory; `file` names it in errors.
pub fn read_bytes(file: &str, bytes: &[u8], options: &ReadOptions) -> Result<Graph, TfliteError> {
    if !options.dimensions.is_empty() || !options.input_shapes.is_empty() {
        let problem =
            "shapes of a TFLite model are fixed: leave out `--dimension` and `--input-shape`, or convert the model anew"
                .to_owned();
        return Err(TfliteError::Unsupported { file: file.to_owned(), problem });
    }
    let name = Path::new(file).file_stem().map_or_else(|| file.to_owned(), |stem| stem.to_string_lossy().into_owned());
    let model = schema::read(bytes).map_err(|fault| fault.in_file(file, bytes))?;
    let converted =
        convert::convert(&name, &model).map_err(|problem| TfliteError::Unsupported { file: file.to_owned(), problem })?;
    let graph = converted.raw.build().map_err(|error| TfliteError::Graph { file: file.to_owned(), error: Box::new(error) })?;
    // What the converter wrote into the file is an independent account of every shape.
    for (name, shape) in &converted.shapes {
        if let Some(tensor) = graph.tensor_named(name).filter(|tensor| tensor.shape != *shape) {
            let problem = format!("tensor `{name}` has shape {shape:?} in the file, but its operator gives {:?}", tensor.shape);
            return Err(TfliteError::Unsupported { file: file.to_owned(), problem });
        }
    }
    Ok(graph)
}
