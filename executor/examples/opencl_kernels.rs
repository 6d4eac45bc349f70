//! Speed of the OpenCL kernels: `opencl_kernels [CORE]` runs a table of convolutions, matrix products and models on the first device,
//! which is confined to the core, if one is given and the device computes on this machine's CPU.
//!
//! Prints for each the p10 and the median of 15 runs, and GFLOP/s (a multiply-accumulate counts as two) of the p10.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::time::Instant;

use executor::weights::Weights;
use executor::{DeviceMemory, HostBuffer, Operand, Processor, Region, Transfer, Unit, opencl};
use scenarios::onnx::ReadOptions;
use scenarios::zoo;
use sim::graph::{AttributeValue, Attributes, Graph, RawGraph};

/// Channels in, size of the image, channels out, size of the window, stride, groups.
type Convolution = (u64, u64, u64, u64, i64, i64);

const CONVOLUTIONS: [Convolution; 18] = [
    (3, 224, 64, 7, 2, 1),
    (64, 56, 64, 3, 1, 1),
    (64, 56, 256, 1, 1, 1),
    (256, 56, 64, 1, 1, 1),
    (128, 28, 128, 3, 1, 1),
    (512, 28, 128, 1, 1, 1),
    (256, 14, 256, 3, 1, 1),
    (1024, 14, 256, 1, 1, 1),
    (512, 7, 512, 3, 1, 1),
    (2048, 7, 512, 1, 1, 1),
    (64, 224, 64, 3, 1, 1),
    (256, 56, 256, 3, 1, 1),
    (512, 28, 512, 3, 1, 1),
    (128, 56, 128, 3, 2, 1),
    (96, 112, 96, 3, 2, 96),
    (144, 56, 144, 3, 1, 144),
    (24, 56, 144, 1, 1, 1),
    (960, 7, 320, 1, 1, 1),
];

/// Rows, reduced dimension, columns of products with constant weights.
const PRODUCTS: [(u64, u64, u64); 4] = [(128, 768, 768), (128, 768, 3072), (197, 768, 768), (1, 2048, 1000)];

/// Whole models as one unit.
const MODELS: [&str; 4] = ["mobilenet_v2", "squeezenet1_1", "resnet18", "resnet50"];

fn convolution(&(channels, size, outputs, window, stride, groups): &Convolution) -> Result<Graph, Box<dyn Error>> {
    let attributes = Attributes::new()
        .with("pads", AttributeValue::Integers(vec![window as i64 / 2; 4]))
        .with("strides", AttributeValue::Integers(vec![stride; 2]))
        .with("group", AttributeValue::Integer(groups));
    let name = format!("conv {channels}x{size}x{size} -> {outputs}, {window}x{window}, stride {stride}, groups {groups}");
    let graph = RawGraph::new(name)
        .with_input("x", &[1, channels, size, size])
        .with_weight("w", &[outputs, channels / groups as u64, window, window])
        .with_operator("Conv", &["x", "w"], &["y"], attributes)
        .with_output("y")
        .build()?;
    Ok(graph)
}

fn product(&(rows, depth, columns): &(u64, u64, u64)) -> Result<Graph, Box<dyn Error>> {
    let graph = RawGraph::new(format!("product {rows}x{depth} by {depth}x{columns}"))
        .with_input("x", &[rows, depth])
        .with_weight("w", &[depth, columns])
        .with_operator("MatMul", &["x", "w"], &["y"], Attributes::new())
        .with_output("y")
        .build()?;
    Ok(graph)
}

fn measure(processor: &mut dyn Processor, graph: &Graph) -> Result<(), Box<dyn Error>> {
    let weights = Weights::drawn();
    let unit = Unit::of_model(graph, &weights)?;
    let began = Instant::now();
    let prepared = processor.prepare(&unit)?;
    let prepared_ms = began.elapsed().as_secs_f64() * 1e3;
    let input = weights.input(graph, graph.inputs()[0], 0)?;
    let host = HostBuffer::from_bytes(input.bytes());
    let inputs = [Operand::from(processor.allocate(host.len())?)];
    processor.upload(&host, Region::whole(host.len()), inputs[0].buffer, Region::whole(host.len()))?;
    let outputs = [Operand::from(processor.allocate(graph.tensor(graph.outputs()[0]).bytes() as usize)?)];
    let (mut busy_ns, mut wall_ns) = (Vec::new(), Vec::new());
    let mut fastest_ns: Vec<u64> = Vec::new();
    for _ in 0..17 {
        let began = Instant::now();
        processor.launch(prepared, &inputs, &outputs)?;
        let completion = processor.wait()?;
        wall_ns.push(began.elapsed().as_nanos() as u64);
        busy_ns.push(completion.busy_ns.unwrap_or(0));
        fastest_ns.resize(completion.kernels.len(), u64::MAX);
        for (fastest, (_, ns)) in fastest_ns.iter_mut().zip(completion.kernels) {
            *fastest = (*fastest).min(ns);
        }
    }
    for times in [&mut busy_ns, &mut wall_ns] {
        times.drain(..2);
        times.sort_unstable();
    }
    let speed = 2.0 * graph.total_macs() as f64 / busy_ns[1].max(1) as f64;
    let ms = |ns: u64| ns as f64 / 1e6;
    let (p10_ms, median_ms, name) = (ms(busy_ns[1]), ms(busy_ns[7]), &graph.name);
    println!(
        "{name:56} {p10_ms:8.3} ms p10 {median_ms:8.3} ms median {speed:6.1} GFLOP/s; wall {:.3} ms p10; {} kernels, {:.3} ms if each is as fast as ever; \
         prepared in {prepared_ms:.0} ms",
        ms(wall_ns[1]),
        fastest_ns.len(),
        ms(fastest_ns.iter().sum())
    );
    processor.discard(prepared);
    for operand in inputs.into_iter().chain(outputs) {
        processor.release(operand.buffer);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(core) = std::env::args().nth(1) {
        let core: usize = core.parse()?;
        opencl::restart_with_threads(&[core])?;
        opencl::confine(&[core])?;
    }
    for (index, device) in opencl::devices()?.iter().enumerate() {
        println!("device {index}: {device:?}");
    }
    let mut processor = opencl::OpenClProcessor::open(0, DeviceMemory::Buffer, Transfer::Copy)?;
    println!("{:?}", processor.description());
    for graph in CONVOLUTIONS.iter().map(convolution).chain(PRODUCTS.iter().map(product)) {
        measure(&mut processor, &graph?)?;
    }
    for name in MODELS {
        let model = zoo::load(name, &ReadOptions::default()).ok_or("not in the zoo")??;
        measure(&mut processor, &model)?;
    }
    Ok(())
}
