//! Running units.

use std::sync::Arc;

use executor::builtin::BuiltInProcessor;
use executor::{HostBuffer, Operand, Processor, ProcessorError, Tensor, Unit};

/// Two threads of this name share one core on a machine with one.
pub(crate) fn cores(count: usize) -> Vec<usize> {
    let there = std::thread::available_parallelism().map_or(1, usize::from);
    (0..count.min(there)).collect()
}

/// Runs a unit once and gives its outputs.
pub(crate) fn run(processor: &mut dyn Processor, unit: &Unit, inputs: &[Tensor]) -> Result<Vec<Tensor>, ProcessorError> {
    let prepared = processor.prepare(unit)?;
    let mut shared = Vec::new();
    for tensor in inputs {
        shared.push(processor.share(tensor.buffer())?);
    }
    let outputs: Vec<_> = unit.graph.outputs().iter().map(|&id| unit.graph.tensor(id)).collect();
    let buffers: Vec<Arc<HostBuffer>> = outputs.iter().map(|tensor| HostBuffer::zeroed(tensor.bytes() as usize)).collect();
    let mut targets = Vec::new();
    for buffer in &buffers {
        targets.push(processor.share(buffer)?);
    }
    let operands = |ids: &[executor::BufferId]| ids.iter().map(|&id| Operand::from(id)).collect::<Vec<_>>();
    processor.launch(prepared, &operands(&shared), &operands(&targets))?;
    processor.wait()?;
    for id in shared.into_iter().chain(targets) {
        processor.release(id);
    }
    processor.discard(prepared);
    Ok(outputs
        .iter()
        .zip(buffers)
        .map(|(tensor, buffer)| Tensor::from_buffer(tensor.data_type, &tensor.shape, buffer).expect("nobody else holds it"))
        .collect())
}

/// A processor on one core.
pub(crate) fn open() -> BuiltInProcessor {
    BuiltInProcessor::open(&[0]).expect("core 0")
}
