//! The device profile: the processors of a measured phone, scaled where they are another's, and the NPU.

use std::collections::BTreeMap;

use scenarios::Profile;
use scenarios::profile::{Link, Origin, Processor, ProcessorKind, Source, Worker};
use sim::cost::{ClassModel, CostModels, Feature, KernelClass, Provenance};
use sim::platform::{SupportRule, SupportRules};

use crate::npu::fit::{self, Fitted};
use crate::npu::terms::{BOUNDARY, CONSTANT, TERMS};
use crate::npu::{MEASURED, Measurements, NpuDevice, Precision, Validation, ranges};
use crate::power;
use crate::usc::FitError;
use crate::usc::round::significant;
use crate::whole::{Errors, model_errors};

/// Name of the worker, its processor and its memory.
pub(super) const NPU: &str = "npu";
/// Inputs and outputs of the measured models are of 4 bytes an element, whatever the NPU computes with.
const BOUNDARY_BYTES: f64 = 4.0;
/// Tensors that the NPU takes have at most this many dimensions.
const MAXIMUM_RANK: u32 = 5;

/// What no term prices, by another class's prices.
const ASSUMED: [(KernelClass, KernelClass); 2] =
    [(KernelClass::TransposedConvolution, KernelClass::Convolution), (KernelClass::Recurrent, KernelClass::FullyConnected)];

/// The profile; `base` is that of the phone whose CPU and GPU were measured.
pub(super) fn build(
    device: &NpuDevice,
    base: &str,
    measured: &Measurements,
    validation: &Validation,
) -> Result<Profile, FitError> {
    let mut profile = Profile::parse(MEASURED, base).map_err(|error| FitError::Write(error.to_string()))?;
    let fitted = fit::fit(measured, &measured.features, &fit::prior(), None)?;
    let position = measured.devices.iter().position(|name| name == device.measured_as);
    let position = position.ok_or_else(|| FitError::Write(format!("no measurements of `{}`", device.measured_as)))?;
    scale_others(&mut profile, device)?;
    describe(&mut profile, device, measured, position);
    let scale = fitted.scales[position];
    profile.processors.push(Processor {
        name: NPU.to_owned(),
        kind: ProcessorKind::Npu,
        cores: 1,
        frequencies_khz: Vec::new(),
        origin: Some(Origin::Published),
    });
    profile.memories.push(NPU.to_owned());
    let ns_per_byte = significant(fitted.coefficients[BOUNDARY] * scale / BOUNDARY_BYTES, 4);
    profile
        .links
        .extend([link("host-to-npu", &profile.host, NPU, ns_per_byte), link("npu-to-host", NPU, &profile.host, ns_per_byte)]);
    profile.workers.push(worker(device, validation, position, fitted.coefficients[CONSTANT] * scale));
    profile.support.insert(NPU.to_owned(), support());
    profile.costs.insert(NPU.to_owned(), costs(device, &fitted, scale, validation, position)?);
    Ok(profile)
}

/// The CPU and the GPU of a phone that is not the one measured: nothing is in range.
fn scale_others(profile: &mut Profile, device: &NpuDevice) -> Result<(), FitError> {
    if device.gpu_factor.is_none() {
        profile.workers.retain(|worker| worker.name != "gpu");
        profile.processors.retain(|processor| processor.name != "gpu");
        profile.costs.remove("gpu");
    }
    if device.note.is_empty() {
        return Ok(());
    }
    for processor in &mut profile.processors {
        (processor.frequencies_khz, processor.origin) = (Vec::new(), Some(Origin::Assumed));
    }
    for worker in &mut profile.workers {
        let factor = if worker.name == "gpu" { device.gpu_factor.unwrap_or(1.0) } else { device.cpu_factor };
        worker.invocation_ns = libm::round(worker.invocation_ns as f64 * factor) as u64;
        worker.origin = Some(Origin::Assumed);
        let of = &profile.costs[&worker.name];
        let assumed = |model: &ClassModel| ClassModel { provenance: Provenance::Assumed, range: None, ..model.clone() };
        let classes = of.classes().iter().map(assumed).collect();
        let scaled = CostModels::new(of.element_bytes(), significant(of.scale() * factor, 5), classes)?;
        profile.costs.insert(worker.name.clone(), scaled);
    }
    Ok(())
}

fn describe(profile: &mut Profile, device: &NpuDevice, measured: &Measurements, position: usize) {
    device.device.clone_into(&mut profile.name);
    let others = if device.note.is_empty() {
        "CPU and GPU: ncnn, least latency of its benchmark."
    } else {
        "CPU and GPU NOT MEASURED: those of a Snapdragon 8 Gen 2 by ncnn, scaled by what their makers say."
    };
    let precision = match device.precision {
        Precision::Float16 => "half precision",
        Precision::Int8 => "8 bits; the other processors compute in floating point",
    };
    profile.description = format!(
        "{}. {others} NPU: TFLite by Qualcomm's delegate, {precision}. No power, no costs of sharing of CPU and GPU.",
        device.description
    );
    let count = measured.measured_ns.iter().filter(|row| row[position].is_some()).count();
    let npu = format!("NPU: {count} models on it, {} on {} devices", measured.models.len(), measured.devices.len());
    let provenance = &mut profile.provenance;
    provenance.command = Some(format!("socrates calibrate fit --device {}", device.device));
    let base = provenance.fitted_on.take().unwrap_or_default();
    provenance.fitted_on = Some(if device.note.is_empty() {
        format!("CPU and GPU: {base}; {npu}")
    } else {
        format!("CPU and GPU: nothing, derived from `{MEASURED}`, {}; {npu}", device.note)
    });
    provenance.sources.push(Source {
        name: "quic/ai-hub-models".to_owned(),
        licence: "BSD-3-Clause".to_owned(),
        location: Some("https://github.com/quic/ai-hub-models, commit 52c080d2, perf.yaml of each model".to_owned()),
        note: Some("latency of whole models on the NPU; see hwcal/data/README.md".to_owned()),
    });
}

fn link(name: &str, from: &str, to: &str, ns_per_byte: f64) -> Link {
    Link {
        name: name.to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
        fixed_ns: 0,
        synchronization_ns: 0,
        ns_per_byte,
        bytes_per_second: None,
        channels: Vec::new(),
        blocks: None,
        origin: Some(Origin::Fitted),
    }
}

fn worker(device: &NpuDevice, validation: &Validation, position: usize, constant_ns: f64) -> Worker {
    let kernels = match device.precision {
        Precision::Float16 => "Qualcomm AI Engine Direct by TFLite, fp16",
        Precision::Int8 => "Qualcomm AI Engine Direct by TFLite, int8",
    };
    Worker {
        name: NPU.to_owned(),
        cores: BTreeMap::from([(NPU.to_owned(), 1)]),
        memory: NPU.to_owned(),
        memory_share: power::MEMORY_SHARE,
        slowdown: None,
        invocation_ns: libm::round(constant_ns) as u64,
        model_errors: Some(model_errors(&validation.devices[position].errors, validation.interval)),
        support: Some(NPU.to_owned()),
        repacks_weights: true,
        falls_back_to: None,
        fuses: None,
        opens: None,
        hardware: None,
        kernels: Some(kernels.to_owned()),
        driver: None,
        origin: Some(Origin::Fitted),
    }
}

/// What the layers per unit of the measured models show: all but eight of 111 parts of models ran whole on the NPU, and the one with recurrent
/// cells not at all. That scattering and what depends on data is left to the CPU is assumed.
fn support() -> SupportRules {
    let rule = |op_type: Option<&str>, supported: bool, reason: &str| SupportRule {
        op_type: op_type.map(str::to_owned),
        kind: None,
        maximum_rank: supported.then_some(MAXIMUM_RANK),
        supported,
        reason: reason.to_owned(),
    };
    let recurrent = "models with recurrent cells ran on the CPU";
    let data = "what depends on the values of data is left to the CPU";
    let mut rules: Vec<SupportRule> = ["LSTM", "GRU", "RNN"].into_iter().map(|name| rule(Some(name), false, recurrent)).collect();
    let by_data = ["NonMaxSuppression", "NonZero", "ScatterND", "ScatterElements", "Unique", "Loop", "If"];
    rules.extend(by_data.into_iter().map(|name| rule(Some(name), false, data)));
    rules.push(rule(None, true, "tensors have at most 5 dimensions"));
    SupportRules { rules, default_supported: true }
}

fn costs(
    device: &NpuDevice,
    fitted: &Fitted,
    scale: f64,
    validation: &Validation,
    position: usize,
) -> Result<CostModels, FitError> {
    let priced = |class: KernelClass| -> Vec<(Feature, f64)> {
        let of_class = TERMS.iter().zip(&fitted.coefficients).flat_map(|(term, coefficient)| {
            term.prices.iter().filter(move |price| price.0 == class).map(move |price| (price.1, coefficient * scale))
        });
        of_class.filter(|&(_, coefficient)| coefficient > 0.0).collect()
    };
    let models = &validation.devices[position].errors;
    let errors = Errors { models, log_deviation: validation.log_deviation };
    let ranges = ranges()?;
    let model = |class: KernelClass| {
        let stands_in = ASSUMED.iter().find(|row| row.0 == class);
        let basis = stands_in.map_or(Provenance::Fitted, |_| Provenance::Assumed);
        let range = ranges.get(&class).copied().filter(|_| basis == Provenance::Fitted);
        errors.model(class, basis, priced(stands_in.map_or(class, |row| row.1)), range, models.count as u32)
    };
    let element_bytes = match device.precision {
        Precision::Float16 => 2,
        Precision::Int8 => 1,
    };
    let classes = KernelClass::ALL.into_iter().map(model).collect::<Result<_, FitError>>()?;
    Ok(CostModels::new(element_bytes, 1.0, classes)?)
}
