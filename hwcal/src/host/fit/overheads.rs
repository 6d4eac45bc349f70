//! What launches cost beyond what the same launch takes again and again: in turn with others, with a part to put in its place, with a unit
//! to prepare.

use std::collections::BTreeMap;

use sim::cost::{Overhead, Overheads};

use crate::host::fit::row::Row;
use crate::host::fit::{FitError, WorkerDescription};
use crate::host::sample::{CopyDirection, Experiment, Sample, WorkRecord};
use crate::linear::{RobustFit, fit_relative};
use crate::statistics;
use crate::usc::round::significant;

/// Fewest samples that tell anything.
const LEAST: usize = 10;
/// An extra beyond this share of the launch is a disturbance, and counts less.
const DELTA: f64 = 0.1;
/// Rounds of reweighting.
const ROUNDS: u32 = 20;

/// Of one worker. What was not measured costs nothing.
pub(crate) fn fit(samples: &[Sample], worker: &WorkerDescription, rows: &[Row]) -> Result<Overheads, FitError> {
    let own = || samples.iter().filter(|sample| sample.worker == worker.name && sample.timing.p10_ns > 0);
    Ok(Overheads {
        turn: turn(own(), rows),
        merge: merge(own())?,
        // In memory of its own, kernels write to the begin of a buffer only.
        merges_all: !worker.is_host_memory,
        preparation: preparation(own())?,
    })
}

/// `extra = fixed + byte x bytes` of launches in turn, by robust least squares relative to the launch; neither is below 0.
fn turn<'a>(own: impl Iterator<Item = &'a Sample>, rows: &[Row]) -> Overhead {
    let turns: BTreeMap<&str, f64> =
        own.filter_map(|sample| Some((sample.key.as_str(), sample.timing.turn_ns? as f64))).collect();
    let points: Vec<Point> = rows
        .iter()
        .filter_map(|row| {
            let turn_ns = *turns.get(row.key.as_str())?;
            let shape = &row.shape;
            let elements = shape.input_elements + shape.output_elements + row.work.parameters as f64;
            Some(Point { bytes: 4.0 * elements, extra_ns: turn_ns - row.duration_ns, launch_ns: turn_ns.max(row.duration_ns) })
        })
        .collect();
    if points.len() < LEAST { Overhead::default() } else { rounded(line(&points)) }
}

/// What a launch took beyond another.
#[derive(Clone, Copy, Debug)]
struct Point {
    bytes: f64,
    extra_ns: f64,
    launch_ns: f64,
}

fn line(points: &[Point]) -> Overhead {
    let mut weights: Vec<f64> = points.iter().map(|point| 1.0 / (point.launch_ns * point.launch_ns)).collect();
    let mut best = Overhead::default();
    for _ in 0..ROUNDS {
        let sum = |of: fn(&Point) -> f64| points.iter().zip(&weights).map(|(point, weight)| weight * of(point)).sum::<f64>();
        let (one, bytes, squares) = (sum(|_| 1.0), sum(|it| it.bytes), sum(|it| it.bytes * it.bytes));
        let (extra, products) = (sum(|it| it.extra_ns), sum(|it| it.extra_ns * it.bytes));
        let determinant = one * squares - bytes * bytes;
        let byte_ns = if determinant > 1e-9 * one * squares { (one * products - bytes * extra) / determinant } else { 0.0 };
        let fixed_ns = (extra - byte_ns * bytes) / one;
        best = if byte_ns < 0.0 {
            Overhead { fixed_ns: (extra / one).max(0.0), byte_ns: 0.0 }
        } else if fixed_ns < 0.0 {
            Overhead { fixed_ns: 0.0, byte_ns: (products / squares.max(1.0)).max(0.0) }
        } else {
            Overhead { fixed_ns, byte_ns }
        };
        for (weight, point) in weights.iter_mut().zip(points) {
            let error = ((best.duration_ns(point.bytes) - point.extra_ns) / point.launch_ns).abs();
            *weight = (1.0_f64).min(DELTA / error.max(1e-12)) / (point.launch_ns * point.launch_ns);
        }
    }
    best
}

/// Of copies within the worker's memory.
fn merge<'a>(own: impl Iterator<Item = &'a Sample>) -> Result<Overhead, FitError> {
    let points: Vec<([f64; 2], f64)> = own
        .filter_map(|sample| match sample.experiment {
            Experiment::Copy { direction: CopyDirection::Within, bytes } => Some(([1.0, bytes as f64], duration_ns(sample))),
            _ => None,
        })
        .collect();
    relative(&points)
}

/// Of operators and segments: by their kernels, and by the bytes of their weights.
fn preparation<'a>(own: impl Iterator<Item = &'a Sample>) -> Result<Overhead, FitError> {
    let bytes_of = |works: &[WorkRecord]| works.iter().map(|work| 4.0 * work.parameters as f64).sum::<f64>();
    let points: Vec<([f64; 2], f64)> = own
        .filter_map(|sample| {
            let prepared_ns = sample.timing.prepared_ns.filter(|&prepared_ns| prepared_ns > 0)? as f64;
            match &sample.experiment {
                Experiment::Operator { work, .. } => Some(([1.0, bytes_of(std::slice::from_ref(work))], prepared_ns)),
                Experiment::Segment { tasks, .. } => Some(([tasks.len() as f64, bytes_of(tasks)], prepared_ns)),
                _ => None,
            }
        })
        .collect();
    if points.len() < LEAST { Ok(Overhead::default()) } else { relative(&points) }
}

/// What something took in turn with others, where that was measured.
pub(crate) fn duration_ns(sample: &Sample) -> f64 {
    sample.timing.turn_ns.unwrap_or(sample.timing.p10_ns).max(1) as f64
}

/// `duration = fixed x count + byte x bytes`, of pairs of count and bytes, by robust least squares of the relative error.
fn relative(points: &[([f64; 2], f64)]) -> Result<Overhead, FitError> {
    if points.len() < 2 {
        return Ok(Overhead::default());
    }
    let features: Vec<Vec<f64>> = points.iter().map(|point| point.0.to_vec()).collect();
    let durations: Vec<f64> = points.iter().map(|point| point.1).collect();
    let shortest = durations.iter().copied().fold(f64::INFINITY, f64::min);
    let rates: Vec<f64> = points.iter().map(|([_, bytes], duration)| duration / bytes.max(1.0)).collect();
    let scales = [shortest, statistics::quantile(&rates, 0.1).max(1e-12)];
    let how = RobustFit { ridge: 1e-9, ridge_target: 0.0, delta: DELTA, rounds: ROUNDS };
    let x = fit_relative(&features, &durations, &vec![1.0; points.len()], &scales, how)?;
    Ok(rounded(Overhead { fixed_ns: x[0], byte_ns: x[1] }))
}

fn rounded(overhead: Overhead) -> Overhead {
    Overhead { fixed_ns: significant(overhead.fixed_ns, 4), byte_ns: significant(overhead.byte_ns, 4) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extras_come_back_whatever_a_few_launches_met() {
        let check = |fixed_ns: f64, byte_ns: f64| {
            let point = |index: u32| {
                let (bytes, launch_ns) = (f64::from(index * 7919 % 100) * 1e4, 2e4 + f64::from(index * 104_729 % 50) * 1e4);
                let disturbed = if index.is_multiple_of(29) { 0.8 * launch_ns } else { 0.0 };
                Point { bytes, extra_ns: fixed_ns + byte_ns * bytes + disturbed, launch_ns: launch_ns + fixed_ns }
            };
            let found = line(&(0..200).map(point).collect::<Vec<_>>());
            assert!((found.fixed_ns - fixed_ns).abs() < 0.2 * fixed_ns + 1_200.0, "{found:?}");
            assert!((found.byte_ns - byte_ns).abs() < 0.2 * byte_ns + 2e-3, "{found:?}");
        };
        check(8_000.0, 0.02);
        check(8_000.0, 0.0);
        check(0.0, 0.05);
        check(0.0, 0.0);
    }
}
