//! What the machine is, as far as a profile tells.

use std::collections::BTreeMap;

use scenarios::profile::ProcessorKind;

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
