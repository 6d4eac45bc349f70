//! Fig. 5: what inference leaves of the GPU for the user interface.

use sim::metrics::Report;

use crate::parts::common::distinct;
use crate::{
    Chart, Context, Curve, CurvePoint, Determinism, Figure, Kind, Lines, Outcome, Panel, Part, PartData, StudyError, Support,
    Table, Verdict, median_ms,
};

pub(crate) const PART: Part = Part {
    name: "fig5",
    title: "GPU utilisation and responsiveness as inference takes more",
    determinism: Determinism::Deterministic,
    scenarios: &["study-fig5"],
    make,
};

const GPU: &str = "gpu[fallback=operator]";

fn of_interface(report: &Report, value: impl Fn(&sim::metrics::InterfaceReport) -> Option<f64>) -> Option<f64> {
    value(report.interface.as_ref()?)
}

fn drops(report: &Report) -> Option<f64> {
    of_interface(report, |it| it.drop_rate.map(|rate| 100.0 * rate))
}

fn jank(report: &Report) -> Option<f64> {
    of_interface(report, |it| it.jank_rate.map(|rate| 100.0 * rate))
}

fn frame_p95_ms(report: &Report) -> Option<f64> {
    of_interface(report, |it| it.frame_time.as_ref().map(|time| time.p95_ns * 1e-6))
}

/// Of the GPU, by requests and frames together.
fn gpu_percent(report: &Report) -> Option<f64> {
    of_interface(report, |it| Some(100.0 * (it.gpu_utilization? + it.gpu_utilization_of_requests?)))
}

fn served(report: &Report) -> Option<f64> {
    report.models.first()?.throughput_per_second
}

/// Requests a second of a case: `4/s`.
fn rate(case: &str) -> Option<f64> {
    case.strip_suffix("/s")?.parse().ok()
}

fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let scenario = context.scenario("study-fig5")?;
    let replicates = scenario.replicates;
    let outcomes = context.run(vec![scenario])?;
    let caption = format!(
        "Inception-v3 at rising Poisson rates beside a user interface at 60 Hz on the Pixel 4, frames and inference in one queue on the GPU: share of the GPU \
         taken, share of frames dropped, share of shown frames that were late, and 95th percentile of the frame time, by strategy. Means of {replicates} \
         replicates of 20 s, seed 0, bands 95 % intervals. Assumed: 40 % of a frame's time is the GPU's."
    );
    let (findings, verdicts) = judged(&outcomes);
    Ok(PartData { caption, tables: vec![table(&outcomes)], figures: vec![figure(&outcomes)], findings, verdicts })
}

fn figure(outcomes: &[Outcome]) -> Figure {
    let strategies = distinct(outcomes.iter().map(|outcome| &outcome.strategy));
    let panel = |label: &str, quantity: &str, logarithmic: bool, value: fn(&Report) -> Option<f64>| {
        let curve = |strategy: &String| {
            let of = outcomes.iter().filter(|it| it.strategy == *strategy);
            let points = of.filter_map(|it| {
                let interval = it.figure(value);
                // Shares are not below 0, whatever Student's interval says.
                let ends = interval.low.zip(interval.high).map(|(low, high)| (low.max(0.0), high));
                Some(CurvePoint { x: rate(&it.case)?, y: interval.mean?, interval: if logarithmic { None } else { ends } })
            });
            Curve { name: strategy.clone(), points: points.collect(), steps: false }
        };
        let chart = Lines {
            title: quantity.to_owned(),
            across: "requests a second".to_owned(),
            quantity: quantity.to_owned(),
            curves: strategies.iter().map(curve).collect(),
            logarithmic,
            from_zero: !logarithmic,
            ..Lines::default()
        };
        Panel::new(label, Chart::Lines(chart))
    };
    let panels = vec![
        panel("a  GPU", "GPU taken, %", false, gpu_percent),
        panel("b  frames dropped", "frames dropped, %", false, drops),
        panel("c  late frames", "shown frames that were late, %", false, jank),
        panel("d  frame time", "95th percentile of frame time, ms", true, frame_p95_ms),
        panel("e  latency", "median latency of inference, ms", true, median_ms),
        panel("f  service", "inferences a second", false, served),
    ];
    let caption =
        "GPU utilisation, dropped and late frames, frame time, latency and throughput against requests a second, by strategy.";
    Figure::grid("", caption, 2, panels)
}

fn table(outcomes: &[Outcome]) -> Table {
    let columns = [
        ("requests_per_second", "", Kind::Number),
        ("strategy", "", Kind::Text),
        ("gpu", "%", Kind::Number),
        ("dropped", "%", Kind::Number),
        ("dropped_low", "%", Kind::Number),
        ("dropped_high", "%", Kind::Number),
        ("late", "%", Kind::Number),
        ("frame_time_p95", "ms", Kind::Number),
        ("latency_p50", "ms", Kind::Number),
        ("served", "1/s", Kind::Number),
    ];
    let mut table = Table::new("", "The user interface beside inference.", &columns);
    for outcome in outcomes {
        let dropped = outcome.figure(drops);
        table.push([
            rate(&outcome.case).into(),
            (&outcome.strategy).into(),
            outcome.figure(gpu_percent).mean.into(),
            dropped.mean.into(),
            dropped.low.into(),
            dropped.high.into(),
            outcome.figure(jank).mean.into(),
            outcome.figure(frame_p95_ms).mean.into(),
            outcome.figure(median_ms).mean.into(),
            outcome.figure(served).mean.into(),
        ]);
    }
    table
}

fn judged(outcomes: &[Outcome]) -> (Vec<String>, Vec<Verdict>) {
    let of = |strategy: &str, case: &str, value: fn(&Report) -> Option<f64>| {
        let found = outcomes.iter().find(|it| it.strategy == strategy && it.case == case);
        found.and_then(|it| it.figure(value).mean).unwrap_or(0.0)
    };
    let cases = distinct(outcomes.iter().map(|outcome| &outcome.case));
    let (Some(first), Some(last)) = (cases.first(), cases.last()) else { return (Vec::new(), Vec::new()) };
    let more = cases.iter().filter(|case| of(GPU, case, drops) > of("cpu", case, drops)).count();
    let findings = vec![
        format!(
            "Under `{GPU}` frames dropped rise from {:.1} % at {first} to {:.1} % at {last}, with the GPU {:.0} % and {:.0} % taken; on the CPU they stay at {:.1} to {:.1} %.",
            of(GPU, first, drops),
            of(GPU, last, drops),
            of(GPU, first, gpu_percent),
            of(GPU, last, gpu_percent),
            of("cpu", first, drops),
            of("cpu", last, drops),
        ),
        format!(
            "The price of the CPU: at {last} it serves {:.1} inferences a second, `{GPU}` {:.1}, `heft` {:.1}, `socrates` {:.1}.",
            of("cpu", last, served),
            of(GPU, last, served),
            of("heft", last, served),
            of("socrates", last, served),
        ),
        format!(
            "The GPU's utilisation alone does not say how the interface fares: at {last} `{GPU}` and `heft` take {:.0} and {:.0} % of it and drop {:.1} and {:.1} % of the frames, \
             because pieces of a model let frames in between and a whole model does not.",
            of(GPU, last, gpu_percent),
            of("heft", last, gpu_percent),
            of(GPU, last, drops),
            of("heft", last, drops),
        ),
    ];
    let because = format!("more frames are dropped with inference on the GPU than on the CPU at {more} of {} rates", cases.len());
    (findings, vec![Verdict::new("H7", Support::of(more, cases.len()), because)])
}
