//! Work of others that is not simulated as such: what it takes of processors and of memory bandwidth, and when.

use crate::environment::EnvironmentError;
use crate::identifiers::ProcessorId;
use crate::platform::Device;

/// Load on a processor by others.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Where it begins.
    pub processor: ProcessorId,
    /// What it takes while it is there.
    pub takes: Takes,
    /// When it is there.
    pub presence: Presence,
    /// Where it moves, if it does.
    pub migration: Option<Migration>,
}

/// What load takes of a processor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Takes {
    /// A share of the time of every core, whatever else runs: work of higher priority, interrupts, another context of a GPU that takes
    /// turns. `1 - share` is left, and a kernel takes `1 / (1 - share)` times as long.
    Share(f64),
    /// So many threads that never sleep, of the same weight as the gang's. As long as there are cores for all, each has one; else each
    /// of a gang of `g` threads has `cores / (g + threads)` of a core, the fair share of Linux' default scheduler. Other gangs that run
    /// at the same time are not counted.
    Threads(u32),
}

/// When something is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Presence {
    /// From a time until a time.
    During {
        /// From when on.
        from_ns: u64,
        /// Until when; for ever if absent.
        until_ns: Option<u64>,
    },
    /// On and off, from off at the start; both stays are exponential.
    Bursts {
        /// Mean stay.
        mean_on_ns: f64,
        /// Mean absence.
        mean_off_ns: f64,
    },
}

impl Presence {
    /// Always there.
    pub const ALWAYS: Self = Self::During { from_ns: 0, until_ns: None };
}

/// Load that moves from processor to processor.
#[derive(Clone, Debug, PartialEq)]
pub struct Migration {
    /// Where it may be beside where it begins: whenever it moves, each of the others is as likely.
    pub others: Vec<ProcessorId>,
    /// Mean time between two moves; the stays are exponential.
    pub mean_stay_ns: f64,
}

/// Others that move bytes to or from memory without end: they take their max-min fair part of the device's DRAM channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BandwidthHog {
    /// Bytes per second that it moves with nothing else running.
    pub bytes_per_second: f64,
    /// When it is there.
    pub presence: Presence,
}

impl Presence {
    fn check(&self, what: &str) -> Result<(), EnvironmentError> {
        match *self {
            Self::During { from_ns, until_ns: Some(until_ns) } if until_ns <= from_ns => {
                Err(EnvironmentError::number(format!("{what}: until"), format!("{until_ns} ns"), "after its beginning"))
            }
            Self::During { .. } => Ok(()),
            Self::Bursts { mean_on_ns, mean_off_ns } => {
                positive(&format!("{what}: mean stay"), mean_on_ns)?;
                positive(&format!("{what}: mean absence"), mean_off_ns)
            }
        }
    }
}

/// # Errors
/// If a number is not finite and above 0.
pub(super) fn positive(what: &str, value: f64) -> Result<(), EnvironmentError> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        Err(EnvironmentError::number(what.to_owned(), value.to_string(), "finite and above 0"))
    }
}

impl Load {
    pub(super) fn check(&self, device: &Device) -> Result<(), EnvironmentError> {
        let others = self.migration.iter().flat_map(|migration| migration.others.iter());
        for processor in std::iter::once(&self.processor).chain(others) {
            super::known("a load", *processor, device)?;
        }
        match self.takes {
            Takes::Share(share) if !(0.0..1.0).contains(&share) => {
                return Err(EnvironmentError::number("share of a load".to_owned(), share.to_string(), "at least 0 and below 1"));
            }
            Takes::Share(_) | Takes::Threads(_) => {}
        }
        self.presence.check("load")?;
        match &self.migration {
            Some(migration) if migration.others.is_empty() => Err(EnvironmentError::number(
                "migration of a load".to_owned(),
                "no other processor".to_owned(),
                "to at least one",
            )),
            Some(migration) => positive("mean time between moves of a load", migration.mean_stay_ns),
            None => Ok(()),
        }
    }
}

impl BandwidthHog {
    pub(super) fn check(&self, device: &Device) -> Result<(), EnvironmentError> {
        if device.dram().is_none() {
            return Err(EnvironmentError::Unknown { device: device.name().to_owned(), what: "memory bandwidth" });
        }
        positive("bytes per second of a bandwidth hog", self.bytes_per_second)?;
        self.presence.check("bandwidth hog")
    }
}
