//! Capacity searches against what queueing theory says.

use std::path::Path;

use runner::Unwatched;
use scenarios::Scenario;
use sweep::{Load, Search, Target, capacity};

fn scenario(arrivals: &str, requests: u32, deadline: &str) -> Scenario {
    let text = format!(
        "schema_version = 1\nname = 'one'\ndevice = '../scenarios/tests/phone.toml'\nstrategies = ['cpu[worker=cpu.1large]']\n\
         [[stream]]\nmodel = 'squeezenet1_1'\nrequests = {requests}\narrivals = {arrivals}\ndeadline = '{deadline}'\n"
    );
    Scenario::parse("one.toml", &text, Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap_or_else(|error| panic!("{error}"))
}

const PERIODIC: &str = "{ periodic = { period = '100ms' } }";
const POISSON: &str = "{ poisson = { rate_per_second = 3.0 } }";

fn search(target: Target, load: Load, replicates: u32) -> Search {
    Search { stream: 0, load, target, replicates, precision: 0.001, threads: Some(2) }
}

/// The service time: the latency of a request that is alone.
fn service_ns() -> f64 {
    let scenario = scenario(PERIODIC, 1, "1s");
    let inputs = runner::Inputs::load(&scenario).expect("loaded");
    let job = &runner::jobs(&scenario, &inputs)[0];
    let report = runner::simulate(job, &scenario, &inputs, 0).expect("run").report;
    report.streams[0].latency.expect("a request").mean_ns
}

/// With periodic arrivals and a fixed service time nobody waits up to a rate of one over the service time, and beyond it the queue grows.
#[test]
fn periodic_arrivals_reach_the_inverse_of_the_service_time() {
    let expected = 1e9 / service_ns();
    for target in [Target::MissRate(0.01), Target::Latency { quantile: 0.99, most_ns: (1.5 * service_ns()) as u64 }] {
        let deadline = format!("{}ns", (1.5 * service_ns()) as u64);
        let found =
            &capacity(&scenario(PERIODIC, 1000, &deadline), &search(target, Load::Rate, 2), &Unwatched).expect("found")[0];
        let rate = found.interval.mean.expect("two replicates");
        // Of 1000 requests the last few may be late: the search finds a rate a little above.
        assert!((rate / expected - 1.0).abs() < 0.002, "{rate} for {expected}");
        // Nothing is drawn: replicates are equal.
        assert_eq!(found.interval.low, found.interval.high);
    }
}

/// Probability that a request of M/D/1 waits at most `wait` service times, at a load `rho` (Erlang, 1909):
/// `(1 - rho) sum_k (rho (k - wait))^k / k! exp(-rho (k - wait))` for `k` from 0 to `wait`.
fn waits_at_most(wait: f64, rho: f64) -> f64 {
    let mut factorial = 1.0;
    let mut sum = 0.0;
    for k in 0..=wait as i32 {
        factorial *= f64::from(k.max(1));
        let term = rho * (f64::from(k) - wait);
        sum += term.powi(k) / factorial * (-term).exp();
    }
    (1.0 - rho) * sum
}

#[test]
fn poisson_arrivals_reach_what_m_d_1_allows() {
    // Four service times in all.
    let (mut low, mut high) = (0.0, 1.0);
    while high - low > 1e-9 {
        let middle = 0.5 * (low + high);
        if waits_at_most(3.0, middle) >= 0.95 { low = middle } else { high = middle }
    }
    let service_ns = service_ns();
    let expected = low * 1e9 / service_ns;
    let target = Target::Latency { quantile: 0.95, most_ns: (4.0 * service_ns) as u64 };
    let found = &capacity(&scenario(POISSON, 3000, "1s"), &search(target, Load::Rate, 12), &Unwatched).expect("found")[0];
    let (mean, half) = (found.interval.mean.expect("some"), found.interval.half_width().expect("some"));
    assert!((mean - expected).abs() < 2.0 * half && half < 0.05 * mean, "{mean} +- {half} for {expected}");
}

/// Copies of a periodic stream on one worker: as many as fit.
#[test]
fn copies_are_counted() {
    let service_ns = service_ns();
    let period_ns = (5.5 * service_ns) as u64;
    let arrivals = format!("{{ periodic = {{ period = '{period_ns}ns' }} }}");
    // All arrive at once: the last of n waits for n - 1 others.
    let deadline = format!("{}ns", (4.5 * service_ns) as u64);
    let found = &capacity(&scenario(&arrivals, 50, &deadline), &search(Target::MissRate(0.01), Load::Copies, 1), &Unwatched);
    let found = &found.as_ref().expect("found")[0];
    assert_eq!(found.values, [4.0]);
}

#[test]
fn searches_that_make_no_sense_are_refused() {
    let check = |scenario: &Scenario, search: &Search, expected: &str| {
        let error = capacity(scenario, search, &Unwatched).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
    };
    let right = search(Target::MissRate(0.01), Load::Rate, 1);
    check(&scenario(PERIODIC, 50, "1s"), &Search { stream: 3, ..right }, "no stream 3: it has 1");
    check(&scenario("{ closed_loop = { clients = 1 } }", 50, "1s"), &right, "must be `poisson`, or `periodic`");
    check(&scenario(PERIODIC, 5, "1s"), &right, "has 5 requests: a load is judged by at least 10");
    let mut without = scenario(PERIODIC, 50, "1s");
    without.streams[0].deadline_ns = None;
    check(&without, &right, "no deadline to miss");
}
