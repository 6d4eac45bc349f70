//! Band's JSON configuration as a scenario.
//!
//! Band (Jeong et al., `MobiSys` 2022) comes with a benchmark program whose configuration says which models are asked for how often, and how
//! Band schedules them. What a scenario can say is carried over; everything else is named in a warning, nothing is lost in silence.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::text::Duration;
use crate::zoo;

/// A scenario made of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The scenario, as TOML.
    pub text: String,
    /// What was not carried over, or only about.
    pub warnings: Vec<String>,
}

/// Why a configuration is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BandError {
    /// Not JSON.
    #[error("not JSON: {0}")]
    Json(String),
    /// Something that must be there is not, or is something else.
    #[error("`{key}` is {found}: {right}")]
    Value {
        /// Where it stands.
        key: String,
        /// What is there.
        found: String,
        /// What would be right.
        right: &'static str,
    },
}

fn wrong(key: impl Into<String>, found: Option<&Value>, right: &'static str) -> BandError {
    let found = found.map_or_else(|| "missing".to_owned(), |value| format!("`{value}`"));
    BandError::Value { key: key.into(), found, right }
}

/// Most requests that a model may ask for at once.
const MOST_AT_ONCE: u64 = 64;

/// Schedulers by Band's names.
const SCHEDULERS: &[(&str, &str)] = &[
    ("fixed_worker", "fixed"),
    ("fixed_worker_global_queue", "fixed"),
    ("fixed_device", "fixed"),
    ("round_robin", "round_robin"),
    ("shortest_expected_latency", "shortest_expected_latency"),
    ("heterogeneous_earliest_finish_time", "heft"),
    ("heterogeneous_earliest_finish_time_reserved", "heft_reserved"),
    ("least_slack_time_first", "least_slack"),
];

/// What is read of a file.
const READ_OF_FILE: &[&str] = &[
    "execution_mode",
    "running_time_ms",
    "model_id_random_seed",
    "models",
    "schedulers",
    "planner",
    "schedule_window_size",
    "minimum_subgraph_size",
    "subgraph_preparation_type",
    "global_period_ms",
];

/// What is read of a model.
const READ_OF_MODEL: &[&str] = &["graph", "period_ms", "batch_size", "slo_us"];

/// What has no counterpart, and why that does not matter or what to do.
const NOT_CARRIED_OVER: &[(&str, &str)] = &[
    ("log_path", "results are written where `socrates run --output` says"),
    ("workers", "workers are those of the device profile"),
    ("cpu_masks", "workers are those of the device profile"),
    ("num_threads", "workers are those of the device profile"),
    ("planner_cpu_masks", "a decision costs what the device profile says"),
    ("availability_check_interval_ms", "workers do not disappear"),
    ("allow_work_steal", "Band's strategy here does not steal work"),
    ("profile_online", "costs are those of the device profile"),
    ("profile_warmup_runs", "costs are those of the device profile"),
    ("profile_num_runs", "costs are those of the device profile"),
    ("profile_data_path", "costs are those of the device profile"),
    ("profile_copy_computation_ratio", "copies cost what the device profile says"),
    ("profile_smoothing_factor", "Band's default of 0.1 is used"),
    ("model_profile", "costs are those of the device profile"),
];

/// The configuration `text` as a scenario named `name` on `device`.
///
/// # Errors
/// If the text is not JSON, lacks models, or a value cannot be used.
pub fn import(text: &str, name: &str, device: &str) -> Result<Imported, BandError> {
    let root: Value = serde_json::from_str(text).map_err(|error| BandError::Json(error.to_string()))?;
    let root = root.as_object().ok_or_else(|| wrong("the file", None, "it must hold an object"))?;
    let mut warnings = Vec::new();
    let mode = optional(root, "execution_mode", "a text", Value::as_str)?.unwrap_or("stream");
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# Made by `socrates import band`.\nschema_version = 1\nname = {}", quoted(name));
    let _ = writeln!(text, "device = {}\nstreams_run = \"together\"", quoted(device));
    let _ = writeln!(text, "strategies = [{}]", quoted(&strategy(root, &mut warnings)?));
    let running_ms =
        optional(root, "running_time_ms", "a whole number of milliseconds above 0", Value::as_u64)?.unwrap_or(60_000);
    let _ = writeln!(text, "horizon = {}", quoted(&duration_ms(running_ms, "running_time_ms")?));
    if let Some(seed) = optional(root, "model_id_random_seed", "a whole number", Value::as_u64)? {
        let _ = writeln!(text, "seed = {seed}");
    }
    let models = root.get("models").and_then(Value::as_array).filter(|models| !models.is_empty());
    let models = models.ok_or_else(|| wrong("models", root.get("models"), "it must be a list of at least one model"))?;
    for (index, model) in models.iter().enumerate() {
        let key = format!("models[{index}]");
        let model = model.as_object().ok_or_else(|| wrong(&key, Some(model), "it must be an object with a `graph`"))?;
        stream(model, &key, (mode, root), &mut text, &mut warnings)?;
    }
    match mode {
        "periodic" | "periodic_single_thread" => {}
        "stream" => warnings.push(
            "execution_mode: in Band's `stream` all requests of a round end before the next round begins; here each is followed by the next of its \
             model"
                .to_owned(),
        ),
        other => warnings.push(format!("execution_mode: `{other}` is not known, taken for `stream`")),
    }
    for key in root.keys().filter(|key| !READ_OF_FILE.contains(&key.as_str())) {
        let known = NOT_CARRIED_OVER.iter().find(|(name, _)| name == key);
        warnings.push(
            known.map_or_else(
                || format!("{key}: unknown, not carried over"),
                |(_, why)| format!("{key}: not carried over, {why}"),
            ),
        );
    }
    Ok(Imported { text, warnings })
}

/// A value that may be absent, but not something else.
fn optional<'a, T>(
    object: &'a Map<String, Value>,
    key: &str,
    right: &'static str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<Option<T>, BandError> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => read(value).map(Some).ok_or_else(|| wrong(key, Some(value), right)),
    }
}

fn strategy(root: &Map<String, Value>, warnings: &mut Vec<String>) -> Result<String, BandError> {
    let all = optional(root, "schedulers", "a list of names", Value::as_array)?;
    let names: Vec<&str> = all.into_iter().flatten().filter_map(Value::as_str).collect();
    if root.contains_key("planner") {
        warnings.push("planner: numbers of schedulers differ between versions of Band: name it in `schedulers`".to_owned());
    }
    let mut scheduler = "heft";
    match names.first().map(|name| (name, SCHEDULERS.iter().find(|(known, _)| known == name))) {
        Some((_, Some((_, ours)))) => scheduler = ours,
        Some((name, None)) => warnings.push(format!("schedulers: `{name}` is not known, taken for `heft`")),
        None => warnings.push("schedulers: none is named, `heft` is taken".to_owned()),
    }
    if names.len() > 1 {
        warnings.push(format!("schedulers: `{}` alone is carried over, not {}", names[0], names[1..].join(", ")));
    }
    let mut parameters = vec![format!("scheduler={scheduler}")];
    for (key, ours) in [("schedule_window_size", "window"), ("minimum_subgraph_size", "minimum_subgraph_size")] {
        if let Some(value) = optional(root, key, "a whole number above 0", Value::as_u64)? {
            parameters.push(format!("{ours}={}", value.clamp(1, 1_000_000)));
        }
    }
    if let Some(preparation) = optional(root, "subgraph_preparation_type", "a text", Value::as_str)?
        && preparation != "merge_unit_subgraph"
    {
        warnings.push(format!("subgraph_preparation_type: `{preparation}` is not carried over, `merge_unit_subgraph` is used"));
    }
    Ok(format!("band[{}]", parameters.join(", ")))
}

fn stream(
    model: &Map<String, Value>,
    key: &str,
    (mode, root): (&str, &Map<String, Value>),
    text: &mut String,
    warnings: &mut Vec<String>,
) -> Result<(), BandError> {
    let at = |name: &str| format!("{key}.{name}");
    let graph = model.get("graph").and_then(Value::as_str);
    let graph = graph.ok_or_else(|| wrong(at("graph"), model.get("graph"), "it must be the path of the model"))?;
    let whole = |name: &str| -> Result<Option<u64>, BandError> {
        match model.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) if value.as_i64().is_some_and(|number| number < 0) => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| wrong(at(name), Some(value), "it must be a whole number")),
        }
    };
    let at_once = whole("batch_size")?.unwrap_or(1);
    if at_once == 0 || at_once > MOST_AT_ONCE {
        return Err(wrong(at("batch_size"), model.get("batch_size"), "it must be from 1 to 64"));
    }
    let (zoo_model, is_exact) = nearest(graph);
    if !is_exact {
        warnings.push(format!(
            "{key}: `{graph}` cannot be read; the model of the zoo with the nearest name, `{zoo_model}`, stands for it"
        ));
    }
    let arrivals = match mode {
        "periodic" | "periodic_single_thread" => {
            let (value, place) = if mode == "periodic" {
                (whole("period_ms")?, at("period_ms"))
            } else {
                (optional(root, "global_period_ms", "a whole number above 0", Value::as_u64)?, "global_period_ms".to_owned())
            };
            let period_ms = value.ok_or_else(|| wrong(&place, None, "the execution mode needs it"))?;
            format!("arrivals.periodic = {{ period = {} }}", quoted(&duration_ms(period_ms, &place)?))
        }
        _ => format!("arrivals.closed_loop = {{ clients = {at_once} }}"),
    };
    // Requests of one period are streams of their own: they arrive together.
    let streams = if mode.starts_with("periodic") { at_once } else { 1 };
    let deadline = whole("slo_us")?.filter(|&us| us > 0);
    for number in 1..=streams {
        let suffix = if streams > 1 { format!(" {number}/{streams}") } else { String::new() };
        let _ = writeln!(
            text,
            "\n[[stream]]\nname = {}\nmodel = {}",
            quoted(&format!("{key} {}{suffix}", stem(graph))),
            quoted(zoo_model)
        );
        let _ = writeln!(text, "{arrivals}");
        if let Some(us) = deadline {
            let _ = writeln!(text, "deadline = {}", quoted(&Duration::write(us.saturating_mul(1_000)).0));
        }
    }
    for name in model.keys().filter(|name| !READ_OF_MODEL.contains(&name.as_str())) {
        let why = match name.as_str() {
            "slo_scale" => "not carried over: multiply the slowest solo latency by it and write that as the `deadline`",
            "worker_id" | "device" => "not carried over: for `scheduler=fixed`, name the worker in `pinned`",
            _ => "unknown, not carried over",
        };
        warnings.push(format!("{}: {why}", at(name)));
    }
    if mode == "stream" && model.contains_key("period_ms") {
        warnings.push(format!("{}: has no meaning in the execution mode `stream`", at("period_ms")));
    }
    Ok(())
}

/// A period or a length of the run.
fn duration_ms(ms: u64, key: &str) -> Result<String, BandError> {
    if ms == 0 || ms > 1_000_000_000 {
        return Err(wrong(key, Some(&Value::from(ms)), "it must be from 1 to 1000000000 milliseconds"));
    }
    Ok(Duration::write(ms * 1_000_000).0)
}

/// Name of a model file, without folder and ending.
fn stem(graph: &str) -> String {
    // Paths of Android and of Windows alike.
    let name = graph.rsplit(['/', '\\']).next().unwrap_or(graph);
    Path::new(name).file_stem().map_or_else(|| name.to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// The model of the zoo whose name has most in common with that of a file, and whether it is the same.
fn nearest(graph: &str) -> (&'static str, bool) {
    let stem = stem(graph).to_ascii_lowercase();
    // Abbreviations of file names.
    let wanted = stem.replace("mbv1", "mobilenet_v1").replace("mbv2", "mobilenet_v2").replace("mbv3", "mobilenet_v3");
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let pairs = |text: &str| {
        let letters: Vec<char> = plain(text).chars().collect();
        letters.windows(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>()
    };
    let of_wanted = pairs(&wanted);
    // Dice's coefficient of pairs of letters: insensitive to what else a file name says (`_quant_160`).
    let likeness = |name: &str| {
        let own = pairs(name);
        let mut left = of_wanted.clone();
        let common =
            own.iter().filter(|pair| left.iter().position(|other| other == *pair).map(|at| left.swap_remove(at)).is_some());
        2.0 * common.count() as f64 / (own.len() + of_wanted.len()).max(1) as f64
    };
    let best = zoo::names().max_by(|one, other| likeness(one).total_cmp(&likeness(other)).then(other.cmp(one)));
    let best = best.unwrap_or_default();
    (best, plain(best) == plain(&stem))
}

/// A text as TOML.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
