//! Processors that vanish and return.

use crate::environment::{EnvironmentError, load::positive};
use crate::identifiers::ProcessorId;
use crate::platform::Device;

/// A processor is away for a time, or again and again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outage {
    /// Which.
    pub processor: ProcessorId,
    /// When.
    pub absence: Absence,
}

/// When a processor is away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Absence {
    /// Once.
    During {
        /// From when on.
        from_ns: u64,
        /// Until when; for ever if absent.
        until_ns: Option<u64>,
    },
    /// Again and again, there at the start; both times are exponential.
    Random {
        /// Mean time there.
        mean_up_ns: f64,
        /// Mean time away.
        mean_down_ns: f64,
    },
}

/// What becomes of work on a processor that vanishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnOutage {
    /// It stands still, and goes on where it was when the processor returns.
    Wait,
    /// A kernel under way is lost: it begins anew when the processor returns.
    #[default]
    Restart,
    /// Requests that have a kernel under way there or waiting for it are dropped, as are those that come to wait for it.
    Drop,
}

impl Outage {
    pub(super) fn check(&self, device: &Device) -> Result<(), EnvironmentError> {
        super::known("an outage", self.processor, device)?;
        match self.absence {
            Absence::During { from_ns, until_ns: Some(until_ns) } if until_ns <= from_ns => {
                Err(EnvironmentError::number("outage: until".to_owned(), format!("{until_ns} ns"), "after its beginning"))
            }
            Absence::During { .. } => Ok(()),
            Absence::Random { mean_up_ns, mean_down_ns } => {
                positive("outage: mean time there", mean_up_ns)?;
                positive("outage: mean time away", mean_down_ns)
            }
        }
    }
}
