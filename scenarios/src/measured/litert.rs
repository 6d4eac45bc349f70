//! `benchmark_model` of `LiteRT` (`TFLite`): its log, its operator profile as CSV, or its result as protobuf's JSON.

use serde_json::Value;

use super::{Context, Measured, MeasuredError, MeasuredModel, MeasuredOperator, number};

/// Reads what `benchmark_model` wrote.
///
/// A log has a line `Inference timings in us: ... Inference (avg): 1885.74`; a profile (`--profiling_output_csv_file`, or
/// `--enable_op_profiling` in the log) has a section `Run Order` of lines `node type, first, avg_ms, ...`; a result (`--result_file_path`, as JSON)
/// has `latency_metrics`.
///
/// # Errors
/// If the file holds none of them, or a number that cannot be.
pub fn read(text: &str, context: &Context) -> Result<Measured, MeasuredError> {
    if text.trim_start().starts_with('{') {
        return result(&context.json(text)?, context);
    }
    let mut measured = Measured { operators: operators(text, context)?, ..Measured::default() };
    for (index, line) in text.lines().enumerate() {
        if let Some((_, rest)) = line.split_once("Inference timings in us:")
            && let Some((_, value)) = rest.split_once("Inference (avg):")
        {
            let place = format!("line {}", index + 1);
            let value = value.split([',', ' ']).find(|part| !part.is_empty()).unwrap_or_default();
            let us: f64 =
                value.parse().map_err(|_| context.error(&place, format!("`{value}` is not a number of microseconds")))?;
            measured.models.push(model(context, context.duration(&place, us)? / 1e3, "mean of benchmark_model"));
        }
    }
    if measured.models.is_empty() && measured.operators.is_empty() {
        return Err(context.error(
            "the file",
            "neither a line `Inference timings in us:`, nor a section `Run Order` of operators, nor a JSON object with `latency_metrics`: not written by \
             `benchmark_model`",
        ));
    }
    Ok(measured)
}

fn model(context: &Context, mean_ms: f64, note: &str) -> MeasuredModel {
    let processor = context.processor("cpu");
    MeasuredModel {
        framework: "tflite".to_owned(),
        model: context.model(None),
        device: context.device(),
        cores: context.cores(&processor),
        processor,
        dtype: "float".to_owned(),
        mean_ms,
        note: note.to_owned(),
    }
}

fn result(root: &Value, context: &Context) -> Result<Measured, MeasuredError> {
    // Protobuf's JSON has names in camel case by default, and as written on request.
    let of = |object: &Value, snake: &str, camel: &str| object.get(snake).or_else(|| object.get(camel)).cloned();
    let metrics = of(root, "latency_metrics", "latencyMetrics")
        .ok_or_else(|| context.error("the file", "a JSON object without `latency_metrics`: not a result of `benchmark_model`"))?;
    let mean = of(&metrics, "avg_ms", "avgMs").as_ref().and_then(Value::as_f64);
    let mean = mean.ok_or_else(|| context.error("latency_metrics", "no number `avg_ms`"))?;
    let mean = context.duration("latency_metrics.avg_ms", mean)?;
    let note = number(&metrics, "median_ms").or_else(|| number(&metrics, "medianMs"));
    let note = note
        .map_or_else(|| "mean of benchmark_model".to_owned(), |median| format!("mean of benchmark_model; median {median} ms"));
    Ok(Measured { models: vec![model(context, mean, &note)], ..Measured::default() })
}

/// The section of operators in the order in which they ran.
fn operators(text: &str, context: &Context) -> Result<Vec<MeasuredOperator>, MeasuredError> {
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let mut operators = Vec::new();
    if !lines.by_ref().any(|(_, line)| line.contains("Run Order")) {
        return Ok(operators);
    }
    let mut header: Vec<&str> = Vec::new();
    for (number, line) in lines {
        if line.is_empty() || line.starts_with("====") {
            if header.is_empty() {
                continue;
            }
            break;
        }
        if header.is_empty() {
            header = line.split(',').map(str::trim).collect();
            if !header.contains(&"avg_ms") {
                let problem =
                    "the columns must be those of CSV (`node type, first, avg_ms, ...`): pass `--profiling_output_csv_file=FILE`";
                return Err(context.error(format!("line {number}"), problem));
            }
            continue;
        }
        let fields: Vec<&str> = line.splitn(header.len(), ',').map(str::trim).collect();
        let place = format!("line {number}");
        let field = |column: &str| {
            let place = header.iter().position(|name| *name == column)?;
            fields.get(place).copied()
        };
        let kind = field("node type").filter(|kind| !kind.is_empty()).ok_or_else(|| context.error(&place, "no node type"))?;
        let mean = field("avg_ms").unwrap_or_default();
        let mean: f64 = mean.parse().map_err(|_| context.error(&place, format!("avg_ms is `{mean}`, not a number")))?;
        if !(mean.is_finite() && mean >= 0.0) {
            return Err(context.error(&place, format!("avg_ms is {mean}, but it must be at least 0")));
        }
        operators.push(MeasuredOperator {
            model: context.model(None),
            name: field("name").unwrap_or_default().to_owned(),
            op: kind.to_owned(),
            processor: context.processor("cpu"),
            runs: field("times called").and_then(|runs| runs.parse().ok()).unwrap_or(1),
            mean_us: 1e3 * mean,
        });
    }
    Ok(operators)
}
