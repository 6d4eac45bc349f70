//! The threads of a run: one for each worker, and the calling one, which keeps the time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sim::engine::StopReason;
use sim::identifiers::{DataId, WorkerId};
use sim::platform::Device;

use crate::processor::{Processor, ProcessorError};
use crate::run::blocks::HostMemory;
use crate::run::preparation::carry_out;
use crate::run::schedule::ModelToRun;
use crate::run::state::{Occupation, State};
use crate::run::worker::{Driver, OfRequest};
use crate::run::{ExecuteError, Opener, Settings};
use crate::tensor::Tensor;

/// Everything that the threads of a run share.
pub(super) struct Shared<'a> {
    pub(super) state: Mutex<State<'a>>,
    /// One for each worker.
    pub(super) wake: Vec<Condvar>,
    /// For the thread that keeps the time.
    pub(super) timer: Condvar,
    /// For each worker, how often it was given something to do: looked at without the lock.
    pub(super) given: Vec<AtomicU32>,
    pub(super) host: Arc<HostMemory>,
    pub(super) inputs: Vec<BTreeMap<DataId, Tensor>>,
    pub(super) models: &'a [ModelToRun<'a>],
    pub(super) device: &'a Device,
    pub(super) settings: &'a Settings,
    pub(super) failure: Mutex<Option<ExecuteError>>,
}

impl<'a> Shared<'a> {
    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After a change: the strategy is asked, and whoever got something to do is woken. `own` is awake.
    fn settle(&self, state: &mut State<'_>, own: Option<WorkerId>) {
        state.decide();
        if state.stop.is_none()
            && let Some(why) = state.stalled()
        {
            state.stop(StopReason::Stalled(why));
        }
        for (index, woken) in state.woken.iter_mut().enumerate() {
            if std::mem::take(woken) && own != Some(WorkerId::from_index(index)) {
                self.given[index].fetch_add(1, Ordering::Release);
                self.wake[index].notify_one();
            }
        }
        let is_sooner = state.arrivals.peek().is_some_and(|arrival| arrival.0.at_ns < state.timer_until_ns);
        if is_sooner || state.stop.is_some() {
            self.timer.notify_one();
        }
    }

    /// Nothing can be run: tells why, once, and lets all threads end.
    fn give_up(&self, error: ExecuteError) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        let mut state = self.lock();
        state.stop(StopReason::Failed(String::new()));
        self.settle(&mut state, None);
        for wake in &self.wake {
            wake.notify_all();
        }
    }
}

/// How long the thread that keeps the time sleeps at most.
const GLANCE: Duration = Duration::from_millis(50);

/// Waits until all workers have come so far, or there is nothing to wait for.
fn all_prepared<'s, 'a>(
    shared: &'s Shared<'a>,
    mut state: MutexGuard<'s, State<'a>>,
    times: usize,
    interrupt: &AtomicBool,
) -> MutexGuard<'s, State<'a>> {
    while state.prepared < times * shared.device.workers().len() && state.stop.is_none() {
        state = shared.timer.wait_timeout(state, GLANCE).unwrap_or_else(PoisonError::into_inner).0;
        if interrupt.load(Ordering::Relaxed) {
            state.stop(StopReason::Interrupted);
        }
    }
    state
}

fn wake_all(shared: &Shared<'_>) {
    for wake in &shared.wake {
        wake.notify_all();
    }
}

/// The calling thread: lets requests arrive in time, and stops at the horizon or when asked to.
pub(super) fn keep_time(shared: &Shared<'_>, interrupt: &AtomicBool) {
    let mut state = shared.lock();
    state = all_prepared(shared, state, 1, interrupt);
    if state.stop.is_none() {
        state.lay_out();
        wake_all(shared);
        state = all_prepared(shared, state, 2, interrupt);
    }
    state.start = Some(Instant::now());
    for source in 0..state.sources.len() {
        for at_ns in state.sources[source].first() {
            state.expect_arrival(source, at_ns);
        }
    }
    if state.arrivals.is_empty() {
        state.stop(StopReason::Drained);
    }
    wake_all(shared);
    loop {
        let next_ns = state.arrive();
        shared.settle(&mut state, None);
        if state.stop.is_some() {
            break;
        }
        let now_ns = state.now_ns();
        let horizon_ns = shared.settings.horizon_ns.unwrap_or(u64::MAX);
        if now_ns >= horizon_ns {
            state.stop(StopReason::Horizon);
            state.end_ns = horizon_ns;
        } else if interrupt.load(Ordering::Relaxed) {
            state.stop(StopReason::Interrupted);
        }
        let until_ns = next_ns.unwrap_or(u64::MAX).min(horizon_ns).saturating_sub(now_ns);
        let sleep = Duration::from_nanos(until_ns).min(GLANCE);
        if state.stop.is_none() && !sleep.is_zero() {
            state.timer_until_ns = now_ns.saturating_add(sleep.as_nanos() as u64);
            state = shared.timer.wait_timeout(state, sleep).unwrap_or_else(PoisonError::into_inner).0;
            state.timer_until_ns = 0;
        }
    }
    drop(state);
    for (wake, given) in shared.wake.iter().zip(&shared.given) {
        given.fetch_add(1, Ordering::Release);
        wake.notify_all();
    }
}

/// The thread of a worker.
pub(super) fn drive(shared: &Shared<'_>, worker: WorkerId, opener: Opener<'_>) {
    let name = || shared.device.worker(worker).name.clone();
    let prepared = opener().and_then(|processor| prepare(shared, worker, processor));
    let mut driver = match prepared {
        Ok(driver) => driver,
        Err(error) => return shared.give_up(ExecuteError::Processor { worker: name(), error }),
    };
    let mut state = shared.lock();
    state.access[worker.index()] = Some(driver.access());
    state.units[worker.index()] = driver.unit_memory();
    state.prepared += 1;
    shared.timer.notify_one();
    while !state.is_laid_out && state.stop.is_none() {
        state = shared.wake[worker.index()].wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    let prepared = state.prepared_versions();
    drop(state);
    if let Err(error) = prepared.iter().try_for_each(|version| driver.make_windows(0, version)) {
        return shared.give_up(ExecuteError::Processor { worker: name(), error });
    }
    let mut state = shared.lock();
    state.prepared += 1;
    shared.timer.notify_one();
    while state.start.is_none() && state.stop.is_none() {
        state = shared.wake[worker.index()].wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    if let Some(start) = state.start {
        driver.starts_at(start);
    }
    loop {
        if state.stop.is_some() {
            // Units may have been prepared during the run.
            state.units[worker.index()] = driver.unit_memory();
            return;
        }
        let Some(waiting) = state.take(worker) else {
            state = idle(shared, worker, state);
            continue;
        };
        let taken_ns = state.now_ns();
        let slot = match waiting.occupation {
            Occupation::Segment { slot, .. } | Occupation::Copy { slot, .. } => slot,
            Occupation::Preparation { number } => {
                let preparation = state.next_preparation(worker, number);
                drop(state);
                let prepared = carry_out(shared, &mut driver, preparation);
                state = shared.lock();
                state.workers[worker.index()].running = None;
                state.preparation_ended(worker, number, prepared);
                state.release(worker);
                shared.settle(&mut state, Some(worker));
                continue;
            }
        };
        let request = &state.requests[slot as usize];
        let of_request = OfRequest { slot, id: request.id, model: request.model, version: Arc::clone(&request.version) };
        let requested_ns = match waiting.occupation {
            Occupation::Copy { fragment, link, .. } => {
                let key = (fragment, shared.device.link(link).to.0);
                request.requested_ns.get(&key).copied().unwrap_or(waiting.since_ns)
            }
            Occupation::Segment { .. } | Occupation::Preparation { .. } => waiting.since_ns,
        };
        drop(state);
        let result = match waiting.occupation {
            Occupation::Segment { segment, .. } => driver.segment(&of_request, segment, waiting.since_ns, taken_ns),
            Occupation::Copy { fragment, link, .. } => {
                driver.copy(&of_request, fragment, link, requested_ns).map(|record| vec![record])
            }
            Occupation::Preparation { .. } => Ok(Vec::new()),
        };
        state = shared.lock();
        // What follows may end the request and give its slot to another: nothing runs here any more, though the cores are still held.
        state.workers[worker.index()].running = None;
        match result {
            Err(error) => state.stop(StopReason::Failed(format!("worker `{}`: {error}", name()))),
            Ok(records) => {
                for record in records {
                    state.record(record);
                }
                match waiting.occupation {
                    Occupation::Segment { segment, .. } => state.segment_ended(slot, segment, worker),
                    Occupation::Copy { fragment, link, .. } => {
                        state.events += 1;
                        state.copied(slot, fragment, shared.device.link(link).to);
                    }
                    Occupation::Preparation { .. } => {}
                }
            }
        }
        state.release(worker);
        shared.settle(&mut state, Some(worker));
    }
}

/// Opens nothing: prepares every unit that this worker may be asked to run, and runs each a few times.
fn prepare<'a>(shared: &'a Shared<'_>, worker: WorkerId, processor: Box<dyn Processor>) -> Result<Driver<'a>, ProcessorError> {
    let versions = shared.lock().prepared_versions();
    let mut driver = Driver::new(worker, shared.device, shared.models, &shared.inputs, &shared.host, processor);
    for version in &versions {
        driver.prepare(version.model, version)?;
        driver.warm_up(version, shared.settings.warm_up)?;
    }
    Ok(driver)
}

/// Nothing to do: looks for some a while without the lock, then sleeps until woken.
fn idle<'s, 'a>(shared: &'s Shared<'a>, worker: WorkerId, state: MutexGuard<'s, State<'a>>) -> MutexGuard<'s, State<'a>> {
    let given = &shared.given[worker.index()];
    let seen = given.load(Ordering::Acquire);
    drop(state);
    let begin = Instant::now();
    while given.load(Ordering::Acquire) == seen && begin.elapsed().as_nanos() < u128::from(shared.settings.spin_ns) {
        std::hint::spin_loop();
    }
    let state = shared.lock();
    if given.load(Ordering::Acquire) != seen || state.stop.is_some() {
        return state;
    }
    shared.wake[worker.index()].wait(state).unwrap_or_else(PoisonError::into_inner)
}
