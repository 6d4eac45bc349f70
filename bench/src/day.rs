//! What everything at once costs: the library's `phone-day` (three models, a user interface, background load, DVFS, heat), beside a bare event loop.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::time::Instant;

use scenarios::onnx::ReadOptions;
use scenarios::{Profile, Reference, Scenario, zoo};
use sim::engine::{Model, Options, Summary, plan_all, simulate_programs};
use sim::identifiers::ModelId;
use sim::record::{NoRecorder, Record};
use sim::strategy::registry::build;
use sim::task::LoweredModel;

use crate::workloads::SplitMix;

/// Events pending in the bare loop: about as many as the day has.
const PENDING: u64 = 16;

/// Time on one core for half an hour at most, and cost of an event at most, in costs of an event of the bare loop.
const MOST_SECONDS: f64 = 5.0;
const MOST_RATIO: f64 = 10.0;

struct Day {
    scenario: Scenario,
    device: sim::platform::Device,
    names: Vec<String>,
    models: Vec<LoweredModel>,
}

impl Day {
    /// `profile`: a file instead of the library's device.
    fn load(profile: Option<&str>) -> Result<Self, String> {
        let scenario = Scenario::open(&Reference::BuiltIn("phone-day".to_owned())).map_err(|error| format!("{error:?}"))?.value;
        let reference = profile.map_or_else(|| scenario.device.clone(), |file| Reference::File(file.into()));
        let profile = Profile::open(&reference).map_err(|error| format!("{error:?}"))?.value;
        let device = profile.device().map_err(|errors| format!("{errors:?}"))?;
        let mut names = Vec::new();
        let mut models = Vec::new();
        for stream in &scenario.streams {
            let Reference::BuiltIn(name) = &stream.model else {
                return Err("a model of the day is a file".to_owned());
            };
            let graph = zoo::load(name, &ReadOptions::default()).ok_or_else(|| format!("the zoo has no model `{name}`"))?;
            models.push(LoweredModel::of(&graph.map_err(|error| format!("model `{name}`: {error}"))?, &device));
            names.push(name.clone());
        }
        Ok(Self { scenario, device, names, models })
    }

    /// One run: its summary, wall-clock seconds, and records if they are kept.
    fn run(&self, options: &Options, keeps: bool) -> Result<(Summary, f64, usize), String> {
        let models: Vec<Model<'_>> = self
            .names
            .iter()
            .zip(&self.models)
            .map(|(name, lowered)| Model { name, tasks: &lowered.tasks, costs: &lowered.costs })
            .collect();
        let mut strategy = build(&self.scenario.strategies[0]).map_err(|error| error.to_string())?;
        let programs = plan_all(&self.device, &models, strategy.as_mut(), options).map_err(|error| error.to_string())?;
        let streams = self.scenario.streams.iter().enumerate();
        let streams = streams.map(|(index, stream)| stream.stream(&[ModelId::from_index(index)])).collect();
        let mut records: Vec<Record> = Vec::new();
        let start = Instant::now();
        let summary = if keeps {
            simulate_programs(&self.device, &models, programs, streams, Some(strategy.as_mut()), options, &mut records)
        } else {
            simulate_programs(&self.device, &models, programs, streams, Some(strategy.as_mut()), options, &mut NoRecorder)
        };
        let seconds = start.elapsed().as_secs_f64();
        Ok((summary.map_err(|error| error.to_string())?, seconds, records.len()))
    }
}

/// Nanoseconds an event of a loop that takes the next of a binary heap and schedules another after an exponential delay.
fn bare_ns(events: u64) -> f64 {
    let mut random = SplitMix(1);
    let mut heap = BinaryHeap::new();
    for sequence in 0..PENDING {
        heap.push(Reverse((random.word() >> 40, sequence, sequence)));
    }
    let start = Instant::now();
    let mut last = 0;
    for sequence in PENDING..PENDING + events {
        if let Some(Reverse((at_ns, _, entity))) = heap.pop() {
            last = at_ns;
            let delay_ns = (random.exponential(1.0) * 1e6) as u64;
            heap.push(Reverse((at_ns + delay_ns, sequence, entity)));
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    std::hint::black_box(last);
    seconds * 1e9 / events as f64
}

/// The day and the bare loop in turn, as a table in Markdown with medians and ranges.
///
/// # Errors
/// If the library lacks something, or the device what the day needs.
pub fn table(rounds: usize, profile: Option<&str>) -> Result<String, String> {
    let day = Day::load(profile)?;
    let all = day.scenario.options(&day.device).map_err(|error| error.to_string())?;
    let plain = Options { environment: sim::environment::Environment::default(), ..all.clone() };
    let cases =
        [("a device that stays as it is", &plain, false), ("everything", &all, false), ("everything, records kept", &all, true)];
    let mut bare: Vec<f64> = Vec::new();
    let mut seconds: Vec<Vec<f64>> = vec![Vec::new(); cases.len()];
    let mut ratios = seconds.clone();
    let mut events = vec![0; cases.len()];
    for _ in 0..rounds.max(1) {
        let bare_now = bare_ns(3_000_000);
        bare.push(bare_now);
        for (index, &(_, options, keeps)) in cases.iter().enumerate() {
            let (summary, took_s, _) = day.run(options, keeps)?;
            events[index] = summary.events;
            seconds[index].push(took_s);
            ratios[index].push(took_s * 1e9 / summary.events as f64 / bare_now);
        }
    }
    let mut text = "| 30 minutes of | events | s: median (min..max) | ns an event | to the bare loop: median (min..max) |\n| --- | ---: | ---: | ---: | ---: |\n".to_owned();
    let bare_ns = spread(&mut bare);
    let _ = writeln!(text, "| bare loop | - | - | {:.1} ({:.1}..{:.1}) | 1 |", bare_ns[0], bare_ns[1], bare_ns[2]);
    let mut last = ([0.0; 3], [0.0; 3]);
    for (index, (name, _, _)) in cases.iter().enumerate() {
        let (time, ratio) = (spread(&mut seconds[index]), spread(&mut ratios[index]));
        let each_ns = time[0] * 1e9 / events[index] as f64;
        let _ = writeln!(
            text,
            "| {name} | {} | {:.2} ({:.2}..{:.2}) | {each_ns:.1} | {:.1} ({:.1}..{:.1}) |",
            events[index], time[0], time[1], time[2], ratio[0], ratio[1], ratio[2]
        );
        if index == 1 {
            last = (time, ratio);
        }
    }
    let verdict = |holds: bool| if holds { "reached" } else { "MISSED" };
    let ((time, ratio), most) = (last, MOST_SECONDS);
    let _ = writeln!(text, "\n{}: the day takes {:.2} s (at most {most} s)", verdict(time[0] <= most), time[0]);
    let _ = writeln!(
        text,
        "{}: an event costs {:.1}x the bare loop's (at most {MOST_RATIO}x)",
        verdict(ratio[0] <= MOST_RATIO),
        ratio[0]
    );
    Ok(text)
}

/// Median, least and most.
fn spread(values: &mut [f64]) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [values[values.len() / 2], values[0], values[values.len() - 1]]
}
