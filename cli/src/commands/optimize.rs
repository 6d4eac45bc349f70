//! `socrates model optimize`: a model after frontend passes, as an ONNX file.

use std::collections::BTreeMap;
use std::path::Path;

use scenarios::onnx::{self, WeightValues};
use scenarios::{Reference, model};
use serde::Serialize;

use super::diff::{Diff, diff, rendered};
use crate::arguments::OptimizeArguments;
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Optimized {
    model: String,
    output: String,
    bytes: u64,
    #[serde(flatten)]
    diff: Diff,
}

pub(crate) fn optimize(arguments: &OptimizeArguments) -> Outcome {
    let reference = Reference::of(&arguments.model, Path::new(""));
    let loaded = model::load(&reference, &arguments.shapes.options())?;
    let (graph, diff) = diff(&loaded.graph, &arguments.passes, None)?;
    let bytes = onnx::write(&graph, &mut WeightValues::giver(weights(&reference)?)).map_err(Failure::input)?;
    // What is written must be what was meant: read as any reader would.
    let again = onnx::read_bytes(&loaded.name, &bytes, &onnx::ReadOptions::default()).map_err(Failure::output)?;
    if again.operators() != graph.operators() {
        return Err(Failure::output(anyhow::anyhow!("model `{}` is not read back as it was written", loaded.name)));
    }
    results::write_atomic(&arguments.output, &bytes)?;
    let output = arguments.output.display().to_string();
    print(&if arguments.json {
        let optimized = Optimized { model: loaded.name, output, bytes: bytes.len() as u64, diff };
        format!("{}\n", serde_json::to_string_pretty(&optimized).map_err(Failure::output)?)
    } else {
        format!("{}\nwrote {output} ({} bytes)\n", rendered(&loaded.name, &diff), runner::grouped(bytes.len() as u64))
    })?;
    Ok(Status::Done)
}

/// The values of weights that a file has, by name.
fn weights(reference: &Reference) -> Result<BTreeMap<String, WeightValues>, Failure> {
    let mut weights = BTreeMap::new();
    if let Reference::File(path) = reference {
        let mut take = |values: WeightValues| drop(weights.insert(values.name.clone(), values));
        onnx::read_weights(path, &mut take).map_err(Failure::input)?;
    }
    Ok(weights)
}
