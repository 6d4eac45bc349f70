//! What changes about a device while it works.
//!
//! The seam for everything that slows a processor or speeds it up. A processor's **speed** is the product of one factor for each
//! [`Cause`], 1 being the operating point at which the profile's costs hold. Each cause has one owner, which sets its own
//! factor and knows nothing of the others:
//!
//! - [`Cause::Frequency`]: clocks, set by governors and thermal caps;
//! - [`Cause::Load`]: what background load leaves;
//! - [`Cause::Availability`]: 1, or 0 while the processor is away.
//!
//! [`Environment`] says what will happen, the engine's `dynamics` makes it happen: to add something, describe it here, give it a
//! `Trigger` there, and let its handler call `Engine::set_factor`, which times anew whatever runs. A run whose
//! environment is the default holds no such state and schedules no such event.
//!
//! A kernel that takes `solo` at speed 1 takes `solo x ((1 - m) / s + m)` at a clock of speed `s`: `m` is the share of its time in which it
//! waits for memory ([`Device::memory_share`]). The form, and how well it holds where the latency of each block of six networks was
//! measured at each clock, is in `docs/decisions/0011-speed.md`. Load and absence take time from a kernel whatever it waits for: their
//! factors count in full. A gang runs at the speed of its slowest processor.

mod governor;
mod interface;
mod load;
mod outage;
mod watchdog;

pub use governor::{Governor, PELT_HALF_LIFE_NS, SCHEDUTIL_HEADROOM};
pub use interface::{FrameWork, GPU_SHARE, Interface, PLAY_STORE_FRAMES, Precedence, Slicing};
pub use load::{BandwidthHog, Load, Migration, Presence, Takes};
pub use outage::{Absence, OnOutage, Outage};
pub use watchdog::Watchdog;

use thiserror::Error;

use crate::identifiers::ProcessorId;
use crate::platform::Device;

/// Why a processor is slower or faster than its profile says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Its clock.
    Frequency = 0,
    /// Work of others that is not simulated as such.
    Load = 1,
    /// Whether it is there.
    Availability = 2,
}

impl Cause {
    /// Causes there are.
    pub const COUNT: usize = 3;
}

/// From a time on, a processor's factor for a cause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeedChange {
    /// When.
    pub at_ns: u64,
    /// Whose.
    pub processor: ProcessorId,
    /// Why.
    pub cause: Cause,
    /// The factor from then on: finite, at least 0; at 0 the processor stands still.
    pub factor: f64,
}

/// What will happen to the device during a run. By default nothing, which costs nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Environment {
    /// Changes of speed known beforehand, in any order; of one instant the last in the list counts.
    pub changes: Vec<SpeedChange>,
    /// Who sets the clock of which processor; others stay at their last operating point.
    pub governors: Vec<(ProcessorId, Governor)>,
    /// Temperatures; not modelled if absent. They need the device's power and its thermal network.
    pub climate: Option<Climate>,
    /// Whether energy is accounted for; it always is where temperatures are modelled. Needs the device's power.
    pub energy: bool,
    /// Load by others.
    pub loads: Vec<Load>,
    /// Others that take memory bandwidth.
    pub hogs: Vec<BandwidthHog>,
    /// When processors are away.
    pub outages: Vec<Outage>,
    /// What becomes of work on a processor that vanishes.
    pub on_outage: OnOutage,
    /// Processors whose driver ends kernels that take too long.
    pub watchdogs: Vec<Watchdog>,
    /// Frames of a user interface.
    pub interface: Option<Interface>,
}

/// The air around, and how warm the device is at first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Climate {
    /// Temperature of the air.
    pub ambient_celsius: f64,
    /// Temperature of every node at the start.
    pub initial_celsius: f64,
}

/// Why an environment does not fit a device.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnvironmentError {
    /// A processor that is not there.
    #[error("{what} names processor {index}, but the device has {count}")]
    UnknownProcessor {
        /// What names it.
        what: &'static str,
        /// The missing processor.
        index: u32,
        /// Processors there are.
        count: usize,
    },
    /// A name that no processor has.
    #[error("device `{device}` has no processor `{name}`: it has {}", known.join(", "))]
    NoProcessor {
        /// The device.
        device: String,
        /// The name.
        name: String,
        /// Names there are.
        known: Vec<String>,
    },
    /// The device's profile lacks what is to be modelled.
    #[error("the profile of device `{device}` says nothing of its {what}")]
    Unknown {
        /// The device.
        device: String,
        /// What it lacks.
        what: &'static str,
    },
    /// A governor for a processor without operating points.
    #[error("the profile of device `{device}` has no operating points of processor `{processor}`: nothing to govern")]
    NoClock {
        /// The device.
        device: String,
        /// The processor.
        processor: String,
    },
    /// A temperature that is none.
    #[error("a temperature of the environment is {celsius}: must be finite")]
    Temperature {
        /// Its value.
        celsius: String,
    },
    /// A number out of range that belongs to no single processor.
    #[error("{what} is {value}: must be {right}")]
    Number {
        /// Which number.
        what: String,
        /// Its value.
        value: String,
        /// What would be right.
        right: &'static str,
    },
    /// A number out of range.
    #[error("{what} of processor `{processor}` is {value}: must be {right}")]
    OutOfRange {
        /// Which number.
        what: &'static str,
        /// Whose.
        processor: String,
        /// Its value.
        value: String,
        /// What would be right.
        right: &'static str,
    },
}

impl EnvironmentError {
    fn number(what: String, value: String, right: &'static str) -> Self {
        Self::Number { what, value, right }
    }
}

fn known(what: &'static str, processor: ProcessorId, device: &Device) -> Result<(), EnvironmentError> {
    let count = device.processors().len();
    if processor.index() < count {
        return Ok(());
    }
    Err(EnvironmentError::UnknownProcessor { what, index: processor.0, count })
}

impl Environment {
    /// Whether nothing ever changes.
    pub fn is_constant(&self) -> bool {
        let others_do_nothing =
            self.loads.is_empty() && self.hogs.is_empty() && self.outages.is_empty() && self.watchdogs.is_empty();
        let is_governed = !self.governors.is_empty() || self.climate.is_some() || self.energy;
        self.changes.is_empty() && !is_governed && others_do_nothing && self.interface.is_none()
    }

    /// # Errors
    /// If something names a processor that is not there, or a number is out of range.
    pub fn check(&self, device: &Device) -> Result<(), EnvironmentError> {
        let count = device.processors().len();
        for change in &self.changes {
            if change.processor.index() >= count {
                let index = change.processor.0;
                return Err(EnvironmentError::UnknownProcessor { what: "a change of speed", index, count });
            }
            if !(change.factor.is_finite() && change.factor >= 0.0) {
                return Err(EnvironmentError::OutOfRange {
                    what: "speed factor",
                    processor: device.processor(change.processor).name.clone(),
                    value: change.factor.to_string(),
                    right: "finite and at least 0",
                });
            }
        }
        for (processor, governor) in &self.governors {
            governor.check(*processor, device)?;
        }
        self.loads.iter().try_for_each(|load| load.check(device))?;
        self.hogs.iter().try_for_each(|hog| hog.check(device))?;
        self.outages.iter().try_for_each(|outage| outage.check(device))?;
        self.watchdogs.iter().try_for_each(|watchdog| watchdog.check(device))?;
        self.interface.iter().try_for_each(|interface| interface.check(device))?;
        if (self.energy || self.climate.is_some()) && device.power().is_none() {
            return Err(EnvironmentError::Unknown { device: device.name().to_owned(), what: "power" });
        }
        match &self.climate {
            Some(_) if device.thermal().is_none() => {
                Err(EnvironmentError::Unknown { device: device.name().to_owned(), what: "thermal network" })
            }
            Some(climate) if !(climate.ambient_celsius.is_finite() && climate.initial_celsius.is_finite()) => {
                let celsius = (climate.ambient_celsius + climate.initial_celsius).to_string();
                Err(EnvironmentError::Temperature { celsius })
            }
            _ => Ok(()),
        }
    }
}
