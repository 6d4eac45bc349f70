//! Power, clocks and heat: from raw to validated, back, and to what the simulator takes.

use sim::identifiers::ProcessorId;
use sim::platform::{self, DeviceError, HeatSource};

use crate::profile::power::{
    BASE, Clock, MEMORY, Node, Point, Power, RawCap, RawClock, RawNode, RawPoint, RawPower, RawResistance, RawThermal, RawTrip,
    Thermal, Trip,
};
use crate::profile::{Profile, validate};
use crate::text::{At, Diagnostics, Duration, Frequency};

/// Validates power. Absent where something is wrong, which has been reported then.
pub(super) fn power(raw: &RawPower, processors: &[&At<String>], diagnostics: &mut Diagnostics) -> Option<Power> {
    let clocks = validate::each(raw.clock.as_ref(), |raw| clock(raw, processors, diagnostics));
    let named = raw.clock.iter().flatten().filter_map(|clock| clock.value.processor.as_ref());
    diagnostics.duplicates("clock of", named);
    Some(Power {
        base_mw: raw.base_mw.as_ref()?.value,
        base_origin: raw.base_origin,
        memory_pj_per_byte: raw.memory_pj_per_byte.as_ref().map_or(0.0, |at| at.value),
        memory_origin: raw.memory_origin,
        battery_mwh: raw.battery_mwh.as_ref().map(|at| at.value),
        clocks: clocks?,
    })
}

fn clock(raw: &RawClock, processors: &[&At<String>], diagnostics: &mut Diagnostics) -> Option<Clock> {
    let processor = validate::name_of("processor", raw.processor.as_ref(), processors, diagnostics);
    let switch_ns = validate::duration(raw.switch.as_ref(), diagnostics);
    let mut before_khz = 0;
    let points = validate::each(raw.point.as_ref(), |raw: &RawPoint| {
        let at = raw.frequency.as_ref()?;
        let frequency_khz = kilohertz(at, diagnostics)?;
        if frequency_khz <= before_khz {
            let message = format!("frequency `{}` is not above the one before it", at.value.0);
            diagnostics.error(at.span.clone(), message).hint("frequencies must ascend, in steps of 1kHz or more");
        }
        before_khz = frequency_khz;
        Some(Point {
            frequency_khz,
            active_mw: raw.active_mw.as_ref()?.value,
            idle_mw: raw.idle_mw.as_ref().map_or(0.0, |at| at.value),
        })
    });
    Some(Clock {
        processor: processor?,
        switch_ns: switch_ns?,
        switch_stalls: raw.switch_stalls.unwrap_or(false),
        frequency_origin: raw.frequency_origin,
        power_origin: raw.power_origin,
        points: points?,
    })
}

fn kilohertz(at: &At<Frequency>, diagnostics: &mut Diagnostics) -> Option<u64> {
    let khz = diagnostics.quantity(at, at.value.parse(), Frequency::hint)? / 1000;
    if khz == 0 {
        diagnostics.error(at.span.clone(), format!("`{}` is out of range", at.value.0)).hint("must be at least 1kHz");
    }
    Some(khz)
}

/// Validates heat. Absent where something is wrong, which has been reported then.
pub(super) fn thermal(raw: &RawThermal, processors: &[&At<String>], diagnostics: &mut Diagnostics) -> Option<Thermal> {
    let polling = raw.polling.as_ref();
    let polling_ns = validate::duration(polling, diagnostics);
    if let (Some(at), Some(0)) = (polling, polling_ns) {
        diagnostics.error(at.span.clone(), format!("`{}` is out of range", at.value.0)).hint("must be above 0");
    }
    let names: Vec<&At<String>> = raw.node.iter().flatten().filter_map(|node| node.value.name.as_ref()).collect();
    diagnostics.duplicates("thermal node", names.iter().copied());
    let nodes = validate::each(raw.node.as_ref(), |raw: &RawNode| {
        let sources = raw.heated_by.iter().flatten();
        for source in sources.clone().filter(|source| ![MEMORY, BASE].contains(&source.value.as_str())) {
            validate::name_of("source of heat", Some(source), processors, diagnostics);
        }
        Some(Node {
            name: raw.name.as_ref()?.value.clone(),
            capacity_j_per_k: raw.capacity_j_per_k.as_ref()?.value,
            ambient_k_per_w: raw.ambient_k_per_w.as_ref().map(|at| at.value),
            heated_by: sources.map(|source| source.value.clone()).collect(),
        })
    });
    let resistances = validate::each(raw.resistance.as_ref(), |raw: &RawResistance| {
        let from = validate::name_of("thermal node", raw.from.as_ref(), &names, diagnostics);
        let to = validate::name_of("thermal node", raw.to.as_ref(), &names, diagnostics);
        if let Some(at) = raw.to.as_ref().filter(|_| from == to) {
            diagnostics.error(at.span.clone(), "a resistance from a node to itself").hint("name two nodes");
        }
        Some((from?, to?, raw.k_per_w.as_ref()?.value))
    });
    let trips = validate::each(raw.trip.as_ref(), |raw: &RawTrip| {
        let node = validate::name_of("thermal node", raw.node.as_ref(), &names, diagnostics);
        let caps = validate::each(raw.cap.as_ref(), |raw: &RawCap| {
            let processor = validate::name_of("processor", raw.processor.as_ref(), processors, diagnostics);
            let floor_khz = raw.floor.as_ref().map_or(Some(0), |at| kilohertz(at, diagnostics));
            Some((processor?, floor_khz?))
        });
        Some(Trip {
            node: node?,
            at_celsius: raw.at_celsius.as_ref()?.value,
            hysteresis_k: raw.hysteresis_k.as_ref().map_or(0.0, |at| at.value),
            caps: caps?,
        })
    });
    Some(Thermal {
        polling_ns: polling_ns?,
        origin: raw.origin,
        note: raw.note.clone(),
        nodes: nodes?,
        resistances: resistances?,
        trips: trips?,
    })
}

fn list<T, R>(items: &[T], one: impl FnMut(&T) -> R) -> Option<Vec<At<R>>> {
    if items.is_empty() { None } else { Some(items.iter().map(one).map(At::from).collect()) }
}

fn above_zero(value: f64) -> Option<At<f64>> {
    (value > 0.0).then(|| At::from(value))
}

/// The raw power that spells a power.
pub(super) fn raw_power(power: &Power) -> RawPower {
    let point = |point: &Point| RawPoint {
        frequency: Some(At::from(Frequency::write(point.frequency_khz * 1000))),
        active_mw: Some(At::from(point.active_mw)),
        idle_mw: above_zero(point.idle_mw),
    };
    RawPower {
        base_mw: Some(At::from(power.base_mw)),
        base_origin: power.base_origin,
        memory_pj_per_byte: above_zero(power.memory_pj_per_byte),
        memory_origin: power.memory_origin,
        battery_mwh: power.battery_mwh.map(At::from),
        clock: list(&power.clocks, |clock| RawClock {
            processor: Some(At::from(clock.processor.clone())),
            switch: (clock.switch_ns > 0).then(|| At::from(Duration::write(clock.switch_ns))),
            switch_stalls: clock.switch_stalls.then_some(true),
            frequency_origin: clock.frequency_origin,
            power_origin: clock.power_origin,
            point: list(&clock.points, point),
        }),
    }
}

/// The raw heat that spells a heat.
pub(super) fn raw_thermal(thermal: &Thermal) -> RawThermal {
    let cap = |(processor, floor_khz): &(String, u64)| RawCap {
        processor: Some(At::from(processor.clone())),
        floor: (*floor_khz > 0).then(|| At::from(Frequency::write(floor_khz * 1000))),
    };
    RawThermal {
        polling: Some(At::from(Duration::write(thermal.polling_ns))),
        origin: thermal.origin,
        note: thermal.note.clone(),
        node: list(&thermal.nodes, |node| RawNode {
            name: Some(At::from(node.name.clone())),
            capacity_j_per_k: Some(At::from(node.capacity_j_per_k)),
            ambient_k_per_w: node.ambient_k_per_w.map(At::from),
            heated_by: list(&node.heated_by, String::clone),
        }),
        resistance: list(&thermal.resistances, |(from, to, k_per_w)| RawResistance {
            from: Some(At::from(from.clone())),
            to: Some(At::from(to.clone())),
            k_per_w: Some(At::from(*k_per_w)),
        }),
        trip: list(&thermal.trips, |trip| RawTrip {
            node: Some(At::from(trip.node.clone())),
            at_celsius: Some(At::from(trip.at_celsius)),
            hysteresis_k: above_zero(trip.hysteresis_k),
            cap: list(&trip.caps, cap),
        }),
    }
}

/// Identifiers are positions in the profile.
fn processor(profile: &Profile, name: &str, owner: &str) -> Result<ProcessorId, DeviceError> {
    let index = profile.processors.iter().position(|processor| processor.name == name);
    let dangling = || DeviceError::Dangling { what: "processor", owner: owner.to_owned() };
    index.map(ProcessorId::from_index).ok_or_else(dangling)
}

/// Power as the simulator takes it.
pub(super) fn simulated_power(profile: &Profile, power: &Power) -> Result<platform::Power, DeviceError> {
    let mut clocks = vec![platform::Clock::default(); profile.processors.len()];
    for clock in &power.clocks {
        let point = |point: &Point| platform::OperatingPoint {
            frequency_khz: point.frequency_khz,
            active_w: point.active_mw * 1e-3,
            idle_w: point.idle_mw * 1e-3,
        };
        clocks[processor(profile, &clock.processor, "a clock")?.index()] = platform::Clock {
            points: clock.points.iter().map(point).collect(),
            switch_ns: clock.switch_ns,
            switch_stalls: clock.switch_stalls,
        };
    }
    Ok(platform::Power {
        base_w: power.base_mw * 1e-3,
        memory_j_per_byte: power.memory_pj_per_byte * 1e-12,
        clocks,
        battery_j: power.battery_mwh.map(|mwh| mwh * 3.6),
    })
}

/// Heat as the simulator takes it.
pub(super) fn simulated_thermal(profile: &Profile, thermal: &Thermal) -> Result<platform::Thermal, DeviceError> {
    let index = |name: &str| {
        let found = thermal.nodes.iter().position(|node| node.name == name);
        found.ok_or_else(|| DeviceError::Dangling { what: "thermal node", owner: profile.name.clone() })
    };
    let mut heats = Vec::new();
    for (node, described) in thermal.nodes.iter().enumerate() {
        for source in &described.heated_by {
            let source = match source.as_str() {
                MEMORY => HeatSource::Memory,
                BASE => HeatSource::Base,
                name => HeatSource::Processor(processor(profile, name, &described.name)?),
            };
            heats.push((source, node));
        }
    }
    let mut resistances = Vec::new();
    for (from, to, k_per_w) in &thermal.resistances {
        resistances.push((index(from)?, index(to)?, *k_per_w));
    }
    let mut trips = Vec::new();
    for trip in &thermal.trips {
        let cap = |(name, floor_khz): &(String, u64)| Ok((processor(profile, name, &trip.node)?, *floor_khz));
        trips.push(platform::Trip {
            node: index(&trip.node)?,
            at_celsius: trip.at_celsius,
            hysteresis_k: trip.hysteresis_k,
            caps: trip.caps.iter().map(cap).collect::<Result<_, DeviceError>>()?,
        });
    }
    let node = |node: &Node| platform::ThermalNode {
        name: node.name.clone(),
        capacity_j_per_k: node.capacity_j_per_k,
        ambient_k_per_w: node.ambient_k_per_w,
    };
    Ok(platform::Thermal {
        nodes: thermal.nodes.iter().map(node).collect(),
        resistances,
        heats,
        trips,
        polling_ns: thermal.polling_ns,
    })
}
