//! What a scenario refers to, loaded: the device, and each model lowered onto it.

use rayon::prelude::*;
use scenarios::model::{self, LoadedModel};
use scenarios::onnx::ReadOptions;
use scenarios::{Document, Profile, Reference, Scenario};
use sim::graph::Graph;
use sim::platform::Device;
use sim::strategy::{Rewrite, registry};
use sim::task::LoweredModel;

use crate::failure::Failure;
use crate::run::rewrites;

/// Everything that the runs of a scenario read.
pub(crate) struct Inputs {
    /// The device profile.
    pub(crate) profile: Document<Profile>,
    /// The device.
    pub(crate) device: Device,
    /// The models, each once.
    pub(crate) models: Vec<Model>,
    /// The models of each stream, variant by variant, as indices into `models`.
    pub(crate) models_of_stream: Vec<Vec<usize>>,
}

/// A model on the device.
pub(crate) struct Model {
    /// Name in results: that of the file, with the dimensions that were bound.
    pub(crate) name: String,
    /// Name of the file.
    pub(crate) file: String,
    /// Size of the file.
    pub(crate) bytes: u64,
    /// SHA-256 of the file.
    pub(crate) sha256: String,
    /// Where it comes from.
    pub(crate) reference: Reference,
    /// Operators.
    pub(crate) graph: Graph,
    /// Tasks and costs.
    pub(crate) lowered: LoweredModel,
    /// Names of the operators of each task.
    pub(crate) operator_names: Vec<Vec<String>>,
    /// How it was rewritten; `None` as it is.
    pub(crate) rewrite: Option<String>,
    /// Variants that strategies choose among.
    pub(crate) rewritten: Vec<Self>,
}

/// What makes a model one model: where it is from, and how its dimensions are bound.
type Key<'a> = (&'a Reference, Vec<(String, u64)>);

/// Joules of a milliwatt hour.
const JOULES_PER_MWH: f64 = 3.6;

impl Inputs {
    /// Loads all that a scenario refers to.
    pub(crate) fn load(scenario: &Scenario) -> Result<Self, Failure> {
        let profile = Profile::open(&scenario.device)?;
        let mut device = device_of(&profile)?;
        if scenario.memory_limit_bytes.is_some() {
            device = device.with_memory_limit(scenario.memory_limit_bytes);
        }
        if let Some(mwh) = scenario.environment.battery_mwh {
            device = device.with_battery(mwh * JOULES_PER_MWH);
        }
        scenario.options(&device).map_err(Failure::input)?;
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
        let models: Vec<anyhow::Result<Model>> = keys.par_iter().map(load).collect();
        Ok(Self { profile, device, models: all_or_errors(models)?, models_of_stream })
    }

    /// By how much the same duration varies, and what all kernels of a worker are wrong by together: deviations of the logarithm.
    pub(crate) fn deviations(&self) -> (f64, f64) {
        (self.profile.value.noise_log_deviation(), self.profile.value.common_log_deviation())
    }
}

/// The models, if all could be loaded; else all errors.
fn all_or_errors(models: Vec<anyhow::Result<Model>>) -> Result<Vec<Model>, Failure> {
    let (mut loaded, mut errors) = (Vec::new(), Vec::new());
    for model in models {
        match model {
            Ok(model) => loaded.push(model),
            Err(error) => errors.push(format!("{error:#}")),
        }
    }
    if errors.is_empty() { Ok(loaded) } else { Err(Failure::input(anyhow::anyhow!("{}", errors.join("\nerror: ")))) }
}

impl Model {
    /// Fails where the file cannot be read, or the rewrite `needed` cannot be done.
    fn load(
        (reference, dimensions): &Key<'_>,
        device: &Device,
        rewrites: &[Rewrite],
        needed: Option<&str>,
    ) -> anyhow::Result<Self> {
        let options = ReadOptions { dimensions: dimensions.iter().cloned().collect(), ..ReadOptions::default() };
        let LoadedModel { name: file, bytes, sha256, graph } = model::load(reference, &options)?;
        let lowered = LoweredModel::of(&graph, device);
        let bound: Vec<String> = dimensions.iter().map(|(name, size)| format!("{name}={size}")).collect();
        let name = if bound.is_empty() { file.clone() } else { format!("{file}[{}]", bound.join(", ")) };
        let mut model = Self::new(name, file, (*reference).clone(), graph, lowered);
        (model.bytes, model.sha256) = (bytes, sha256);
        let (rewritten, failed) = rewrites::variants(&model, rewrites, device);
        if let Some((_, why)) = failed.iter().find(|(name, _)| Some(*name) == needed) {
            anyhow::bail!("model `{}`: the passes of the scenario fail: {why}", model.name);
        }
        model.rewritten = rewritten;
        Ok(model)
    }

    /// The model as it is for 0, else one of the rewritten ones.
    pub(crate) fn variant(&self, number: usize) -> &Self {
        if number == 0 { self } else { &self.rewritten[number - 1] }
    }

    /// A model that no file stands behind.
    pub(crate) fn new(name: String, file: String, reference: Reference, graph: Graph, lowered: LoweredModel) -> Self {
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
fn check_workers(scenario: &Scenario, device: &Device) -> Result<(), Failure> {
    let wrong = scenario.strategies.iter().filter_map(|strategy| {
        let error = registry::check_workers(strategy, device).err()?;
        Some(format!("`{strategy}`: {error}"))
    });
    let wrong: Vec<String> = wrong.collect();
    if wrong.is_empty() { Ok(()) } else { Err(Failure::input(anyhow::anyhow!("{}", wrong.join("\nerror: ")))) }
}

/// The device of a profile.
pub(crate) fn device_of(profile: &Document<Profile>) -> Result<Device, Failure> {
    profile.value.device().map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::input(anyhow::anyhow!("device profile `{}`: {}", profile.name, errors.join("; ")))
    })
}
