//! Processors whose kernels come from ONNX Runtime: CPU clusters, and delegates by its execution providers.
//!
//! The library is found at run time ([`library()`]); without it every processor here is [`ProcessorErrorKind::Missing`].
//! A unit becomes one session, built in memory by the model editor of ONNX Runtime; its constants are not copied.

mod arena;
mod delegate;
mod error;
mod library;
mod memory;
mod model;
mod prepared;
mod processor;
mod profile;
mod session;
mod trial;
mod value;

pub use delegate::DelegateProcessor;
pub use library::{LibraryInfo, library};
pub use processor::OnnxRuntimeProcessor;
pub use profile::NodeTime;
pub use session::session_of_file;

#[expect(unused_imports, reason = "named in the documentation")]
use crate::processor::ProcessorErrorKind;

/// Name of these processors in errors.
const NAME: &str = "ONNX Runtime";
