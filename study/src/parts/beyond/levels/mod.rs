//! What each level of optimisation is worth: frontend, backend, both, with and without adaptation at run time.

mod compression;

use results::Interval;
use scenarios::Scenario;
use sim::environment::{Presence, Takes};

use super::device::on;
use super::{TIE, geometric_mean, signed_percent};
use crate::parts::common::short;
use crate::{Bar, Bars, Chart, Context, Figure, Kind, Outcome, Panel, PartData, StudyError, Support, Table, Verdict, Width};

/// Phones of the part: two with measured kernels, two with fitted ones.
const DEVICES: [&str; 4] = ["pixel4", "iphonexs", "xiaomi9_sd855", "honor_v30_pro_kirin990"];

/// What the levels are called, in the order of the scenario's strategies.
const LEVELS: [&str; 8] =
    ["neither", "frontend", "backend", "both", "neither, adapting", "frontend, adapting", "backend, adapting", "both, adapting"];

/// Which of [`LEVELS`] changes models and which places them.
const FRONTEND: usize = 1;

const BACKEND: usize = 2;

const BOTH: usize = 3;

const ADAPTING: usize = 4;

const LOADS: [&str; 2] = ["idle", "busy CPU"];

/// All levels for a model on a device under a load, each with its milliseconds in each replicate.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    device: String,
    load: &'static str,
    model: String,
    times: Vec<Vec<f64>>,
}

impl Row {
    /// Time of a level over that of doing neither.
    fn over_neither(&self, level: usize) -> Option<f64> {
        Some(Interval::of(self.times.get(level)?).mean? / Interval::of(self.times.first()?).mean?)
    }
}

pub(super) fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let scenario = context.scenario("study-levels")?;
    let rows = run(context, &scenario)?;
    let compressed = compression::compress(context, &scenario)?;
    let mut data = PartData {
        caption: format!(
            "`socrates` with one level or another switched off, on {} phones and {} models. Neither: a model as it is on the one processor that is fastest, \
             what that refuses on the CPU. Frontend: the model rewritten by exact passes where that is faster, on one processor. Backend: the model \
             as it is, operators placed and shared. Both: rewrites and placement chosen together. Adapting: plans follow what requests take. Beside it \
             nothing, or two busy threads on each CPU core. Median latency of 20 requests; mean of {} replicates with errors of the cost models.",
            DEVICES.len(),
            scenario.streams.len(),
            scenario.replicates,
        ),
        tables: vec![table(&rows), compression::table(&compressed)],
        figures: vec![figure(&rows), compression::figure(&compressed)],
        ..PartData::default()
    };
    say(&rows, &mut data);
    compression::say(&compressed, &mut data);
    Ok(data)
}

fn run(context: &Context<'_>, scenario: &Scenario) -> Result<Vec<Row>, StudyError> {
    let (mut scenarios, mut loads) = (Vec::new(), Vec::new());
    for device in DEVICES {
        for load in LOADS {
            let mut loaded = scenario.clone();
            if load != LOADS[0] {
                // Which processors is for `on` to say.
                let always = Presence::During { from_ns: 0, until_ns: None };
                loaded.environment.others.loads = vec![(String::new(), Takes::Threads(1), always, None)];
            }
            scenarios.push(on(&loaded, device)?);
            loads.push(load);
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    for outcome in context.run(scenarios)? {
        let load = loads[outcome.scenario];
        let times = times(&outcome)?;
        match rows.last_mut() {
            Some(row) if row.device == outcome.device && row.load == load && row.model == outcome.case => row.times.push(times),
            _ => rows.push(Row { device: outcome.device, load, model: outcome.case, times: vec![times] }),
        }
    }
    Ok(rows)
}

fn times(outcome: &Outcome) -> Result<Vec<f64>, StudyError> {
    match outcome.failure() {
        Some(why) => {
            Err(StudyError::Part { part: "levels", why: format!("`{}` on {}: {why}", outcome.strategy, outcome.device) })
        }
        None => Ok(outcome.values(crate::median_ms)),
    }
}

fn table(rows: &[Row]) -> Table {
    let columns = [
        ("device", "", Kind::Text),
        ("load", "", Kind::Text),
        ("model", "", Kind::Text),
        ("level", "", Kind::Text),
        ("latency", "ms", Kind::Number),
        ("latency_low", "ms", Kind::Number),
        ("latency_high", "ms", Kind::Number),
        ("over_neither", "", Kind::Number),
    ];
    let mut table = Table::new("", "Median latency by level; intervals are 95 %.", &columns);
    for row in rows {
        for (level, name) in LEVELS.iter().enumerate() {
            let interval = Interval::of(row.times.get(level).map_or(&[], Vec::as_slice));
            table.push([
                (&row.device).into(),
                row.load.into(),
                (&row.model).into(),
                (*name).into(),
                interval.mean.into(),
                interval.low.into(),
                interval.high.into(),
                row.over_neither(level).into(),
            ]);
        }
    }
    table
}

/// Geometric mean over the models of a device of a level's time over that of neither.
fn over_models(rows: &[Row], device: Option<&str>, load: &str, level: usize) -> Option<f64> {
    let of_device = rows.iter().filter(|row| row.load == load && device.is_none_or(|device| row.device == device));
    geometric_mean(of_device.filter_map(|row| row.over_neither(level)))
}

fn figure(rows: &[Row]) -> Figure {
    let shown = [FRONTEND, BACKEND, BOTH, ADAPTING + BOTH];
    let panel = |(index, load): (usize, &&str)| {
        let bars = DEVICES.iter().map(|device| {
            let ends = |level: usize| {
                let of_device = rows.iter().filter(|row| row.load == *load && row.device == *device);
                let all: Vec<f64> = of_device.filter_map(|row| row.over_neither(level)).collect();
                let least = all.iter().copied().min_by(f64::total_cmp)?;
                Some((least, all.iter().copied().max_by(f64::total_cmp)?))
            };
            let bar = |&level: &usize| {
                let value = over_models(rows, Some(device), load, level)? * 100.0;
                Some(Bar { value, interval: ends(level).map(|(low, high)| (low * 100.0, high * 100.0)) })
            };
            shown.iter().map(bar).collect()
        });
        let chart = Bars {
            title: format!("Time by level of optimisation: {load}"),
            quantity: "time, % of neither".to_owned(),
            places_are: String::new(),
            bars: bars.collect(),
            places: DEVICES.iter().map(|device| short(device)).collect(),
            series: shown.iter().map(|&level| LEVELS[level].to_owned()).collect(),
            logarithmic: false,
            width: Width::Single,
            aspect: 0.6,
        };
        let letter = char::from(b'a' + index as u8);
        Panel::new(format!("{letter}  {load}"), Chart::Bars(chart))
    };
    let caption = "Latency with one or both levels of optimisation, as a share of that with neither: geometric mean over the models; lines reach from the \
                   model that gains most to the one that gains least.";
    Figure::grid("", caption, 2, LOADS.iter().enumerate().map(panel).collect())
}

fn say(rows: &[Row], data: &mut PartData) {
    let mean = |load, level| over_models(rows, None, load, level).unwrap_or(1.0) - 1.0;
    let most = |level: usize| {
        let of = rows.iter().filter(|row| row.load == LOADS[0]).filter_map(|row| Some((row.over_neither(level)?, row)));
        let most = of.min_by(|one, other| one.0.total_cmp(&other.0));
        most.map_or_else(String::new, |(ratio, row)| format!("{} ({}, {})", signed_percent(ratio - 1.0), row.model, row.device))
    };
    data.findings.push(format!(
        "On the idle device the frontend alone changes latency by {} on average and {} at most, the backend alone by {} and {} at most, both together by \
         {}.",
        signed_percent(mean(LOADS[0], FRONTEND)),
        most(FRONTEND),
        signed_percent(mean(LOADS[0], BACKEND)),
        most(BACKEND),
        signed_percent(mean(LOADS[0], BOTH)),
    ));
    data.findings.push(format!(
        "Beside a busy CPU both levels without adaptation come to {}, with adaptation to {}; adaptation between single processors, without placement, to {}.",
        signed_percent(mean(LOADS[1], BOTH)),
        signed_percent(mean(LOADS[1], ADAPTING + BOTH)),
        signed_percent(mean(LOADS[1], ADAPTING)),
    ));
    for load in LOADS {
        let of_load = rows.iter().filter(|row| row.load == load);
        let ratio = |row| {
            let parts = Row::over_neither(row, FRONTEND)?.min(row.over_neither(BACKEND)?).min(1.0);
            Some((row.over_neither(BOTH)? / parts, row))
        };
        let ratios: Vec<(f64, &Row)> = of_load.filter_map(ratio).collect();
        let behind = ratios.iter().filter(|(ratio, _)| *ratio > 1.0 + TIE).count();
        let ahead = ratios.iter().filter(|(ratio, _)| *ratio < 1.0 - TIE).count();
        let worst = ratios.iter().max_by(|one, other| one.0.total_cmp(&other.0));
        let place = worst.map_or_else(String::new, |(ratio, row)| {
            format!("; at worst {} ({}, {})", signed_percent(ratio - 1.0), row.model, row.device)
        });
        data.findings.push(format!(
            "Both levels together, without adaptation, against the better of one or none, {load}: ahead by more than 2 % in {ahead} of {} cases, behind by \
             more in {behind}{place}.",
            ratios.len()
        ));
    }
    let gain = -mean(LOADS[1], ADAPTING + BOTH);
    let (backend, adapting) = (-mean(LOADS[0], BACKEND), gain);
    let support = if backend > TIE && adapting > -mean(LOADS[1], BOTH) + TIE {
        if -mean(LOADS[0], FRONTEND) > TIE { Support::Supported } else { Support::Partly }
    } else {
        Support::NotSupported
    };
    data.verdicts.push(Verdict::new(
        "F3",
        support,
        format!(
            "frontend alone {}, backend alone {}, both {} on the idle device; beside a busy CPU {} without adaptation, {} with it",
            signed_percent(mean(LOADS[0], FRONTEND)),
            signed_percent(mean(LOADS[0], BACKEND)),
            signed_percent(mean(LOADS[0], BOTH)),
            signed_percent(mean(LOADS[1], BOTH)),
            signed_percent(mean(LOADS[1], ADAPTING + BOTH)),
        ),
    ));
    data.verdicts.push(Verdict::new(
        "F4",
        if adapting > -mean(LOADS[1], BOTH) + TIE { Support::Supported } else { Support::NotSupported },
        format!(
            "learning from latencies at run time takes the plans of `socrates` from {} to {} of a single processor's time beside a busy CPU",
            signed_percent(mean(LOADS[1], BOTH)),
            signed_percent(mean(LOADS[1], ADAPTING + BOTH)),
        ),
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_the_strategies_of_the_scenario() {
        let scenario = Scenario::open(&scenarios::Reference::BuiltIn("study-levels".to_owned())).expect("of the library").value;
        assert_eq!(scenario.strategies.len(), LEVELS.len());
        for (strategy, level) in scenario.strategies.iter().zip(LEVELS) {
            assert_eq!(strategy.contains("adapt=off"), !level.contains("adapting"), "{level}");
            let (rewrites, placement) = (!strategy.contains("rewrites=off"), !strategy.contains("placement=off"));
            let expected = match level.split(',').next() {
                Some("neither") => (false, false),
                Some("frontend") => (true, false),
                Some("backend") => (false, true),
                _ => (true, true),
            };
            assert_eq!((rewrites, placement), expected, "{level}");
        }
    }
}
