//! How much a run will record, before it is begun.

use scenarios::Scenario;
use scenarios::scenario::Arrivals;
use sim::platform::Device;

use crate::inputs::Model;
use crate::{Inputs, Job, RunError};

/// Kernels of one run, at most: all its records are held in memory until they are written.
const MOST_KERNELS: f64 = 5e7;

/// Refuses runs that would record more than memory holds.
///
/// # Errors
/// Names the largest part of the run, and what to lower.
pub fn check_size(jobs: &[Job], scenario: &Scenario, inputs: &Inputs) -> Result<(), RunError> {
    for job in jobs {
        let streams = job.streams.iter().map(|&stream| {
            let model = &inputs.models[inputs.models_of_stream[stream][0]];
            let requests = requests(scenario, stream, inputs);
            (model, requests, requests * model.lowered.tasks.task_count() as f64)
        });
        let streams: Vec<_> = streams.collect();
        let kernels: f64 = streams.iter().map(|&(.., kernels)| kernels).sum();
        let largest = streams.into_iter().max_by(|one, other| one.2.total_cmp(&other.2));
        if let Some((model, requests, _)) = largest
            && kernels > MOST_KERNELS
        {
            let count = |number: f64| grouped(number as u64);
            return Err(RunError::Input(format!(
                "case `{}` would record about {} kernels, the limit is {}: most are of {} requests for `{}` with {} tasks each; \
                 lower `requests` or the `horizon`, or let requests arrive less often",
                job.case,
                count(kernels),
                count(MOST_KERNELS),
                count(requests),
                model.name,
                model.lowered.tasks.task_count(),
            )));
        }
    }
    Ok(())
}

/// Requests of a stream, about: as many as arrive before the horizon, or fewer if it ends before that.
fn requests(scenario: &Scenario, stream: usize, inputs: &Inputs) -> f64 {
    let of = &scenario.streams[stream];
    let horizon_ns = scenario.horizon_ns.map_or(f64::INFINITY, |horizon_ns| horizon_ns as f64);
    let arrivals = match of.arrivals {
        Arrivals::Periodic { period_ns, .. } => horizon_ns / period_ns as f64,
        Arrivals::Poisson { rate_per_second } => horizon_ns * 1e-9 * rate_per_second,
        Arrivals::Modulated(ref modulated) => horizon_ns * 1e-9 * modulated.mean_rate_per_second(),
        Arrivals::Daily(ref daily) => horizon_ns * 1e-9 * daily.mean_rate_per_second(),
        Arrivals::Recorded { ref times_ns, .. } => times_ns.len() as f64,
        Arrivals::After { stream, probability, ref count, .. } => requests(scenario, stream, inputs) * probability * count.mean(),
        Arrivals::ClosedLoop { clients, think_ns, .. } => {
            let device = &inputs.device;
            let models = &inputs.models_of_stream[stream];
            let least = models.iter().map(|&model| least_ns(&inputs.models[model], device)).min_by(f64::total_cmp);
            let (clients, served_ns) = (f64::from(clients), least.unwrap_or(1.0));
            let of_clients = horizon_ns * clients / (think_ns as f64 + served_ns);
            let of_workers = horizon_ns * device.workers().len() as f64 / served_ns;
            clients + of_clients.min(of_workers)
        }
    };
    of.requests.map_or(arrivals, |requests| arrivals.min(requests as f64))
}

/// The work of a request, each task on its fastest worker; at least 1.
fn least_ns(model: &Model, device: &Device) -> f64 {
    let tasks = model.lowered.tasks.tasks().map(|task| {
        device.worker_ids().filter_map(|worker| model.lowered.costs.duration_ns(task, worker)).min().unwrap_or(0) as f64
    });
    tasks.sum::<f64>().max(1.0)
}

/// A number with thousands told apart, `1_234_567`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1_000");
        assert_eq!(grouped(300_774_272), "300_774_272");
    }
}
