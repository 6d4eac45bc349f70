//! Speeds of processors, rates of workers, and kernels timed anew where they change.

use crate::engine::queue::Class;
use crate::engine::run::Engine;
use crate::engine::state::{Event, Flow, Occupation};
use crate::environment::Cause;
use crate::identifiers::{ProcessorId, WorkerId};
use crate::platform::Device;
use crate::record::Recorder;

/// A kernel under way, in terms of the speed at which the profile's costs hold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// What was left at `since_ns`.
    pub(super) left_ns: f64,
    pub(super) since_ns: u64,
}

/// How fast everything is now.
#[derive(Debug)]
pub(in crate::engine) struct Speeds {
    /// For each processor, its factors by cause.
    factors: Vec<[f64; Cause::COUNT]>,
    /// For each processor, its cores, and the threads of others that never sleep.
    cores: Vec<u32>,
    threads: Vec<u32>,
    /// For each worker: its processors and how many of their cores it takes, its share of memory-bound time, its rate, its kernel.
    demands: Vec<Vec<(ProcessorId, u32)>>,
    memory_share: Vec<f64>,
    rates: Vec<f64>,
    progress: Vec<Progress>,
    /// For each worker, bytes per second that its kernel moves at speed 1.
    full_limit: Vec<f64>,
}

/// Least fraction of a nanosecond that is not rounding.
const GRAIN_NS: f64 = 1e-6;

/// `left_ns` of work at a rate, in whole nanoseconds reached from below; never where the rate is 0.
pub(super) fn duration_ns(left_ns: f64, rate: f64) -> u64 {
    if rate > 0.0 { libm::ceil(left_ns / rate - GRAIN_NS).max(0.0) as u64 } else { u64::MAX }
}

impl Speeds {
    pub(super) fn new(device: &Device) -> Self {
        let workers = device.workers();
        Self {
            factors: vec![[1.0; Cause::COUNT]; device.processors().len()],
            cores: device.processors().iter().map(|processor| processor.cores).collect(),
            threads: vec![0; device.processors().len()],
            demands: workers.iter().map(|worker| worker.demands.clone()).collect(),
            memory_share: device.worker_ids().map(|worker| device.memory_share(worker)).collect(),
            rates: vec![1.0; workers.len()],
            progress: vec![Progress::default(); workers.len()],
            full_limit: vec![0.0; workers.len()],
        }
    }

    /// A processor's factor for a cause.
    pub(in crate::engine) fn factor(&self, processor: ProcessorId, cause: Cause) -> f64 {
        self.factors[processor.index()][cause as usize]
    }

    /// Of each core, what is left to a gang of so many threads by the threads of others.
    fn fair_share(&self, processor: ProcessorId, gang: u32) -> f64 {
        let (cores, threads) = (self.cores[processor.index()], gang + self.threads[processor.index()]);
        if threads <= cores { 1.0 } else { f64::from(cores) / f64::from(threads) }
    }

    /// Work done per time by a worker, 1 at the speed of its profile: `1 / ((1 - m) / s + m)` at a clock of speed `s`, times what load leaves.
    #[inline]
    pub(in crate::engine) fn rate(&self, worker: u16) -> f64 {
        self.rates[worker as usize]
    }

    fn rate_now(&self, worker: usize) -> f64 {
        let share = self.memory_share[worker];
        let rate = |&(processor, cores): &(ProcessorId, u32)| {
            let speed = self.factor(processor, Cause::Frequency);
            if speed <= 0.0 {
                return 0.0;
            }
            let left = self.factor(processor, Cause::Load) * self.factor(processor, Cause::Availability);
            left * self.fair_share(processor, cores) / ((1.0 - share) / speed + share)
        };
        self.demands[worker].iter().map(rate).fold(f64::INFINITY, f64::min)
    }

    /// A kernel starts that takes `solo_ns` at speed 1: the rate it starts at, and its duration if that stays.
    #[inline]
    pub(in crate::engine) fn start(&mut self, worker: u16, solo_ns: u64, now_ns: u64) -> (f64, u64) {
        let rate = self.rate(worker);
        self.progress[worker as usize] = Progress { left_ns: solo_ns as f64, since_ns: now_ns };
        // At speed 1 nothing is rounded, whatever the size.
        (rate, if rate.to_bits() == 1f64.to_bits() { solo_ns } else { duration_ns(solo_ns as f64, rate) })
    }

    /// What a worker runs begins anew, with so much to do.
    pub(super) fn begin_anew(&mut self, worker: usize, whole_ns: u64, now_ns: u64) {
        self.progress[worker] = Progress { left_ns: whole_ns as f64, since_ns: now_ns };
    }

    /// Bytes per second that a worker's kernel moves at speed 1.
    pub(super) fn limit(&self, worker: usize) -> f64 {
        self.full_limit[worker]
    }

    /// The kernel that starts moves bytes at this rate at speed 1.
    #[inline]
    pub(in crate::engine) fn moves(&mut self, worker: u16, limit: f64) {
        self.full_limit[worker as usize] = limit;
    }
}

impl<R: Recorder> Engine<'_, R> {
    /// Sets one factor of a processor's speed. What runs there keeps the progress it has made and goes on at its new rate; the caller calls
    /// [`Engine::settle`] once after all changes of the instant.
    pub(in crate::engine) fn set_factor(&mut self, processor: ProcessorId, cause: Cause, factor: f64) {
        let Some(dynamics) = &mut self.dynamics else {
            return;
        };
        dynamics.speeds.factors[processor.index()][cause as usize] = factor;
        self.speed_changed(processor);
        if cause != Cause::Load {
            self.frames_anew(processor);
        }
    }

    /// Threads of others come to a processor or leave it; see [`Self::set_factor`].
    pub(super) fn add_threads(&mut self, processor: ProcessorId, come: u32, leave: u32) {
        if let Some(dynamics) = &mut self.dynamics {
            let threads = &mut dynamics.speeds.threads[processor.index()];
            *threads = threads.saturating_add(come).saturating_sub(leave);
            self.speed_changed(processor);
        }
    }

    fn speed_changed(&mut self, processor: ProcessorId) {
        for worker in 0..self.workers.len() {
            let Some(dynamics) = &mut self.dynamics else {
                return;
            };
            if !dynamics.speeds.demands[worker].iter().any(|&(needed, _)| needed == processor) {
                continue;
            }
            let rate = dynamics.speeds.rate_now(worker);
            let before = std::mem::replace(&mut dynamics.speeds.rates[worker], rate);
            if before.to_bits() != rate.to_bits() {
                self.time_anew(worker, before, rate);
            }
        }
    }

    fn time_anew(&mut self, worker: usize, before: f64, rate: f64) {
        let state = &mut self.workers[worker];
        let computes = matches!(state.running, Some(Occupation::Segment { .. })) && !state.in_invocation && !state.paused;
        let (true, Some(dynamics)) = (computes, &mut self.dynamics) else {
            return;
        };
        if state.shares_bandwidth {
            self.sharing.set_limit(Flow::Worker(worker as u16), dynamics.speeds.full_limit[worker] * rate);
            return;
        }
        let progress = &mut dynamics.speeds.progress[worker];
        let done_ns = (self.now_ns - progress.since_ns) as f64 * before;
        *progress = Progress { left_ns: (progress.left_ns - done_ns).max(0.0), since_ns: self.now_ns };
        state.generation = state.generation.wrapping_add(1);
        if rate > 0.0 {
            let at_ns = self.now_ns.saturating_add(duration_ns(progress.left_ns, rate));
            let event = Event::Worker { worker: worker as u16, generation: state.generation };
            self.queue.schedule(at_ns, Class::Completion, event.packed());
        }
    }

    /// Work that a worker does per time: 1 at the speed of its profile.
    pub(in crate::engine) fn rate(&self, worker: WorkerId) -> f64 {
        self.dynamics.as_ref().map_or(1.0, |dynamics| dynamics.speeds.rate(worker.0 as u16))
    }
}
