//! Capacity: the largest request rate, or number of copies of a stream, that meets a target.
//!
//! Each replicate is searched by itself, by bisection between a load that meets the target and one that does not; the interval is that of the
//! capacities of the replicates. This rests on more load never helping, which holds for the mean and nearly for one seed.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use results::Interval;
use runner::{Inputs, Job, Loader, RunError, Watch, check_size, jobs, simulate, thread_pool};
use scenarios::Scenario;
use scenarios::scenario::{Arrivals, StreamsRun};
use sim::metrics::{StreamReport, Verdict};

use crate::SweepError;

/// What a load must meet. A stream whose queue grows meets nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// At most this share of requests misses its deadline, dropped ones among them.
    MissRate(f64),
    /// This quantile of latency is at most so long; dropped requests count as later than any.
    Latency {
        /// Which: 0.5, 0.9, 0.95 or 0.99.
        quantile: f64,
        /// How long.
        most_ns: u64,
    },
}

/// What is varied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// The rate of arrivals of the stream.
    Rate,
    /// How many streams like it there are, side by side with the others.
    Copies,
}

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// The stream, as an index into those of the scenario.
    pub stream: usize,
    /// What is varied.
    pub load: Load,
    /// What must be met.
    pub target: Target,
    /// Replicates; at least 1.
    pub replicates: u32,
    /// How near, as a share, a rate that meets the target and one that does not come.
    pub precision: f64,
    /// Threads; as many as the machine has cores if absent.
    pub threads: Option<u16>,
}

/// The capacity under one strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct Capacity {
    /// The strategy.
    pub strategy: String,
    /// The largest load that meets the target, replicate by replicate: requests per second, or copies; 0 where none does.
    pub values: Vec<f64>,
    /// What they amount to.
    pub interval: Interval,
    /// Simulations that it took.
    pub runs: u64,
    /// Whether some replicate met the target at the largest load that is tried.
    pub is_bounded_by_search: bool,
}

/// Rates between which is searched, in requests per second.
const LEAST_RATE: f64 = 1e-3;
/// The largest.
const MOST_RATE: f64 = 1e6;
/// Requests that must have ended for a load to be judged; with fewer it meets nothing.
const LEAST_ENDED: u64 = 10;

/// Copies at most.
const MOST_COPIES: u32 = 256;

/// The capacity under each strategy of a scenario, in their order.
///
/// # Errors
/// Where the scenario cannot be loaded or run, the stream has no rate to vary, or the watch interrupts.
pub fn capacity(scenario: &Scenario, search: &Search, watch: &dyn Watch) -> Result<Vec<Capacity>, SweepError> {
    let Some(stream) = scenario.streams.get(search.stream) else {
        let why = format!("the scenario has no stream {}: it has {}, counted from 0", search.stream, scenario.streams.len());
        return Err(SweepError::Input(why));
    };
    if let Some(requests) = stream.requests.filter(|&requests| requests < LEAST_ENDED) {
        let why =
            format!("the stream has {requests} requests: a load is judged by at least {LEAST_ENDED}, better by some hundreds");
        return Err(SweepError::Input(why));
    }
    if search.load == Load::Rate && rate_of(&stream.arrivals).is_none() {
        let why = "the rate of the stream cannot be varied: its arrivals must be `poisson`, or `periodic` without jitter";
        return Err(SweepError::Input(why.to_owned()));
    }
    if matches!(search.target, Target::MissRate(_)) && stream.deadline_ns.is_none() {
        return Err(SweepError::Input("the stream has no deadline to miss: add one, or ask for a latency".to_owned()));
    }
    let loader = Loader::default();
    let base = loader.inputs(scenario)?;
    let of = Searched { scenario, search, loader: &loader, base: &base };
    let tasks: Vec<(usize, u64)> = (0..scenario.strategies.len())
        .flat_map(|strategy| (0..search.replicates).map(move |replicate| (strategy, replicate)))
        .map(|(strategy, replicate)| (strategy, scenario.replicate_seed(replicate)))
        .collect();
    watch.begin(tasks.len());
    let stop = AtomicBool::new(false);
    let one = |&(strategy, seed): &(usize, u64)| -> Result<Found, SweepError> {
        let mut probe = |load: f64| {
            if stop.load(Ordering::Relaxed) || watch.is_interrupted() {
                stop.store(true, Ordering::Relaxed);
                return Err(SweepError::Run(RunError::Interrupted));
            }
            of.meets(&scenario.strategies[strategy], seed, load)
        };
        let found = match search.load {
            Load::Rate => largest_rate(rate_of(&stream.arrivals).unwrap_or(1.0), search.precision, &mut probe),
            Load::Copies => largest_count(MOST_COPIES, &mut probe),
        };
        watch.advance();
        found
    };
    let pool = thread_pool(search.threads)?;
    let found: Vec<Result<Found, SweepError>> = pool.install(|| tasks.par_iter().with_max_len(1).map(one).collect());
    let mut found = found.into_iter();
    let mut capacities = Vec::new();
    for strategy in &scenario.strategies {
        let all: Vec<Found> = found.by_ref().take(search.replicates as usize).collect::<Result<_, _>>()?;
        let values: Vec<f64> = all.iter().map(|found| found.load).collect();
        capacities.push(Capacity {
            strategy: strategy.clone(),
            interval: Interval::of(&values),
            values,
            runs: all.iter().map(|found| found.runs).sum(),
            is_bounded_by_search: all.iter().any(|found| found.is_bound),
        });
    }
    Ok(capacities)
}

/// The outcome of one bisection.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Found {
    load: f64,
    runs: u64,
    is_bound: bool,
}

type Probe<'a> = dyn FnMut(f64) -> Result<bool, SweepError> + 'a;

/// The largest rate that meets the target, to a precision; doubles or halves from `start` until it lies in between.
fn largest_rate(start: f64, precision: f64, meets: &mut Probe<'_>) -> Result<Found, SweepError> {
    let mut runs = 1;
    let (mut low, mut high) = (start, start);
    if meets(start)? {
        loop {
            high = low * 2.0;
            if high > MOST_RATE {
                return Ok(Found { load: low, runs, is_bound: true });
            }
            runs += 1;
            if !meets(high)? {
                break;
            }
            low = high;
        }
    } else {
        loop {
            low = high * 0.5;
            if low < LEAST_RATE {
                return Ok(Found { load: 0.0, runs, is_bound: false });
            }
            runs += 1;
            if meets(low)? {
                break;
            }
            high = low;
        }
    }
    while high > low * (1.0 + precision) {
        let middle = 0.5 * (low + high);
        runs += 1;
        if meets(middle)? {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(Found { load: low, runs, is_bound: false })
}

/// The largest whole number up to `most` that meets the target; 0 if 1 does not.
fn largest_count(most: u32, meets: &mut Probe<'_>) -> Result<Found, SweepError> {
    let (mut low, mut high, mut runs) = (0, 1, 0);
    loop {
        runs += 1;
        if !meets(f64::from(high))? {
            break;
        }
        low = high;
        if low == most {
            return Ok(Found { load: f64::from(low), runs, is_bound: true });
        }
        high = (high * 2).min(most);
    }
    while high - low > 1 {
        let middle = u32::midpoint(low, high);
        runs += 1;
        if meets(f64::from(middle))? {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(Found { load: f64::from(low), runs, is_bound: false })
}

/// Requests per second of arrivals whose rate can be varied.
fn rate_of(arrivals: &Arrivals) -> Option<f64> {
    match arrivals {
        Arrivals::Poisson { rate_per_second } => Some(*rate_per_second),
        Arrivals::Periodic { period_ns, jitter: None, .. } => Some(1e9 / *period_ns as f64),
        _ => None,
    }
}

/// A search with what it needs.
struct Searched<'a> {
    scenario: &'a Scenario,
    search: &'a Search,
    loader: &'a Loader,
    base: &'a Inputs,
}

impl Searched<'_> {
    /// Whether a load meets the target under a strategy with a seed.
    fn meets(&self, strategy: &str, seed: u64, load: f64) -> Result<bool, SweepError> {
        let mut scenario = self.scenario.clone();
        scenario.strategies = vec![strategy.to_owned()];
        let number = self.search.stream;
        let copied;
        let (inputs, watched) = match self.search.load {
            Load::Rate => {
                match &mut scenario.streams[number].arrivals {
                    Arrivals::Poisson { rate_per_second } => *rate_per_second = load,
                    Arrivals::Periodic { period_ns, .. } => *period_ns = (1e9 / load).round() as u64,
                    _ => {}
                }
                (self.base, vec![number])
            }
            Load::Copies => {
                scenario.streams_run = StreamsRun::Together;
                let mut watched = vec![number];
                for copy in 2..=load as u32 {
                    let mut stream = scenario.streams[number].clone();
                    stream.name = Some(format!("{} ({copy})", stream.name.unwrap_or_else(|| number.to_string())));
                    watched.push(scenario.streams.len());
                    scenario.streams.push(stream);
                }
                copied = self.loader.inputs(&scenario)?;
                (&copied, watched)
            }
        };
        let all = jobs(&scenario, inputs);
        let Some(job) = all.iter().find(|job| job.streams.contains(&number)) else {
            return Err(SweepError::Input("no run has the stream".to_owned()));
        };
        check_size(std::slice::from_ref(job), &scenario, inputs)?;
        self.run(job, &scenario, inputs, (seed, &watched))
    }

    fn run(&self, job: &Job, scenario: &Scenario, inputs: &Inputs, (seed, watched): (u64, &[usize])) -> Result<bool, SweepError> {
        let simulated = simulate(job, scenario, inputs, seed)
            .map_err(|cause| SweepError::Input(format!("strategy `{}`: {cause}", job.strategy)))?;
        let position = |stream: &usize| job.streams.iter().position(|of_job| of_job == stream);
        let reports = watched.iter().filter_map(position).filter_map(|index| simulated.report.streams.get(index));
        Ok(reports.into_iter().all(|report| is_met(self.search.target, report)))
    }
}

/// Whether a stream meets a target.
fn is_met(target: Target, report: &StreamReport) -> bool {
    let ended = report.requests.completed + report.requests.dropped;
    if report.verdict == Verdict::Backlogged || ended < LEAST_ENDED {
        return false;
    }
    match target {
        Target::MissRate(most) => report.miss_rate.is_none_or(|rate| rate <= most),
        Target::Latency { quantile, most_ns } => {
            if report.requests.dropped as f64 > (1.0 - quantile) * ended as f64 {
                return false;
            }
            report.latency.is_none_or(|latency| {
                let of = match quantile {
                    0.9.. if quantile < 0.95 => latency.p90_ns,
                    0.95.. if quantile < 0.99 => latency.p95_ns,
                    0.99.. => latency.p99_ns,
                    _ => latency.p50_ns,
                };
                of <= most_ns as f64
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// For a step at any place, the search ends at it.
        #[test]
        fn bisection_finds_a_step(step in 0.01_f64..1e5, start in 0.01_f64..1e5, copies in 0_u32..400) {
            let found = largest_rate(start, 0.001, &mut |rate| Ok(rate <= step)).expect("found");
            prop_assert!(found.load <= step && found.load * 1.001 >= step * (1.0 - 1e-12), "{found:?}");
            let found = largest_count(MOST_COPIES, &mut |count| Ok(count <= f64::from(copies))).expect("found");
            prop_assert_eq!((found.load, found.is_bound), (f64::from(copies.min(MOST_COPIES)), copies >= MOST_COPIES));
        }
    }

    #[test]
    fn targets_that_nothing_or_everything_meets_have_ends() {
        let found = |meets: bool| largest_rate(10.0, 0.01, &mut |_| Ok(meets)).expect("found");
        assert_eq!((found(false).load, found(false).is_bound), (0.0, false));
        assert!(found(true).load > 0.5 * MOST_RATE && found(true).is_bound);
    }
}
