//! From a [`Specification`] to a processor.

use crate::builtin::BuiltInProcessor;
use crate::onnxruntime::{DelegateProcessor, OnnxRuntimeProcessor, library};
use crate::opencl::{self, OpenClProcessor};
use crate::pinning::pin_current_thread;
use crate::processor::{Processor, ProcessorError, ProcessorErrorKind};
use crate::specification::{Kernels, Specification};

/// Pins the calling thread to the processor's cores, where it has any, and opens it there.
///
/// Drivers that compute on the CPU start their threads when they are first used, with the affinity of the thread that does so:
/// one such driver can be confined to one set of cores in a process.
///
/// # Errors
/// `Missing` where the library, the driver or the device is not there, with what to install.
pub fn open(specification: &Specification) -> Result<Box<dyn Processor>, ProcessorError> {
    let cores = specification.cores();
    if !cores.is_empty() {
        let misuse = |error: std::io::Error| {
            let message = format!("`{specification}`: the thread cannot be confined to cores {cores:?}: {error}");
            ProcessorError::new(ProcessorErrorKind::Missing, "CPU", message)
        };
        pin_current_thread(cores).map_err(misuse)?;
    }
    match specification {
        Specification::Cpu { kernels, .. } => match kernels {
            Kernels::OnnxRuntime => Ok(Box::new(OnnxRuntimeProcessor::open(cores)?)),
            Kernels::Best if library().is_ok() => Ok(Box::new(OnnxRuntimeProcessor::open(cores)?)),
            Kernels::Best | Kernels::BuiltIn => Ok(Box::new(BuiltInProcessor::open(cores)?)),
        },
        Specification::OpenCl { device, cores, memory, transfer } => {
            opencl::confine(cores)?;
            Ok(Box::new(OpenClProcessor::open(*device, *memory, *transfer)?))
        }
        #[cfg(feature = "vulkan")]
        Specification::Vulkan { device, .. } => Ok(Box::new(crate::vulkan::VulkanProcessor::open(*device)?)),
        #[cfg(not(feature = "vulkan"))]
        Specification::Vulkan { .. } => {
            let message = format!("`{specification}`: this build has no Vulkan; build it with `--features vulkan`");
            Err(ProcessorError::new(ProcessorErrorKind::Missing, "Vulkan", message))
        }
        Specification::Delegate { provider, .. } => Ok(Box::new(DelegateProcessor::open(provider, cores)?)),
    }
}
