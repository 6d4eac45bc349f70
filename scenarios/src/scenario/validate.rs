//! From a raw scenario to a validated one.

use std::path::Path;

use sim::engine::Variation;
use sim::frontend::Passes;
use sim::strategy::registry::{self, StrategyError};
use sim::workload::{DeadlineFrom, QueueRule, WhenFull};

use crate::library;
use crate::read::Reference;
use crate::scenario::environment::environment;
use crate::scenario::validate_arrivals::{Context, arrivals, histogram};
use crate::scenario::{
    Arrivals, RawDeadlineFrom, RawQueue, RawScenario, RawStream, RawVariation, RawWeight, RawWhenFull, RawWork, Scenario,
    StreamDefinition, StreamsRun, Work,
};
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
    let streams = raw.stream.as_ref().map(|list| {
        diagnostics.duplicates("stream", list.value.iter().filter_map(|stream| stream.value.name.as_ref()));
        let names: Vec<Option<&str>> =
            list.value.iter().map(|stream| stream.value.name.as_ref().map(|name| name.value.as_str())).collect();
        let together = raw.streams_run == Some(StreamsRun::Together);
        let context = Context { folder, streams: &names, together };
        let streams: Vec<StreamDefinition> =
            list.value.iter().filter_map(|raw| stream(raw, may_be_endless, &context, diagnostics)).collect();
        if streams.len() == list.value.len() {
            check_cycles(&list.value, &streams, diagnostics);
        }
        streams
    });
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
        score: raw.score,
        replicates: raw.replicates.as_ref().map_or(1, |replicates| replicates.value),
        variation: match raw.variation.unwrap_or_default() {
            RawVariation::None => Variation::None,
            RawVariation::Residuals => Variation::Residuals,
            RawVariation::ModelError => Variation::ModelError,
            RawVariation::Noise => Variation::Noise,
            RawVariation::ModelErrorAndNoise => Variation::ModelErrorAndNoise,
            RawVariation::Exponential => Variation::Exponential,
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

fn stream(
    raw: &At<RawStream>,
    may_be_endless: bool,
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<StreamDefinition> {
    let span = raw.span.clone();
    let raw = &raw.value;
    let known: Vec<&str> = zoo::names().collect();
    let model = raw.model.as_ref().map(|text| reference("model", text, context.folder, &known, diagnostics));
    let arrivals = match &raw.arrivals {
        Some(at) => arrivals(at, context, diagnostics),
        None => Some(Arrivals::ClosedLoop { clients: 1, think_ns: 0, exponential: false }),
    };
    // A stream that follows another ends when that does.
    let ends = matches!(arrivals, Some(Arrivals::Recorded { .. } | Arrivals::After { .. }) | None);
    if may_be_endless && !ends && raw.requests.is_none() {
        let hint = "add `requests = 20` to the stream, or `horizon = \"10s\"` to the scenario";
        diagnostics.error(span, "the stream never ends").hint(hint);
    }
    let deadline_ns = raw.deadline.as_ref().and_then(|deadline| positive_duration(deadline, diagnostics));
    if let Some(queue) = &raw.queue {
        if arrivals.as_ref().is_some_and(Arrivals::is_closed) {
            let hint = "the number of `clients` bounds it already";
            diagnostics.error(queue.span.clone(), "a closed loop has no queue").hint(hint);
        }
        if let Some(drop_late) = queue.value.drop_late.as_ref().filter(|it| it.value && raw.deadline.is_none()) {
            diagnostics.error(drop_late.span.clone(), "nothing is late without a deadline").hint("add `deadline = \"33ms\"`");
        }
    }
    let work = match &raw.work {
        Some(at) => Some(work(at, raw, diagnostics)?),
        None => None,
    };
    Some(StreamDefinition {
        name: raw.name.as_ref().map(|name| name.value.clone()),
        model: model?,
        arrivals: arrivals?,
        requests: raw.requests.as_ref().map(|requests| requests.value),
        deadline_ns,
        deadline_from: match raw.deadline_from.unwrap_or_default() {
            RawDeadlineFrom::Arrival => DeadlineFrom::Arrival,
            RawDeadlineFrom::Origin => DeadlineFrom::Origin,
        },
        priority: raw.priority.as_ref().map_or(0, |priority| priority.value),
        dimensions: raw.dimensions.iter().flatten().map(|(name, size)| (name.value.clone(), size.value.0)).collect(),
        queue: raw.queue.as_ref().map(|queue| queue_rule(&queue.value)),
        work,
    })
}

fn queue_rule(raw: &RawQueue) -> QueueRule {
    QueueRule {
        in_flight: raw.in_flight.as_ref().map_or(1, |in_flight| in_flight.value),
        bound: raw.bound.as_ref().map(|bound| bound.value),
        when_full: match raw.when_full.unwrap_or_default() {
            RawWhenFull::DropNewest => WhenFull::DropNewest,
            RawWhenFull::DropOldest => WhenFull::DropOldest,
        },
        drop_late: raw.drop_late.as_ref().is_some_and(|it| it.value),
    }
}

fn work(at: &At<RawWork>, stream: &RawStream, diagnostics: &mut Diagnostics) -> Option<Work> {
    let raw = &at.value;
    let (dimension, values) = (raw.dimension.as_ref()?, raw.values.as_ref()?);
    if stream.dimensions.iter().flatten().any(|(name, _)| name.value == dimension.value) {
        let message = format!("dimension `{}` has a size already", dimension.value);
        diagnostics.error(dimension.span.clone(), message).hint("remove it from `dimensions`");
    }
    let sizes: Vec<u64> = values.value.iter().map(|size| size.value.0).collect();
    for (index, size) in values.value.iter().enumerate() {
        if sizes[..index].contains(&size.value.0) {
            diagnostics.error(size.span.clone(), format!("duplicate size `{}`", size.value.0)).hint("sizes must be unique");
        }
    }
    let weights = match &raw.weights {
        None => vec![1.0; sizes.len()],
        Some(weights) => {
            if weights.value.len() != sizes.len() {
                let message = format!("{} weights for {} values", weights.value.len(), sizes.len());
                diagnostics.error(weights.span.clone(), message).hint("write one for each");
                return None;
            }
            let plain: Vec<RawWeight> = weights.value.iter().map(|weight| weight.value).collect();
            histogram(&plain, diagnostics, weights.span.clone())?
        }
    };
    Some(Work { dimension: dimension.value.clone(), sizes: sizes.into_iter().zip(weights).collect() })
}

/// Streams that follow themselves, by way of others or not.
fn check_cycles(raw: &[At<RawStream>], streams: &[StreamDefinition], diagnostics: &mut Diagnostics) {
    let follows = |index: usize| match streams[index].arrivals {
        Arrivals::After { stream, .. } => Some(stream),
        _ => None,
    };
    for (index, of) in raw.iter().enumerate() {
        let chain = std::iter::successors(follows(index), |&at| follows(at)).take(streams.len());
        if chain.into_iter().any(|at| at == index)
            && let Some(arrivals) = &of.value.arrivals
        {
            let message = "the stream follows itself, through the streams that it follows";
            diagnostics.error(arrivals.span.clone(), message).hint("let one of them arrive by itself");
        }
    }
}

/// A duration in nanoseconds.
pub(super) fn duration(at: &At<Duration>, diagnostics: &mut Diagnostics) -> Option<u64> {
    let duration_ns = diagnostics.quantity(at, at.value.parse(), Duration::hint)?;
    if duration_ns > LONGEST_NS {
        let hint = "must be at most 1000000s (about 11 days)";
        diagnostics.error(at.span.clone(), format!("`{}` is out of range", at.value.0)).hint(hint);
        return None;
    }
    Some(duration_ns)
}

/// A time between arrivals in nanoseconds.
pub(super) fn period(at: &At<Duration>, diagnostics: &mut Diagnostics) -> Option<u64> {
    let period_ns = positive_duration(at, diagnostics)?;
    if period_ns < SHORTEST_PERIOD_NS {
        diagnostics.error(at.span.clone(), format!("`{}` is out of range", at.value.0)).hint("must be at least 1us");
        return None;
    }
    Some(period_ns)
}

/// A duration in nanoseconds, 0 if absent.
pub(super) fn optional_duration(at: Option<&At<Duration>>, diagnostics: &mut Diagnostics) -> Option<u64> {
    at.map_or(Some(0), |at| duration(at, diagnostics))
}

/// A duration in nanoseconds, above 0.
pub(super) fn positive_duration(at: &At<Duration>, diagnostics: &mut Diagnostics) -> Option<u64> {
    let duration_ns = duration(at, diagnostics)?;
    if duration_ns == 0 {
        diagnostics.error(at.span.clone(), format!("`{}` is out of range", at.value.0)).hint("must be above 0");
        return None;
    }
    Some(duration_ns)
}
