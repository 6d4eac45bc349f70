//! Latency, energy and memory: what no other alternative beats in one without being worse in another.

use scenarios::profile::ProcessorKind;
use scenarios::{Profile, Reference};

use super::device::{PHONES, on};
use super::signed_percent;
use crate::parts::common::short;
use crate::{Alternative, Chart, Context, Figure, Kind, Panel, Pareto, PartData, StudyError, Support, Table, Verdict, Width};

/// Phones taken if not all that say what they draw are.
const DEVICES: [&str; 2] = ["pixel4", "xiaomi9_sd855"];

/// A way to run a model.
#[derive(Clone, Debug, PartialEq)]
struct Way {
    device: String,
    model: String,
    strategy: String,
    /// Milliseconds, millijoules, megabytes.
    costs: [f64; 3],
    /// Millijoules beyond what the phone draws anyway.
    added_mj: f64,
}

/// To a millionth: what differs by less differs by the order of additions.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() * 1e-6
}

/// Whether one is no worse in any cost, and better in one.
fn dominates(one: &[f64; 3], other: &[f64; 3]) -> bool {
    let no_worse = one.iter().zip(other).all(|(one, other)| one <= other);
    no_worse && one.iter().zip(other).any(|(one, other)| one < other)
}

fn are_equal(one: &[f64; 3], other: &[f64; 3]) -> bool {
    one.iter().zip(other).all(|(one, other)| one.total_cmp(other).is_eq())
}

/// Which of some costs no other dominates.
fn front(costs: &[[f64; 3]]) -> Vec<bool> {
    costs.iter().map(|one| !costs.iter().any(|other| dominates(other, one))).collect()
}

pub(super) fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let scenario = context.scenario("study-tradeoffs")?;
    let mut devices: Vec<&str> = DEVICES.to_vec();
    if context.full {
        devices.clear();
        for device in PHONES {
            if Profile::open(&Reference::BuiltIn(device.to_owned()))?.value.power.is_some() {
                devices.push(device);
            }
        }
    }
    let mut scenarios = Vec::new();
    for device in &devices {
        let mut moved = on(&scenario, device)?;
        let profile = Profile::open(&moved.device)?.value;
        let is_cpu = |name: &String| profile.processors.iter().any(|it| it.name == *name && it.kind == ProcessorKind::Cpu);
        let workers = profile.workers.iter().filter(|worker| worker.cores.keys().all(is_cpu));
        let named: Vec<String> = workers.map(|worker| format!("cpu[worker={}]", worker.name)).collect();
        if named.len() > 1 {
            moved.strategies.splice(0..1, named);
        }
        scenarios.push(moved);
    }
    let mut ways = Vec::new();
    for outcome in context.run(scenarios)? {
        let Some(report) = outcome.report() else { continue };
        let energy = report.device.as_ref().and_then(|device| device.energy.as_ref());
        let model = energy.and_then(|energy| energy.models.first());
        let (Some(ms), Some(model), Some(bytes)) = (crate::median_ms(report), model, report.peak_memory_bytes) else { continue };
        let Some(joules) = model.per_inference_j else { continue };
        let added_j = (model.active_j + model.memory_j) / report.requests.completed.max(1) as f64;
        let costs = [ms, joules * 1e3, bytes as f64 * 1e-6].map(rounded);
        ways.push(Way {
            device: outcome.device.clone(),
            model: outcome.case.clone(),
            strategy: outcome.strategy.clone(),
            costs,
            added_mj: rounded(added_j * 1e3),
        });
    }
    let mut data = PartData {
        caption: format!(
            "Latency, energy and peak memory of an inference on {}: the published strategies, each CPU worker alone, `socrates` for latency and for energy. One request at a \
             time, without errors of the cost models. Energy holds the base power of the phone while a request is in flight; powers are fitted and partly assumed.",
            devices.iter().map(|device| short(device)).collect::<Vec<_>>().join(" and "),
        ),
        tables: vec![table(&ways)],
        figures: vec![
            figure(&ways, 1, "", "energy of an inference, mJ", "Latency against energy; steps join what is not beaten in both."),
            figure(
                &ways,
                2,
                "memory",
                "peak memory, MB",
                "Latency against peak memory, weights included; steps join what is not beaten in both.",
            ),
        ],
        ..PartData::default()
    };
    say(&ways, &mut data);
    Ok(data)
}

/// Ways by device and model, in their order.
fn cases(ways: &[Way]) -> Vec<&[Way]> {
    ways.chunk_by(|one, other| one.device == other.device && one.model == other.model).collect()
}

fn table(ways: &[Way]) -> Table {
    let columns = [
        ("device", "", Kind::Text),
        ("model", "", Kind::Text),
        ("strategy", "", Kind::Text),
        ("latency", "ms", Kind::Number),
        ("energy", "mJ", Kind::Number),
        ("memory", "MB", Kind::Number),
        ("added_energy", "mJ", Kind::Number),
        ("not_beaten", "", Kind::Flag),
    ];
    let mut table = Table::new(
        "",
        "Costs of each way to run a model; not beaten: no other is at least as good in all three and better in one.",
        &columns,
    );
    for case in cases(ways) {
        let costs: Vec<[f64; 3]> = case.iter().map(|way| way.costs).collect();
        for (way, is_on_front) in case.iter().zip(front(&costs)) {
            let [ms, mj, mb] = way.costs;
            table.push([
                (&way.device).into(),
                (&way.model).into(),
                (&way.strategy).into(),
                ms.into(),
                mj.into(),
                mb.into(),
                way.added_mj.into(),
                is_on_front.into(),
            ]);
        }
    }
    table
}

fn figure(ways: &[Way], cost: usize, name: &str, unit: &str, caption: &str) -> Figure {
    let panel = |(number, case): (usize, &[Way])| {
        let group = |strategy: &str| if strategy.starts_with("cpu[") { "cpu".to_owned() } else { strategy.to_owned() };
        let label = |strategy: &str| {
            strategy.strip_prefix("cpu[worker=").map_or_else(|| strategy.to_owned(), |rest| rest.trim_end_matches(']').to_owned())
        };
        // Ways of equal costs are one point: it bears the simplest name.
        let mut shown: Vec<&Way> = Vec::new();
        for way in case {
            if !shown.iter().any(|known| are_equal(&known.costs, &way.costs)) {
                shown.push(way);
            }
        }
        let alternative = |way: &&Way| Alternative {
            label: label(&way.strategy),
            group: group(&way.strategy),
            x: way.costs[0],
            y: way.costs[cost],
        };
        let chart = Pareto {
            title: format!("Latency against {unit}: {} on {}", case[0].model, case[0].device),
            across: "latency, ms".to_owned(),
            up: unit.to_owned(),
            alternatives: shown.iter().map(alternative).collect(),
            logarithmic: true,
            width: Width::Single,
        };
        let letter = char::from(b'a' + number as u8);
        Panel::new(format!("{letter}  {}, {}", case[0].model, short(&case[0].device)), Chart::Pareto(chart))
    };
    Figure::grid(name, caption, 2, cases(ways).into_iter().enumerate().map(panel).collect())
}

fn say(ways: &[Way], data: &mut PartData) {
    let cases = cases(ways);
    let mut counts: Vec<usize> = Vec::new();
    let mut single = 0;
    for case in &cases {
        let costs: Vec<[f64; 3]> = case.iter().map(|way| way.costs).collect();
        let mut kept: Vec<[f64; 3]> =
            costs.iter().zip(front(&costs)).filter(|(_, kept)| *kept).map(|(costs, _)| *costs).collect();
        kept.sort_by(|one, other| one[0].total_cmp(&other[0]));
        kept.dedup_by(|one, other| are_equal(one, other));
        single += usize::from(kept.len() == 1);
        counts.push(kept.len());
    }
    data.findings.push(format!(
        "Between {} and {} ways are not beaten in all three costs together; in {single} of {} cases one way is best in all.",
        counts.iter().min().unwrap_or(&0),
        counts.iter().max().unwrap_or(&0),
        cases.len()
    ));
    let find = |case: &[Way], strategy: &str| case.iter().find(|way| way.strategy == strategy).map(|way| way.costs);
    let mut shared = Vec::new();
    for case in &cases {
        let Some(gpu) = find(case, "gpu[fallback=operator]") else { continue };
        let Some(codl) = find(case, "codl[sync_us=auto]").filter(|codl| codl[0] < gpu[0] * 0.98) else { continue };
        let change = |index: usize| codl[index] / gpu[index] - 1.0;
        shared.push((change(0), change(1), change(2), (codl[1] / codl[0]) / (gpu[1] / gpu[0]) - 1.0, &case[0]));
    }
    let more_energy = shared.iter().filter(|it| it.1 > 0.0).count();
    let more_memory = shared.iter().filter(|it| it.2 > 0.0).count();
    let more_power = shared.iter().filter(|it| it.3 > 0.0).count();
    let told: Vec<String> = shared
        .iter()
        .map(|(ms, mj, mb, mw, way)| {
            format!(
                "{} on {}: latency {}, power {}, energy {}, memory {}",
                way.model,
                way.device,
                signed_percent(*ms),
                signed_percent(*mw),
                signed_percent(*mj),
                signed_percent(*mb)
            )
        })
        .collect();
    if !told.is_empty() {
        data.findings.push(format!("Where CoDL's sharing is faster than the GPU, it costs: {}.", told.join("; ")));
        let support = Support::of(more_power + more_memory, 2 * shared.len());
        let because = format!(
            "where sharing is faster, power is higher in {more_power}, memory in {more_memory} and energy in {more_energy} of {} cases",
            shared.len()
        );
        data.verdicts.push(Verdict::new("H6", support, because));
    }
    let frugal: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let find = |strategy: &str| case.iter().find(|way| way.strategy == strategy);
            let (fast, frugal) = (find("socrates")?, find("socrates[objective=energy]")?);
            let added = signed_percent(frugal.added_mj / fast.added_mj - 1.0);
            let (all, ms) = (frugal.costs[1] / fast.costs[1] - 1.0, frugal.costs[0] / fast.costs[0] - 1.0);
            let (all, ms) = (signed_percent(all), signed_percent(ms));
            Some(format!("{} on {}: {added} ({all} with base power), latency {ms}", case[0].model, case[0].device))
        })
        .collect();
    data.findings.push(format!(
        "`socrates` asked for energy instead of latency minimises what an inference adds to what the phone draws anyway; charged with the phone's base \
         power while it runs, a slow plan can cost more: {}.",
        frugal.join("; ")
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dominated_is_so_by_brute_force() {
        // A lattice of costs, all triples of 0..4 in an order that mixes them.
        let all: Vec<[f64; 3]> =
            (0..64_u32).map(|index| index * 37 % 64).map(|it| [it % 4, it / 4 % 4, it / 16].map(f64::from)).collect();
        for begin in 0..all.len() {
            let some: Vec<[f64; 3]> = all.iter().copied().cycle().skip(begin).step_by(5).take(9).collect();
            for (index, is_on_front) in front(&some).into_iter().enumerate() {
                let beaten = some.iter().any(|other| {
                    let pairs = || other.iter().zip(&some[index]);
                    pairs().all(|(other, own)| other <= own) && pairs().any(|(other, own)| other < own)
                });
                assert_eq!(is_on_front, !beaten, "{:?} in {some:?}", some[index]);
            }
        }
    }

    #[test]
    fn equals_do_not_beat_each_other() {
        assert_eq!(front(&[[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 2.0, 4.0]]), [true, true, false]);
    }
}
