//! What a scenario refers to, loaded: the device, and each model lowered onto it.

use rayon::prelude::*;
use scenarios::model::{self, LoadedModel};
use scenarios::onnx::ReadOptions;
use scenarios::{Document, Profile, Reference, Scenario};
use sim::graph::Graph;
use sim::platform::Device;
use sim::strategy::{Rewrite, registry};
use sim::task::LoweredModel;

use crate::{RunError, rewrites};

/// Everything that the runs of a scenario read.
pub struct Inputs {
    /// The device profile.
    pub profile: Document<Profile>,
    /// The device.
    pub device: Device,
    /// The models, each once.
    pub models: Vec<Model>,
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

/// What makes a model one model: where it is from, and how its dimensions are bound.
type Key<'a> = (&'a Reference, Vec<(String, u64)>);

/// Joules of a milliwatt hour.
const JOULES_PER_MWH: f64 = 3.6;

impl Inputs {
    /// Loads all that a scenario refers to.
    ///
    /// # Errors
    /// Where a file cannot be read, a strategy names a worker that the device lacks, or the environment does not fit the device.
    pub fn load(scenario: &Scenario) -> Result<Self, RunError> {
        let profile = Profile::open(&scenario.device)?;
        let mut device = device_of(&profile)?;
        if scenario.memory_limit_bytes.is_some() {
            device = device.with_memory_limit(scenario.memory_limit_bytes);
        }
        if let Some(mwh) = scenario.environment.battery_mwh {
            device = device.with_battery(mwh * JOULES_PER_MWH);
        }
        scenario.options(&device).map_err(|error| RunError::Input(error.to_string()))?;
        check_workers(scenario, &device)?;
        let rewrites = rewrites::wanted(scenario);
        let mut keys: Vec<Key<'_>> = Vec::new();
        let mut models_of_stream = Vec::new();
        for stream in &scenario.streams {
            let index_of = |dimensions| {
                let key = (&stream.model, dimensions);
                keys.iter().position(|known| *known == key).unwrap_or_else(|| {
                    keys.push(key);
                    keys.len() - 1
                })
            };
            models_of_stream.push(stream.variants().into_iter().map(index_of).collect());
        }
        let base = scenario.rewrite().map(|rewrite| rewrite.name);
        let load = |key| Model::load(key, &device, &rewrites, base);
        let models: Vec<Result<Model, String>> = keys.par_iter().map(load).collect();
        Ok(Self { profile, device, models: all_or_errors(models)?, models_of_stream })
    }

    /// By how much the same duration varies, and what all kernels of a worker are wrong by together: deviations of the logarithm.
    #[must_use]
    pub fn deviations(&self) -> (f64, f64) {
        (self.profile.value.noise_log_deviation(), self.profile.value.common_log_deviation())
    }
}

/// The models, if all could be loaded; else all errors.
fn all_or_errors(models: Vec<Result<Model, String>>) -> Result<Vec<Model>, RunError> {
    let (mut loaded, mut errors) = (Vec::new(), Vec::new());
    for model in models {
        match model {
            Ok(model) => loaded.push(model),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(loaded) } else { Err(RunError::all(&errors)) }
}

impl Model {
    /// Fails where the file cannot be read, or the rewrite `needed` cannot be done.
    fn load(
        (reference, dimensions): &Key<'_>,
        device: &Device,
        rewrites: &[Rewrite],
        needed: Option<&str>,
    ) -> Result<Self, String> {
        let options = ReadOptions { dimensions: dimensions.iter().cloned().collect(), ..ReadOptions::default() };
        let LoadedModel { name: file, bytes, sha256, graph } = model::load(reference, &options).map_err(|error| told(&error))?;
        let lowered = LoweredModel::of(&graph, device);
        let bound: Vec<String> = dimensions.iter().map(|(name, size)| format!("{name}={size}")).collect();
        let name = if bound.is_empty() { file.clone() } else { format!("{file}[{}]", bound.join(", ")) };
        let mut model = Self::new(name, file, (*reference).clone(), graph, lowered);
        (model.bytes, model.sha256) = (bytes, sha256);
        let (rewritten, failed) = rewrites::variants(&model, rewrites, device);
        if let Some((_, why)) = failed.iter().find(|(name, _)| Some(*name) == needed) {
            return Err(format!("model `{}`: the passes of the scenario fail: {why}", model.name));
        }
        model.rewritten = rewritten;
        Ok(model)
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
fn check_workers(scenario: &Scenario, device: &Device) -> Result<(), RunError> {
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
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
