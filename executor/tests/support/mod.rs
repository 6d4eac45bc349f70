//! Devices and models for tests of the executor.

#![allow(dead_code, reason = "each test uses some")]

use std::sync::Arc;

use executor::{ProcessorError, ProcessorErrorKind};
use scenarios::onnx::{ReadOptions, read_bytes};
use sim::cost::{ClassModel, CostModels, Feature, KernelClass, Provenance};
use sim::graph::Graph;
use sim::identifiers::WorkerId;
use sim::platform::{Device, DeviceBuilder, Link, ProcessorKind, SupportRules, Worker};

/// A model of the zoo.
pub(crate) fn zoo(name: &str) -> Graph {
    read_bytes(name, scenarios::zoo::bytes(name).expect("in the zoo"), &ReadOptions::default()).expect("reads")
}

/// Costs of some plausible magnitude: plans differ by strategy, not by accuracy.
pub(crate) fn costs(scale: f64) -> Arc<CostModels> {
    let class = |class| {
        let coefficients = vec![(Feature::Macs, 0.05 * scale), (Feature::TouchedElements, 0.3 * scale)];
        ClassModel::linear(class, Provenance::Assumed, coefficients)
    };
    Arc::new(CostModels::new(4, 1.0, KernelClass::ALL.into_iter().map(class).collect()).expect("complete"))
}

/// Worker names, kinds, and whether each has memory of its own. One core each, on processors of their own.
pub(crate) fn device(workers: &[(&str, ProcessorKind, bool)]) -> Device {
    let mut builder = DeviceBuilder::new("test");
    let host = builder.memory("host");
    builder.host(host);
    for (index, &(name, kind, own_memory)) in workers.iter().enumerate() {
        let processor = builder.processor(name, kind, 1, Vec::new());
        let memory = if own_memory { builder.memory(name) } else { host };
        let worker = builder.worker(Worker {
            name: name.to_owned(),
            kind,
            demands: vec![(processor, 1)],
            memory,
            invocation_ns: 1000,
            support: SupportRules::ALL,
            costs: costs(1.0 + index as f64 / 10.0),
        });
        if own_memory {
            for (from, to, direction) in [(host, memory, "to"), (memory, host, "from")] {
                builder.link(link(format!("{direction}_{name}"), from, to, worker));
            }
        }
    }
    builder.build().expect("valid")
}

fn link(name: String, from: sim::identifiers::MemoryId, to: sim::identifiers::MemoryId, worker: WorkerId) -> Link {
    Link {
        name,
        from,
        to,
        fixed_ns: 5000,
        synchronization_ns: 0,
        ns_per_byte: 0.1,
        bytes_per_second: f64::INFINITY,
        channels: Vec::new(),
        blocks: Some(worker),
    }
}

/// The value, or `None` where a device or library is absent: told visibly, and a failure where `SOCRATES_REQUIRE_DEVICES=1`.
pub(crate) fn device_or_skip<T>(result: Result<T, ProcessorError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) if error.kind == ProcessorErrorKind::Missing => {
            let required = std::env::var_os("SOCRATES_REQUIRE_DEVICES").is_some_and(|value| value == "1");
            assert!(!required, "SOCRATES_REQUIRE_DEVICES=1, but {error}");
            report_skip(&error);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn report_skip(error: &ProcessorError) {
    eprintln!("skipped: {error}");
}
