//! Clocks that plans set: what entering a segment costs, and kernels that begin before their clocks have changed.

use crate::engine::run::Engine;
use crate::engine::state::Occupation;
use crate::identifiers::ProcessorId;
use crate::plan::Program;
use crate::record::Recorder;
use crate::task::settings::Place;
use crate::task::{KernelCost, Settings};

/// A clock that plans set.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SettableState {
    /// The point in force; `None` before anything has set it.
    point: Option<usize>,
    /// The point asked for last, and from when on it is in force.
    asked: usize,
    due_ns: u64,
}

impl SettableState {
    fn ask(&mut self, point: usize, switch_ns: impl Fn(usize, usize) -> u64, now_ns: u64) {
        if self.due_ns <= now_ns {
            self.point = self.point.map(|_| self.asked);
        }
        // What is asked for first is taken to have been in force before.
        let in_force = *self.point.get_or_insert(point);
        if point == in_force {
            (self.asked, self.due_ns) = (point, now_ns);
        } else if point != self.asked || self.due_ns <= now_ns {
            (self.asked, self.due_ns) = (point, now_ns.saturating_add(switch_ns(in_force, point)));
        }
    }
}

/// One state for each clock that programs set; none where no program sets any.
pub(super) fn states<'a>(programs: impl Iterator<Item = &'a Program>) -> Vec<SettableState> {
    let clocks = programs.filter_map(Program::settings).map(|settings| settings.settings().clock_count());
    vec![SettableState::default(); clocks.max().unwrap_or(0)]
}

impl<R: Recorder> Engine<'_, R> {
    /// A worker enters a segment: what that costs stands beside its invocation.
    #[cold]
    pub(super) fn enter_at_settings(&mut self, worker: u16, slot: u32, segment: u32) {
        let entry_ns = self.requests.items[slot as usize].program.settings().map_or(0, |settings| settings.entry_ns(segment));
        let state = &mut self.workers[worker as usize];
        let entered_ns = if state.in_invocation { self.layout.invocation_ns[worker as usize] } else { 0 };
        let invocation_ns = entry_ns.saturating_add(entered_ns);
        state.in_invocation = invocation_ns > 0;
        if state.in_invocation {
            self.invocation_starts(worker, invocation_ns);
        } else {
            self.kernel_starts(worker, slot);
        }
    }

    /// The cost of the kernel that starts now: at its old clocks up to when its own are in force.
    #[cold]
    pub(super) fn cost_at_clocks(&mut self, worker: u16, slot: u32, cost: KernelCost) -> KernelCost {
        let now_ns = self.now_ns;
        let state = &self.workers[worker as usize];
        let Some(Occupation::Segment { segment, .. }) = state.running else {
            return cost;
        };
        let program = &self.requests.items[slot as usize].program;
        let Some((set, place)) = program.settings().and_then(|set| Some((set, set.place(segment)?))) else {
            return cost;
        };
        let settings = set.settings();
        let clocks = &mut self.settable;
        for (processor, point) in settings.points(place) {
            clocks[processor.index()].ask(point, |from, to| settings.switch_ns(processor, from, to), now_ns);
        }
        let late_ns = |(processor, _): (ProcessorId, usize)| clocks[processor.index()].due_ns.saturating_sub(now_ns);
        let late_ns = settings.points(place).map(late_ns).max().unwrap_or(0);
        if late_ns == 0 {
            return cost;
        }
        if settings.points(place).any(|(processor, _)| settings.stalls(processor)) {
            return KernelCost { duration_ns: cost.duration_ns.saturating_add(late_ns), ..cost };
        }
        let in_force = |processor: ProcessorId, point: usize| {
            let clock = clocks[processor.index()];
            clock.point.filter(|_| clock.due_ns > now_ns).unwrap_or(point)
        };
        let points: Vec<usize> = settings.points(place).map(|(processor, point)| in_force(processor, point)).collect();
        let task = program.kernel(state.kernel).task;
        let old_ns = settings.at_points(place.worker, &points).map(|setting| Place { setting, ..place });
        let old_ns = old_ns.and_then(|old| settings.duration_ns(task, old)).unwrap_or(cost.duration_ns);
        KernelCost { duration_ns: with_late_clock(cost.duration_ns, old_ns, late_ns), ..cost }
    }
}

/// A kernel that takes `old_ns` at the clocks in force for another `late_ns`, then what is left at `new_ns` for all of it.
fn with_late_clock(new_ns: u64, old_ns: u64, late_ns: u64) -> u64 {
    if late_ns >= old_ns {
        return old_ns;
    }
    let left = (old_ns - late_ns) as f64 / old_ns as f64;
    late_ns + libm::round(left * new_ns as f64) as u64
}

/// Costs at settings and the environment's clocks are two models of one thing: a run has one of them.
pub(super) fn governed(settings: &Settings, governed: impl Iterator<Item = ProcessorId>) -> Option<ProcessorId> {
    let mut governed = governed;
    governed.find(|processor| settings.is_settable(*processor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_clocks_by_hand() {
        // Half of it takes 50 at the old clock, the other half 20 at the new one.
        assert_eq!(with_late_clock(40, 100, 50), 70);
        assert_eq!(with_late_clock(100, 40, 20), 70);
        assert_eq!(with_late_clock(100, 40, 60), 40);
    }

    #[test]
    fn a_clock_asked_again_keeps_its_due_time() {
        let mut clock = SettableState::default();
        let switch = |from: usize, to: usize| if from < to { 30 } else { 10 };
        clock.ask(0, switch, 0);
        assert_eq!(clock.due_ns, 0);
        clock.ask(2, switch, 100);
        clock.ask(2, switch, 110);
        assert_eq!((clock.point, clock.due_ns), (Some(0), 130));
        clock.ask(1, switch, 140);
        assert_eq!((clock.point, clock.due_ns), (Some(2), 150));
        // Back before it has changed: nothing to wait for.
        clock.ask(2, switch, 145);
        assert_eq!((clock.point, clock.due_ns), (Some(2), 145));
    }
}
