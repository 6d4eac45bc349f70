//! The event schema shared by the simulator and the real-device executor: what happened, in the order in which it ended.
//!
//! A prediction and a measurement are two sequences of [`Record`]s; every table, trace and figure is computed from
//! them and from nothing else.

use crate::identifiers::{DataId, LinkId, ModelId, ProcessorId, RequestId, SegmentId, StreamId, TaskId, WorkerId};
use crate::plan::Part;

/// One thing that happened. Times are nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Record {
    /// A request arrived.
    Arrival(ArrivalRecord),
    /// A request ended: its last output was back in the memory it is wanted in, or it was dropped.
    Request(RequestRecord),
    /// A worker entered a segment: the fixed cost of an invocation (command submission, wake-up), before its kernels.
    Invocation(InvocationRecord),
    /// A kernel ran to its end.
    Kernel(KernelRecord),
    /// A copy between two memories ended.
    Copy(CopyRecord),
    /// A worker did what is neither kernel nor invocation nor copy.
    Step(StepRecord),
    /// A strategy was asked to decide.
    Decision(DecisionRecord),
    /// Something about the device is so from now on.
    State(StateRecord),
    /// A worker was occupied, and what that took.
    Energy(EnergyRecord),
    /// A frame of the user interface was shown, or a beat of the display had none to begin.
    Frame(FrameRecord),
}

impl Record {
    /// When it was over.
    pub const fn ended_ns(&self) -> u64 {
        match self {
            Self::Arrival(it) => it.at_ns,
            Self::Request(it) => it.ended_ns,
            Self::Invocation(it) => it.end_ns,
            Self::Kernel(it) => it.end_ns,
            Self::Copy(it) => it.end_ns,
            Self::Step(it) => it.end_ns,
            Self::Decision(it) => it.at_ns,
            Self::State(it) => it.at_ns,
            Self::Energy(it) => it.end_ns,
            Self::Frame(it) => it.ended_ns,
        }
    }
}

/// See [`Record::Arrival`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrivalRecord {
    /// The request, numbered in order of arrival over all models.
    pub request: RequestId,
    /// Its stream.
    pub stream: StreamId,
    /// Its model.
    pub model: ModelId,
    /// When it arrived.
    pub at_ns: u64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// All its outputs were produced.
    Completed,
    /// Refused or given up by a rule of the workload or the strategy.
    Dropped,
    /// Still in flight when the run stopped.
    Unfinished,
}

/// See [`Record::Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// The request.
    pub request: RequestId,
    /// Its stream.
    pub stream: StreamId,
    /// Its model.
    pub model: ModelId,
    /// When it arrived.
    pub arrived_ns: u64,
    /// When it ended; for [`Outcome::Unfinished`] the end of the run.
    pub ended_ns: u64,
    /// Absolute deadline, where the workload sets one.
    pub deadline_ns: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
}

/// See [`Record::Invocation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvocationRecord {
    /// The request.
    pub request: RequestId,
    /// Its model.
    pub model: ModelId,
    /// The segment entered.
    pub segment: SegmentId,
    /// The worker that entered it.
    pub worker: WorkerId,
    /// When the segment was ready for its worker (all inputs there).
    pub ready_ns: u64,
    /// When the worker took it.
    pub start_ns: u64,
    /// When its first kernel began.
    pub end_ns: u64,
}

/// See [`Record::Kernel`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KernelRecord {
    /// The request.
    pub request: RequestId,
    /// Its model.
    pub model: ModelId,
    /// The segment the kernel belongs to.
    pub segment: SegmentId,
    /// The task that ran.
    pub task: TaskId,
    /// The part of it that ran here.
    pub part: Part,
    /// How many kernels the times are of: 1; or, where a runtime ran several of a segment as one prepared unit, all of them at the
    /// first and 0 at the others, whose times are the unit's end.
    pub kernels: u32,
    /// Where it ran.
    pub worker: WorkerId,
    /// When all its inputs were in the worker's memory (for later kernels of a segment: the end of the one before).
    pub ready_ns: u64,
    /// When it began to run.
    pub start_ns: u64,
    /// When it ended.
    pub end_ns: u64,
    /// What the cost model expects with nothing else running.
    pub solo_ns: u64,
}

/// See [`Record::Copy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyRecord {
    /// The request.
    pub request: RequestId,
    /// Its model.
    pub model: ModelId,
    /// What was copied.
    pub data: DataId,
    /// How much.
    pub bytes: u64,
    /// Over which link (it names source and destination memory).
    pub link: LinkId,
    /// When the bytes existed and a consumer in the other memory was known.
    pub requested_ns: u64,
    /// When the copy began (later than requested where it has to wait for a processor that it blocks).
    pub start_ns: u64,
    /// When the bytes were usable in the destination memory.
    pub end_ns: u64,
    /// Duration with nothing else running.
    pub solo_ns: u64,
}

/// What a [`StepRecord`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepKind {
    /// From the end of a kernel, by its device's clock, until the thread that waits for it knows.
    Wait,
    /// Putting a part that a kernel made in its place in the whole.
    Merge,
}

/// See [`Record::Step`]. Only the executor makes these: the simulator's kernels and copies include them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepRecord {
    /// The request.
    pub request: RequestId,
    /// Its model.
    pub model: ModelId,
    /// The segment.
    pub segment: SegmentId,
    /// The worker that was occupied.
    pub worker: WorkerId,
    /// With what.
    pub kind: StepKind,
    /// When it began.
    pub start_ns: u64,
    /// When it ended.
    pub end_ns: u64,
}

/// See [`Record::Decision`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionRecord {
    /// When the strategy was asked.
    pub at_ns: u64,
    /// What deciding cost (measured in the executor, taken from the profile in the simulator).
    pub cost_ns: u64,
    /// How many segments it placed.
    pub placed: u32,
}

/// What a [`StateRecord`] is about, and its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// Frequency in force, in kHz.
    Frequency(ProcessorId),
    /// Operating points by which heat keeps a processor's clock below its highest; recorded where that changes.
    Cap(ProcessorId),
    /// Temperature of a node of the device's thermal network, in degrees Celsius.
    Temperature(u32),
    /// Mean power of the device since the record before, in watts.
    Power,
    /// Energy that occupied cores of a processor took since the start, in joules; at the end of the run.
    ActiveEnergy(ProcessorId),
    /// Energy of a processor whether it works or not, since the start, in joules; at the end of the run.
    IdleEnergy(ProcessorId),
    /// Energy of traffic to and from memory since the start, in joules; at the end of the run.
    MemoryEnergy,
    /// Energy of everything else since the start, in joules; at the end of the run.
    BaseEnergy,
    /// 1, or 0 while a processor has vanished.
    Availability(ProcessorId),
    /// Time of kernels that a processor lost as it vanished, since the start, in seconds.
    LostWork(ProcessorId),
    /// Requests dropped since the start because a processor had vanished.
    OutageDrops,
    /// Kernels ended since the start because they took too long.
    Timeouts,
}

/// See [`Record::State`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StateRecord {
    /// From when on.
    pub at_ns: u64,
    /// What.
    pub quantity: Quantity,
    /// Its value.
    pub value: f64,
}

/// See [`Record::Energy`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnergyRecord {
    /// The request that the worker was occupied for.
    pub request: RequestId,
    /// Its model.
    pub model: ModelId,
    /// The worker; `None` for a copy that occupies none.
    pub worker: Option<WorkerId>,
    /// From when.
    pub start_ns: u64,
    /// Until when.
    pub end_ns: u64,
    /// Energy of its cores, in joules.
    pub active_j: f64,
    /// Energy of the traffic to and from memory, in joules.
    pub memory_j: f64,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FrameOutcome {
    /// The display showed it.
    Shown,
    /// It never began: at its beat all buffers were taken, or the frame before was still on the CPU.
    Skipped,
    /// It was under way when the run ended.
    Unfinished,
}

/// See [`Record::Frame`]. Of a frame that was skipped, all times are those of its beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRecord {
    /// The beat of the display at which it began.
    pub beat: u32,
    /// Where it was prepared.
    pub cpu: ProcessorId,
    /// Where it was drawn.
    pub gpu: ProcessorId,
    /// The time of its beat.
    pub begun_ns: u64,
    /// When it left the CPU.
    pub cpu_end_ns: u64,
    /// When the GPU began with it.
    pub gpu_start_ns: u64,
    /// When the GPU ended with it.
    pub gpu_end_ns: u64,
    /// When it was shown; else the end of the run.
    pub ended_ns: u64,
    /// Until when the GPU should have ended.
    pub due_ns: u64,
    /// Time between two beats.
    pub period_ns: u64,
    /// What became of it.
    pub outcome: FrameOutcome,
}

/// Takes records as they happen.
///
/// `ENABLED = false` lets the engine skip building records altogether.
pub trait Recorder {
    /// Whether records are wanted.
    const ENABLED: bool = true;

    /// Takes one record.
    fn record(&mut self, record: &Record);
}

/// Records nothing, at no cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRecorder;

impl Recorder for NoRecorder {
    const ENABLED: bool = false;

    #[inline]
    fn record(&mut self, _record: &Record) {}
}

impl Recorder for Vec<Record> {
    fn record(&mut self, record: &Record) {
        self.push(*record);
    }
}
