//! Every strategy in every context of model, device and load.

use std::path::Path;

use results::Interval;
use scenarios::{Reference, Scenario};
use sim::metrics::Report;

use super::device::{FEWER_PHONES, PHONES, on};
use crate::{Context, Outcome, StudyError};

/// Scenarios that the grid runs, one a load.
pub(super) const SCENARIOS: [&str; 4] = ["study-best-idle", "study-best-cpu", "study-best-interface", "study-best-pair"];

/// What else is on the device, in the order of [`SCENARIOS`].
pub(super) const LOADS: [&str; 4] = ["idle", "busy CPU", "user interface", "two models"];

/// Models beside those of the scenarios, if all are taken.
const MORE_MODELS: [&str; 4] = ["efficientnet_b0", "densenet121", "yolov2", "swin_t"];

/// Pairs of models of about equal work, by the first.
const PAIRS: [(&str, &str); 10] = [
    ("mobilenet_v2", "squeezenet1_1"),
    ("shufflenet_v2_x1_0", "mnasnet1_0"),
    ("bert_tiny_4x312", "efficientnet_b0"),
    ("googlenet", "resnet18"),
    ("resnet50", "inception_v3"),
    ("vgg16", "yolov2"),
    ("efficientnet_b0", "mobilenet_v3_large"),
    ("densenet121", "regnet_y_400mf"),
    ("yolov2", "unet"),
    ("swin_t", "convnext_tiny"),
];

/// All strategies in one context.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    pub(super) device: String,
    /// Position in [`LOADS`].
    pub(super) load: usize,
    /// The model; the first of two.
    pub(super) model: String,
    /// Strategies in the order of the scenario, each with its milliseconds in each replicate, or why it has none.
    pub(super) times: Vec<(String, Result<Vec<f64>, String>)>,
}

impl Cell {
    /// Mean over the replicates of a strategy; `None` where it failed.
    pub(super) fn mean_ms(&self, strategy: &str) -> Option<f64> {
        let (_, times) = self.times.iter().find(|(name, _)| name == strategy)?;
        times.as_ref().ok().and_then(|times| Interval::of(times).mean)
    }

    /// Every strategy that did not fail with its mean, in their order.
    pub(super) fn means(&self) -> Vec<(&str, f64)> {
        self.times.iter().filter_map(|(name, times)| Some((name.as_str(), Interval::of(times.as_ref().ok()?).mean?))).collect()
    }

    /// The least mean.
    pub(super) fn best_ms(&self) -> Option<f64> {
        self.means().into_iter().map(|(_, ms)| ms).min_by(f64::total_cmp)
    }
}

/// Runs all contexts.
pub(super) fn grid(context: &Context<'_>) -> Result<Vec<Cell>, StudyError> {
    let phones = if context.full { PHONES.len() } else { FEWER_PHONES };
    let (mut scenarios, mut labels) = (Vec::new(), Vec::new());
    for (load, name) in SCENARIOS.iter().enumerate() {
        let scenario = with_models(context.scenario(name)?, load, context.full);
        for device in &PHONES[..phones] {
            for scenario in &scenario {
                labels.push(load);
                scenarios.push(on(scenario, device)?);
            }
        }
    }
    let mut cells: Vec<Cell> = Vec::new();
    for outcome in context.run(scenarios)? {
        let load = labels[outcome.scenario];
        add(&mut cells, &outcome, load);
    }
    Ok(cells)
}

/// The scenario with all models; one for each pair where they run together.
fn with_models(scenario: Scenario, load: usize, full: bool) -> Vec<Scenario> {
    let reference = |name: &str| Reference::of(name, Path::new(""));
    let more = if full { &MORE_MODELS[..] } else { &[] };
    if load < 3 {
        let mut scenario = scenario;
        let like = scenario.streams[0].clone();
        scenario.streams.extend(more.iter().map(|model| {
            let mut stream = like.clone();
            stream.model = reference(model);
            stream
        }));
        return vec![scenario];
    }
    let pairs = if full { PAIRS.len() } else { PAIRS.len() - MORE_MODELS.len() };
    let pair = |(one, other): &(&str, &str)| {
        let mut scenario = scenario.clone();
        (scenario.streams[0].model, scenario.streams[1].model) = (reference(one), reference(other));
        (*one).clone_into(&mut scenario.name);
        scenario
    };
    PAIRS[..pairs].iter().map(pair).collect()
}

fn add(cells: &mut Vec<Cell>, outcome: &Outcome, load: usize) {
    let Outcome { device, case: model, strategy, .. } = outcome;
    let seen = outcome.values(|report| time_ms(report, load));
    let why = outcome.failure().or_else(|| seen.is_empty().then(|| "no request completed".to_owned()));
    let times = why.map_or(Ok(seen), Err);
    match cells.last_mut() {
        Some(cell) if cell.device == *device && cell.load == load && cell.model == *model => {
            cell.times.push((strategy.clone(), times));
        }
        _ => cells.push(Cell { device: device.clone(), load, model: model.clone(), times: vec![(strategy.clone(), times)] }),
    }
}

/// Median latency of the model; of two, the length of the run over the requests of each: what one request of both takes.
fn time_ms(report: &Report, load: usize) -> Option<f64> {
    let all_ended = report.requests.arrived == report.requests.completed;
    if load == 3 {
        let each = report.models.iter().map(|model| model.requests.completed).max().filter(|&each| each > 0 && all_ended)?;
        return Some(report.end_ns as f64 * 1e-6 / each as f64);
    }
    crate::median_ms(report)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Cells of made-up times: two devices, all loads, three models, four strategies, one of which sometimes fails.
    pub(in super::super) fn cells(seed: u64) -> Vec<Cell> {
        let mut state = seed;
        let mut draw = move || {
            // The multiplier of PCG.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1_u32 << 31)
        };
        let mut cells = Vec::new();
        for device in ["one", "other"] {
            for load in 0..LOADS.len() {
                for model in ["small", "large", "odd"] {
                    let times = ["cpu", "gpu", "heft", "socrates"].map(|strategy| {
                        let fails = strategy == "gpu" && draw() < 0.2;
                        let times = if fails { Err("no plan".to_owned()) } else { Ok(vec![1.0 + draw(), 1.0 + draw()]) };
                        (strategy.to_owned(), times)
                    });
                    cells.push(Cell { device: device.to_owned(), load, model: model.to_owned(), times: times.to_vec() });
                }
            }
        }
        cells
    }

    #[test]
    fn the_mean_of_a_failed_run_does_not_exist() {
        let times = vec![("cpu".to_owned(), Ok(vec![1.0, 3.0])), ("gpu".to_owned(), Err("no plan".to_owned()))];
        let cell = Cell { device: "d".to_owned(), load: 0, model: "m".to_owned(), times };
        assert_eq!((cell.mean_ms("cpu"), cell.mean_ms("gpu"), cell.best_ms()), (Some(2.0), None, Some(2.0)));
    }
}
