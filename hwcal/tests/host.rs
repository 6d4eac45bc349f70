//! Measures this machine for a few seconds.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use executor::Specification;
use hwcal::host::{End, Experiment, MeasureError, Options, Samples, WorkerToMeasure, measure};

/// The workers of some specifications, named after them.
fn workers(specifications: &[&str]) -> Vec<WorkerToMeasure> {
    let worker = |text: &&str| {
        let specification: Specification = text.parse().expect("valid");
        let cores = specification.cores().to_vec();
        WorkerToMeasure { name: (*text).to_owned(), cores, opener: Box::new(move || executor::open(&specification)) }
    };
    specifications.iter().map(worker).collect()
}

/// The value, or `None` where the library is absent: told visibly, and a failure where `SOCRATES_REQUIRE_DEVICES=1`.
fn device_or_skip(result: Result<Samples, MeasureError>) -> Option<Samples> {
    match result {
        Ok(samples) => Some(samples),
        Err(error @ MeasureError::Open { .. }) => {
            let required = std::env::var_os("SOCRATES_REQUIRE_DEVICES").is_some_and(|value| value == "1");
            assert!(!required, "SOCRATES_REQUIRE_DEVICES=1, but {error}");
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Killed (by its budget) and resumed, as a person would.
#[test]
fn this_machine_is_measured_within_the_budget_and_on_from_the_journal() {
    let journal = std::env::temp_dir().join(format!("hwcal-host-{}", std::process::id()));
    let _ = std::fs::remove_file(&journal);
    let mut before = BTreeSet::new();
    for session in 0..2 {
        let options = Options { quick: true, budget: Some(Duration::from_secs(4)), seed: 3, journal: Some(journal.clone()) };
        let begin = Instant::now();
        let interrupt = AtomicBool::new(false);
        let samples = measure(workers(&["cpu[cores=0]", "cpu[cores=1]"]), &options, &mut |_| {}, &interrupt);
        let Some(samples) = device_or_skip(samples) else { return };
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
        assert!(samples.end == End::Budget && samples.remaining > 0, "{:?}", samples.end);
        let keys: BTreeSet<String> = samples.samples.iter().map(|sample| sample.key.clone()).collect();
        assert_eq!(keys.len(), samples.samples.len(), "nothing is there twice");
        assert!(
            keys.is_superset(&before) && keys.len() > before.len(),
            "session {session}: {} after {}",
            keys.len(),
            before.len()
        );
        for sample in &samples.samples {
            let timing = &sample.timing;
            let [lowest, highest] = timing.interval_ns;
            assert!(lowest <= timing.p10_ns && timing.p10_ns <= highest && timing.p10_ns <= timing.median_ns, "{sample:?}");
            let is_timed = timing.p10_ns > 0 || matches!(sample.experiment, Experiment::Copy { .. });
            assert!(is_timed && timing.samples >= 5, "{sample:?}");
        }
        let worker = &samples.provenance.workers[0];
        assert!(!worker.kernels.is_empty() && samples.provenance.kernel.starts_with("Linux "), "{:?}", samples.provenance);
        before = keys;
    }
    std::fs::remove_file(journal).expect("removed");
}
