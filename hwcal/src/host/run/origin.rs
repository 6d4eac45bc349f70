//! Where results come from.

use crate::host::design::{Design, WorkerShape};
use crate::host::facts::{Machine, Provenance, WorkerFacts};
use crate::host::journal::Header;
use crate::host::measure::Options;

/// What is known before anything is measured.
pub(super) fn provenance(machine: &Machine, shapes: &[WorkerShape], workers: Vec<WorkerFacts>, options: &Options) -> Provenance {
    let mut cores: Vec<usize> = shapes.iter().flat_map(|shape| shape.cores.iter().copied()).collect();
    cores.sort_unstable();
    cores.dedup();
    Provenance {
        kernel: machine.kernel(),
        cpu: machine.cpu(),
        microcode: machine.microcode(),
        governor: machine.governor(&cores),
        has_frequencies: shapes.iter().any(|shape| !shape.readable_cores.is_empty()),
        has_power_counter: shapes.iter().any(|shape| shape.has_power_counter),
        first_celsius: machine.celsius(),
        last_celsius: None,
        workers,
        steal_share: 0.0,
        others_share: None,
        session_ns: 0,
        online_cores: machine.online_cores(),
        seed: options.seed,
        is_quick: options.quick,
    }
}

/// What a journal belongs to.
pub(super) fn header(provenance: &Provenance, design: &Design) -> Header {
    let machine = format!("{}, {}, microcode {}", provenance.kernel, provenance.cpu, provenance.microcode);
    let of = |worker: &WorkerFacts| {
        let cores: Vec<String> = worker.cores.iter().map(ToString::to_string).collect();
        let parts = [&worker.name, &worker.hardware, &worker.kernels, &worker.driver, &worker.transfer];
        let parts: Vec<&str> = parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        format!("{} on cores [{}]", parts.join(", "), cores.join(", "))
    };
    let workers: Vec<String> = provenance.workers.iter().map(of).collect();
    Header::new(machine, workers.join("; "), design.fingerprint())
}
