//! The first minute of inference against the thirtieth, on phones that heat up.

use scenarios::{Profile, Reference, Scenario};
use sim::metrics::Report;
use sim::record::{Outcome as Ended, Record};

use super::device::{PHONES, on};
use super::signed_percent;
use crate::parts::common::short;
use crate::{Chart, Context, Curve, CurvePoint, Figure, Kind, Lines, Loaded, Panel, PartData, StudyError, Table, Width};

const MINUTE_NS: u64 = 60_000_000_000;
const MINUTES: usize = 30;

/// Minutes that the figure shows: more at first, when clocks move.
const SHOWN: [usize; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30];

/// Models beside that of the scenario, if all are taken.
const MORE_MODELS: [&str; 1] = ["vgg16"];

/// Half an hour of a strategy on a device.
#[derive(Clone, Debug, PartialEq)]
struct HalfHour {
    device: String,
    model: String,
    strategy: String,
    /// Median latency in ms of the requests that ended in each minute.
    minutes: Vec<Option<f64>>,
    throttled_from_s: Option<f64>,
    millijoules: Option<f64>,
    watts: Option<f64>,
    hottest_celsius: Option<f64>,
}

impl HalfHour {
    fn first_ms(&self) -> Option<f64> {
        self.minutes.first().copied().flatten()
    }

    fn last_ms(&self) -> Option<f64> {
        self.minutes.last().copied().flatten()
    }

    fn slower(&self) -> Option<f64> {
        Some(self.last_ms()? / self.first_ms()?)
    }
}

pub(super) fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let scenario = context.scenario("study-minutes")?;
    let mut devices = Vec::new();
    for device in PHONES {
        if Profile::open(&Reference::BuiltIn(device.to_owned()))?.value.thermal.is_some() {
            devices.push(device);
        }
    }
    let all = run(context, &scenario, &devices)?;
    let mut data = PartData {
        caption: format!(
            "Face detection (RetinaFace with ResNet-50) back to back for 30 minutes at 25 C on the {} phones whose profiles say how they heat up, all clocks as \
             high as heat allows. Median latency of the requests that end in each minute. The thermal models are assumed, fitted to the onset of throttling \
             published for one phone: their order is meant, not their degrees.",
            devices.len()
        ),
        tables: vec![table(&all), by_minute(&all)],
        figures: vec![figure(&all, &devices)],
        ..PartData::default()
    };
    say(&all, &devices, &mut data);
    Ok(data)
}

fn run(context: &Context<'_>, scenario: &Scenario, devices: &[&str]) -> Result<Vec<HalfHour>, StudyError> {
    let mut scenarios = Vec::new();
    for device in devices {
        let mut moved = on(scenario, device)?;
        if context.full {
            let like = moved.streams[0].clone();
            moved.streams.extend(MORE_MODELS.map(|model| {
                let mut stream = like.clone();
                stream.model = Reference::BuiltIn(model.to_owned());
                stream
            }));
        }
        scenarios.push(moved);
    }
    let loaded = context.load(scenarios)?;
    let seen = context.simulate(&loaded, |_, _, simulated| (minutes(&simulated.records), simulated.report))?;
    let mut all = Vec::new();
    for (Loaded { inputs, jobs, .. }, seen) in loaded.iter().zip(seen) {
        for (job, seen) in jobs.iter().zip(seen) {
            // A strategy without a plan has no half hour.
            let Some((minutes, report)) = seen.ok().and_then(|seen| seen.into_iter().next()) else { continue };
            all.push(half_hour(inputs.device.name(), &job.case, &job.strategy, minutes, &report));
        }
    }
    Ok(all)
}

fn half_hour(device: &str, model: &str, strategy: &str, minutes: Vec<Option<f64>>, report: &Report) -> HalfHour {
    let of_device = report.device.as_ref();
    let energy = of_device.and_then(|device| device.energy.as_ref());
    let temperatures = of_device.map_or(&[][..], |device| &device.temperatures);
    HalfHour {
        device: device.to_owned(),
        model: model.to_owned(),
        strategy: strategy.to_owned(),
        minutes,
        throttled_from_s: of_device.and_then(|device| device.throttled_from_ns).map(|ns| ns as f64 * 1e-9),
        millijoules: energy.and_then(|energy| energy.models.first()?.per_inference_j).map(|joules| joules * 1e3),
        watts: energy.and_then(|energy| energy.mean_power_w),
        hottest_celsius: temperatures.iter().map(|node| node.most_celsius).max_by(f64::total_cmp),
    }
}

/// Median latency of the requests that completed in each minute.
fn minutes(records: &[Record]) -> Vec<Option<f64>> {
    let mut latencies = vec![Vec::new(); MINUTES];
    for record in records {
        if let Record::Request(request) = record
            && request.outcome == Ended::Completed
            && let Some(minute) = latencies.get_mut((request.ended_ns / MINUTE_NS) as usize)
        {
            minute.push((request.ended_ns - request.arrived_ns) as f64 * 1e-6);
        }
    }
    latencies.iter().map(|minute| sim::statistics::quantile(minute, 0.5).ok()).collect()
}

fn table(all: &[HalfHour]) -> Table {
    let columns = [
        ("device", "", Kind::Text),
        ("model", "", Kind::Text),
        ("strategy", "", Kind::Text),
        ("minute_1", "ms", Kind::Number),
        ("minute_30", "ms", Kind::Number),
        ("slower", "", Kind::Number),
        ("throttled_from", "s", Kind::Number),
        ("energy_per_inference", "mJ", Kind::Number),
        ("mean_power", "W", Kind::Number),
        ("hottest", "C", Kind::Number),
    ];
    let mut table = Table::new("", "Half an hour under each strategy.", &columns).shown();
    for it in all {
        table.push([
            (&it.device).into(),
            (&it.model).into(),
            (&it.strategy).into(),
            it.first_ms().into(),
            it.last_ms().into(),
            it.slower().into(),
            it.throttled_from_s.into(),
            it.millijoules.into(),
            it.watts.into(),
            it.hottest_celsius.into(),
        ]);
    }
    table
}

fn by_minute(all: &[HalfHour]) -> Table {
    let columns = [
        ("device", "", Kind::Text),
        ("model", "", Kind::Text),
        ("strategy", "", Kind::Text),
        ("minute", "", Kind::Count),
        ("latency_p50", "ms", Kind::Number),
    ];
    let mut table = Table::new("by-minute", "Median latency of the requests that ended in each minute.", &columns);
    for it in all {
        for (minute, ms) in it.minutes.iter().enumerate() {
            table.push([(&it.device).into(), (&it.model).into(), (&it.strategy).into(), (minute + 1).into(), (*ms).into()]);
        }
    }
    table
}

fn figure(all: &[HalfHour], devices: &[&str]) -> Figure {
    let model = all.first().map_or("", |it| it.model.as_str());
    let panel = |(index, device): (usize, &&str)| {
        let of_device = all.iter().filter(|it| it.device == *device && it.model == model && !it.strategy.contains("objective"));
        let curve = |it: &HalfHour| {
            let point =
                |(minute, ms): (usize, &Option<f64>)| Some(CurvePoint { x: (minute + 1) as f64, y: (*ms)?, interval: None });
            Curve {
                name: it.strategy.clone(),
                points: it
                    .minutes
                    .iter()
                    .enumerate()
                    .filter(|(minute, _)| SHOWN.contains(&(minute + 1)))
                    .filter_map(point)
                    .collect(),
                steps: false,
            }
        };
        let lines = Lines {
            title: format!("Latency over half an hour on {device}"),
            across: "minute".to_owned(),
            quantity: "median latency, ms".to_owned(),
            curves: of_device.map(curve).collect(),
            logarithmic: true,
            logarithmic_across: false,
            from_zero: false,
            width: Width::Single,
        };
        let letter = char::from(b'a' + index as u8);
        Panel::new(format!("{letter}  {}", short(device)), Chart::Lines(lines))
    };
    let caption = "Median latency of face detection, under each strategy: each of the first minutes, then fewer.";
    Figure::grid("", caption, 2, devices.iter().enumerate().map(panel).collect())
}

fn say(all: &[HalfHour], devices: &[&str], data: &mut PartData) {
    let model = all.first().map_or("", |it| it.model.as_str()).to_owned();
    let best = |device: &str, ms: fn(&HalfHour) -> Option<f64>| {
        let of_device = all.iter().filter(|it| it.device == device && it.model == model && !it.strategy.starts_with("socrates"));
        of_device.filter_map(|it| Some((ms(it)?, it.strategy.as_str()))).min_by(|one, other| one.0.total_cmp(&other.0))
    };
    let mut flips = Vec::new();
    for device in devices {
        if let (Some((_, first)), Some((_, last))) = (best(device, HalfHour::first_ms), best(device, HalfHour::last_ms))
            && first != last
        {
            flips.push(format!("{device} (`{first}`, then `{last}`)"));
        }
    }
    let told = if flips.is_empty() { "no phone".to_owned() } else { flips.join(", ") };
    data.findings.push(format!(
        "The published strategy that is fastest in the first minute is no longer so in the thirtieth on {} of {} phones: {told}.",
        flips.len(),
        devices.len()
    ));
    let spread = |strategy: &str| {
        let all: Vec<f64> =
            all.iter().filter(|it| it.strategy == strategy && it.model == model).filter_map(HalfHour::slower).collect();
        let least = all.iter().copied().min_by(f64::total_cmp)?;
        Some((least, all.iter().copied().max_by(f64::total_cmp)?))
    };
    let told = |strategy: &str| spread(strategy).map_or_else(|| "–".to_owned(), |(low, high)| format!("{low:.2} to {high:.2}"));
    data.findings.push(format!(
        "Minute 30 over minute 1: `cpu` {}, `gpu[fallback=operator]` {}, `codl[sync_us=auto]` {}, `socrates` {}, `socrates[objective=energy]` {}.",
        told("cpu"),
        told("gpu[fallback=operator]"),
        told("codl[sync_us=auto]"),
        told("socrates"),
        told("socrates[objective=energy]"),
    ));
    let find =
        |device: &str, strategy: &str| all.iter().find(|it| it.device == device && it.strategy == strategy && it.model == model);
    let gains: Vec<(f64, &str)> = devices
        .iter()
        .filter_map(|&device| {
            Some((find(device, "socrates")?.last_ms()? / find(device, "socrates[adapt=off]")?.last_ms()? - 1.0, device))
        })
        .collect();
    let told: Vec<String> = gains.iter().map(|(gain, device)| format!("{device} {}", signed_percent(*gain))).collect();
    data.findings.push(format!("Minute 30 of `socrates` with adaptation against without: {}.", told.join(", ")));
}

#[cfg(test)]
mod tests {
    use sim::identifiers::{ModelId, RequestId, StreamId};
    use sim::record::RequestRecord;

    use super::*;

    #[test]
    fn a_request_counts_in_the_minute_in_which_it_ends() {
        let request = |arrived_s: u64, ended_s: u64, outcome| {
            Record::Request(RequestRecord {
                request: RequestId(0),
                stream: StreamId(0),
                model: ModelId(0),
                arrived_ns: arrived_s * 1_000_000_000,
                ended_ns: ended_s * 1_000_000_000,
                deadline_ns: None,
                outcome,
            })
        };
        let records = [
            request(0, 10, Ended::Completed),
            request(10, 59, Ended::Completed),
            request(59, 60, Ended::Completed),
            request(61, 62, Ended::Dropped),
            request(1799, 1800, Ended::Completed),
        ];
        let minutes = minutes(&records);
        assert_eq!(minutes.len(), MINUTES);
        assert_eq!(minutes[..2], [Some(29_500.0), Some(1_000.0)]);
        assert!(minutes[2..].iter().all(Option::is_none), "the horizon belongs to no minute");
    }
}
