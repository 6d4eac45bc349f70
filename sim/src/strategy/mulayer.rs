//! `mulayer`: a CPU and a GPU share operators by output channels, after a linear predictor.
//!
//! Source: Kim et al., `muLayer`, `EuroSys` 2019, as re-implemented for the comparison in Jia et al., `CoDL`, `MobiSys` 2022.
//! Rule: each operator that can be cut by output channels is, at the ratio of 0, 0.1, ... 1 for which the longer of the two parts is
//! predicted to be shortest. The predictor is a linear regression by kind of operator and worker on two sizes: for convolutions
//! `f0 = input rows x columns x channels` and `f1 = (window / stride)^2 x output channels`, for others input and output elements.
//! It is fitted by least squares when the strategy plans, to the costs of the jobs' whole operators: as published, parts are extrapolated.
//! Ignores: what sharing costs (copies, synchronisation), where data lie, load, contention; that durations are not linear.

use std::collections::BTreeMap;

use crate::graph::{KernelKind, OperatorWork};
use crate::identifiers::{TaskId, WorkerId};
use crate::plan::{Part, Piece, Plan, PlanError};
use crate::strategy::co_execution::{Layout, PLANNED_FOR, Pair, TENTHS, WORKERS, cut_at, pair, planned_for};
use crate::strategy::registry::Entry;
use crate::strategy::{DeviceView, Job, Strategy};

/// Line of the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "mulayer",
    summary: "CPU and GPU share operators by output channels, after a linear predictor that knows no cost of sharing",
    granularity: "part of an operator",
    optimises: "balance of CPU and GPU within each operator",
    ignores: "what sharing costs, rows, chains, load",
    accelerator: None,
    parameters: &[WORKERS, PLANNED_FOR],
    build: |parameters| {
        let workers = parameters.names(WORKERS.name);
        Ok(Box::new(MuLayer { workers, planned_for: planned_for(ENTRY.name, parameters)? }))
    },
};

struct MuLayer {
    workers: Vec<String>,
    planned_for: Option<String>,
}

impl Strategy for MuLayer {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let pair = pair(ENTRY.name, &self.workers, job, view)?;
        let believed = pair.believed(ENTRY.name, self.planned_for.as_deref(), view)?;
        let predictor = Predictor::fit(believed, job, view);
        let mut layout = Layout::default();
        for task in job.tasks.tasks() {
            match best(&predictor, (pair, believed), job, task) {
                Some(Choice::Whole(worker)) => layout.whole(task, worker),
                Some(Choice::Shared(at, of)) => {
                    let piece = |begin, end| vec![Piece { task, part: Part::Channels { begin, end, of } }];
                    layout.shared([(pair.cpu, piece(at, of)), (pair.accelerator, piece(0, at))]);
                }
                None => return Err(PlanError::Unplaceable { strategy: ENTRY.name.to_owned(), task: task.0 }),
            }
        }
        Ok(layout.finish())
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Choice {
    Whole(WorkerId),
    /// The accelerator has channels up to the first number, of the second.
    Shared(u32, u32),
}

fn best(predictor: &Predictor, (pair, believed): (Pair, Pair), job: &Job<'_>, task: TaskId) -> Option<Choice> {
    let (cpu, accelerator) = (job.costs.supports(task, pair.cpu), job.costs.supports(task, pair.accelerator));
    let of = job.tasks.splits(task).channels;
    let mut best: Option<(f64, Choice)> = None;
    for tenths in TENTHS {
        let choice = match tenths {
            0 if cpu => Choice::Whole(pair.cpu),
            10 if accelerator => Choice::Whole(pair.accelerator),
            1..=9 if cpu && accelerator => match cut_at(of, tenths) {
                Some(at) => Choice::Shared(at, of),
                None => continue,
            },
            _ => continue,
        };
        let (on_cpu, on_accelerator) = match choice {
            Choice::Whole(worker) => (f64::from(u8::from(worker == pair.cpu)), f64::from(u8::from(worker != pair.cpu))),
            Choice::Shared(at, of) => (f64::from(of - at) / f64::from(of), f64::from(at) / f64::from(of)),
        };
        let on = |worker, share: f64| if share > 0.0 { predictor.predict(job, task, worker, share) } else { 0.0 };
        let latency_ns = on(believed.cpu, on_cpu).max(on(believed.accelerator, on_accelerator));
        if best.is_none_or(|(known_ns, _)| latency_ns < known_ns) {
            best = Some((latency_ns, choice));
        }
    }
    best.map(|(_, choice)| choice)
}

/// A regression `a + b x f0 + c x f1` of nanoseconds for each kind of operator and worker.
struct Predictor {
    of: BTreeMap<(KernelKind, WorkerId), [f64; 3]>,
}

impl Predictor {
    fn fit(pair: Pair, job: &Job<'_>, view: &DeviceView<'_>) -> Self {
        let mut samples: BTreeMap<(KernelKind, WorkerId), Vec<Sample>> = BTreeMap::new();
        let jobs = if view.jobs.is_empty() { std::slice::from_ref(job) } else { view.jobs };
        for job in jobs {
            for task in job.tasks.tasks() {
                let Some(work) = job.tasks.work(task) else { continue };
                for worker in [pair.cpu, pair.accelerator] {
                    if let Some(cost) = job.costs.whole(task, worker) {
                        let sample = (features(work, 1.0), cost.duration_ns as f64);
                        samples.entry((work.kind, worker)).or_default().push(sample);
                    }
                }
            }
        }
        Self { of: samples.into_iter().map(|(key, samples)| (key, regression(&samples))).collect() }
    }

    /// Nanoseconds for a share of a task's channels; where no model stands behind the task, its share of the expected cost.
    fn predict(&self, job: &Job<'_>, task: TaskId, worker: WorkerId, share: f64) -> f64 {
        let known = job.tasks.work(task).and_then(|work| Some((work, self.of.get(&(work.kind, worker))?)));
        match known {
            Some((work, [a, b, c])) => {
                let [f0, f1] = features(work, share);
                (a + b * f0 + c * f1).max(0.0)
            }
            None => job.costs.duration_ns(task, worker).map_or(f64::INFINITY, |whole_ns| whole_ns as f64 * share),
        }
    }
}

/// `f0` and `f1` of a share of an operator's output channels.
fn features(work: &OperatorWork, share: f64) -> [f64; 2] {
    let geometry = &work.geometry;
    let is_convolution = matches!(
        work.kind,
        KernelKind::Convolution
            | KernelKind::DepthwiseConvolution
            | KernelKind::GroupedConvolution
            | KernelKind::TransposedConvolution
    );
    if !is_convolution {
        return [work.input_elements as f64, work.output_elements as f64 * share];
    }
    let f0 = geometry.in_height as f64 * geometry.in_width as f64 * geometry.in_channels as f64;
    let window = geometry.kernel_height as f64 * geometry.kernel_width as f64;
    let stride = geometry.stride_height.max(1) as f64 * geometry.stride_width.max(1) as f64;
    [f0, window / stride * geometry.out_channels as f64 * share]
}

/// Sizes of a kernel and what it takes in nanoseconds.
type Sample = ([f64; 2], f64);

/// Least squares with an intercept, on centred features; a feature that does not vary has no say.
fn regression(samples: &[Sample]) -> [f64; 3] {
    let count = (samples.len() as f64).max(1.0);
    let mean = |of: fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (x, y, target) = (mean(|sample| sample.0[0]), mean(|sample| sample.0[1]), mean(|sample| sample.1));
    let centred = || samples.iter().map(|&([x_of, y_of], target_of)| (x_of - x, y_of - y, target_of - target));
    let (xx, yy) = (centred().map(|it| it.0 * it.0).sum::<f64>(), centred().map(|it| it.1 * it.1).sum::<f64>());
    let (xt, yt) = (centred().map(|it| it.0 * it.2).sum::<f64>(), centred().map(|it| it.1 * it.2).sum::<f64>());
    let xy = centred().map(|it| it.0 * it.1).sum::<f64>();
    let determinant = xx * yy - xy * xy;
    let (b, c) = if determinant > 1e-9 * xx * yy {
        ((xt * yy - yt * xy) / determinant, (yt * xx - xt * xy) / determinant)
    } else if xx > 0.0 && xx >= yy {
        (xt / xx, 0.0)
    } else if yy > 0.0 {
        (0.0, yt / yy)
    } else {
        (0.0, 0.0)
    };
    [target - b * x - c * y, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regressions_find_planes_and_survive_what_does_not_vary() {
        let plane = |x: f64, y: f64| ([x, y], 3.0 + 2.0 * x + 0.5 * y);
        let check = |samples: &[Sample], expected: [f64; 3]| {
            let found = regression(samples);
            assert!(
                found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-9),
                "{found:?} {expected:?}"
            );
        };
        check(&[plane(1.0, 4.0), plane(2.0, 1.0), plane(5.0, 3.0), plane(0.0, 9.0)], [3.0, 2.0, 0.5]);
        check(&[([1.0, 1.0], 7.0); 3], [7.0, 0.0, 0.0]);
        check(&[([1.0, 5.0], 2.0), ([3.0, 5.0], 6.0)], [0.0, 2.0, 0.0]);
        check(&[], [0.0; 3]);
    }
}
