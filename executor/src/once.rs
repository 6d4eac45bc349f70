//! Running one unit once, from tensors to tensors: for references, checks and constants.

use sim::graph::Graph;
use sim::identifiers::{OperatorId, TensorId};

use crate::buffer::{HostBuffer, Region};
use crate::processor::{Operand, Processor, ProcessorError, ProcessorErrorKind, Transfer};
use crate::tensor::Tensor;
use crate::unit::{Unit, UnitError};
use crate::weights::Weights;

/// Prepares a unit, runs it on some inputs, gives its outputs and forgets it.
///
/// # Errors
/// Whatever the processor says; `Misuse` if the inputs are not those of the unit's graph.
pub fn run_once(processor: &mut dyn Processor, unit: &Unit, inputs: &[Tensor]) -> Result<Vec<Tensor>, ProcessorError> {
    let graph = &unit.graph;
    let fits = |(&id, tensor): (&TensorId, &Tensor)| {
        let info = graph.tensor(id);
        info.data_type == tensor.data_type && info.shape == tensor.shape
    };
    if inputs.len() != graph.inputs().len() || !graph.inputs().iter().zip(inputs).all(fits) {
        let message = format!("inputs of unit `{}` have other types or shapes than its graph", graph.name);
        return Err(ProcessorError::new(ProcessorErrorKind::Misuse, "executor", message));
    }
    let transfer = processor.description().transfer;
    let prepared = processor.prepare(unit)?;
    let mut blocks = Vec::new();
    let mut buffers = Vec::new();
    for (index, &id) in graph.inputs().iter().chain(graph.outputs()).enumerate() {
        let bytes = graph.tensor(id).bytes() as usize;
        let block = inputs.get(index).map_or_else(|| HostBuffer::zeroed(bytes), |input| HostBuffer::from_bytes(input.bytes()));
        let is_input = index < inputs.len();
        let buffer = if transfer == Transfer::Copy { processor.allocate(bytes)? } else { processor.share(&block)? };
        match transfer {
            Transfer::Copy if is_input => processor.upload(&block, Region::whole(bytes), buffer, Region::whole(bytes))?,
            Transfer::Map => processor.unmap(buffer)?,
            Transfer::Copy | Transfer::None => {}
        }
        blocks.push(block);
        buffers.push(buffer);
    }
    let operands: Vec<Operand> = buffers.iter().map(|&buffer| buffer.into()).collect();
    let (read, written) = operands.split_at(inputs.len());
    processor.launch(prepared, read, written)?;
    processor.wait()?;
    for (block, &buffer) in blocks.iter().zip(&buffers).skip(inputs.len()) {
        match transfer {
            Transfer::Copy => processor.download(buffer, Region::whole(block.len()), block, Region::whole(block.len()))?,
            Transfer::Map => processor.map(buffer)?,
            Transfer::None => {}
        }
    }
    processor.discard(prepared);
    for buffer in buffers {
        processor.release(buffer);
    }
    let outputs = blocks.into_iter().skip(inputs.len()).zip(graph.outputs());
    outputs
        .map(|(block, &id)| {
            let info = graph.tensor(id);
            let held = |block: std::sync::Arc<HostBuffer>| {
                let message = format!("output `{}` is still held by the processor after its release", info.name);
                let error = ProcessorError::new(ProcessorErrorKind::Failed, "executor", message);
                block.into_bytes().ok_or(error)
            };
            Ok(Tensor::new(info.data_type, &info.shape, &held(block)?))
        })
        .collect()
}

/// Why constants cannot be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConstantError {
    /// They cannot be cut out of the model.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// The processor cannot compute them.
    #[error(transparent)]
    Processor(#[from] ProcessorError),
    /// One comes out as NaN or infinite.
    #[error(transparent)]
    Weight(#[from] crate::weights::WeightError),
}

/// Computes what operators make of constants alone (a transposed weight, a mask) and gives it to the weights, so that units
/// read it as they read learned tensors. Returns how many tensors that were.
///
/// # Errors
/// If the processor cannot run these operators, or makes something that is not finite of them.
pub fn evaluate_constants(graph: &Graph, weights: &mut Weights, processor: &mut dyn Processor) -> Result<usize, ConstantError> {
    let is_static = |id: OperatorId| graph.is_static(id);
    let is_read = |id: TensorId| {
        let tensor = graph.tensor(id);
        tensor.is_output || tensor.consumers.iter().any(|&consumer| !is_static(consumer))
    };
    let operators: Vec<OperatorId> = graph.operators().iter().map(|operator| operator.id).filter(|&id| is_static(id)).collect();
    let outputs = operators.iter().flat_map(|&id| graph.operator(id).outputs.iter().copied());
    let wanted: Vec<TensorId> = outputs.filter(|&id| is_read(id) && graph.tensor(id).data.is_none()).collect();
    if wanted.is_empty() {
        return Ok(0);
    }
    let unit = Unit::of_operators(graph, &operators, &wanted, weights)?;
    for (tensor, &id) in run_once(processor, &unit, &[])?.into_iter().zip(&wanted) {
        weights.insert(&graph.tensor(id).name, tensor)?;
    }
    Ok(wanted.len())
}
