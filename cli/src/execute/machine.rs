//! The processors of this machine, the models' weights, and what their outputs should be.

use std::sync::Mutex;

use executor::frames::frame_model;
use executor::load::CpuLoad;
use executor::weights::Weights;
use executor::{Specification, Tensor, Unit, evaluate_constants, open, run_once};
use scenarios::{Reference, onnx};
use sim::graph::Graph;
use sim::identifiers::WorkerId;
use sim::task::LoweredModel;

use crate::arguments::ExecuteArguments;
use crate::commands::restart_confined;
use crate::execute::{Beside, BesideFrames};
use crate::failure::Failure;
use crate::run::{Inputs, Model};

/// What a scenario runs on.
pub(crate) struct Machine {
    /// One for each worker of the device.
    specifications: Vec<(String, Specification)>,
    /// Weights of each model, as it is and rewritten.
    pub(crate) weights: Vec<Vec<Weights>>,
    /// Outputs of each whole model as the CPU computes it, once somebody asked.
    references: Vec<Mutex<Option<Vec<Tensor>>>>,
    /// UI frames, if they are to be drawn.
    pub(crate) frames: Option<Frames>,
    /// Launches of every kernel before a run is measured.
    pub(crate) warm_up: u32,
    /// Kept alive while runs last.
    _loads: Vec<CpuLoad>,
    /// Cores that are kept busy, each for a share of the time.
    cpu_loads: Vec<(usize, f64)>,
}

/// UI frames as a model of the device.
pub(crate) struct Frames {
    pub(crate) model: Model,
    pub(crate) weights: Weights,
    pub(crate) worker: WorkerId,
    pub(crate) period_ns: u64,
}

impl Machine {
    /// Looks up every worker's processor, reads or draws the weights, starts the load.
    pub(crate) fn of(arguments: &ExecuteArguments, inputs: &Inputs) -> Result<Self, Failure> {
        let input = |text: String| Failure::input(anyhow::anyhow!("{text}"));
        for (worker, _) in &arguments.processors {
            if inputs.device.worker_named(worker).is_none() {
                let names: Vec<&str> = inputs.device.workers().iter().map(|worker| worker.name.as_str()).collect();
                return Err(input(format!("`--processor {worker}=...`: the device has the workers {}", names.join(", "))));
            }
        }
        let mut specifications = Vec::new();
        for worker in &inputs.profile.value.workers {
            let given = arguments.processors.iter().find(|(name, _)| *name == worker.name);
            let specification = match (given, &worker.opens) {
                (Some((_, specification)), _) => specification.clone(),
                (None, Some(text)) => text.parse().map_err(Failure::input)?,
                (None, None) => {
                    return Err(input(format!(
                        "device profile `{}` does not say which processor of this machine is worker `{}`\nhint: make a profile of \
                         this machine with `socrates calibrate run --quick --output host.toml`, or say `--processor \
                         '{}=cpu[cores=0]'`",
                        inputs.profile.name, worker.name, worker.name
                    )));
                }
            };
            specifications.push((worker.name.clone(), specification));
        }
        restart_confined(&specifications, 0)?;
        let mut weights = Vec::new();
        for model in &inputs.models {
            let variants = std::iter::once(&**model).chain(&model.rewritten);
            weights
                .push(variants.map(|variant| weights_of(variant, &model.graph, &specifications)).collect::<Result<Vec<_>, _>>()?);
        }
        let frames = arguments.frames.as_ref().map(|load| {
            let named = inputs.device.worker_named(&load.worker);
            let worker =
                named.ok_or_else(|| input(format!("`--frames {}=...`: there is no worker of that name", load.worker)))?;
            Ok::<_, Failure>(Frames {
                model: frames_on(inputs, load.layers),
                weights: Weights::drawn(),
                worker,
                period_ns: (1e9 / load.rate_hz).round() as u64,
            })
        });
        let load = |&(core, share): &(usize, f64)| CpuLoad::start(core, share);
        let loads: std::io::Result<Vec<CpuLoad>> = arguments.cpu_loads.iter().map(load).collect();
        Ok(Self {
            references: inputs.models.iter().map(|_| Mutex::new(None)).collect(),
            weights,
            cpu_loads: arguments.cpu_loads.clone(),
            frames: frames.transpose()?,
            warm_up: arguments.warm_up,
            _loads: loads.map_err(|error| input(format!("`--cpu-load`: {error}")))?,
            specifications,
        })
    }

    /// What runs beside a scenario, for the simulator.
    pub(crate) fn beside(&self, inputs: &Inputs) -> Beside<'_> {
        let frames = self.frames.as_ref().map(|frames| BesideFrames {
            model: &frames.model,
            worker: frames.worker,
            period_ns: frames.period_ns,
        });
        Beside::of(&self.specifications, inputs, &self.cpu_loads, frames)
    }

    /// Each worker and its processor, in the device's order.
    pub(crate) fn processors(&self) -> &[(String, Specification)] {
        &self.specifications
    }

    /// Largest difference of some outputs from those of the whole model on the CPU, relative to the largest value; `None` where
    /// no CPU worker can run the model whole.
    pub(crate) fn difference(&self, inputs: &Inputs, model: usize, seed: u64, outputs: &[Tensor]) -> Option<f64> {
        let mut reference = self.references[model].lock().ok()?;
        if reference.is_none() {
            *reference = self.reference(&inputs.models[model], &self.weights[model][0], seed);
        }
        let expected = reference.as_ref()?;
        let differences = outputs.iter().zip(expected).map(|(output, expected)| output.relative_difference(expected));
        differences.map(|difference| difference.unwrap_or(f64::INFINITY)).reduce(f64::max)
    }

    fn reference(&self, model: &Model, weights: &Weights, seed: u64) -> Option<Vec<Tensor>> {
        let graph = &model.graph;
        let inputs: Option<Vec<Tensor>> = graph.inputs().iter().map(|&id| weights.input(graph, id, seed).ok()).collect();
        let specification = cpu_of(&self.specifications);
        std::thread::scope(|scope| {
            // On a thread of its own, which opening pins.
            let compute = || {
                let mut processor = open(&specification).ok()?;
                run_once(processor.as_mut(), &Unit::of_model(graph, weights).ok()?, &inputs?).ok()
            };
            scope.spawn(compute).join().ok().flatten()
        })
    }
}

/// The first CPU worker's processor, or core 0.
fn cpu_of(specifications: &[(String, Specification)]) -> Specification {
    let cpu = specifications.iter().find(|(_, specification)| matches!(specification, Specification::Cpu { .. }));
    let core_0 = Specification::Cpu { cores: vec![0], kernels: executor::Kernels::Best };
    cpu.map_or(core_0, |(_, specification)| specification.clone())
}

/// The weights of a file, and drawn ones for a model of the zoo; then what operators make of them alone.
fn weights_of(model: &Model, original: &Graph, specifications: &[(String, Specification)]) -> Result<Weights, Failure> {
    let mut weights = Weights::drawn();
    if let Reference::File(path) = &model.reference {
        let mut refused = None;
        let mut take = |values: onnx::WeightValues| {
            let tensor = Tensor::new(values.data_type, &values.shape, &values.bytes);
            if let Err(error) = weights.insert(&values.name, tensor) {
                refused.get_or_insert(error);
            }
        };
        onnx::read_weights(path, &mut take).map_err(Failure::input)?;
        if let Some(error) = refused {
            return Err(Failure::input(anyhow::anyhow!("model `{}`: {error}", model.name)));
        }
    }
    if model.rewrite.is_some() {
        // Other operators may read a weight now: its values are those that the model as it is has.
        let failed = |error| Failure::input(anyhow::anyhow!("model `{}`: {error}", model.name));
        weights = weights.of_model(original).map_err(failed)?;
    }
    let specification = cpu_of(specifications);
    let computed = std::thread::scope(|scope| {
        let compute = || {
            let mut processor = open(&specification)?;
            evaluate_constants(&model.graph, &mut weights, processor.as_mut())
        };
        scope.spawn(compute).join()
    });
    match computed {
        Ok(Ok(_)) => Ok(weights),
        Ok(Err(error)) => Err(Failure::input(anyhow::anyhow!("model `{}`: {error}", model.name))),
        Err(_) => Err(Failure::input(anyhow::anyhow!("model `{}`: its constants could not be computed", model.name))),
    }
}

/// UI frames of so many layers, as a model of the device.
pub(crate) fn frames_on(inputs: &Inputs, layers: u32) -> Model {
    let graph = frame_model(layers);
    let lowered = LoweredModel::of(&graph, &inputs.device);
    let name = "ui_frame".to_owned();
    Model::new(name.clone(), name.clone(), Reference::BuiltIn(name), graph, lowered)
}
