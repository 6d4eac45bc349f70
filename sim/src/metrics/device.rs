//! Energy, clocks and temperatures of a run, where it models them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::identifiers::{ProcessorId, RequestId};
use crate::metrics::ModelFacts;
use crate::platform::Device;
use crate::record::{EnergyRecord, Outcome, Quantity, Record, StateRecord};
use crate::statistics::Sorted;

/// How the device fared. Definitions: `docs/metrics.md`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// Energy, where it was accounted for.
    pub energy: Option<EnergyReport>,
    /// Clocks, one for each processor that has operating points.
    pub clocks: Vec<ClockReport>,
    /// Temperatures, one for each node of the thermal network, where it was modelled.
    pub temperatures: Vec<TemperatureReport>,
    /// When heat first lowered a clock.
    pub throttled_from_ns: Option<u64>,
    /// Latencies in the first minute and in the last, one for each model, where temperatures were modelled for at least two minutes.
    pub sustained: Vec<SustainedReport>,
    /// Absences of processors, one for each that could vanish.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outages: Vec<OutageReport>,
    /// Requests dropped because a processor had vanished.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub outage_drops: u64,
    /// Kernels ended because they took too long, and requests dropped with them.
    pub timeouts: u64,
}

/// Median latency of a model's requests that arrived in the first minute of the run and completed, and of those of the last minute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SustainedReport {
    /// Its name.
    pub model: String,
    /// In the first minute; `None` where none did.
    pub first_minute_ns: Option<f64>,
    /// In the last minute that any did; `None` where none did.
    pub last_minute_ns: Option<f64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// How often and how long a processor was away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutageReport {
    /// The processor.
    pub processor: String,
    /// How often it vanished.
    pub outages: u64,
    /// How long it was away in all.
    pub away_ns: u64,
    /// Time that kernels had run which were lost.
    pub lost_ns: u64,
}

/// Energy of a run: `total = base + memory + sum over processors of active and idle`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EnergyReport {
    /// All of it.
    pub total_j: f64,
    /// Of everything that is neither processor nor memory traffic.
    pub base_j: f64,
    /// Of traffic to and from memory.
    pub memory_j: f64,
    /// Total over the length of the run.
    pub mean_power_w: Option<f64>,
    /// Total over what a full battery holds.
    pub battery_share: Option<f64>,
    /// Of each processor.
    pub processors: Vec<ProcessorEnergy>,
    /// Of each model.
    pub models: Vec<ModelEnergy>,
    /// Base and idle energy while no request was in flight.
    pub unattributed_j: f64,
    /// Of cores that worked for others: background load, frames. It is among the active energy of processors.
    #[serde(default)]
    pub others_j: f64,
}

/// Energy of a processor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessorEnergy {
    /// Its name.
    pub name: String,
    /// Of its occupied cores.
    pub active_j: f64,
    /// Of the processor whether it works or not.
    pub idle_j: f64,
}

/// Energy of a model's requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelEnergy {
    /// Its name.
    pub name: String,
    /// Of cores while its requests occupied them.
    pub active_j: f64,
    /// Of its traffic to and from memory.
    pub memory_j: f64,
    /// Its share of base and idle energy: divided evenly, at all times, among the requests in flight.
    pub shared_j: f64,
    /// The three together over completed requests; `None` where none completed.
    pub per_inference_j: Option<f64>,
}

/// A processor's clock over the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClockReport {
    /// The processor.
    pub processor: String,
    /// Mean over time.
    pub mean_khz: f64,
    /// Lowest.
    pub least_khz: f64,
    /// At the end.
    pub end_khz: f64,
    /// How often it changed.
    pub changes: u64,
}

/// Temperature of a node over the run, in degrees Celsius.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemperatureReport {
    /// The node.
    pub node: String,
    /// At the start.
    pub start_celsius: f64,
    /// Highest seen at a look.
    pub most_celsius: f64,
    /// At the end.
    pub end_celsius: f64,
}

/// What the records say of the device; `None` where they say nothing.
pub(super) fn of(device: &Device, facts: &[ModelFacts<'_>], records: &[Record], end_ns: u64) -> Option<DeviceReport> {
    let states: Vec<&StateRecord> =
        records.iter().filter_map(|record| if let Record::State(it) = record { Some(it) } else { None }).collect();
    if states.is_empty() {
        return None;
    }
    let mut by_quantity: BTreeMap<Quantity, Vec<(u64, f64)>> = BTreeMap::new();
    for state in states {
        by_quantity.entry(state.quantity).or_default().push((state.at_ns, state.value));
    }
    let mut report = DeviceReport { energy: energy(device, facts, records, &by_quantity, end_ns), ..DeviceReport::default() };
    for (quantity, values) in &by_quantity {
        match *quantity {
            Quantity::Frequency(processor) => {
                let name = device.processors().get(processor.index()).map(|it| it.name.clone()).unwrap_or_default();
                report.clocks.extend(clock(name, values, end_ns));
            }
            Quantity::Temperature(node) => {
                let name = device.thermal().and_then(|thermal| thermal.nodes.get(node as usize)).map(|node| node.name.clone());
                report.temperatures.extend(temperature(name.unwrap_or_default(), values));
            }
            Quantity::Cap(_) => {
                let first = values.iter().find(|(_, below)| *below > 0.0).map(|&(at_ns, _)| at_ns);
                report.throttled_from_ns = [report.throttled_from_ns, first].into_iter().flatten().min();
            }
            Quantity::Availability(processor) => {
                let name = device.processors().get(processor.index()).map(|it| it.name.clone()).unwrap_or_default();
                let lost_s = by_quantity.get(&Quantity::LostWork(processor)).and_then(|values| values.last());
                report.outages.push(outages(name, values, lost_s.map_or(0.0, |&(_, seconds)| seconds), end_ns));
            }
            Quantity::OutageDrops => report.outage_drops = values.last().map_or(0, |&(_, count)| count as u64),
            Quantity::Timeouts => report.timeouts = values.last().map_or(0, |&(_, count)| count as u64),
            _ => {}
        }
    }
    if !report.temperatures.is_empty() && end_ns >= 2 * MINUTE_NS {
        report.sustained = sustained(facts, records);
    }
    Some(report)
}

const MINUTE_NS: u64 = 60_000_000_000;

/// The last minute is counted back from the last completion: a run that was cut off has requests that arrived later and never completed.
fn sustained(facts: &[ModelFacts<'_>], records: &[Record]) -> Vec<SustainedReport> {
    let completed = |model: usize| {
        records.iter().filter_map(move |record| match record {
            Record::Request(it) if it.model.index() == model && it.outcome == Outcome::Completed => Some(it),
            _ => None,
        })
    };
    let median = |latencies_ns: Vec<f64>| Sorted::new(latencies_ns).ok().and_then(|sorted| sorted.quantile(0.5).ok());
    let of_model = |(model, facts): (usize, &ModelFacts<'_>)| {
        let last_ns = completed(model).map(|it| it.arrived_ns).max().unwrap_or(0);
        let within = |from_ns: u64, to_ns: u64| {
            let some = completed(model).filter(|it| (from_ns..to_ns).contains(&it.arrived_ns));
            median(some.map(|it| (it.ended_ns - it.arrived_ns) as f64).collect())
        };
        SustainedReport {
            model: facts.name.to_owned(),
            first_minute_ns: within(0, MINUTE_NS),
            last_minute_ns: within((last_ns + 1).saturating_sub(MINUTE_NS), last_ns + 1),
        }
    };
    facts.iter().enumerate().map(of_model).collect()
}

fn outages(processor: String, values: &[(u64, f64)], lost_s: f64, end_ns: u64) -> OutageReport {
    let until = values.iter().skip(1).map(|&(at_ns, _)| at_ns).chain([end_ns]);
    let away = values.iter().zip(until).filter(|((_, there), _)| *there < 0.5);
    OutageReport {
        processor,
        outages: values.iter().filter(|(_, there)| *there < 0.5).count() as u64,
        away_ns: away.map(|(&(from_ns, _), to_ns)| to_ns - from_ns).sum(),
        lost_ns: libm::round(lost_s * 1e9) as u64,
    }
}

fn clock(processor: String, values: &[(u64, f64)], end_ns: u64) -> Option<ClockReport> {
    let (_, first) = *values.first()?;
    let (_, end_khz) = *values.last()?;
    let until = values.iter().skip(1).map(|&(at_ns, _)| at_ns).chain([end_ns]);
    let kilocycles: f64 = values.iter().zip(until).map(|(&(from_ns, khz), to_ns)| khz * (to_ns - from_ns) as f64).sum();
    Some(ClockReport {
        processor,
        mean_khz: if end_ns > 0 { kilocycles / end_ns as f64 } else { first },
        least_khz: values.iter().map(|&(_, khz)| khz).fold(f64::INFINITY, f64::min),
        end_khz,
        changes: values.windows(2).filter(|pair| pair[0].1.to_bits() != pair[1].1.to_bits()).count() as u64,
    })
}

fn temperature(node: String, values: &[(u64, f64)]) -> Option<TemperatureReport> {
    Some(TemperatureReport {
        node,
        start_celsius: values.first()?.1,
        most_celsius: values.iter().map(|&(_, celsius)| celsius).fold(f64::NEG_INFINITY, f64::max),
        end_celsius: values.last()?.1,
    })
}

fn energy(
    device: &Device,
    facts: &[ModelFacts<'_>],
    records: &[Record],
    by_quantity: &BTreeMap<Quantity, Vec<(u64, f64)>>,
    end_ns: u64,
) -> Option<EnergyReport> {
    let at_end = |quantity: Quantity| by_quantity.get(&quantity).and_then(|values| values.last()).map(|&(_, value)| value);
    let base_j = at_end(Quantity::BaseEnergy)?;
    let memory_j = at_end(Quantity::MemoryEnergy).unwrap_or(0.0);
    let processors: Vec<ProcessorEnergy> = device
        .processors()
        .iter()
        .enumerate()
        .map(|(index, processor)| {
            let id = ProcessorId::from_index(index);
            let of = |quantity| at_end(quantity).unwrap_or(0.0);
            let (active_j, idle_j) = (of(Quantity::ActiveEnergy(id)), of(Quantity::IdleEnergy(id)));
            ProcessorEnergy { name: processor.name.clone(), active_j, idle_j }
        })
        .collect();
    let idle_j: f64 = processors.iter().map(|processor| processor.idle_j).sum();
    let total_j = base_j + memory_j + idle_j + processors.iter().map(|processor| processor.active_j).sum::<f64>();
    let seconds = end_ns as f64 * 1e-9;
    let mut models: Vec<ModelEnergy> =
        facts.iter().map(|facts| ModelEnergy { name: facts.name.to_owned(), ..ModelEnergy::default() }).collect();
    let mut completed = vec![0u64; models.len()];
    let shares = in_flight_shares(records);
    let watts = if end_ns > 0 { (base_j + idle_j) / seconds } else { 0.0 };
    let mut shared_j = 0.0;
    for record in records {
        match record {
            Record::Energy(EnergyRecord { model, active_j, memory_j, .. }) => {
                if let Some(energy) = models.get_mut(model.index()) {
                    energy.active_j += active_j;
                    energy.memory_j += memory_j;
                }
            }
            Record::Request(request) => {
                let joules = watts * shares.get(&request.request).copied().unwrap_or(0.0) * 1e-9;
                shared_j += joules;
                if let Some(energy) = models.get_mut(request.model.index()) {
                    energy.shared_j += joules;
                    completed[request.model.index()] += u64::from(request.outcome == Outcome::Completed);
                }
            }
            _ => {}
        }
    }
    for (energy, &completed) in models.iter_mut().zip(&completed) {
        let joules = energy.active_j + energy.memory_j + energy.shared_j;
        energy.per_inference_j = (completed > 0).then(|| joules / completed as f64);
    }
    let active_j: f64 = processors.iter().map(|processor| processor.active_j).sum();
    let others_j = active_j - models.iter().map(|model| model.active_j).sum::<f64>();
    Some(EnergyReport {
        total_j,
        base_j,
        memory_j,
        mean_power_w: (end_ns > 0).then(|| total_j / seconds),
        battery_share: device.power().and_then(|power| power.battery_j).map(|battery_j| total_j / battery_j),
        processors,
        models,
        unattributed_j: base_j + idle_j - shared_j,
        // Two sums of the same things in another order differ in their last digits.
        others_j: if others_j > active_j * 1e-9 { others_j } else { 0.0 },
    })
}

/// For each request, the integral over its time in flight of one over the number of requests in flight then, in nanoseconds.
fn in_flight_shares(records: &[Record]) -> BTreeMap<RequestId, f64> {
    let mut boundaries: Vec<(u64, bool, RequestId)> = Vec::new();
    for record in records {
        if let Record::Request(it) = record {
            boundaries.push((it.arrived_ns, true, it.request));
            boundaries.push((it.ended_ns, false, it.request));
        }
    }
    // Of one instant arrivals first: a request of no length begins before it ends.
    boundaries.sort_unstable_by_key(|&(at_ns, begins, request)| (at_ns, !begins, request));
    let mut shares: BTreeMap<RequestId, f64> = BTreeMap::new();
    let (mut at_ns, mut in_flight, mut each) = (0, 0u32, 0.0);
    for (next_ns, begins, request) in boundaries {
        if in_flight > 0 {
            each += (next_ns - at_ns) as f64 / f64::from(in_flight);
        }
        at_ns = next_ns;
        if begins {
            in_flight += 1;
            shares.insert(request, -each);
        } else {
            in_flight -= 1;
            *shares.entry(request).or_default() += each;
        }
    }
    shares
}
