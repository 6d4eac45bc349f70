//! What all kernels of a worker are wrong by together: errors that do not cancel in a whole model.
//!
//! Two parts, from calibration samples alone. What long segments, of models that their fit has not seen, are off by; and how much the
//! slowdown of the machine varies from one batch to the next, as a run finds it in whatever state it happens to be.

use crate::host::drift;
use crate::host::fit::WorkerReport;
use crate::host::sample::Sample;
use crate::statistics::root_mean_square;

/// Fewest long segments that tell anything.
const LEAST: usize = 5;
/// Residuals beyond this many medians of their size are outliers, and count as that much.
const MOST: f64 = 5.0;

/// One standard deviation of the logarithm, over all workers; `None` where too little was measured.
pub(crate) fn deviation(workers: &[WorkerReport], samples: &[Sample]) -> Option<f64> {
    let residuals: Vec<f64> =
        workers.iter().filter_map(|worker| worker.segments.as_ref()).flat_map(|law| law.long_residuals.iter().copied()).collect();
    if residuals.len() < LEAST {
        return None;
    }
    let sizes: Vec<f64> = residuals.iter().map(|residual| residual.abs()).collect();
    let most = MOST * crate::statistics::median(&sizes);
    let limited: Vec<f64> = residuals.iter().map(|residual| residual.clamp(-most, most)).collect();
    let drifts: Vec<f64> = workers.iter().filter_map(|worker| drift::deviation(samples, &worker.worker)).collect();
    let (model, drift) = (root_mean_square(&limited), root_mean_square(&drifts));
    Some(libm::sqrt(model * model + drift * drift))
}
