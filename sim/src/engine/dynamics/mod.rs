//! The device while it changes: state that only a run with an [`Environment`](crate::environment::Environment) has.
//!
//! Each kind of change is a [`Trigger`]; its event is `Event::Environment` with the trigger's index. Environment events of an
//! instant run after its completions and before its arrivals. They do not keep a run alive: it ends when no request is left,
//! and stalls when nothing but recurring triggers is left to wait for.

mod speed;

use crate::engine::queue::Class;
use crate::engine::run::Engine;
use crate::engine::state::Event;
use crate::environment::{Environment, SpeedChange};
use crate::platform::Device;
use crate::record::Recorder;

pub(super) use speed::Speeds;

/// What an environment event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trigger {
    /// The next of the changes known beforehand.
    Script,
}

impl Trigger {
    /// Whether it comes back for ever, so that waiting for it alone is in vain.
    const fn is_recurring(self) -> bool {
        match self {
            Self::Script => false,
        }
    }
}

/// State of a device that changes.
#[derive(Debug)]
pub(super) struct Dynamics {
    pub(super) speeds: Speeds,
    triggers: Vec<Trigger>,
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
        Some(Box::new(Self { speeds: Speeds::new(device), triggers: vec![Trigger::Script], script }))
    }

    /// When the first event of each trigger is due.
    fn first(&self) -> Vec<(u32, u64)> {
        let due = |trigger: &Trigger| match trigger {
            Trigger::Script => self.script.last().map(|change| change.at_ns),
        };
        (0..).zip(&self.triggers).filter_map(|(index, trigger)| due(trigger).map(|at_ns| (index, at_ns))).collect()
    }
}

impl<R: Recorder> Engine<'_, R> {
    pub(super) fn environment_starts(&mut self) {
        let first = self.dynamics.as_ref().map(|dynamics| dynamics.first()).unwrap_or_default();
        for (trigger, at_ns) in first {
            self.schedule_environment(trigger, at_ns);
        }
    }

    fn schedule_environment(&mut self, trigger: u32, at_ns: u64) {
        self.queue.schedule(at_ns, Class::Environment, Event::Environment { trigger }.packed());
    }

    pub(super) fn environment_event(&mut self, index: u32) {
        let Some(dynamics) = &self.dynamics else {
            return;
        };
        match dynamics.triggers[index as usize] {
            Trigger::Script => self.follow_script(index),
        }
    }

    fn follow_script(&mut self, index: u32) {
        let now_ns = self.now_ns;
        while let Some(change) =
            self.dynamics.as_mut().and_then(|dynamics| dynamics.script.pop_if(|change| change.at_ns <= now_ns))
        {
            self.set_factor(change.processor, change.cause, change.factor);
        }
        self.settle();
        if let Some(at_ns) = self.dynamics.as_ref().and_then(|dynamics| dynamics.script.last()).map(|change| change.at_ns) {
            self.schedule_environment(index, at_ns);
        }
    }

    /// Whether an environment event is worth handling: something else is to come, or this may set free what stands still.
    pub(super) fn goes_on(&self, index: u32) -> bool {
        let recurring =
            |index: u32| self.dynamics.as_ref().is_some_and(|dynamics| dynamics.triggers[index as usize].is_recurring());
        let in_flight = self.arrived > self.completed + self.dropped;
        (in_flight && !recurring(index))
            || self.queue.events().any(|packed| match Event::unpacked(packed) {
                Event::Environment { trigger } => in_flight && !recurring(trigger),
                event => !self.is_superseded(event),
            })
    }
}
