//! Random small runs as results.
#![allow(dead_code, reason = "each test uses a part")]

#[path = "../../../sim/tests/small/mod.rs"]
pub(crate) mod small;

use results::{ModelInfo, Origin, Provenance, RunResult, TaskInfo, Tool};
use sim::identifiers::WorkerId;
use sim::metrics::Report;

pub(crate) use small::Case;

/// What each task of a case is called, and that all are meant to run on the GPU.
pub(crate) fn infos(case: &Case) -> Vec<ModelInfo<'_>> {
    case.models()
        .into_iter()
        .map(|model| ModelInfo {
            model,
            tasks: model.tasks.tasks().map(|task| task_info(task.0)).collect(),
            primary: vec![WorkerId(3)],
        })
        .collect()
}

fn task_info(task: u32) -> TaskInfo {
    let kind = ["convolution", "activation", "softmax"][task as usize % 3].to_owned();
    TaskInfo { name: format!("layer {task}"), operators: vec![format!("/layer{task}/op")], kind, choices: vec![] }
}

pub(crate) fn report_of(case: &Case, infos: &[ModelInfo<'_>]) -> Report {
    results::report(&case.device, infos, &case.records, case.summary.end_ns).expect("the engine's records are consistent")
}

pub(crate) fn run<'a>(
    case: &'a Case,
    models: &'a [ModelInfo<'a>],
    report: &'a Report,
    name: &'a str,
    strategy: &'a str,
) -> RunResult<'a> {
    RunResult {
        case: name,
        strategy,
        origin: Origin::Simulated,
        seed: 1,
        device: &case.device,
        models,
        records: &case.records,
        summary: &case.summary,
        report,
    }
}

pub(crate) fn provenance() -> Provenance {
    Provenance {
        tool: Tool { name: "socrates".into(), version: "0.1.0".into(), revision: None },
        command_line: ["socrates", "run", "small.toml"].map(str::to_owned).to_vec(),
        seed: 1,
        device: "small".into(),
        profile_fingerprint: Some("none".into()),
        inputs: vec![results::InputEntry::of("scenario", "small.toml", b"[device]\n")],
    }
}
