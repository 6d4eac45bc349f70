//! Drivers that end kernels that take too long.

use crate::engine::dynamics::{Dynamics, Trigger};
use crate::engine::queue::Class;
use crate::engine::run::Engine;
use crate::engine::state::{Event, Occupation};
use crate::environment::{Environment, Watchdog};
use crate::identifiers::ProcessorId;
use crate::platform::Device;
use crate::record::{Quantity, Recorder};

/// Who watches what.
#[derive(Debug)]
pub(in crate::engine) struct Watchdogs {
    all: Vec<Watchdog>,
    /// For each worker, the watchdog with the least limit among those of its processors.
    watching: Vec<Option<u32>>,
    /// For each worker, when its kernel will have taken too long.
    due_ns: Vec<u64>,
    fired: u64,
}

impl Watchdogs {
    pub(super) fn new(environment: &Environment, device: &Device) -> Self {
        let watching = device.workers().iter().map(|worker| {
            let needs = |processor: ProcessorId| worker.demands.iter().any(|&(needed, _)| needed == processor);
            let all = environment.watchdogs.iter().enumerate().filter(|(_, watchdog)| needs(watchdog.processor));
            all.min_by_key(|(_, watchdog)| watchdog.limit_ns).map(|(index, _)| index as u32)
        });
        Self {
            watching: watching.collect(),
            all: environment.watchdogs.clone(),
            due_ns: vec![u64::MAX; device.workers().len()],
            fired: 0,
        }
    }

    /// A kernel, or a slice of one, starts: when somebody has to look whether it has ended.
    fn watch(&mut self, worker: u16, now_ns: u64) -> Option<u64> {
        let index = self.watching[worker as usize]?;
        let at_ns = now_ns.saturating_add(self.all[index as usize].limit_ns);
        self.due_ns[worker as usize] = at_ns;
        Some(at_ns)
    }
}

impl Dynamics {
    /// A kernel, or a slice of one, starts: when which event has to look whether it has ended.
    pub(in crate::engine) fn watch(&mut self, worker: u16, now_ns: u64) -> Option<(u64, Event)> {
        let at_ns = self.watchdogs.watch(worker, now_ns)?;
        Some((at_ns, Event::Environment { trigger: Trigger::Watchdog(u32::from(worker)).packed() }))
    }
}

impl<R: Recorder> Engine<'_, R> {
    /// A processor has returned: its kernels have as long again.
    pub(super) fn watches_again(&mut self, processor: ProcessorId) {
        for worker in 0..self.workers.len() as u16 {
            let needs = self.device.workers()[worker as usize].demands.iter().any(|&(needed, _)| needed == processor);
            let watched = self.dynamics.as_mut().filter(|_| needs).and_then(|dynamics| dynamics.watch(worker, self.now_ns));
            if let Some((at_ns, event)) = watched {
                self.queue.schedule(at_ns, Class::Environment, event.packed());
            }
        }
    }

    /// A kernel that started a limit ago may still run.
    pub(super) fn watchdog_looks(&mut self, worker: u16) {
        let state = &self.workers[worker as usize];
        let computes = matches!(state.running, Some(Occupation::Segment { .. })) && !state.in_invocation && !state.paused;
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        if !computes || dynamics.watchdogs.due_ns[worker as usize] != self.now_ns {
            return;
        }
        // A processor that is away has no driver to watch it.
        if !dynamics.outages.is_there(worker) {
            return;
        }
        let Some(index) = dynamics.watchdogs.watching[worker as usize] else {
            return;
        };
        let Watchdog { processor, reset_ns, .. } = dynamics.watchdogs.all[index as usize];
        dynamics.watchdogs.fired += 1;
        let fired = dynamics.watchdogs.fired as f64;
        self.record_state(Quantity::Timeouts, fired);
        if reset_ns > 0 {
            self.absence_changes(processor, true);
            self.schedule_environment(Trigger::Reset(index), self.now_ns.saturating_add(reset_ns));
        }
        self.abandon(worker);
    }

    /// A processor has been reset.
    pub(super) fn reset_ends(&mut self, watchdog: u32) {
        if let Some(dynamics) = &self.dynamics {
            let processor = dynamics.watchdogs.all[watchdog as usize].processor;
            self.absence_changes(processor, false);
        }
    }

    /// What a worker computes is lost, and its request dropped.
    fn abandon(&mut self, worker: u16) {
        let Some((slot, is_vacant)) = self.stops(worker) else {
            return;
        };
        self.give_up(slot);
        if is_vacant {
            self.release(worker);
        }
    }
}
