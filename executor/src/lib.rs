//! Runs plans on the processors of this machine, with real kernels and real copies.
//!
//! A [`Processor`] runs [`Unit`]s: small graphs with all their constants, cut out of a model by [`mod@unit`]: a segment of
//! whole tasks, or a slice of one task. What it reads and writes lies in [`HostBuffer`]s or in memory of its own.
//! Kernels come from libraries that are found at run time, or are built in, so that the crate builds and runs without any.

pub mod buffer;
pub mod builtin;
pub mod discover;
pub mod frames;
pub mod load;
pub mod once;
pub mod onnxruntime;
pub mod open;
pub mod opencl;
pub mod pinning;
pub mod processor;
pub mod run;
pub mod specification;
pub mod tensor;
pub mod topology;
pub mod unit;
#[cfg(feature = "vulkan")]
pub mod vulkan;
pub mod weights;

pub use buffer::{HostBuffer, Region};
pub use discover::discover;
pub use once::{ConstantError, evaluate_constants, run_once};
pub use open::open;
pub use processor::{
    BufferId, Completion, Description, Operand, PreparedId, Processor, ProcessorError, ProcessorErrorKind, Transfer, UnitMemory,
};
pub use run::{
    ExecuteError, Executed, MeasuredMemory, ModelToRun, Opener, Overhead, PlannedArena, Settings, SpaceMemory, WorkerMemory,
    execute,
};
pub use specification::{DeviceMemory, Kernels, Specification};
pub use tensor::Tensor;
pub use unit::{Constants, Cut, Sliced, Unit, UnitError};
