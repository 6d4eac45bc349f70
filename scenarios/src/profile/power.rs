//! Power, clocks and heat of a device, as written and as validated.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::profile::Origin;
use crate::text::{At, Duration, Frequency};

/// What the device draws and can run at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPower {
    /// Power of everything that is neither processor nor memory traffic, in milliwatts.
    #[schemars(required, range(min = 0), extend("examples" = [1400.0]))]
    pub base_mw: Option<At<f64>>,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_origin: Option<Origin>,
    /// Energy of a byte between a processor and memory, in picojoules; none if absent.
    #[schemars(range(min = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_pj_per_byte: Option<At<f64>>,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_origin: Option<Origin>,
    /// What a full battery holds, in milliwatt hours.
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_mwh: Option<At<f64>>,
    /// Clocks of processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<Vec<At<RawClock>>>,
}

/// A processor's clock. The profile's costs hold at its last operating point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawClock {
    /// The processor.
    #[schemars(required, extend("examples" = ["large"]))]
    pub processor: Option<At<String>>,
    /// From asking for another point until it is in force; at once if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switch: Option<At<Duration>>,
    /// Whether the processor stands still meanwhile; it does not if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switch_stalls: Option<bool>,
    /// Where the frequencies come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_origin: Option<Origin>,
    /// Where the powers come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_origin: Option<Origin>,
    /// Operating points, by ascending frequency.
    #[schemars(required, length(min = 1))]
    pub point: Option<Vec<At<RawPoint>>>,
}

/// An operating point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPoint {
    /// Its frequency.
    #[schemars(required)]
    pub frequency: Option<At<Frequency>>,
    /// Power of an occupied core, above idle, in milliwatts.
    #[schemars(required, range(min = 0), extend("examples" = [845.0]))]
    pub active_mw: Option<At<f64>>,
    /// Power of the processor whether it works or not, in milliwatts; none if absent.
    #[schemars(range(min = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_mw: Option<At<f64>>,
}

/// How the device heats up: `C dT/dt = P - (T - T_ambient) / R - sum over neighbours of (T - T') / R'`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawThermal {
    /// Time between two looks at the temperatures.
    #[schemars(required, extend("examples" = ["1s"]))]
    pub polling: Option<At<Duration>>,
    /// Where the numbers come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Where they come from, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What has a temperature.
    #[schemars(required, length(min = 1))]
    pub node: Option<Vec<At<RawNode>>>,
    /// Resistances between nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resistance: Option<Vec<At<RawResistance>>>,
    /// Temperatures at which clocks are lowered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trip: Option<Vec<At<RawTrip>>>,
}

/// Something that has a temperature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawNode {
    /// Name, unique in the profile.
    #[schemars(required, length(min = 1), extend("examples" = ["soc"]))]
    pub name: Option<At<String>>,
    /// Heat capacity in joules per kelvin.
    #[schemars(required, extend("exclusiveMinimum" = 0, "examples" = [15.0]))]
    pub capacity_j_per_k: Option<At<f64>>,
    /// Thermal resistance to the air around in kelvin per watt; none of its heat goes there if absent.
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ambient_k_per_w: Option<At<f64>>,
    /// Processors that heat it, `memory` and `base`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heated_by: Option<Vec<At<String>>>,
}

/// A resistance between two nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawResistance {
    /// One node.
    #[schemars(required, extend("examples" = ["soc"]))]
    pub from: Option<At<String>>,
    /// The other.
    #[schemars(required, extend("examples" = ["skin"]))]
    pub to: Option<At<String>>,
    /// Kelvin per watt.
    #[schemars(required, extend("exclusiveMinimum" = 0, "examples" = [3.0]))]
    pub k_per_w: Option<At<f64>>,
}

/// A temperature at which clocks are lowered: by one point at every look while it is reached, raised by one once it has cooled enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTrip {
    /// The node.
    #[schemars(required, extend("examples" = ["skin"]))]
    pub node: Option<At<String>>,
    /// Temperature in degrees Celsius.
    #[schemars(required, extend("examples" = [43.0]))]
    pub at_celsius: Option<At<f64>>,
    /// How far it has to cool before clocks are raised, in kelvin; not at all if absent.
    #[schemars(range(min = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hysteresis_k: Option<At<f64>>,
    /// Clocks that it lowers.
    #[schemars(required, length(min = 1))]
    pub cap: Option<Vec<At<RawCap>>>,
}

/// A clock that a trip point lowers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCap {
    /// The processor.
    #[schemars(required, extend("examples" = ["large"]))]
    pub processor: Option<At<String>>,
    /// It is never lowered below this; to its first point if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<At<Frequency>>,
}

/// What the device draws and can run at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Power {
    /// Power of everything else.
    pub base_mw: f64,
    /// Where it comes from.
    pub base_origin: Option<Origin>,
    /// Energy of a byte between a processor and memory.
    pub memory_pj_per_byte: f64,
    /// Where it comes from.
    pub memory_origin: Option<Origin>,
    /// What a full battery holds.
    pub battery_mwh: Option<f64>,
    /// Clocks of processors.
    pub clocks: Vec<Clock>,
}

/// A processor's clock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clock {
    /// The processor.
    pub processor: String,
    /// From asking for another point until it is in force.
    pub switch_ns: u64,
    /// Whether the processor stands still meanwhile.
    pub switch_stalls: bool,
    /// Where the frequencies come from.
    pub frequency_origin: Option<Origin>,
    /// Where the powers come from.
    pub power_origin: Option<Origin>,
    /// Operating points, by ascending frequency.
    pub points: Vec<Point>,
}

/// An operating point.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Its frequency.
    pub frequency_khz: u64,
    /// Power of an occupied core, above idle.
    pub active_mw: f64,
    /// Power of the processor whether it works or not.
    pub idle_mw: f64,
}

/// How the device heats up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thermal {
    /// Time between two looks at the temperatures.
    pub polling_ns: u64,
    /// Where the numbers come from.
    pub origin: Option<Origin>,
    /// Where they come from, in words.
    pub note: Option<String>,
    /// What has a temperature.
    pub nodes: Vec<Node>,
    /// Resistances between nodes, in K/W.
    pub resistances: Vec<(String, String, f64)>,
    /// Temperatures at which clocks are lowered.
    pub trips: Vec<Trip>,
}

/// Something that has a temperature.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Name.
    pub name: String,
    /// Heat capacity.
    pub capacity_j_per_k: f64,
    /// Thermal resistance to the air around.
    pub ambient_k_per_w: Option<f64>,
    /// Processors that heat it, [`MEMORY`] and [`BASE`].
    pub heated_by: Vec<String>,
}

/// A temperature at which clocks are lowered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trip {
    /// The node.
    pub node: String,
    /// Temperature.
    pub at_celsius: f64,
    /// How far it has to cool before clocks are raised.
    pub hysteresis_k: f64,
    /// Clocks that it lowers, each with the frequency that it is never lowered below.
    pub caps: Vec<(String, u64)>,
}

/// What memory traffic is called as a source of heat.
pub const MEMORY: &str = "memory";
/// What everything that is neither processor nor memory traffic is called as a source of heat.
pub const BASE: &str = "base";
