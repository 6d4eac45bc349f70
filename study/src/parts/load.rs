//! Table 3: latency while others use the processors and the memory.

use crate::parts::common::{bar, distinct, geometric_mean, listed};
use crate::{
    Bars, Chart, Context, Determinism, Figure, Kind, Outcome, Panel, Part, PartData, StudyError, Support, Table, Value, Verdict,
    Width, median_ms,
};

pub(crate) const PART: Part = Part {
    name: "table3",
    title: "latency under load on CPU and GPU and pressure on memory",
    determinism: Determinism::Deterministic,
    scenarios: &["study-table3-idle", "study-table3-cpu", "study-table3-gpu", "study-table3-memory"],
    make,
};

/// What the device is like, in the order of the scenarios.
const CONTEXTS: [&str; 4] = ["idle", "CPU load", "GPU load", "memory pressure"];

const SOLO: [&str; 2] = ["cpu", "gpu[fallback=operator]"];
/// Strategies that share operators by a plan that stays.
const FIXED: [&str; 4] = ["split", "mulayer", "codl[sync_us=auto]", "socrates[adapt=off]"];
const ADAPTING: &str = "socrates";

/// Median latencies by context.
struct Row<'a> {
    model: &'a str,
    strategy: &'a str,
    outcomes: Vec<&'a Outcome>,
}

impl Row<'_> {
    fn ms(&self, context: usize) -> Option<f64> {
        self.outcomes.get(context)?.figure(median_ms).mean
    }
}

fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let scenarios: Result<Vec<_>, StudyError> = PART.scenarios.iter().map(|name| context.scenario(name)).collect();
    let scenarios = scenarios?;
    let replicates = scenarios.first().map_or(0, |scenario| scenario.replicates);
    let outcomes = context.run(scenarios)?;
    let first = || outcomes.iter().filter(|it| it.scenario == 0);
    let of = |outcome: &'_ Outcome| -> Vec<usize> {
        let same = |(index, it): (usize, &Outcome)| (it.case == outcome.case && it.strategy == outcome.strategy).then_some(index);
        outcomes.iter().enumerate().filter_map(same).collect()
    };
    let rows: Vec<Row<'_>> = first()
        .map(|it| Row {
            model: &it.case,
            strategy: &it.strategy,
            outcomes: of(it).into_iter().map(|index| &outcomes[index]).collect(),
        })
        .collect();
    let caption = format!(
        "Median latency on the Redmi K30 Pro (Snapdragon 865) while it is idle; with three busy threads on each large and medium core; with half of the GPU taken by \
         others; and with others that read and write 30 GB a second of 38.7. Means of {replicates} replicates of 20 requests, seed 0, with half the width of \
         the 95 % interval in `table3.csv`."
    );
    let (findings, verdicts) = judged(&rows);
    let table = table(&rows);
    Ok(PartData { caption, tables: vec![table], figures: vec![figure(&rows)], findings, verdicts })
}

fn table(rows: &[Row<'_>]) -> Table {
    let columns = [
        ("model", "", Kind::Text),
        ("strategy", "", Kind::Text),
        ("idle", "ms", Kind::Number),
        ("idle_plus_minus", "ms", Kind::Number),
        ("CPU_load", "ms", Kind::Number),
        ("CPU_load_plus_minus", "ms", Kind::Number),
        ("GPU_load", "ms", Kind::Number),
        ("GPU_load_plus_minus", "ms", Kind::Number),
        ("memory_pressure", "ms", Kind::Number),
        ("memory_pressure_plus_minus", "ms", Kind::Number),
    ];
    let mut table = Table::new("", "Median latency by context.", &columns).shown();
    for row in rows {
        let mut values: Vec<Value> = vec![row.model.into(), row.strategy.into()];
        for context in 0..CONTEXTS.len() {
            let interval = row.outcomes.get(context).map(|it| it.figure(median_ms));
            values.push(interval.and_then(|it| it.mean).into());
            values.push(interval.and_then(|it| it.half_width()).into());
        }
        table.push(values);
    }
    table
}

fn figure(rows: &[Row<'_>]) -> Figure {
    let models = distinct(rows.iter().map(|row| row.model.to_owned()).collect::<Vec<_>>().iter());
    let panel = |model: &String| {
        let of: Vec<&Row<'_>> = rows.iter().filter(|row| row.model == *model).collect();
        let bars = |context: usize| of.iter().map(|row| bar(&row.outcomes.get(context)?.figure(median_ms))).collect();
        let chart = Bars {
            title: format!("Latency of {model} by context"),
            quantity: "median latency, ms".to_owned(),
            places: CONTEXTS.map(str::to_owned).to_vec(),
            series: of.iter().map(|row| row.strategy.to_owned()).collect(),
            bars: (0..CONTEXTS.len()).map(bars).collect(),
            logarithmic: true,
            width: Width::Double,
            aspect: 0.22,
            ..Bars::default()
        };
        Panel::new(model.as_str(), Chart::Bars(chart))
    };
    Figure::grid(
        "",
        "Median latency under load, by strategy and model, with 95 % intervals.",
        1,
        models.iter().map(panel).collect(),
    )
}

fn judged(rows: &[Row<'_>]) -> (Vec<String>, Vec<Verdict>) {
    let models = distinct(rows.iter().map(|row| row.model.to_owned()).collect::<Vec<_>>().iter());
    let ms = |model: &str, strategy: &str, context: usize| {
        rows.iter().find(|row| row.model == model && row.strategy == strategy).and_then(|row| row.ms(context))
    };
    let least = |model: &str, strategies: &[&str], context: usize| {
        strategies.iter().filter_map(|strategy| ms(model, strategy, context)).min_by(f64::total_cmp)
    };
    let best = |model: &str, context: usize| {
        let of = rows.iter().filter(|row| row.model == model).filter_map(|row| Some((row.ms(context)?, row.strategy)));
        of.min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, strategy)| strategy.to_owned())
    };
    let changed = models.iter().filter(|model| (1..CONTEXTS.len()).any(|context| best(model, context) != best(model, 0))).count();
    // Of sharing plans that stay: those that beat the best processor when idle, and lose to it under load.
    let (mut good, mut spoilt, mut lost, mut recovered) = (0, 0, Vec::new(), Vec::new());
    for model in &models {
        for strategy in FIXED {
            let (Some(idle), Some(solo)) = (ms(model, strategy, 0), least(model, &SOLO, 0)) else { continue };
            if idle > solo * 1.01 {
                continue;
            }
            good += 1;
            let ratio = |context: usize| Some(ms(model, strategy, context)? / least(model, &SOLO, context)?);
            let worst = [1, 2].into_iter().filter_map(ratio).max_by(f64::total_cmp).unwrap_or(1.0);
            spoilt += usize::from(worst > 1.01);
        }
        for context in [1, 2] {
            let solo = least(model, &SOLO, context);
            let (fixed, adapted) = (ms(model, "socrates[adapt=off]", context), ms(model, ADAPTING, context));
            let (Some(solo), Some(fixed), Some(adapted)) = (solo, fixed, adapted) else { continue };
            if fixed > solo * 1.01 {
                lost.push(fixed / solo);
                recovered.push(((fixed - adapted) / (fixed - solo)).min(1.0));
            }
        }
    }
    let recovered_mean = if recovered.is_empty() { 0.0 } else { recovered.iter().sum::<f64>() / recovered.len() as f64 };
    let memory: Vec<f64> = rows.iter().filter_map(|row| Some(row.ms(3)? / row.ms(0)?)).collect();
    let best_idle: Vec<String> = models.iter().filter_map(|model| Some(format!("{model} `{}`", best(model, 0)?))).collect();
    let findings = vec![
        format!(
            "Idle, the fastest are: {}. Under some load another strategy is fastest for {changed} of {} models.",
            listed(&best_idle),
            models.len()
        ),
        format!(
            "Of {good} plans that share operators and are level with the best processor or faster when idle, {spoilt} are slower than it under load on CPU or GPU."
        ),
        format!(
            "A plan of `socrates` that stays takes {:.2} times the best processor where load spoils it ({} cases, geometric mean); adapting wins back {:.0} % of that loss in the \
             median of requests.",
            geometric_mean(&lost).unwrap_or(1.0),
            lost.len(),
            100.0 * recovered_mean,
        ),
        format!(
            "Pressure on memory costs {:.2} times on average: these phones' kernels compute more than they move.",
            geometric_mean(&memory).unwrap_or(1.0)
        ),
    ];
    let verdicts = vec![
        Verdict::new(
            "H4",
            Support::of(spoilt, good),
            format!("{spoilt} of {good} shared plans that win or are level idle are slower than the best processor under load"),
        ),
        Verdict::new(
            "H5",
            if recovered_mean > 0.5 { Support::Supported } else { Support::of(usize::from(recovered_mean > 0.0), 2) },
            format!("adapting wins back {:.0} % of what load takes, mean of {} cases", 100.0 * recovered_mean, recovered.len()),
        ),
        Verdict::new(
            "F4",
            if recovered_mean > 0.5 { Support::Supported } else { Support::Partly },
            format!(
                "with latencies seen at run time {:.0} % of what load takes from a fixed plan is won back",
                100.0 * recovered_mean
            ),
        ),
    ];
    (findings, verdicts)
}
