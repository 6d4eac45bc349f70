//! The command as a user meets it: arguments and files in; exit status, standard output, standard error and files out.

mod bad_input;
mod commands;
mod execute;
mod figures;
mod folder;
mod host;
mod hypotheses;
mod import;
mod mappings;
mod models;
mod onnx;
mod readme;
mod study;
mod sweeps;
mod workloads;
