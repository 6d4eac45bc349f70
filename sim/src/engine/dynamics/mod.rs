//! The device while it changes: state that only a run with an [`Environment`](crate::environment::Environment) has.
//!
//! Each kind of change is a [`Trigger`]; its event is `Event::Environment` with the trigger, packed. Environment events of an
//! instant run after its completions and before its arrivals. They do not keep a run alive: it ends when no request is left,
//! and stalls when nothing but recurring triggers is left to wait for.

mod clocks;
mod heat;
mod meter;
mod speed;

use crate::engine::queue::Class;
use crate::engine::run::Engine;
use crate::engine::state::Event;
use crate::environment::{Environment, SpeedChange};
use crate::identifiers::ProcessorId;
use crate::platform::Device;
use crate::record::{Quantity, Record, Recorder, StateRecord};
use crate::task::KernelCost;

use clocks::Clocks;
use heat::Heat;
pub use heat::Network;
use meter::Meter;
use speed::Speeds;

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
        };
        (kind << Self::ENTITY_BITS) | entity
    }

    const fn unpacked(word: u32) -> Self {
        let processor = ProcessorId(word & ((1 << Self::ENTITY_BITS) - 1));
        match word >> Self::ENTITY_BITS {
            0 => Self::Script,
            1 => Self::Thermal,
            2 => Self::Governor(processor),
            _ => Self::Clock(processor),
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
    /// Changes still to come, the next one last.
    script: Vec<SpeedChange>,
}

impl Dynamics {
    /// The state at the start; nothing for an environment without changes.
    pub(super) fn of(environment: &Environment, device: &Device) -> Option<Box<Self>> {
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
            script,
        }))
    }

    /// A kernel starts that takes `solo_ns` at speed 1: the rate it starts at, and its duration if that stays.
    #[cold]
    pub(super) fn kernel_starts(&mut self, worker: u16, cost: &KernelCost, solo_ns: u64, now_ns: u64) -> (f64, u64) {
        self.meter.traffic(worker, cost.memory_bytes as f64);
        self.speeds.start(worker, solo_ns, now_ns)
    }

    /// Whether a trigger comes back for ever, so that waiting for it alone is in vain.
    fn is_recurring(&self, trigger: Trigger) -> bool {
        match trigger {
            Trigger::Script | Trigger::Clock(_) => false,
            Trigger::Thermal => true,
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
        let recurring = |trigger: u32| {
            let trigger = Trigger::unpacked(trigger);
            self.dynamics.as_ref().is_some_and(|dynamics| dynamics.is_recurring(trigger))
        };
        let in_flight = self.arrived > self.completed + self.dropped;
        (in_flight && !recurring(trigger))
            || self.queue.events().any(|packed| match Event::unpacked(packed) {
                Event::Environment { trigger } => in_flight && !recurring(trigger),
                event => !self.is_superseded(event),
            })
    }

    /// What the device drew up to the end of the run.
    pub(super) fn environment_ends(&mut self) {
        if self.dynamics.is_none() {
            return;
        }
        self.last_temperatures();
        self.energy_ends();
    }

    fn record_state(&mut self, quantity: Quantity, value: f64) {
        if self.observed() {
            self.record(&Record::State(StateRecord { at_ns: self.now_ns, quantity, value }));
        }
    }
}
