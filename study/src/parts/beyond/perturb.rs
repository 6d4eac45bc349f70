//! Profiles with one number moved.

use scenarios::Profile;
use scenarios::profile::ProcessorKind;
use sim::cost::{ClassModel, CostModelError, CostModels, Feature, FusedCost};

/// A number of a profile, or all of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    CpuKernels,
    GpuKernels,
    CpuLaunch,
    GpuLaunch,
    Invocation,
    CopyLatency,
    Synchronisation,
    CopyPerByte,
    MemoryBandwidth,
    CpuPower,
    GpuPower,
    BasePower,
}

impl Parameter {
    /// All of them.
    pub(super) const ALL: [Self; 12] = [
        Self::CpuKernels,
        Self::GpuKernels,
        Self::CpuLaunch,
        Self::GpuLaunch,
        Self::Invocation,
        Self::CopyLatency,
        Self::Synchronisation,
        Self::CopyPerByte,
        Self::MemoryBandwidth,
        Self::CpuPower,
        Self::GpuPower,
        Self::BasePower,
    ];

    /// In words; times and powers are costs, bandwidth is not.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::CpuKernels => "CPU kernel time",
            Self::GpuKernels => "GPU kernel time",
            Self::CpuLaunch => "CPU launch",
            Self::GpuLaunch => "GPU launch",
            Self::Invocation => "invocation",
            Self::CopyLatency => "copy latency",
            Self::Synchronisation => "synchronisation",
            Self::CopyPerByte => "copy time per byte",
            Self::MemoryBandwidth => "memory bandwidth",
            Self::CpuPower => "CPU power",
            Self::GpuPower => "GPU power",
            Self::BasePower => "base power",
        }
    }

    /// Whether only energy depends on it.
    pub(super) const fn is_power(self) -> bool {
        matches!(self, Self::CpuPower | Self::GpuPower | Self::BasePower)
    }
}

/// The profile with a parameter times a factor, above 0. A factor of 1 changes nothing.
///
/// Kernel times hold launches; the launch alone is the fixed part of a kernel in the linear models, which exact shapes that were measured do
/// not have apart.
///
/// # Errors
/// If a number leaves its range.
pub(super) fn perturbed(profile: &Profile, parameter: Parameter, factor: f64) -> Result<Profile, CostModelError> {
    let mut moved = profile.clone();
    let is_cpu =
        |name: &str| profile.processors.iter().any(|processor| processor.name == name && processor.kind == ProcessorKind::Cpu);
    let runs_on_cpu = |worker: &str| {
        profile.workers.iter().any(|known| known.name == worker && known.cores.keys().any(|processor| is_cpu(processor)))
    };
    let time = |ns: u64| (ns as f64 * factor).round() as u64;
    match parameter {
        Parameter::CpuKernels | Parameter::GpuKernels => {
            for (worker, costs) in &mut moved.costs {
                if runs_on_cpu(worker) == (parameter == Parameter::CpuKernels) {
                    *costs = scaled(costs, factor)?;
                }
            }
        }
        Parameter::CpuLaunch | Parameter::GpuLaunch => {
            for (worker, costs) in &mut moved.costs {
                if runs_on_cpu(worker) == (parameter == Parameter::CpuLaunch) {
                    *costs = with_launch(costs, factor)?;
                }
            }
        }
        Parameter::Invocation => moved.workers.iter_mut().for_each(|worker| worker.invocation_ns = time(worker.invocation_ns)),
        Parameter::CopyLatency => moved.links.iter_mut().for_each(|link| link.fixed_ns = time(link.fixed_ns)),
        Parameter::Synchronisation => {
            moved.links.iter_mut().for_each(|link| link.synchronization_ns = time(link.synchronization_ns));
        }
        Parameter::CopyPerByte => {
            for link in &mut moved.links {
                link.ns_per_byte *= factor;
                link.bytes_per_second = link.bytes_per_second.map(|speed| speed / factor);
            }
        }
        Parameter::MemoryBandwidth => {
            moved.channels.iter_mut().for_each(|channel| channel.bytes_per_second *= factor);
        }
        Parameter::CpuPower | Parameter::GpuPower => {
            for clock in moved.power.iter_mut().flat_map(|power| &mut power.clocks) {
                if is_cpu(&clock.processor) == (parameter == Parameter::CpuPower) {
                    for point in &mut clock.points {
                        point.active_mw *= factor;
                        point.idle_mw *= factor;
                    }
                }
            }
        }
        Parameter::BasePower => moved.power.iter_mut().for_each(|power| power.base_mw *= factor),
    }
    Ok(moved)
}

fn classes(costs: &CostModels) -> impl Iterator<Item = ClassModel> + '_ {
    costs.classes().iter().chain(costs.operators()).cloned()
}

/// All durations times a factor.
fn scaled(costs: &CostModels, factor: f64) -> Result<CostModels, CostModelError> {
    let fused = costs.fused().iter().map(|(name, cost)| {
        (name.clone(), FusedCost { launch_ns: cost.launch_ns * factor, element_ns: cost.element_ns * factor })
    });
    CostModels::new(costs.element_bytes(), costs.scale() * factor, classes(costs).collect())?
        .with_alone_ns(costs.alone_ns() * factor)?
        .with_fused(fused.collect())
}

/// Fixed parts of kernels times a factor.
fn with_launch(costs: &CostModels, factor: f64) -> Result<CostModels, CostModelError> {
    let moved = classes(costs).map(|mut model| {
        for (feature, coefficient) in model.coefficients.iter_mut().chain(&mut model.memory_coefficients) {
            if *feature == Feature::Launch {
                *coefficient *= factor;
            }
        }
        model.minimum_ns *= factor;
        model
    });
    let fused = costs
        .fused()
        .iter()
        .map(|(name, cost)| (name.clone(), FusedCost { launch_ns: cost.launch_ns * factor, element_ns: cost.element_ns }));
    CostModels::new(costs.element_bytes(), costs.scale(), moved.collect())?
        .with_alone_ns(costs.alone_ns() * factor)?
        .with_fused(fused.collect())
}

#[cfg(test)]
mod tests {
    use scenarios::Reference;

    use super::*;

    fn profile(name: &str) -> Profile {
        Profile::open(&Reference::BuiltIn(name.to_owned())).expect("of the library").value
    }

    #[test]
    fn a_factor_of_one_changes_nothing() {
        for name in ["pixel4", "xiaomi9_sd855"] {
            let profile = profile(name);
            for parameter in Parameter::ALL {
                assert_eq!(perturbed(&profile, parameter, 1.0).expect("in range"), profile, "{name}: {}", parameter.name());
            }
        }
    }

    #[test]
    fn each_parameter_changes_something_and_only_its_own() {
        let profile = profile("pixel4");
        for parameter in Parameter::ALL {
            let moved = perturbed(&profile, parameter, 1.2).expect("in range");
            // The Pixel 4's copies have no wait of their own: it is in their latency.
            let has_none =
                parameter == Parameter::Synchronisation && profile.links.iter().all(|link| link.synchronization_ns == 0);
            assert_eq!(moved == profile, has_none, "{}", parameter.name());
            if parameter.is_power() {
                assert_eq!((&moved.costs, &moved.links, &moved.workers), (&profile.costs, &profile.links, &profile.workers));
            }
        }
        let slower = perturbed(&profile, Parameter::GpuKernels, 2.0).expect("in range");
        assert_eq!(slower.costs["cpu.1large"], profile.costs["cpu.1large"]);
        assert!((slower.costs["gpu"].scale() / profile.costs["gpu"].scale() - 2.0).abs() < 1e-12);
    }
}
