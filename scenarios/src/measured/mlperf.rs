//! Logs of `MLPerf`: the summary and the detail of its load generator, and `result.json` of the mobile app.

use serde_json::Value;

use super::{Context, Measured, MeasuredError, MeasuredModel, number, zoo_name};

/// What a detail line begins with.
const DETAIL: &str = ":::MLLOG";

/// Reads `mlperf_log_summary.txt`, `mlperf_log_detail.txt` or `result.json`.
///
/// Of a scenario other than `SingleStream` there is no latency of one inference: it is left out, with a warning.
///
/// # Errors
/// If it is none of them, or a number cannot be.
pub fn read(text: &str, context: &Context) -> Result<Measured, MeasuredError> {
    if text.trim_start().starts_with('{') {
        return app(&context.json(text)?, context);
    }
    let facts = if text.contains(DETAIL) { detail(text, context)? } else { summary(text) };
    if facts.scenario.is_empty() {
        return Err(context.error("the file", "no `Scenario`: not a log of MLPerf's load generator"));
    }
    let mut measured = Measured::default();
    if facts.scenario != "SingleStream" {
        measured
            .warnings
            .push(format!("scenario `{}` measures throughput, not the latency of one inference: left out", facts.scenario));
        return Ok(measured);
    }
    if !facts.is_valid {
        measured.warnings.push("MLPerf calls the run invalid: it may be too short".to_owned());
    }
    let (line, mean_ns) = facts.mean_ns.ok_or_else(|| context.error("the file", "no mean latency: the log ends too early"))?;
    let mean_ns = context.duration(&format!("line {line}"), mean_ns)?;
    let processor = context.processor("npu");
    measured.models.push(MeasuredModel {
        framework: "mlperf".to_owned(),
        model: context.model(None),
        device: context.device(),
        cores: context.cores(&processor),
        processor,
        dtype: "quant".to_owned(),
        mean_ms: mean_ns / 1e6,
        note: facts.p90_ns.map_or_else(String::new, |p90| format!("90th percentile {} ms", p90 / 1e6)),
    });
    Ok(measured)
}

#[derive(Default)]
struct Facts {
    scenario: String,
    is_valid: bool,
    mean_ns: Option<(usize, f64)>,
    p90_ns: Option<f64>,
}

fn summary(text: &str) -> Facts {
    let mut facts = Facts::default();
    for (index, line) in text.lines().enumerate() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match key.trim() {
            "Scenario" => facts.scenario = value.replace(' ', ""),
            "Result is" => facts.is_valid = value == "VALID",
            "Mean latency (ns)" => facts.mean_ns = value.parse().ok().map(|ns| (index + 1, ns)),
            key if key.starts_with("90") && key.ends_with("percentile latency (ns)") => facts.p90_ns = value.parse().ok(),
            _ => {}
        }
    }
    facts
}

fn detail(text: &str, context: &Context) -> Result<Facts, MeasuredError> {
    let mut facts = Facts::default();
    for (index, line) in text.lines().enumerate() {
        let Some((_, json)) = line.split_once(DETAIL) else { continue };
        let place = || format!("line {}", index + 1);
        let event: Value =
            serde_json::from_str(json.trim()).map_err(|error| context.error(place(), format!("not JSON: {error}")))?;
        let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
        match text("key") {
            "effective_scenario" => facts.scenario = text("value").replace(' ', ""),
            "result_validity" => facts.is_valid = text("value") == "VALID",
            "result_mean_latency_ns" => facts.mean_ns = number(&event, "value").map(|ns| (index + 1, ns)),
            "result_90.00_percentile_latency_ns" => facts.p90_ns = number(&event, "value"),
            _ => {}
        }
    }
    Ok(facts)
}

/// The app's file: one result, or a list of them under `results`.
fn app(root: &Value, context: &Context) -> Result<Measured, MeasuredError> {
    let results = root.get("results").and_then(Value::as_array);
    let results = results.ok_or_else(|| context.error("the file", "no list `results`: not a `result.json` of the MLPerf app"))?;
    let mut measured = Measured::default();
    for (index, result) in results.iter().enumerate() {
        let text = |key: &str| result.get(key).and_then(Value::as_str);
        let place = format!("results[{index}]");
        let id = text("benchmark_id").ok_or_else(|| context.error(&place, "no text `benchmark_id`"))?;
        let run = result.get("performance_run").filter(|run| !run.is_null());
        let throughput = run.and_then(|run| run.get("throughput")).and_then(|it| number(it, "value").or_else(|| it.as_f64()));
        let (scenario, Some(throughput)) = (text("loadgen_scenario").unwrap_or("SingleStream"), throughput) else {
            measured.warnings.push(format!("{place}: `{id}` has no performance run: left out"));
            continue;
        };
        if scenario != "SingleStream" {
            measured.warnings.push(format!("{place}: `{id}` ran as `{scenario}`, which measures throughput: left out"));
            continue;
        }
        if !(throughput.is_finite() && throughput > 0.0) {
            return Err(
                context.error(format!("{place}.performance_run.throughput"), format!("it is {throughput}, but must be above 0"))
            );
        }
        let backend = result.get("backend_info");
        let accelerator =
            backend.and_then(|it| it.get("accelerator_name")).and_then(Value::as_str).unwrap_or("npu").to_lowercase();
        let unit = ["cpu", "gpu"].into_iter().find(|unit| accelerator.contains(unit)).unwrap_or("npu");
        let processor = context.processor(unit);
        measured.models.push(MeasuredModel {
            framework: "mlperf".to_owned(),
            model: context.model(Some(&zoo_name(id))),
            device: context.device(),
            cores: context.cores(&processor),
            processor,
            dtype: "quant".to_owned(),
            mean_ms: 1e3 / throughput,
            note: format!("accelerator {accelerator}; one over the throughput of a single stream"),
        });
    }
    Ok(measured)
}
