//! Predicting whole models.

use std::fs;
use std::path::{Path, PathBuf};

use hwcal::table::Source;
use pyo3::prelude::*;
use scenarios::Reference;
use scenarios::model;
use scenarios::onnx::{ReadOptions, read_bytes};
use serde::Serialize;
use sim::graph::{Graph, OperatorWork};
use validation::models::{ModelPrediction, Predictor, cores_of, known_operators, worker_of};

use crate::device::Device;
use crate::error;

/// What is predicted.
enum Model {
    Graph(Box<Graph>),
    List(Vec<OperatorWork>),
}

/// What comes out.
#[derive(Serialize)]
struct Predicted {
    predictions: Vec<ModelPrediction>,
    refused: Vec<Refusal>,
}

#[derive(Serialize)]
struct Refusal {
    worker: String,
    operator: String,
    reason: String,
}

/// Latency of a model on each worker that a processor's name stands for, as JSON. The model is given by name or path, or by the bytes of an
/// ONNX file.
#[pyfunction]
#[pyo3(signature = (device, model, onnx, processor, operators))]
pub(crate) fn predict(
    device: &Device,
    model: &str,
    onnx: Option<&[u8]>,
    processor: Option<&str>,
    operators: Option<PathBuf>,
) -> PyResult<String> {
    let profile = device.profile.value.clone();
    let model = model_of(&profile.name, model, onnx, operators.as_deref())?;
    let predictor = predictor(profile)?;
    let mut predicted = Predicted { predictions: Vec::new(), refused: Vec::new() };
    for worker in workers(&predictor, processor)? {
        let result = match &model {
            Model::Graph(graph) => predictor.graph(worker, graph),
            Model::List(operators) => Ok(predictor.list(worker, operators)),
        };
        match result {
            Ok(prediction) => predicted.predictions.push(prediction),
            Err((operator, reason)) => {
                let worker = predictor.profile().workers[worker].name.clone();
                predicted.refused.push(Refusal { worker, operator, reason });
            }
        }
    }
    serde_json::to_string(&predicted).map_err(error::input)
}

/// A predictor of a profile.
pub(crate) fn predictor(profile: scenarios::Profile) -> PyResult<Predictor> {
    let name = profile.name.clone();
    Predictor::new(profile).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        error::input(format!("device profile `{name}`: {}", errors.join("; ")))
    })
}

/// A file as it is shown, and its text.
pub(crate) fn text_of(path: &Path) -> PyResult<(String, String)> {
    let shown = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|why| error::input(format!("cannot read `{shown}`: {why}")))?;
    Ok((shown, text))
}

/// A model in memory goes first, then a table of the user's, the zoo and files, then the lists that come with the program.
fn model_of(device: &str, name: &str, onnx: Option<&[u8]>, operators: Option<&Path>) -> PyResult<Model> {
    if let Some(bytes) = onnx {
        let graph = read_bytes(name, bytes, &ReadOptions::default()).map_err(error::input)?;
        return Ok(Model::Graph(Box::new(graph)));
    }
    let own = operators.map(text_of).transpose()?;
    let source = own.as_ref().map(|(file, text)| Source { file, text });
    let mut lists = known_operators(device, source).map_err(error::input)?;
    if let Some((file, _)) = &own {
        let list = lists.remove(name).filter(|list| !list.is_empty());
        return list.map(Model::List).ok_or_else(|| error::input(format!("{file}: no operators of model `{name}`")));
    }
    match (model::load(&Reference::of(name, Path::new("")), &ReadOptions::default()), lists.remove(name)) {
        (Ok(loaded), _) => Ok(Model::Graph(Box::new(loaded.graph))),
        (Err(_), Some(list)) => Ok(Model::List(list)),
        (Err(error), None) => Err(error::read(&error)),
    }
}

/// The workers that a processor's name stands for.
fn workers(predictor: &Predictor, processor: Option<&str>) -> PyResult<Vec<usize>> {
    let profile = predictor.profile();
    let all = |keep: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..profile.workers.len()).filter(|&index| keep(&profile.workers[index].name)).collect()
    };
    let found = match processor {
        None => all(&|_| true),
        Some("cpu") => all(&|name| name.starts_with("cpu")),
        Some(name) => worker_of(profile, "cpu", name).or_else(|| worker_of(profile, name, name)).into_iter().collect(),
    };
    if found.is_empty() {
        let known: Vec<String> = profile.workers.iter().map(|worker| format!("`{}`", cores_of(&worker.name))).collect();
        let name = processor.unwrap_or_default();
        let text = format!(
            "`{}` has no processor `{name}`\nhint: it has {}, and `cpu` for all sets of cores",
            profile.name,
            known.join(", ")
        );
        return Err(error::input(text));
    }
    Ok(found)
}
