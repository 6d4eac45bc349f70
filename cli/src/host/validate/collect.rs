//! Predictions beside what was measured, and the files of both.

use std::collections::BTreeMap;
use std::path::Path;

use hwcal::host::{Experiment, HostFit, Samples};
use results::{Content, RunWriter};
use scenarios::Reference;
use validation::host::{Canary, Case, HostRun, Level, Operator, SCHEMA_VERSION};

use super::perform::{Loaded, RUN_FILE};
use super::predict::predict;
use crate::execute::{Beside, BesideFrames, frames_on, infos};
use crate::failure::Failure;
use crate::run::{Inputs, provenance};

/// What was measured besides the executions.
pub(super) struct Collected<'a> {
    pub(super) is_quick: bool,
    pub(super) samples: &'a Samples,
    pub(super) fitted: &'a HostFit,
    pub(super) canaries: Vec<Canary>,
    pub(super) notes: Vec<String>,
}

/// Predicts every job by the profile and writes `host-run.json`, and results of the models with a trace of both.
pub(super) fn collect(collected: Collected<'_>, profile: &Path, output: &Path, all: &[Loaded]) -> Result<HostRun, Failure> {
    let Collected { is_quick, samples, fitted, canaries, mut notes } = collected;
    let mut cases = Vec::new();
    let mut facts = BTreeMap::new();
    let mut common_error_percent = None;
    let mut workers = BTreeMap::new();
    for loaded in all {
        let mut scenario = loaded.workload.scenario.clone();
        scenario.value.device = Reference::File(profile.to_owned());
        let inputs = Inputs::load(&scenario.value)?;
        let provenance_of = &inputs.profile.value.provenance;
        facts.clone_from(&provenance_of.machine);
        common_error_percent = provenance_of.common_error_percent;
        for worker in &inputs.profile.value.workers {
            let said = [worker.opens.as_deref(), worker.kernels.as_deref()];
            workers.insert(worker.name.clone(), said.into_iter().flatten().collect::<Vec<_>>().join("; "));
        }
        let mut writer = if loaded.workload.level == Level::Model {
            let command_line = vec!["socrates".to_owned(), "validate".to_owned(), "host".to_owned()];
            Some(RunWriter::begin(output.join("run"), provenance(command_line, &scenario, &inputs), &Content::ALL)?)
        } else {
            None
        };
        let frames_model = loaded.workload.frames.as_ref().map(|frames| frames_on(&inputs, frames.layers));
        let frames = loaded.workload.frames.as_ref().zip(frames_model.as_ref()).and_then(|(frames, model)| {
            let worker = inputs.device.worker_named(&frames.worker)?;
            Some(BesideFrames { model, worker, period_ns: (1e9 / frames.rate_hz).round() as u64 })
        });
        let processors: Vec<_> = inputs.profile.value.workers.iter().filter_map(processor).collect();
        let beside = Beside::of(&processors, &inputs, &loaded.workload.cpu_loads, frames);
        for (job, done) in loaded.jobs.iter().zip(&loaded.done) {
            if done.runs.iter().all(Vec::is_empty) {
                continue;
            }
            let (predictions, simulated) = match predict(job, &scenario.value, &inputs, &beside, &done.choices) {
                Ok(predicted) => predicted,
                Err(why) => {
                    notes.push(format!("`{}` under `{}` could not be simulated: {why}.", job.case, job.strategy));
                    continue;
                }
            };
            if let (Some(writer), Some(last), Some(machine)) = (&mut writer, &done.last, &loaded.machine) {
                let infos = infos(job, &loaded.inputs, machine);
                let measured = last.result(job, &scenario.value, &loaded.inputs.device, &infos);
                writer.add_both(&simulated.result(job, &scenario.value, &inputs), &measured)?;
            }
            for ((model, runs), prediction) in job.used(&inputs).into_iter().zip(&done.runs).zip(predictions) {
                let Some(prediction) = prediction.filter(|_| !runs.is_empty()) else { continue };
                cases.push(Case {
                    level: loaded.workload.level,
                    case: job.case.clone(),
                    strategy: job.strategy.clone(),
                    model: inputs.models[model].name.clone(),
                    prediction,
                    runs: runs.clone(),
                });
            }
        }
        if let Some(writer) = writer.filter(|writer| !writer.is_empty()) {
            writer.commit()?;
        }
    }
    let held_out = fitted.held_out.iter().map(|it| Operator {
        worker: it.worker.clone(),
        class: it.class.to_owned(),
        predicted_ns: it.predicted_ns.round(),
        measured_ns: it.measured_ns,
        is_unusual: it.is_unusual,
    });
    notes.dedup();
    let run = HostRun {
        schema_version: SCHEMA_VERSION,
        is_quick,
        machine: facts,
        workers,
        common_error_percent,
        operator_differences: samples.samples.iter().filter_map(|sample| difference(&sample.experiment)).collect(),
        canaries,
        operators: held_out.filter(|operator| operator.predicted_ns > 0.0).collect(),
        cases,
        notes,
    };
    let text = serde_json::to_string(&run).map_err(Failure::output)?;
    results::write_atomic(&output.join(RUN_FILE), format!("{text}\n").as_bytes())?;
    Ok(run)
}

fn processor(worker: &scenarios::profile::Worker) -> Option<(String, executor::Specification)> {
    Some((worker.name.clone(), worker.opens.as_ref()?.parse().ok()?))
}

/// `|second / first - 1|` of something measured twice, to six digits.
fn difference(experiment: &Experiment) -> Option<f64> {
    match experiment {
        Experiment::Noise { first_ns, second_ns, .. } if *first_ns > 0 => {
            Some(((*second_ns as f64 / *first_ns as f64 - 1.0).abs() * 1e6).round() / 1e6)
        }
        _ => None,
    }
}
