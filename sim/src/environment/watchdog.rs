//! Processors whose driver ends kernels that take too long.

use crate::environment::{EnvironmentError, load::positive};
use crate::identifiers::ProcessorId;
use crate::platform::Device;

/// A driver that resets its processor when a kernel has not ended in time, as those of GPUs do to keep the display alive.
///
/// The request whose kernel it was is dropped: what the kernel had done is lost, and its context with it. A kernel cut in slices
/// is as many kernels to the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watchdog {
    /// Whose.
    pub processor: ProcessorId,
    /// Longest that a kernel may take; at least 1.
    pub limit_ns: u64,
    /// How long the processor is away while it is reset; 0 for not at all.
    pub reset_ns: u64,
}

impl Watchdog {
    pub(super) fn check(&self, device: &Device) -> Result<(), EnvironmentError> {
        super::known("a watchdog", self.processor, device)?;
        positive("watchdog: limit", self.limit_ns as f64)
    }
}
