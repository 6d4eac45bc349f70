//! What entering a worker costs.

use crate::host::fit::LaunchReport;
use crate::host::sample::{Experiment, LaunchMode, Sample};
use crate::statistics;

/// Launches and wake-ups of a worker.
///
/// The durations of operators are those of launches back to back, which hold one launch each. What a launch after a gap takes
/// more, and waking the worker's idle thread, is the invocation: the simulator charges it after a pause and after another request.
pub(crate) fn of(samples: &[Sample], worker: &str) -> LaunchReport {
    let median = |wanted: &dyn Fn(&Experiment) -> bool| {
        let own = samples.iter().filter(|sample| sample.worker == worker && wanted(&sample.experiment));
        let durations: Vec<f64> = own.map(|sample| sample.timing.p10_ns as f64).collect();
        (!durations.is_empty()).then(|| statistics::median(&durations))
    };
    let launch = |mode: LaunchMode| median(&|it| matches!(it, Experiment::Launch { launch } if *launch == mode));
    LaunchReport {
        alone_ns: launch(LaunchMode::Alone),
        back_to_back_ns: launch(LaunchMode::BackToBack),
        wake_up_ns: median(&|it| matches!(it, Experiment::WakeUp)),
    }
}

impl LaunchReport {
    /// Cost of turning to a request.
    pub(crate) fn invocation_ns(&self) -> u64 {
        let after_a_gap = match (self.alone_ns, self.back_to_back_ns) {
            (Some(alone), Some(back_to_back)) => (alone - back_to_back).max(0.0),
            _ => 0.0,
        };
        libm::round(after_a_gap + self.wake_up_ns.unwrap_or(0.0)) as u64
    }
}
