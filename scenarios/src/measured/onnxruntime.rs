//! Profiles of ONNX Runtime: a list of events in the format of Chrome's traces.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Context, Measured, MeasuredError, MeasuredModel, MeasuredOperator};

/// What ran a node, by its provider.
const PROVIDERS: [(&str, &str); 8] = [
    ("CPUExecutionProvider", "cpu"),
    ("XnnpackExecutionProvider", "cpu"),
    ("ACLExecutionProvider", "cpu"),
    ("CUDAExecutionProvider", "gpu"),
    ("DmlExecutionProvider", "gpu"),
    ("WebGpuExecutionProvider", "gpu"),
    ("QNNExecutionProvider", "npu"),
    ("NnapiExecutionProvider", "npu"),
];

/// What a profile says of a node of the model.
struct Node {
    /// Its place in the order of the first run.
    order: usize,
    operator: String,
    provider: String,
    durations_us: Vec<f64>,
}

/// Reads a profile: the mean of `model_run`, and of each node's `_kernel_time`. The first run warms up and is left out where there are others.
///
/// # Errors
/// If it is no such list, or a duration cannot be.
pub fn read(text: &str, context: &Context) -> Result<Measured, MeasuredError> {
    let root = context.json(text)?;
    let events =
        root.as_array().ok_or_else(|| context.error("the file", "it must hold a list of events, as ONNX Runtime writes it"))?;
    let mut runs: Vec<f64> = Vec::new();
    let mut nodes: BTreeMap<(u64, String), Node> = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
        let place = format!("event {index}");
        let argument =
            |key: &str| event.get("args").and_then(|arguments| arguments.get(key)).and_then(Value::as_str).unwrap_or_default();
        let duration = || {
            let value = event.get("dur").and_then(Value::as_f64);
            let value = value.ok_or_else(|| context.error(&place, "no number `dur`"))?;
            // Whole microseconds: what is shorter than half of one is 0.
            if value.is_finite() && value >= 0.0 {
                Ok(value)
            } else {
                Err(context.error(&place, format!("`dur` is {value}, but it must be at least 0")))
            }
        };
        match (text("cat"), text("name")) {
            ("Session", "model_run") => runs.push(duration()?),
            ("Node", name) if name.ends_with("_kernel_time") => {
                let name = name.trim_end_matches("_kernel_time").to_owned();
                let number = argument("node_index").parse().unwrap_or(u64::MAX);
                let order = nodes.len();
                let entry = nodes.entry((number, name)).or_insert_with(|| Node {
                    order,
                    operator: argument("op_name").to_owned(),
                    provider: argument("provider").to_owned(),
                    durations_us: Vec::new(),
                });
                entry.durations_us.push(duration()?);
            }
            _ => {}
        }
    }
    if runs.is_empty() && nodes.is_empty() {
        return Err(context.error(
            "the file",
            "no event `model_run` and none of a node: not a profile of ONNX Runtime, or of a session that never ran",
        ));
    }
    let mut listed: Vec<_> = nodes.into_iter().collect();
    listed.sort_by_key(|(_, node)| node.order);
    let processor_of = |provider: &str| PROVIDERS.iter().find(|row| row.0 == provider).map_or(provider, |row| row.1).to_owned();
    let main = listed.iter().map(|(_, node)| (node.durations_us.iter().sum::<f64>(), node.provider.as_str()));
    let main = main
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map_or_else(|| "cpu".to_owned(), |(_, provider)| processor_of(provider));
    let processor = context.processor(&main);
    let models = if runs.is_empty() {
        Vec::new()
    } else {
        let mean_us = context.duration("model_run", warm_mean(&runs))?;
        vec![MeasuredModel {
            framework: "onnxruntime".to_owned(),
            model: context.model(None),
            device: context.device(),
            cores: context.cores(&processor),
            processor,
            dtype: "float".to_owned(),
            mean_ms: mean_us / 1e3,
            note: format!("{} runs, profiling switched on", runs.len()),
        }]
    };
    let operators = listed.into_iter().map(|((_, name), node)| MeasuredOperator {
        model: context.model(None),
        name,
        op: node.operator,
        processor: processor_of(&node.provider),
        runs: warm(&node.durations_us).len() as u64,
        mean_us: warm_mean(&node.durations_us),
    });
    Ok(Measured { models, operators: operators.collect(), warnings: Vec::new() })
}

/// All but the first, where there are others.
fn warm(durations: &[f64]) -> &[f64] {
    if durations.len() > 1 { &durations[1..] } else { durations }
}

fn warm_mean(durations: &[f64]) -> f64 {
    let warm = warm(durations);
    warm.iter().sum::<f64>() / warm.len().max(1) as f64
}
