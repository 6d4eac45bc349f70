//! Coefficients that all devices share, the scale of each, and predictions of networks left out.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::report::{FallbackValidation, MixedRow, Within};
use super::terms::{SEGMENT, TERMS};
use super::{FallbackData, Observation};
use crate::linear::{RobustFit, fit_relative};
use crate::npu::MEASURED;
use crate::statistics::{Accuracy, median};
use crate::usc::FitError;
use crate::whole::{Spread, dot};

/// A weak pull to the physical prior, as for the NPUs themselves.
const HOW: RobustFit = RobustFit { ridge: 3e-4, ridge_target: 1.0, delta: 0.15, rounds: 8 };

/// What was fitted.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::npu) struct Fitted {
    /// Nanoseconds for each term on a device of scale 1.
    pub coefficients: Vec<f64>,
    /// How many times as long each device takes as a Snapdragon 8 Gen 2, and whether by ONNX Runtime; elsewhere by `TFLite`.
    pub scales: BTreeMap<String, (f64, bool)>,
}

/// Fits to what may be fitted to, of all networks but one.
pub(in crate::npu) fn fit(data: &FallbackData, left_out: Option<&str>) -> Result<Fitted, FitError> {
    let prior: Vec<f64> = TERMS.iter().map(|term| term.prior_ns).collect();
    fit_columns(data, left_out, &prior, &|it| it.features.clone())
}

fn fit_columns(
    data: &FallbackData,
    left_out: Option<&str>,
    prior: &[f64],
    features: &dyn Fn(&Observation) -> Vec<f64>,
) -> Result<Fitted, FitError> {
    let kept = |it: &&Observation| it.is_fitted && Some(it.model.as_str()) != left_out && features(it).iter().any(|&it| it > 0.0);
    let seen: Vec<&Observation> = data.observations.iter().filter(kept).collect();
    let rows: Vec<Vec<f64>> = seen.iter().map(|it| features(it)).collect();
    let times_as_long =
        |device: &str| scale(data, device, left_out).ok_or_else(|| FitError::Write(format!("no CPU of `{device}`")));
    let values: Vec<f64> =
        seen.iter().map(|it| Ok(it.cost_ns() / times_as_long(&it.device)?.0)).collect::<Result<_, FitError>>()?;
    let coefficients = fit_relative(&rows, &values, &vec![1.0; rows.len()], prior, HOW)?;
    let devices = data.observations.iter().map(|it| &it.device).chain(data.alone.iter().map(|it| &it.device));
    let scales = devices.filter_map(|device| Some((device.clone(), scale(data, device, left_out)?))).collect();
    Ok(Fitted { coefficients, scales })
}

/// How many times as long a device takes as the reference, and whether by ONNX Runtime: the median ratio of what both ran, or, where ONNX Runtime
/// was not run, of what `TFLite` ran whole on both CPUs.
fn scale(data: &FallbackData, device: &str, left_out: Option<&str>) -> Option<(f64, bool)> {
    let seen = || data.observations.iter().filter(|it| it.is_fitted && Some(it.model.as_str()) != left_out);
    let runs = |device: &str, by_onnxruntime: bool| -> BTreeMap<(bool, String), f64> {
        let alone = data.alone.iter().filter(|it| it.device == device && it.by_onnxruntime == by_onnxruntime);
        let alone = alone.map(|it| ((false, it.model.clone()), it.measured_ns));
        let own = seen().filter(|it| it.device == device && by_onnxruntime);
        alone.chain(own.map(|it| ((it.is_mixed(), format!("{} {}", it.model, it.precision)), it.cost_ns()))).collect()
    };
    [true, false].into_iter().find_map(|by_onnxruntime| {
        let reference = runs(MEASURED, by_onnxruntime);
        let ratios: Vec<f64> =
            runs(device, by_onnxruntime).iter().filter_map(|(run, ns)| Some(ns / reference.get(run)?)).collect();
        (!ratios.is_empty()).then(|| (median(&ratios), by_onnxruntime))
    })
}

/// Leaves each network out of everything: its runs on NPU and CPU together, and those on the CPU, in all precisions and on all devices.
pub(in crate::npu) fn cross_validate(data: &FallbackData) -> Result<FallbackValidation, FitError> {
    let models: Vec<String> = data.models().into_iter().collect();
    let constant = |it: &Observation| vec![if it.is_mixed() { it.features[SEGMENT] } else { 0.0 }];
    let of_model = |model: &String| -> Result<Vec<MixedRow>, FitError> {
        let fitted = fit(data, Some(model))?;
        let plain = fit_columns(
            data,
            Some(model),
            &TERMS[SEGMENT..=SEGMENT].iter().map(|it| it.prior_ns).collect::<Vec<_>>(),
            &constant,
        )?;
        let row = |it: &Observation| {
            let scale = fitted.scales.get(&it.device)?.0;
            Some(MixedRow {
                model: it.model.clone(),
                precision: it.precision.clone(),
                device: it.device.clone(),
                layers_cpu: it.layers_cpu,
                whole_ns: it.whole_ns,
                measured_ns: it.measured_ns,
                predicted_ns: it.whole_ns + scale * dot(&it.features, &fitted.coefficients),
                baseline_ns: it.whole_ns + scale * dot(&constant(it), &plain.coefficients),
                is_fitted: it.is_fitted,
            })
        };
        Ok(data.observations.iter().filter(|it| it.model == *model).filter_map(row).collect())
    };
    let rows: Vec<MixedRow> = models.par_iter().map(of_model).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let (mixed, whole): (Vec<MixedRow>, Vec<MixedRow>) = rows.into_iter().partition(MixedRow::is_mixed);
    let (mixed, unfitted): (Vec<MixedRow>, Vec<MixedRow>) = mixed.into_iter().partition(|row| row.is_fitted);
    let ratios: Vec<f64> = mixed.iter().chain(&whole).map(MixedRow::ratio).collect();
    let spread = Spread::of(&ratios);
    Ok(FallbackValidation {
        errors: Accuracy::of(mixed.iter().chain(&whole).map(|row| (row.predicted_ns, row.measured_ns))),
        mixed_within: Within::of(&mixed, |row| row.predicted_ns),
        baseline_within: Within::of(&mixed, |row| row.baseline_ns),
        whole_within: Within::of(&whole, |row| row.predicted_ns),
        mixed,
        whole,
        unfitted,
        interval: spread.interval,
        log_deviation: spread.log_deviation,
    })
}
