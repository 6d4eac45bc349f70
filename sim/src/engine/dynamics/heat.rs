//! Temperatures: an RC network, and trip points that cap clocks.
//!
//! Between two looks each node takes the mean power of that time. For constant power the step is exact: the exponential of the network's
//! matrix, computed once.

use crate::engine::dynamics::Trigger;
use crate::engine::run::Engine;
use crate::environment::Climate;
use crate::identifiers::ProcessorId;
use crate::platform::{HeatSource, Thermal};
use crate::record::{Quantity, Recorder};

/// A thermal network's step over a fixed time: `x' = keeps x + gains p`, for temperatures `x` above ambient and powers `p`.
#[derive(Clone, Debug)]
pub struct Network {
    nodes: usize,
    /// `[node][2 x nodes]`: what each temperature and each power adds.
    step: Vec<Vec<f64>>,
}

impl Network {
    /// The exact step over `seconds` under constant power.
    ///
    /// With `dx/dt = A x + B p`, the upper rows of `exp([[A, B], [0, 0]] t)` are the step (Van Loan, IEEE Trans. Automatic Control, 1978).
    pub fn new(thermal: &Thermal, seconds: f64) -> Self {
        let nodes = thermal.nodes.len();
        let mut matrix = vec![vec![0.0; 2 * nodes]; 2 * nodes];
        for (index, node) in thermal.nodes.iter().enumerate() {
            let per_joule = seconds / node.capacity_j_per_k;
            matrix[index][nodes + index] = per_joule;
            if let Some(resistance) = node.ambient_k_per_w {
                matrix[index][index] -= per_joule / resistance;
            }
        }
        for &(one, other, resistance) in &thermal.resistances {
            for (from, to) in [(one, other), (other, one)] {
                let rate = seconds / thermal.nodes[to].capacity_j_per_k / resistance;
                matrix[to][to] -= rate;
                matrix[to][from] += rate;
            }
        }
        let mut step = exponential(&matrix);
        step.truncate(nodes);
        Self { nodes, step }
    }

    /// Temperatures above ambient after one step.
    pub fn advance(&self, above: &[f64], watts: &[f64]) -> Vec<f64> {
        let inputs = || above.iter().chain(watts);
        (0..self.nodes).map(|node| self.step[node].iter().zip(inputs()).map(|(gain, input)| gain * input).sum()).collect()
    }
}

fn product(one: &[Vec<f64>], other: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let entry = |row: &Vec<f64>, column: usize| row.iter().zip(other).map(|(value, line)| value * line[column]).sum();
    one.iter().map(|row| (0..other.len()).map(|column| entry(row, column)).collect()).collect()
}

/// Exponential of a small matrix: Taylor's series of a half, a quarter, ... of it, squared back.
fn exponential(matrix: &[Vec<f64>]) -> Vec<Vec<f64>> {
    const TERMS: u32 = 20;
    let norm = matrix.iter().map(|row| row.iter().map(|value| value.abs()).sum::<f64>()).fold(0.0, f64::max);
    let mut squarings = 0;
    let mut scale = 1.0;
    while norm * scale > 0.5 {
        scale *= 0.5;
        squarings += 1;
    }
    let size = matrix.len();
    let identity = |factor: f64| -> Vec<Vec<f64>> {
        (0..size).map(|row| (0..size).map(|column| if row == column { factor } else { 0.0 }).collect()).collect()
    };
    let mut sum = identity(1.0);
    let mut term = identity(1.0);
    for index in 1..=TERMS {
        let factor = scale / f64::from(index);
        term = product(&term, matrix).into_iter().map(|row| row.into_iter().map(|value| value * factor).collect()).collect();
        for (row, added) in sum.iter_mut().zip(&term) {
            for (value, more) in row.iter_mut().zip(added) {
                *value += more;
            }
        }
    }
    for _ in 0..squarings {
        sum = product(&sum, &sum);
    }
    sum
}

/// Temperatures of a run.
#[derive(Debug)]
pub(super) struct Heat {
    thermal: Thermal,
    network: Network,
    ambient_celsius: f64,
    above: Vec<f64>,
    /// When the temperatures are of, and what had been drawn by then: by each source, and in all.
    at_ns: u64,
    seen_j: Vec<f64>,
    seen_total_j: f64,
    /// For each trip and each clock that it caps, by how many points.
    below: Vec<Vec<usize>>,
}

impl Heat {
    pub(super) fn new(climate: &Climate, thermal: &Thermal) -> Self {
        Self {
            network: Network::new(thermal, thermal.polling_ns as f64 * 1e-9),
            ambient_celsius: climate.ambient_celsius,
            above: vec![climate.initial_celsius - climate.ambient_celsius; thermal.nodes.len()],
            at_ns: 0,
            seen_j: vec![0.0; thermal.heats.len()],
            seen_total_j: 0.0,
            below: thermal.trips.iter().map(|trip| vec![0; trip.caps.len()]).collect(),
            thermal: thermal.clone(),
        }
    }

    pub(super) fn polling_ns(&self) -> u64 {
        self.thermal.polling_ns
    }

    /// One step with what each source has drawn: the mean power of the device meanwhile.
    fn advance(&mut self, now_ns: u64, drawn_j: impl Fn(HeatSource) -> f64, total_j: f64) -> f64 {
        let elapsed_ns = now_ns - self.at_ns;
        let seconds = elapsed_ns as f64 * 1e-9;
        let mut watts = vec![0.0; self.thermal.nodes.len()];
        for (seen, &(source, node)) in self.seen_j.iter_mut().zip(&self.thermal.heats) {
            let drawn = drawn_j(source);
            watts[node] += (drawn - *seen) / seconds;
            *seen = drawn;
        }
        let whole = elapsed_ns == self.thermal.polling_ns;
        let rest = (!whole).then(|| Network::new(&self.thermal, seconds));
        self.above = rest.as_ref().unwrap_or(&self.network).advance(&self.above, &watts);
        self.at_ns = now_ns;
        (total_j - std::mem::replace(&mut self.seen_total_j, total_j)) / seconds
    }

    /// What trip points now allow: for each clock that one caps, by how many points. `steps` is how many a clock can be lowered.
    fn trip(&mut self, steps: impl Fn(ProcessorId, u64) -> usize) -> Vec<(ProcessorId, usize)> {
        let mut capped: Vec<(ProcessorId, usize)> = Vec::new();
        for (trip, below) in self.thermal.trips.iter().zip(&mut self.below) {
            let celsius = self.ambient_celsius + self.above[trip.node];
            for (below, &(processor, floor_khz)) in below.iter_mut().zip(&trip.caps) {
                if celsius >= trip.at_celsius {
                    *below = (*below + 1).min(steps(processor, floor_khz));
                } else if celsius < trip.at_celsius - trip.hysteresis_k {
                    *below = below.saturating_sub(1);
                }
                match capped.iter_mut().find(|(other, _)| *other == processor) {
                    Some((_, most)) => *most = (*most).max(*below),
                    None => capped.push((processor, *below)),
                }
            }
        }
        capped
    }
}

impl<R: Recorder> Engine<'_, R> {
    pub(super) fn look_at_temperatures(&mut self) {
        self.advance_temperatures();
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        let Some(heat) = &mut dynamics.heat else {
            return;
        };
        let clocks = &dynamics.clocks;
        let capped = heat.trip(|processor, floor_khz| clocks.steps_above(processor, floor_khz));
        let next_ns = heat.at_ns.saturating_add(heat.thermal.polling_ns);
        for (processor, below) in capped {
            self.cap_clock(processor, below);
        }
        self.schedule_environment(Trigger::Thermal, next_ns);
    }

    /// Temperatures at the end of a run, which need not be a time of looking.
    pub(super) fn last_temperatures(&mut self) {
        let due = self.dynamics.as_ref().and_then(|dynamics| dynamics.heat.as_ref()).is_some_and(|heat| heat.at_ns < self.now_ns);
        if due {
            self.advance_temperatures();
        }
    }

    fn advance_temperatures(&mut self) {
        let now_ns = self.now_ns;
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        dynamics.meter.count_all(now_ns);
        let meter = &dynamics.meter;
        let power_w = dynamics.heat.as_mut().map(|heat| heat.advance(now_ns, |source| meter.of_source(source), meter.total()));
        self.record_temperatures(power_w);
    }

    pub(super) fn record_temperatures(&mut self, power_w: Option<f64>) {
        let heat = self.dynamics.as_ref().and_then(|dynamics| dynamics.heat.as_ref());
        let celsius: Vec<f64> =
            heat.map(|heat| heat.above.iter().map(|above| heat.ambient_celsius + above).collect()).unwrap_or_default();
        for (node, celsius) in (0..).zip(celsius) {
            self.record_state(Quantity::Temperature(node), celsius);
        }
        if let Some(power_w) = power_w {
            self.record_state(Quantity::Power, power_w);
        }
    }
}
