//! Time, and what disturbs it. A trait, so that tests measure without waiting.

use std::cell::RefCell;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The clock of one thread.
pub(crate) trait Clock {
    /// Time since a moment that all clocks of a run share.
    fn now_ns(&self) -> u64;

    /// Time of day.
    fn unix_ms(&self) -> u64;

    /// Leaves the core idle.
    fn sleep(&self, duration_ns: u64);

    /// How long this thread has been ready to run, but something else ran on its core; `None` where nothing tells.
    fn waited_ns(&self) -> Option<u64>;

    /// Time that a hypervisor took from the worker's cores so far, in ticks of the operating system (10 ms mostly).
    fn stolen_ticks(&self) -> u64;
}

/// Makes the clock of a thread that runs on some cores; called on that thread.
pub(crate) type ClockMaker<'a> = &'a (dyn Fn(&[usize]) -> Box<dyn Clock> + Sync);

/// The clock of this machine.
pub(crate) struct RealClock {
    epoch: Instant,
    cores: Vec<usize>,
    schedule: Option<RefCell<File>>,
}

impl RealClock {
    /// The clock of the calling thread.
    pub(crate) fn new(epoch: Instant, cores: &[usize]) -> Self {
        let schedule = File::open("/proc/thread-self/schedstat").ok().map(RefCell::new);
        Self { epoch, cores: cores.to_vec(), schedule }
    }
}

impl Clock for RealClock {
    fn now_ns(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    fn unix_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    }

    fn sleep(&self, duration_ns: u64) {
        std::thread::sleep(Duration::from_nanos(duration_ns));
    }

    fn waited_ns(&self) -> Option<u64> {
        // Three numbers: time on a core, time ready but not on a core, turns.
        let mut file = self.schedule.as_ref()?.borrow_mut();
        file.seek(SeekFrom::Start(0)).ok()?;
        let mut text = [0; 96];
        let length = file.read(&mut text).ok()?;
        std::str::from_utf8(&text[..length]).ok()?.split_whitespace().nth(1)?.parse().ok()
    }

    fn stolen_ticks(&self) -> u64 {
        std::fs::read_to_string("/proc/stat").map_or(0, |text| stolen_ticks(&text, &self.cores))
    }
}

/// Ticks stolen from some cores, or from all where none are named, in the text of `/proc/stat`.
pub(crate) fn stolen_ticks(text: &str, cores: &[usize]) -> u64 {
    let of = |line: &str| {
        let (name, numbers) = line.split_once(' ')?;
        let core: usize = name.strip_prefix("cpu")?.parse().ok()?;
        (cores.is_empty() || cores.contains(&core)).then_some(())?;
        // user, nice, system, idle, iowait, irq, softirq, steal.
        numbers.split_whitespace().nth(7)?.parse::<u64>().ok()
    };
    text.lines().take_while(|line| line.starts_with("cpu")).filter_map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steal_time_is_that_of_the_cores() {
        let text = "cpu  9 9 9 9 9 9 9 12 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu1 1 2 3 4 5 6 7 4 0 0\nintr 5\n";
        for (cores, expected) in [(&[0][..], 8), (&[1], 4), (&[0, 1], 12), (&[], 12), (&[7], 0)] {
            assert_eq!(stolen_ticks(text, cores), expected, "{cores:?}");
        }
        assert_eq!(stolen_ticks("nonsense", &[]), 0);
    }

    #[test]
    fn the_real_clock_goes_on() {
        let clock = RealClock::new(Instant::now(), &[0]);
        let before = clock.now_ns();
        clock.sleep(1_000_000);
        assert!(clock.now_ns() >= before + 1_000_000);
        assert!(clock.waited_ns() <= clock.waited_ns());
    }
}
