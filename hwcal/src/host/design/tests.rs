//! Laws of the design.

use super::*;
use crate::host::sample::Experiment;

fn workers(count: usize) -> Vec<WorkerShape> {
    let transfers = [Transfer::None, Transfer::Copy, Transfer::Map];
    let shape = |index: usize| WorkerShape {
        name: format!("w{index}"),
        cores: vec![index],
        transfer: transfers[index % 3],
        readable_cores: vec![],
        has_power_counter: false,
    };
    (0..count).map(shape).collect()
}

fn kinds(jobs: &[Job], worker: usize) -> BTreeSet<&'static str> {
    let kind = |job: &Job| match &job.what {
        What::Unit { measurements, .. } => match &measurements[0].experiment {
            Experiment::Operator { work, .. } => work.kernel.name(),
            Experiment::Slice { .. } => "slice",
            Experiment::Segment { .. } => "segment",
            _ => "launch",
        },
        What::Noise { .. } => "noise",
        What::Copy { .. } => "copy",
        What::WakeUp { .. } => "wake up",
        What::Contention { .. } => "contention",
        What::Sustained { .. } => "sustained",
        What::Frequency { .. } | What::Power { .. } => "machine",
    };
    jobs.iter().filter(|job| job.worker == worker).map(kind).collect()
}

#[test]
fn keys_are_unique_and_the_design_follows_from_the_seed() {
    for is_quick in [true, false] {
        let design = Design::new(&workers(2), is_quick, 1, 1e11);
        let keys: Vec<&str> = design.keys().collect();
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
        let same = Design::new(&workers(2), is_quick, 1, 1e11);
        assert!(same.keys().eq(design.keys()) && same.fingerprint() == design.fingerprint());
        assert_ne!(Design::new(&workers(2), is_quick, 2, 1e11).fingerprint(), design.fingerprint());
    }
}

#[test]
fn a_full_design_covers_every_task_of_the_zoo() {
    let design = Design::new(&workers(1), false, 1, 0.0);
    let keys: BTreeSet<&str> = design.keys().collect();
    let mut segments = 0;
    for job in &design.jobs {
        let What::Unit { measurements, .. } = &job.what else { continue };
        match &measurements[0].experiment {
            Experiment::Segment { task_keys, .. } => {
                segments += 1;
                assert!(task_keys.iter().all(|key| keys.contains(key.as_str())), "{}", measurements[0].key);
            }
            Experiment::Slice { whole_key, .. } => assert!(keys.contains(whole_key.as_str()), "{whole_key}"),
            _ => {}
        }
    }
    assert!(segments > 100, "{segments}");
    for model in zoo::models() {
        for task in 0..model.tasks.len() {
            let kind = model.work(task).kind.name();
            assert!(kinds(&design.jobs, 0).contains(kind), "{kind} of {}", model.graph.name);
        }
    }
}

/// However early a run ends, every worker has had its share, and every kind has been measured on it.
#[test]
fn every_beginning_is_balanced() {
    for count in [1, 2, 3] {
        let design = Design::new(&workers(count), true, 1, 9e10);
        let all_kinds = kinds(&design.jobs, 0);
        for length in [300 * count, design.jobs.len()] {
            let jobs = &design.jobs[..length.min(design.jobs.len())];
            let spent = |worker| jobs.iter().filter(|job| job.worker == worker).map(|job| job.expected_ns).sum::<f64>();
            for worker in 0..count {
                let measured = kinds(jobs, worker);
                let missing: Vec<_> = all_kinds.difference(&measured).collect();
                assert!(
                    missing.iter().all(|kind| ["contention", "sustained"].contains(kind)),
                    "worker {worker} of {count}, {length} jobs: no {missing:?}"
                );
                assert!(spent(worker) > 0.6 * spent(0), "{} against {}", spent(worker), spent(0));
            }
        }
        assert_eq!(kinds(&design.closing, count - 1), BTreeSet::from(["noise"]));
    }
}
