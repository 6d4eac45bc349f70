//! Memory that a run allocated, beside what the simulator plans.

use executor::MeasuredMemory;
use results::RunFile;
use sim::identifiers::WorkerId;
use sim::metrics::{AllocatedMemory, AllocatedReport, AllocatedRequest};
use sim::platform::Device;

use crate::table::{Align, Table};

/// What the executor counted, for the report.
pub(crate) fn allocated(device: &Device, memory: &MeasuredMemory) -> AllocatedReport {
    let host =
        AllocatedMemory { name: "host".to_owned(), arena_bytes: memory.host.arena_bytes, apart_bytes: memory.host.apart_bytes };
    let own = memory.workers.iter().enumerate().filter(|(_, worker)| worker.own.arena_bytes + worker.own.apart_bytes > 0);
    let own = own.map(|(index, worker)| AllocatedMemory {
        name: device.worker(WorkerId::from_index(index)).name.clone(),
        arena_bytes: worker.own.arena_bytes,
        apart_bytes: worker.own.apart_bytes,
    });
    let request = |planned: executor::PlannedArena| AllocatedRequest {
        arena_bytes: planned.bytes,
        lower_bound_bytes: planned.lower_bound_bytes,
        separate_bytes: planned.separate_bytes,
    };
    AllocatedReport {
        peak_bytes: memory.peak_bytes,
        memories: std::iter::once(host).chain(own).collect(),
        scratch_bytes: memory.scratch_bytes(),
        weight_bytes: memory.constant_bytes(),
        requests: memory.planned.iter().map(|planned| planned.map(request)).collect(),
    }
}

/// The memory of all runs as text.
pub(crate) fn memory_table(file: &RunFile) -> String {
    let mut table = Table::new(&[
        ("MB", Align::Left),
        ("strategy", Align::Left),
        ("plan", Align::Right),
        ("bound", Align::Right),
        ("request", Align::Right),
        ("bound", Align::Right),
        ("separate", Align::Right),
        ("arenas", Align::Right),
        ("apart", Align::Right),
        ("scratch", Align::Right),
        ("weights", Align::Right),
    ]);
    let megabytes = |bytes: u64| format!("{:.2}", bytes as f64 / 1e6);
    for case in &file.cases {
        let Some(allocated) = &case.report.allocated else { continue };
        let of_run = |read: fn(&AllocatedMemory) -> u64| megabytes(allocated.memories.iter().map(read).sum());
        for (index, (model, request)) in case.report.models.iter().zip(&allocated.requests).enumerate() {
            let planned = |read: fn(&sim::metrics::MemoryReport) -> u64| {
                model.memory.as_ref().map_or_else(|| "-".to_owned(), |memory| megabytes(read(memory)))
            };
            let laid_out = |read: fn(&AllocatedRequest) -> u64| {
                request.as_ref().map_or_else(|| "-".to_owned(), |request| megabytes(read(request)))
            };
            let mut cells = vec![
                model.name.clone(),
                case.strategy.clone(),
                planned(|memory| memory.arena_bytes),
                planned(|memory| memory.lower_bound_bytes),
                laid_out(|request| request.arena_bytes),
                laid_out(|request| request.lower_bound_bytes),
                laid_out(|request| request.separate_bytes),
            ];
            // Of all models of the run together.
            if index == 0 {
                cells.extend([
                    of_run(|memory| memory.arena_bytes),
                    of_run(|memory| memory.apart_bytes),
                    megabytes(allocated.scratch_bytes),
                    megabytes(allocated.weight_bytes),
                ]);
            }
            table.row(cells);
        }
    }
    format!(
        "{}\nplan, bound: the simulator's arenas of one request, tensors inside of units included, and the bytes alive at once\n\
         request, bound, separate: the executor's arenas of one request, the bytes alive at once, and with a place for each tensor\n\
         arenas, apart: allocated for tensors between launches, by all models of the run; apart: inputs, and what is not planned\n\
         scratch, weights: held by processors, for tensors inside of units, and of weights beside the host's copy\n",
        table.render()
    )
}
