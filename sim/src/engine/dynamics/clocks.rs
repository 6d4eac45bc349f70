//! Clocks: what governors want, what heat allows, and what is in force after the time of a switch.

use crate::engine::dynamics::Trigger;
use crate::engine::run::Engine;
use crate::environment::{Cause, Environment, Governor, PELT_HALF_LIFE_NS, SCHEDUTIL_HEADROOM};
use crate::identifiers::ProcessorId;
use crate::platform::{Clock, Device};
use crate::record::{Quantity, Recorder};

/// One processor's clock.
#[derive(Debug, Default)]
struct State {
    clock: Clock,
    governor: Option<Governor>,
    /// Operating point in force.
    point: usize,
    /// Point that a switch under way leads to.
    switching_to: Option<usize>,
    /// What the governor wants.
    wanted: usize,
    /// Highest point that trip points allow.
    cap: usize,
    /// Of `schedutil`: averaged utilisation, and the busy time it has seen.
    utilization: f64,
    seen_busy_ns: u64,
    seen_ns: u64,
    /// Of a trace: steps done.
    step: usize,
}

impl State {
    fn target(&self) -> usize {
        self.wanted.min(self.cap)
    }
}

/// All clocks.
#[derive(Debug)]
pub(super) struct Clocks {
    states: Vec<State>,
}

impl Clocks {
    pub(super) fn new(environment: &Environment, device: &Device) -> Self {
        let governor = |index: usize| {
            let of_processor = environment.governors.iter().rev().find(|(processor, _)| processor.index() == index);
            of_processor.map(|(_, governor)| governor.clone())
        };
        let state = |index: usize| {
            let clock = device.power().map(|power| power.clocks[index].clone()).unwrap_or_default();
            let top = clock.points.len().saturating_sub(1);
            let governor = governor(index);
            let wanted = match &governor {
                // An idle device: `schedutil` has seen nothing yet.
                Some(Governor::Powersave | Governor::Schedutil { .. }) => 0,
                Some(Governor::Trace(steps)) => {
                    steps.first().filter(|first| first.0 == 0).map_or(top, |first| clock.at_least(first.1 as f64))
                }
                Some(Governor::Performance) | None => top,
            };
            State { governor, wanted, point: wanted, cap: top, clock, ..State::default() }
        };
        Self { states: (0..device.processors().len()).map(state).collect() }
    }

    /// Whether a governor decides again and again, rather than at times known beforehand.
    pub(super) fn decides_for_ever(&self, processor: ProcessorId) -> bool {
        matches!(self.states[processor.index()].governor, Some(Governor::Schedutil { .. }))
    }

    /// Points of a processor's clock, and the lowest that a frequency floor allows.
    pub(super) fn steps_above(&self, processor: ProcessorId, floor_khz: u64) -> usize {
        let clock = &self.states[processor.index()].clock;
        clock.points.len().saturating_sub(1) - clock.at_least(floor_khz as f64)
    }
}

impl<R: Recorder> Engine<'_, R> {
    /// Every clock is at its first point, and governors decide for the first time.
    pub(super) fn clocks_start(&mut self) {
        for processor in (0..self.device.processors().len()).map(ProcessorId::from_index) {
            self.set_point(processor);
            let Some(state) = self.dynamics.as_ref().map(|dynamics| &dynamics.clocks.states[processor.index()]) else {
                return;
            };
            let first_ns = match &state.governor {
                Some(Governor::Schedutil { period_ns }) => Some(*period_ns),
                Some(Governor::Trace(steps)) => steps.first().map(|first| first.0),
                Some(Governor::Performance | Governor::Powersave) | None => None,
            };
            if let Some(at_ns) = first_ns {
                self.schedule_environment(Trigger::Governor(processor), at_ns);
            }
        }
    }

    pub(super) fn govern(&mut self, processor: ProcessorId) {
        let now_ns = self.now_ns;
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        let busy_ns = dynamics.meter.busy_ns(processor, now_ns);
        let state = &mut dynamics.clocks.states[processor.index()];
        let next_ns = match &state.governor {
            Some(Governor::Schedutil { period_ns }) => {
                let next_ns = now_ns.saturating_add(*period_ns);
                state.sample(busy_ns, now_ns);
                Some(next_ns)
            }
            Some(Governor::Trace(steps)) => {
                while let Some(&(_, khz)) = steps.get(state.step).filter(|(at_ns, _)| *at_ns <= now_ns) {
                    state.wanted = state.clock.at_least(khz as f64);
                    state.step += 1;
                }
                steps.get(state.step).map(|next| next.0)
            }
            Some(Governor::Performance | Governor::Powersave) | None => None,
        };
        self.switch_clock(processor);
        if let Some(at_ns) = next_ns {
            self.schedule_environment(Trigger::Governor(processor), at_ns);
        }
    }

    /// Trip points allow a processor no more than so many points below its highest.
    pub(super) fn cap_clock(&mut self, processor: ProcessorId, below: usize) {
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        let state = &mut dynamics.clocks.states[processor.index()];
        let cap = state.clock.points.len().saturating_sub(1).saturating_sub(below);
        if std::mem::replace(&mut state.cap, cap) != cap {
            self.record_state(Quantity::Cap(processor), below as f64);
            self.switch_clock(processor);
        }
    }

    /// Begins a switch to the point that is due, unless one is under way.
    fn switch_clock(&mut self, processor: ProcessorId) {
        let now_ns = self.now_ns;
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        let state = &mut dynamics.clocks.states[processor.index()];
        if state.switching_to.is_some() || state.target() == state.point {
            return;
        }
        let (switch_ns, stalls) = (state.clock.switch_ns, state.clock.switch_stalls);
        if switch_ns == 0 {
            state.point = state.target();
            self.set_point(processor);
            return;
        }
        state.switching_to = Some(state.target());
        if stalls {
            self.set_factor(processor, Cause::Frequency, 0.0);
        }
        self.schedule_environment(Trigger::Clock(processor), now_ns.saturating_add(switch_ns));
    }

    pub(super) fn clock_in_force(&mut self, processor: ProcessorId) {
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        let state = &mut dynamics.clocks.states[processor.index()];
        if let Some(point) = state.switching_to.take() {
            state.point = point;
            self.set_point(processor);
        }
        // Meanwhile something else may be due.
        self.switch_clock(processor);
    }

    fn set_point(&mut self, processor: ProcessorId) {
        let now_ns = self.now_ns;
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        let state = &dynamics.clocks.states[processor.index()];
        let Some(khz) = state.clock.points.get(state.point).map(|point| point.frequency_khz) else {
            return;
        };
        dynamics.meter.set_point(processor, &state.clock, state.point, now_ns);
        let speed = state.clock.speed(state.point);
        self.set_factor(processor, Cause::Frequency, speed);
        self.record_state(Quantity::Frequency(processor), khz as f64);
    }
}

impl State {
    /// `schedutil` looks at what the processor did since it looked last.
    fn sample(&mut self, busy_ns: u64, now_ns: u64) {
        let elapsed_ns = (now_ns - self.seen_ns) as f64;
        let share = (busy_ns - self.seen_busy_ns) as f64 / elapsed_ns;
        (self.seen_ns, self.seen_busy_ns) = (now_ns, busy_ns);
        let kept = libm::exp2(-elapsed_ns / PELT_HALF_LIFE_NS as f64);
        self.utilization = self.utilization * kept + share * self.clock.speed(self.point) * (1.0 - kept);
        let top_khz = self.clock.points.last().map_or(0, |point| point.frequency_khz);
        self.wanted = self.clock.at_least(SCHEDUTIL_HEADROOM * top_khz as f64 * self.utilization);
    }
}
