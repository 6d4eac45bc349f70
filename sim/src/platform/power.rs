//! What a device draws, what it can run at, and how it heats up: facts that only runs that model them look at.

use crate::identifiers::ProcessorId;
use crate::platform::DeviceError;

/// A clock that a processor can run at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OperatingPoint {
    /// Frequency.
    pub frequency_khz: u64,
    /// Power of a core that is occupied, above what the processor draws idle at this point.
    pub active_w: f64,
    /// Power of the whole processor whether it works or not.
    pub idle_w: f64,
}

/// Operating points of a processor; the profile's costs hold at the last of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clock {
    /// Points by ascending frequency; empty where nothing is known.
    pub points: Vec<OperatingPoint>,
    /// From asking for another point until it is in force.
    pub switch_ns: u64,
    /// Whether the processor stands still meanwhile.
    pub switch_stalls: bool,
}

impl Clock {
    /// Speed at a point, 1 at the last: performance goes with frequency, what memory bounds is the worker's
    /// [`memory_share`](crate::platform::Device::memory_share).
    pub fn speed(&self, point: usize) -> f64 {
        let top = self.points.last().map_or(1, |last| last.frequency_khz);
        self.points.get(point).map_or(1.0, |point| point.frequency_khz as f64 / top as f64)
    }

    /// The slowest point of at least a frequency; the last where none is.
    pub fn at_least(&self, frequency_khz: f64) -> usize {
        let slower = self.points.partition_point(|point| (point.frequency_khz as f64) < frequency_khz);
        slower.min(self.points.len().saturating_sub(1))
    }
}

/// Power of a device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Power {
    /// What everything else draws: display, radio, what is never off.
    pub base_w: f64,
    /// Energy of a byte between a processor and memory.
    pub memory_j_per_byte: f64,
    /// For each processor, its clock.
    pub clocks: Vec<Clock>,
    /// What a full battery holds.
    pub battery_j: Option<f64>,
}

/// Something that has a temperature.
#[derive(Clone, Debug, PartialEq)]
pub struct ThermalNode {
    /// Name, e.g. `soc` or `skin`.
    pub name: String,
    /// Heat capacity.
    pub capacity_j_per_k: f64,
    /// Thermal resistance to the air around; `None` for a node that only touches others.
    pub ambient_k_per_w: Option<f64>,
}

/// What heats a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeatSource {
    /// A processor, working or idle.
    Processor(ProcessorId),
    /// Traffic between processors and memory.
    Memory,
    /// Everything else.
    Base,
}

/// A temperature at which clocks are lowered, as Linux's `step_wise` does: one operating point at every look while the node is at least
/// that hot, one point up again once it has cooled by the hysteresis.
#[derive(Clone, Debug, PartialEq)]
pub struct Trip {
    /// Index of the node.
    pub node: usize,
    /// Temperature from which on it caps.
    pub at_celsius: f64,
    /// How far the node has to cool before the cap rises.
    pub hysteresis_k: f64,
    /// Whose clocks, each with the frequency that it is never capped below.
    pub caps: Vec<(ProcessorId, u64)>,
}

/// A network of heat capacities and resistances, and what happens when it gets hot.
///
/// `C dT/dt = P - (T - T_ambient) / R - sum over neighbours of (T - T') / R'`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thermal {
    /// Nodes.
    pub nodes: Vec<ThermalNode>,
    /// Resistances between nodes in K/W.
    pub resistances: Vec<(usize, usize, f64)>,
    /// Which node each source heats; one that is not here heats nothing.
    pub heats: Vec<(HeatSource, usize)>,
    /// Trip points.
    pub trips: Vec<Trip>,
    /// Time between two looks at the temperatures.
    pub polling_ns: u64,
}

fn refuse(what: &'static str, owner: &str, value: impl std::fmt::Display, right: &'static str) -> DeviceError {
    DeviceError::OutOfRange { what, owner: owner.to_owned(), value: value.to_string(), right }
}

/// Reports every number that is out of range. `owners` are the names of the processors.
pub(super) fn check_power(power: &Power, owners: &[&str], errors: &mut Vec<DeviceError>) {
    let unsigned = |value: f64| value.is_finite() && value >= 0.0;
    for (what, value) in [("base power", power.base_w), ("energy per byte", power.memory_j_per_byte)] {
        if !unsigned(value) {
            errors.push(refuse(what, "power", value, "finite and at least 0"));
        }
    }
    if power.battery_j.is_some_and(|joules| !(joules.is_finite() && joules > 0.0)) {
        errors.push(refuse("battery", "power", power.battery_j.unwrap_or(0.0), "finite and above 0"));
    }
    for (clock, owner) in power.clocks.iter().zip(owners) {
        for point in &clock.points {
            for (what, value) in [("active power", point.active_w), ("idle power", point.idle_w)] {
                if !unsigned(value) {
                    errors.push(refuse(what, owner, value, "finite and at least 0"));
                }
            }
        }
        let ascending = clock.points.windows(2).all(|pair| pair[0].frequency_khz < pair[1].frequency_khz);
        if !ascending || clock.points.first().is_some_and(|first| first.frequency_khz == 0) {
            errors.push(refuse("list of operating points", owner, "not ascending", "by ascending frequency, above 0"));
        }
    }
}

/// Reports every number that is out of range and every index that names nothing.
pub(super) fn check_thermal(thermal: &Thermal, processors: usize, errors: &mut Vec<DeviceError>) {
    let positive = |value: f64| value.is_finite() && value > 0.0;
    let nodes = thermal.nodes.len();
    for node in &thermal.nodes {
        if !positive(node.capacity_j_per_k) {
            errors.push(refuse("heat capacity", &node.name, node.capacity_j_per_k, "finite and above 0"));
        }
        if let Some(resistance) = node.ambient_k_per_w.filter(|&resistance| !positive(resistance)) {
            errors.push(refuse("thermal resistance", &node.name, resistance, "finite and above 0"));
        }
    }
    for &(one, other, resistance) in &thermal.resistances {
        if one >= nodes || other >= nodes || one == other {
            errors.push(DeviceError::Dangling { what: "thermal node", owner: "a thermal resistance".to_owned() });
        } else if !positive(resistance) {
            errors.push(refuse("thermal resistance", &thermal.nodes[one].name, resistance, "finite and above 0"));
        }
    }
    let heated = |&(source, node): &(HeatSource, usize)| {
        node < nodes && !matches!(source, HeatSource::Processor(processor) if processor.index() >= processors)
    };
    if !thermal.heats.iter().all(heated) {
        errors.push(DeviceError::Dangling { what: "node or processor", owner: "a heat source".to_owned() });
    }
    for trip in &thermal.trips {
        if trip.node >= nodes || trip.caps.iter().any(|(processor, _)| processor.index() >= processors) {
            errors.push(DeviceError::Dangling { what: "node or processor", owner: "a trip point".to_owned() });
        } else if !(trip.at_celsius.is_finite() && trip.hysteresis_k.is_finite() && trip.hysteresis_k >= 0.0) {
            errors.push(refuse(
                "trip point",
                &thermal.nodes[trip.node].name,
                trip.at_celsius,
                "finite, its hysteresis at least 0",
            ));
        }
    }
    if thermal.polling_ns == 0 {
        errors.push(refuse("polling period", "thermal", 0, "above 0"));
    }
}
