//! The built-in kernels against nested loops in double precision, on whole models, and on the node tests of the ONNX package.

mod node_models;
mod operators;
mod reference;
mod support;
mod zoo;
