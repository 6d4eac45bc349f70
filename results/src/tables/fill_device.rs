//! Rows about the device from records: frames and changes of its state.

use std::io::Write;

use parquet::errors::Result;
use sim::platform::Device;
use sim::record::{FrameOutcome, Quantity, Record};

use crate::RunResult;
use crate::tables::{FrameRow, StateRow, TableWriter};

pub(crate) fn fill_frames<W: Write + Send>(run: &RunResult<'_>, table: &mut TableWriter<FrameRow, W>) -> Result<()> {
    for record in run.records {
        if let Record::Frame(frame) = record {
            table.push(&FrameRow {
                case: run.case.to_owned(),
                strategy: run.strategy.to_owned(),
                beat: frame.beat.into(),
                outcome: frame_outcome(frame.outcome).to_owned(),
                begun_ns: frame.begun_ns,
                cpu_end_ns: frame.cpu_end_ns,
                gpu_start_ns: frame.gpu_start_ns,
                gpu_end_ns: frame.gpu_end_ns,
                ended_ns: frame.ended_ns,
                due_ns: frame.due_ns,
            })?;
        }
    }
    Ok(())
}

pub(crate) fn fill_states<W: Write + Send>(run: &RunResult<'_>, table: &mut TableWriter<StateRow, W>) -> Result<()> {
    for record in run.records {
        if let Record::State(state) = record {
            let (quantity, of) = quantity(state.quantity, run.device);
            table.push(&StateRow {
                case: run.case.to_owned(),
                strategy: run.strategy.to_owned(),
                at_ns: state.at_ns,
                quantity: quantity.to_owned(),
                of,
                value: state.value,
            })?;
        }
    }
    Ok(())
}

const fn frame_outcome(outcome: FrameOutcome) -> &'static str {
    match outcome {
        FrameOutcome::Shown => "shown",
        FrameOutcome::Skipped => "skipped",
        FrameOutcome::Unfinished => "unfinished",
    }
}

/// Name of a quantity with its unit, and what it is of.
pub fn quantity(quantity: Quantity, device: &Device) -> (&'static str, String) {
    let processor = |name, id| (name, device.processor(id).name.clone());
    match quantity {
        Quantity::Frequency(id) => processor("frequency_khz", id),
        Quantity::Cap(id) => processor("capped_points", id),
        Quantity::Temperature(node) => {
            let node = device.thermal().and_then(|thermal| thermal.nodes.get(node as usize));
            ("temperature_celsius", node.map(|node| node.name.clone()).unwrap_or_default())
        }
        Quantity::Power => ("power_w", String::new()),
        Quantity::ActiveEnergy(id) => processor("active_energy_j", id),
        Quantity::IdleEnergy(id) => processor("idle_energy_j", id),
        Quantity::MemoryEnergy => ("memory_energy_j", String::new()),
        Quantity::BaseEnergy => ("base_energy_j", String::new()),
        Quantity::Availability(id) => processor("available", id),
        Quantity::LostWork(id) => processor("lost_work_s", id),
        Quantity::Timeouts => ("timeouts", String::new()),
        Quantity::OutageDrops => ("outage_drops", String::new()),
    }
}
