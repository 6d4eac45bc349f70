//! How wrong predictions are for operators that the fit did not see.

use std::collections::BTreeSet;

use rayon::prelude::*;
use sim::cost::KernelClass;

use crate::folds::{FOLDS, deal};
use crate::host::fit::noise::WorkerNoise;
use crate::host::fit::report::ClassReport;
use crate::host::fit::row::Row;
use crate::host::fit::worker::{self, Choice};
use crate::host::fit::{FitError, FitOptions, MachineDescription, Measured, Report};
use crate::statistics::{self, Accuracy};

/// The errors of a fit of these samples on operators that it did not see, by cross-validation over distinct operators.
///
/// Families, coefficients and what fused operators add are chosen anew without each fold; measured shapes are not looked up.
pub fn check(measured: Measured<'_>, machine: &MachineDescription, options: FitOptions) -> Result<Report, FitError> {
    super::fit(measured, machine, options).map(|fit| fit.report)
}

/// A prediction of each row by models that never saw its operator, nor a slice of it; none where there is but one operator.
pub(crate) fn hold_out(rows: &[Row], seed: u64) -> Result<Vec<Option<f64>>, FitError> {
    let groups: Vec<usize> = rows.iter().map(|row| row.group).collect::<BTreeSet<_>>().into_iter().collect();
    let count = FOLDS.min(groups.len());
    let mut predicted = vec![None; rows.len()];
    if count < 2 {
        return Ok(predicted);
    }
    let folds = deal(groups.len(), count, seed.wrapping_add(1));
    let fold_of = |row: &Row| groups.binary_search(&row.group).map_or(0, |index| folds[index]);
    let by_fold: Vec<Vec<(usize, f64)>> = (0..count)
        .into_par_iter()
        .map(|fold| {
            let training: Vec<Row> = rows.iter().filter(|row| fold_of(row) != fold).cloned().collect();
            let models = worker::fit(&training, seed)?.models;
            let test = rows.iter().enumerate().filter(|(_, row)| fold_of(row) == fold);
            Ok(test
                .map(|(index, row)| (index, models.predict_kernel(&row.op_type, &row.fused(), &row.work).duration_ns))
                .collect())
        })
        .collect::<Result<_, FitError>>()?;
    for (index, duration_ns) in by_fold.into_iter().flatten() {
        predicted[index] = Some(duration_ns);
    }
    Ok(predicted)
}

/// Errors of the rows that a filter keeps.
pub(crate) fn accuracy(rows: &[Row], held_out: &[Option<f64>], keep: impl Fn(&Row) -> bool) -> Accuracy {
    let pairs = rows.iter().zip(held_out).filter(|(row, _)| keep(row));
    Accuracy::of(pairs.filter_map(|(row, predicted)| predicted.map(|predicted| (predicted, row.duration_ns))))
}

/// Errors by class.
pub(crate) fn classes(rows: &[Row], held_out: &[Option<f64>], choices: &[Choice], noise: &WorkerNoise) -> Vec<ClassReport> {
    let present = KernelClass::ALL.into_iter().filter(|&class| rows.iter().any(|row| row.class == class));
    present
        .map(|class| {
            let own = || rows.iter().zip(held_out).filter(move |(row, _)| row.class == class);
            let is_only_corners = own().all(|(row, _)| row.is_corner);
            let is_asked = |row: &Row| !row.is_corner || is_only_corners;
            let logs: Vec<f64> = own()
                .filter(|(row, _)| is_asked(row))
                .filter_map(|(row, predicted)| predicted.map(|predicted| libm::log(row.duration_ns / predicted)))
                .collect();
            let noise = noise.classes.get(&class).copied().unwrap_or(noise.all);
            let of_class = choices.iter().filter(|choice| choice.class == class);
            ClassReport {
                class: class.name(),
                operators: own().map(|(row, _)| row.group).collect::<BTreeSet<_>>().len(),
                accuracy: accuracy(rows, held_out, |row| row.class == class && is_asked(row)),
                noise_percent: noise.median_percent,
                // The difference of two measurements deviates by sqrt(2) times what each does; half of its values lie within
                // 0.6745 of that.
                seen_log_deviation: noise.median_percent / 100.0 / (0.6745 * std::f64::consts::SQRT_2),
                new_log_deviation: statistics::robust_deviation(&logs),
                families: of_class.map(|choice| (choice.operator.clone(), choice.family)).collect(),
            }
        })
        .collect()
}
