//! Phones without any measurement: the profile of another one, scaled by what their maker says of both.

use std::collections::BTreeMap;

use scenarios::Profile;
use scenarios::profile::Origin;
use sim::cost::{ClassModel, CostModels, Provenance, ShapeTable};

use crate::usc::FitError;
use crate::usc::round::significant;

/// A phone that is derived from another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Derived {
    /// Name of the device.
    pub device: &'static str,
    /// Campaign that it is derived from.
    pub from: &'static str,
    /// What the device is.
    pub description: &'static str,
    /// How many times as long the CPU takes.
    pub cpu_factor: f64,
    /// How many times as long the GPU's kernels take. What a whole model takes besides is the CPU's work.
    pub gpu_factor: f64,
    /// Where the factors come from.
    pub note: &'static str,
    /// Workers that it has.
    pub workers: &'static [&'static str],
    /// Cores and highest clock in kHz of the large cluster, and of the GPU.
    pub clocks_khz: [(&'static str, u32, u64); 2],
    /// Reachable bandwidth of memory.
    pub dram_bytes_per_second: f64,
}

/// Every derived phone.
pub const DERIVED: [Derived; 1] = [Derived {
    device: "iphone7",
    from: "iphonexs",
    description: "Apple iPhone 7: A10 (2 large cores; the 2 small ones never run beside them), PowerVR GPU of 6 cores. \
        NOT MEASURED: the profile of an iPhone XS, scaled by what Apple says of the generations between. TFLite, fp32 on the CPU, fp16 on the GPU.",
    // A11 against A10: large cores 25 % faster, GPU 30 %; A12 against A11: large cores 15 % faster, GPU up to 50 %.
    cpu_factor: 1.25 * 1.15,
    gpu_factor: 1.3 * 1.5,
    note: "Apple's keynotes: A11 against A10, large cores 25 % faster, GPU 30 %; A12 against A11, large cores 15 % faster, GPU up to 50 %",
    workers: &["cpu.1large", "cpu.2large", "gpu"],
    clocks_khz: [("large", 2, 2_340_000), ("gpu", 1, 900_000)],
    // 0.88 of 25.6 GB/s.
    dram_bytes_per_second: 22.528e9,
}];

/// The derived phone of a name.
pub fn derived(device: &str) -> Option<&'static Derived> {
    DERIVED.iter().find(|derived| derived.device == device)
}

/// The text of the profile, from that of the phone that it is derived from.
pub fn text(derived: &Derived, from: &str) -> Result<String, FitError> {
    let mut profile = Profile::parse(derived.from, from).map_err(|error| FitError::Write(error.to_string()))?;
    derived.device.clone_into(&mut profile.name);
    derived.description.clone_into(&mut profile.description);
    profile.provenance.command = Some(format!("socrates calibrate fit --device {}", derived.device));
    profile.provenance.fitted_on = Some(format!("nothing: derived from `{}`; {}", derived.from, derived.note));
    profile.workers.retain(|worker| derived.workers.contains(&worker.name.as_str()));
    profile.processors.retain(|processor| derived.clocks_khz.iter().any(|clock| clock.0 == processor.name));
    for processor in &mut profile.processors {
        if let Some(&(_, cores, khz)) = derived.clocks_khz.iter().find(|clock| clock.0 == processor.name) {
            (processor.cores, processor.frequencies_khz, processor.origin) = (cores, vec![khz], Some(Origin::Assumed));
        }
    }
    for channel in &mut profile.channels {
        (channel.bytes_per_second, channel.origin) = (derived.dram_bytes_per_second, Some(Origin::Assumed));
    }
    for worker in &mut profile.workers {
        worker.invocation_ns = libm::round(worker.invocation_ns as f64 * derived.cpu_factor) as u64;
        worker.origin = Some(Origin::Assumed);
    }
    let mut costs = BTreeMap::new();
    for worker in &profile.workers {
        let factor = if worker.name == "gpu" { derived.gpu_factor } else { derived.cpu_factor };
        let of = &profile.costs[&worker.name];
        // Nothing was measured on this phone, and nothing is in range.
        let assumed = |model: &ClassModel| ClassModel {
            provenance: Provenance::Assumed,
            shapes: ShapeTable::default(),
            range: None,
            ..model.clone()
        };
        let classes = of.classes().iter().map(assumed).collect();
        costs.insert(worker.name.clone(), CostModels::new(of.element_bytes(), significant(of.scale() * factor, 5), classes)?);
    }
    profile.costs = costs;
    profile.to_toml().map_err(|error| FitError::Write(error.to_string()))
}
