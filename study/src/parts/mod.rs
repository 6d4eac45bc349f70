//! The parts of the study, a file each.

mod beyond;
mod common;
mod devices;
mod energy;
mod granularity;
mod latency;
mod load;
mod responsiveness;
mod strategies;
mod support;
mod workflow;

use crate::Part;

/// All parts, in the order of the page. The command line, the page and the tests loop over it.
pub const PARTS: &[Part] = &[
    workflow::PART,
    latency::PART,
    support::PART,
    granularity::PART,
    responsiveness::PART,
    strategies::PART,
    devices::PART,
    load::PART,
    energy::PART,
    beyond::BEST,
    beyond::LEVELS,
    beyond::MINUTES,
    beyond::SUPPORT,
    beyond::SENSITIVITY,
    beyond::TRADEOFFS,
];
