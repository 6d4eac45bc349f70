//! Models: of the zoo by name, or a user's ONNX or `TFLite` file.

use std::fs::File;
use std::io::{self, Read};

use sha2::{Digest, Sha256};
use sim::graph::Graph;

use crate::onnx::{self, OnnxError, ReadOptions};
use crate::profile::fingerprint;
use crate::read::{ReadError, Reference};
use crate::text::suggestion;
use crate::tflite::{self, TfliteError};
use crate::zoo;

/// A model and the file it was read from.
#[derive(Debug)]
pub struct LoadedModel {
    /// Name of the file, without the path to it; for the zoo, the name there.
    pub name: String,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The model.
    pub graph: Graph,
}

/// Loads the model that a reference refers to.
pub fn load(reference: &Reference, options: &ReadOptions) -> Result<LoadedModel, ReadError> {
    match reference {
        Reference::BuiltIn(name) => {
            let bytes = zoo::bytes(name).ok_or_else(|| ReadError::Unknown {
                what: "model",
                name: name.clone(),
                hint: suggestion(name, zoo::names()),
            })?;
            let graph = onnx::read_bytes(name, bytes, options)?;
            Ok(LoadedModel { name: name.clone(), bytes: bytes.len() as u64, sha256: fingerprint(bytes), graph })
        }
        Reference::File(path) => {
            let is_tflite = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tflite"));
            let graph = if is_tflite { tflite::read(path, options)? } else { onnx::read(path, options)? };
            let (bytes, sha256) = File::open(path).and_then(digest).map_err(|source| ReadError::File {
                what: "model",
                path: path.clone(),
                source,
            })?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok(LoadedModel { name, bytes, sha256, graph })
        }
    }
}

/// Name, size and SHA-256 of the file of a model, which is not read as one.
pub fn identify(reference: &Reference) -> Result<(String, u64, String), ReadError> {
    match reference {
        Reference::BuiltIn(name) => {
            let bytes = zoo::bytes(name).ok_or_else(|| ReadError::Unknown {
                what: "model",
                name: name.clone(),
                hint: suggestion(name, zoo::names()),
            })?;
            Ok((name.clone(), bytes.len() as u64, fingerprint(bytes)))
        }
        Reference::File(path) => {
            let opened = File::open(path).and_then(digest);
            let (bytes, sha256) = opened.map_err(|source| ReadError::File { what: "model", path: path.clone(), source })?;
            Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), bytes, sha256))
        }
    }
}

impl From<OnnxError> for ReadError {
    fn from(error: OnnxError) -> Self {
        Self::Model(Box::new(error))
    }
}

impl From<TfliteError> for ReadError {
    fn from(error: TfliteError) -> Self {
        Self::Tflite(Box::new(error))
    }
}

/// Size and SHA-256 of what a reader gives, in pieces: models with weights may not fit in memory.
fn digest(mut source: impl Read) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let count = source.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        bytes += count as u64;
    }
    Ok((bytes, crate::profile::hexadecimal(&hash.finalize())))
}
