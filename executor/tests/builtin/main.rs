//! The built-in kernels against nested loops in double precision, on whole models, and on the node tests of the ONNX package.

#![allow(clippy::float_cmp, reason = "values that must be the same to the bit")]
#![allow(clippy::print_stderr, reason = "tests tell what they counted")]

mod node_models;
mod operators;
mod reference;
mod support;
mod zoo;
