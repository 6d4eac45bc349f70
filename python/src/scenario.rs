//! Scenarios.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use scenarios::{Document, Reference, Scenario as Validated};

use crate::{error, library};

/// A validated scenario with its text.
#[pyclass(frozen, module = "socrates")]
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) document: Arc<Document<Validated>>,
}

#[pymethods]
impl Scenario {
    /// A scenario of the library, or of a file.
    #[staticmethod]
    fn load(reference: &str) -> PyResult<Self> {
        let document = Validated::open(&Reference::of(reference, Path::new(""))).map_err(|error| error::read(&error))?;
        Ok(Self { document: Arc::new(document) })
    }

    /// A scenario from its text; relative paths in it start at `folder`.
    #[staticmethod]
    #[pyo3(signature = (text, name = "scenario.toml", folder = PathBuf::new()))]
    fn from_toml(text: &str, name: &str, folder: PathBuf) -> PyResult<Self> {
        let value = Validated::parse(name, text, &folder).map_err(|errors| error::read(&errors.into()))?;
        Ok(Self { document: Arc::new(Document { name: name.to_owned(), text: text.to_owned(), value }) })
    }

    /// Name.
    #[getter]
    fn name(&self) -> &str {
        &self.document.value.name
    }

    /// Name of its file, or in the library.
    #[getter]
    fn file(&self) -> &str {
        &self.document.name
    }

    /// What it is for.
    #[getter]
    fn description(&self) -> &str {
        &self.document.value.description
    }

    /// The device: a name of the library, or a path.
    #[getter]
    fn device(&self) -> String {
        self.document.value.device.to_string()
    }

    /// Seed of every random stream.
    #[getter]
    fn seed(&self) -> u64 {
        self.document.value.seed
    }

    /// Runs of everything, each with a seed of its own.
    #[getter]
    fn replicates(&self) -> u32 {
        self.document.value.replicates
    }

    /// Descriptions of the strategies.
    #[getter]
    fn strategies(&self) -> Vec<String> {
        self.document.value.strategies.clone()
    }

    /// The model of each stream: a name of the zoo, or a path.
    #[getter]
    fn models(&self) -> Vec<String> {
        self.document.value.streams.iter().map(|stream| stream.model.to_string()).collect()
    }

    /// Its text as a dictionary.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        library::dictionary_of(py, &self.document.text)
    }

    /// A dictionary as TOML.
    #[staticmethod]
    fn toml_of(values: &Bound<'_, PyAny>) -> PyResult<String> {
        library::toml_of(values)
    }

    /// Its text.
    fn to_toml(&self) -> &str {
        &self.document.text
    }
}
