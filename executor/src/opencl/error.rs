//! Errors of the driver as errors of a processor.

use opencl3::error_codes::ClError;

use crate::processor::{ProcessorError, ProcessorErrorKind};

/// The name of these processors in errors.
pub(super) const NAME: &str = "OpenCL";

/// An error of this processor.
pub(super) fn error(kind: ProcessorErrorKind, message: impl Into<String>) -> ProcessorError {
    ProcessorError::new(kind, NAME, message)
}

/// What kind of failure a status of the driver is.
///
/// Codes from the OpenCL 3.0 specification, section "Errors"; -1001 is the loader's, below -2000 are those of `cl3`, and -9999
/// is what NVIDIA's driver returns after an illegal access.
const fn kind(code: i32) -> ProcessorErrorKind {
    match code {
        -1 | -1001 | -2000 | -2001 => ProcessorErrorKind::Missing,
        -4 | -5 | -6 | -61 => ProcessorErrorKind::OutOfMemory,
        -2 | -14 | -34 | -36 | -9999 => ProcessorErrorKind::Lost,
        _ => ProcessorErrorKind::Failed,
    }
}

/// A failed call: what was tried, and the driver's status.
pub(super) fn failed(what: &str, code: i32) -> ProcessorError {
    let hint = match code {
        -2000 => "; its library libOpenCL.so.1 was not found (Debian: ocl-icd-libopencl1; OPENCL_DYLIB_PATH names another)",
        -1001 => "; no platform is installed (Debian: pocl-opencl-icd; OCL_ICD_VENDORS names the folder of drivers)",
        _ => "",
    };
    error(kind(code), format!("{what} failed with {} ({code}){hint}", ClError(code)))
}

/// Turns a driver's result into a processor's.
pub(super) trait OrFailed<T> {
    fn or_failed(self, what: &str) -> Result<T, ProcessorError>;
}

impl<T> OrFailed<T> for Result<T, ClError> {
    fn or_failed(self, what: &str) -> Result<T, ProcessorError> {
        self.map_err(|code| failed(what, code.0))
    }
}

impl<T> OrFailed<T> for Result<T, i32> {
    fn or_failed(self, what: &str) -> Result<T, ProcessorError> {
        self.map_err(|code| failed(what, code))
    }
}
