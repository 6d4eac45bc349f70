//! The device while it changes: state that only a run with an [`Environment`](crate::environment::Environment) has.
//!
//! Each kind of change is a [`Trigger`]; its event is `Event::Environment` with the trigger, packed. Environment events of an
//! instant run after its completions and before its arrivals. They do not keep a run alive: it ends when no request is left,
//! and stalls when nothing but recurring triggers is left to wait for.

mod clocks;
mod frames;
mod heat;
mod load;
mod meter;
mod outages;
mod slices;
mod speed;
mod watchdogs;

use crate::engine::queue::Class;
use crate::engine::run::Engine;
use crate::engine::state::Event;
use crate::environment::{Environment, SpeedChange};
use crate::identifiers::ProcessorId;
use crate::platform::Device;
use crate::record::{Quantity, Record, Recorder, StateRecord};
use crate::task::KernelCost;

use clocks::Clocks;
use frames::Frames;
use heat::Heat;
pub use heat::Network;
use load::Loads;
use meter::Meter;
use outages::Outages;
use slices::Cutting;
use speed::Speeds;
use watchdogs::Watchdogs;

/// What an environment event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trigger {
    /// The next of the changes known beforehand.
    Script,
    /// A look at the temperatures.
    Thermal,
    /// A processor's governor decides.
    Governor(ProcessorId),
    /// A change of a processor's clock comes into force.
    Clock(ProcessorId),
    /// A load by others comes or goes.
    Load(u32),
    /// A load by others moves.
    Move(u32),
    /// Someone else who takes bandwidth comes or goes.
    Hog(u32),
    /// A processor vanishes or returns.
    Outage(u32),
    /// Requests wait for a processor that is away, and are to be dropped.
    Stranded,
    /// A beat of the display.
    Beat,
    /// A frame leaves the CPU, if this is still the generation of its stage.
    FramePrepared(u32),
    /// A frame leaves the GPU, likewise.
    FrameDrawn(u32),
    /// A worker's kernel may have taken too long.
    Watchdog(u32),
    /// The processor of a watchdog has been reset.
    Reset(u32),
}

impl Trigger {
    /// Bits of the processor or other thing that a trigger is about.
    const ENTITY_BITS: u32 = 20;

    const fn packed(self) -> u32 {
        let (kind, entity) = match self {
            Self::Script => (0, 0),
            Self::Thermal => (1, 0),
            Self::Governor(processor) => (2, processor.0),
            Self::Clock(processor) => (3, processor.0),
            Self::Load(index) => (4, index),
            Self::Move(index) => (5, index),
            Self::Hog(index) => (6, index),
            Self::Outage(index) => (7, index),
            Self::Stranded => (8, 0),
            Self::Beat => (9, 0),
            Self::FramePrepared(generation) => (10, generation),
            Self::FrameDrawn(generation) => (11, generation),
            Self::Watchdog(worker) => (12, worker),
            Self::Reset(watchdog) => (13, watchdog),
        };
        (kind << Self::ENTITY_BITS) | entity
    }

    const fn unpacked(word: u32) -> Self {
        let entity = word & ((1 << Self::ENTITY_BITS) - 1);
        let processor = ProcessorId(entity);
        match word >> Self::ENTITY_BITS {
            0 => Self::Script,
            1 => Self::Thermal,
            2 => Self::Governor(processor),
            3 => Self::Clock(processor),
            4 => Self::Load(entity),
            5 => Self::Move(entity),
            6 => Self::Hog(entity),
            7 => Self::Outage(entity),
            8 => Self::Stranded,
            9 => Self::Beat,
            10 => Self::FramePrepared(entity),
            11 => Self::FrameDrawn(entity),
            12 => Self::Watchdog(entity),
            _ => Self::Reset(entity),
        }
    }
}

/// State of a device that changes.
#[derive(Debug)]
pub(super) struct Dynamics {
    pub(super) speeds: Speeds,
    pub(super) meter: Meter,
    clocks: Clocks,
    heat: Option<Heat>,
    loads: Loads,
    pub(super) outages: Outages,
    watchdogs: Watchdogs,
    frames: Option<Frames>,
    cutting: Option<Cutting>,
    /// Changes still to come, the next one last.
    script: Vec<SpeedChange>,
}

impl Dynamics {
    /// The state at the start; nothing for an environment without changes.
    pub(super) fn of(environment: &Environment, device: &Device, seed: u64) -> Option<Box<Self>> {
        if environment.is_constant() {
            return None;
        }
        let mut script = environment.changes.clone();
        script.reverse();
        // Stable: of one instant the order of the list remains, reversed.
        script.sort_by_key(|change| std::cmp::Reverse(change.at_ns));
        let climate = environment.climate.as_ref().zip(device.thermal());
        Some(Box::new(Self {
            speeds: Speeds::new(device),
            meter: Meter::new(environment, device),
            clocks: Clocks::new(environment, device),
            heat: climate.map(|(climate, thermal)| Heat::new(climate, thermal)),
            loads: Loads::new(environment, seed),
            outages: Outages::new(environment, device, seed),
            watchdogs: Watchdogs::new(environment, device),
            frames: environment.interface.as_ref().and_then(|interface| Frames::new(interface, device, seed)),
            cutting: environment.interface.as_ref().and_then(|interface| Cutting::new(interface, device)),
            script,
        }))
    }

    /// A kernel starts that takes `solo_ns` at speed 1: the rate it starts at, and its duration if that stays.
    #[cold]
    pub(super) fn kernel_starts(&mut self, worker: u16, cost: &KernelCost, solo_ns: u64, now_ns: u64) -> (f64, u64) {
        self.meter.traffic(worker, cost.memory_bytes as f64);
        self.outages.starts(worker, solo_ns, cost.memory_bytes, now_ns);
        self.speeds.start(worker, solo_ns, now_ns)
    }

    /// Whether a trigger comes back for ever, so that waiting for it alone is in vain.
    fn is_recurring(&self, trigger: Trigger) -> bool {
        match trigger {
            // Frames under way may be what the queue of the GPU waits for.
            Trigger::Script
            | Trigger::Clock(_)
            | Trigger::Stranded
            | Trigger::FramePrepared(_)
            | Trigger::FrameDrawn(_)
            | Trigger::Watchdog(_)
            | Trigger::Reset(_) => false,
            Trigger::Thermal | Trigger::Beat => true,
            Trigger::Load(_) | Trigger::Move(_) | Trigger::Hog(_) => self.loads.recurs(trigger),
            Trigger::Outage(index) => self.outages.recurs(index),
            Trigger::Governor(processor) => self.clocks.decides_for_ever(processor),
        }
    }
}

impl<R: Recorder> Engine<'_, R> {
    pub(super) fn environment_starts(&mut self) {
        let Some(dynamics) = &self.dynamics else {
            return;
        };
        let script_ns = dynamics.script.last().map(|change| change.at_ns);
        let look_ns = dynamics.heat.as_ref().map(Heat::polling_ns);
        if let Some(at_ns) = script_ns {
            self.schedule_environment(Trigger::Script, at_ns);
        }
        self.clocks_start();
        self.outages_start();
        self.loads_start();
        self.frames_start();
        if let Some(at_ns) = look_ns {
            self.record_temperatures(None);
            self.schedule_environment(Trigger::Thermal, at_ns);
        }
    }

    fn schedule_environment(&mut self, trigger: Trigger, at_ns: u64) {
        self.queue.schedule(at_ns, Class::Environment, Event::Environment { trigger: trigger.packed() }.packed());
    }

    pub(super) fn environment_event(&mut self, trigger: u32) {
        match Trigger::unpacked(trigger) {
            Trigger::Script => self.follow_script(),
            Trigger::Thermal => self.look_at_temperatures(),
            Trigger::Governor(processor) => self.govern(processor),
            Trigger::Clock(processor) => self.clock_in_force(processor),
            Trigger::Load(index) => self.load_changes(index),
            Trigger::Move(index) => self.load_moves(index),
            Trigger::Hog(index) => self.hog_changes(index),
            Trigger::Outage(index) => self.outage_changes(index),
            Trigger::Stranded => self.drop_stranded(),
            Trigger::Beat => self.beat(),
            Trigger::FramePrepared(generation) => self.frame_prepared(generation),
            Trigger::FrameDrawn(generation) => self.frame_ended(generation),
            Trigger::Watchdog(worker) => self.watchdog_looks(worker as u16),
            Trigger::Reset(watchdog) => self.reset_ends(watchdog),
        }
        self.settle();
    }

    fn follow_script(&mut self) {
        let now_ns = self.now_ns;
        while let Some(change) =
            self.dynamics.as_mut().and_then(|dynamics| dynamics.script.pop_if(|change| change.at_ns <= now_ns))
        {
            self.set_factor(change.processor, change.cause, change.factor);
        }
        if let Some(at_ns) = self.dynamics.as_ref().and_then(|dynamics| dynamics.script.last()).map(|change| change.at_ns) {
            self.schedule_environment(Trigger::Script, at_ns);
        }
    }

    /// Whether an environment event is worth handling: something else is to come, or this may set free what stands still.
    pub(super) fn goes_on(&self, trigger: u32) -> bool {
        // An interface that is never still is worth watching until the end.
        if self.options.horizon_ns.is_some() && self.options.environment.interface.is_some() {
            return true;
        }
        let recurring = |trigger: u32| {
            let trigger = Trigger::unpacked(trigger);
            self.dynamics.as_ref().is_some_and(|dynamics| dynamics.is_recurring(trigger))
        };
        let in_flight = self.arrived > self.completed + self.dropped;
        (in_flight && !recurring(trigger))
            || self.queue.events().any(|packed| match Event::unpacked(packed) {
                Event::Environment { trigger } => in_flight && !recurring(trigger),
                Event::Prepared { .. } => in_flight,
                event => !self.is_superseded(event),
            })
    }

    /// What the device drew up to the end of the run.
    pub(super) fn environment_ends(&mut self) {
        if self.dynamics.is_none() {
            return;
        }
        self.frames_end();
        self.last_temperatures();
        self.energy_ends();
    }

    fn record_state(&mut self, quantity: Quantity, value: f64) {
        if self.observed() {
            self.record(&Record::State(StateRecord { at_ns: self.now_ns, quantity, value }));
        }
    }
}
