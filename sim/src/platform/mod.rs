//! The device: processors, the workers that strategies place work on, memories, links, shared bandwidth.
//!
//! A [`Device`] is built through [`DeviceBuilder`], which checks everything once; inside, every identifier is valid and every
//! number is finite and in range.

mod builder;
mod contention;
mod device;
mod power;
mod support;

pub use builder::{DeviceBuilder, DeviceError};
pub use contention::{CurveError, SlowdownCurve};
pub use device::{Channel, Device, Link, Memory, Processor, ProcessorKind, Worker};
pub use power::{Clock, HeatSource, OperatingPoint, Power, Thermal, ThermalNode, Trip};
pub use support::{Support, SupportRule, SupportRules};
