//! The CPU that the NPU's runtime falls back to, as a worker of the profile.

use std::collections::BTreeMap;
use std::fmt::Write;

use scenarios::Profile;
use scenarios::profile::{Origin, Worker};
use sim::cost::{CostModels, Feature, KernelClass, Provenance};

use super::fit::Fitted;
use super::report::FallbackValidation;
use super::terms::{SEGMENT, TERMS};
use crate::npu::{NpuDevice, Precision, ranges};
use crate::power;
use crate::usc::FitError;
use crate::whole::{Errors, model_errors};

/// Name of the worker.
const WORKER: &str = "cpu.onnxruntime";
/// The processor whose cores it takes: all of them, ONNX Runtime's default (assumed).
const CPU: &str = "cpu";

/// What no run priced, by another class's prices.
const ASSUMED: [(KernelClass, KernelClass); 2] =
    [(KernelClass::TransposedConvolution, KernelClass::Convolution), (KernelClass::Recurrent, KernelClass::FullyConnectedRows)];

/// Classes priced by runs in integers.
const IN_INTEGERS: [KernelClass; 11] = [
    KernelClass::Convolution,
    KernelClass::SinglePixelConvolution,
    KernelClass::GroupedConvolution,
    KernelClass::DepthwiseConvolution,
    KernelClass::FullyConnected,
    KernelClass::FullyConnectedRows,
    KernelClass::MatrixMultiply,
    KernelClass::Elementwise,
    KernelClass::Softmax,
    KernelClass::Concatenate,
    KernelClass::DataMovement,
];
/// Classes whose kernels are the same for models in floating point; the rest was measured with 16-bit activations, quantised around each kernel.
const IN_FLOATING_POINT: [KernelClass; 2] = [KernelClass::FullyConnectedRows, KernelClass::MatrixMultiply];

/// Adds the worker, and says of the accelerator of the given name that it falls back to it.
pub(in crate::npu) fn add(
    profile: &mut Profile,
    accelerator: &str,
    device: &NpuDevice,
    fitted: &Fitted,
    validation: &FallbackValidation,
) -> Result<(), FitError> {
    let found = fitted.scales.get(device.measured_as).copied();
    let (scale, is_measured) = found.ok_or_else(|| FitError::Write(format!("no CPU of `{}`", device.measured_as)))?;
    let cores = profile.processors.iter().find(|it| it.name == CPU).map_or(1, |it| it.cores);
    let mut npu_ns = 0;
    for worker in profile.workers.iter_mut().filter(|worker| worker.name == accelerator) {
        worker.falls_back_to = Some(WORKER.to_owned());
        npu_ns = worker.invocation_ns;
    }
    profile.description.push_str(" What the NPU refuses falls back to ONNX Runtime's CPU kernels.");
    let by = if is_measured { "" } else { ", scaled by what TFLite takes on the CPU" };
    if let Some(fitted_on) = &mut profile.provenance.fitted_on {
        // Writing to a string cannot fail.
        let _ = write!(
            fitted_on,
            "; what falls back: {} runs by ONNX Runtime on NPU and CPU or the CPU alone{by}",
            validation.errors.count
        );
    }
    // The NPU pays its own invocation for each segment.
    let invocation_ns = (libm::round(fitted.coefficients[SEGMENT] * scale) as u64).saturating_sub(npu_ns);
    let kernels = match device.precision {
        Precision::Int8 => "ONNX Runtime, models of 8 bits: convolutions in int8, products in fp32",
        Precision::Float16 => "ONNX Runtime, fp32",
    };
    profile.workers.push(Worker {
        name: WORKER.to_owned(),
        cores: BTreeMap::from([(CPU.to_owned(), cores)]),
        memory: profile.host.clone(),
        memory_share: power::MEMORY_SHARE,
        slowdown: None,
        invocation_ns,
        model_errors: is_measured.then(|| model_errors(&validation.errors, validation.interval)),
        support: None,
        repacks_weights: false,
        falls_back_to: None,
        fuses: None,
        opens: None,
        hardware: None,
        kernels: Some(kernels.to_owned()),
        driver: None,
        origin: Some(if is_measured { Origin::Fitted } else { Origin::Assumed }),
    });
    profile.costs.insert(WORKER.to_owned(), costs(device.precision, fitted, scale, is_measured, validation)?);
    Ok(())
}

fn costs(
    precision: Precision,
    fitted: &Fitted,
    scale: f64,
    is_measured: bool,
    validation: &FallbackValidation,
) -> Result<CostModels, FitError> {
    let priced = |class: KernelClass| -> Vec<(Feature, f64)> {
        let mut sums: BTreeMap<Feature, f64> = BTreeMap::new();
        for (term, coefficient) in TERMS.iter().zip(&fitted.coefficients) {
            if term.precision.is_some_and(|of| of != precision) {
                continue;
            }
            for &(_, feature, factor) in term.prices.iter().filter(|price| price.0 == class) {
                *sums.entry(feature).or_default() += factor * coefficient * scale;
            }
        }
        sums.into_iter().filter(|&(_, coefficient)| coefficient > 0.0).collect()
    };
    let seen: &[KernelClass] = match precision {
        Precision::Int8 => &IN_INTEGERS,
        Precision::Float16 => &IN_FLOATING_POINT,
    };
    let errors = Errors { models: &validation.errors, log_deviation: validation.log_deviation };
    let ranges = ranges()?;
    let model = |class: KernelClass| {
        let stands_in = ASSUMED.iter().find(|row| row.0 == class).map(|row| row.1);
        let basis = if is_measured && seen.contains(&class) { Provenance::Fitted } else { Provenance::Assumed };
        let range = ranges.get(&class).copied().filter(|_| basis == Provenance::Fitted);
        errors.model(class, basis, priced(stands_in.unwrap_or(class)), range, validation.errors.count as u32)
    };
    let classes = KernelClass::ALL.into_iter().map(model).collect::<Result<_, FitError>>()?;
    Ok(CostModels::new(4, 1.0, classes)?)
}
