//! What is run for real: models alone, and workloads, as scenarios.

use std::fmt::Write;
use std::path::Path;

use scenarios::{Document, Reference, Scenario};
use validation::host::Level;

use crate::arguments::FrameLoad;
use crate::failure::Failure;

/// The models that are judged.
pub(super) const MODELS: [&str; 6] =
    ["squeezenet1_1", "mobilenet_v2", "shufflenet_v2_x1_0", "resnet18", "googlenet", "bert_tiny_4x312"];

/// One scenario, and what runs beside it.
pub(super) struct Workload {
    pub(super) level: Level,
    pub(super) scenario: Document<Scenario>,
    pub(super) cpu_loads: Vec<(usize, f64)>,
    pub(super) frames: Option<FrameLoad>,
}

/// Strategies for models alone: every processor by itself, list scheduling, operators split between processors, and what is made of all.
pub(super) fn strategies(has_gpu: bool) -> &'static [&'static str] {
    if has_gpu { &["cpu", "gpu", "heft", "split", "codl"] } else { &["cpu"] }
}

/// Strategies for workloads.
fn strategies_of_workloads(has_gpu: bool) -> &'static [&'static str] {
    if has_gpu { &["cpu", "heft", "band"] } else { &["cpu"] }
}

/// Every model alone, one request after the other.
pub(super) fn models(profile: &Path, has_gpu: bool, requests: usize, seed: u64) -> Result<Workload, Failure> {
    let mut text = head("models", strategies(has_gpu), "separately");
    for model in MODELS {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[[stream]]\nmodel = \"{model}\"\nrequests = {requests}\n");
    }
    let scenario = parse("models", text, profile, seed)?;
    Ok(Workload { level: Level::Model, scenario, cpu_loads: Vec::new(), frames: None })
}

/// Two models at once with Poisson and with periodic arrivals, one of them under background load, and one beside UI frames. Rates are such that
/// the CPU alone, at the speed predicted, is busy for about half of the time.
pub(super) fn workloads(
    profile: &Path,
    gpu: Option<&str>,
    core: usize,
    latencies_ns: &[(&str, f64)],
    horizon_ms: u64,
    seed: u64,
) -> Result<Vec<Workload>, Failure> {
    let latency_ns = |model: &str| latencies_ns.iter().find(|(name, _)| *name == model).map_or(10e6, |&(_, ns)| ns);
    let [one, other] = ["squeezenet1_1", "mobilenet_v2"];
    let rate = |model: &str, share: f64| (share * 1e9 / latency_ns(model)).clamp(0.5, 500.0);
    let horizon = format!("horizon = \"{horizon_ms}ms\"\n");
    let poisson = |model: &str, share: f64| {
        format!("\n[[stream]]\nmodel = \"{model}\"\narrivals.poisson = {{ rate_per_second = {:.3} }}\n", rate(model, share))
    };
    let periodic = |model: &str, share: f64, phase_us: u64| {
        let period_us = 1e6 / rate(model, share);
        format!(
            "\n[[stream]]\nmodel = \"{model}\"\narrivals.periodic = {{ period = \"{period_us:.0}us\", phase = \"{phase_us}us\" }}\n\
             deadline = \"{period_us:.0}us\"\n"
        )
    };
    let strategies = strategies_of_workloads(gpu.is_some());
    let make = |name: &str, streams: String| parse(name, head(name, strategies, "together") + &horizon + &streams, profile, seed);
    let plain = |scenario| Workload { level: Level::Workload, scenario, cpu_loads: Vec::new(), frames: None };
    let mut all = vec![
        plain(make("poisson", poisson(one, 0.25) + &poisson(other, 0.25))?),
        plain(make("periodic", periodic(one, 0.25, 0) + &periodic(other, 0.25, 1500))?),
        Workload { cpu_loads: vec![(core, 0.5)], ..plain(make("background_load", periodic(one, 0.3, 0))?) },
    ];
    if let Some(gpu) = gpu {
        let frames = FrameLoad { worker: gpu.to_owned(), rate_hz: 30.0, layers: 1 };
        all.push(Workload { frames: Some(frames), ..plain(make("ui_frames", periodic(one, 0.3, 0))?) });
    }
    Ok(all)
}

fn head(name: &str, strategies: &[&str], streams_run: &str) -> String {
    let strategies: Vec<String> = strategies.iter().map(|strategy| format!("\"{strategy}\"")).collect();
    format!(
        "schema_version = 1\nname = \"{name}\"\ndevice = \"host\"\nstrategies = [{}]\nstreams_run = \"{streams_run}\"\n",
        strategies.join(", ")
    )
}

fn parse(name: &str, text: String, profile: &Path, seed: u64) -> Result<Document<Scenario>, Failure> {
    let parsed = Scenario::parse(name, &text, Path::new(""));
    let mut value = parsed.map_err(|errors| Failure::from(scenarios::ReadError::from(errors)))?;
    (value.device, value.seed) = (Reference::File(profile.to_owned()), seed);
    Ok(Document { name: name.to_owned(), text, value })
}
