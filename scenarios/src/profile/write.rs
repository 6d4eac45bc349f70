//! From a profile to the raw profile that spells it.

use std::collections::BTreeMap;

use crate::profile::{
    Channel, Link, Processor, Profile, RawChannel, RawChannelUse, RawCores, RawLink, RawMemory, RawPattern, RawProcessor,
    RawProfile, RawProvenance, RawRefinement, RawRule, RawSource, RawSupport, RawWorker, SCHEMA_VERSION, Worker,
};
use crate::profile::{cost_write, power_convert};
use crate::text::{At, Bandwidth, Bytes, Duration, Frequency};

/// The raw profile.
pub(super) fn raw(profile: &Profile) -> RawProfile {
    let provenance = &profile.provenance;
    RawProfile {
        schema_version: Some(At::from(SCHEMA_VERSION)),
        name: Some(At::from(profile.name.clone())),
        description: filled(&profile.description),
        host: Some(At::from(profile.host.clone())),
        dram: profile.dram.clone().map(At::from),
        decision: duration(profile.decision_ns),
        memory_limit: profile.memory_limit_bytes.map(|bytes| At::from(Bytes::write(bytes))),
        provenance: Some(RawProvenance {
            tool: provenance.tool.clone(),
            command: provenance.command.clone(),
            fitted_on: provenance.fitted_on.clone(),
            machine: if provenance.machine.is_empty() { None } else { Some(provenance.machine.clone()) },
            samples: if provenance.samples.is_empty() { None } else { Some(provenance.samples.clone()) },
            noise_floor_percent: provenance.noise_floor_percent,
            common_error_percent: provenance.common_error_percent,
            refinement: list(&provenance.refinements, |refinement| RawRefinement {
                observed: Some(refinement.observed.clone()),
                before: Some(refinement.before.clone()),
                launches: refinement.launches,
                error_before_percent: refinement.error_before_percent,
                error_after_percent: refinement.error_after_percent,
                factors: if refinement.factors.is_empty() { None } else { Some(refinement.factors.clone()) },
            }),
            source: list(&provenance.sources, |source| RawSource {
                name: Some(source.name.clone()),
                licence: Some(source.licence.clone()),
                location: source.location.clone(),
                note: source.note.clone(),
            }),
        }),
        processor: list(&profile.processors, |it| At::from(processor(it))),
        memory: list(&profile.memories, |name| At::from(RawMemory { name: Some(At::from(name.clone())) })),
        channel: list(&profile.channels, |it| At::from(channel(it))),
        link: list(&profile.links, |it| At::from(link(it))),
        worker: list(&profile.workers, |it| At::from(worker(it))),
        support: support(profile),
        cost: Some(At::from(
            profile
                .costs
                .iter()
                .map(|(worker, models)| (At::from(worker.clone()), cost_write::raw(models)))
                .collect::<BTreeMap<_, _>>(),
        )),
        power: profile.power.as_ref().map(power_convert::raw_power),
        thermal: profile.thermal.as_ref().map(power_convert::raw_thermal),
    }
}

fn processor(processor: &Processor) -> RawProcessor {
    RawProcessor {
        name: Some(At::from(processor.name.clone())),
        kind: Some(processor.kind),
        cores: Some(At::from(processor.cores)),
        frequencies: list(&processor.frequencies_khz, |&khz| At::from(Frequency::write(khz * 1000))),
        origin: processor.origin,
    }
}

fn channel(channel: &Channel) -> RawChannel {
    RawChannel {
        name: Some(At::from(channel.name.clone())),
        bandwidth: Some(At::from(Bandwidth::write(channel.bytes_per_second))),
        origin: channel.origin,
    }
}

fn link(link: &Link) -> RawLink {
    RawLink {
        name: Some(At::from(link.name.clone())),
        from: Some(At::from(link.from.clone())),
        to: Some(At::from(link.to.clone())),
        fixed: duration(link.fixed_ns),
        synchronization: duration(link.synchronization_ns),
        ns_per_byte: if link.ns_per_byte > 0.0 { Some(At::from(link.ns_per_byte)) } else { None },
        bandwidth: link.bytes_per_second.map(|rate| At::from(Bandwidth::write(rate))),
        channels: list(&link.channels, |(name, bytes_per_byte)| {
            At::from(RawChannelUse { channel: Some(At::from(name.clone())), bytes_per_byte: Some(At::from(*bytes_per_byte)) })
        }),
        blocks: link.blocks.clone().map(At::from),
        origin: link.origin,
    }
}

fn worker(worker: &Worker) -> RawWorker {
    let cores: BTreeMap<_, _> =
        worker.cores.iter().map(|(name, &cores)| (At::from(name.clone()), At::from(RawCores(cores)))).collect();
    RawWorker {
        name: Some(At::from(worker.name.clone())),
        cores: Some(At::from(cores)),
        memory: Some(At::from(worker.memory.clone())),
        invocation: duration(worker.invocation_ns),
        model_errors: worker.model_errors.map(At::from),
        support: worker.support.clone().map(At::from),
        memory_share: (worker.memory_share > 0.0).then(|| At::from(worker.memory_share)),
        slowdown: worker
            .slowdown
            .as_ref()
            .map(|curve| At::from(curve.points().iter().map(|&(share, kept)| [share, kept]).collect::<Vec<_>>())),
        repacks_weights: worker.repacks_weights.then_some(true),
        falls_back_to: worker.falls_back_to.clone().map(At::from),
        fuses: worker.fuses.map(|patterns| patterns.names().map(|name| RawPattern(name.to_owned())).collect()),
        opens: worker.opens.clone(),
        hardware: worker.hardware.clone(),
        kernels: worker.kernels.clone(),
        driver: worker.driver.clone(),
        origin: worker.origin,
    }
}

fn support(profile: &Profile) -> Option<BTreeMap<At<String>, RawSupport>> {
    let sets = profile.support.iter().map(|(name, rules)| {
        let rule = list(&rules.rules, |rule| {
            At::from(RawRule {
                op: rule.op_type.clone(),
                kind: rule.kind.map(Into::into),
                maximum_rank: rule.maximum_rank,
                supported: Some(rule.supported),
                reason: filled(&rule.reason),
            })
        });
        (At::from(name.clone()), RawSupport { default: Some(rules.default_supported), rule })
    });
    if profile.support.is_empty() { None } else { Some(sets.collect()) }
}

/// A duration, left out where it is 0.
fn duration(duration_ns: u64) -> Option<At<Duration>> {
    if duration_ns == 0 { None } else { Some(At::from(Duration::write(duration_ns))) }
}

/// A text, left out where it is empty.
fn filled(text: &str) -> Option<String> {
    if text.is_empty() { None } else { Some(text.to_owned()) }
}

/// A list, left out where it is empty.
fn list<T, R>(items: &[T], one: impl FnMut(&T) -> R) -> Option<Vec<R>> {
    if items.is_empty() { None } else { Some(items.iter().map(one).collect()) }
}
