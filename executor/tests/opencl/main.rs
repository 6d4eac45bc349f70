//! The OpenCL processor against a naive reference in double precision, whole models, transfers and failures.

#![allow(clippy::print_stderr, reason = "tests say what they skip")]

mod elementwise;
mod failures;
mod fusion;
mod images;
mod memory;
mod models;
mod movement;
mod products;
mod reference;

use std::collections::BTreeMap;

use executor::opencl::{self, OpenClProcessor};
use executor::weights::Weights;
use executor::{
    DeviceMemory, HostBuffer, Operand, Processor, ProcessorError, ProcessorErrorKind, Region, Tensor, Transfer, Unit,
};
use sim::graph::{AttributeValue, Attributes, DataType, Graph, RawGraph};
use sim::identifiers::TensorId;

/// Largest difference allowed, relative to the largest value of the result.
const TOLERANCE: f64 = 1e-4;

/// The first device. `None`, said on stderr, where there is none; a failure if `SOCRATES_REQUIRE_DEVICES` is 1.
fn open(transfer: Transfer) -> Option<OpenClProcessor> {
    open_with(DeviceMemory::Buffer, transfer)
}

fn open_with(memory: DeviceMemory, transfer: Transfer) -> Option<OpenClProcessor> {
    match OpenClProcessor::open(0, memory, transfer) {
        Ok(processor) => Some(processor),
        Err(error) if error.kind == ProcessorErrorKind::Missing => {
            assert!(std::env::var("SOCRATES_REQUIRE_DEVICES").as_deref() != Ok("1"), "a device is required: {error}");
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// The first device, with tensors in buffers and with tensors in images.
fn in_each_memory() -> Option<[OpenClProcessor; 2]> {
    Some([open_with(DeviceMemory::Buffer, Transfer::Copy)?, open_with(DeviceMemory::Image, Transfer::Copy)?])
}

/// Runs a unit by the processor's transfer and gives its outputs.
fn run(processor: &mut dyn Processor, unit: &Unit, inputs: &[Tensor]) -> Vec<Tensor> {
    run_and_count(processor, unit, inputs).0
}

/// As [`run`]; also how many kernels ran.
fn run_and_count(processor: &mut dyn Processor, unit: &Unit, inputs: &[Tensor]) -> (Vec<Tensor>, usize) {
    let graph = &unit.graph;
    processor.support(graph).expect("supported");
    let prepared = processor.prepare(unit).expect("prepared");
    let is_mapped = processor.description().transfer == Transfer::Map;
    let mut hosts = Vec::new();
    let mut operands: Vec<Operand> = Vec::new();
    let bytes_of = |id| graph.tensor(id).bytes() as usize;
    let given = inputs.iter().map(|input| HostBuffer::from_bytes(input.bytes()));
    let wanted = graph.outputs().iter().map(|&id| HostBuffer::zeroed(bytes_of(id)));
    for host in given.chain(wanted) {
        let buffer = if is_mapped { processor.share(&host) } else { processor.allocate(host.len()) }.expect("memory");
        if is_mapped {
            processor.unmap(buffer).expect("unmapped");
        } else {
            let whole = Region::whole(host.len());
            processor.upload(&host, whole, buffer, whole).expect("uploaded");
        }
        operands.push(buffer.into());
        hosts.push(host);
    }
    let (sources, targets) = operands.split_at(inputs.len());
    processor.launch(prepared, sources, targets).expect("launched");
    let completion = processor.wait().expect("ended");
    assert!(completion.busy_ns.is_some() || completion.kernels.is_empty());
    for (operand, host) in targets.iter().zip(&hosts[inputs.len()..]) {
        if is_mapped {
            processor.map(operand.buffer).expect("mapped");
        } else {
            let whole = Region::whole(host.len());
            processor.download(operand.buffer, whole, host, whole).expect("downloaded");
        }
    }
    for operand in &operands {
        processor.release(operand.buffer);
    }
    processor.discard(prepared);
    let tensors = graph.outputs().iter().zip(hosts.into_iter().skip(inputs.len())).map(|(&id, host)| {
        let tensor = graph.tensor(id);
        Tensor::from_buffer(tensor.data_type, &tensor.shape, host).expect("nobody holds it")
    });
    (tensors.collect(), completion.kernels.len())
}

fn unit(graph: &Graph) -> (Unit, Vec<Tensor>) {
    let weights = Weights::drawn();
    let inputs = graph.inputs().iter().map(|&id| weights.input(graph, id, 1).expect("drawn")).collect();
    (Unit::of_model(graph, &weights).expect("a unit"), inputs)
}

/// Runs a graph on processors and by the reference; gives the kernels that each ran.
fn check(processors: &mut [OpenClProcessor], raw: RawGraph) -> Vec<usize> {
    let name = raw.name.clone();
    let graph = raw.build().unwrap_or_else(|error| panic!("{name}: {error}"));
    let (unit, inputs) = unit(&graph);
    let expected = reference::evaluate(&unit.graph, &unit.constants, &inputs);
    let mut counts = Vec::new();
    for processor in processors {
        let (found, count) = run_and_count(processor, &unit, &inputs);
        for (found, expected) in found.iter().zip(&expected) {
            let difference = found.relative_difference(expected).unwrap_or(f64::INFINITY);
            let kernels = &processor.description().kernels;
            assert!(difference <= TOLERANCE, "{name}: difference {difference:e} ({kernels})");
        }
        counts.push(count);
    }
    counts
}

fn integers(values: &[i64]) -> AttributeValue {
    AttributeValue::Integers(values.to_vec())
}

/// A graph of one operator: shapes of its inputs, then of its weights.
fn one(op_type: &str, inputs: &[&[u64]], weights: &[&[u64]], attributes: Attributes) -> RawGraph {
    let mut graph = RawGraph::new(format!("{op_type} of {inputs:?} and {weights:?} with {attributes:?}"));
    graph.opset_version = Some(16);
    let mut names = Vec::new();
    for (index, shape) in inputs.iter().enumerate() {
        names.push(format!("x{index}"));
        graph = graph.with_input(&names[index], shape);
    }
    for (index, shape) in weights.iter().enumerate() {
        names.push(format!("w{index}"));
        graph = graph.with_weight(&names[inputs.len() + index], shape);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    graph.with_operator(op_type, &names, &["y"], attributes).with_output("y")
}

fn convolution(kernel: &[i64], strides: &[i64], pads: &[i64], dilations: &[i64], group: i64) -> Attributes {
    Attributes::new()
        .with("kernel_shape", integers(kernel))
        .with("strides", integers(strides))
        .with("pads", integers(pads))
        .with("dilations", integers(dilations))
        .with("group", AttributeValue::Integer(group))
}
