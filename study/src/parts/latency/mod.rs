//! Fig. 2: latency on devices, of models, under every strategy.

mod figures;

use crate::parts::common::{distinct, find, geometric_mean, listed, on, percent};
use crate::{Context, Determinism, Kind, Outcome, Part, PartData, StudyError, Support, Table, Verdict, median_ms};

pub(crate) const PART: Part = Part {
    name: "fig2",
    title: "latency on devices, of models, under every strategy",
    determinism: Determinism::Deterministic,
    scenarios: &["study-fig2"],
    make,
};

/// Devices, by who measured them: `TFLite` on phones, MACE on phones, ncnn on a board.
const DEVICES: [&str; 8] = [
    "pixel4",
    "s10",
    "mi8se",
    "xiaomi9_sd855",
    "redmi_k30_pro_sd865",
    "xiaomi11_pro_sd888",
    "honor_v30_pro_kirin990",
    "rk3588-android",
];

/// Strategies that use one processor, but for what it refuses.
const SOLO: [&str; 4] = ["cpu", "gpu[fallback=partitions]", "gpu[fallback=operator]", "npu"];

/// Strategies that share operators between processors.
const SHARING: [&str; 3] = ["split", "mulayer", "codl[sync_us=auto]"];

/// Networks of small operators, and of large ones.
const SMALL: [&str; 2] = ["mobilenet_v2", "shufflenet_v2_x1_0"];

const LARGE: [&str; 2] = ["vgg16", "yolov2"];

/// Strategies of one figure with intervals.
const WITH_INTERVALS: [&str; 6] = ["cpu", "gpu[fallback=operator]", "heft", "codl[sync_us=auto]", "adms", "socrates"];

const INTERVALS_ON: &str = "redmi_k30_pro_sd865";

/// Medians nearer than this share are level: the simpler strategy, which stands first, is then called the best.
const LEVEL: f64 = 0.01;

/// A device and a model: the strategy that is best, and by what.
struct Contest<'a> {
    device: &'a str,
    model: &'a str,
    best: String,
    best_ms: f64,
    /// Strategies with their ratios to the least median.
    ratios: Vec<(String, f64)>,
}

impl Contest<'_> {
    fn least(&self, strategies: &[&str]) -> Option<f64> {
        let ratios = self.ratios.iter().filter(|(name, _)| strategies.contains(&name.as_str()));
        ratios.map(|(_, ratio)| *ratio).min_by(f64::total_cmp)
    }

    fn ratio(&self, strategy: &str) -> Option<f64> {
        self.ratios.iter().find(|(name, _)| name == strategy).map(|(_, ratio)| *ratio)
    }
}

fn make(context: &Context<'_>) -> Result<PartData, StudyError> {
    let scenario = context.scenario("study-fig2")?;
    let all: Vec<&str> = scenarios::devices().iter().map(|entry| entry.name).collect();
    let devices = if context.full { all } else { DEVICES.to_vec() };
    let outcomes = context.run(devices.iter().map(|device| on(&scenario, device)).collect())?;
    let models = distinct(outcomes.iter().map(|outcome| &outcome.case));
    let strategies = scenario.strategies;
    let mut contests = Vec::new();
    for device in &devices {
        for model in &models {
            contests.extend(contest(&outcomes, device, model, &strategies));
        }
    }
    let caption = format!(
        "Median latency of {} models on {} devices under {} strategies, one inference at a time, seed 0: means of {} replicates, with 95 % intervals that \
         hold what the cost models are wrong by. Medians within 1 % are level, and the simpler strategy, which stands first, is then called the best. – where \
         a strategy cannot run: no such processor, or too many operators for an exact search.",
        models.len(),
        devices.len(),
        strategies.len(),
        scenario.replicates,
    );
    let (findings, verdicts) = judged(&contests, &strategies);
    Ok(PartData {
        caption,
        tables: vec![latencies(&outcomes, &contests)],
        figures: figures::figures(&outcomes, &contests, &devices, &models, &strategies),
        findings,
        verdicts,
    })
}

fn contest<'a>(outcomes: &[Outcome], device: &'a str, model: &'a str, strategies: &[String]) -> Option<Contest<'a>> {
    let medians: Vec<(&String, f64)> = strategies
        .iter()
        .filter_map(|strategy| Some((strategy, find(outcomes, device, model, strategy)?.figure(median_ms).mean?)))
        .collect();
    let least = medians.iter().map(|(_, ms)| *ms).min_by(f64::total_cmp)?;
    let (best, best_ms) = medians.iter().find(|(_, ms)| *ms <= least * (1.0 + LEVEL))?;
    let ratios = medians.iter().map(|(strategy, ms)| ((*strategy).clone(), ms / least)).collect();
    Some(Contest { device, model, best: (*best).clone(), best_ms: *best_ms, ratios })
}

fn latencies(outcomes: &[Outcome], contests: &[Contest<'_>]) -> Table {
    let mut table = Table::new(
        "",
        "Latency of each model on each device under each strategy.",
        &[
            ("device", "", Kind::Text),
            ("model", "", Kind::Text),
            ("strategy", "", Kind::Text),
            ("latency_p50", "ms", Kind::Number),
            ("latency_p50_low", "ms", Kind::Number),
            ("latency_p50_high", "ms", Kind::Number),
            ("over_best", "", Kind::Number),
            ("extrapolated_share", "", Kind::Number),
            ("cannot_run", "", Kind::Text),
        ],
    );
    for outcome in outcomes {
        let median = outcome.figure(median_ms);
        let contest = contests.iter().find(|it| it.device == outcome.device && it.model == outcome.case);
        table.push([
            (&outcome.device).into(),
            (&outcome.case).into(),
            (&outcome.strategy).into(),
            median.mean.into(),
            median.low.into(),
            median.high.into(),
            contest.and_then(|it| it.ratio(&outcome.strategy)).into(),
            outcome.report().and_then(|report| report.totals.extrapolated_share).into(),
            outcome.failure().into(),
        ]);
    }
    table
}

fn judged(contests: &[Contest<'_>], strategies: &[String]) -> (Vec<String>, Vec<Verdict>) {
    let all = contests.len();
    let winners = distinct(contests.iter().map(|it| &it.best));
    let level =
        |strategy: &str| contests.iter().filter(|it| it.ratio(strategy).is_some_and(|ratio| ratio <= 1.0 + LEVEL)).count();
    let fixed = strategies.iter().filter(|name| !name.starts_with("socrates"));
    let most = fixed.map(|name| (level(name), name)).max_by_key(|(count, _)| *count);
    let (most, of) = most.map_or((0, "none"), |(count, name)| (count, name.as_str()));
    let ours = level("socrates");
    let worst = |strategy: &str| contests.iter().filter_map(|it| it.ratio(strategy)).max_by(f64::total_cmp).unwrap_or(1.0);
    let solo = contests.iter().filter(|it| it.least(&SOLO).is_some_and(|ratio| ratio <= 1.0 + LEVEL)).count();
    let gain = |names: &[&str]| {
        // Sharing against the best single processor: below 1 where it gains.
        let ratios = contests.iter().filter(|it| names.contains(&it.model));
        let ratios: Vec<f64> = ratios.filter_map(|it| Some(it.least(&SHARING)? / it.least(&SOLO)?)).collect();
        let gains = ratios.iter().filter(|ratio| **ratio < 1.0 - LEVEL).count();
        (gains, ratios.len(), geometric_mean(&ratios).unwrap_or(1.0))
    };
    let ((small_gains, small, small_mean), (large_gains, large, large_mean)) = (gain(&SMALL), gain(&LARGE));
    let fallback: Vec<f64> =
        contests.iter().filter_map(|it| Some(it.ratio("gpu[fallback=operator]")? / it.ratio("cpu")?)).collect();
    let slower = fallback.iter().filter(|ratio| **ratio > 1.0 + LEVEL).count();
    let beats: usize = contests
        .iter()
        .filter(|it| it.least(&SHARING).zip(it.least(&SOLO)).is_some_and(|(one, other)| one < other * (1.0 - LEVEL)))
        .count();
    let winners_count = winners.len();
    let findings = vec![
        format!("{winners_count} strategies are the best somewhere: {}.", listed(&winners)),
        format!(
            "The fixed strategy that is level with the best most often is `{of}`, in {most} of {all} contexts; at worst it takes {:.1} times the best.",
            worst(of)
        ),
        format!(
            "`socrates` is level with the best in {ours} of {all}; at worst it takes {:.2} times the best.",
            worst("socrates")
        ),
        format!(
            "One processor alone is level with the best in {solo} of {all} contexts ({}).",
            percent(solo as f64 / all.max(1) as f64)
        ),
        format!(
            "Sharing operators beats the best single processor for {small_gains} of {small} contexts with networks of small operators (mean ratio {small_mean:.2}), \
             and for {large_gains} of {large} with networks of large ones (mean ratio {large_mean:.2})."
        ),
        format!("The GPU with fallback is slower than the CPU in {slower} of {} contexts.", fallback.len()),
    ];
    let verdicts = vec![
        Verdict::new(
            "F1",
            Support::of(usize::from(most < all), 1),
            format!("the fixed strategy level with the best most often is so in {most} of {all} contexts"),
        ),
        Verdict::new(
            "F6",
            if beats > 0 && beats < all { Support::Supported } else { Support::Partly },
            format!("sharing operators is faster than the best single processor in {beats} of {all} contexts"),
        ),
        Verdict::new(
            "F7",
            Support::of(usize::from(winners_count > 1) + usize::from(solo > 0), 2),
            format!(
                "{winners_count} different strategies are best somewhere; one processor alone is level with the best in {solo} of {all}"
            ),
        ),
        Verdict::new(
            "H1",
            Support::of(usize::from(winners_count > 1), 1),
            format!("{winners_count} different strategies are best somewhere"),
        ),
        Verdict::new(
            "H2",
            Support::of(usize::from(slower > 0), 1),
            format!("the GPU with fallback is slower than the CPU in {slower} of {} contexts", fallback.len()),
        ),
        Verdict::new(
            "H3",
            if small_gains == 0 { Support::Supported } else { Support::of(usize::from(small_mean > large_mean), 2) },
            format!(
                "sharing gains in {small_gains} of {small} contexts of small operators against {large_gains} of {large} of large ones"
            ),
        ),
    ];
    (findings, verdicts)
}
