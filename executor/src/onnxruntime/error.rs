//! Errors of ONNX Runtime as those of processors.

use ort::ErrorCode;

use super::NAME;
use crate::processor::{ProcessorError, ProcessorErrorKind};

/// The kind of failure that a code and message of ONNX Runtime stand for.
///
/// Memory has no code of its own: `BFCArena`, `std::bad_alloc` and device allocators say so in words.
fn kind(code: ErrorCode, message: &str) -> ProcessorErrorKind {
    let lower = message.to_lowercase();
    if ["failed to allocate", "bad_alloc", "out of memory", "bad allocation"].iter().any(|words| lower.contains(words)) {
        return ProcessorErrorKind::OutOfMemory;
    }
    match code {
        // No kernel; no such operator; inputs that the operator's schema refuses.
        ErrorCode::NotImplemented | ErrorCode::InvalidGraph => ProcessorErrorKind::Unsupported,
        ErrorCode::DeviceReset => ProcessorErrorKind::Lost,
        // Operators of other domains than the standard one have no code for this.
        _ if lower.contains("is not a registered function/op") => ProcessorErrorKind::Unsupported,
        // Said by `session.disable_cpu_ep_fallback`.
        _ if lower.contains("fallback to cpu ep has been explicitly disabled") => ProcessorErrorKind::Unsupported,
        _ => ProcessorErrorKind::Failed,
    }
}

/// An error of ONNX Runtime while doing something to a unit.
pub(super) fn error<R>(doing: &str, unit: &str, cause: &ort::Error<R>) -> ProcessorError {
    ProcessorError::new(kind(cause.code(), cause.message()), NAME, format!("{doing} `{unit}`: {}", cause.message()))
}

/// A mistake of the caller.
pub(super) fn misuse(message: impl Into<String>) -> ProcessorError {
    ProcessorError::new(ProcessorErrorKind::Misuse, NAME, message)
}

/// Something that cannot run here.
pub(super) fn unsupported(message: impl Into<String>) -> ProcessorError {
    ProcessorError::new(ProcessorErrorKind::Unsupported, NAME, message)
}

/// A library that is not there or not fit.
pub(super) fn missing(message: impl Into<String>) -> ProcessorError {
    ProcessorError::new(ProcessorErrorKind::Missing, NAME, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_codes_and_words() {
        let check = |code, message: &str, expected| assert_eq!(kind(code, message), expected, "{message}");
        check(ErrorCode::NotImplemented, "Could not find an implementation for Foo(16)", ProcessorErrorKind::Unsupported);
        check(ErrorCode::InvalidGraph, "No Op registered for Foo", ProcessorErrorKind::Unsupported);
        check(ErrorCode::RuntimeException, "BFCArena: Failed to allocate memory for 9", ProcessorErrorKind::OutOfMemory);
        check(ErrorCode::GenericFailure, "std::bad_alloc", ProcessorErrorKind::OutOfMemory);
        check(ErrorCode::DeviceReset, "gone", ProcessorErrorKind::Lost);
        check(ErrorCode::GenericFailure, "fallback to CPU EP has been explicitly disabled", ProcessorErrorKind::Unsupported);
        check(ErrorCode::InvalidArgument, "whatever", ProcessorErrorKind::Failed);
    }
}
