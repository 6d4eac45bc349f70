//! What comes with Socrates, and TOML for Python.

use ::scenarios::{library, zoo};
use std::path::PathBuf;

use pyo3::prelude::*;
use sim::strategy::registry;

use crate::error;

/// Names of the devices of the library.
#[pyfunction]
pub(crate) fn devices() -> Vec<&'static str> {
    library::devices().iter().map(|entry| entry.name).collect()
}

/// Names of the models of the zoo.
#[pyfunction]
pub(crate) fn models() -> Vec<&'static str> {
    zoo::names().collect()
}

/// Names of the scenarios of the library.
#[pyfunction]
pub(crate) fn scenarios() -> Vec<&'static str> {
    library::scenarios().iter().map(|entry| entry.name).collect()
}

/// Name and summary of each parameter of a strategy, with its default.
type ParameterRow = (&'static str, &'static str, &'static str);

/// Strategies: name, summary, parameters.
#[pyfunction]
pub(crate) fn strategies() -> Vec<(&'static str, &'static str, Vec<ParameterRow>)> {
    let parameters = |entry: &registry::Entry| {
        entry.parameters.iter().map(|parameter| (parameter.name, parameter.default, parameter.summary)).collect()
    };
    registry::STRATEGIES.iter().map(|entry| (entry.name, entry.summary, parameters(entry))).collect()
}

/// A JSON object as TOML. Members that are null are left out.
fn json_to_toml(json: &str) -> PyResult<String> {
    let value: serde_json::Value = serde_json::from_str(json).map_err(error::input)?;
    let value = toml::Value::try_from(without_nulls(value)).map_err(error::input)?;
    toml::to_string(&value).map_err(error::input)
}

/// A TOML document as JSON.
fn toml_to_json(text: &str) -> PyResult<String> {
    let table: toml::Table = text.parse().map_err(error::input)?;
    serde_json::to_string(&table).map_err(error::input)
}

/// A TOML document as a dictionary.
#[pyfunction]
pub(crate) fn toml_to_dict<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    dictionary_of(py, text)
}

/// Writes a file whole or not at all.
#[pyfunction]
pub(crate) fn write_atomic(path: PathBuf, data: &[u8]) -> PyResult<()> {
    results::write_atomic(&path, data).map_err(|error| error::output(&error))
}

/// A dictionary as TOML.
pub(crate) fn toml_of(values: &Bound<'_, PyAny>) -> PyResult<String> {
    let json: String = values.py().import("json")?.call_method1("dumps", (values,))?.extract()?;
    json_to_toml(&json)
}

/// A TOML document as a dictionary.
pub(crate) fn dictionary_of<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (toml_to_json(text)?,))
}

fn without_nulls(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(members) => Value::Object(
            members.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key, without_nulls(value))).collect(),
        ),
        Value::Array(values) => Value::Array(values.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
