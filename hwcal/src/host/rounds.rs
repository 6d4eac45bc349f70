//! Measures several things in rounds: one repetition of each, then the next of each.
//!
//! A disturbance that lasts for a while thus costs every thing a few repetitions instead of one thing all of them.

use executor::{Processor, ProcessorError, ProcessorErrorKind};

use crate::host::bench::{Bench, Repetition, Subject};
use crate::host::clock::Clock;
use crate::host::sample::{LaunchMode, RefusalKind, Timing};
use crate::host::timing::Series;

/// How often and how long a thing is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Fewest repetitions that are used.
    pub(crate) minimum: usize,
    /// Most repetitions, marked ones included.
    pub(crate) maximum: usize,
    /// Interval of the 10th percentile, relative to it, at which it is known well enough.
    pub(crate) tight: f64,
    /// Idle time before a launch that is measured alone.
    pub(crate) gap_ns: u64,
    /// Shortest repetition of launches back to back.
    pub(crate) block_ns: u64,
    /// Longest time for one thing.
    pub(crate) longest_ns: u64,
}

/// Fewest undisturbed repetitions that are better than nothing, once the time for a thing is over.
const LEAST: usize = 5;
/// Steal time is read after this time: its unit is 10 ms, and reading it costs as much as a short launch.
const STEAL_PERIOD_NS: u64 = 1_000_000;
/// Launches of each unit in turn with the others, of which so many must be undisturbed.
const TURNS: usize = 5;
const LEAST_TURNS: usize = 3;
/// Fewest units that take turns.
const FEWEST_IN_TURN: usize = 4;
/// Of a longer launch, what it finds in the caches is a small part.
const LONGEST_TURN_NS: u64 = 3_000_000;

/// What became of one thing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Measured.
    Timed(Timing),
    /// Cannot be measured on this processor.
    Refused(RefusalKind, String),
    /// Not measured, because time was up, because of an interruption, or because too few repetitions were undisturbed.
    Unfinished,
    /// The memory did not suffice for it and for what was prepared beside it.
    Crowded,
}

/// Outcomes of a batch, for each unit and each of its modes.
pub(crate) struct BatchOutcome {
    /// In the order of the batch.
    pub(crate) outcomes: Vec<Vec<Outcome>>,
    /// Whether the processor is lost and has to be opened again.
    pub(crate) is_lost: bool,
}

/// One unit of a batch.
struct Item {
    bench: Option<Bench>,
    /// What one launch takes.
    launch_ns: u64,
    /// What preparing took, with what the first launch took longer than the second.
    prepared_ns: u64,
    /// Single launches in turn with the others.
    turns_ns: Vec<u64>,
    /// Launches in a repetition.
    block: u32,
    series: Vec<(LaunchMode, Series, bool)>,
    refusal: Option<Outcome>,
}

/// Prepares units, measures them in rounds, and forgets them.
pub(crate) fn measure_units(
    processor: &mut dyn Processor,
    clock: &dyn Clock,
    batch: &[(Subject, Vec<LaunchMode>)],
    limits: &Limits,
    must_stop: &dyn Fn() -> bool,
) -> BatchOutcome {
    let mut rounds =
        Rounds { processor, clock, limits, pending: Vec::new(), read_at_ns: clock.now_ns(), ticks: clock.stolen_ticks() };
    let mut items: Vec<Item> = Vec::with_capacity(batch.len());
    let mut is_lost = false;
    for (subject, modes) in batch {
        let series = modes.iter().map(|&mode| (mode, Series::default(), false)).collect();
        let mut item = Item { bench: None, launch_ns: 0, prepared_ns: 0, turns_ns: Vec::new(), block: 1, series, refusal: None };
        if is_lost || must_stop() {
            item.refusal = Some(Outcome::Unfinished);
        } else if let Err(error) = rounds.prepare(subject, &mut item) {
            is_lost = error.kind == ProcessorErrorKind::Lost;
            let is_alone = items.iter().all(|item| item.bench.is_none());
            item.refusal = Some(refusal(&error, is_alone));
        }
        items.push(item);
    }
    while !is_lost && !must_stop() && items.iter().any(Item::is_open) {
        for index in 0..items.len() {
            if must_stop() {
                break;
            }
            if let Err(error) = rounds.repeat(index, &mut items) {
                is_lost = error.kind == ProcessorErrorKind::Lost;
                items[index].refusal = Some(refusal(&error, true));
                if is_lost {
                    break;
                }
            }
        }
        rounds.settle(&mut items);
        for item in &mut items {
            item.close(limits);
        }
    }
    rounds.settle(&mut items);
    if !is_lost {
        is_lost = rounds.in_turn(&mut items, must_stop);
    }
    let outcomes = items.into_iter().map(|item| item.finish(rounds.processor, limits, is_lost)).collect();
    BatchOutcome { outcomes, is_lost }
}

/// Marks are decided for several repetitions at once.
struct Rounds<'a> {
    processor: &'a mut dyn Processor,
    clock: &'a dyn Clock,
    limits: &'a Limits,
    /// Repetitions since steal time was read, with their item and series.
    pending: Vec<(usize, usize, Repetition)>,
    read_at_ns: u64,
    ticks: u64,
}

impl Rounds<'_> {
    fn prepare(&mut self, subject: &Subject, item: &mut Item) -> Result<(), ProcessorError> {
        let bench = Bench::new(self.processor, self.clock, subject)?;
        // The first launch may compile and allocate.
        let first = bench.repeat(self.processor, self.clock, 1);
        let second = match &first {
            Ok(_) => bench.repeat(self.processor, self.clock, 1),
            Err(error) => Err(error.clone()),
        };
        let first_ns = first.map_or(0, |repetition| repetition.duration_ns);
        let launch_ns = match second {
            Ok(repetition) => repetition.duration_ns.max(1),
            Err(error) => {
                bench.discard(self.processor);
                return Err(error);
            }
        };
        if launch_ns * self.limits.minimum as u64 > self.limits.longest_ns {
            let message = format!("one launch took {launch_ns} ns: {} of them are too many", self.limits.minimum);
            item.refusal = Some(Outcome::Refused(RefusalKind::TooSlow, message));
            bench.discard(self.processor);
            return Ok(());
        }
        item.block = self.limits.block_ns.div_ceil(launch_ns).clamp(1, 256) as u32;
        item.launch_ns = launch_ns;
        item.prepared_ns = bench.prepared_ns + first_ns.saturating_sub(launch_ns);
        item.bench = Some(bench);
        Ok(())
    }

    /// One repetition of everything that is open of an item.
    fn repeat(&mut self, index: usize, items: &mut [Item]) -> Result<(), ProcessorError> {
        for at in 0..items[index].series.len() {
            let item = &items[index];
            let (Some(bench), (mode, _, false), None) = (&item.bench, &item.series[at], &item.refusal) else { continue };
            let launches = match mode {
                LaunchMode::Alone => 1,
                LaunchMode::BackToBack => item.block,
            };
            if *mode == LaunchMode::Alone {
                self.clock.sleep(self.limits.gap_ns);
            }
            let begin_ns = self.clock.now_ns();
            let repetition = bench.repeat(self.processor, self.clock, launches)?;
            self.pending.push((index, at, repetition));
            let end_ns = self.clock.now_ns();
            items[index].series[at].1.spent_ns += end_ns - begin_ns;
            if end_ns > self.read_at_ns + STEAL_PERIOD_NS {
                self.settle(items);
            }
        }
        Ok(())
    }

    /// Launches one after the other, each once, over and over: what a launch takes that finds the code and the data of others in its caches.
    /// Whether the processor is lost.
    fn in_turn(&mut self, items: &mut [Item], must_stop: &dyn Fn() -> bool) -> bool {
        let takes_part = |item: &Item| item.bench.is_some() && item.refusal.is_none() && item.launch_ns <= LONGEST_TURN_NS;
        if items.iter().filter(|item| takes_part(item)).count() < FEWEST_IN_TURN {
            return false;
        }
        // The first time round, everything was launched long ago.
        for turn in 0..=TURNS {
            for item in items.iter_mut().filter(|item| takes_part(item)) {
                let Some(bench) = &item.bench else { continue };
                if must_stop() {
                    return false;
                }
                match bench.repeat(self.processor, self.clock, 1) {
                    Ok(repetition) if turn > 0 && !repetition.has_waited => item.turns_ns.push(repetition.duration_ns),
                    Ok(_) => {}
                    Err(error) if error.kind == ProcessorErrorKind::Lost => return true,
                    // What was measured before stands.
                    Err(_) => return false,
                }
            }
        }
        false
    }

    /// Decides about the repetitions since steal time was last read.
    fn settle(&mut self, items: &mut [Item]) {
        let ticks = self.clock.stolen_ticks();
        let is_stolen = ticks > self.ticks;
        for (index, at, repetition) in self.pending.drain(..) {
            items[index].series[at].1.push(repetition.duration_ns, repetition.busy_ns, is_stolen || repetition.has_waited);
        }
        self.ticks = ticks;
        self.read_at_ns = self.clock.now_ns();
    }
}

impl Item {
    fn is_open(&self) -> bool {
        self.refusal.is_none() && self.series.iter().any(|(_, _, is_closed)| !is_closed)
    }

    /// Closes what is known well enough, and what has had its time.
    fn close(&mut self, limits: &Limits) {
        for (_, series, is_closed) in &mut self.series {
            let is_enough = series.used() >= limits.minimum;
            let is_tight = is_enough && series.relative_interval() <= limits.tight;
            let is_late = series.spent_ns >= if is_enough { limits.longest_ns } else { 2 * limits.longest_ns };
            *is_closed |= is_tight || is_late || (is_enough && series.repetitions() >= limits.maximum);
            // With most of them disturbed, twice as many have to do.
            *is_closed |= series.repetitions() >= 2 * limits.maximum;
        }
    }

    fn finish(mut self, processor: &mut dyn Processor, limits: &Limits, is_lost: bool) -> Vec<Outcome> {
        let is_unit = self.bench.as_ref().is_some_and(Bench::is_unit);
        if let Some(bench) = self.bench.take()
            && !is_lost
        {
            bench.discard(processor);
        }
        let turns: Vec<f64> = self.turns_ns.iter().map(|&turn_ns| turn_ns as f64).collect();
        let turn_ns = (turns.len() >= LEAST_TURNS).then(|| crate::statistics::median(&turns).round() as u64);
        let outcome = |(mode, series, is_closed): &(LaunchMode, Series, bool)| {
            let enough = if *is_closed { LEAST } else { limits.minimum };
            match series.timing() {
                Some(timing) if series.used() >= enough => Outcome::Timed(Timing {
                    turn_ns: turn_ns.filter(|_| *mode == LaunchMode::BackToBack),
                    prepared_ns: is_unit.then_some(self.prepared_ns),
                    ..timing
                }),
                _ => self.refusal.clone().unwrap_or(Outcome::Unfinished),
            }
        };
        self.series.iter().map(outcome).collect()
    }
}

/// What an error means for the unit that met it.
pub(crate) fn refusal(error: &ProcessorError, is_alone: bool) -> Outcome {
    let why = match error.kind {
        ProcessorErrorKind::OutOfMemory if !is_alone => return Outcome::Crowded,
        ProcessorErrorKind::OutOfMemory => RefusalKind::OutOfMemory,
        ProcessorErrorKind::Unsupported => RefusalKind::Unsupported,
        ProcessorErrorKind::Missing | ProcessorErrorKind::Lost | ProcessorErrorKind::Misuse | ProcessorErrorKind::Failed => {
            RefusalKind::Failed
        }
    };
    Outcome::Refused(why, error.to_string())
}
