//! The device profile of the machine.

use std::collections::BTreeMap;

use scenarios::profile::{Channel, Link, Origin, Processor, Profile, Provenance, Worker};

use crate::host::fit::copies::{FittedLink, HOST};
use crate::host::fit::{FitError, FittedWorker, MachineDescription, Measured, SharedBandwidth, noise, support};
use crate::host::sample::{Experiment, Sample};
use crate::usc::round::significant;

/// The channel that kernels share.
const DRAM: &str = "dram";
/// A copy reads and writes memory.
const COPY_BYTES_PER_BYTE: f64 = 2.0;

/// The text of the profile.
pub(crate) fn text(
    measured: Measured<'_>,
    machine: &MachineDescription,
    workers: &BTreeMap<String, FittedWorker>,
    links: &[FittedLink],
    bandwidth: Option<&SharedBandwidth>,
    common: Option<f64>,
) -> Result<String, FitError> {
    let rules = |name: &str| support::rules(measured.samples, measured.refusals, name);
    let mut memories = vec![HOST.to_owned()];
    memories.extend(machine.workers.iter().filter(|worker| !worker.is_host_memory).map(|worker| worker.name.clone()));
    let profile = Profile {
        name: machine.name.clone(),
        description: machine.description.clone(),
        host: HOST.to_owned(),
        dram: bandwidth.map(|_| DRAM.to_owned()),
        decision_ns: 0,
        memory_limit_bytes: None,
        power: None,
        thermal: None,
        provenance: provenance(measured, machine, common),
        processors: machine
            .processors
            .iter()
            .map(|processor| Processor {
                name: processor.name.clone(),
                kind: processor.kind,
                cores: processor.cores,
                frequencies_khz: processor.frequencies_khz.clone(),
                origin: Some(Origin::Measured),
            })
            .collect(),
        memories,
        channels: bandwidth
            .map(|it| Channel { name: DRAM.to_owned(), bytes_per_second: it.bytes_per_second, origin: Some(Origin::Fitted) })
            .into_iter()
            .collect(),
        links: links.iter().map(|it| link(it, bandwidth)).collect(),
        workers: machine
            .workers
            .iter()
            .map(|worker| Worker {
                name: worker.name.clone(),
                cores: worker.cores.clone(),
                memory: if worker.is_host_memory { HOST.to_owned() } else { worker.name.clone() },
                invocation_ns: workers.get(&worker.name).map_or(0, |fitted| fitted.invocation_ns),
                support: rules(&worker.name).map(|_| worker.name.clone()),
                slowdown: None,
                memory_share: 0.0,
                model_errors: None,
                repacks_weights: false,
                falls_back_to: None,
                fuses: None,
                opens: worker.opens.clone(),
                hardware: worker.hardware.clone(),
                kernels: worker.kernels.clone(),
                driver: worker.driver.clone(),
                origin: Some(Origin::Fitted),
            })
            .collect(),
        support: machine.workers.iter().filter_map(|worker| Some((worker.name.clone(), rules(&worker.name)?))).collect(),
        costs: workers.iter().map(|(name, fitted)| (name.clone(), fitted.costs.clone())).collect(),
    };
    profile.to_toml().map_err(|error| FitError::Write(error.to_string()))
}

/// A link flows no faster than the shared bandwidth carries it.
fn link(fitted: &FittedLink, bandwidth: Option<&SharedBandwidth>) -> Link {
    let flows = fitted.bytes_per_second.zip(bandwidth);
    // The builder lowers a link to what its channel carries: a measured rate must not suffer from that.
    let draws = flows.map(|(rate, shared)| COPY_BYTES_PER_BYTE.min(shared.bytes_per_second / rate));
    Link {
        name: fitted.name.clone(),
        from: fitted.from.clone(),
        to: fitted.to.clone(),
        fixed_ns: fitted.fixed_ns,
        synchronization_ns: 0,
        ns_per_byte: 0.0,
        bytes_per_second: fitted.bytes_per_second,
        channels: draws.map(|draws| (DRAM.to_owned(), significant(draws, 4))).into_iter().collect(),
        blocks: Some(fitted.blocks.clone()),
        origin: Some(Origin::Fitted),
    }
}

fn provenance(measured: Measured<'_>, machine: &MachineDescription, common: Option<f64>) -> Provenance {
    let mut samples: BTreeMap<String, u32> = BTreeMap::new();
    for sample in measured.samples {
        *samples.entry(kind(sample).to_owned()).or_default() += 1;
    }
    let noise = noise::of_all(measured.samples);
    Provenance {
        tool: Some(format!("socrates {}", env!("CARGO_PKG_VERSION"))),
        command: Some(machine.command.clone()).filter(|command| !command.is_empty()),
        fitted_on: Some(format!("{} samples on {} workers of this machine", measured.samples.len(), machine.workers.len())),
        machine: machine.facts.clone(),
        samples,
        noise_floor_percent: (noise.count > 0).then(|| significant(noise.median_percent, 3)),
        common_error_percent: common.map(|deviation| significant(100.0 * deviation, 3)),
        refinements: Vec::new(),
        sources: Vec::new(),
    }
}

/// What a sample is of, in a word.
const fn kind(sample: &Sample) -> &'static str {
    match &sample.experiment {
        Experiment::Operator { .. } => "operator",
        Experiment::Slice { .. } => "slice",
        Experiment::Segment { .. } => "segment",
        Experiment::Copy { .. } => "copy",
        Experiment::Launch { .. } => "launch",
        Experiment::WakeUp => "wake_up",
        Experiment::Contention { .. } => "contention",
        Experiment::Noise { .. } => "noise",
        Experiment::Sustained { .. } => "sustained",
        Experiment::Frequency { .. } => "frequency",
        Experiment::Power { .. } => "power",
    }
}
