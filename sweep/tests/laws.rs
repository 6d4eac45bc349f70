//! What a sweep gives does not depend on how it was run.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use runner::{Unwatched, Watch};
use sweep::{Options, Plan, ShardOf, ShardResult, SweepError, WHOLE, merge, run_shard};

const TWO_AXES: &str = r#"
schema_version = 1
name = "two-axes"
strategies = ["cpu[worker=cpu.1large]", "gpu", "heft"]
replicates = 2
figures = ["workers[gpu].utilization"]
[scenario]
schema_version = 1
name = "camera"
device = "pixel4"
variation = "residuals"
streams_run = "separately"
stream = [
  { model = "squeezenet1_1", requests = 4, deadline = "20ms" },
  { name = "other", model = "mobilenet_v2", requests = 3 },
]
[[axis]]
path = "stream[0].arrivals.poisson.rate_per_second"
values = [1.0, 10.0, 100.0]
[[axis]]
path = "stream[other].requests"
values = [1, 2]
"#;

fn plan(text: &str) -> Plan {
    Plan::parse("sweep.toml", text, Path::new("")).unwrap_or_else(|error| panic!("{error}"))
}

fn run(plan: &Plan, threads: u16, cache: Option<&Path>) -> ShardResult {
    run_shard(plan, WHOLE, &Options { threads: Some(threads), cache }, &Unwatched).expect("run")
}

fn bytes(result: &ShardResult) -> Vec<u8> {
    result.to_bytes().expect("written")
}

/// Counts steps, and stops after some.
struct Counting {
    done: AtomicUsize,
    most: usize,
}

impl Counting {
    fn new(most: usize) -> Self {
        Self { done: AtomicUsize::new(0), most }
    }

    fn count(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }
}

impl Watch for Counting {
    fn begin(&self, _: usize) {}

    fn advance(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    fn is_interrupted(&self) -> bool {
        self.count() >= self.most
    }
}

#[test]
fn threads_shards_and_caches_change_nothing() {
    let plan = plan(TWO_AXES);
    let whole = run(&plan, 1, None);
    // 6 points x 2 cases x 3 strategies x 2 replicates.
    assert_eq!(whole.table.rows(), 72);
    assert_eq!((whole.tally.simulated, whole.tally.cached, whole.about.failed_rows), (36, 0, 0));
    let expected = bytes(&whole);
    assert_eq!(bytes(&run(&plan, 3, None)), expected, "threads");

    let folder = tempfile::tempdir().expect("a folder");
    for count in [2, 5, 7] {
        let shard = |index| {
            let options = Options { threads: Some(2), cache: Some(folder.path()) };
            let result = run_shard(&plan, ShardOf { index, count }, &options, &Unwatched).expect("run");
            ShardResult::from_bytes("shard", bytes(&result)).expect("read back")
        };
        let merged = merge((0..count).rev().map(shard).collect()).expect("merged");
        assert_eq!(bytes(&merged), expected, "{count} shards");
    }
    let cached = run(&plan, 2, Some(folder.path()));
    assert_eq!((cached.tally.simulated, cached.tally.cached), (0, 36));
    assert_eq!(bytes(&cached), expected, "cached");
}

#[test]
fn written_folders_are_equal_too() {
    let plan = plan(TWO_AXES);
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    run(&plan, 2, None).write(&path("whole")).expect("written");
    let shards = (0..3).map(|index| {
        let result = run_shard(&plan, ShardOf { index, count: 3 }, &Options::default(), &Unwatched).expect("run");
        result.write(&path(&format!("part-{index}"))).expect("written");
        ShardResult::read(&path(&format!("part-{index}"))).expect("read")
    });
    let merged = merge(shards.collect()).expect("merged");
    merged.write(&path("merged")).expect("written");
    // Once more over what is there.
    merged.write(&path("merged")).expect("replaced");
    for file in ["sweep.json", "points.parquet"] {
        let read = |name: &str| std::fs::read(path(name).join(file)).expect("there");
        assert_eq!(read("merged"), read("whole"), "{file}");
    }
}

/// Only what a change touches is simulated again: a value, a strategy, a replicate.
#[test]
fn changes_run_only_the_difference() {
    let folder = tempfile::tempdir().expect("a folder");
    let simulated = |text: &str| {
        let watch = Counting::new(usize::MAX);
        let options = Options { threads: Some(2), cache: Some(folder.path()) };
        let result = run_shard(&plan(text), WHOLE, &options, &watch).expect("run");
        assert_eq!(watch.count() as u64, result.tally.simulated);
        result.tally.simulated
    };
    assert_eq!(simulated(TWO_AXES), 36);
    assert_eq!(simulated(TWO_AXES), 0);
    assert_eq!(simulated(&TWO_AXES.replace("[1.0, 10.0, 100.0]", "[1.0, 30.0, 100.0]")), 12);
    assert_eq!(simulated(&TWO_AXES.replace("\"heft\"]", "\"heft\", \"npu\"]").replace("replicates = 2", "replicates = 3")), 36);
    assert_eq!(simulated(&TWO_AXES.replace("values = [1, 2]", "values = [2]")), 0);
    assert_eq!(simulated(&TWO_AXES.replace("20ms", "21ms")), 36);
    // A name says nothing about a run.
    assert_eq!(simulated(&TWO_AXES.replace("two-axes", "other-name")), 0);
}

#[test]
fn what_was_done_before_an_interrupt_is_kept() {
    let plan = plan(TWO_AXES);
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { threads: Some(2), cache: Some(folder.path()) };
    let stopped = run_shard(&plan, WHOLE, &options, &Counting::new(13));
    let Err(SweepError::Interrupted { kept }) = stopped else { panic!("{stopped:?}") };
    assert!((13..36).contains(&kept), "{kept}");
    let resumed = run(&plan, 2, Some(folder.path()));
    assert_eq!((resumed.tally.cached, resumed.tally.simulated), (kept, 36 - kept));
    assert_eq!(bytes(&resumed), bytes(&run(&plan, 2, None)));
}

/// A damaged entry is told, simulated again, and the results are the same.
#[test]
fn damaged_entries_are_simulated_again() {
    let plan = plan(TWO_AXES);
    let folder = tempfile::tempdir().expect("a folder");
    let expected = bytes(&run(&plan, 2, Some(folder.path())));
    let segment = std::fs::read_dir(folder.path()).expect("a folder").next().expect("a segment").expect("readable").path();
    let mut contents = std::fs::read(&segment).expect("there");
    let middle = contents.len() / 2;
    contents[middle] ^= 0xFF;
    std::fs::write(&segment, contents).expect("written");
    let again = run(&plan, 2, Some(folder.path()));
    assert_eq!((again.tally.simulated, again.tally.damaged.len()), (1, 1));
    assert_eq!(bytes(&again), expected);
}

#[test]
fn shards_that_do_not_belong_together_are_refused() {
    let plan_of = plan;
    let plan = plan_of(TWO_AXES);
    let shard =
        |plan: &Plan, index, count| run_shard(plan, ShardOf { index, count }, &Options::default(), &Unwatched).expect("run");
    let check = |shards: Vec<ShardResult>, expected: &str| {
        let error = merge(shards).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
    };
    let (first, second) = (shard(&plan, 0, 2), shard(&plan, 1, 2));
    check(vec![], "there are no shards");
    check(vec![first.clone()], "1 of 2 shards are missing: 1");
    check(vec![first.clone(), second.clone(), second.clone()], "shard 1 is there twice");
    check(vec![first.clone(), shard(&plan, 1, 3)], "one shard is of 2 parts, another of 3");
    let other = plan_of(&TWO_AXES.replace("requests = 4", "requests = 5"));
    check(vec![first.clone(), shard(&other, 1, 2)], "different sweeps");
    let mut cut = second;
    for column in &mut cut.table.columns {
        let mut cells = column.cells.emptied();
        for row in 0..column.cells.len() - 12 {
            cells.push_from(&column.cells, row);
        }
        column.cells = cells;
    }
    check(vec![first, cut], "shard 1 does not hold its points: 5 is missing");
    assert!(run_shard(&plan, ShardOf { index: 2, count: 2 }, &Options::default(), &Unwatched).is_err());
}
