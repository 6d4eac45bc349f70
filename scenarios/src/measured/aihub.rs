//! `perf.yaml` of Qualcomm's AI Hub: latencies of a model by precision, component, device and runtime.

use serde_json::Value;

use super::{Context, Measured, MeasuredError, MeasuredModel, number, yaml, zoo_name};

/// Devices of AI Hub that have a profile here: in floating point, with 8 bits.
const DEVICES: [(&str, Option<&str>, Option<&str>); 5] = [
    ("QCS8450 (Proxy)", Some("sd8gen1"), None),
    ("QCS8550 (Proxy)", Some("sd8gen2"), Some("sd8gen2-int8")),
    ("Samsung Galaxy S24", Some("galaxy-s24-sd8gen3"), Some("galaxy-s24-sd8gen3-int8")),
    ("Samsung Galaxy S25", Some("galaxy-s25-sd8elite"), None),
    ("Dragonwing RB3 Gen 2 Vision Kit", None, Some("qcs6490-int8")),
];

/// Reads `perf.yaml`. Rows are those of `TFLite`, ONNX Runtime and compiled graphs alike; `framework` tells them apart.
///
/// # Errors
/// If it is not in the form `precisions`, `components`, `performance_metrics`, device, runtime, or a number cannot be.
pub fn read(text: &str, context: &Context) -> Result<Measured, MeasuredError> {
    let root = yaml::read(text).map_err(|error| context.error(format!("line {}", error.line), error.problem))?;
    let precisions = root.get("precisions").and_then(Value::as_object).ok_or_else(|| {
        context.error("the file", "no `precisions` with `components` in it: not a `perf.yaml` of AI Hub, or one of before 2025")
    })?;
    let mut measured = Measured::default();
    for (precision, of_precision) in precisions {
        let components = of_precision.get("components").and_then(Value::as_object);
        let components = components.ok_or_else(|| context.error(format!("precisions.{precision}"), "no `components`"))?;
        for (component, of_component) in components {
            let devices = of_component.get("performance_metrics").and_then(Value::as_object);
            for (device, runtimes) in devices.into_iter().flatten() {
                for (runtime, metrics) in runtimes.as_object().into_iter().flatten() {
                    let place = format!("{precision}.{component}.{device}.{runtime}");
                    row(&mut measured, context, &place, [precision, component, device, runtime], metrics)?;
                }
            }
        }
    }
    if measured.models.is_empty() {
        return Err(context.error("precisions", "no `inference_time_milliseconds` of any device"));
    }
    Ok(measured)
}

fn row(
    measured: &mut Measured,
    context: &Context,
    place: &str,
    [precision, component, device, runtime]: [&str; 4],
    metrics: &Value,
) -> Result<(), MeasuredError> {
    let time = match metrics.get("inference_time_milliseconds") {
        Some(value) if !value.is_null() => {
            let time = value
                .as_f64()
                .ok_or_else(|| context.error(place, format!("inference_time_milliseconds is `{value}`, not a number")))?;
            context.duration(place, time)?
        }
        _ => {
            let status = metrics.get("job_status").and_then(Value::as_str).unwrap_or("none");
            measured.warnings.push(format!("{place}: no latency, job status `{status}`: left out"));
            return Ok(());
        }
    };
    let dtype = match precision {
        "float" => "float",
        "w8a8" => "quant",
        other => other,
    };
    let unit = metrics.get("primary_compute_unit").and_then(Value::as_str).unwrap_or("npu").to_lowercase();
    let processor = context.processor(&unit);
    let layers = metrics.get("layer_counts").map(|counts| {
        let of = |unit: &str| number(counts, unit).unwrap_or(0.0);
        format!("layers {}, npu {}, gpu {}, cpu {}", of("total"), of("npu"), of("gpu"), of("cpu"))
    });
    let known = DEVICES.iter().find(|row| row.0 == device).and_then(|row| match dtype {
        "float" => row.1,
        "quant" => row.2,
        _ => None,
    });
    measured.models.push(MeasuredModel {
        framework: runtime.to_owned(),
        model: context.model(Some(&zoo_name(component))),
        device: context.device.clone().unwrap_or_else(|| known.unwrap_or(device).to_owned()),
        cores: context.cores(&processor),
        processor,
        dtype: dtype.to_owned(),
        mean_ms: time,
        note: layers.unwrap_or_default(),
    });
    Ok(())
}
