//! Loads what scenarios refer to, each thing once, however many scenarios refer to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;
use scenarios::model::{self, LoadedModel};
use scenarios::onnx::ReadOptions;
use scenarios::{Document, Profile, Reference, Scenario};
use sim::platform::Device;
use sim::strategy::Rewrite;

use crate::inputs::{check_workers, device_of, told};
use crate::{Inputs, Model, RunError, rewrites};

/// Joules of a milliwatt hour.
const JOULES_PER_MWH: f64 = 3.6;

/// Most things of one sort that are kept; of more, the oldest are loaded again when they are needed again.
const MOST_KEPT: usize = 256;

/// Profiles, devices and models that some scenarios share. Files are read once: what changes on disk later is not seen.
///
/// May be used from several threads. Two that need the same thing first may both load it; either does.
#[derive(Default)]
pub struct Loader {
    profiles: Mutex<Kept<Reference, Arc<Document<Profile>>>>,
    devices: Mutex<Kept<DeviceKey, Arc<Device>>>,
    graphs: Mutex<Kept<GraphKey, Arc<LoadedModel>>>,
    models: Mutex<Kept<ModelKey, Arc<Model>>>,
}

/// A profile, and what scenarios say of the device beside it: memory limit, and charge of the battery as bits.
#[derive(Clone)]
struct DeviceKey(Arc<Document<Profile>>, Option<u64>, Option<u64>);

impl PartialEq for DeviceKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) && self.1 == other.1 && self.2 == other.2
    }
}

/// Where a model is from, and how its dimensions are bound.
type GraphKey = (Reference, Vec<(String, u64)>);

/// A model on a device, with some variants.
#[derive(Clone, PartialEq)]
struct ModelKey(GraphKey, DeviceKey, Vec<String>);

/// What was loaded, oldest first.
struct Kept<K, V>(Vec<(K, V)>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: PartialEq, V: Clone> Kept<K, V> {
    fn get(&self, key: &K) -> Option<V> {
        self.0.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value.clone())
    }

    /// Keeps a value, or gives the one that someone else kept meanwhile.
    fn keep(&mut self, key: K, value: V) -> V {
        if let Some(known) = self.get(&key) {
            return known;
        }
        if self.0.len() == MOST_KEPT {
            self.0.remove(0);
        }
        self.0.push((key, value.clone()));
        value
    }
}

/// What a lock guards. Nothing is ever left half done behind one.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is kept under a key, or else made now. Nothing is locked while it is made: making it may need other threads.
fn kept_or<K: PartialEq, V: Clone, E>(kept: &Mutex<Kept<K, V>>, key: K, make: impl FnOnce(&K) -> Result<V, E>) -> Result<V, E> {
    let known = locked(kept).get(&key);
    if let Some(value) = known {
        return Ok(value);
    }
    let value = make(&key)?;
    Ok(locked(kept).keep(key, value))
}

impl Loader {
    /// All that a scenario refers to.
    ///
    /// # Errors
    /// Where a file cannot be read, a strategy names a worker that the device lacks, or the environment does not fit the device.
    pub fn inputs(&self, scenario: &Scenario) -> Result<Inputs, RunError> {
        let profile = self.profile(&scenario.device)?;
        self.inputs_on(scenario, &profile)
    }

    /// All that a scenario refers to, on a device of another profile than the scenario names.
    ///
    /// # Errors
    /// As [`Self::inputs`].
    pub fn inputs_on(&self, scenario: &Scenario, profile: &Arc<Document<Profile>>) -> Result<Inputs, RunError> {
        let mwh = scenario.environment.battery_mwh;
        let key = DeviceKey(Arc::clone(profile), scenario.memory_limit_bytes, mwh.map(f64::to_bits));
        let device = kept_or(&self.devices, key.clone(), |_| {
            let mut device = device_of(profile)?;
            if scenario.memory_limit_bytes.is_some() {
                device = device.with_memory_limit(scenario.memory_limit_bytes);
            }
            if let Some(mwh) = mwh {
                device = device.with_battery(mwh * JOULES_PER_MWH);
            }
            Ok::<_, RunError>(Arc::new(device))
        })?;
        scenario.options(&device).map_err(|error| RunError::Input(error.to_string()))?;
        check_workers(scenario, &device)?;
        let rewrites = rewrites::wanted(scenario);
        let mut keys: Vec<GraphKey> = Vec::new();
        let mut models_of_stream = Vec::new();
        for stream in &scenario.streams {
            let index_of = |dimensions| {
                let key = (stream.model.clone(), dimensions);
                keys.iter().position(|known| *known == key).unwrap_or_else(|| {
                    keys.push(key);
                    keys.len() - 1
                })
            };
            models_of_stream.push(stream.variants().into_iter().map(index_of).collect());
        }
        let base = scenario.rewrite().map(|rewrite| rewrite.name);
        let load = |of: GraphKey| self.model(of, &key, &device, &rewrites, base);
        // One model needs no other thread: points of a sweep have one each, and every thread a point.
        let models: Vec<Result<Arc<Model>, String>> =
            if keys.len() == 1 { keys.into_iter().map(load).collect() } else { keys.into_par_iter().map(load).collect() };
        let models = all_or_errors(models)?;
        Ok(Inputs { profile: Arc::clone(profile), device, models, models_of_stream })
    }

    /// A device profile.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn profile(&self, reference: &Reference) -> Result<Arc<Document<Profile>>, RunError> {
        kept_or(&self.profiles, reference.clone(), |reference| Ok(Arc::new(Profile::open(reference)?)))
    }

    /// Fails where the file cannot be read, or the rewrite `needed` cannot be done.
    fn model(
        &self,
        of: GraphKey,
        on: &DeviceKey,
        device: &Device,
        rewrites: &[Rewrite],
        needed: Option<&str>,
    ) -> Result<Arc<Model>, String> {
        let wanted: Vec<String> = rewrites.iter().map(|rewrite| format!("{rewrite:?}")).collect();
        kept_or(&self.models, ModelKey(of, on.clone(), wanted), |ModelKey(of, ..)| {
            let (reference, dimensions) = of;
            let loaded = kept_or(&self.graphs, of.clone(), |_| {
                let options = ReadOptions { dimensions: dimensions.iter().cloned().collect(), ..ReadOptions::default() };
                model::load(reference, &options).map(Arc::new).map_err(|error| told(&error))
            })?;
            let mut model = Model::read(&loaded, dimensions, reference, device);
            let (rewritten, failed) = rewrites::variants(&model, rewrites, device);
            if let Some((_, why)) = failed.iter().find(|(name, _)| Some(*name) == needed) {
                return Err(format!("model `{}`: the passes of the scenario fail: {why}", model.name));
            }
            model.rewritten = rewritten;
            Ok(Arc::new(model))
        })
    }
}

/// The models, if all could be loaded; else all errors.
fn all_or_errors(models: Vec<Result<Arc<Model>, String>>) -> Result<Vec<Arc<Model>>, RunError> {
    let (mut loaded, mut errors) = (Vec::new(), Vec::new());
    for model in models {
        match model {
            Ok(model) => loaded.push(model),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(loaded) } else { Err(RunError::all(&errors)) }
}
