//! Table 4: energy and memory under each strategy.

use sim::metrics::Report;

use crate::parts::common::{distinct, geometric_mean, listed, percent};
use crate::{
    Alternative, Chart, Context, Determinism, Figure, Kind, Outcome, Panel, Pareto, Part, PartData, StudyError, Support, Table,
    Verdict, Width, median_ms,
};

pub(crate) const PART: Part = Part {
    name: "table4",
    title: "energy and peak memory under each strategy",
    determinism: Determinism::Deterministic,
    scenarios: &["study-table4"],
    make,
};

/// A figure of a report.
type Measure = fn(&Report) -> Option<f64>;

const GPU: &str = "gpu[fallback=operator]";
const CHAINED: &str = "codl[sync_us=auto]";
const UNCHAINED: &str = "codl[sync_us=auto, chains=off]";
const SHARING: [&str; 3] = ["split", "mulayer", "codl[sync_us=auto]"];

fn energy_j(report: &Report) -> Option<f64> {
    report.device.as_ref()?.energy.as_ref()?.models.first()?.per_inference_j
}

fn power_w(report: &Report) -> Option<f64> {
    report.device.as_ref()?.energy.as_ref()?.mean_power_w
}

fn memory_mb(report: &Report) -> Option<f64> {
    report.peak_memory_bytes.map(|bytes| bytes as f64 * 1e-6)
}

fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let scenario = context.scenario("study-table4")?;
    let replicates = scenario.replicates;
    let outcomes = context.run(vec![scenario])?;
    let caption = format!(
        "Latency, power, energy and peak memory on the Redmi K30 Pro (Snapdragon 865), one inference at a time: means of {replicates} replicates of 10 requests, seed 0, \
         intervals in `table4.csv`. Energy is of the whole phone while it infers; where its power comes from is in table 2. Memory is weights and arenas, as planned."
    );
    let (findings, verdicts) = judged(&outcomes);
    Ok(PartData {
        caption,
        tables: vec![shown(&outcomes), exact(&outcomes)],
        figures: vec![figure(&outcomes)],
        findings,
        verdicts,
    })
}

fn shown(outcomes: &[Outcome]) -> Table {
    let columns = [
        ("model", "", Kind::Text),
        ("strategy", "", Kind::Text),
        ("latency", "ms", Kind::Number),
        ("power", "W", Kind::Number),
        ("energy", "J", Kind::Number),
        ("energy_over_GPU", "", Kind::Number),
        ("peak_memory", "MB", Kind::Number),
    ];
    let mut table = Table::new("means", "Latency, power, energy and memory of an inference.", &columns).shown();
    for outcome in outcomes {
        let of_gpu = of(outcomes, &outcome.case, GPU, energy_j);
        let energy = outcome.figure(energy_j).mean;
        table.push([
            (&outcome.case).into(),
            (&outcome.strategy).into(),
            outcome.figure(median_ms).mean.into(),
            outcome.figure(power_w).mean.into(),
            energy.into(),
            energy.zip(of_gpu).map(|(one, other)| one / other).into(),
            outcome.figure(memory_mb).mean.into(),
        ]);
    }
    table
}

fn exact(outcomes: &[Outcome]) -> Table {
    let columns = [
        ("model", "", Kind::Text),
        ("strategy", "", Kind::Text),
        ("figure", "", Kind::Text),
        ("mean", "", Kind::Number),
        ("low", "", Kind::Number),
        ("high", "", Kind::Number),
    ];
    let mut table = Table::new("", "Every figure with its 95 % interval.", &columns);
    let figures: [(&str, Measure); 4] =
        [("latency_p50_ms", median_ms), ("power_w", power_w), ("energy_j", energy_j), ("peak_memory_mb", memory_mb)];
    for outcome in outcomes {
        for (name, figure) in figures {
            let interval = outcome.figure(figure);
            let (mean, low, high) = (interval.mean.into(), interval.low.into(), interval.high.into());
            table.push([(&outcome.case).into(), (&outcome.strategy).into(), name.into(), mean, low, high]);
        }
    }
    table
}

fn figure(outcomes: &[Outcome]) -> Figure {
    let models = distinct(outcomes.iter().map(|outcome| &outcome.case));
    let panel = |model: &String, up: &str, value: Measure| {
        let alternative = |outcome: &'_ Outcome| {
            let (x, y) = (outcome.figure(median_ms).mean?, outcome.figure(value).mean?);
            Some(Alternative { label: outcome.strategy.clone(), group: outcome.strategy.clone(), x, y })
        };
        let chart = Pareto {
            title: format!("{model}: latency and {up}"),
            across: "median latency, ms".to_owned(),
            up: up.to_owned(),
            alternatives: outcomes.iter().filter(|it| it.case == *model).filter_map(alternative).collect(),
            logarithmic: true,
            width: Width::Single,
        };
        Panel::new(model.as_str(), Chart::Pareto(chart))
    };
    let panels = models
        .iter()
        .flat_map(|model| [panel(model, "energy of an inference, J", energy_j), panel(model, "peak memory, MB", memory_mb)])
        .collect();
    Figure::grid("", "Energy of an inference and peak memory against latency, by strategy and model.", 2, panels)
}

fn of(outcomes: &[Outcome], model: &str, strategy: &str, figure: Measure) -> Option<f64> {
    outcomes.iter().find(|it| it.case == model && it.strategy == strategy)?.figure(figure).mean
}

fn judged(outcomes: &[Outcome]) -> (Vec<String>, Vec<Verdict>) {
    let models = distinct(outcomes.iter().map(|outcome| &outcome.case));
    let (mut faster, mut hungrier, mut dearer, mut larger) = (0, 0, 0, 0);
    let (mut powers, mut energies, mut memories) = (Vec::new(), Vec::new(), Vec::new());
    for model in &models {
        for strategy in SHARING {
            let ratio = |figure: Measure| Some(of(outcomes, model, strategy, figure)? / of(outcomes, model, GPU, figure)?);
            let Some(((latency, power), (energy, memory))) =
                ratio(median_ms).zip(ratio(power_w)).zip(ratio(energy_j).zip(ratio(memory_mb)))
            else {
                continue;
            };
            if latency > 0.99 {
                continue;
            }
            faster += 1;
            hungrier += usize::from(power > 1.01);
            dearer += usize::from(energy > 1.01);
            larger += usize::from(memory > 1.001);
            powers.push(power);
            energies.push(energy);
            memories.push(memory);
        }
    }
    let mean = |ratios: &[f64]| geometric_mean(ratios).unwrap_or(1.0);
    let least_energy = models.iter().filter(|model| {
        let energies = outcomes
            .iter()
            .filter(|it| it.case == **model)
            .filter_map(|it| Some((it.figure(energy_j).mean?, it.figure(median_ms).mean?)));
        let all: Vec<(f64, f64)> = energies.collect();
        let cheapest = all.iter().min_by(|one, other| one.0.total_cmp(&other.0));
        let fastest = all.iter().min_by(|one, other| one.1.total_cmp(&other.1));
        cheapest.zip(fastest).is_some_and(|(cheapest, fastest)| cheapest.0 < fastest.0 * 0.99)
    });
    let differ = least_energy.count();
    let mut findings = vec![
        format!(
            "Sharing operators is faster than the GPU alone in {faster} of {} cases; there it draws {:.2} times the power, takes {:.2} times the energy and {:.2} times the memory \
             (geometric means).",
            models.len() * SHARING.len(),
            mean(&powers),
            mean(&energies),
            mean(&memories),
        ),
        format!("The fastest strategy is not the one of least energy for {differ} of {} models.", models.len()),
    ];
    let chains = chains(outcomes, &models);
    findings.push(chains.0);
    findings.push(reuse(outcomes).0);
    let because = format!(
        "where sharing is faster ({faster} cases) power rises in {hungrier}, memory in {larger}, energy in {dearer}; power {:.2} times, energy {:.2} times that of the GPU",
        mean(&powers),
        mean(&energies),
    );
    let verdict = Verdict::new("H6", Support::of(hungrier.min(larger), faster), because);
    (findings, vec![reuse(outcomes).1, verdict, chains.1])
}

/// What keeping data where they are is worth, beside sharing operators.
fn chains(outcomes: &[Outcome], models: &[String]) -> (String, Verdict) {
    let (mut as_much, mut words) = (0, Vec::new());
    for model in models {
        let ms = |strategy: &str| of(outcomes, model, strategy, median_ms);
        let Some(((gpu, alone), with)) = ms(GPU).zip(ms(UNCHAINED)).zip(ms(CHAINED)) else { continue };
        let (by_sharing, by_chains) = (1.0 - alone / gpu, 1.0 - with / alone);
        as_much += usize::from(by_chains > 0.01 && by_chains >= 0.8 * by_sharing);
        words.push(format!("{model} {:.0} and {:.0} %", 100.0 * by_sharing, 100.0 * by_chains));
    }
    let because = format!("sharing operators one by one, and then chaining them, take off: {}", listed(&words));
    let finding = format!("Of the latency on the GPU, {because}.");
    (finding, Verdict::new("H8", Support::of(as_much, words.len()), because))
}

/// What the reuse of buffers saves.
fn reuse(outcomes: &[Outcome]) -> (String, Verdict) {
    let memories = outcomes.iter().filter_map(|outcome| outcome.report()?.models.first()?.memory);
    let arenas = memories.filter(|memory| memory.separate_bytes > 0);
    let ratios: Vec<f64> = arenas.map(|memory| memory.arena_bytes as f64 / memory.separate_bytes as f64).collect();
    let mean = geometric_mean(&ratios).unwrap_or(1.0);
    let because = format!("buffers that are used again take {} of the memory of buffers of their own", percent(mean));
    let support = if mean < 0.9 { Support::Supported } else { Support::NotSupported };
    (format!("In an arena {because} (geometric mean over models and strategies)."), Verdict::new("F5", support, because))
}
