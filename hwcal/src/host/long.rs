//! Experiments that take a worker for themselves: contention, sustained load, frequency, power.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use executor::{Processor, ProcessorError, ProcessorErrorKind};

use crate::host::bench::{Bench, Subject};
use crate::host::clock::Clock;
use crate::host::design::load_source;
use crate::host::facts::Machine;
use crate::host::rounds::Limits;
use crate::host::sample::{Bound, Sustained, Timing};
use crate::host::timing::{Series, p10};
use crate::host::worker::Station;

const IDLE: u8 = 0;
const BUSY: u8 = 1;
const STOP: u8 = 2;

/// Repetitions in a row with the other worker idle, and again with it busy.
const TURN: usize = 3;
/// Stretches that a sustained load is divided into.
const STRETCHES: u64 = 10;

/// What one worker asks of another, and hears from it.
#[derive(Debug, Default)]
pub(crate) struct Load {
    wanted: AtomicU8,
    launches: AtomicU64,
    is_resting: AtomicBool,
    has_failed: AtomicBool,
}

impl Load {
    /// Ends the other worker's loop.
    pub(crate) fn stop(&self) {
        self.wanted.store(STOP, Ordering::SeqCst);
    }

    /// On the other worker: launches a unit over and over while that is wanted, until [`Self::stop`].
    pub(crate) fn drive(&self, station: &mut Station, bound: Bound) -> Result<(), ProcessorError> {
        let result = station.parts().and_then(|(processor, clock)| self.launch(processor, clock, bound));
        self.has_failed.store(result.is_err(), Ordering::SeqCst);
        self.is_resting.store(true, Ordering::SeqCst);
        result
    }

    fn launch(&self, processor: &mut dyn Processor, clock: &dyn Clock, bound: Bound) -> Result<(), ProcessorError> {
        let bench = Bench::new(processor, clock, &Subject::Unit(load_source(bound)))?;
        let result = loop {
            match self.wanted.load(Ordering::SeqCst) {
                STOP => break Ok(()),
                BUSY => {
                    self.is_resting.store(false, Ordering::SeqCst);
                    if let Err(error) = bench.repeat(processor, clock, 1) {
                        break Err(error);
                    }
                    self.launches.fetch_add(1, Ordering::SeqCst);
                }
                _ => {
                    self.is_resting.store(true, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_micros(200));
                }
            }
        };
        bench.discard(processor);
        result
    }

    /// Waits until the other worker does what is wanted; whether it does.
    fn want(&self, wanted: u8, must_stop: &dyn Fn() -> bool) -> bool {
        let before = self.launches.load(Ordering::SeqCst);
        self.wanted.store(wanted, Ordering::SeqCst);
        loop {
            if self.has_failed.load(Ordering::SeqCst) || must_stop() {
                return false;
            }
            let is_done = match wanted {
                BUSY => self.launches.load(Ordering::SeqCst) > before + 1,
                _ => self.is_resting.load(Ordering::SeqCst),
            };
            if is_done {
                return true;
            }
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

/// A unit with another worker idle and with it busy, in turns. `None` if it could not be finished.
pub(crate) fn contention(
    station: &mut Station,
    own: Bound,
    load: &Load,
    limits: &Limits,
    must_stop: &dyn Fn() -> bool,
) -> Result<Option<[Timing; 2]>, ProcessorError> {
    let (processor, clock) = station.parts()?;
    on_bench(processor, clock, own, |processor, bench| {
        let mut series = [Series::default(), Series::default()];
        bench.repeat(processor, clock, 1)?;
        loop {
            for (series, wanted) in series.iter_mut().zip([IDLE, BUSY]) {
                if !load.want(wanted, must_stop) {
                    return Ok(None);
                }
                let begin_ns = clock.now_ns();
                repeat(processor, clock, bench, series, TURN)?;
                series.spent_ns += clock.now_ns() - begin_ns;
            }
            let is_enough = |series: &Series| {
                let is_tight = series.used() >= limits.minimum && series.relative_interval() <= limits.tight;
                is_tight || series.repetitions() >= limits.maximum || series.spent_ns >= limits.longest_ns
            };
            if series.iter().all(is_enough) {
                let [alone, together] = &series;
                let is_valid = series.iter().all(|series| series.used() >= 5);
                return Ok(alone.timing().zip(together.timing()).filter(|_| is_valid).map(|(alone, together)| [alone, together]));
            }
        }
    })
}

/// A computation for so long; `None` if it was stopped.
pub(crate) fn sustained(
    station: &mut Station,
    duration_ns: u64,
    must_stop: &dyn Fn() -> bool,
) -> Result<Option<(Timing, Vec<Sustained>)>, ProcessorError> {
    let (processor, clock) = station.parts()?;
    on_bench(processor, clock, Bound::Compute, |processor, bench| {
        let mut all = Series::default();
        let mut stretches = Vec::new();
        let begin_ns = clock.now_ns();
        for stretch in 0..STRETCHES {
            let end_ns = begin_ns + duration_ns * (stretch + 1) / STRETCHES;
            let mut durations = Vec::new();
            while clock.now_ns() < end_ns || durations.is_empty() {
                if must_stop() {
                    return Ok(None);
                }
                let repetition = bench.repeat(processor, clock, 1)?;
                all.push(repetition.duration_ns, repetition.busy_ns, repetition.has_waited);
                if !repetition.has_waited {
                    durations.push(repetition.duration_ns as f64);
                }
            }
            let nanoseconds: Vec<u64> = durations.iter().map(|&duration| duration as u64).collect();
            stretches.push(Sustained {
                at_ns: duration_ns * (2 * stretch + 1) / (2 * STRETCHES),
                p10_ns: p10(&nanoseconds),
                median_ns: crate::statistics::quantile(&durations, 0.5).round() as u64,
            });
        }
        Ok(all.timing().map(|timing| (timing, stretches)))
    })
}

/// A computation, and the median frequency of a core meanwhile.
pub(crate) fn frequency(
    station: &mut Station,
    core: usize,
    machine: &Machine,
    limits: &Limits,
) -> Result<Option<(Timing, u64)>, ProcessorError> {
    let (processor, clock) = station.parts()?;
    on_bench(processor, clock, Bound::Compute, |processor, bench| {
        let mut series = Series::default();
        let mut read_khz = Vec::new();
        for _ in 0..2 * limits.minimum {
            repeat(processor, clock, bench, &mut series, 1)?;
            read_khz.extend(machine.frequency_khz(core));
        }
        read_khz.sort_unstable();
        Ok(series.timing().zip(read_khz.get(read_khz.len() / 2).copied()))
    })
}

/// Power (milliwatts) of the package with all workers idle, and with this one computing; and how long a launch took.
pub(crate) fn power(
    station: &mut Station,
    machine: &Machine,
    must_stop: &dyn Fn() -> bool,
) -> Result<Option<(Timing, u64, u64)>, ProcessorError> {
    let (processor, clock) = station.parts()?;
    on_bench(processor, clock, Bound::Compute, |processor, bench| {
        let mut series = Series::default();
        bench.repeat(processor, clock, 1)?;
        let first = (machine.energy_uj(), clock.now_ns());
        clock.sleep(500_000_000);
        let idle = (machine.energy_uj(), clock.now_ns());
        while clock.now_ns() < idle.1 + 1_000_000_000 {
            if must_stop() {
                return Ok(None);
            }
            repeat(processor, clock, bench, &mut series, 1)?;
        }
        let busy = (machine.energy_uj(), clock.now_ns());
        let powers = milliwatts(first, idle).zip(milliwatts(idle, busy));
        Ok(series.timing().zip(powers).map(|(timing, (idle_mw, busy_mw))| (timing, idle_mw, busy_mw)))
    })
}

/// Mean power between two readings of a counter (microjoules, and where it starts again) with their times.
fn milliwatts(from: (Option<(u64, u64)>, u64), to: (Option<(u64, u64)>, u64)) -> Option<u64> {
    let ((before_uj, range_uj), (after_uj, _)) = from.0.zip(to.0)?;
    let used_uj = if after_uj >= before_uj { after_uj - before_uj } else { after_uj + range_uj - before_uj };
    let elapsed_ns = to.1.checked_sub(from.1).filter(|&elapsed_ns| elapsed_ns > 0)?;
    Some((used_uj as f64 / elapsed_ns as f64 * 1e6).round() as u64)
}

/// Prepares the load of a kind, uses it, and gives it back.
fn on_bench<T>(
    processor: &mut dyn Processor,
    clock: &dyn Clock,
    bound: Bound,
    body: impl FnOnce(&mut dyn Processor, &Bench) -> Result<T, ProcessorError>,
) -> Result<T, ProcessorError> {
    let bench = Bench::new(processor, clock, &Subject::Unit(load_source(bound)))?;
    let result = body(processor, &bench);
    if !matches!(&result, Err(error) if error.kind == ProcessorErrorKind::Lost) {
        bench.discard(processor);
    }
    result
}

/// Several single launches; those during which steal time advanced are marked.
fn repeat(
    processor: &mut dyn Processor,
    clock: &dyn Clock,
    bench: &Bench,
    series: &mut Series,
    count: usize,
) -> Result<(), ProcessorError> {
    let ticks = clock.stolen_ticks();
    let repetitions: Vec<_> = (0..count).map(|_| bench.repeat(processor, clock, 1)).collect::<Result<_, _>>()?;
    let is_stolen = clock.stolen_ticks() > ticks;
    for repetition in repetitions {
        series.push(repetition.duration_ns, repetition.busy_ns, is_stolen || repetition.has_waited);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_is_energy_over_time_and_counters_start_again() {
        let check = |from: Option<(u64, u64)>, to: Option<(u64, u64)>, elapsed_ns: u64, expected: Option<u64>| {
            assert_eq!(milliwatts((from, 5), (to, 5 + elapsed_ns)), expected);
        };
        check(Some((1_000_000, 9_000_000)), Some((3_000_000, 9_000_000)), 1_000_000_000, Some(2_000));
        check(Some((8_500_000, 9_000_000)), Some((500_000, 9_000_000)), 500_000_000, Some(2_000));
        check(None, Some((0, 1)), 1, None);
        check(Some((0, 9)), Some((5, 9)), 0, None);
    }
}
