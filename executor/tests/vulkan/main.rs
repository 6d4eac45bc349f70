//! The Vulkan processor on a real driver, Lavapipe if there is no GPU: operators against a reference that shares no code with
//! it, whole models, and what goes wrong.

#![cfg(feature = "vulkan")]
#![allow(unsafe_code, clippy::print_stderr, clippy::unwrap_used, missing_docs, reason = "tests")]

mod cores;
mod failures;
mod models;
mod operators;
mod reference;

use executor::vulkan::{VulkanProcessor, devices};
use executor::{BufferId, Completion, HostBuffer, Operand, Processor, ProcessorError, Region, Tensor, Unit, weights::Weights};
use sim::graph::Graph;

/// The first device; `None`, with a word about it, where there is none. `SOCRATES_REQUIRE_DEVICES=1` makes that a failure.
fn device_or_skip() -> Option<VulkanProcessor> {
    match VulkanProcessor::open(0) {
        Ok(processor) => Some(processor),
        Err(error) => {
            assert!(std::env::var_os("SOCRATES_REQUIRE_DEVICES").is_none_or(|value| value != "1"), "{error}");
            assert!(devices().is_empty(), "{error}");
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// A buffer that holds a tensor.
fn uploaded(processor: &mut VulkanProcessor, tensor: &Tensor) -> Result<BufferId, ProcessorError> {
    let whole = Region::whole(tensor.bytes().len());
    let buffer = processor.allocate(whole.row_bytes)?;
    processor.upload(tensor.buffer(), whole, buffer, whole)?;
    Ok(buffer)
}

/// Runs a unit once, from host memory to host memory.
fn run(processor: &mut VulkanProcessor, unit: &Unit, inputs: &[Tensor]) -> Result<(Vec<Tensor>, Completion), ProcessorError> {
    let prepared = processor.prepare(unit)?;
    let graph = &unit.graph;
    let inputs = inputs.iter().map(|input| uploaded(processor, input)).collect::<Result<Vec<_>, _>>()?;
    let sizes: Vec<usize> = graph.outputs().iter().map(|&output| graph.tensor(output).bytes() as usize).collect();
    let outputs = sizes.iter().map(|&bytes| processor.allocate(bytes)).collect::<Result<Vec<_>, _>>()?;
    let operands = |buffers: &[BufferId]| buffers.iter().map(|&buffer| Operand::from(buffer)).collect::<Vec<_>>();
    processor.launch(prepared, &operands(&inputs), &operands(&outputs))?;
    let completion = processor.wait()?;
    let mut results = Vec::new();
    for ((&output, &bytes), &buffer) in graph.outputs().iter().zip(&sizes).zip(&outputs) {
        let host = HostBuffer::zeroed(bytes);
        processor.download(buffer, Region::whole(bytes), &host, Region::whole(bytes))?;
        let tensor = graph.tensor(output);
        results.push(Tensor::from_buffer(tensor.data_type, &tensor.shape, host).unwrap());
    }
    for buffer in inputs.into_iter().chain(outputs) {
        processor.release(buffer);
    }
    processor.discard(prepared);
    Ok((results, completion))
}

/// Drawn values for all inputs of a graph.
fn drawn_inputs(graph: &Graph) -> Vec<Tensor> {
    graph.inputs().iter().map(|&input| Weights::drawn().input(graph, input, 1).unwrap()).collect()
}
