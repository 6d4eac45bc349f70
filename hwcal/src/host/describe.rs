//! From the processors that were opened, and what they said of themselves, to the machine that a profile is of.

use std::collections::{BTreeMap, BTreeSet};

use executor::Specification;
use scenarios::profile::ProcessorKind;

use crate::host::context::{CORES, canary_fact};
use crate::host::facts::Provenance;
use crate::host::fit::{MachineDescription, ProcessorDescription, WorkerDescription};

/// Describes a machine of some workers, each with the processor behind it.
///
/// Cores that the same workers compute on form one processor, so that workers with a core in common exclude each other; a GPU,
/// NPU or DSP is a processor of its own, whatever cores its driver may use besides.
pub fn describe(workers: &[(String, Specification)], provenance: &Provenance, name: &str, command: &str) -> MachineDescription {
    let mut processors = Vec::new();
    let mut demands: Vec<BTreeMap<String, u32>> = vec![BTreeMap::new(); workers.len()];
    // Accelerators first: the kind of a worker is that of its first processor.
    for ((worker, specification), demands) in workers.iter().zip(&mut demands) {
        if let Some(kind) = accelerator(specification) {
            processors.push(ProcessorDescription { name: worker.clone(), kind, cores: 1, frequencies_khz: Vec::new() });
            demands.insert(worker.clone(), 1);
        }
    }
    let mut groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    let cores: BTreeSet<usize> = workers.iter().flat_map(|(_, specification)| specification.cores().iter().copied()).collect();
    for core in cores {
        let needs_it = |index: &usize| workers[*index].1.cores().contains(&core);
        let users: Vec<usize> = (0..workers.len()).filter(needs_it).collect();
        groups.entry(users).or_default().push(core);
    }
    for (users, cores) in groups {
        // Cores that only a driver computes on are its device.
        if let [only] = users[..]
            && accelerator(&workers[only].1).is_some()
        {
            continue;
        }
        let name = core_name(&cores);
        for user in users {
            demands[user].insert(name.clone(), cores.len() as u32);
        }
        processors.push(ProcessorDescription {
            name,
            kind: ProcessorKind::Cpu,
            cores: cores.len() as u32,
            frequencies_khz: Vec::new(),
        });
    }
    let described = workers.iter().zip(demands).map(|((name, specification), cores)| {
        let facts = provenance.workers.iter().find(|facts| facts.name == *name);
        let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        WorkerDescription {
            name: name.clone(),
            cores,
            is_host_memory: matches!(specification, Specification::Cpu { .. } | Specification::Delegate { .. }),
            opens: Some(specification.to_string()),
            hardware: facts.and_then(|facts| said(&facts.hardware)),
            kernels: facts.and_then(|facts| said(&facts.kernels)),
            driver: facts.and_then(|facts| said(&facts.driver)),
        }
    });
    MachineDescription {
        name: name.to_owned(),
        description: "This machine, measured: what could not be read of it is not here.".to_owned(),
        facts: facts(provenance),
        command: command.to_owned(),
        processors,
        workers: described.collect(),
    }
}

const fn accelerator(specification: &Specification) -> Option<ProcessorKind> {
    match specification {
        Specification::OpenCl { .. } | Specification::Vulkan { .. } => Some(ProcessorKind::Gpu),
        Specification::Cpu { .. } | Specification::Delegate { .. } => None,
    }
}

/// `core_0`, `cores_1_2_3`.
fn core_name(cores: &[usize]) -> String {
    let numbers: Vec<String> = cores.iter().map(ToString::to_string).collect();
    format!("{}_{}", if cores.len() == 1 { "core" } else { "cores" }, numbers.join("_"))
}

/// What was read about the machine; nothing where nothing could be.
fn facts(provenance: &Provenance) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut put = |name: &str, value: String| {
        if !value.is_empty() {
            facts.insert(name.to_owned(), value);
        }
    };
    put("cpu", provenance.cpu.clone());
    put("kernel", provenance.kernel.clone());
    put("microcode", provenance.microcode.clone());
    put("governor", provenance.governor.clone());
    put("steal_share", format!("{:.4}", provenance.steal_share));
    put("others_share", provenance.others_share.map_or_else(String::new, |share| format!("{share:.4}")));
    put("temperature_first_celsius", provenance.first_celsius.map_or_else(String::new, |celsius| celsius.to_string()));
    put("temperature_last_celsius", provenance.last_celsius.map_or_else(String::new, |celsius| celsius.to_string()));
    put(CORES, provenance.online_cores.map_or_else(String::new, |cores| cores.to_string()));
    for worker in &provenance.workers {
        put(&canary_fact(&worker.name), worker.canary_ns.map_or_else(String::new, |canary_ns| canary_ns.to_string()));
    }
    put("measured", if provenance.is_quick { "quick" } else { "in full" }.to_owned());
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(workers: &[(&str, &str)]) -> MachineDescription {
        let parsed = workers.iter().map(|&(name, text)| (name.to_owned(), text.parse().expect(text)));
        describe(&parsed.collect::<Vec<_>>(), &Provenance::default(), "host", "a command")
    }

    #[test]
    fn cores_that_the_same_workers_use_are_one_processor() {
        let check = |workers: &[(&str, &str)], processors: &[(&str, u32)], demands: &[&[(&str, u32)]]| {
            let machine = machine(workers);
            let found: Vec<(&str, u32)> = machine.processors.iter().map(|it| (it.name.as_str(), it.cores)).collect();
            assert_eq!(found, processors);
            for (worker, expected) in machine.workers.iter().zip(demands) {
                let found: Vec<(&str, u32)> = worker.cores.iter().map(|(name, &cores)| (name.as_str(), cores)).collect();
                assert_eq!(found, *expected, "{}", worker.name);
            }
        };
        check(
            &[("cpu", "cpu[cores=0]"), ("gpu", "opencl[cores=1]")],
            &[("gpu", 1), ("core_0", 1)],
            &[&[("core_0", 1)], &[("gpu", 1)]],
        );
        check(
            &[("one", "cpu[cores=0]"), ("all", "cpu[cores=0+1+2]")],
            &[("core_0", 1), ("cores_1_2", 2)],
            &[&[("core_0", 1)], &[("core_0", 1), ("cores_1_2", 2)]],
        );
        check(
            &[("cpu1", "cpu[cores=1]"), ("gpu", "opencl[cores=1]")],
            &[("gpu", 1), ("core_1", 1)],
            &[&[("core_1", 1)], &[("core_1", 1), ("gpu", 1)]],
        );
    }
}
