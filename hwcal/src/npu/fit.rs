//! Coefficients that all devices share, the scale of each, and errors on models left out on every device at once.

use std::fmt::{self, Display, Formatter};

use rayon::prelude::*;
use serde::Serialize;

use crate::linear::{RobustFit, fit_relative};
use crate::npu::Measurements;
use crate::npu::terms::TERMS;
use crate::statistics::{self, Accuracy, median};
use crate::usc::FitError;
use crate::whole::{Spread, dot};

/// A weak pull to the physical prior, whose level is the data's.
const HOW: RobustFit = RobustFit { ridge: 3e-4, ridge_target: 1.0, delta: 0.15, rounds: 8 };

/// What was fitted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fitted {
    /// Nanoseconds for each term on a device of scale 1.
    pub coefficients: Vec<f64>,
    /// Scale of each device.
    pub scales: Vec<f64>,
}

/// Scales from ratios to the first device that a model was measured on: medians, so that no model decides.
fn scales(measured: &Measurements, keep: &dyn Fn(usize) -> bool) -> Vec<f64> {
    let reference = measured.devices.iter().position(|device| device == super::MEASURED).unwrap_or(0);
    let rows = || measured.measured_ns.iter().enumerate().filter(|(model, _)| keep(*model)).map(|(_, row)| row);
    let ratio =
        |device: usize| -> Vec<f64> { rows().filter_map(|row| Some(libm::log(row[device]? / row[reference]?))).collect() };
    (0..measured.devices.len()).map(|device| libm::exp(median(&ratio(device)))).collect()
}

pub(super) fn fit(
    measured: &Measurements,
    features: &[Vec<f64>],
    prior: &[f64],
    left_out: Option<usize>,
) -> Result<Fitted, FitError> {
    let keep = |model: usize| Some(model) != left_out;
    let scales = scales(measured, &keep);
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for (model, row) in measured.measured_ns.iter().enumerate().filter(|(model, _)| keep(*model)) {
        let logs: Vec<f64> = row.iter().zip(&scales).filter_map(|(ns, scale)| Some(libm::log((*ns)? / scale))).collect();
        rows.push(features[model].clone());
        values.push(libm::exp(statistics::mean(&logs)));
    }
    let level = median(&rows.iter().zip(&values).map(|(row, value)| value / dot(row, prior)).collect::<Vec<_>>());
    let prior: Vec<f64> = prior.iter().map(|ns| ns * level).collect();
    let coefficients = fit_relative(&rows, &values, &vec![1.0; rows.len()], &prior, HOW)?;
    Ok(Fitted { coefficients, scales })
}

pub(super) fn prior() -> Vec<f64> {
    TERMS.iter().map(|term| term.prior_ns).collect()
}

/// Errors on one device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceReport {
    /// Device, as the data name it.
    pub device: String,
    /// How many times as long as on the Snapdragon 8 Gen 2.
    pub scale: f64,
    /// Errors.
    pub errors: Accuracy,
    /// Of a constant and multiply-accumulates, fitted and judged likewise.
    pub baseline: Accuracy,
    /// Models with predicted and measured nanoseconds.
    #[serde(skip)]
    pub pairs: Vec<(String, f64, f64)>,
}

/// Errors on models that a fit did not see.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validation {
    /// By device.
    pub devices: Vec<DeviceReport>,
    /// Ends of the central 90 % of measured / predicted over all.
    pub interval: [f64; 2],
    /// Robust deviation of its logarithm.
    pub log_deviation: f64,
}

pub(super) fn cross_validate(measured: &Measurements) -> Result<Validation, FitError> {
    let plain: Vec<Vec<f64>> = measured.macs.iter().map(|&macs| vec![1.0, macs]).collect();
    let left_out = |features: &[Vec<f64>], prior: &[f64]| -> Result<Vec<Vec<f64>>, FitError> {
        let predict = |model: usize| {
            let fitted = fit(measured, features, prior, Some(model))?;
            let latency = dot(&features[model], &fitted.coefficients);
            Ok(fitted.scales.iter().map(|scale| latency * scale).collect())
        };
        (0..measured.models.len()).into_par_iter().map(predict).collect()
    };
    let ours = left_out(&measured.features, &prior())?;
    let baseline = left_out(&plain, &[1e5, 2e-4])?;
    let scales = scales(measured, &|_| true);
    let report = |(device, name): (usize, &String)| {
        let pairs = |predicted: &[Vec<f64>]| -> Vec<(String, f64, f64)> {
            let pair = |model: usize| {
                Some((measured.models[model].clone(), predicted[model][device], measured.measured_ns[model][device]?))
            };
            (0..measured.models.len()).filter_map(pair).collect()
        };
        let errors = |pairs: &[(String, f64, f64)]| Accuracy::of(pairs.iter().map(|pair| (pair.1, pair.2)));
        let own = pairs(&ours);
        DeviceReport {
            device: name.clone(),
            scale: scales[device],
            errors: errors(&own),
            baseline: errors(&pairs(&baseline)),
            pairs: own,
        }
    };
    let devices: Vec<DeviceReport> = measured.devices.iter().enumerate().map(report).collect();
    let ratios: Vec<f64> = devices.iter().flat_map(|device| device.pairs.iter().map(|pair| pair.2 / pair.1)).collect();
    let spread = Spread::of(&ratios);
    Ok(Validation { devices, interval: spread.interval, log_deviation: spread.log_deviation })
}

impl Display for Validation {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "Errors in percent of models left out on all NPUs at once. In parentheses a constant and multiply-accumulates.\n"
        )?;
        writeln!(out, "NPU of           models   scale     mean (base)   median    p90  in 10 %")?;
        for it in &self.devices {
            let errors = &it.errors;
            writeln!(
                out,
                "{:14}{:9}{:8.2}{:9.1} ({:.1}){:9.1}{:7.1}{:8.0}",
                it.device,
                errors.count,
                it.scale,
                errors.mean_percent,
                it.baseline.mean_percent,
                errors.median_percent,
                errors.p90_percent,
                errors.within_10_percent
            )?;
        }
        writeln!(out, "90 % of measured / predicted: {:.2} to {:.2}", self.interval[0], self.interval[1])
    }
}
