//! What a run amounts to: one [`Report`] computed from its records, defined metric by metric in `docs/metrics.md`.
//!
//! The same function reads a simulated and a measured sequence of records.

mod allocated;
mod assemble;
mod collect;
mod device;
mod display;
mod interface;
mod intervals;
mod memory;
mod report;
mod steady;
mod streams;

pub use allocated::{AllocatedMemory, AllocatedReport, AllocatedRequest};
pub use collect::{MetricsError, ModelFacts, report};
pub use device::{
    ClockReport, DeviceReport, EnergyReport, ModelEnergy, OutageReport, ProcessorEnergy, SustainedReport, TemperatureReport,
};
pub use interface::{FROZEN_NS, InterfaceReport, SLOW_NS};
pub use intervals::covered_ns;
pub use report::{
    Latency, LinkReport, MemoryReport, ModelReport, PoolReport, ProcessorReport, Report, Requests, Totals, WorkerReport,
};
pub use steady::{Verdict, verdict, warm_up};
pub use streams::{Settled, StreamReport, real_time_score, xrbench_score};
