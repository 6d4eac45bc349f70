//! Where the threads of a driver that runs on the CPU may run.

use std::collections::BTreeSet;
use std::process::Command;

use executor::Processor;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::{device_or_skip, failures::check_usable};

/// Threads of this process: identifier, name, and the cores on which each may run.
fn threads() -> Vec<(String, String, String)> {
    let entries = std::fs::read_dir("/proc/self/task").unwrap();
    let status = |path: std::path::PathBuf| {
        // A thread may have ended meanwhile.
        let text = std::fs::read_to_string(path.join("status")).unwrap_or_default();
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("").trim().to_owned();
        (field("Pid:"), field("Name:"), field("Cpus_allowed_list:"))
    };
    entries.map(|entry| status(entry.unwrap().path())).collect()
}

#[test]
fn a_software_driver_stays_on_the_cores_of_the_thread_that_opened_it() {
    if std::env::var_os("SOCRATES_TEST_ALONE").is_none() {
        // Other tests start threads of their own.
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cores::a_software_driver_stays_on_the_cores_of_the_thread_that_opened_it"])
            .envs([("SOCRATES_TEST_ALONE", "1"), ("LP_NUM_THREADS", "1")])
            .status()
            .unwrap();
        return assert!(status.success());
    }
    let allowed = sched_getaffinity(None).unwrap();
    let core = (0..CpuSet::MAX_CPU).rev().find(|&core| allowed.is_set(core)).unwrap();
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).unwrap();
    let before: BTreeSet<String> = threads().into_iter().map(|(id, _, _)| id).collect();
    let Some(mut processor) = device_or_skip() else { return };
    if processor.description().cores.is_empty() {
        return eprintln!("skipped: device 0 is no software");
    }
    assert_eq!(processor.description().cores, [core]);
    check_usable(&mut processor);
    let new: Vec<_> = threads().into_iter().filter(|(id, _, _)| !before.contains(id)).collect();
    assert!(new.iter().any(|(_, name, _)| name == "llvmpipe-0"), "{new:?}");
    assert!(!new.iter().any(|(_, name, _)| name == "llvmpipe-1"), "{new:?}");
    for (_, name, cores) in new {
        // Mesa lets the thread that writes compiled kernels to its cache run anywhere.
        assert!(cores == core.to_string() || name.contains(":disk"), "thread `{name}` may run on {cores}, not only on {core}");
    }
}
