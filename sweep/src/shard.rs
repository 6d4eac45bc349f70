//! A part of a sweep, run.

use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;
use results::points::PointsTable;
use results::{ShardOf, SweepFile};
use runner::{Watch, check_size, jobs, thread_pool};

use crate::cache::{Cache, Payload};
use crate::entry::{self, EntryRow, FIGURES};
use crate::table::TableBuilder;
use crate::{Plan, SweepError, key};

/// How a shard is run. None of it changes results.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Threads; as many as the machine has cores if absent.
    pub threads: Option<u16>,
    /// Folder of results that were simulated before; nothing is kept if absent.
    pub cache: Option<&'a Path>,
}

/// The results of a shard, or of a whole sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct ShardResult {
    /// What `sweep.json` says.
    pub about: SweepFile,
    /// One row for each point, case, strategy, replicate and stream, in this order.
    pub table: PointsTable,
    /// How it came about; no part of the results.
    pub tally: Tally,
}

/// How results came about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs that were simulated.
    pub simulated: u64,
    /// Runs that the cache had.
    pub cached: u64,
    /// Damaged places of the cache, as text: what they held was simulated again.
    pub damaged: Vec<String>,
    /// Figures that the sweep asks for and no run has.
    pub absent_figures: Vec<String>,
    /// Why rows have no figures, each reason once, with the number of rows.
    pub failures: Vec<(String, u64)>,
}

/// The whole of a sweep as one shard.
pub const WHOLE: ShardOf = ShardOf { index: 0, count: 1 };

/// Runs a part of a sweep: points whose number leaves `shard.index` when divided by `shard.count`.
///
/// Equal for any number of threads, whether runs are cached or not. The watch is told of runs that must be simulated; what was simulated when
/// it interrupts is in the cache.
///
/// # Errors
/// Where the cache cannot be read or written, or the watch interrupts. A run that cannot be simulated is no error, but a row that says why.
pub fn run_shard(plan: &Plan, shard: ShardOf, options: &Options<'_>, watch: &dyn Watch) -> Result<ShardResult, SweepError> {
    if shard.index >= shard.count {
        let ShardOf { index, count } = shard;
        return Err(SweepError::Input(format!("there is no shard {index} of {count}: they are counted from 0")));
    }
    let pool = thread_pool(options.threads)?;
    pool.install(|| Work::new(plan, shard, options)?.done(watch))
}

/// A shard being run.
struct Work<'a> {
    plan: &'a Plan,
    shard: ShardOf,
    points: Vec<u64>,
    cache: Option<Cache>,
    /// What is known of each point: for each strategy, each replicate.
    known: Vec<Vec<Option<Payload>>>,
}

impl<'a> Work<'a> {
    fn new(plan: &'a Plan, shard: ShardOf, options: &Options<'_>) -> Result<Self, SweepError> {
        let points: Vec<u64> = (0..plan.points()).filter(|point| point % shard.count == shard.index).collect();
        let cache = options.cache.map(Cache::open).transpose()?;
        let known = |&point: &u64| match &cache {
            None => vec![None; plan.runs_of_point() as usize],
            Some(cache) => plan.keys(point).iter().map(|(_, _, key)| cache.get(key)).collect(),
        };
        let known = points.par_iter().map(known).collect();
        Ok(Self { plan, shard, points, cache, known })
    }

    fn done(mut self, watch: &dyn Watch) -> Result<ShardResult, SweepError> {
        let missing: Vec<usize> = (0..self.points.len()).filter(|&at| self.known[at].iter().any(Option::is_none)).collect();
        let absent = |at: &usize| self.known[*at].iter().filter(|known| known.is_none()).count() as u64;
        let to_do: u64 = missing.iter().map(absent).sum();
        let total = self.points.len() as u64 * self.plan.runs_of_point();
        watch.begin(to_do as usize);
        let (kept, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let error: Mutex<Option<SweepError>> = Mutex::new(None);
        let one = |&at: &usize| -> Vec<Option<Payload>> {
            if stop.load(Ordering::Relaxed) || watch.is_interrupted() {
                stop.store(true, Ordering::Relaxed);
                return Vec::new();
            }
            let result = self.point(at, watch);
            match &result {
                Ok(_) => kept.fetch_add(absent(&at), Ordering::Relaxed),
                Err(_) => 0,
            };
            result.unwrap_or_else(|first| {
                stop.store(true, Ordering::Relaxed);
                error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(first);
                Vec::new()
            })
        };
        let made: Vec<Vec<Option<Payload>>> = missing.par_iter().with_max_len(1).map(one).collect();
        if let Some(error) = error.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let damaged = self.cache.as_ref().map_or_else(Vec::new, |cache| cache.damaged.clone());
        if let Some(cache) = self.cache.take() {
            cache.finish()?;
            if stop.into_inner() {
                return Err(SweepError::Interrupted { kept: total - to_do + kept.into_inner() });
            }
        } else if stop.into_inner() {
            return Err(SweepError::Interrupted { kept: 0 });
        }
        for (at, made) in missing.into_iter().zip(made) {
            self.known[at] = made;
        }
        let tally = Tally { simulated: to_do, cached: total - to_do, damaged, ..Tally::default() };
        Ok(self.result(tally))
    }

    /// Simulates what is not known of a point.
    fn point(&self, at: usize, watch: &dyn Watch) -> Result<Vec<Option<Payload>>, SweepError> {
        let (plan, known) = (self.plan, &self.known[at]);
        let settings = plan.settings(self.points[at]);
        let wanted = &plan.sweep().figures;
        let prepared = plan.sweep().scenario(&settings).and_then(|scenario| {
            let inputs = plan.inputs(&scenario, &settings).map_err(|error| error.to_string())?;
            let jobs = jobs(&scenario, &inputs);
            check_size(&jobs, &scenario, &inputs).map_err(|error| error.to_string())?;
            Ok((scenario, inputs, jobs))
        });
        let mut payloads = known.clone();
        for (payload, (strategy, seed, key)) in payloads.iter_mut().zip(plan.keys(self.points[at])) {
            if payload.is_some() {
                continue;
            }
            let strategy = &plan.sweep().strategies[strategy];
            let bytes = match &prepared {
                Ok((scenario, inputs, jobs)) => {
                    let bytes = entry::encode(&entry::rows(scenario, inputs, jobs, strategy, seed, wanted));
                    if let Some(cache) = &self.cache {
                        cache.add(&key, &bytes)?;
                    }
                    bytes
                }
                // Why it cannot be prepared may lie in files: it is looked at again the next time.
                Err(why) => entry::encode(&[entry::failed(EntryRow::default(), why.clone(), wanted.len())]),
            };
            *payload = Some(Payload::new(bytes));
            watch.advance();
        }
        Ok(payloads)
    }

    /// Puts everything together, point by point.
    fn result(self, mut tally: Tally) -> ShardResult {
        let plan = self.plan;
        let figures = FIGURES.len() + plan.sweep().figures.len();
        let mut builder = TableBuilder::new(plan);
        let replicates = plan.sweep().replicates as usize;
        for (&point, known) in self.points.iter().zip(&self.known) {
            let settings = plan.settings(point);
            let seeds: Vec<u64> = plan.seeds(&settings);
            let decode = |payload: &Option<Payload>| {
                let payload = payload.as_ref()?;
                entry::decode(payload.bytes(), figures)
            };
            let rows: Vec<Vec<EntryRow>> = known.iter().map(|payload| decode(payload).unwrap_or_default()).collect();
            // Entries hold all cases of one strategy and seed: rows go case by case, in the order of the first entry.
            let mut cases: Vec<&str> = Vec::new();
            for row in rows.iter().flatten() {
                if !cases.contains(&row.case.as_str()) {
                    cases.push(&row.case);
                }
            }
            for case in cases {
                for (index, rows) in rows.iter().enumerate() {
                    let (strategy, replicate) = (index / replicates, index % replicates);
                    for row in rows.iter().filter(|row| row.case == case) {
                        builder.add(point, &settings, strategy, (replicate, seeds[replicate]), row);
                    }
                }
            }
        }
        let (table, failures) = builder.finish();
        tally.absent_figures = plan.sweep().figures.iter().filter(|name| crate::table::is_empty(&table, name)).cloned().collect();
        let failed_rows = failures.iter().map(|(_, rows)| rows).sum();
        tally.failures = failures;
        let shard = (self.shard.count > 1).then_some(self.shard);
        ShardResult { about: SweepFile { shard, failed_rows, ..plan.about() }, table, tally }
    }
}

impl Plan {
    /// Seeds of the replicates of a point.
    pub(crate) fn seeds(&self, settings: &[scenarios::sweep::Setting]) -> Vec<u64> {
        let seed = self.keyer.seed(self.sweep(), settings);
        (0..self.sweep().replicates).map(|replicate| sim::random::replicate_seed(seed, replicate)).collect()
    }

    /// Runs of a point, strategy by strategy, replicate by replicate within: the strategy, the seed, the address.
    pub(crate) fn keys(&self, point: u64) -> Vec<(usize, u64, key::Key)> {
        let settings = self.settings(point);
        let of_point = self.keyer.point(&settings);
        let seeds = self.seeds(&settings);
        let strategies = self.sweep().strategies.iter().enumerate();
        let of_strategy = |(index, name): (usize, &String)| -> Vec<(usize, u64, key::Key)> {
            seeds.iter().map(|&seed| (index, seed, key::run(&of_point, name, seed))).collect()
        };
        strategies.flat_map(of_strategy).collect()
    }
}

impl ShardResult {
    /// As one file: to be sent to where shards are merged.
    ///
    /// # Errors
    /// If the table cannot be written as Parquet.
    pub fn to_bytes(&self) -> Result<Vec<u8>, SweepError> {
        self.table.to_parquet(&self.about.about()?).map_err(SweepError::Input)
    }

    /// The inverse of [`Self::to_bytes`], but for the tally. `name` stands for the bytes in messages.
    ///
    /// # Errors
    /// If the bytes are none of a shard.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, SweepError> {
        let wrong = |why: String| SweepError::Merge(format!("`{name}`: {why}"));
        let (table, about) = PointsTable::from_parquet(bytes).map_err(wrong)?;
        let about = SweepFile::of_about(&about).map_err(wrong)?;
        Ok(Self { about, table, tally: Tally::default() })
    }

    /// Reads a folder that [`Self::write`] wrote.
    ///
    /// # Errors
    /// If it is none of a sweep.
    pub fn read(folder: &Path) -> Result<Self, SweepError> {
        let path = folder.join(results::points::POINTS_FILE);
        let bytes = std::fs::read(&path).map_err(|error| {
            SweepError::Merge(format!(
                "cannot read `{}`: {error}; a shard is a folder that `socrates sweep` wrote",
                path.display()
            ))
        })?;
        Self::from_bytes(&path.display().to_string(), bytes)
    }

    /// Puts `sweep.json` and `points.parquet` in place, whole or not at all.
    ///
    /// # Errors
    /// If something else stands there, or it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), SweepError> {
        Ok(self.about.write(folder, &self.table)?)
    }
}
