//! What copies between host memory and a worker's own cost: a fixed part and a bandwidth for each direction.

use crate::host::fit::overheads;
use crate::host::fit::{FitError, MachineDescription, WorkerDescription};
use crate::host::sample::{CopyDirection, Experiment, Sample};
use crate::linear::{RobustFit, fit_relative};
use crate::statistics::{self, Accuracy};
use crate::usc::round::significant;

/// The memory that requests arrive in.
pub(crate) const HOST: &str = "host";

/// A link of the profile.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FittedLink {
    pub(crate) name: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) fixed_ns: u64,
    /// `None` where nothing flows: a mapping whose duration does not grow with its size.
    pub(crate) bytes_per_second: Option<f64>,
    /// The worker whose thread does it.
    pub(crate) blocks: String,
    pub(crate) accuracy: Accuracy,
}

const HOW: RobustFit = RobustFit { ridge: 1e-9, ridge_target: 0.0, delta: 0.1, rounds: 20 };

/// A duration of `fixed + bytes x rate`, in-sample errors with it.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    fixed_ns: f64,
    ns_per_byte: f64,
    accuracy: Accuracy,
}

/// Links from host memory to that of each worker and back, and between those of two workers by way of the host.
///
/// The name of a worker's memory is that of the worker. A worker that works on host memory has none of its own.
pub(crate) fn fit(samples: &[Sample], machine: &MachineDescription) -> Result<Vec<FittedLink>, FitError> {
    let own_memory = || machine.workers.iter().filter(|worker| !worker.is_host_memory);
    let mut links = Vec::new();
    for worker in own_memory() {
        let [to, from] = both(samples, worker)?;
        links.push(link(HOST, &worker.name, to, &worker.name));
        links.push(link(&worker.name, HOST, from, &worker.name));
    }
    for from in own_memory() {
        for to in own_memory().filter(|to| to.name != from.name) {
            let ([_, out], [back, _]) = (both(samples, from)?, both(samples, to)?);
            let line = Line {
                fixed_ns: out.fixed_ns + back.fixed_ns,
                ns_per_byte: out.ns_per_byte + back.ns_per_byte,
                accuracy: Accuracy::default(),
            };
            links.push(link(&from.name, &to.name, line, &to.name));
        }
    }
    Ok(links)
}

/// To the worker and back: copies where they were measured, else mappings.
fn both(samples: &[Sample], worker: &WorkerDescription) -> Result<[Line; 2], FitError> {
    let either = |copy: CopyDirection, map: CopyDirection| {
        let copied = line(samples, &worker.name, copy)?;
        if copied.is_some() { Ok(copied) } else { line(samples, &worker.name, map) }
    };
    let to = either(CopyDirection::Upload, CopyDirection::Unmap)?.unwrap_or_default();
    let from = either(CopyDirection::Download, CopyDirection::Map)?.unwrap_or_default();
    Ok([to, from])
}

fn line(samples: &[Sample], worker: &str, wanted: CopyDirection) -> Result<Option<Line>, FitError> {
    let points: Vec<(f64, f64)> = samples
        .iter()
        .filter(|sample| sample.worker == worker && sample.timing.p10_ns > 0)
        .filter_map(|sample| match sample.experiment {
            Experiment::Copy { direction, bytes } if direction == wanted => Some((bytes as f64, overheads::duration_ns(sample))),
            _ => None,
        })
        .collect();
    if points.is_empty() {
        return Ok(None);
    }
    let features: Vec<Vec<f64>> = points.iter().map(|point| vec![1.0, point.0]).collect();
    let durations: Vec<f64> = points.iter().map(|point| point.1).collect();
    let shortest = durations.iter().copied().fold(f64::INFINITY, f64::min);
    let rates: Vec<f64> = points.iter().map(|(bytes, duration)| duration / bytes.max(1.0)).collect();
    let scales = [shortest, statistics::quantile(&rates, 0.1).max(1e-12)];
    let x = fit_relative(&features, &durations, &vec![1.0; points.len()], &scales, HOW)?;
    let accuracy = Accuracy::of(points.iter().map(|(bytes, duration)| (x[0] + x[1] * bytes, *duration)));
    Ok(Some(Line { fixed_ns: x[0], ns_per_byte: x[1], accuracy }))
}

fn link(from: &str, to: &str, line: Line, blocks: &str) -> FittedLink {
    FittedLink {
        name: format!("{from}_to_{to}"),
        from: from.to_owned(),
        to: to.to_owned(),
        fixed_ns: libm::round(line.fixed_ns) as u64,
        bytes_per_second: (line.ns_per_byte > 0.0).then(|| significant(1e9 / line.ns_per_byte, 4)),
        blocks: blocks.to_owned(),
        accuracy: line.accuracy,
    }
}
