//! Drivers that end kernels that take too long, as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{At, Diagnostics, Duration};

/// A driver that resets its processor when a kernel has not ended in time; the kernel's request is dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawWatchdog {
    /// The processor.
    #[schemars(required, extend("examples" = ["gpu"]))]
    pub processor: Option<At<String>>,
    /// Longest that a kernel may take.
    #[schemars(required, extend("examples" = ["2s"]))]
    pub limit: Option<At<Duration>>,
    /// How long the processor is away while it is reset; not at all if absent.
    pub reset: Option<At<Duration>>,
}

/// The processor, the limit and the time of a reset, in nanoseconds.
pub(super) fn watchdog(at: &At<RawWatchdog>, diagnostics: &mut Diagnostics) -> Option<(String, u64, u64)> {
    let raw = &at.value;
    let limit = raw.limit.as_ref()?;
    let limit_ns = diagnostics.quantity(limit, limit.value.parse(), Duration::hint);
    if limit_ns == Some(0) {
        diagnostics.error(limit.span.clone(), format!("`{}` is out of range", limit.value.0)).hint("must be above 0");
    }
    let reset_ns = raw.reset.as_ref().map_or(Some(0), |at| diagnostics.quantity(at, at.value.parse(), Duration::hint));
    Some((raw.processor.as_ref()?.value.clone(), limit_ns?, reset_ns?))
}
