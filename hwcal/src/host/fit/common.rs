//! What models are wrong by about many kernels in the same way: errors that do not cancel in a whole model.
//!
//! A random-effects model of what long segments are off by, of models that their fit has not seen: `ln(measured / predicted) = error of
//! the worker + sum over classes of share x error of the class + sum over kernels of share x error of the kernel`. The last is known
//! from the operators held out; the variances of the other two follow from the squares, as segments of one class and of many differ in
//! `sum of share^2` (method of moments: Searle et al., "Variance Components", 1992, chapter 5). Workers are drawn
//! towards all of them together. The error of the machine, common to all workers, is how much its slowdown varies from one batch to the
//! next, as a run finds it in whatever state it happens to be.
//!
//! Everything here is made of calibration samples: no execution is among them.

use sim::cost::SharedErrors;

use crate::host::drift;
use crate::host::fit::WorkerReport;
use crate::host::sample::Sample;
use crate::statistics::{self, root_mean_square};
use crate::usc::round::significant;

/// Fewest long segments that tell anything.
const LEAST: usize = 5;
/// Residuals beyond this many medians of their size are outliers, and count as that much.
const MOST: f64 = 4.0;
/// Segments that all workers together count as beside those of one.
const PULL: f64 = 5.0;

/// What a long segment was off by, its model left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LongResidual {
    /// `ln(measured / predicted)`.
    pub(crate) residual: f64,
    /// Sum over classes of the square of their share of the predicted duration.
    pub(crate) class_shares: f64,
    /// Variance of the sum of the kernels' own errors.
    pub(crate) own_variance: f64,
}

/// Variances of the errors of a worker and of its classes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Components {
    worker: f64,
    class: f64,
}

/// By how much each worker's models are wrong, in their order; `None` where too little was measured.
pub(crate) fn shared_errors(workers: &[WorkerReport], samples: &[Sample]) -> Option<Vec<SharedErrors>> {
    let of_worker = |worker: &WorkerReport| worker.segments.as_ref().map_or_else(Vec::new, |law| law.long_residuals.clone());
    let of_workers: Vec<Vec<LongResidual>> = workers.iter().map(of_worker).collect();
    let all = of_workers.concat();
    if all.len() < LEAST {
        return None;
    }
    let together = components(&all);
    let drifts: Vec<f64> = workers.iter().filter_map(|worker| drift::deviation(samples, &worker.worker)).collect();
    let drift = if drifts.is_empty() { 0.0 } else { root_mean_square(&drifts) };
    let errors = of_workers.iter().map(|own| {
        let of_own = components(own);
        let weight = own.len() as f64 / (own.len() as f64 + PULL);
        let drawn = |own: f64, together: f64| weight * own + (1.0 - weight) * together;
        SharedErrors {
            machine_log_deviation: significant(drift, 3),
            worker_log_deviation: significant(libm::sqrt(drawn(of_own.worker, together.worker)), 3),
            class_log_deviation: significant(libm::sqrt(drawn(of_own.class, together.class)), 3),
        }
    });
    Some(errors.collect())
}

/// One standard deviation of what a whole model is off by beyond what its kernels are, over all workers.
pub(crate) fn deviation(workers: &[WorkerReport], errors: &[SharedErrors]) -> f64 {
    let of_worker = |(worker, errors): (&WorkerReport, &SharedErrors)| {
        let residuals = worker.segments.as_ref().map_or(&[][..], |law| &law.long_residuals);
        let shares: Vec<f64> = residuals.iter().map(|residual| residual.class_shares).collect();
        let class = errors.class_log_deviation * errors.class_log_deviation * statistics::mean(&shares);
        let squares = [errors.machine_log_deviation, errors.worker_log_deviation].map(|deviation| deviation * deviation);
        libm::sqrt(squares.iter().sum::<f64>() + class)
    };
    root_mean_square(&workers.iter().zip(errors).map(of_worker).collect::<Vec<_>>())
}

/// Non-negative variances by least squares of `residual^2 - own variance = worker + class x shares`.
fn components(residuals: &[LongResidual]) -> Components {
    if residuals.is_empty() {
        return Components::default();
    }
    let sizes: Vec<f64> = residuals.iter().map(|it| it.residual.abs()).collect();
    let most = MOST * statistics::median(&sizes);
    let points: Vec<(f64, f64)> = residuals
        .iter()
        .map(|it| {
            let limited = it.residual.clamp(-most, most);
            (it.class_shares, limited * limited - it.own_variance)
        })
        .collect();
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (shares, squares) = (mean(|it| it.0), mean(|it| it.1));
    let (shares_squared, products) = (mean(|it| it.0 * it.0), mean(|it| it.0 * it.1));
    let spread = shares_squared - shares * shares;
    let slope = if spread > 1e-9 { (products - shares * squares) / spread } else { 0.0 };
    let intercept = squares - slope * shares;
    if slope < 0.0 {
        return Components { worker: squares.max(0.0), class: 0.0 };
    }
    if intercept < 0.0 {
        return Components { worker: 0.0, class: (products / shares_squared.max(1e-9)).max(0.0) };
    }
    Components { worker: intercept, class: slope }
}

#[cfg(test)]
mod tests {
    use sim::random::{Purpose, Stream};

    use super::*;

    /// Draws segments with known variances.
    fn drawn(seed: u64, worker: f64, class: f64, own: f64, count: u64) -> Vec<LongResidual> {
        let draw = |index: u64| {
            let mut random = Stream::new(seed, Purpose::Resampling, index, 0);
            let share = 0.5 + 0.5 * random.uniform();
            let errors = [worker, class * share, class * (1.0 - share), own];
            let residual = errors.map(|deviation| deviation * random.normal()).iter().sum();
            let class_shares = share * share + (1.0 - share) * (1.0 - share);
            LongResidual { residual, class_shares, own_variance: own * own }
        };
        (0..count).map(draw).collect()
    }

    #[test]
    fn variances_come_back_from_what_segments_are_off_by() {
        let check = |worker: f64, class: f64, own: f64| {
            let found = components(&drawn(5, worker, class, own, 20_000));
            let total = |worker: f64, class: f64| worker * worker + 0.6 * class * class;
            let of_found = found.worker + 0.6 * found.class;
            assert!((of_found / total(worker, class) - 1.0).abs() < 0.1, "{found:?}");
            assert!((libm::sqrt(found.class) - class).abs() < 0.05, "{found:?}");
        };
        check(0.05, 0.2, 0.05);
        check(0.15, 0.1, 0.0);
        check(0.1, 0.3, 0.1);
    }

    #[test]
    fn nothing_negative_comes_of_few_segments() {
        for seed in 0..200 {
            let found = components(&drawn(seed, 0.1, 0.1, 0.1, 6));
            assert!(found.worker >= 0.0 && found.class >= 0.0, "{found:?}");
        }
        assert_eq!(components(&[]), Components::default());
    }
}
