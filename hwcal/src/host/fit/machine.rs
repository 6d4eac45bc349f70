//! What the machine is, as far as a profile tells.

use std::collections::BTreeMap;

use executor::Specification;
use scenarios::profile::ProcessorKind;

use crate::host::facts::{Provenance, UNKNOWN, WorkerFacts};

/// A machine and the workers that were measured on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MachineDescription {
    /// Name of the profile.
    pub name: String,
    /// What it is, in a sentence.
    pub description: String,
    /// What could be read about it, by name: processor, microcode, kernel, governor, memory.
    pub facts: BTreeMap<String, String>,
    /// Command that measures and fits again.
    pub command: String,
    /// Physical processors.
    pub processors: Vec<ProcessorDescription>,
    /// Workers.
    pub workers: Vec<WorkerDescription>,
}

/// A physical processor.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessorDescription {
    /// Name, unique.
    pub name: String,
    /// Kind.
    pub kind: ProcessorKind,
    /// Cores; 1 of a GPU.
    pub cores: u32,
    /// Operating points, ascending; empty where unknown.
    pub frequencies_khz: Vec<u64>,
}

/// A worker, and how it was opened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkerDescription {
    /// Name, unique; that of its samples.
    pub name: String,
    /// Cores of each processor that it needs.
    pub cores: BTreeMap<String, u32>,
    /// Whether it works on host memory as it is; otherwise tensors are copied or mapped.
    pub is_host_memory: bool,
    /// How the executor opens it: the text of an `executor::Specification`.
    pub opens: Option<String>,
    /// Name of the hardware.
    pub hardware: Option<String>,
    /// Library and version of its kernels.
    pub kernels: Option<String>,
    /// Driver and version.
    pub driver: Option<String>,
}

/// Memory of a worker that works on that of the host, in [`WorkerFacts::transfer`].
const NO_TRANSFER: &str = "none";

impl MachineDescription {
    /// What a run of measurements tells. `specifications` say how each worker was opened, in the order of the
    /// workers; where they do not, a name that opens one does.
    ///
    /// Every core that a worker computes on is a processor of its own, `core0` for instance: workers that share one exclude each other.
    /// Workers without a core of this machine have a processor of their name.
    pub fn of(name: &str, command: &str, provenance: &Provenance, specifications: &[Specification]) -> Self {
        let facts = [
            ("operating system", &provenance.kernel),
            ("processor", &provenance.cpu),
            ("microcode", &provenance.microcode),
            ("governor", &provenance.governor),
        ];
        let known = facts.into_iter().filter(|(_, text)| text.as_str() != UNKNOWN);
        let mut facts: BTreeMap<String, String> = known.map(|(name, text)| (name.to_owned(), text.clone())).collect();
        let celsius = |value: Option<f64>| value.map(|celsius| format!("{celsius} °C"));
        let percent = |share: f64| format!("{:.2} %", 100.0 * share);
        facts.extend(celsius(provenance.first_celsius).map(|text| ("temperature before".to_owned(), text)));
        facts.extend(celsius(provenance.last_celsius).map(|text| ("temperature after".to_owned(), text)));
        facts.insert("time taken by a hypervisor".to_owned(), percent(provenance.steal_share));
        facts.extend(provenance.others_share.map(|share| ("time of other processes at most".to_owned(), percent(share))));
        let workers: Vec<(&WorkerFacts, Option<&Specification>)> =
            provenance.workers.iter().enumerate().map(|(index, worker)| (worker, specifications.get(index))).collect();
        let mut processors: BTreeMap<String, ProcessorKind> = BTreeMap::new();
        for (worker, specification) in &workers {
            for core in &worker.cores {
                processors.insert(format!("core{core}"), ProcessorKind::Cpu);
            }
            if worker.cores.is_empty() {
                let is_cpu = matches!(specification, Some(Specification::Cpu { .. }));
                processors.insert(worker.name.clone(), if is_cpu { ProcessorKind::Cpu } else { ProcessorKind::Gpu });
            }
        }
        Self {
            name: name.to_owned(),
            description: format!("{}, as measured.", if provenance.cpu == UNKNOWN { "This machine" } else { &provenance.cpu }),
            facts,
            command: command.to_owned(),
            processors: processors
                .into_iter()
                .map(|(name, kind)| ProcessorDescription { name, kind, cores: 1, frequencies_khz: Vec::new() })
                .collect(),
            workers: workers.into_iter().map(|(worker, specification)| WorkerDescription::of(worker, specification)).collect(),
        }
    }
}

impl WorkerDescription {
    fn of(facts: &WorkerFacts, specification: Option<&Specification>) -> Self {
        let cores = facts.cores.iter().map(|core| (format!("core{core}"), 1));
        let filled = |text: &String| Some(text.clone()).filter(|text| !text.is_empty() && text != UNKNOWN);
        Self {
            name: facts.name.clone(),
            cores: if facts.cores.is_empty() { BTreeMap::from([(facts.name.clone(), 1)]) } else { cores.collect() },
            is_host_memory: facts.transfer == NO_TRANSFER,
            // A worker may be named by how it is opened.
            opens: specification.cloned().or_else(|| facts.name.parse().ok()).map(|specification| specification.to_string()),
            hardware: filled(&facts.hardware),
            kernels: filled(&facts.kernels),
            driver: filled(&facts.driver),
        }
    }
}
