//! What every processor can do.

use std::sync::Arc;

use sim::graph::Graph;
use thiserror::Error;

use crate::buffer::{HostBuffer, Region};
use crate::unit::Unit;

/// A unit that a processor has prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PreparedId(pub u32);

/// Memory that a processor knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferId(pub u32);

/// Where a tensor of a launch lies: dense and row-major from `offset_bytes` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    /// The memory.
    pub buffer: BufferId,
    /// First byte; other than 0 only where [`Description::offsets`] says so.
    pub offset_bytes: usize,
}

impl From<BufferId> for Operand {
    fn from(buffer: BufferId) -> Self {
        Self { buffer, offset_bytes: 0 }
    }
}

/// How tensors get from host memory to a processor's own and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transfer {
    /// Not at all: it works on host memory as it is.
    None,
    /// By copies ([`Processor::upload`], [`Processor::download`]).
    Copy,
    /// By mapping shared memory ([`Processor::share`], then [`Processor::map`] and [`Processor::unmap`]).
    Map,
}

/// What a processor is, for profiles and reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Name of the hardware, as its driver or the operating system gives it.
    pub hardware: String,
    /// The kernels: library and version, e.g. `ONNX Runtime 1.31.1` or `built in`.
    pub kernels: String,
    /// Driver or platform and its version; empty for CPU cores.
    pub driver: String,
    /// Cores that its kernels run on; empty if it has none of this machine's.
    pub cores: Vec<usize>,
    /// Whether it reads and writes at offsets other than 0 into a buffer.
    pub offsets: bool,
    /// How tensors get there.
    pub transfer: Transfer,
    /// Windows into its memory begin at multiples of so many bytes ([`Processor::window`]); `None` if it gives none.
    pub window_alignment_bytes: Option<usize>,
}

/// Memory that prepared units hold, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnitMemory {
    /// Constants as the processor keeps them: its own copies, repacked or not. What units themselves hold is not counted.
    pub constant_bytes: u64,
    /// Room for what lives between the kernels of a launch.
    pub scratch_bytes: u64,
    /// Both, as far as it comes from memory that the process's processors of one library have in common: each tells all of it.
    pub common_bytes: u64,
}

/// What a finished launch took, as far as the processor knows better than whoever waited for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// From the launch to the begin of its first kernel, by the device's clock; `None` if it has none.
    pub queued_ns: Option<u64>,
    /// From the begin of the first kernel to the end of the last, by the device's clock.
    pub busy_ns: Option<u64>,
    /// Each kernel in the order in which they ran: index of the operator in the unit's graph, and duration.
    pub kernels: Vec<(usize, u64)>,
}

/// What kind of failure it is: decides what the caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProcessorErrorKind {
    /// The library or driver is not there, or too old: this processor cannot be used on this machine.
    Missing,
    /// The operator, its attributes, type or rank are not supported: it must run elsewhere.
    Unsupported,
    /// The processor's memory does not suffice.
    OutOfMemory,
    /// The device went away or its driver failed: everything in its memory is lost.
    Lost,
    /// A buffer, unit or operand that does not exist or does not fit: a mistake of the caller.
    Misuse,
    /// The library refused or failed for another reason.
    Failed,
}

/// Why a processor could not do something.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{processor}: {message}")]
pub struct ProcessorError {
    /// Kind.
    pub kind: ProcessorErrorKind,
    /// Which processor, e.g. `OpenCL`.
    pub processor: &'static str,
    /// What happened, with names and values, and what would be right.
    pub message: String,
}

impl ProcessorError {
    /// An error.
    pub fn new(kind: ProcessorErrorKind, processor: &'static str, message: impl Into<String>) -> Self {
        Self { kind, processor, message: message.into() }
    }
}

/// A processor, owned by the one thread that drives it: opened, used and dropped there.
///
/// Buffers of processors without memory of their own are made by [`Self::share`]. Work is done in the order in which it is
/// asked for. After an error of kind `Lost` every call fails; after any other the processor can be used on.
pub trait Processor {
    /// What it is.
    fn description(&self) -> &Description;

    /// Why it cannot run a graph: names the first operator that it refuses. Cheap; `prepare` of a supported graph may still
    /// fail for want of memory.
    fn support(&self, graph: &Graph) -> Result<(), ProcessorError>;

    /// Makes a unit ready to run: sessions, compiled kernels, constants in the right memory and layout.
    fn prepare(&mut self, unit: &Unit) -> Result<PreparedId, ProcessorError>;

    /// Forgets a unit.
    fn discard(&mut self, prepared: PreparedId);

    /// Memory of the processor's own.
    fn allocate(&mut self, bytes: usize) -> Result<BufferId, ProcessorError>;

    /// Host memory as the processor's: without a copy where [`Description::transfer`] is not `Copy`.
    fn share(&mut self, buffer: &Arc<HostBuffer>) -> Result<BufferId, ProcessorError>;

    /// Some bytes of memory from [`Self::allocate`] as a buffer of its own. Whoever calls sees to it that windows which overlap are
    /// not used at the same time, releases them before that memory, and uses it only through them while they are there.
    ///
    /// Fails with kind `Unsupported` where [`Description::window_alignment_bytes`] is `None`.
    fn window(&mut self, buffer: BufferId, offset_bytes: usize, bytes: usize) -> Result<BufferId, ProcessorError> {
        let hardware = &self.description().hardware;
        let message = format!("`{hardware}` gives no windows ({bytes} bytes from {offset_bytes} on of buffer {})", buffer.0);
        Err(ProcessorError::new(ProcessorErrorKind::Unsupported, "executor", message))
    }

    /// What all prepared units hold now.
    fn unit_memory(&self) -> UnitMemory {
        UnitMemory::default()
    }

    /// Gives memory back.
    fn release(&mut self, buffer: BufferId);

    /// Copies host bytes into a buffer and waits for it. Whoever calls keeps others from writing to the host bytes meanwhile.
    fn upload(&mut self, source: &HostBuffer, from: Region, target: BufferId, to: Region) -> Result<(), ProcessorError>;

    /// Copies bytes of a buffer to the host and waits for it. Whoever calls keeps others from touching the host bytes meanwhile.
    fn download(&mut self, source: BufferId, from: Region, target: &HostBuffer, to: Region) -> Result<(), ProcessorError>;

    /// Copies bytes between two buffers of this processor and waits for it.
    fn copy(&mut self, source: BufferId, from: Region, target: BufferId, to: Region) -> Result<(), ProcessorError>;

    /// Makes what the processor wrote to a shared buffer visible to the host, and waits for it.
    fn map(&mut self, buffer: BufferId) -> Result<(), ProcessorError>;

    /// Makes what the host wrote to a shared buffer visible to the processor, and waits for it.
    fn unmap(&mut self, buffer: BufferId) -> Result<(), ProcessorError>;

    /// Starts a unit on its inputs and outputs, each in the order of the unit's graph. May return before it has ended, or
    /// after. Whoever calls keeps others away from the operands until [`Self::wait`] has returned.
    fn launch(&mut self, prepared: PreparedId, inputs: &[Operand], outputs: &[Operand]) -> Result<(), ProcessorError>;

    /// Waits until everything launched has ended; tells about the last launch.
    fn wait(&mut self) -> Result<Completion, ProcessorError>;
}
