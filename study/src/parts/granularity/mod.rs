//! Fig. 4: what scheduling by ever smaller pieces does.

mod together;

use sim::metrics::Report;

use self::together::throughput;
use crate::parts::common::{bar, distinct, find, listed};
use crate::{
    Bars, Chart, Context, Curve, CurvePoint, Determinism, Figure, Kind, Lines, Outcome, Panel, Part, PartData, StudyError,
    Support, Table, Verdict, Width, median_ms,
};

pub(crate) const PART: Part = Part {
    name: "fig4",
    title: "granularity of scheduling: models, sub-graphs, operators, parts of operators, tasks",
    determinism: Determinism::Deterministic,
    scenarios: &["study-fig4", "study-fig4-together"],
    make,
};

const WINDOW: &str = "adms[window=";

/// What a request cost on average.
fn each(report: &Report, sum: u64) -> Option<f64> {
    (report.requests.completed > 0).then(|| sum as f64 / report.requests.completed as f64)
}

fn copies(report: &Report) -> Option<f64> {
    each(report, report.totals.copies)
}

fn copy_ms(report: &Report) -> Option<f64> {
    each(report, report.totals.copy_ns).map(|ns| ns * 1e-6)
}

fn decisions(report: &Report) -> Option<f64> {
    each(report, report.totals.decisions)
}

fn decision_us(report: &Report) -> Option<f64> {
    each(report, report.totals.decision_ns).map(|ns| ns * 1e-3)
}

fn invocations(report: &Report) -> Option<f64> {
    each(report, report.totals.invocations)
}

fn invocation_ms(report: &Report) -> Option<f64> {
    each(report, report.totals.invocation_ns).map(|ns| ns * 1e-6)
}

/// Level of a strategy, coarse to fine.
fn level(strategy: &str) -> &'static str {
    match strategy.split('[').next().unwrap_or_default() {
        "gpu" if strategy.contains("operator") => "operator",
        "cpu" | "gpu" => "model",
        "heft" => "operator",
        "split" | "codl" => "part of an operator",
        "adms" | "band" | "blastnet" => "sub-graph",
        "haxconn" | "puzzle" => "task",
        _ => "all",
    }
}

fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let alone = context.scenario("study-fig4")?;
    let together = context.scenario("study-fig4-together")?;
    let replicates = alone.replicates;
    let alone = context.run(vec![alone])?;
    let together = context.run(vec![together])?;
    let models = distinct(alone.iter().map(|outcome| &outcome.case));
    let caption = format!(
        "What is placed as one on the Pixel 4, one inference at a time of {} models: sub-graphs of at least so many operators (`adms`), and whole models, \
         operators and parts of operators; and four models at once. Means of {replicates} replicates, seed 0, with 95 % intervals. What deciding costs is charged \
         to the run; the time to plan beforehand is not (it is in `strategies.md`).",
        models.len(),
    );
    let (findings, verdicts) = judged(&alone, &together, &models);
    Ok(PartData {
        caption,
        tables: vec![table("", "One inference at a time.", &alone), together::tasks(&together)],
        figures: vec![windows(&alone, &models), levels(&alone, &models), together::at_once(&together)],
        findings,
        verdicts,
    })
}

/// The window of a strategy.
fn window(strategy: &str) -> Option<f64> {
    strategy.strip_prefix(WINDOW)?.strip_suffix(']')?.parse().ok()
}

fn windows(outcomes: &[Outcome], models: &[String]) -> Figure {
    let panel = |label: &str, quantity: &str, logarithmic: bool, value: &dyn Fn(&Outcome) -> results::Interval| {
        let curve = |model: &String| {
            let of_model = outcomes.iter().filter(|it| it.case == *model);
            let mut points: Vec<CurvePoint> = of_model
                .filter_map(|it| {
                    let (window, interval) = (window(&it.strategy)?, value(it));
                    Some(CurvePoint { x: window, y: interval.mean?, interval: interval.low.zip(interval.high) })
                })
                .collect();
            points.sort_by(|one, other| one.x.total_cmp(&other.x));
            Curve { name: model.clone(), points, steps: false }
        };
        let chart = Lines {
            title: quantity.to_owned(),
            across: "least operators in a sub-graph".to_owned(),
            quantity: quantity.to_owned(),
            curves: models.iter().map(curve).collect(),
            logarithmic,
            logarithmic_across: true,
            from_zero: !logarithmic,
            width: Width::Single,
        };
        Panel::new(label, Chart::Lines(chart))
    };
    let panels = vec![
        panel("a  latency", "median latency, ms", true, &|it| it.figure(median_ms)),
        panel("b  transfers", "copies an inference", false, &|it| it.figure(copies)),
        panel("c  entering processors", "time in invocations, ms", false, &|it| it.figure(invocation_ms)),
        panel("d  deciding", "decisions an inference", false, &|it| it.figure(decisions)),
    ];
    Figure::grid("", "Sub-graphs of at least so many operators under adms: latency, copies, invocations, decisions.", 2, panels)
}

/// The levels of one inference, each by the best strategy of it.
const LEVELS: [&str; 5] = ["model", "sub-graph", "operator", "part of an operator", "all"];

/// The least median latency of a level.
fn best_of<'a>(outcomes: &'a [Outcome], model: &str, wanted: &str) -> Option<&'a Outcome> {
    let of_level = outcomes.iter().filter(|it| it.case == model && level(&it.strategy) == wanted);
    let timed = of_level.filter_map(|it| Some((it.figure(median_ms).mean?, it)));
    timed.min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, it)| it)
}

fn levels(outcomes: &[Outcome], models: &[String]) -> Figure {
    let bars = |model: &String| {
        let of = |wanted: &&str| best_of(outcomes, model, wanted).and_then(|it| bar(&it.figure(median_ms)));
        LEVELS.iter().map(of).collect()
    };
    let chart = Bars {
        title: "Median latency by granularity".to_owned(),
        quantity: "median latency, ms".to_owned(),
        places: models.to_vec(),
        series: LEVELS.map(str::to_owned).to_vec(),
        bars: models.iter().map(bars).collect(),
        logarithmic: true,
        width: Width::Double,
        ..Bars::default()
    };
    Figure::of("levels", "Median latency by granularity, the best strategy of each level.", Chart::Bars(chart))
}

fn table(name: &str, caption: &str, outcomes: &[Outcome]) -> Table {
    let columns = [
        ("model", "", Kind::Text),
        ("level", "", Kind::Text),
        ("strategy", "", Kind::Text),
        ("latency_p50", "ms", Kind::Number),
        ("latency_p50_low", "ms", Kind::Number),
        ("latency_p50_high", "ms", Kind::Number),
        ("copies", "", Kind::Number),
        ("copying", "ms", Kind::Number),
        ("invocations", "", Kind::Number),
        ("entering", "ms", Kind::Number),
        ("decisions", "", Kind::Number),
        ("deciding", "us", Kind::Number),
    ];
    let mut table = Table::new(name, caption, &columns);
    for outcome in outcomes {
        let median = outcome.figure(median_ms);
        let mean = |figure: fn(&Report) -> Option<f64>| outcome.figure(figure).mean;
        table.push([
            (&outcome.case).into(),
            level(&outcome.strategy).into(),
            (&outcome.strategy).into(),
            median.mean.into(),
            median.low.into(),
            median.high.into(),
            mean(copies).into(),
            mean(copy_ms).into(),
            mean(invocations).into(),
            mean(invocation_ms).into(),
            mean(decisions).into(),
            mean(decision_us).into(),
        ]);
    }
    table
}

fn judged(alone: &[Outcome], together: &[Outcome], models: &[String]) -> (Vec<String>, Vec<Verdict>) {
    let mut best_windows = Vec::new();
    let (mut finest_worse, mut coarsest_worse) = (0, 0);
    for model in models {
        let mut of: Vec<(f64, f64)> = alone
            .iter()
            .filter(|it| it.case == *model)
            .filter_map(|it| Some((window(&it.strategy)?, it.figure(median_ms).mean?)))
            .collect();
        of.sort_by(|one, other| one.0.total_cmp(&other.0));
        let Some(least) = of.iter().map(|(_, ms)| *ms).min_by(f64::total_cmp) else { continue };
        // The largest window that is level with the best.
        let best = of.iter().rev().find(|(_, ms)| *ms <= least * 1.01).map_or(0.0, |(window, _)| *window);
        best_windows.push(format!("{best:.0} ({model})"));
        finest_worse += usize::from(of.first().is_some_and(|(_, ms)| *ms > least * 1.01));
        coarsest_worse += usize::from(of.last().is_some_and(|(_, ms)| *ms > least * 1.01));
    }
    let winner = |model: &String| {
        let of = |wanted: &&str| Some((best_of(alone, model, wanted)?.figure(median_ms).mean?, (*wanted).to_owned()));
        LEVELS[..4]
            .iter()
            .filter_map(of)
            .min_by(|one, other| one.0.total_cmp(&other.0))
            .map(|(_, level)| format!("{level} ({model})"))
    };
    let winners: Vec<String> = models.iter().filter_map(winner).collect();
    let copies_of = |window: &str, model: &String| {
        find(alone, "pixel4", model, &format!("{WINDOW}{window}]")).and_then(|it| it.figure(copies).mean).unwrap_or(0.0)
    };
    let (fine, coarse): (f64, f64) = models
        .iter()
        .map(|model| (copies_of("1", model), copies_of("10", model)))
        .fold((0.0, 0.0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    let mut findings = vec![
        format!("The largest least size of sub-graphs that is level with the best: {}.", listed(&best_windows)),
        format!(
            "Cutting as finely as possible loses in {finest_worse} of {} models, as coarsely as possible in {coarsest_worse}; from sub-graphs of ten operators to single \
             ones copies an inference rise from {:.1} to {:.1} on average.",
            models.len(),
            coarse / models.len().max(1) as f64,
            fine / models.len().max(1) as f64,
        ),
        format!("The level whose best strategy is fastest: {}.", listed(&winners)),
    ];
    let gains: Vec<(f64, &str)> = together.first().map_or_else(Vec::new, |first| {
        let of = |it: &'_ Outcome| results::Interval::of(&throughput(it, first)).mean;
        together.iter().filter_map(|it| Some((of(it)?, it.strategy.as_str()))).collect()
    });
    if let Some((gain, strategy)) = gains.iter().max_by(|one, other| one.0.total_cmp(&other.0)) {
        findings.push(format!(
            "With four models at once `{strategy}` does most: {gain:.2} times the inferences of everything on the GPU."
        ));
    }
    let different =
        distinct(winners.iter().map(|it| it.split(" (").next().unwrap_or_default().to_owned()).collect::<Vec<_>>().iter()).len();
    let verdict = Verdict::new(
        "F6",
        if different > 1 { Support::Supported } else { Support::Partly },
        format!(
            "of whole models, sub-graphs, operators and parts of operators, {different} different levels are fastest for some model"
        ),
    );
    (findings, vec![verdict])
}
