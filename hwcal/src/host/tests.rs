//! The run, on processors of known speed and without waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use executor::{ProcessorError, ProcessorErrorKind, Transfer};
use sim::graph::OperatorWork;

use super::clock::Clock;
use super::design::{Design, Job, WorkerShape};
use super::fake::{Behaviour, FakeClock, FakeProcessor, Time, duration_ns};
use super::measure::{Setting, measure_with};
use super::*;

/// A machine of fake processors.
#[derive(Default)]
struct Bed {
    time: Arc<Time>,
    most_bytes: Arc<Mutex<u64>>,
    opened: Arc<AtomicU64>,
}

impl Bed {
    fn worker(&self, name: &str, core: usize, behaviour: Behaviour) -> WorkerToMeasure {
        let (time, most_bytes, count) = (Arc::clone(&self.time), Arc::clone(&self.most_bytes), Arc::clone(&self.opened));
        let launches = Arc::new(AtomicU64::new(0));
        let opener: Opener = Box::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
            let (time, launches, most_bytes) = (Arc::clone(&time), Arc::clone(&launches), Arc::clone(&most_bytes));
            Ok(Box::new(FakeProcessor::new(behaviour.clone(), time, launches, most_bytes)))
        });
        WorkerToMeasure { name: name.to_owned(), cores: vec![core], opener }
    }

    fn now_ns(&self) -> u64 {
        FakeClock(Arc::clone(&self.time)).now_ns()
    }

    /// Measures the jobs that are chosen of the quick design; interrupted when so many results are there.
    fn measure(
        &self,
        workers: Vec<WorkerToMeasure>,
        options: &Options,
        choose: &dyn Fn(&Job) -> bool,
        interrupted_at: Option<usize>,
    ) -> Result<Samples, MeasureError> {
        let clocks = |_: &[usize]| -> Box<dyn Clock> { Box::new(FakeClock(Arc::clone(&self.time))) };
        let design = |shapes: &[WorkerShape]| {
            let mut design = Design::new(shapes, true, options.seed, 6e10);
            design.jobs.retain(choose);
            let keys: BTreeSet<String> = design.jobs.iter().flat_map(Job::keys).map(str::to_owned).collect();
            design.closing.retain(|job| matches!(&job.what, design::What::Noise { of, .. } if keys.contains(of)));
            design
        };
        let interrupt = AtomicBool::new(false);
        let mut progress = |progress: &Progress| {
            assert!(progress.done <= progress.total);
            interrupt.fetch_or(interrupted_at.is_some_and(|at| progress.done >= at), Ordering::SeqCst);
        };
        measure_with(workers, options, &mut progress, &interrupt, Setting { clocks: &clocks, design: &design })
    }
}

fn quick() -> Options {
    Options { quick: true, budget: Some(Duration::from_secs(100_000)), seed: 1, journal: None }
}

/// Jobs that cost next to nothing to prepare, every so many of them.
fn small(every: usize) -> impl Fn(&Job) -> bool {
    let count = AtomicU64::new(0);
    move |job| job.bytes < 1_000_000 && count.fetch_add(1, Ordering::SeqCst).is_multiple_of(every as u64)
}

/// The duration of an operator that nothing is fused into.
fn true_ns(sample: &Sample) -> Option<u64> {
    match &sample.experiment {
        Experiment::Operator { work, fused, .. } if fused.is_empty() => Some(duration_ns(&OperatorWork::from(work))),
        _ => None,
    }
}

#[test]
fn durations_are_found_within_the_noise_and_whatever_is_stolen() {
    for stolen_every in [None, Some(2_000)] {
        let bed = Bed::default();
        let behaviour = Behaviour { noise: 0.3, stolen_every, ..Behaviour::default() };
        let samples = bed.measure(vec![bed.worker("cpu", 0, behaviour)], &quick(), &small(3), None).expect("measured");
        let mut checked = 0;
        for sample in &samples.samples {
            let Some(true_ns) = true_ns(sample) else { continue };
            let error = sample.timing.p10_ns as f64 / true_ns as f64 - 1.0;
            // Launches back to back are averaged: a quarter of the noise is in their means.
            let is_alone = matches!(sample.experiment, Experiment::Operator { launch: LaunchMode::Alone, .. });
            // Slow periods are taken out, and how slow they were is known to some tenths of a percent.
            assert!(
                (-0.005..if is_alone { 0.05 } else { 0.09 }).contains(&error),
                "{}: {error}, {:?}",
                sample.key,
                sample.timing
            );
            let median = sample.timing.median_ns as f64 / true_ns as f64 - 1.0;
            assert!(median < 0.3, "{}: {median}, {:?}", sample.key, sample.timing);
            assert!(sample.timing.samples >= 15, "{:?}", sample.timing);
            checked += 1;
        }
        assert!(checked > 60, "{checked}");
        let stolen = samples.samples.iter().filter(|sample| sample.timing.stolen > 0).count();
        assert_eq!(stolen > 5, stolen_every.is_some(), "{stolen} of {}", samples.samples.len());
        assert_eq!((samples.end, samples.refusals.len()), (End::Complete, 0));
        let floor = samples.provenance.workers[0].noise_floor.expect("things were measured twice");
        assert!(floor < 0.03, "{floor}");
    }
}

/// Neither steal time nor waiting tells of it, and it lasts longer than a batch.
#[test]
fn what_is_measured_in_a_slow_second_is_measured_again() {
    let bed = Bed::default();
    let behaviour = Behaviour { slow_ns: Some((500_000_000, 900_000_000)), ..Behaviour::default() };
    let is_unit = small(3);
    let chosen = |job: &Job| matches!(job.what, design::What::Unit { .. }) && is_unit(job);
    let samples = bed.measure(vec![bed.worker("cpu", 0, behaviour)], &quick(), &chosen, None).expect("measured");
    let checked = samples.samples.iter().filter_map(|sample| true_ns(sample).map(|true_ns| (sample, true_ns)));
    let wrong: Vec<&str> =
        checked.filter(|(sample, true_ns)| sample.timing.p10_ns != *true_ns).map(|(it, _)| it.key.as_str()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(bed.now_ns() > 1_200_000_000 && samples.end == End::Complete, "{}", bed.now_ns());
}

#[test]
fn copies_and_maps_are_timed_without_what_belongs_to_them() {
    for transfer in [Transfer::None, Transfer::Copy, Transfer::Map] {
        let bed = Bed::default();
        let behaviour = Behaviour { transfer: Some(transfer), ..Behaviour::default() };
        let is_copy = |job: &Job| matches!(job.what, design::What::Copy { bytes, .. } if bytes < 1_000_000);
        let samples = bed.measure(vec![bed.worker("gpu", 0, behaviour)], &quick(), &is_copy, None).expect("measured");
        let mut directions = BTreeSet::new();
        for sample in &samples.samples {
            let Experiment::Copy { direction, bytes } = sample.experiment else { panic!("{sample:?}") };
            directions.insert(direction);
            let expected_ns = match direction {
                CopyDirection::Upload => bytes,
                CopyDirection::Download => 2 * bytes,
                CopyDirection::Within => 3 * bytes,
                CopyDirection::Map => 700,
                CopyDirection::Unmap => 300,
            };
            assert_eq!(sample.timing.p10_ns, expected_ns, "{}", sample.key);
        }
        assert_eq!(directions.contains(&CopyDirection::Map), transfer == Transfer::Map);
    }
}

fn journal(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("hwcal-run-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

/// Samples without how far apart two measurements were.
fn results(samples: &Samples) -> BTreeMap<&str, (Experiment, u64)> {
    let mut map = BTreeMap::new();
    for sample in &samples.samples {
        let mut experiment = sample.experiment.clone();
        if let Experiment::Noise { apart_ns, .. } = &mut experiment {
            *apart_ns = 0;
        }
        assert!(map.insert(sample.key.as_str(), (experiment, sample.timing.p10_ns)).is_none(), "{} is there twice", sample.key);
    }
    map
}

/// Interrupted again and again, and resumed: the same samples as in one go.
#[test]
fn a_resumed_run_gives_what_an_unbroken_one_gives() {
    let choose = || {
        let small = small(9);
        move |job: &Job| small(job) && !matches!(job.what, design::What::WakeUp { .. } | design::What::Contention { .. })
    };
    let workers = |bed: &Bed| vec![bed.worker("cpu", 0, Behaviour::default()), bed.worker("gpu", 1, Behaviour::default())];
    let bed = Bed::default();
    let unbroken = bed.measure(workers(&bed), &quick(), &choose(), None).expect("measured");
    assert_eq!((unbroken.end, unbroken.remaining), (End::Complete, 0));
    let path = journal("resumed");
    let options = Options { journal: Some(path.clone()), ..quick() };
    let mut sessions = 0;
    let resumed = loop {
        let bed = Bed::default();
        sessions += 1;
        let samples = bed.measure(workers(&bed), &options, &choose(), Some(25 * sessions)).expect("measured");
        match samples.end {
            End::Interrupted => assert!(samples.remaining > 0 && samples.samples.len() < unbroken.samples.len()),
            End::Complete => break samples,
            End::Budget => panic!("{} remain", samples.remaining),
        }
    };
    assert!(sessions > 2, "{sessions}");
    assert_eq!(results(&resumed), results(&unbroken));
    assert!(resumed.samples.iter().map(|sample| &sample.key).eq(unbroken.samples.iter().map(|sample| &sample.key)));
    let again = bed.measure(workers(&bed), &options, &choose(), None).expect("nothing is left to do");
    assert_eq!(again.samples, resumed.samples);
    let error = bed.measure(vec![bed.worker("cpu", 0, Behaviour::default())], &options, &choose(), None);
    let error = error.expect_err("other workers").to_string();
    assert!(error.contains("of another set of workers: it says cpu, fake, none, none on cores [0]; gpu,"), "{error}");
    std::fs::remove_file(path).expect("removed");
}

#[test]
fn the_budget_is_kept_and_repetitions_have_their_share_of_it() {
    let bed = Bed::default();
    let options = Options { budget: Some(Duration::from_secs(2)), ..quick() };
    let workers = vec![bed.worker("cpu", 0, Behaviour::default()), bed.worker("gpu", 1, Behaviour::default())];
    let is_short = |job: &Job| job.bytes < 1_000_000 && job.expected_ns < 1e8;
    let samples = bed.measure(workers, &options, &is_short, None).expect("measured");
    assert_eq!(samples.end, End::Budget);
    assert!(samples.remaining > 0);
    // A repetition that has begun ends; what is measured twice is too little here to fill the last tenth.
    assert!((1_800_000_000..2_200_000_000).contains(&bed.now_ns()), "{}", bed.now_ns());
    for worker in &samples.provenance.workers {
        assert!(worker.samples > 25, "{worker:?}");
        assert!(worker.noise_floor == Some(0.0), "{worker:?}");
    }
    let keys: BTreeSet<&str> = samples.samples.iter().map(|sample| sample.key.as_str()).collect();
    assert_eq!(keys.len(), samples.samples.len());
}

/// The share of a budget that is kept for repetitions goes to what was measured a first time, however little that is.
#[test]
fn what_a_short_budget_reached_is_measured_twice() {
    let is_short = |job: &Job| job.bytes < 1_000_000 && job.expected_ns < 1e8;
    for tenths_of_a_second in [7, 10, 15, 30] {
        let bed = Bed::default();
        let options = Options { budget: Some(Duration::from_millis(100 * tenths_of_a_second)), ..quick() };
        let samples = bed.measure(vec![bed.worker("cpu", 0, Behaviour::default())], &options, &is_short, None).expect("measured");
        assert_eq!(samples.end, End::Budget);
        assert!(samples.provenance.workers[0].noise_floor.is_some(), "{tenths_of_a_second}: {:?}", samples.provenance.workers);
    }
}

#[test]
fn a_lost_processor_is_opened_again_and_costs_what_it_failed_at() {
    let bed = Bed::default();
    let behaviour = Behaviour { lost_at: vec![500, 3_000, 3_001], ..Behaviour::default() };
    let samples = bed.measure(vec![bed.worker("gpu", 0, behaviour)], &quick(), &small(9), None).expect("measured");
    assert_eq!(bed.opened.load(Ordering::SeqCst), 4);
    // A loss during a second visit costs nothing: the first visit stands.
    assert!((1..=6).contains(&samples.refusals.len()), "{:?}", samples.refusals);
    assert!(samples.refusals.iter().all(|refusal| refusal.why == RefusalKind::Failed && refusal.message.contains("fell off")));
    assert_eq!(samples.end, End::Complete);
    assert!(samples.samples.len() > 50);
}

#[test]
fn a_processor_that_cannot_be_opened_again_ends_the_run_and_keeps_the_journal() {
    let bed = Bed::default();
    let mut worker = bed.worker("gpu", 0, Behaviour { lost_at: vec![5_000], ..Behaviour::default() });
    let (open, opened) = (worker.opener, AtomicU64::new(0));
    worker.opener = Box::new(move || match opened.fetch_add(1, Ordering::SeqCst) {
        0 => open(),
        _ => Err(ProcessorError::new(ProcessorErrorKind::Missing, "fake", "no device")),
    });
    let path = journal("lost");
    let options = Options { journal: Some(path.clone()), ..quick() };
    let error = bed.measure(vec![worker], &options, &small(9), None).expect_err("lost for good");
    assert_eq!(error.to_string(), "worker `gpu` was lost: fake: no device");
    let resumed = bed.measure(vec![bed.worker("gpu", 0, Behaviour::default())], &options, &small(9), None).expect("measured");
    assert!(resumed.refusals.len() <= 2 && resumed.remaining == 0, "{:?}", resumed.refusals);
    std::fs::remove_file(path).expect("removed");
}

#[test]
fn small_memories_hold_smaller_batches() {
    let bed = Bed::default();
    let behaviour = Behaviour { capacity: Some(2_100_000), transfer: Some(Transfer::Copy), ..Behaviour::default() };
    let samples = bed.measure(vec![bed.worker("gpu", 0, behaviour)], &quick(), &small(5), None).expect("measured");
    assert!(samples.refusals.is_empty(), "{:?}", samples.refusals);
    assert!(*bed.most_bytes.lock().expect("no panic") <= 2_100_000);
    assert_eq!(samples.end, End::Complete);
    let all = bed.measure(vec![bed.worker("gpu", 0, Behaviour::default())], &quick(), &small(5), None).expect("measured");
    assert!(samples.samples.len() > 80 && all.samples.len() >= samples.samples.len());
}

#[test]
fn what_has_no_kernel_is_told() {
    let bed = Bed::default();
    for op_type in ["Conv", "Relu"] {
        let behaviour = Behaviour { unsupported: op_type, ..Behaviour::default() };
        let samples = bed.measure(vec![bed.worker("gpu", 0, behaviour)], &quick(), &small(5), None).expect("measured");
        assert!(samples.refusals.len() > 10);
        for refusal in &samples.refusals {
            // Not the leading operator, but the one without a kernel.
            let is_known = refusal.op_type == op_type && refusal.work.is_some();
            assert!(is_known && refusal.why == RefusalKind::Unsupported, "{refusal:?}");
            assert!(refusal.message.starts_with("fake: no kernel for `"), "{refusal:?}");
        }
        let has_it = |sample: &&Sample| matches!(&sample.experiment, Experiment::Operator { op_type: lead, fused, .. } if lead == op_type || fused.iter().any(|fused| fused == op_type));
        assert_eq!(samples.samples.iter().find(has_it), None);
        assert_eq!(samples.end, End::Complete);
    }
}

/// Both workers move one clock: what one sees of the other's launches is the slowdown.
#[test]
fn contention_is_measured_with_the_other_idle_and_busy() {
    let bed = Bed::default();
    let workers = vec![bed.worker("cpu", 0, Behaviour::default()), bed.worker("gpu", 1, Behaviour::default())];
    let chosen = |job: &Job| {
        matches!(job.what, design::What::Contention { .. } | design::What::Sustained { .. } | design::What::WakeUp { .. })
    };
    let samples = bed.measure(workers, &quick(), &chosen, None).expect("measured");
    let mut pairs = 0;
    for sample in &samples.samples {
        match &sample.experiment {
            Experiment::Contention { alone_ns, together_ns, work, with, .. } => {
                assert_eq!(*alone_ns, duration_ns(&OperatorWork::from(work)));
                assert!(together_ns >= alone_ns && *with != sample.worker);
                pairs += 1;
            }
            Experiment::Sustained { stretches, work } => {
                let expected_ns = duration_ns(&OperatorWork::from(work));
                assert_eq!(stretches.len(), 10);
                assert!(stretches.iter().all(|stretch| stretch.p10_ns == expected_ns && stretch.median_ns == expected_ns));
            }
            experiment => assert_eq!(*experiment, Experiment::WakeUp),
        }
    }
    assert!(pairs >= 6, "{pairs}");
    // Workers that share a core are never busy at once.
    let workers = vec![bed.worker("cpu", 0, Behaviour::default()), bed.worker("gpu", 0, Behaviour::default())];
    let samples = bed.measure(workers, &quick(), &chosen, None).expect("measured");
    assert!(!samples.samples.iter().any(|sample| matches!(sample.experiment, Experiment::Contention { .. })));
}

#[test]
fn mistakes_are_told() {
    let bed = Bed::default();
    let check = |workers: Vec<WorkerToMeasure>, expected: &str| {
        let error = bed.measure(workers, &quick(), &small(50), None).expect_err("a mistake");
        assert_eq!(error.to_string(), expected);
    };
    let opener = |answer: fn() -> Result<Box<dyn executor::Processor>, ProcessorError>| WorkerToMeasure {
        name: "gpu".to_owned(),
        cores: vec![],
        opener: Box::new(answer),
    };
    check(vec![], "there is no worker to measure");
    let two = vec![bed.worker("cpu", 0, Behaviour::default()), bed.worker("cpu", 1, Behaviour::default())];
    check(two, "two workers are named `cpu`: names must be unique");
    let missing = opener(|| Err(ProcessorError::new(ProcessorErrorKind::Missing, "OpenCL", "no library")));
    check(vec![missing], "worker `gpu` cannot be opened: OpenCL: no library");
}

#[test]
fn samples_are_written_and_read_back() {
    let bed = Bed::default();
    let behaviour = Behaviour { unsupported: "Concat", noise: 0.2, ..Behaviour::default() };
    let samples = bed.measure(vec![bed.worker("gpu", 0, behaviour)], &quick(), &small(9), None).expect("measured");
    assert!(!samples.refusals.is_empty());
    let mut file = Vec::new();
    samples.write(&mut file).expect("written");
    assert_eq!(Samples::read(&mut file.as_slice()).expect("read"), samples);
    assert!(matches!(Samples::read(&mut &b""[..]), Err(SamplesError::Empty)));
    file.extend(b"{}\n");
    let error = Samples::read(&mut file.as_slice()).expect_err("no result").to_string();
    assert!(
        error.starts_with(&format!("line {} of the samples: ", samples.samples.len() + samples.refusals.len() + 2)),
        "{error}"
    );
}
