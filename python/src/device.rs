//! Devices.

use std::path::Path;
use std::sync::Arc;

use pyo3::prelude::*;
use scenarios::{Document, Profile, ProfileInfo, Reference};
use sim::identifiers::WorkerId;
use sim::platform::{Device as Simulated, ProcessorKind};

use crate::{error, library};

/// A worker as Python names it.
#[derive(Clone, Debug, FromPyObject)]
pub(crate) enum WorkerSpec {
    /// By its index.
    Index(u32),
    /// By its name.
    Name(String),
    /// Itself.
    #[pyo3(transparent)]
    Worker(PyWorker),
}

/// A [`Worker`] of Python.
#[derive(Clone, Debug)]
pub(crate) struct PyWorker(u32);

impl PyWorker {
    /// Its index in the device.
    pub(crate) const fn index(&self) -> u32 {
        self.0
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for PyWorker {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(object.cast::<Worker>()?.get().index))
    }
}

impl WorkerSpec {
    /// Its identifier on a device.
    pub(crate) fn resolve(&self, device: &Simulated) -> PyResult<WorkerId> {
        let unknown = |what: String| {
            let known: Vec<&str> = device.workers().iter().map(|worker| worker.name.as_str()).collect();
            error::input(format!("device `{}` has no worker {what}: it has {}", device.name(), known.join(", ")))
        };
        match self {
            Self::Name(name) => device.worker_named(name).ok_or_else(|| unknown(format!("`{name}`"))),
            Self::Index(index) | Self::Worker(PyWorker(index)) => {
                device.worker_ids().nth(*index as usize).ok_or_else(|| unknown(index.to_string()))
            }
        }
    }
}

/// What work is placed on.
#[pyclass(frozen, get_all, module = "socrates")]
pub(crate) struct Worker {
    /// Index in the device.
    index: u32,
    /// Name.
    name: String,
    /// `cpu`, `gpu`, `npu` or `dsp`.
    kind: &'static str,
    /// Threads of the gang.
    threads: u32,
    /// Memory in which it reads and writes.
    memory: String,
    /// Fixed cost of entering a segment.
    invocation_ns: u64,
    /// Processors and how many cores of each it needs.
    processors: Vec<(String, u32)>,
}

#[pymethods]
impl Worker {
    fn __repr__(&self) -> String {
        format!("Worker({:?}, kind={:?}, threads={})", self.name, self.kind, self.threads)
    }

    fn __index__(&self) -> u32 {
        self.index
    }
}

/// A device with its profile.
#[pyclass(frozen, module = "socrates")]
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) profile: Arc<Document<Profile>>,
    pub(crate) device: Arc<Simulated>,
}

impl Device {
    fn of(profile: Document<Profile>) -> PyResult<Self> {
        let device = runner::device_of(&profile).map_err(|error| error::run(&error))?;
        Ok(Self { profile: Arc::new(profile), device: Arc::new(device) })
    }
}

#[pymethods]
impl Device {
    /// A device of the library, or of a file.
    #[staticmethod]
    fn load(reference: &str) -> PyResult<Self> {
        let profile = Profile::open(&Reference::of(reference, Path::new(""))).map_err(|error| error::read(&error))?;
        Self::of(profile)
    }

    /// A device from the text of a profile.
    #[staticmethod]
    #[pyo3(signature = (text, file = "device.toml"))]
    fn from_toml(text: &str, file: &str) -> PyResult<Self> {
        let value = Profile::parse(file, text).map_err(|errors| error::read(&errors.into()))?;
        Self::of(Document { name: file.to_owned(), text: text.to_owned(), value })
    }

    /// A device from a profile as a dictionary, laid out as its TOML.
    #[staticmethod]
    #[pyo3(signature = (values, file = "device.toml"))]
    fn from_dict(values: &Bound<'_, PyAny>, file: &str) -> PyResult<Self> {
        Self::from_toml(&library::toml_of(values)?, file)
    }

    /// The profile as a dictionary.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        library::dictionary_of(py, &self.profile.text)
    }

    /// Copies and pickles are made from the text.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (&str, &str))> {
        Ok((py.get_type::<Self>().getattr("from_toml")?, (&self.profile.text, &self.profile.name)))
    }

    /// Name.
    #[getter]
    fn name(&self) -> &str {
        self.device.name()
    }

    /// What it is, and what the profile leaves out.
    #[getter]
    fn description(&self) -> &str {
        &self.profile.value.description
    }

    /// SHA-256 of the profile's text.
    #[getter]
    fn fingerprint(&self) -> String {
        ProfileInfo::of(&self.profile).fingerprint
    }

    /// The profile.
    fn to_toml(&self) -> &str {
        &self.profile.text
    }

    /// What work is placed on.
    #[getter]
    fn workers(&self) -> Vec<Worker> {
        self.device.worker_ids().map(|id| worker(&self.device, id)).collect()
    }

    /// The worker of a name or an index.
    fn worker(&self, which: WorkerSpec) -> PyResult<Worker> {
        Ok(worker(&self.device, which.resolve(&self.device)?))
    }

    /// Name, kind, cores and operating points in kHz of each processor.
    #[getter]
    fn processors(&self) -> Vec<(&str, &'static str, u32, Vec<u64>)> {
        let row = |it: &'_ sim::platform::Processor| (it.kind.name(), it.cores, it.frequencies_khz.clone());
        self.device
            .processors()
            .iter()
            .map(|it| {
                let (kind, cores, frequencies) = row(it);
                (it.name.as_str(), kind, cores, frequencies)
            })
            .collect()
    }

    /// Expected time of a copy of some bytes from where one worker leaves its outputs to where another reads.
    fn copy_ns(&self, source: WorkerSpec, target: WorkerSpec, size_bytes: u64) -> PyResult<u64> {
        let memory = |spec: &WorkerSpec| spec.resolve(&self.device).map(|id| self.device.worker(id).memory);
        Ok(self.device.copy_ns(memory(&source)?, memory(&target)?, size_bytes))
    }

    /// Expected time to bring some bytes of a request to where a worker reads.
    fn input_copy_ns(&self, target: WorkerSpec, size_bytes: u64) -> PyResult<u64> {
        let to = self.device.worker(target.resolve(&self.device)?).memory;
        Ok(self.device.copy_ns(self.device.host(), to, size_bytes))
    }

    /// Whether two workers need the same cores.
    fn conflict(&self, one: WorkerSpec, other: WorkerSpec) -> PyResult<bool> {
        Ok(self.device.conflict(one.resolve(&self.device)?, other.resolve(&self.device)?))
    }

    fn __repr__(&self) -> String {
        let workers: Vec<&str> = self.device.workers().iter().map(|worker| worker.name.as_str()).collect();
        format!("Device({:?}, workers=[{}])", self.device.name(), workers.join(", "))
    }
}

fn worker(device: &Simulated, id: WorkerId) -> Worker {
    let worker = device.worker(id);
    let processors = worker.demands.iter().map(|&(processor, cores)| (device.processor(processor).name.clone(), cores));
    Worker {
        index: id.0,
        name: worker.name.clone(),
        kind: kind(worker.kind),
        threads: worker.threads(),
        memory: device.memories()[worker.memory.index()].name.clone(),
        invocation_ns: worker.invocation_ns,
        processors: processors.collect(),
    }
}

const fn kind(kind: ProcessorKind) -> &'static str {
    kind.name()
}
