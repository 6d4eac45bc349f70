//! From a raw scenario to a validated one.

use std::path::Path;

use sim::engine::Variation;
use sim::frontend::Passes;
use sim::strategy::registry::{self, StrategyError};

use crate::library;
use crate::read::Reference;
use crate::scenario::environment::environment;
use crate::scenario::{Arrivals, RawArrivals, RawScenario, RawStream, RawVariation, Scenario, StreamDefinition};
use crate::text::{At, Bytes, Diagnostics, Duration, suggestion};
use crate::zoo;

/// Longest duration, 1,000,000 s: sums and products of a few of them stay far from the limits of 64 bits.
const LONGEST_NS: u64 = 1_000_000_000_000_000;

/// Shortest time between arrivals.
const SHORTEST_PERIOD_NS: u64 = 1_000;

/// Validates a raw scenario. Absent where something needed is missing, which has been reported then.
pub(super) fn scenario(raw: &RawScenario, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Scenario> {
    // Where a value was dropped, its absence means nothing.
    let may_be_endless = raw.horizon.is_none() && diagnostics.is_empty();
    let name = raw.name.as_ref().map(|name| folder_name(name, diagnostics));
    let device = raw.device.as_ref().map(|text| reference("device", text, folder, &library::device_names(), diagnostics));
    let horizon_ns = raw.horizon.as_ref().and_then(|horizon| positive_duration(horizon, diagnostics));
    let memory_limit_bytes =
        raw.memory_limit.as_ref().and_then(|limit| diagnostics.quantity(limit, limit.value.parse(), Bytes::hint));
    let strategies = raw.strategies.as_ref().map(|list| strategies(&list.value, diagnostics));
    let streams = raw
        .stream
        .as_ref()
        .map(|list| list.value.iter().filter_map(|raw| stream(raw, may_be_endless, folder, diagnostics)).collect::<Vec<_>>());
    Some(Scenario {
        name: name?,
        description: raw.description.clone().unwrap_or_default(),
        device: device?,
        seed: raw.seed.as_ref().map_or(0, |seed| seed.value),
        strategies: strategies?,
        streams_run: raw.streams_run.unwrap_or_default(),
        horizon_ns,
        memory_limit_bytes,
        passes: raw.passes.as_ref().and_then(|text| passes(text, diagnostics)),
        patterns: raw.patterns.unwrap_or_default(),
        variation: match raw.variation.unwrap_or_default() {
            RawVariation::None => Variation::None,
            RawVariation::Residuals => Variation::Residuals,
        },
        environment: raw.environment.as_ref().map(|raw| environment(raw, diagnostics)).unwrap_or_default(),
        streams: streams?,
    })
}

/// A name that is one folder and no way out of it.
fn folder_name(name: &At<String>, diagnostics: &mut Diagnostics) -> String {
    let letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    if !name.value.chars().all(letter) || name.value.chars().all(|letter| letter == '.') {
        let message = format!("`{}` cannot be a name: results stand in a folder of that name", name.value);
        diagnostics.error(name.span.clone(), message).hint("use letters, digits, `.`, `_` and `-`, and not dots alone");
    }
    name.value.clone()
}

fn reference(what: &str, text: &At<String>, folder: &Path, known: &[&str], diagnostics: &mut Diagnostics) -> Reference {
    let reference = Reference::of(&text.value, folder);
    match &reference {
        Reference::BuiltIn(name) if !known.contains(&name.as_str()) => diagnostics.unknown(what, text, known.iter().copied()),
        Reference::File(path) if !path.is_file() => {
            let message = format!("{what} file `{}` does not exist", path.display());
            diagnostics.error(text.span.clone(), message).hint("paths are relative to the folder of this file");
        }
        _ => {}
    }
    reference
}

fn strategies(list: &[At<String>], diagnostics: &mut Diagnostics) -> Vec<String> {
    diagnostics.duplicates("strategy", list);
    for text in list {
        if let Err(error) = registry::build(&text.value) {
            let (message, hint) = explained(&error);
            diagnostics.error(text.span.clone(), message).hint(hint);
        }
    }
    list.iter().map(|text| text.value.clone()).collect()
}

/// A list of passes.
fn passes(text: &At<String>, diagnostics: &mut Diagnostics) -> Option<Passes> {
    match Passes::parse(&text.value) {
        Ok(passes) => Some(passes),
        Err(error) => {
            diagnostics.error(text.span.clone(), error.to_string()).hint("`socrates list passes` shows what there is");
            None
        }
    }
}

/// A strategy error as message and hint.
fn explained(error: &StrategyError) -> (String, String) {
    match error {
        StrategyError::UnknownName { name, .. } => {
            let known = registry::STRATEGIES.iter().map(|entry| entry.name);
            (format!("unknown strategy `{name}`"), suggestion(name, known))
        }
        StrategyError::UnknownParameter { strategy, name, allowed } => {
            (format!("strategy `{strategy}` has no parameter `{name}`"), format!("it has {allowed}"))
        }
        StrategyError::BadValue { strategy, name, value, right } => {
            (format!("parameter `{name}` of strategy `{strategy}` cannot be `{value}`"), right.clone())
        }
        StrategyError::Syntax { text } => {
            (format!("cannot read strategy `{text}`"), "write `name` or `name[parameter=value, ...]`".to_owned())
        }
    }
}

fn stream(raw: &At<RawStream>, may_be_endless: bool, folder: &Path, diagnostics: &mut Diagnostics) -> Option<StreamDefinition> {
    let span = raw.span.clone();
    let raw = &raw.value;
    let model = raw.model.as_ref().map(|text| reference("model", text, folder, &zoo::names().collect::<Vec<_>>(), diagnostics));
    let arrivals = match &raw.arrivals {
        Some(at) => arrivals(&at.value, diagnostics),
        None => Some(Arrivals::ClosedLoop { clients: 1, think_ns: 0 }),
    };
    let limited = raw.requests.is_some() || matches!(arrivals, Some(Arrivals::Recorded { .. }) | None);
    if may_be_endless && !limited {
        let hint = "add `requests = 20` to the stream, or `horizon = \"10s\"` to the scenario";
        diagnostics.error(span, "the stream never ends").hint(hint);
    }
    let deadline_ns = raw.deadline.as_ref().and_then(|deadline| positive_duration(deadline, diagnostics));
    Some(StreamDefinition {
        model: model?,
        arrivals: arrivals?,
        requests: raw.requests.as_ref().map(|requests| requests.value),
        deadline_ns,
        priority: raw.priority.as_ref().map_or(0, |priority| priority.value),
        dimensions: raw.dimensions.iter().flatten().map(|(name, size)| (name.value.clone(), size.value.0)).collect(),
    })
}

fn arrivals(raw: &RawArrivals, diagnostics: &mut Diagnostics) -> Option<Arrivals> {
    match raw {
        RawArrivals::ClosedLoop(raw) => Some(Arrivals::ClosedLoop {
            clients: raw.clients.as_ref().map_or(1, |clients| clients.value),
            think_ns: optional_duration(raw.think.as_ref(), diagnostics)?,
        }),
        RawArrivals::Periodic(raw) => {
            let period_ns = raw.period.as_ref().and_then(|at| period(at, diagnostics));
            let phase_ns = optional_duration(raw.phase.as_ref(), diagnostics);
            Some(Arrivals::Periodic { period_ns: period_ns?, phase_ns: phase_ns? })
        }
        RawArrivals::Poisson(raw) => Some(Arrivals::Poisson { rate_per_second: raw.rate_per_second.as_ref()?.value }),
        RawArrivals::Recorded(raw) => {
            let times_ns = ascending(&raw.times.as_ref()?.value, diagnostics)?;
            Some(Arrivals::Recorded { times_ns })
        }
    }
}

fn ascending(times: &[At<Duration>], diagnostics: &mut Diagnostics) -> Option<Vec<u64>> {
    let parsed: Vec<Option<u64>> = times.iter().map(|time| duration(time, diagnostics)).collect();
    let times_ns: Vec<u64> = parsed.into_iter().collect::<Option<_>>()?;
    for (pair, time) in times_ns.windows(2).zip(&times[1..]) {
        if pair[1] < pair[0] {
            let message = format!("arrival `{}` is earlier than the one before it", time.value.0);
            diagnostics.error(time.span.clone(), message).hint("arrival times must ascend");
        }
    }
    Some(times_ns)
}

/// A duration in nanoseconds.
fn duration(at: &At<Duration>, diagnostics: &mut Diagnostics) -> Option<u64> {
    let duration_ns = diagnostics.quantity(at, at.value.parse(), Duration::hint)?;
    if duration_ns > LONGEST_NS {
        let hint = "must be at most 1000000s (about 11 days)";
        diagnostics.error(at.span.clone(), format!("`{}` is out of range", at.value.0)).hint(hint);
        return None;
    }
    Some(duration_ns)
}

/// A time between arrivals in nanoseconds.
fn period(at: &At<Duration>, diagnostics: &mut Diagnostics) -> Option<u64> {
    let period_ns = positive_duration(at, diagnostics)?;
    if period_ns < SHORTEST_PERIOD_NS {
        diagnostics.error(at.span.clone(), format!("`{}` is out of range", at.value.0)).hint("must be at least 1us");
        return None;
    }
    Some(period_ns)
}

/// A duration in nanoseconds, 0 if absent.
fn optional_duration(at: Option<&At<Duration>>, diagnostics: &mut Diagnostics) -> Option<u64> {
    at.map_or(Some(0), |at| duration(at, diagnostics))
}

/// A duration in nanoseconds, above 0.
fn positive_duration(at: &At<Duration>, diagnostics: &mut Diagnostics) -> Option<u64> {
    let duration_ns = duration(at, diagnostics)?;
    if duration_ns == 0 {
        diagnostics.error(at.span.clone(), format!("`{}` is out of range", at.value.0)).hint("must be above 0");
        return None;
    }
    Some(duration_ns)
}
