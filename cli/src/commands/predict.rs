//! `socrates predict`.

use std::fmt::Write as _;
use std::path::Path;

use hwcal::table::Source;
use scenarios::{Profile, Reference, model};
use serde::Serialize;
use sim::graph::{Graph, OperatorWork};
use validation::models::{ModelPrediction, Predictor, cores_of, known_operators, worker_of};

use crate::arguments::PredictArguments;
use crate::commands::validate::{predictor, text_of};
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;
use crate::table::{Align, Table};

/// What is predicted.
enum Model {
    Graph(Box<Graph>),
    List(Vec<OperatorWork>),
}

/// What is printed.
#[derive(Serialize)]
struct Predicted {
    device: String,
    model: String,
    predictions: Vec<ModelPrediction>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refusal>,
}

#[derive(Serialize)]
struct Refusal {
    worker: String,
    operator: String,
    reason: String,
}

pub(crate) fn predict(arguments: &PredictArguments) -> Outcome {
    let profile = Profile::open(&Reference::of(&arguments.device, Path::new("")))?.value;
    let model = model_of(arguments, &profile.name)?;
    let workers = workers(&profile, arguments.processor.as_deref())?;
    let predictor = predictor(profile)?;
    let mut predicted = Predicted {
        device: predictor.profile().name.clone(),
        model: arguments.model.clone(),
        predictions: Vec::new(),
        refused: Vec::new(),
    };
    for worker in workers {
        match on(&predictor, worker, &model) {
            Ok(prediction) => predicted.predictions.push(prediction),
            Err((operator, reason)) => {
                let worker = predictor.profile().workers[worker].name.clone();
                predicted.refused.push(Refusal { worker, operator, reason });
            }
        }
    }
    if let (true, Some(it)) = (predicted.predictions.is_empty(), predicted.refused.first()) {
        return Err(Failure::input(anyhow::anyhow!(
            "`{}` of `{}` does not run `{}`: operator `{}`: {}",
            it.worker,
            predicted.device,
            predicted.model,
            it.operator,
            it.reason
        )));
    }
    let json = || serde_json::to_string_pretty(&predicted).map_err(Failure::output);
    print(&if arguments.json { format!("{}\n", json()?) } else { rendered(&predicted) })?;
    Ok(Status::Done)
}

fn on(predictor: &Predictor, worker: usize, model: &Model) -> Result<ModelPrediction, (String, String)> {
    match model {
        Model::Graph(graph) => predictor.graph(worker, graph),
        Model::List(operators) => Ok(predictor.list(worker, operators)),
    }
}

/// A table of the user's goes first, then the zoo and files, then the lists that come with the program.
fn model_of(arguments: &PredictArguments, device: &str) -> Result<Model, Failure> {
    let name = arguments.model.as_str();
    let own = arguments.operators.as_deref().map(text_of).transpose()?;
    let source = own.as_ref().map(|(file, text)| Source { file, text });
    let mut lists = known_operators(device, source).map_err(Failure::input)?;
    if let Some((file, _)) = &own {
        let list = lists.remove(name).filter(|list| !list.is_empty());
        let none = || Failure::input(anyhow::anyhow!("{file}: no operators of model `{name}`"));
        return list.map(Model::List).ok_or_else(none);
    }
    match (model::load(&Reference::of(name, Path::new("")), &arguments.shapes.options()), lists.remove(name)) {
        (Ok(loaded), _) => Ok(Model::Graph(Box::new(loaded.graph))),
        (Err(_), Some(list)) => Ok(Model::List(list)),
        (Err(error), None) => Err(error.into()),
    }
}

/// The workers that a processor's name stands for.
fn workers(profile: &Profile, processor: Option<&str>) -> Result<Vec<usize>, Failure> {
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
        return Err(Failure::input(anyhow::anyhow!(
            "`{}` has no processor `{name}`\nhint: it has {}, and `cpu` for all sets of cores",
            profile.name,
            known.join(", ")
        )));
    }
    Ok(found)
}

fn rendered(predicted: &Predicted) -> String {
    let mut table = Table::new(&[
        ("processor", Align::Left),
        ("latency ms", Align::Right),
        ("90 % interval", Align::Right),
        ("kernels", Align::Right),
        ("measured", Align::Right),
        ("fitted", Align::Right),
        ("assumed", Align::Right),
        ("extrapolated", Align::Right),
    ]);
    for it in &predicted.predictions {
        let kernels = it.kernels;
        let interval =
            it.low_ms.zip(it.high_ms).map_or_else(|| "not known".to_owned(), |(low, high)| format!("{low:.2} - {high:.2}"));
        let counts = [
            kernels.measured + kernels.fitted + kernels.assumed,
            kernels.measured,
            kernels.fitted,
            kernels.assumed,
            it.extrapolated,
        ];
        let words = [cores_of(&it.worker), format!("{:.2}", it.latency_ms), interval];
        table.row(words.into_iter().chain(counts.map(|count| count.to_string())));
    }
    let mut text = format!("`{}` on `{}`:\n\n{}", predicted.model, predicted.device, table.render());
    for it in &predicted.refused {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{} does not run it: operator `{}`: {}", cores_of(&it.worker), it.operator, it.reason);
    }
    text
}
