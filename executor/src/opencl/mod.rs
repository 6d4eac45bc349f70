//! Processors by OpenCL: GPUs, and CPU cores behind the same interface (PoCL).
//!
//! The library is loaded when it is first called, so that a build needs none. [`OpenClProcessor`] lowers a unit to kernels
//! (`kernels/*.cl`) on an in-order queue: convolutions and matrix products with what follows them, one kernel where they can be;
//! data in between lies in a few pieces of memory used again and again: buffers, or images (`images.rs`) where asked for.
//!
//! ```text
//! Unit --lowering + operators--> steps and storages --prepared--> kernels with arguments --launch--> queue
//! ```

#![allow(unsafe_code, reason = "calls of a driver through its C interface")]

mod confine;
mod error;
mod function;
mod image_memory;
mod images;
mod launch;
mod lowering;
mod memory;
mod operators;
mod planning;
mod platform;
mod prepared;
mod processor;
mod program;
mod step;
mod values;

pub use confine::{THREADS_VARIABLE, confine, restart_with_threads};
pub use platform::{DeviceInfo, DeviceKind, devices};
pub use processor::OpenClProcessor;
