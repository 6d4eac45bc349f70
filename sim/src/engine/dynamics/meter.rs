//! Energy: what cores take while they are occupied, what the device takes anyway, what traffic to memory takes.
//!
//! Power is constant between events, so that sums of `power x time` are exact. A core is occupied from the moment its worker takes a segment
//! or a copy until it is released.

use crate::engine::run::Engine;
use crate::engine::state::Occupation;
use crate::environment::Environment;
use crate::identifiers::{ModelId, ProcessorId, RequestId, WorkerId};
use crate::platform::{Clock, Device, HeatSource};
use crate::record::{EnergyRecord, Quantity, Record, Recorder};

#[derive(Clone, Copy, Debug, Default)]
struct Occupied {
    is: bool,
    request: RequestId,
    model: ModelId,
    start_ns: u64,
    /// Up to when `active_j` counts.
    counted_ns: u64,
    active_j: f64,
    memory_j: f64,
}

/// For each processor: whether a core works, and for how long any did.
#[derive(Clone, Copy, Debug, Default)]
struct Busy {
    workers: u32,
    since_ns: u64,
    total_ns: u64,
    /// Cores that workers occupy, and that others would if they could, and up to when the others' energy counts.
    cores: u32,
    others: f64,
    others_counted_ns: u64,
    /// For how long others kept a core busy while no worker did.
    others_ns: f64,
}

/// What has been drawn so far, and by whom.
#[derive(Debug)]
pub(in crate::engine) struct Meter {
    /// Whether anyone wants to know energies; who is busy, governors need in any case.
    accounts: bool,
    demands: Vec<Vec<(ProcessorId, u32)>>,
    cores: Vec<u32>,
    active_w: Vec<f64>,
    idle_w: Vec<f64>,
    base_w: f64,
    memory_j_per_byte: f64,
    occupied: Vec<Occupied>,
    busy: Vec<Busy>,
    /// Up to when idle and base energy counts.
    counted_ns: u64,
    active_j: Vec<f64>,
    idle_j: Vec<f64>,
    base_j: f64,
    memory_j: f64,
}

fn seconds(from_ns: u64, to_ns: u64) -> f64 {
    (to_ns - from_ns) as f64 * 1e-9
}

impl Meter {
    pub(super) fn new(environment: &Environment, device: &Device) -> Self {
        let power = device.power();
        let processors = device.processors().len();
        Self {
            accounts: environment.energy || environment.climate.is_some(),
            demands: device.workers().iter().map(|worker| worker.demands.clone()).collect(),
            cores: device.processors().iter().map(|processor| processor.cores).collect(),
            active_w: vec![0.0; processors],
            idle_w: vec![0.0; processors],
            base_w: power.map_or(0.0, |power| power.base_w),
            memory_j_per_byte: power.map_or(0.0, |power| power.memory_j_per_byte),
            occupied: vec![Occupied::default(); device.workers().len()],
            busy: vec![Busy::default(); processors],
            counted_ns: 0,
            active_j: vec![0.0; processors],
            idle_j: vec![0.0; processors],
            base_j: 0.0,
            memory_j: 0.0,
        }
    }

    fn occupy(&mut self, worker: usize, request: RequestId, model: ModelId, now_ns: u64) {
        let fresh = Occupied { is: true, request, model, start_ns: now_ns, counted_ns: now_ns, active_j: 0.0, memory_j: 0.0 };
        self.occupied[worker] = fresh;
        for index in 0..self.demands[worker].len() {
            let (processor, cores) = self.demands[worker][index];
            self.count_others(processor, now_ns);
            let busy = &mut self.busy[processor.index()];
            if busy.workers == 0 {
                busy.since_ns = now_ns;
            }
            busy.workers += 1;
            busy.cores += cores;
        }
    }

    /// Counts what others took of a processor up to now: of cores that no worker occupies.
    #[inline]
    fn count_others(&mut self, processor: ProcessorId, now_ns: u64) {
        let busy = &mut self.busy[processor.index()];
        if busy.others > 0.0 {
            let elapsed_ns = now_ns - busy.others_counted_ns;
            let free = self.cores[processor.index()].saturating_sub(busy.cores);
            let cores = busy.others.min(f64::from(free));
            self.active_j[processor.index()] += cores * self.active_w[processor.index()] * elapsed_ns as f64 * 1e-9;
            if busy.workers == 0 {
                busy.others_ns += busy.others.min(1.0) * elapsed_ns as f64;
            }
        }
        busy.others_counted_ns = now_ns;
    }

    /// Others occupy so many cores more than before.
    pub(super) fn others_occupy(&mut self, processor: ProcessorId, cores: f64, now_ns: u64) {
        self.count_others(processor, now_ns);
        let others = &mut self.busy[processor.index()].others;
        // Sums of shares leave a rounding residue behind.
        *others = if *others + cores < 1e-9 { 0.0 } else { *others + cores };
    }

    /// Counts what a worker's cores took up to now.
    fn count(&mut self, worker: usize, now_ns: u64) {
        let occupied = &mut self.occupied[worker];
        if !occupied.is {
            return;
        }
        let elapsed_s = seconds(occupied.counted_ns, now_ns);
        occupied.counted_ns = now_ns;
        for &(processor, cores) in &self.demands[worker] {
            let joules = f64::from(cores) * self.active_w[processor.index()] * elapsed_s;
            self.active_j[processor.index()] += joules;
            occupied.active_j += joules;
        }
    }

    fn count_rest(&mut self, now_ns: u64) {
        let elapsed_s = seconds(self.counted_ns, now_ns);
        self.counted_ns = now_ns;
        self.base_j += self.base_w * elapsed_s;
        for (joules, watts) in self.idle_j.iter_mut().zip(&self.idle_w) {
            *joules += watts * elapsed_s;
        }
    }

    /// Counts everything up to now.
    pub(super) fn count_all(&mut self, now_ns: u64) {
        self.count_rest(now_ns);
        for worker in 0..self.occupied.len() {
            self.count(worker, now_ns);
        }
        for processor in 0..self.busy.len() {
            self.count_others(ProcessorId::from_index(processor), now_ns);
        }
    }

    fn vacate(&mut self, worker: usize, now_ns: u64) -> EnergyRecord {
        self.count(worker, now_ns);
        for index in 0..self.demands[worker].len() {
            let (processor, cores) = self.demands[worker][index];
            self.count_others(processor, now_ns);
            let busy = &mut self.busy[processor.index()];
            busy.cores -= cores;
            busy.workers -= 1;
            if busy.workers == 0 {
                busy.total_ns += now_ns - busy.since_ns;
            }
        }
        let occupied = std::mem::take(&mut self.occupied[worker]);
        EnergyRecord {
            request: occupied.request,
            model: occupied.model,
            worker: Some(WorkerId::from_index(worker)),
            start_ns: occupied.start_ns,
            end_ns: now_ns,
            active_j: occupied.active_j,
            memory_j: occupied.memory_j,
        }
    }

    /// Bytes go to or from memory on account of what occupies a worker.
    #[inline]
    pub(in crate::engine) fn traffic(&mut self, worker: u16, bytes: f64) {
        let joules = bytes * self.memory_j_per_byte;
        self.memory_j += joules;
        self.occupied[worker as usize].memory_j += joules;
    }

    /// From now on a processor draws what it does at an operating point.
    pub(super) fn set_point(&mut self, processor: ProcessorId, clock: &Clock, point: usize, now_ns: u64) {
        self.count_all(now_ns);
        if let Some(point) = clock.points.get(point) {
            self.active_w[processor.index()] = point.active_w;
            self.idle_w[processor.index()] = point.idle_w;
        }
    }

    /// For how long any core of a processor has been occupied.
    pub(super) fn busy_ns(&mut self, processor: ProcessorId, now_ns: u64) -> u64 {
        self.count_others(processor, now_ns);
        let busy = &self.busy[processor.index()];
        busy.total_ns + busy.others_ns as u64 + if busy.workers > 0 { now_ns - busy.since_ns } else { 0 }
    }

    /// Energy that a source has turned into heat, up to when everything was counted last.
    pub(super) fn of_source(&self, source: HeatSource) -> f64 {
        match source {
            HeatSource::Processor(processor) => self.active_j[processor.index()] + self.idle_j[processor.index()],
            HeatSource::Memory => self.memory_j,
            HeatSource::Base => self.base_j,
        }
    }

    /// Energy in all, up to when everything was counted last.
    pub(super) fn total(&self) -> f64 {
        self.active_j.iter().chain(&self.idle_j).sum::<f64>() + self.memory_j + self.base_j
    }
}

impl<R: Recorder> Engine<'_, R> {
    /// A worker has taken something.
    #[cold]
    pub(in crate::engine) fn occupied(&mut self, worker: u16, occupation: Occupation) {
        let slot = match occupation {
            Occupation::Segment { slot, .. } => slot,
            Occupation::Copy { copy } => self.copies.items[copy as usize].slot,
            Occupation::Frame | Occupation::Preparation { .. } => return,
        };
        let request = &self.requests.items[slot as usize];
        if let Some(dynamics) = &mut self.dynamics {
            dynamics.meter.occupy(worker as usize, request.id, request.model, self.now_ns);
        }
    }

    /// A worker is done with what it took.
    #[cold]
    pub(in crate::engine) fn vacated(&mut self, worker: u16) {
        let now_ns = self.now_ns;
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        // Frames are work of others.
        if !dynamics.meter.occupied[worker as usize].is {
            return;
        }
        let record = dynamics.meter.vacate(worker as usize, now_ns);
        if dynamics.meter.accounts && self.observed() {
            self.record(&Record::Energy(record));
        }
    }

    /// The bytes of a copy go through memory; the worker that the copy occupies, if any, accounts for them.
    #[cold]
    pub(in crate::engine) fn copy_moves(&mut self, copy: u32) {
        let state = &self.copies.items[copy as usize];
        let link = self.device.link(state.link);
        let bytes = state.bytes as f64 * link.channels.iter().map(|&(_, per_byte)| per_byte).sum::<f64>();
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        if let Some(worker) = state.blocks {
            dynamics.meter.traffic(worker.0 as u16, bytes);
            return;
        }
        let memory_j = bytes * dynamics.meter.memory_j_per_byte;
        dynamics.meter.memory_j += memory_j;
        if dynamics.meter.accounts && memory_j > 0.0 && self.observed() {
            let request = &self.requests.items[state.slot as usize];
            let (request, model, at_ns) = (request.id, request.model, self.now_ns);
            let record = EnergyRecord { request, model, worker: None, start_ns: at_ns, end_ns: at_ns, active_j: 0.0, memory_j };
            self.record(&Record::Energy(record));
        }
    }

    pub(super) fn energy_ends(&mut self) {
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        if !dynamics.meter.accounts {
            return;
        }
        dynamics.meter.count_all(self.now_ns);
        for worker in 0..self.workers.len() {
            if self.dynamics.as_ref().is_some_and(|dynamics| dynamics.meter.occupied[worker].is) {
                self.vacated(worker as u16);
            }
        }
        let Some(meter) = self.dynamics.as_ref().map(|dynamics| &dynamics.meter) else {
            return;
        };
        let processors = (0..meter.active_j.len()).map(ProcessorId::from_index);
        let mut totals: Vec<(Quantity, f64)> = processors
            .flat_map(|processor| {
                let index = processor.index();
                [
                    (Quantity::ActiveEnergy(processor), meter.active_j[index]),
                    (Quantity::IdleEnergy(processor), meter.idle_j[index]),
                ]
            })
            .collect();
        totals.extend([(Quantity::MemoryEnergy, meter.memory_j), (Quantity::BaseEnergy, meter.base_j)]);
        for (quantity, value) in totals {
            self.record_state(quantity, value);
        }
    }
}
