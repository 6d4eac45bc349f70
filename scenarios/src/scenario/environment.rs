//! What changes about the device: as written, as validated, and as the simulator takes it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim::environment::{self, Climate, EnvironmentError};
use sim::identifiers::ProcessorId;
use sim::platform::Device;

use crate::scenario::others::{Others, RawHog, RawInterface, RawLoad, RawOnOutage, RawOutage, others};
use crate::scenario::watchdog::RawWatchdog;
use crate::text::{At, Diagnostics, Duration, Frequency};

/// What changes about the device, and what of it is accounted for. The device's profile has to say what it draws and how it heats up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawEnvironment {
    /// Who sets the clocks of processors that `governors` does not name; they stay at their highest operating point if absent.
    pub governor: Option<At<RawGovernor>>,
    /// Who sets the clock of a processor, by its name.
    pub governors: Option<BTreeMap<At<String>, At<RawGovernor>>>,
    /// Whether energy is accounted for; it is where temperatures are modelled.
    pub energy: Option<bool>,
    /// Whether temperatures are modelled; they are not if absent.
    pub thermal: Option<bool>,
    /// Temperature of the air around; 25 if absent.
    #[schemars(range(min = -60, max = 120))]
    pub ambient_celsius: Option<At<f64>>,
    /// Temperature of the device at first; that of the air if absent.
    #[schemars(range(min = -60, max = 150))]
    pub initial_celsius: Option<At<f64>>,
    /// What a full battery holds, in milliwatt hours; what the profile says if absent.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub battery_mwh: Option<At<f64>>,
    /// Load by others.
    pub load: Option<At<Vec<At<RawLoad>>>>,
    /// Others that take memory bandwidth.
    pub hog: Option<At<Vec<At<RawHog>>>>,
    /// When processors are away.
    pub outage: Option<At<Vec<At<RawOutage>>>>,
    /// What becomes of work on a processor that vanishes; a kernel under way begins anew if absent.
    pub on_outage: Option<RawOnOutage>,
    /// Drivers that end kernels that take too long.
    pub watchdog: Option<At<Vec<At<RawWatchdog>>>>,
    /// A user interface; none if absent.
    pub interface: Option<RawInterface>,
}

/// Who sets a clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawGovernor {
    /// The highest operating point.
    Performance,
    /// The lowest.
    Powersave,
    /// After Linux: the slowest point that leaves a quarter of the busy time free.
    Schedutil(RawSchedutil),
    /// One frequency.
    Fixed(RawFixed),
    /// Given frequencies from given times on.
    Trace(RawFrequencies),
}

/// See [`RawGovernor::Schedutil`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSchedutil {
    /// Time between two decisions; 10ms if absent.
    pub period: Option<At<Duration>>,
}

/// See [`RawGovernor::Fixed`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFixed {
    /// The frequency, one of the processor's operating points.
    #[schemars(required, extend("examples" = ["1.0GHz"]))]
    pub frequency: Option<At<Frequency>>,
}

/// See [`RawGovernor::Trace`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFrequencies {
    /// Times, ascending.
    #[schemars(required, length(min = 1), extend("examples" = [["0s", "10s"]]))]
    pub times: Option<At<Vec<At<Duration>>>>,
    /// The frequency from each time on, each an operating point.
    #[schemars(required, length(min = 1), extend("examples" = [["2.0GHz", "1.0GHz"]]))]
    pub frequencies: Option<At<Vec<At<Frequency>>>>,
}

/// Time between two decisions of `schedutil`, if none is given.
const SCHEDUTIL_PERIOD_NS: u64 = 10_000_000;
/// Shortest time between two decisions.
const SHORTEST_PERIOD_NS: u64 = 10_000;
/// Temperature of a room.
const ROOM_CELSIUS: f64 = 25.0;

/// What changes about the device; by default nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Environment {
    /// Who sets the clocks of all others.
    pub governor: Option<environment::Governor>,
    /// Who sets the clock of a processor, by its name.
    pub governors: Vec<(String, environment::Governor)>,
    /// Whether energy is accounted for.
    pub energy: bool,
    /// Temperatures, where they are modelled.
    pub climate: Option<Climate>,
    /// What a full battery holds, whatever the profile says.
    pub battery_mwh: Option<f64>,
    /// Who else uses the device, and when parts of it are away.
    pub others: Others,
}

impl Environment {
    /// As the simulator takes it.
    ///
    /// # Errors
    /// If the device lacks a processor or what has to be known of it.
    pub fn simulated(&self, device: &Device) -> Result<environment::Environment, EnvironmentError> {
        let mut governors = Vec::new();
        for (index, processor) in device.processors().iter().enumerate() {
            let has_clock = device.power().is_some_and(|power| !power.clocks[index].points.is_empty());
            let own = self.governors.iter().find(|(name, _)| *name == processor.name).map(|(_, governor)| governor);
            let common = self.governor.as_ref().filter(|_| has_clock);
            governors.extend(own.or(common).map(|governor| (ProcessorId::from_index(index), governor.clone())));
        }
        let named = |name: &String| device.processors().iter().any(|processor| processor.name == *name);
        if let Some((name, _)) = self.governors.iter().find(|(name, _)| !named(name)) {
            let known = device.processors().iter().map(|processor| processor.name.clone()).collect();
            return Err(EnvironmentError::NoProcessor { device: device.name().to_owned(), name: name.clone(), known });
        }
        let mut simulated = environment::Environment {
            governors,
            climate: self.climate,
            energy: self.energy,
            ..environment::Environment::default()
        };
        self.others.join(device, &mut simulated)?;
        simulated.check(device)?;
        Ok(simulated)
    }
}

/// Validates an environment.
pub(super) fn environment(raw: &RawEnvironment, diagnostics: &mut Diagnostics) -> Environment {
    let ambient_celsius = raw.ambient_celsius.as_ref().map_or(ROOM_CELSIUS, |at| at.value);
    let thermal = raw.thermal.unwrap_or(false);
    let given = [&raw.ambient_celsius, &raw.initial_celsius].into_iter().flatten();
    for at in given.filter(|_| !thermal) {
        diagnostics.error(at.span.clone(), "a temperature, but temperatures are not modelled").hint("add `thermal = true`");
    }
    let climate =
        Climate { ambient_celsius, initial_celsius: raw.initial_celsius.as_ref().map_or(ambient_celsius, |at| at.value) };
    let named = raw.governors.iter().flatten().filter_map(|(name, at)| Some((name.value.clone(), governor(at, diagnostics)?)));
    let governors = named.collect();
    Environment {
        governor: raw.governor.as_ref().and_then(|at| governor(at, diagnostics)),
        governors,
        energy: raw.energy.unwrap_or(false) || thermal,
        climate: thermal.then_some(climate),
        battery_mwh: raw.battery_mwh.as_ref().map(|at| at.value),
        others: others(raw, diagnostics),
    }
}

fn governor(at: &At<RawGovernor>, diagnostics: &mut Diagnostics) -> Option<environment::Governor> {
    let kilohertz = |at: &At<Frequency>, diagnostics: &mut Diagnostics| {
        diagnostics.quantity(at, at.value.parse(), Frequency::hint).map(|hertz: u64| hertz / 1000)
    };
    match &at.value {
        RawGovernor::Performance => Some(environment::Governor::Performance),
        RawGovernor::Powersave => Some(environment::Governor::Powersave),
        RawGovernor::Schedutil(raw) => {
            let Some(at) = &raw.period else {
                return Some(environment::Governor::Schedutil { period_ns: SCHEDUTIL_PERIOD_NS });
            };
            let period_ns = diagnostics.quantity(at, at.value.parse(), Duration::hint)?;
            if period_ns < SHORTEST_PERIOD_NS {
                diagnostics.error(at.span.clone(), format!("`{}` is out of range", at.value.0)).hint("must be at least 10us");
            }
            Some(environment::Governor::Schedutil { period_ns })
        }
        RawGovernor::Fixed(raw) => Some(environment::Governor::fixed(kilohertz(raw.frequency.as_ref()?, diagnostics)?)),
        RawGovernor::Trace(raw) => {
            let (times, frequencies) = (raw.times.as_ref()?, raw.frequencies.as_ref()?);
            if times.value.len() != frequencies.value.len() {
                let message = format!("{} times, but {} frequencies", times.value.len(), frequencies.value.len());
                diagnostics.error(frequencies.span.clone(), message).hint("write one frequency for each time");
            }
            let mut steps: Vec<(u64, u64)> = Vec::new();
            for (time, frequency) in times.value.iter().zip(&frequencies.value) {
                let at_ns = diagnostics.quantity(time, time.value.parse(), Duration::hint)?;
                if steps.last().is_some_and(|&(before_ns, _)| at_ns < before_ns) {
                    let message = format!("time `{}` is earlier than the one before it", time.value.0);
                    diagnostics.error(time.span.clone(), message).hint("times must ascend");
                }
                steps.push((at_ns, kilohertz(frequency, diagnostics)?));
            }
            Some(environment::Governor::Trace(steps))
        }
    }
}
