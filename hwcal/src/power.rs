//! Power, clocks and heat of phones, from public facts.
//!
//! - Base power: what freqbench measured of the phone while it did nothing. Published.
//! - CPU: the power of a core running `CoreMark` at each clock (freqbench, measured), times one factor for all clocks, so that the four big cores of
//!   the Snapdragon 855 at their highest clock draw what `CoDL` publishes of inference on the CPU alone. Fitted to its mean over five networks.
//! - GPU: what `CoDL` publishes of inference on the GPU alone, less base; by the square of the frequency below the highest. The first is fitted, the
//!   second assumed: no public measurement of a phone's GPU by clock was found.
//! - Memory traffic: part of the above, so nothing is added for it.
//! - Share of memory-bound time and times of switches: medians over the blocks and clocks of an `RK3399Pro` (CO-UP-Profiling). Assumed for phones.
//! - Heat: one node with the coefficients that secondary sources name for phones (`tau` 90 s, 6 K/W, throttling of the skin at 43 to 48 degrees).
//!   Assumed.

use scenarios::profile::power::{BASE, Clock, Node, Point, Power, Thermal, Trip};
use scenarios::profile::{Origin, Source as Provenance};

use crate::table::{Source, Table, TableError};

/// Median share of a block's time that does not scale with the clock, at the highest clock: 0.30 to 0.33 of the CPU clusters, 0.28 to 0.30 of the
/// GPU (`docs/decisions/0011-speed.md`).
pub const MEMORY_SHARE: f64 = 0.3;

/// Median times of switches of the `RK3399Pro`, up and down taken together: big cluster, GPU.
const CPU_SWITCH_NS: u64 = 650_000;
const GPU_SWITCH_NS: u64 = 390_000;

/// Where throttling begins, how far it has to cool, and below which nothing is throttled.
const TRIP_CELSIUS: f64 = 45.0;
const HYSTERESIS_K: f64 = 2.0;
const CPU_FLOOR_KHZ: u64 = 1_000_000;
const RESISTANCE_K_PER_W: f64 = 6.0;
const TIME_CONSTANT_S: f64 = 90.0;
const POLLING_NS: u64 = 1_000_000_000;

/// A system on chip, as far as power goes.
#[derive(Clone, Copy, Debug)]
struct Facts {
    /// Whose measured cores stand for its own.
    cores_of: &'static str,
    cores_origin: Origin,
    /// Power of the idle phone, and where it comes from.
    base_mw: f64,
    base_origin: Origin,
    /// Operating points of the GPU.
    gpu_khz: &'static [u64],
    gpu_power_origin: Origin,
}

/// What is known of a system on chip. The GPU's points are those of the Linux device tree (u-boot@6073c36b) up to the highest that the phone uses.
fn facts(system: &str) -> Option<Facts> {
    let known = |cores_of, base_mw, gpu_khz, gpu_power_origin| Facts {
        cores_of,
        cores_origin: Origin::Fitted,
        base_mw,
        base_origin: Origin::Published,
        gpu_khz,
        gpu_power_origin,
    };
    match system {
        "sd855" => Some(known("sd855", 1442.4, &[257_000, 345_000, 427_000, 499_200, 585_000], Origin::Fitted)),
        "sd865" => Some(known("sd865", 1346.3, &[305_000, 400_000, 441_600, 490_000, 525_000, 587_000], Origin::Assumed)),
        "sd888" => Some(known(
            "sd888",
            1220.6,
            &[315_000, 379_000, 443_000, 491_000, 540_000, 608_000, 676_000, 738_000, 778_000, 840_000],
            Origin::Assumed,
        )),
        // Its big cores are those of the Snapdragon 855, of the same process generation.
        "kirin990" => Some(Facts {
            cores_origin: Origin::Assumed,
            base_origin: Origin::Assumed,
            ..known("sd855", 1442.4, &[600_000], Origin::Assumed)
        }),
        _ => None,
    }
}

/// Measured powers and what they are fitted to.
#[derive(Clone, Debug)]
pub struct PowerFacts {
    /// System, cluster, frequency, power of a core running `CoreMark`.
    cores: Vec<(String, String, u64, f64)>,
    /// Network, column, watts, joules an inference.
    pub published: Vec<(String, String, f64, f64)>,
}

impl PowerFacts {
    /// Reads the data that come with the source code.
    pub fn built_in() -> Result<Self, TableError> {
        let clocks = Source { file: "hwcal/data/clock_power.csv", text: include_str!("../data/clock_power.csv") };
        let published = Source { file: "hwcal/data/codl_power.csv", text: include_str!("../data/codl_power.csv") };
        let table = Table::read(clocks, &["soc", "cluster", "frequency_khz", "active_mw"])?;
        let mut cores = Vec::new();
        for row in table.rows() {
            let khz = libm::round(row.positive("frequency_khz")?) as u64;
            cores.push((row.text("soc")?.to_owned(), row.text("cluster")?.to_owned(), khz, row.positive("active_mw")?));
        }
        let table = Table::read(published, &["model", "column", "watts", "joules"])?;
        let mut bars = Vec::new();
        for row in table.rows() {
            let (watts, joules) = (row.positive("watts")?, row.positive("joules")?);
            bars.push((row.text("model")?.to_owned(), row.text("column")?.to_owned(), watts, joules));
        }
        Ok(Self { cores, published: bars })
    }

    fn points(&self, system: &str, cluster: &str) -> Vec<(u64, f64)> {
        let of = self.cores.iter().filter(|(soc, of, ..)| soc == system && of == cluster);
        of.map(|&(_, _, khz, mw)| (khz, mw)).collect()
    }

    /// Mean over the networks of the power that was published of a column, less base, in milliwatts.
    fn published_mw(&self, column: &str) -> f64 {
        let watts: Vec<f64> = self.published.iter().filter(|row| row.1 == column).map(|row| row.2).collect();
        let base_mw = facts("sd855").map_or(0.0, |facts| facts.base_mw);
        1e3 * watts.iter().sum::<f64>() / watts.len().max(1) as f64 - base_mw
    }

    /// How much more a core draws that infers than one that runs `CoreMark`.
    pub fn inference_factor(&self) -> f64 {
        let top = |cluster| self.points("sd855", cluster).last().map_or(0.0, |&(_, mw)| mw);
        self.published_mw("cpu") / (top("large") + 3.0 * top("medium"))
    }

    /// Power of a phone with a system on chip; `clusters` are the CPU clusters that its profile has. Absent where nothing is known.
    pub fn of(&self, system: &str, clusters: &[&str]) -> Option<Power> {
        let facts = facts(system)?;
        let factor = self.inference_factor();
        let tenth = |mw: f64| libm::round(mw * 10.0) / 10.0;
        let mut clocks: Vec<Clock> = clusters
            .iter()
            .map(|&cluster| Clock {
                processor: cluster.to_owned(),
                switch_ns: CPU_SWITCH_NS,
                switch_stalls: false,
                frequency_origin: Some(if facts.cores_origin == Origin::Fitted { Origin::Published } else { Origin::Assumed }),
                power_origin: Some(facts.cores_origin),
                points: self
                    .points(facts.cores_of, cluster)
                    .into_iter()
                    .map(|(frequency_khz, mw)| Point { frequency_khz, active_mw: tenth(mw * factor), idle_mw: 0.0 })
                    .collect(),
            })
            .collect();
        let top_khz = *facts.gpu_khz.last()?;
        let of_square = |khz: u64| {
            let share = khz as f64 / top_khz as f64;
            tenth(self.published_mw("gpu") * share * share)
        };
        let point = |&frequency_khz: &u64| Point { frequency_khz, active_mw: of_square(frequency_khz), idle_mw: 0.0 };
        clocks.push(Clock {
            processor: "gpu".to_owned(),
            switch_ns: GPU_SWITCH_NS,
            switch_stalls: false,
            frequency_origin: Some(if facts.gpu_khz.len() > 1 { Origin::Published } else { Origin::Assumed }),
            power_origin: Some(facts.gpu_power_origin),
            points: facts.gpu_khz.iter().map(point).collect(),
        });
        Some(Power {
            base_mw: facts.base_mw,
            base_origin: Some(facts.base_origin),
            memory_pj_per_byte: 0.0,
            memory_origin: None,
            battery_mwh: None,
            clocks,
        })
    }
}

/// ADMS (arXiv 2503.21109) on a phone that infers all the time: throttling begins after about 150 s, 18 K above the start.
const ADMS_ONSET_S: f64 = 150.0;
const ADMS_RISE_K: f64 = 18.0;
/// Air around, where something is fitted to a rise in temperature.
const ROOM_CELSIUS: f64 = 25.0;

/// Heat of a phone: one node, heated by everything. The GPU's floor is its lowest point.
pub fn thermal(power: &Power) -> Thermal {
    let note = "coefficients that secondary sources name for phones: 6 K/W, time constant 90 s, skin throttled at 43 to 48 C";
    one_node(power, TIME_CONSTANT_S, TRIP_CELSIUS, Origin::Assumed, note)
}

/// The same with what ADMS publishes: the trip point is the published rise above room temperature, and the time constant such that four busy cores
/// (`cores` of each cluster, at their highest clock) reach it at the published onset. What throttling comes to is not fitted.
pub fn thermal_of_adms(power: &Power, cores: &[(&str, u32)]) -> Thermal {
    let of_cluster = |&(name, cores): &(&str, u32)| {
        let clock = power.clocks.iter().find(|clock| clock.processor == name);
        clock.and_then(|clock| clock.points.last()).map_or(0.0, |top| f64::from(cores) * top.active_mw)
    };
    let watts = 1e-3 * (power.base_mw + cores.iter().map(of_cluster).sum::<f64>());
    // rise = P R (1 - exp(-onset / tau))
    let time_constant_s = libm::round(-ADMS_ONSET_S / libm::log(1.0 - ADMS_RISE_K / (watts * RESISTANCE_K_PER_W)));
    let note = "6 K/W assumed; trip point 18 K above 25 C and onset of throttling after 150 s (time constant fitted) from ADMS, arXiv 2503.21109";
    one_node(power, time_constant_s, ROOM_CELSIUS + ADMS_RISE_K, Origin::Fitted, note)
}

fn one_node(power: &Power, time_constant_s: f64, at_celsius: f64, origin: Origin, note: &str) -> Thermal {
    let processors: Vec<String> = power.clocks.iter().map(|clock| clock.processor.clone()).collect();
    let cap = |name: &String| (name.clone(), if name == "gpu" || name == "small" { 0 } else { CPU_FLOOR_KHZ });
    Thermal {
        polling_ns: POLLING_NS,
        origin: Some(origin),
        note: Some(format!("{note}; CPU not throttled below 1 GHz")),
        nodes: vec![Node {
            name: "body".to_owned(),
            capacity_j_per_k: time_constant_s / RESISTANCE_K_PER_W,
            ambient_k_per_w: Some(RESISTANCE_K_PER_W),
            heated_by: processors.iter().cloned().chain([BASE.to_owned()]).collect(),
        }],
        resistances: Vec::new(),
        trips: vec![Trip {
            node: "body".to_owned(),
            at_celsius,
            hysteresis_k: HYSTERESIS_K,
            caps: processors.iter().map(cap).collect(),
        }],
    }
}

/// What power rests on.
pub fn sources() -> Vec<Provenance> {
    let source = |name: &str, licence: &str, location: &str, note: &str| Provenance {
        name: name.to_owned(),
        licence: licence.to_owned(),
        location: Some(location.to_owned()),
        note: Some(note.to_owned()),
    };
    vec![
        source(
            "kdrag0n/freqbench",
            "MIT",
            "https://github.com/kdrag0n/freqbench, commit 9eb16adcec1595852ab930f111b66224cb1e8368",
            "power of cores by clock running CoreMark, and of the idle phone; frequencies of the CPU clusters",
        ),
        source(
            "CoDL, MobiSys 2022",
            "facts from a publication",
            "https://doi.org/10.1145/3498361.3538932",
            "power of a phone that infers on the CPU alone and on the GPU alone (Fig. 21)",
        ),
        source(
            "Ehsan-aghapour/CO-UP-Profiling",
            "numbers only; no licence named",
            "https://github.com/Ehsan-aghapour/CO-UP-Profiling",
            "latency of each block at each clock, times of switches between clocks (RK3399Pro)",
        ),
    ]
}
