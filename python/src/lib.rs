//! `socrates._native`: what the Python package `socrates` calls. Data go over this border as plain values, JSON and Parquet; the package
//! gives them their Python faces.

#![expect(clippy::needless_pass_by_value, reason = "what comes from Python is extracted by value")]

mod device;
mod error;
mod event;
mod job;
mod library;
mod model;
mod plan;
mod predict;
mod result;
mod run;
mod scenario;
mod strategy;
mod sweep;
mod system;
mod validate;

use std::ffi::OsString;

use pyo3::prelude::*;

/// The `socrates` command; returns its exit status.
#[pyfunction]
fn main(py: Python<'_>, command_line: Vec<OsString>) -> u8 {
    py.detach(|| command::main(command_line))
}

#[pymodule(gil_used = false)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    error::register(module)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<device::Device>()?;
    module.add_class::<device::Worker>()?;
    module.add_class::<event::Event>()?;
    module.add_class::<job::Job>()?;
    module.add_class::<model::GraphBuilder>()?;
    module.add_class::<model::Model>()?;
    module.add_class::<model::Operator>()?;
    module.add_class::<plan::Plan>()?;
    module.add_class::<result::Runs>()?;
    module.add_class::<scenario::Scenario>()?;
    module.add_class::<sweep::Points>()?;
    module.add_class::<sweep::SweepPlan>()?;
    module.add_class::<system::Arriving>()?;
    module.add_class::<system::Decisions>()?;
    module.add_class::<system::Ready>()?;
    module.add_class::<system::System>()?;
    module.add_function(wrap_pyfunction!(main, module)?)?;
    module.add_function(wrap_pyfunction!(library::devices, module)?)?;
    module.add_function(wrap_pyfunction!(library::models, module)?)?;
    module.add_function(wrap_pyfunction!(library::scenarios, module)?)?;
    module.add_function(wrap_pyfunction!(library::strategies, module)?)?;
    module.add_function(wrap_pyfunction!(library::toml_to_dict, module)?)?;
    module.add_function(wrap_pyfunction!(library::write_atomic, module)?)?;
    module.add_function(wrap_pyfunction!(self::sweep::capacity, module)?)?;
    module.add_function(wrap_pyfunction!(predict::predict, module)?)?;
    module.add_function(wrap_pyfunction!(run::run, module)?)?;
    module.add_function(wrap_pyfunction!(validate::validate_mappings, module)?)?;
    module.add_function(wrap_pyfunction!(validate::validate_models, module)?)?;
    module.add_function(wrap_pyfunction!(validate::validate_published, module)?)?;
    Ok(())
}
