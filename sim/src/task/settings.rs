//! What tasks cost at each setting of a worker's clocks, what entering a segment costs, and how late a change of clock acts.
//!
//! For models of which each task was measured at each setting, rather than predicted and scaled. A plan may then ask for a setting for each
//! segment ([`Plan::at`](crate::plan::Plan::at)). Rules in `docs/semantics.md`, "Settings".

use std::ops::Range;

use thiserror::Error;

use crate::identifiers::{ProcessorId, TaskId, WorkerId};

/// One setting of each of a worker's clocks: the position in the product of their operating points, the last clock fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SettingId(pub u16);

/// In place of a duration: the worker cannot run the task.
pub const NEVER_NS: u64 = u64::MAX;

/// Where a segment runs, and how its clocks are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The worker.
    pub worker: WorkerId,
    /// The setting.
    pub setting: SettingId,
}

/// A processor whose clock plans may set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettableClock {
    /// Frequencies of its operating points, ascending.
    pub frequencies_khz: Vec<u64>,
    /// From asking until the new frequency is in force: `switch_ns[from * points + to]`. Meanwhile the old one holds.
    pub switch_ns: Vec<u64>,
    /// Whether the kernel that asks stands still meanwhile.
    pub stalls: bool,
}

/// Work of so many cycles at a clock, done when a worker takes over from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakeOver {
    /// The worker before; `None` for any other.
    pub from: Option<WorkerId>,
    /// The worker that takes over.
    pub to: WorkerId,
    /// Whose clock counts.
    pub processor: ProcessorId,
    /// Whether it counts as the segment before has set it, or as this one does.
    pub as_before: bool,
    /// How many cycles.
    pub cycles: u64,
}

/// What entering a segment costs, before its first kernel. Empty lists cost nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryCosts {
    /// For each worker, each segment of a request but the first.
    pub segment_ns: Vec<u64>,
    /// `hand_over_ns[(task * workers + from) * workers + to]`: segments that begin with `task`, when `to` takes over from `from`.
    pub hand_over_ns: Vec<u64>,
    /// Work that taking over costs.
    pub take_over: Vec<TakeOver>,
    /// `load_ns[task * workers + worker]`: fetching the task's weights and commands again, where the worker has run something else
    /// meanwhile: paid for each task of a segment in plans that give the worker several segments.
    pub load_ns: Vec<u64>,
}

/// Costs at each setting, of a model on a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// For each processor of the device; no points where plans cannot set it.
    clocks: Vec<SettableClock>,
    /// For each worker, the processors whose clocks its settings name.
    processors: Vec<Vec<ProcessorId>>,
    /// For each worker, its first setting among those of all workers; one more at the end.
    first: Vec<usize>,
    /// `durations_ns[task * settings + first[worker] + setting]`.
    durations_ns: Vec<u64>,
    entry: EntryCosts,
}

/// Why [`Settings`] cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// A list has the wrong length.
    #[error("{what} holds {found} numbers: must be {right}")]
    Length {
        /// Which list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// What would be right.
        right: usize,
    },
    /// A clock without points, or a processor that is not there.
    #[error("worker {worker} names processor {processor}, which has no clock that can be set")]
    NoClock {
        /// The worker.
        worker: u32,
        /// The processor.
        processor: u32,
    },
}

impl Settings {
    /// From the clocks of the processors, for each worker the processors that its settings name, and durations by task, worker and setting.
    ///
    /// # Errors
    /// If lists do not fit each other.
    pub fn new(
        clocks: Vec<SettableClock>,
        processors: Vec<Vec<ProcessorId>>,
        tasks: usize,
        durations_ns: Vec<u64>,
        entry: EntryCosts,
    ) -> Result<Self, SettingsError> {
        let mut first = vec![0];
        for (worker, named) in processors.iter().enumerate() {
            let mut count = 1;
            for processor in named {
                let points = clocks.get(processor.index()).map_or(0, |clock| clock.frequencies_khz.len());
                if points == 0 {
                    return Err(SettingsError::NoClock { worker: worker as u32, processor: processor.0 });
                }
                count *= points;
            }
            first.push(first[worker] + count);
        }
        let (workers, settings) = (processors.len(), first[processors.len()]);
        let sized = |what, found: usize, right: usize, may_be_empty: bool| {
            let fits = found == right || (may_be_empty && found == 0);
            if fits { Ok(()) } else { Err(SettingsError::Length { what, found, right }) }
        };
        for clock in &clocks {
            sized("switch_ns", clock.switch_ns.len(), clock.frequencies_khz.len().pow(2), false)?;
        }
        sized("durations_ns", durations_ns.len(), tasks * settings, false)?;
        sized("segment_ns", entry.segment_ns.len(), workers, true)?;
        sized("hand_over_ns", entry.hand_over_ns.len(), tasks * workers * workers, true)?;
        sized("load_ns", entry.load_ns.len(), tasks * workers, true)?;
        Ok(Self { clocks, processors, first, durations_ns, entry })
    }

    /// Number of workers.
    pub fn worker_count(&self) -> usize {
        self.processors.len()
    }

    /// Number of processors.
    pub fn clock_count(&self) -> usize {
        self.clocks.len()
    }

    /// Whether plans can set a processor's clock.
    pub fn is_settable(&self, processor: ProcessorId) -> bool {
        self.clocks.get(processor.index()).is_some_and(|clock| !clock.frequencies_khz.is_empty())
    }

    /// The processors whose clocks a worker's settings name, in their order.
    pub fn named(&self, worker: WorkerId) -> &[ProcessorId] {
        &self.processors[worker.index()]
    }

    /// Settings of a worker.
    pub fn count(&self, worker: WorkerId) -> usize {
        self.range(worker).len()
    }

    /// The setting at which each clock of a worker is at its highest point.
    pub fn highest(&self, worker: WorkerId) -> SettingId {
        SettingId((self.count(worker) - 1) as u16)
    }

    /// The setting with given points of the worker's clocks, in their order; `None` where a point is missing or too many.
    pub fn at_points(&self, worker: WorkerId, points: &[usize]) -> Option<SettingId> {
        let named = &self.processors[worker.index()];
        if points.len() != named.len() {
            return None;
        }
        let mut setting = 0;
        for (processor, &point) in named.iter().zip(points) {
            let count = self.clocks[processor.index()].frequencies_khz.len();
            if point >= count {
                return None;
            }
            setting = setting * count + point;
        }
        Some(SettingId(setting as u16))
    }

    /// The clocks that a setting names, each with its point.
    pub fn points(&self, place: Place) -> impl Iterator<Item = (ProcessorId, usize)> + '_ {
        let named = &self.processors[place.worker.index()];
        named.iter().enumerate().map(move |(position, &processor)| {
            let faster: usize = named[position + 1..].iter().map(|other| self.points_of(*other)).product();
            (processor, usize::from(place.setting.0) / faster % self.points_of(processor))
        })
    }

    /// Duration of a task; `None` where the worker cannot run it or has no such setting.
    pub fn duration_ns(&self, task: TaskId, place: Place) -> Option<u64> {
        let range = self.range(place.worker);
        let setting = range.start + usize::from(place.setting.0);
        if setting >= range.end {
            return None;
        }
        let all = self.first[self.processors.len()];
        self.durations_ns.get(task.index() * all + setting).copied().filter(|&duration_ns| duration_ns != NEVER_NS)
    }

    /// From asking a processor for another point until it is in force.
    pub fn switch_ns(&self, processor: ProcessorId, from: usize, to: usize) -> u64 {
        let clock = &self.clocks[processor.index()];
        clock.switch_ns[from * clock.frequencies_khz.len() + to]
    }

    /// Whether a kernel stands still while a processor's clock changes.
    pub fn stalls(&self, processor: ProcessorId) -> bool {
        self.clocks[processor.index()].stalls
    }

    /// What entering a segment of some tasks costs after one at `before`; `is_resident` where the worker has no other segment in the plan.
    pub fn entry_ns(&self, tasks: &[TaskId], place: Place, before: Option<Place>, is_resident: bool) -> u64 {
        let (to, workers) = (place.worker.index(), self.processors.len());
        let Some(&first) = tasks.first() else {
            return 0;
        };
        let mut entry_ns = 0u64;
        if let Some(before) = before {
            entry_ns += self.entry.segment_ns.get(to).copied().unwrap_or(0);
            if before.worker != place.worker {
                let row = (first.index() * workers + before.worker.index()) * workers + to;
                entry_ns = entry_ns.saturating_add(self.entry.hand_over_ns.get(row).copied().unwrap_or(0));
                let work = self.entry.take_over.iter().filter(|work| work.to == place.worker);
                for work in work.filter(|work| work.from.is_none_or(|from| from == before.worker)) {
                    let at = if work.as_before { before } else { place };
                    entry_ns = entry_ns.saturating_add(self.cycles_ns(work, at));
                }
            }
        }
        if !is_resident {
            for task in tasks {
                let load_ns = self.entry.load_ns.get(task.index() * workers + to).copied().unwrap_or(0);
                entry_ns = entry_ns.saturating_add(load_ns);
            }
        }
        entry_ns
    }

    fn cycles_ns(&self, work: &TakeOver, at: Place) -> u64 {
        let point = self.points(at).find(|(processor, _)| *processor == work.processor).map(|(_, point)| point);
        let khz = point.map_or(0, |point| self.clocks[work.processor.index()].frequencies_khz[point]);
        if khz == 0 { 0 } else { (u128::from(work.cycles) * 1_000_000 / u128::from(khz)) as u64 }
    }

    fn points_of(&self, processor: ProcessorId) -> usize {
        self.clocks[processor.index()].frequencies_khz.len()
    }

    fn range(&self, worker: WorkerId) -> Range<usize> {
        self.first[worker.index()]..self.first[worker.index() + 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPU: WorkerId = WorkerId(0);
    const GPU: WorkerId = WorkerId(1);

    fn clock(frequencies_khz: &[u64]) -> SettableClock {
        let points = frequencies_khz.len();
        SettableClock {
            frequencies_khz: frequencies_khz.to_vec(),
            switch_ns: (0..points * points).map(|it| it as u64).collect(),
            stalls: false,
        }
    }

    /// A CPU of 2 points, and a GPU of 3 points that also sets the CPU's, which is its host; one task.
    fn settings(entry: EntryCosts) -> Settings {
        let clocks = vec![clock(&[500_000, 1_000_000]), clock(&[100_000, 200_000, 400_000])];
        let named = vec![vec![ProcessorId(0)], vec![ProcessorId(1), ProcessorId(0)]];
        Settings::new(clocks, named, 1, vec![20, 10, 31, 30, 21, 20, 11, NEVER_NS], entry).expect("lists fit")
    }

    #[test]
    fn a_setting_is_a_point_of_each_clock() {
        let settings = settings(EntryCosts::default());
        assert_eq!((settings.count(CPU), settings.count(GPU)), (2, 6));
        for gpu in 0..3 {
            for host in 0..2 {
                let setting = settings.at_points(GPU, &[gpu, host]).expect("a setting");
                let points: Vec<_> = settings.points(Place { worker: GPU, setting }).collect();
                assert_eq!(points, [(ProcessorId(1), gpu), (ProcessorId(0), host)]);
            }
        }
        assert_eq!(settings.at_points(GPU, &[3, 0]), None);
        assert_eq!(settings.at_points(GPU, &[1]), None);
        let duration = |setting| settings.duration_ns(TaskId(0), Place { worker: GPU, setting: SettingId(setting) });
        assert_eq!([duration(0), duration(4), duration(5), duration(6)], [Some(31), Some(11), None, None]);
        assert_eq!(settings.switch_ns(ProcessorId(1), 2, 0), 6);
    }

    #[test]
    fn entering_costs_what_applies() {
        let entry = EntryCosts {
            segment_ns: vec![5, 0],
            hand_over_ns: vec![0, 100, 200, 0],
            take_over: vec![
                TakeOver { from: None, to: CPU, processor: ProcessorId(0), as_before: false, cycles: 7_000 },
                TakeOver { from: Some(GPU), to: CPU, processor: ProcessorId(0), as_before: true, cycles: 1_000 },
            ],
            load_ns: vec![0, 4_000],
        };
        let settings = settings(entry);
        let at = |worker, setting| Place { worker, setting: SettingId(setting) };
        let check = |place, before, is_resident, expected_ns| {
            assert_eq!(settings.entry_ns(&[TaskId(0)], place, before, is_resident), expected_ns);
        };
        check(at(CPU, 0), None, true, 0);
        check(at(CPU, 0), Some(at(CPU, 1)), true, 5);
        // 7000 cycles at its own 500 MHz, 1000 at the 1000 MHz that the GPU's segment had set.
        check(at(CPU, 0), Some(at(GPU, 5)), true, 5 + 200 + 14_000 + 1_000);
        check(at(GPU, 0), Some(at(CPU, 1)), true, 100);
        check(at(GPU, 0), Some(at(CPU, 1)), false, 4_100);
    }

    #[test]
    fn lists_that_do_not_fit_are_refused() {
        let check = |clocks: Vec<SettableClock>, named: Vec<Vec<ProcessorId>>, durations_ns: Vec<u64>, message: &str| {
            let refused = Settings::new(clocks, named, 1, durations_ns, EntryCosts::default()).expect_err("refused");
            assert_eq!(refused.to_string(), message);
        };
        let one = || vec![clock(&[1])];
        check(one(), vec![vec![ProcessorId(0)]], vec![1, 2], "durations_ns holds 2 numbers: must be 1");
        check(one(), vec![vec![ProcessorId(1)]], vec![1], "worker 0 names processor 1, which has no clock that can be set");
        let short = vec![SettableClock { frequencies_khz: vec![1, 2], switch_ns: vec![0], stalls: false }];
        check(short, vec![vec![]], vec![1], "switch_ns holds 1 numbers: must be 4");
    }
}
