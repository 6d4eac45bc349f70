//! What a scenario refers to, loaded: the device, and each model lowered onto it.

use std::sync::Arc;

use scenarios::model::LoadedModel;
use scenarios::{Document, Profile, Reference, Scenario};
use sim::graph::Graph;
use sim::platform::Device;
use sim::strategy::registry;
use sim::task::LoweredModel;

use crate::{Loader, RunError};

/// Everything that the runs of a scenario read; shared with other scenarios where a [`Loader`] loaded them.
pub struct Inputs {
    /// The device profile.
    pub profile: Arc<Document<Profile>>,
    /// The device.
    pub device: Arc<Device>,
    /// The models, each once.
    pub models: Vec<Arc<Model>>,
    /// The models of each stream, variant by variant, as indices into `models`.
    pub models_of_stream: Vec<Vec<usize>>,
}

/// A model on the device.
pub struct Model {
    /// Name in results: that of the file, with the dimensions that were bound.
    pub name: String,
    /// Name of the file.
    pub file: String,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Where it comes from.
    pub reference: Reference,
    /// Operators.
    pub graph: Graph,
    /// Tasks and costs.
    pub lowered: LoweredModel,
    /// Names of the operators of each task.
    pub operator_names: Vec<Vec<String>>,
    /// How it was rewritten; `None` as it is.
    pub rewrite: Option<String>,
    /// Variants that strategies choose among.
    pub rewritten: Vec<Self>,
}

impl Inputs {
    /// Loads all that a scenario refers to.
    ///
    /// # Errors
    /// Where a file cannot be read, a strategy names a worker that the device lacks, or the environment does not fit the device.
    pub fn load(scenario: &Scenario) -> Result<Self, RunError> {
        Loader::default().inputs(scenario)
    }

    /// By how much the same duration varies, and what all kernels of a worker are wrong by together: deviations of the logarithm.
    #[must_use]
    pub fn deviations(&self) -> (f64, f64) {
        (self.profile.value.noise_log_deviation(), self.profile.value.common_log_deviation())
    }
}

impl Model {
    /// A model that was read from a file, with some of its dimensions bound.
    pub(crate) fn read(loaded: &LoadedModel, dimensions: &[(String, u64)], reference: &Reference, device: &Device) -> Self {
        let lowered = LoweredModel::of(&loaded.graph, device);
        let bound: Vec<String> = dimensions.iter().map(|(name, size)| format!("{name}={size}")).collect();
        let file = loaded.name.clone();
        let name = if bound.is_empty() { file.clone() } else { format!("{file}[{}]", bound.join(", ")) };
        let mut model = Self::new(name, file, reference.clone(), loaded.graph.clone(), lowered);
        (model.bytes, model.sha256) = (loaded.bytes, loaded.sha256.clone());
        model
    }

    /// The model as it is for 0, else one of the rewritten ones.
    #[must_use]
    pub fn variant(&self, number: usize) -> &Self {
        if number == 0 { self } else { &self.rewritten[number - 1] }
    }

    /// A model that no file stands behind.
    #[must_use]
    pub fn new(name: String, file: String, reference: Reference, graph: Graph, lowered: LoweredModel) -> Self {
        let named = |task: &sim::task::TaskInfo| task.operators.iter().map(|&id| graph.operator(id).name.clone()).collect();
        let operator_names = lowered.info.iter().map(named).collect();
        let (sha256, rewritten) = (String::new(), Vec::new());
        Self { name, file, bytes: 0, sha256, reference, graph, lowered, operator_names, rewrite: None, rewritten }
    }

    /// A variant of a model.
    pub(crate) fn rewritten(&self, graph: Graph, lowered: LoweredModel, rewrite: &str) -> Self {
        let mut model = Self::new(self.name.clone(), self.file.clone(), self.reference.clone(), graph, lowered);
        (model.bytes, model.sha256, model.rewrite) = (self.bytes, self.sha256.clone(), Some(rewrite.to_owned()));
        model
    }
}

/// Every worker that a strategy names exists on the device; all that do not are told at once.
pub(crate) fn check_workers(scenario: &Scenario, device: &Device) -> Result<(), RunError> {
    let wrong = scenario.strategies.iter().filter_map(|strategy| {
        let error = registry::check_workers(strategy, device).err()?;
        Some(format!("`{strategy}`: {error}"))
    });
    let wrong: Vec<String> = wrong.collect();
    if wrong.is_empty() { Ok(()) } else { Err(RunError::all(&wrong)) }
}

/// The device of a profile.
///
/// # Errors
/// Where parts of the profile do not fit each other; all reasons at once.
pub fn device_of(profile: &Document<Profile>) -> Result<Device, RunError> {
    profile.value.device().map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        RunError::Input(format!("device profile `{}`: {}", profile.name, errors.join("; ")))
    })
}

/// An error with its causes.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
