//! From a raw profile to a validated one.

use std::collections::BTreeMap;

use sim::cost::CostModels;
use sim::platform::{CurveError, DeviceError, SlowdownCurve, SupportRule, SupportRules};
use sim::task::Patterns;

use crate::profile::{
    Channel, Link, ModelErrors, Processor, Profile, Provenance, RawChannel, RawLink, RawProcessor, RawProfile, RawProvenance,
    RawRefinement, RawSupport, RawWorker, Refinement, Source, Worker,
};
use crate::profile::{cost_validate, power_convert};
use crate::text::{At, Bandwidth, Bytes, Diagnostics, Duration, Frequency};

/// Names that other parts of a profile may refer to.
struct Names<'a> {
    processors: Vec<&'a At<String>>,
    memories: Vec<&'a At<String>>,
    channels: Vec<&'a At<String>>,
    links: Vec<&'a At<String>>,
    workers: Vec<&'a At<String>>,
    support: Vec<&'a At<String>>,
}

/// Validates a raw profile. Absent if anything is wrong with it, which has been reported then.
///
/// The parts are converted past everything reported: what they hold counts only if nothing was.
pub(super) fn profile(raw: &RawProfile, diagnostics: &mut Diagnostics) -> Option<Profile> {
    let names = Names::of(raw);
    names.check_unique(diagnostics);
    let parts = parts(raw, &names, diagnostics);
    if !diagnostics.is_empty() {
        return None;
    }
    let profile = parts?;
    if let Err(errors) = profile.device() {
        for error in errors {
            names.report(&error, diagnostics);
        }
        return None;
    }
    Some(profile)
}

fn parts(raw: &RawProfile, names: &Names<'_>, diagnostics: &mut Diagnostics) -> Option<Profile> {
    let host = name_of("memory", raw.host.as_ref(), &names.memories, diagnostics);
    let dram = name_of("channel", raw.dram.as_ref(), &names.channels, diagnostics);
    let decision_ns = duration(raw.decision.as_ref(), diagnostics);
    let memory_limit_bytes = raw.memory_limit.as_ref().map(|at| diagnostics.quantity(at, at.value.parse(), Bytes::hint));
    let processors = each(raw.processor.as_ref(), |raw| processor(raw, diagnostics));
    let channels = each(raw.channel.as_ref(), |raw| channel(raw, diagnostics));
    let links = each(raw.link.as_ref(), |raw| link(raw, names, diagnostics));
    let workers = each(raw.worker.as_ref(), |raw| worker(raw, names, diagnostics));
    let support = raw.support.iter().flatten().map(|(name, raw)| Some((name.value.clone(), rules(raw, diagnostics)?)));
    let support = support.collect::<Option<BTreeMap<_, _>>>();
    let costs = costs(raw, names, diagnostics);
    let power = raw.power.as_ref().map(|raw| power_convert::power(raw, &names.processors, diagnostics));
    let thermal = raw.thermal.as_ref().map(|raw| power_convert::thermal(raw, &names.processors, diagnostics));
    Some(Profile {
        name: raw.name.as_ref()?.value.clone(),
        description: raw.description.clone().unwrap_or_default(),
        host: host?,
        dram,
        decision_ns: decision_ns?,
        memory_limit_bytes: match memory_limit_bytes {
            Some(limit) => Some(limit?),
            None => None,
        },
        provenance: provenance(raw.provenance.as_ref()?)?,
        processors: processors?,
        memories: names.memories.iter().map(|name| name.value.clone()).collect(),
        channels: channels?,
        links: links?,
        workers: workers?,
        support: support?,
        costs: costs?,
        power: match power {
            Some(power) => Some(power?),
            None => None,
        },
        thermal: match thermal {
            Some(thermal) => Some(thermal?),
            None => None,
        },
    })
}

fn provenance(raw: &RawProvenance) -> Option<Provenance> {
    let sources = raw.source.iter().flatten().map(|raw| {
        Some(Source {
            name: raw.name.clone()?,
            licence: raw.licence.clone()?,
            location: raw.location.clone(),
            note: raw.note.clone(),
        })
    });
    Some(Provenance {
        tool: raw.tool.clone(),
        command: raw.command.clone(),
        fitted_on: raw.fitted_on.clone(),
        machine: raw.machine.clone().unwrap_or_default(),
        samples: raw.samples.clone().unwrap_or_default(),
        noise_floor_percent: raw.noise_floor_percent,
        common_error_percent: raw.common_error_percent,
        refinements: raw.refinement.iter().flatten().map(refinement).collect::<Option<Vec<_>>>()?,
        sources: sources.collect::<Option<Vec<_>>>()?,
    })
}

fn refinement(raw: &RawRefinement) -> Option<Refinement> {
    Some(Refinement {
        observed: raw.observed.clone()?,
        before: raw.before.clone()?,
        launches: raw.launches,
        error_before_percent: raw.error_before_percent,
        error_after_percent: raw.error_after_percent,
        factors: raw.factors.clone().unwrap_or_default(),
    })
}

fn processor(raw: &RawProcessor, diagnostics: &mut Diagnostics) -> Option<Processor> {
    let frequencies_khz = frequencies(raw, diagnostics);
    Some(Processor {
        name: raw.name.as_ref()?.value.clone(),
        kind: raw.kind?,
        cores: raw.cores.as_ref().map_or(1, |cores| cores.value),
        frequencies_khz: frequencies_khz?,
        origin: raw.origin,
    })
}

fn frequencies(raw: &RawProcessor, diagnostics: &mut Diagnostics) -> Option<Vec<u64>> {
    let mut points: Vec<u64> = Vec::new();
    let mut sound = true;
    for at in raw.frequencies.iter().flatten() {
        let Some(hertz) = diagnostics.quantity(at, at.value.parse(), Frequency::hint) else {
            sound = false;
            continue;
        };
        if points.last().is_some_and(|&last| hertz / 1000 <= last) {
            let message = format!("frequency `{}` is not above the one before it", at.value.0);
            diagnostics.error(at.span.clone(), message).hint("frequencies must ascend, in steps of 1kHz or more");
        } else if hertz < 1000 {
            diagnostics.error(at.span.clone(), format!("`{}` is out of range", at.value.0)).hint("must be at least 1kHz");
        }
        points.push(hertz / 1000);
    }
    sound.then_some(points)
}

fn channel(raw: &RawChannel, diagnostics: &mut Diagnostics) -> Option<Channel> {
    let bytes_per_second = raw.bandwidth.as_ref().and_then(|at| bandwidth(at, diagnostics));
    Some(Channel { name: raw.name.as_ref()?.value.clone(), bytes_per_second: bytes_per_second?, origin: raw.origin })
}

fn link(raw: &RawLink, names: &Names<'_>, diagnostics: &mut Diagnostics) -> Option<Link> {
    let from = name_of("memory", raw.from.as_ref(), &names.memories, diagnostics);
    let to = name_of("memory", raw.to.as_ref(), &names.memories, diagnostics);
    let blocks = name_of("worker", raw.blocks.as_ref(), &names.workers, diagnostics);
    let fixed_ns = duration(raw.fixed.as_ref(), diagnostics);
    let synchronization_ns = duration(raw.synchronization.as_ref(), diagnostics);
    let bytes_per_second = raw.bandwidth.as_ref().and_then(|at| bandwidth(at, diagnostics));
    let channels = each(raw.channels.as_ref(), |raw| {
        let name = name_of("channel", raw.channel.as_ref(), &names.channels, diagnostics)?;
        Some((name, raw.bytes_per_byte.as_ref().map_or(1.0, |factor| factor.value)))
    });
    Some(Link {
        name: raw.name.as_ref()?.value.clone(),
        from: from?,
        to: to?,
        fixed_ns: fixed_ns?,
        synchronization_ns: synchronization_ns?,
        ns_per_byte: raw.ns_per_byte.as_ref().map_or(0.0, |at| at.value),
        bytes_per_second,
        channels: channels?,
        blocks,
        origin: raw.origin,
    })
}

fn worker(raw: &RawWorker, names: &Names<'_>, diagnostics: &mut Diagnostics) -> Option<Worker> {
    let memory = name_of("memory", raw.memory.as_ref(), &names.memories, diagnostics);
    let support = name_of("support rules", raw.support.as_ref(), &names.support, diagnostics);
    let falls_back_to = name_of("worker", raw.falls_back_to.as_ref(), &names.workers, diagnostics);
    let invocation_ns = duration(raw.invocation.as_ref(), diagnostics);
    let cores = raw.cores.as_ref()?;
    if cores.value.is_empty() && diagnostics.is_empty() {
        diagnostics.error(cores.span.clone(), "a worker without cores").hint("write e.g. `cores = { large = 1 }`");
    }
    for processor in cores.value.keys() {
        name_of("processor", Some(processor), &names.processors, diagnostics);
    }
    let slowdown = raw.slowdown.as_ref().map(|at| slowdown(at, diagnostics));
    Some(Worker {
        name: raw.name.as_ref()?.value.clone(),
        slowdown: match slowdown {
            Some(curve) => Some(curve?),
            None => None,
        },
        cores: cores.value.iter().map(|(name, cores)| (name.value.clone(), cores.value.0)).collect(),
        memory: memory?,
        invocation_ns: invocation_ns?,
        model_errors: raw.model_errors.as_ref().map(|at| ModelErrors::check(at, diagnostics)),
        memory_share: raw.memory_share.as_ref().map_or(0.0, |at| at.value),
        support,
        repacks_weights: raw.repacks_weights.unwrap_or(false),
        falls_back_to,
        // Names that are none have been reported by the check against the schema.
        fuses: raw.fuses.as_ref().and_then(|names| Patterns::of_names(names.iter().map(|name| name.0.as_str())).ok()),
        opens: raw.opens.clone(),
        hardware: raw.hardware.clone(),
        kernels: raw.kernels.clone(),
        driver: raw.driver.clone(),
        origin: raw.origin,
    })
}

fn slowdown(at: &At<Vec<[f64; 2]>>, diagnostics: &mut Diagnostics) -> Option<SlowdownCurve> {
    let error = match SlowdownCurve::new(at.value.iter().map(|&[share, kept]| (share, kept)).collect()) {
        Ok(curve) => return Some(curve),
        // The check against the schema has reported it.
        Err(CurveError::Empty) => return None,
        Err(error) => error.to_string(),
    };
    let (message, hint) = error.split_once(": ").unwrap_or((&error, ""));
    diagnostics.error(at.span.clone(), message).hint(hint);
    None
}

fn rules(raw: &RawSupport, diagnostics: &mut Diagnostics) -> Option<SupportRules> {
    let rules = raw.rule.iter().flatten().map(|at| {
        let raw = &at.value;
        let may_refuse = raw.supported == Some(false) || raw.maximum_rank.is_some();
        if may_refuse && raw.reason.is_none() {
            diagnostics.error(at.span.clone(), "a rule that refuses without a reason").hint("add `reason = \"...\"`");
        }
        Some(SupportRule {
            op_type: raw.op.clone(),
            kind: raw.kind.as_ref().and_then(super::RawKind::kind),
            maximum_rank: raw.maximum_rank,
            supported: raw.supported?,
            reason: raw.reason.clone().unwrap_or_default(),
        })
    });
    let rules = rules.collect::<Vec<_>>();
    Some(SupportRules { rules: rules.into_iter().collect::<Option<_>>()?, default_supported: raw.default? })
}

fn costs(raw: &RawProfile, names: &Names<'_>, diagnostics: &mut Diagnostics) -> Option<BTreeMap<String, CostModels>> {
    let tables = &raw.cost.as_ref()?.value;
    for name in &names.workers {
        if !tables.contains_key(name) {
            let message = format!("worker `{}` has no cost models", name.value);
            diagnostics.error(name.span.clone(), message).hint(format!("add a table `[cost.\"{}\"]`", name.value));
        }
    }
    let models = tables.iter().map(|(name, raw)| {
        name_of("worker", Some(name), &names.workers, diagnostics);
        Some((name.value.clone(), cost_validate::costs(name, raw, diagnostics)?))
    });
    models.collect::<Vec<_>>().into_iter().collect()
}

/// Converts every item, so that the errors of all are found; absent if any is.
pub(super) fn each<R, T>(items: Option<&Vec<At<R>>>, mut one: impl FnMut(&R) -> Option<T>) -> Option<Vec<T>> {
    let converted: Vec<Option<T>> = items.into_iter().flatten().map(|at| one(&at.value)).collect();
    converted.into_iter().collect()
}

/// A name that must be one of `known`; absent names are none.
pub(super) fn name_of(
    what: &str,
    name: Option<&At<String>>,
    known: &[&At<String>],
    diagnostics: &mut Diagnostics,
) -> Option<String> {
    let name = name?;
    if !known.contains(&name) {
        diagnostics.unknown(what, name, known.iter().map(|known| known.value.as_str()));
    }
    Some(name.value.clone())
}

/// A duration in nanoseconds, 0 if absent.
pub(super) fn duration(at: Option<&At<Duration>>, diagnostics: &mut Diagnostics) -> Option<u64> {
    at.map_or(Some(0), |at| diagnostics.quantity(at, at.value.parse(), Duration::hint))
}

/// A bandwidth in bytes per second, above 0.
fn bandwidth(at: &At<Bandwidth>, diagnostics: &mut Diagnostics) -> Option<f64> {
    let bytes_per_second = diagnostics.quantity(at, at.value.parse(), Bandwidth::hint)?;
    if bytes_per_second > 0.0 {
        return Some(bytes_per_second);
    }
    diagnostics.error(at.span.clone(), format!("`{}` is out of range", at.value.0)).hint("must be above 0");
    None
}

impl<'a> Names<'a> {
    fn of(raw: &'a RawProfile) -> Self {
        fn names<T>(items: Option<&Vec<At<T>>>, name: impl Fn(&T) -> Option<&At<String>>) -> Vec<&At<String>> {
            items.into_iter().flatten().filter_map(|at| name(&at.value)).collect()
        }
        Self {
            processors: names(raw.processor.as_ref(), |it| it.name.as_ref()),
            memories: names(raw.memory.as_ref(), |it| it.name.as_ref()),
            channels: names(raw.channel.as_ref(), |it| it.name.as_ref()),
            links: names(raw.link.as_ref(), |it| it.name.as_ref()),
            workers: names(raw.worker.as_ref(), |it| it.name.as_ref()),
            support: raw.support.iter().flatten().map(|(name, _)| name).collect(),
        }
    }

    fn check_unique(&self, diagnostics: &mut Diagnostics) {
        diagnostics.duplicates("processor", self.processors.iter().copied());
        diagnostics.duplicates("memory", self.memories.iter().copied());
        diagnostics.duplicates("channel", self.channels.iter().copied());
        diagnostics.duplicates("link", self.links.iter().copied());
        diagnostics.duplicates("worker", self.workers.iter().copied());
    }

    /// Reports what the simulator has against the device, at the name of the part it is about.
    fn report(&self, error: &DeviceError, diagnostics: &mut Diagnostics) {
        let owner = match error {
            DeviceError::Duplicate { name: owner, .. }
            | DeviceError::Dangling { owner, .. }
            | DeviceError::OutOfRange { owner, .. }
            | DeviceError::NoRoute { from: owner, .. }
            | DeviceError::TwoRoutes { from: owner, .. } => owner.as_str(),
            DeviceError::NoDram { worker } => worker.as_str(),
            DeviceError::NoWorker => "",
        };
        let is_memory = matches!(error, DeviceError::NoRoute { .. } | DeviceError::TwoRoutes { .. });
        let others = [&self.links, &self.workers, &self.channels, &self.processors];
        let named = others.into_iter().filter(|_| !is_memory).chain([&self.memories]).flatten();
        let mut named = named.copied();
        let span = named.find(|name| name.value == owner).map_or(0..0, |name| name.span.clone());
        let text = error.to_string();
        match text.split_once(": ") {
            Some((message, hint)) => diagnostics.error(span, message).hint(hint),
            None => diagnostics.error(span, text),
        };
    }
}
