//! Under which circumstances numbers hold: machine, libraries, drivers, governor; and what differs from one time to another.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use executor::ProcessorError;
use scenarios::Profile;
use serde::{Deserialize, Serialize};

use crate::host::facts::{Machine, UNKNOWN};
use crate::host::probe::CanaryReading;

/// What a machine tells of itself. Texts that cannot be read are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// Model of the CPU.
    pub cpu: String,
    /// Cores of the machine that are on; 0 where unknown.
    pub cores: usize,
    /// Operating system and version.
    pub kernel: String,
    /// Version of the microcode.
    pub microcode: String,
    /// What sets the frequency of the workers' cores.
    pub governor: String,
    /// The workers, by name.
    pub workers: BTreeMap<String, WorkerContext>,
}

/// What is behind a worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerContext {
    /// Hardware.
    pub hardware: String,
    /// Library of its kernels, and version.
    pub kernels: String,
    /// Driver and version.
    pub driver: String,
    /// What a canary of arithmetic takes; 0 where unknown.
    pub canary_ns: u64,
}

/// Something that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What.
    pub what: String,
    /// What it was.
    pub then: String,
    /// What it is.
    pub now: String,
    /// Whether durations of the one say nothing about the other.
    pub is_serious: bool,
}

/// A canary slower or faster than this many times what it was: another clock, or a machine that is busy or throttled.
const TOLERATED: f64 = 1.25;

/// Fact of a profile that holds the number of cores.
pub(crate) const CORES: &str = "cores";

/// Fact of a profile that holds what the canary took on a worker, in nanoseconds.
pub(crate) fn canary_fact(worker: &str) -> String {
    format!("canary_{worker}_ns")
}

impl Context {
    /// What this machine is now, with the processors behind some workers.
    ///
    /// # Errors
    /// If a processor cannot be opened.
    pub fn read(workers: &[(String, executor::Specification)], canaries: &[CanaryReading]) -> Result<Self, ProcessorError> {
        let machine = Machine::default();
        let mut cores: Vec<usize> = workers.iter().flat_map(|(_, specification)| specification.cores().to_vec()).collect();
        cores.sort_unstable();
        cores.dedup();
        let mut of_workers = BTreeMap::new();
        for (name, specification) in workers {
            // On a thread of its own, which opening may pin.
            let opened = std::thread::scope(|scope| {
                let open = || executor::open(specification).map(|processor| processor.description().clone());
                scope.spawn(open).join()
            });
            let Ok(description) = opened else { continue };
            let description = description?;
            let canary_ns = canaries.iter().find(|reading| reading.worker == *name).map_or(0, |reading| reading.compute_ns);
            let (hardware, kernels, driver) = (description.hardware, description.kernels, description.driver);
            of_workers.insert(name.clone(), WorkerContext { hardware, kernels, driver, canary_ns });
        }
        Ok(Self {
            cpu: known(machine.cpu()),
            cores: machine.online_cores().unwrap_or(0),
            kernel: known(machine.kernel()),
            microcode: known(machine.microcode()),
            governor: known(machine.governor(&cores)),
            workers: of_workers,
        })
    }

    /// What a profile says of the machine that it was measured on.
    pub fn of_profile(profile: &Profile) -> Self {
        let facts = &profile.provenance.machine;
        let fact = |name: &str| known(facts.get(name).cloned().unwrap_or_default());
        let number = |name: &str| facts.get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        let of_worker = |worker: &scenarios::profile::Worker| {
            let said = |text: &Option<String>| text.clone().unwrap_or_default();
            let context = WorkerContext {
                hardware: said(&worker.hardware),
                kernels: said(&worker.kernels),
                driver: said(&worker.driver),
                canary_ns: number(&canary_fact(&worker.name)),
            };
            (worker.name.clone(), context)
        };
        Self {
            cpu: fact("cpu"),
            cores: number(CORES) as usize,
            kernel: fact("kernel"),
            microcode: fact("microcode"),
            governor: fact("governor"),
            workers: profile.workers.iter().map(of_worker).collect(),
        }
    }

    /// What is different now. What either side does not know is not compared; workers that are not there now are different.
    pub fn differences(&self, now: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        let mut compare = |what: String, then: &str, now: &str, is_serious: bool| {
            if !then.is_empty() && !now.is_empty() && then != now {
                differences.push(Difference { what, then: then.to_owned(), now: now.to_owned(), is_serious });
            }
        };
        let count = |cores: usize| if cores == 0 { String::new() } else { cores.to_string() };
        compare("CPU".to_owned(), &self.cpu, &now.cpu, true);
        compare("number of cores".to_owned(), &count(self.cores), &count(now.cores), true);
        compare("operating system".to_owned(), &self.kernel, &now.kernel, false);
        compare("microcode".to_owned(), &self.microcode, &now.microcode, false);
        compare("governor".to_owned(), &self.governor, &now.governor, false);
        for (name, then) in &self.workers {
            let Some(now) = now.workers.get(name) else {
                compare(format!("worker `{name}`"), "there", "not there", true);
                continue;
            };
            compare(format!("hardware of worker `{name}`"), &then.hardware, &now.hardware, true);
            compare(format!("kernels of worker `{name}`"), &then.kernels, &now.kernels, true);
            compare(format!("driver of worker `{name}`"), &then.driver, &now.driver, true);
            let ratio = now.canary_ns as f64 / then.canary_ns.max(1) as f64;
            if then.canary_ns > 0 && now.canary_ns > 0 && !(1.0 / TOLERATED..=TOLERATED).contains(&ratio) {
                let micro = |ns: u64| format!("{:.1} us", ns as f64 / 1e3);
                let what = format!("speed of worker `{name}` (a small convolution, throttled or busy if slower)");
                compare(what, &micro(then.canary_ns), &micro(now.canary_ns), false);
            }
        }
        differences
    }
}

impl Display for Difference {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{}: was `{}`, is `{}`", self.what, self.then, self.now)
    }
}

fn known(text: String) -> String {
    if text == UNKNOWN { String::new() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        let cpu = WorkerContext { kernels: "ONNX Runtime 1.31.1".into(), canary_ns: 20_000, ..WorkerContext::default() };
        let workers = [("cpu".to_owned(), cpu)].into();
        Context { cpu: "A".into(), cores: 2, governor: "performance".into(), workers, ..Context::default() }
    }

    #[test]
    fn what_differs_is_told_and_whether_it_matters() {
        let check = |change: fn(&mut Context), expected: &[(&str, bool)]| {
            let mut now = context();
            change(&mut now);
            let found: Vec<(String, bool)> =
                context().differences(&now).into_iter().map(|it| (it.to_string(), it.is_serious)).collect();
            let found: Vec<(&str, bool)> = found.iter().map(|(text, is_serious)| (text.as_str(), *is_serious)).collect();
            assert_eq!(found, expected);
        };
        check(|_| (), &[]);
        check(|now| now.governor = "powersave".into(), &[("governor: was `performance`, is `powersave`", false)]);
        check(|now| now.governor = String::new(), &[]);
        check(|now| now.cores = 4, &[("number of cores: was `2`, is `4`", true)]);
        check(|now| now.workers.clear(), &[("worker `cpu`: was `there`, is `not there`", true)]);
        check(
            |now| now.workers.get_mut("cpu").expect("there").kernels = "ONNX Runtime 1.23.0".into(),
            &[("kernels of worker `cpu`: was `ONNX Runtime 1.31.1`, is `ONNX Runtime 1.23.0`", true)],
        );
        check(
            |now| now.workers.get_mut("cpu").expect("there").canary_ns = 40_000,
            &[("speed of worker `cpu` (a small convolution, throttled or busy if slower): was `20.0 us`, is `40.0 us`", false)],
        );
        check(|now| now.workers.get_mut("cpu").expect("there").canary_ns = 21_000, &[]);
    }
}
