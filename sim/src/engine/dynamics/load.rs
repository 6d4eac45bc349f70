//! Load by others comes, goes and moves.

use crate::engine::dynamics::Trigger;
use crate::engine::run::Engine;
use crate::engine::state::Flow;
use crate::environment::{BandwidthHog, Cause, Environment, Load, Migration, Presence, Takes};
use crate::identifiers::ProcessorId;
use crate::random::{Purpose, Stream};
use crate::record::Recorder;

/// Whether something of a [`Presence`] is there, and until when.
#[derive(Debug)]
struct Switch {
    presence: Presence,
    is_on: bool,
    random: Stream,
}

impl Switch {
    fn new(presence: Presence, seed: u64, entity: u64) -> Self {
        Self { presence, is_on: false, random: Stream::new(seed, Purpose::Load, entity, 0) }
    }

    /// When it comes for the first time.
    fn first_ns(&mut self) -> u64 {
        match self.presence {
            Presence::During { from_ns, .. } => from_ns,
            Presence::Bursts { mean_off_ns, .. } => libm::round(self.random.exponential(mean_off_ns)) as u64,
        }
    }

    /// Comes or goes; gives the time of the next change, if there is one.
    fn flip(&mut self, now_ns: u64) -> Option<u64> {
        self.is_on = !self.is_on;
        match self.presence {
            Presence::During { until_ns, .. } => until_ns.filter(|_| self.is_on),
            Presence::Bursts { mean_on_ns, mean_off_ns } => {
                let mean_ns = if self.is_on { mean_on_ns } else { mean_off_ns };
                Some(now_ns.saturating_add(libm::round(self.random.exponential(mean_ns)) as u64))
            }
        }
    }

    fn recurs(&self) -> bool {
        matches!(self.presence, Presence::Bursts { .. })
    }
}

#[derive(Debug)]
struct LoadState {
    switch: Switch,
    takes: Takes,
    at: ProcessorId,
    /// All places it can be at, and how long it stays.
    places: Vec<ProcessorId>,
    migration: Option<Migration>,
    moves: Stream,
}

impl LoadState {
    fn new(load: &Load, seed: u64, index: usize) -> Self {
        let others = load.migration.iter().flat_map(|migration| migration.others.iter().copied());
        Self {
            switch: Switch::new(load.presence, seed, index as u64),
            takes: load.takes,
            at: load.processor,
            places: std::iter::once(load.processor).chain(others).collect(),
            migration: load.migration.clone(),
            moves: Stream::new(seed, Purpose::Load, index as u64, 1),
        }
    }

    fn next_move_ns(&mut self, now_ns: u64) -> Option<u64> {
        let mean_ns = self.migration.as_ref()?.mean_stay_ns;
        Some(now_ns.saturating_add(libm::round(self.moves.exponential(mean_ns)) as u64))
    }

    /// Another place, each of the others as likely.
    fn elsewhere(&mut self) -> ProcessorId {
        let others: Vec<ProcessorId> = self.places.iter().copied().filter(|&place| place != self.at).collect();
        let drawn = (self.moves.uniform() * others.len() as f64) as usize;
        others.get(drawn).copied().unwrap_or(self.at)
    }
}

/// All load by others.
#[derive(Debug)]
pub(super) struct Loads {
    loads: Vec<LoadState>,
    hogs: Vec<(Switch, BandwidthHog)>,
}

/// Numbers of hogs as random entities begin here.
const FIRST_HOG: u64 = 1 << 32;

impl Loads {
    pub(super) fn new(environment: &Environment, seed: u64) -> Self {
        let hog = |(index, hog): (usize, &BandwidthHog)| (Switch::new(hog.presence, seed, FIRST_HOG + index as u64), *hog);
        Self {
            loads: environment.loads.iter().enumerate().map(|(index, load)| LoadState::new(load, seed, index)).collect(),
            hogs: environment.hogs.iter().enumerate().map(hog).collect(),
        }
    }

    pub(super) fn recurs(&self, trigger: Trigger) -> bool {
        match trigger {
            Trigger::Load(index) => self.loads[index as usize].switch.recurs(),
            Trigger::Hog(index) => self.hogs[index as usize].0.recurs(),
            _ => true,
        }
    }

    /// What shares leave of a processor.
    fn left(&self, processor: ProcessorId) -> f64 {
        let here = self.loads.iter().filter(|load| load.switch.is_on && load.at == processor);
        let shares = here.map(|load| if let Takes::Share(share) = load.takes { share } else { 0.0 });
        (1.0 - shares.sum::<f64>()).max(0.0)
    }
}

impl<R: Recorder> Engine<'_, R> {
    pub(super) fn loads_start(&mut self) {
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        let mut first = Vec::new();
        for (index, load) in dynamics.loads.loads.iter_mut().enumerate() {
            first.push((Trigger::Load(index as u32), load.switch.first_ns()));
            first.extend(load.next_move_ns(0).map(|at_ns| (Trigger::Move(index as u32), at_ns)));
        }
        for (index, (switch, _)) in dynamics.loads.hogs.iter_mut().enumerate() {
            first.push((Trigger::Hog(index as u32), switch.first_ns()));
        }
        for (trigger, at_ns) in first {
            self.schedule_environment(trigger, at_ns);
        }
    }

    /// A load comes or goes.
    pub(super) fn load_changes(&mut self, index: u32) {
        let now_ns = self.now_ns;
        let Some(load) = self.dynamics.as_mut().and_then(|dynamics| dynamics.loads.loads.get_mut(index as usize)) else {
            return;
        };
        let next_ns = load.switch.flip(now_ns);
        let (takes, at, is_on) = (load.takes, load.at, load.switch.is_on);
        self.load_at(takes, at, is_on);
        if let Some(at_ns) = next_ns {
            self.schedule_environment(Trigger::Load(index), at_ns);
        }
    }

    /// A load moves, whether it is on or not.
    pub(super) fn load_moves(&mut self, index: u32) {
        let now_ns = self.now_ns;
        let Some(load) = self.dynamics.as_mut().and_then(|dynamics| dynamics.loads.loads.get_mut(index as usize)) else {
            return;
        };
        let (takes, from, is_on) = (load.takes, load.at, load.switch.is_on);
        let to = load.elsewhere();
        load.at = to;
        let next_ns = load.next_move_ns(now_ns);
        if is_on {
            self.load_at(takes, from, false);
            self.load_at(takes, to, true);
        }
        if let Some(at_ns) = next_ns {
            self.schedule_environment(Trigger::Move(index), at_ns);
        }
    }

    /// A load is at a processor from now on, or no longer.
    fn load_at(&mut self, takes: Takes, processor: ProcessorId, is_on: bool) {
        let sign = if is_on { 1.0 } else { -1.0 };
        let cores = self.device.processor(processor).cores;
        match takes {
            Takes::Share(share) => {
                let left = self.dynamics.as_ref().map_or(1.0, |dynamics| dynamics.loads.left(processor));
                self.set_factor(processor, Cause::Load, left);
                self.others_occupy(processor, sign * share * f64::from(cores));
            }
            Takes::Threads(threads) => {
                let (come, leave) = if is_on { (threads, 0) } else { (0, threads) };
                self.add_threads(processor, come, leave);
                self.others_occupy(processor, sign * f64::from(threads));
            }
        }
    }

    /// Others occupy so many cores of a processor more than before.
    pub(super) fn others_occupy(&mut self, processor: ProcessorId, cores: f64) {
        let now_ns = self.now_ns;
        if let Some(dynamics) = &mut self.dynamics {
            dynamics.meter.others_occupy(processor, cores, now_ns);
        }
    }

    /// A bandwidth hog comes or goes.
    pub(super) fn hog_changes(&mut self, index: u32) {
        let now_ns = self.now_ns;
        let found = self.dynamics.as_mut().and_then(|dynamics| dynamics.loads.hogs.get_mut(index as usize));
        let (Some((switch, hog)), Some(dram)) = (found, self.device.dram()) else {
            return;
        };
        let next_ns = switch.flip(now_ns);
        let key = Flow::Hog(index as u16);
        if switch.is_on {
            let full_speed = (hog.bytes_per_second, u64::MAX);
            self.sharing.join(now_ns, key, f64::INFINITY, full_speed, std::iter::once((dram.0, 1.0)));
        } else {
            self.sharing.leave(key);
        }
        if let Some(at_ns) = next_ns {
            self.schedule_environment(Trigger::Hog(index), at_ns);
        }
    }
}
