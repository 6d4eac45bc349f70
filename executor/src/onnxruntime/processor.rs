//! CPU cores with the kernels of ONNX Runtime.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sim::graph::Graph;
use sim::identifiers::TensorId;

use super::NAME;
use super::error::misuse;
use super::library::library;
use super::memory::HostMemory;
use super::prepared::Prepared;
use super::profile::{NodeTime, read_profile};
use super::session::SessionSettings;
use super::trial::Trials;
use crate::buffer::{HostBuffer, Region};
use crate::pinning::pin_current_thread;
use crate::processor::{
    BufferId, Completion, Description, Operand, PreparedId, Processor, ProcessorError, ProcessorErrorKind, Transfer, UnitMemory,
};
use crate::unit::Unit;

/// CPU cores that run units by ONNX Runtime, one session a unit, directly on shared host memory.
///
/// The calling thread computes too: whoever opens the processor pins it to the first core or to all of them. A unit on one core
/// has no other thread; on `n` cores each unit has `n - 1` threads of its own, bound to the other cores, that spin only while
/// the unit runs.
///
/// [`Processor::support`] asks ONNX Runtime for a kernel, once for each operator type, operator set, attributes and element types.
pub struct OnnxRuntimeProcessor {
    prepared: BTreeMap<PreparedId, Prepared>,
    memory: HostMemory,
    description: Description,
    settings: SessionSettings,
    trials: Trials,
    next: u32,
}

impl OnnxRuntimeProcessor {
    /// A processor on some cores. An error of kind `Missing` says how to get the library.
    pub fn open(cores: &[usize]) -> Result<Self, ProcessorError> {
        if cores.is_empty() {
            return Err(misuse("a CPU processor needs at least one core"));
        }
        // The library only logs where it cannot bind a thread.
        let pinned = std::thread::scope(|scope| scope.spawn(|| pin_current_thread(cores)).join());
        if let Ok(Err(error)) = pinned {
            return Err(misuse(error.to_string()));
        }
        let hardware = cpu_name(&std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default());
        Self::with_settings(SessionSettings { cores: cores.to_vec(), ..SessionSettings::default() }, hardware)
    }

    /// A processor whose sessions are made with given settings.
    pub(super) fn with_settings(settings: SessionSettings, hardware: String) -> Result<Self, ProcessorError> {
        let description = Description {
            hardware,
            kernels: format!("{NAME} {}", library()?.version),
            driver: settings.provider.as_ref().map_or_else(String::new, |provider| provider.name().to_owned()),
            cores: settings.cores.clone(),
            offsets: true,
            transfer: Transfer::None,
            window_alignment_bytes: None,
        };
        let (prepared, memory, trials) = (BTreeMap::new(), HostMemory::default(), Trials::new(&settings));
        Ok(Self { prepared, memory, description, settings, trials, next: 0 })
    }

    /// Runs a unit on zeros under ONNX Runtime's profiler: which nodes optimisation left, which execution provider runs each,
    /// and for how long, run after run. A delegate leaves to the CPU what it does not take, so that this tells what would fall
    /// back.
    pub fn profile(&self, unit: &Unit, runs: usize) -> Result<Vec<NodeTime>, ProcessorError> {
        static PROFILES: AtomicU64 = AtomicU64::new(0);
        let number = PROFILES.fetch_add(1, Ordering::Relaxed);
        let prefix = std::env::temp_dir().join(format!("socrates-profile-{}-{number}", std::process::id()));
        let settings = SessionSettings { profile: Some(prefix), may_fall_back: true, ..self.settings.clone() };
        let mut prepared = Prepared::new(unit, &settings)?;
        let mut memory = HostMemory::default();
        let mut operand = |id: &TensorId| memory.allocate(unit.graph.tensor(*id).bytes() as usize).map(Operand::from);
        let inputs = unit.graph.inputs().iter().map(&mut operand).collect::<Result<Vec<_>, _>>()?;
        let outputs = unit.graph.outputs().iter().map(&mut operand).collect::<Result<Vec<_>, _>>()?;
        let run = (0..runs).try_for_each(|_| prepared.run(&memory, &inputs, &outputs));
        let Some(file) = prepared.end_profiling()? else { return Ok(Vec::new()) };
        let text = std::fs::read_to_string(&file);
        // Ours to remove, whatever became of the run.
        let _ = std::fs::remove_file(&file);
        run?;
        let failed = |why: String| ProcessorError::new(ProcessorErrorKind::Failed, NAME, format!("profile `{file}`: {why}"));
        read_profile(&text.map_err(|error| failed(error.to_string()))?).map_err(failed)
    }
}

/// The CPU as the kernel describes it, from the text of `/proc/cpuinfo`; its architecture where that says nothing (as on Arm).
fn cpu_name(cpuinfo: &str) -> String {
    let value = |line: &str| line.strip_prefix("model name")?.trim_start().strip_prefix(':').map(|name| name.trim().to_owned());
    cpuinfo.lines().find_map(value).unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

impl Processor for OnnxRuntimeProcessor {
    fn description(&self) -> &Description {
        &self.description
    }

    fn support(&self, graph: &Graph) -> Result<(), ProcessorError> {
        self.trials.support(graph)
    }

    fn prepare(&mut self, unit: &Unit) -> Result<PreparedId, ProcessorError> {
        let prepared = Prepared::new(unit, &self.settings)?;
        let id = PreparedId(self.next);
        self.next += 1;
        self.prepared.insert(id, prepared);
        Ok(id)
    }

    fn discard(&mut self, prepared: PreparedId) {
        self.prepared.remove(&prepared);
    }

    fn allocate(&mut self, bytes: usize) -> Result<BufferId, ProcessorError> {
        self.memory.allocate(bytes)
    }

    fn share(&mut self, buffer: &Arc<HostBuffer>) -> Result<BufferId, ProcessorError> {
        Ok(self.memory.share(buffer))
    }

    /// Of the whole process: all sessions take memory from one arena.
    fn unit_memory(&self) -> UnitMemory {
        let common_bytes = self.prepared.values().find_map(Prepared::arena_bytes).unwrap_or(0);
        UnitMemory { common_bytes, ..UnitMemory::default() }
    }

    fn release(&mut self, buffer: BufferId) {
        self.prepared.values_mut().for_each(|prepared| prepared.forget(buffer));
        self.memory.release(buffer);
    }

    fn upload(&mut self, source: &HostBuffer, from: Region, target: BufferId, to: Region) -> Result<(), ProcessorError> {
        self.memory.upload(source, from, target, to)
    }

    fn download(&mut self, source: BufferId, from: Region, target: &HostBuffer, to: Region) -> Result<(), ProcessorError> {
        self.memory.download(source, from, target, to)
    }

    fn copy(&mut self, source: BufferId, from: Region, target: BufferId, to: Region) -> Result<(), ProcessorError> {
        self.memory.copy(source, from, target, to)
    }

    fn map(&mut self, buffer: BufferId) -> Result<(), ProcessorError> {
        self.memory.buffer(buffer).map(drop)
    }

    fn unmap(&mut self, buffer: BufferId) -> Result<(), ProcessorError> {
        self.memory.buffer(buffer).map(drop)
    }

    /// Returns when everything has been computed.
    fn launch(&mut self, prepared: PreparedId, inputs: &[Operand], outputs: &[Operand]) -> Result<(), ProcessorError> {
        let unit = self.prepared.get_mut(&prepared).ok_or_else(|| misuse(format!("there is no unit {}", prepared.0)))?;
        unit.run(&self.memory, inputs, outputs)
    }

    fn wait(&mut self) -> Result<Completion, ProcessorError> {
        Ok(Completion::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_named_by_the_kernel_or_by_its_architecture() {
        assert_eq!(cpu_name("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n"), "Some CPU @ 2 GHz");
        assert_eq!(cpu_name("CPU part\t: 0xd0c\n"), std::env::consts::ARCH);
    }
}
