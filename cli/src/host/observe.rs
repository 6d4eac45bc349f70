//! From a real run to what a replay needs.

use std::path::Path;

use hwcal::host::{Context, probe};
use results::{Observation, ObservedCopyRecord, ObservedKernel, ObservedRequest, ObservedRun, SCHEMA_VERSION};
use scenarios::{Document, ProfileInfo, Scenario};
use sim::record::{Outcome, Record};

use crate::arguments::ExecuteArguments;
use crate::commands::calibrate::{with_flag, workers};
use crate::execute::{Machine, Measured, arrivals_ns};
use crate::failure::Failure;
use crate::run::{Inputs, Interrupt, Job};

/// One run as it is written down. UI frames, the last model and stream, are no part of it.
pub(crate) fn observed_run(job: &Job, inputs: &Inputs, run: &Measured) -> ObservedRun {
    let used = job.used(inputs);
    let is_own = |model: sim::identifiers::ModelId| model.index() < used.len();
    let (mut requests, mut kernels, mut copies) = (Vec::new(), Vec::new(), Vec::new());
    for record in run.records() {
        match record {
            Record::Request(it) if is_own(it.model) && it.outcome == Outcome::Completed => requests.push(ObservedRequest {
                request: it.request.0,
                model: it.model.0,
                arrived_ns: it.arrived_ns,
                ended_ns: it.ended_ns,
            }),
            Record::Kernel(it) if is_own(it.model) => kernels.push(ObservedKernel {
                request: it.request.0,
                model: it.model.0,
                segment: it.segment.0,
                task: it.task.0,
                kernels: it.kernels,
                worker: it.worker.0,
                start_ns: it.start_ns,
                end_ns: it.end_ns,
            }),
            Record::Copy(it) if is_own(it.model) => copies.push(ObservedCopyRecord {
                request: it.request.0,
                model: it.model.0,
                data: it.data.0,
                link: it.link.0,
                bytes: it.bytes,
                start_ns: it.start_ns,
                end_ns: it.end_ns,
            }),
            _ => {}
        }
    }
    ObservedRun {
        case: job.case.clone(),
        strategy: job.strategy.clone(),
        variants: job.variants.clone(),
        models: used.iter().map(|&model| job.model(inputs, model).name.clone()).collect(),
        arrivals_ns: arrivals_ns(run.records(), job.streams.len()),
        choices: run.choices().clone(),
        requests,
        kernels,
        copies,
    }
}

/// All runs with their circumstances. Measures the canaries of every worker, which takes a moment.
pub(crate) fn observation(
    arguments: &ExecuteArguments,
    scenario: &Document<Scenario>,
    inputs: &Inputs,
    machine: &Machine,
    interrupt: &Interrupt,
    runs: Vec<ObservedRun>,
) -> Result<Observation, Failure> {
    let readings = with_flag(interrupt, |flag| probe(workers(machine.processors()), flag)).map_err(Failure::input)?;
    let context = Context::read(machine.processors(), &readings).map_err(Failure::input)?;
    let folder = Path::new(&arguments.scenario).parent().unwrap_or_else(|| Path::new(""));
    Ok(Observation {
        schema_version: SCHEMA_VERSION,
        scenario: scenario.value.name.clone(),
        scenario_text: scenario.text.clone(),
        scenario_folder: folder.display().to_string(),
        strategies: scenario.value.strategies.clone(),
        seed: scenario.value.seed,
        profile: scenario.value.device.to_string(),
        profile_fingerprint: ProfileInfo::of(&inputs.profile).fingerprint,
        context: serde_json::to_value(context).map_err(Failure::output)?,
        cpu_loads: arguments.cpu_loads.clone(),
        frames: arguments.frames.as_ref().map(|frames| (frames.worker.clone(), frames.rate_hz, frames.layers)),
        runs,
    })
}
