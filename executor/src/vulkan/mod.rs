//! A GPU by Vulkan: kernels in WGSL, built in, through `wgpu`. For machines whose GPU has no OpenCL driver.
//!
//! A unit becomes a [`plan`] of dispatches: operators fused where a kernel can take more than one, constants in the order in
//! which kernels read them. All dispatches of a launch are one command buffer. Tensors are copied to memory of the device and
//! back through staging buffers.
//!
//! Lavapipe, the software driver of Mesa, runs kernels on threads of this process. Each of them may run on the cores that the
//! opening thread may run on, and there are `LP_NUM_THREADS` of them (as many as cores, if it is not set): to confine it to a
//! core, pin the thread and set `LP_NUM_THREADS=1` before [`VulkanProcessor::open`].

mod activation;
mod constants;
mod context;
mod fusion;
mod kernels;
mod memory;
mod plan;
mod prepared;
mod processor;
mod strides;
mod transfer;
mod window;

pub use context::{DeviceInfo, DeviceKind, devices};
pub use processor::VulkanProcessor;

use crate::processor::{ProcessorError, ProcessorErrorKind};

/// Name of the processor in messages.
const NAME: &str = "Vulkan";

fn error(kind: ProcessorErrorKind, message: impl Into<String>) -> ProcessorError {
    ProcessorError::new(kind, NAME, message)
}
