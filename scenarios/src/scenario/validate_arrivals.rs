//! From arrivals as written to validated ones.

use std::path::Path;

use sim::workload::{Count, Daily, Jitter, Modulated};

use crate::scenario::arrivals::{Arrivals, state};
use crate::scenario::raw_arrivals::{
    RawAfter, RawArrivals, RawClosedLoop, RawCount, RawDaily, RawJitter, RawModulated, RawPeriodic, RawRecorded, RawThink,
    RawWeight,
};
use crate::scenario::trace;
use crate::scenario::validate::{duration, optional_duration, period, positive_duration};
use crate::text::{At, Diagnostics, Duration};

/// A day.
const DAY_NS: u64 = 86_400_000_000_000;

/// Shortest mean stay of a modulated process.
const SHORTEST_STAY_NS: u64 = 1_000_000;

/// What arrivals are validated with: where files are, and the names of the streams.
pub(super) struct Context<'a> {
    pub(super) folder: &'a Path,
    pub(super) streams: &'a [Option<&'a str>],
    /// Whether the streams share a run.
    pub(super) together: bool,
}

pub(super) fn arrivals(raw: &At<RawArrivals>, context: &Context<'_>, diagnostics: &mut Diagnostics) -> Option<Arrivals> {
    match &raw.value {
        RawArrivals::ClosedLoop(raw) => closed_loop(raw, diagnostics),
        RawArrivals::Periodic(raw) => periodic(raw, diagnostics),
        RawArrivals::Poisson(raw) => Some(Arrivals::Poisson { rate_per_second: raw.rate_per_second.as_ref()?.value }),
        RawArrivals::Modulated(raw) => modulated(raw, diagnostics),
        RawArrivals::Daily(raw) => daily(raw, diagnostics),
        RawArrivals::Recorded(of) => recorded(of, raw, context.folder, diagnostics),
        RawArrivals::After(raw) => after(raw, context, diagnostics),
    }
}

fn closed_loop(raw: &RawClosedLoop, diagnostics: &mut Diagnostics) -> Option<Arrivals> {
    Some(Arrivals::ClosedLoop {
        clients: raw.clients.as_ref().map_or(1, |clients| clients.value),
        think_ns: optional_duration(raw.think.as_ref(), diagnostics)?,
        exponential: raw.think_distribution == Some(RawThink::Exponential),
    })
}

fn periodic(raw: &RawPeriodic, diagnostics: &mut Diagnostics) -> Option<Arrivals> {
    let period_ns = raw.period.as_ref().and_then(|at| period(at, diagnostics));
    let phase_ns = optional_duration(raw.phase.as_ref(), diagnostics);
    let jitter = match &raw.jitter {
        None => Some(None),
        Some(jitter) => {
            let (RawJitter::Uniform(text) | RawJitter::Normal(text)) = &jitter.value;
            let ns = duration(&At { value: text.clone(), span: jitter.span.clone() }, diagnostics);
            let most_ns = period_ns.unwrap_or(u64::MAX) / 2;
            match (&jitter.value, ns) {
                (RawJitter::Uniform(_), Some(ns)) if ns > most_ns => {
                    let hint = "must be at most half the period: arrivals do not overtake each other";
                    diagnostics.error(jitter.span.clone(), format!("a jitter of `{}` is out of range", text.0)).hint(hint);
                    None
                }
                (RawJitter::Uniform(_), Some(most_ns)) => Some(Some(Jitter::Uniform { most_ns })),
                (RawJitter::Normal(_), Some(deviation_ns)) => Some(Some(Jitter::Normal { deviation_ns })),
                (_, None) => None,
            }
        }
    };
    Some(Arrivals::Periodic { period_ns: period_ns?, phase_ns: phase_ns?, jitter: jitter? })
}

fn modulated(raw: &RawModulated, diagnostics: &mut Diagnostics) -> Option<Arrivals> {
    let list = raw.states.as_ref()?;
    let mut states = Vec::new();
    for one in &list.value {
        let stay_ns = one.mean_stay.as_ref().and_then(|at| {
            let stay_ns = positive_duration(at, diagnostics)?;
            if stay_ns < SHORTEST_STAY_NS {
                diagnostics.error(at.span.clone(), format!("`{}` is out of range", at.value.0)).hint("must be at least 1ms");
            }
            Some(stay_ns)
        });
        states.extend(one.rate_per_second.as_ref().zip(stay_ns).map(|(rate, stay_ns)| state(rate.value, stay_ns)));
    }
    if states.len() < list.value.len() {
        return None;
    }
    let modulated = Modulated::new(states);
    if modulated.as_ref().is_none_or(|modulated| modulated.mean_rate_per_second() < 1e-6) {
        let hint = "a state must have a `rate_per_second` above 0; the mean over time must be at least 0.000001";
        diagnostics.error(list.span.clone(), "nothing ever arrives").hint(hint);
    }
    modulated.map(Arrivals::Modulated)
}

fn daily(raw: &RawDaily, diagnostics: &mut Diagnostics) -> Option<Arrivals> {
    let day_ns = match &raw.day {
        Some(day) => period(day, diagnostics)?,
        None => DAY_NS,
    };
    let list = raw.points.as_ref()?;
    let corner = |point: &At<crate::scenario::RawDailyPoint>| {
        Some((point.value.hour.as_ref()?.value / 24.0, point.value.rate_per_second.as_ref()?.value))
    };
    let corners: Vec<(f64, f64)> = list.value.iter().map(corner).collect::<Option<_>>()?;
    for (pair, point) in corners.windows(2).zip(&list.value[1..]) {
        if pair[1].0 <= pair[0].0 {
            let message = format!("hour {} is not later than the one before it", pair[1].0 * 24.0);
            diagnostics.error(point.span.clone(), message).hint("hours must ascend");
            return None;
        }
    }
    let daily = Daily::new(day_ns, &corners);
    if daily.as_ref().is_none_or(|daily| daily.mean_rate_per_second() < 1e-6) {
        let hint = "a point must have a `rate_per_second` above 0; the mean over a day must be at least 0.000001";
        diagnostics.error(list.span.clone(), "nothing ever arrives").hint(hint);
    }
    daily.map(Arrivals::Daily)
}

fn recorded(raw: &RawRecorded, whole: &At<RawArrivals>, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Arrivals> {
    let scale = raw.scale.as_ref().map_or(1.0, |scale| scale.value);
    let (times, trace) = match (&raw.times, &raw.file, &raw.column) {
        (Some(times), None, None) => (ascending(&times.value, scale, diagnostics)?, None),
        (None, Some(file), Some(column)) => match trace::read(&folder.join(&file.value), &column.value, scale) {
            Ok((times_ns, trace)) => (times_ns, Some(trace)),
            Err(wrong) => {
                diagnostics.error(file.span.clone(), wrong.message).hint(wrong.hint);
                return None;
            }
        },
        _ => {
            let hint = "write either `times = [\"0ms\", \"33ms\"]`, or `file = \"trace.csv\"` and `column = \"arrival_ms\"`";
            diagnostics.error(whole.span.clone(), "recorded arrivals need times, or a file and a column").hint(hint);
            return None;
        }
    };
    Some(Arrivals::Recorded { times_ns: times, trace })
}

fn ascending(times: &[At<Duration>], scale: f64, diagnostics: &mut Diagnostics) -> Option<Vec<u64>> {
    let parsed: Vec<Option<u64>> = times.iter().map(|time| duration(time, diagnostics)).collect();
    let times_ns: Vec<u64> = parsed.into_iter().collect::<Option<_>>()?;
    for (pair, time) in times_ns.windows(2).zip(&times[1..]) {
        if pair[1] < pair[0] {
            let message = format!("arrival `{}` is earlier than the one before it", time.value.0);
            diagnostics.error(time.span.clone(), message).hint("arrival times must ascend");
        }
    }
    // At most 1e15 times 1e6, below 2^62 after the cast saturates: such arrivals are beyond every horizon.
    Some(times_ns.into_iter().map(|at_ns| (at_ns as f64 * scale).round() as u64).collect())
}

fn after(raw: &RawAfter, context: &Context<'_>, diagnostics: &mut Diagnostics) -> Option<Arrivals> {
    let name = raw.stream.as_ref()?;
    if !context.together {
        let hint = "write `streams_run = \"together\"` at the top of the file";
        diagnostics.error(name.span.clone(), "a stream that follows another needs it in its run").hint(hint);
    }
    let found = context.streams.iter().position(|known| *known == Some(name.value.as_str()));
    if found.is_none() {
        let known = context.streams.iter().flatten().copied();
        if known.clone().next().is_none() {
            let hint = "give the other stream a `name`";
            diagnostics.error(name.span.clone(), format!("unknown stream `{}`", name.value)).hint(hint);
        } else {
            diagnostics.unknown("stream", name, known);
        }
    }
    let count = match raw.count.as_ref().map(|at| (&at.value, &at.span)) {
        None => Some(Count::Fixed(1)),
        Some((RawCount::Fixed(count), _)) => Some(Count::Fixed(count.0)),
        Some((RawCount::Poisson(mean), _)) => Some(Count::Poisson(mean.0)),
        Some((RawCount::Histogram(weights), span)) => {
            histogram(weights, diagnostics, span.clone()).map(|weights| Count::Histogram((0..).zip(weights).collect()))
        }
    };
    Some(Arrivals::After {
        stream: found?,
        probability: raw.probability.as_ref().map_or(1.0, |probability| probability.value),
        count: count?,
        delay_ns: optional_duration(raw.delay.as_ref(), diagnostics)?,
    })
}

/// Weights of which one is above 0.
pub(super) fn histogram(weights: &[RawWeight], diagnostics: &mut Diagnostics, span: std::ops::Range<usize>) -> Option<Vec<f64>> {
    let weights: Vec<f64> = weights.iter().map(|weight| weight.0).collect();
    if weights.iter().any(|&weight| weight > 0.0) {
        return Some(weights);
    }
    diagnostics.error(span, "no weight is above 0").hint("write e.g. [0.2, 0.5, 0.3]");
    None
}
