//! The validated device.

use std::sync::Arc;

use crate::cost::CostModels;
use crate::identifiers::{ChannelId, LinkId, MemoryId, ProcessorId, WorkerId};
use crate::platform::{Power, SlowdownCurve, SupportRules, Thermal};
use crate::task::Patterns;

/// Kind of processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProcessorKind {
    /// A cluster of equal CPU cores.
    CpuCluster,
    /// Graphics processor: one in-order command queue, not preempted inside a kernel.
    Gpu,
    /// Neural accelerator: one in-order queue.
    Npu,
    /// Digital signal processor: one in-order queue.
    Dsp,
}

impl ProcessorKind {
    /// The name used in profiles and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CpuCluster => "cpu",
            Self::Gpu => "gpu",
            Self::Npu => "npu",
            Self::Dsp => "dsp",
        }
    }
}

/// A physical processor. Its cores are the capacity that kernels compete for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processor {
    /// Name, unique in the device.
    pub name: String,
    /// Kind.
    pub kind: ProcessorKind,
    /// Cores of a CPU cluster; 1 for a GPU, NPU or DSP (one kernel at a time).
    pub cores: u32,
    /// Operating points in kHz, ascending; empty where unknown.
    pub frequencies_khz: Vec<u64>,
}

/// What a strategy places work on: a gang of cores of one or more processors that run one kernel together.
///
/// Several workers may need the same cores (`1 large` and `1 large + 3 medium`): the engine then runs one of them at a time.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Name, unique in the device, e.g. `gpu` or `cpu.3medium`.
    pub name: String,
    /// Kind of the first processor in `demands`.
    pub kind: ProcessorKind,
    /// Cores needed of each processor, ordered by processor, none zero.
    pub demands: Vec<(ProcessorId, u32)>,
    /// Where the worker reads its inputs and leaves its outputs.
    pub memory: MemoryId,
    /// Fixed cost of entering a segment (command submission, wake-up of threads).
    pub invocation_ns: u64,
    /// What it can run.
    pub support: SupportRules,
    /// What running costs.
    pub costs: Arc<CostModels>,
}

impl Worker {
    /// Threads of the gang: cores over all processors.
    pub fn threads(&self) -> u32 {
        self.demands.iter().map(|&(_, cores)| cores).sum()
    }
}

/// A memory (address space and layout) that workers share without copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Name, unique in the device.
    pub name: String,
}

/// Bandwidth shared max-min fairly by the activities that use it.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Name, unique in the device.
    pub name: String,
    /// Capacity in bytes per second; finite and positive.
    pub bytes_per_second: f64,
}

/// A directed way from one memory to another, and what a copy over it costs.
///
/// A copy of `b` bytes with nothing else running takes `fixed_ns + synchronization_ns + b * ns_per_byte + b / bytes_per_second`.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Name, unique in the device.
    pub name: String,
    /// Source.
    pub from: MemoryId,
    /// Destination.
    pub to: MemoryId,
    /// Latency before bytes flow: map and unmap calls, message latency.
    pub fixed_ns: u64,
    /// Waiting for the other processor to finish what it has queued, and its notification.
    pub synchronization_ns: u64,
    /// Layout or data-type transformation, per byte; not shared.
    pub ns_per_byte: f64,
    /// Fastest a single copy flows; `f64::INFINITY` where nothing flows (zero-copy mapping). The builder lowers it to what the
    /// slowest of `channels` carries.
    pub bytes_per_second: f64,
    /// Shared bandwidth that the flow draws on, each with the channel bytes used per byte copied (2 for a DRAM-to-DRAM copy).
    pub channels: Vec<(ChannelId, f64)>,
    /// The worker that is occupied while the copy lasts.
    pub blocks: Option<WorkerId>,
}

impl Link {
    /// Duration of a copy of `bytes` with nothing else running, excluding the wait for a blocked worker.
    ///
    /// Rounded up to whole nanoseconds.
    pub fn solo_ns(&self, bytes: u64) -> u64 {
        self.latency_ns(bytes).saturating_add(self.flow_ns(bytes))
    }

    /// The part of a copy that shares nothing: fixed, synchronisation and transformation.
    pub fn latency_ns(&self, bytes: u64) -> u64 {
        let transformation_ns = libm::ceil(bytes as f64 * self.ns_per_byte) as u64;
        self.fixed_ns.saturating_add(self.synchronization_ns).saturating_add(transformation_ns)
    }

    /// The part of a copy during which bytes flow, at the link's own rate.
    pub fn flow_ns(&self, bytes: u64) -> u64 {
        libm::ceil(bytes as f64 / self.bytes_per_second * 1e9) as u64
    }
}

/// A device. Fields are read-only through accessors; see [`crate::platform::DeviceBuilder`].
#[derive(Clone, Debug)]
pub struct Device {
    pub(super) name: String,
    pub(super) processors: Vec<Processor>,
    pub(super) workers: Vec<Worker>,
    pub(super) memories: Vec<Memory>,
    pub(super) channels: Vec<Channel>,
    pub(super) links: Vec<Link>,
    /// `routes[from * memories + to]`.
    pub(super) routes: Vec<Option<LinkId>>,
    /// Shared bandwidth of all kernels, if modelled.
    pub(super) dram: Option<ChannelId>,
    /// Memory in which requests arrive and in which their outputs are wanted.
    pub(super) host: MemoryId,
    /// Cost of one scheduling decision charged in the simulator.
    pub(super) decision_ns: u64,
    /// Workers that keep weights in a layout of their own.
    pub(super) repacking: Vec<WorkerId>,
    /// For each worker, the one that its runtime falls back to.
    pub(super) fallbacks: Vec<Option<WorkerId>>,
    /// Most bytes that models may need together, over all memories.
    pub(super) memory_limit_bytes: Option<u64>,
    /// Patterns that each worker's runtime fuses.
    pub(super) fuses: Vec<Patterns>,
    /// For each worker, the share of its time that memory bounds.
    pub(super) memory_shares: Vec<f64>,
    /// For each worker, its measured slowdown by what others ask of `dram`; all absent where bandwidth is shared max-min.
    pub(super) slowdowns: Vec<Option<SlowdownCurve>>,
    pub(super) power: Option<Power>,
    pub(super) thermal: Option<Thermal>,
}

impl Device {
    /// Name of the device.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Physical processors.
    pub fn processors(&self) -> &[Processor] {
        &self.processors
    }

    /// One processor.
    pub fn processor(&self, id: ProcessorId) -> &Processor {
        &self.processors[id.index()]
    }

    /// What work can be placed on.
    pub fn workers(&self) -> &[Worker] {
        &self.workers
    }

    /// One worker.
    pub fn worker(&self, id: WorkerId) -> &Worker {
        &self.workers[id.index()]
    }

    /// All workers' identifiers.
    pub fn worker_ids(&self) -> impl Iterator<Item = WorkerId> + use<> {
        (0..self.workers.len()).map(WorkerId::from_index)
    }

    /// The worker of a name.
    pub fn worker_named(&self, name: &str) -> Option<WorkerId> {
        self.workers.iter().position(|worker| worker.name == name).map(WorkerId::from_index)
    }

    /// Memories.
    pub fn memories(&self) -> &[Memory] {
        &self.memories
    }

    /// Shared bandwidths.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// One shared bandwidth.
    pub fn channel(&self, id: ChannelId) -> &Channel {
        &self.channels[id.index()]
    }

    /// Links.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// One link.
    pub fn link(&self, id: LinkId) -> &Link {
        &self.links[id.index()]
    }

    /// The link from one memory to another; `None` for the same memory.
    ///
    /// Between any two memories of two workers there is one: the builder checks it.
    pub fn route(&self, from: MemoryId, to: MemoryId) -> Option<LinkId> {
        self.routes[from.index() * self.memories.len() + to.index()]
    }

    /// Duration of a copy between two memories with nothing else running; 0 within one memory.
    pub fn copy_ns(&self, from: MemoryId, to: MemoryId, bytes: u64) -> u64 {
        self.route(from, to).map_or(0, |link| self.link(link).solo_ns(bytes))
    }

    /// The bandwidth that all kernels share, if it is modelled.
    pub fn dram(&self) -> Option<ChannelId> {
        self.dram
    }

    /// How much of its speed a worker keeps while others draw on [`Self::dram`], where that was measured; absent, its kernels share
    /// the bandwidth max-min fairly.
    pub fn slowdown(&self, worker: WorkerId) -> Option<&SlowdownCurve> {
        self.slowdowns[worker.index()].as_ref()
    }

    /// Memory in which requests arrive and in which their outputs are wanted.
    pub fn host(&self) -> MemoryId {
        self.host
    }

    /// What one call of a strategy's `dispatch` costs in simulated time.
    pub fn decision_ns(&self) -> u64 {
        self.decision_ns
    }

    /// Whether a worker keeps weights in a layout of its own, beside those that others in its memory use.
    pub fn repacks_weights(&self, worker: WorkerId) -> bool {
        self.repacking.contains(&worker)
    }

    /// The CPU worker of the same runtime that takes what a worker cannot run; absent where that is not known.
    pub fn falls_back_to(&self, worker: WorkerId) -> Option<WorkerId> {
        self.fallbacks[worker.index()]
    }

    /// Most bytes that the models of a run may need together: weights, and the buffers of one request of each.
    pub fn memory_limit_bytes(&self) -> Option<u64> {
        self.memory_limit_bytes
    }

    /// The same device with another limit of memory, or none.
    #[must_use]
    pub fn with_memory_limit(mut self, bytes: Option<u64>) -> Self {
        self.memory_limit_bytes = bytes;
        self
    }

    /// Patterns of operators that a worker's runtime fuses into one kernel.
    pub fn fuses(&self, worker: WorkerId) -> Patterns {
        self.fuses[worker.index()]
    }

    /// Share of the time of a worker's kernels, at the operating point of its profile, in which they wait for memory: it stays when
    /// the clock changes. Between 0 and 1.
    pub fn memory_share(&self, worker: WorkerId) -> f64 {
        self.memory_shares[worker.index()]
    }

    /// What the device draws and can run at, if known.
    pub fn power(&self) -> Option<&Power> {
        self.power.as_ref()
    }

    /// The same device with another battery, where it says what it draws.
    #[must_use]
    pub fn with_battery(mut self, joules: f64) -> Self {
        if let Some(power) = &mut self.power {
            power.battery_j = Some(joules);
        }
        self
    }

    /// How the device heats up, if known.
    pub fn thermal(&self) -> Option<&Thermal> {
        self.thermal.as_ref()
    }

    /// Whether two workers need a common processor beyond its capacity, so that they cannot run at the same time.
    pub fn conflict(&self, one: WorkerId, other: WorkerId) -> bool {
        self.worker(one).demands.iter().any(|&(processor, cores)| {
            self.worker(other)
                .demands
                .iter()
                .any(|&(also, more)| also == processor && cores + more > self.processor(processor).cores)
        })
    }
}
