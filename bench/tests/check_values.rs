//! The check values of the common benchmark's specification, reached through the public interface of `sim`.
//!
//! The specification's values come from engines that nobody here wrote, `SimGrid` 4.1 and dslab-dag among them.

#![allow(clippy::unreadable_literal)] // The specification's figures as they stand there.

use socrates_bench::measure;

/// The value of `name=` in a check.
fn value(check: &str, name: &str) -> f64 {
    let words = check.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    words.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no {name} in `{check}`"))
}

fn check(found: &str, name: &str, expected: f64) {
    let found = value(found, name);
    assert!((found / expected - 1.0).abs() < 1e-6, "{name}: {found} instead of {expected}");
}

#[test]
fn layered_dag_under_heft() {
    let cases = [
        (1_000, 2000.0, false, 0.716856537),
        (10_000, 2000.0, false, 7.145920756),
        (100_000, 2000.0, false, 71.425679253),
        (1_000, 200.0, false, 0.717345215),
        (10_000, 200.0, false, 7.151410876),
        (1_000, 50.0, false, 0.744020375),
        (10_000, 50.0, false, 7.471772967),
        // One max-min fair link for each pair of processors.
        (1_000, 2000.0, true, 0.716856537),
        (1_000, 200.0, true, 2.514380899),
    ];
    for (tasks, megabytes_per_second, shared, makespan_s) in cases {
        let measured = measure::dag(tasks, megabytes_per_second, shared);
        check(&measured[1].check, "makespan", makespan_s);
    }
    assert!(measure::dag(1_000, 2000.0, false)[1].check.ends_with("edges=2344"));
}

#[test]
fn stream_of_chains() {
    for (requests, end_s, mean_s, p99_s) in
        [(300, 18.963361352, 0.611568140053, 1.561202372), (3_000, 192.848302117, 0.520490394186, 1.254275129)]
    {
        let measured = measure::stream(requests);
        check(&measured.check, "end", end_s);
        check(&measured.check, "mean", mean_s);
        check(&measured.check, "p99", p99_s);
    }
}

/// Mean time in system of M/M/1: 1 / (mu - lambda) = 5 s.
///
/// The means of 40 runs of this length deviate by 0.05 s, so that 0.25 s are nearly five standard errors.
#[test]
fn single_server_queue() {
    let mean_s = value(&measure::queue(400_000).check, "mean");
    assert!((mean_s - 5.0).abs() < 0.25, "mean time in system {mean_s} s instead of 5 s");
}
