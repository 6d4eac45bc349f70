//! Speed of the Vulkan processor's kernels on a few layers, and of whole models:
//! `cargo run --release -p socrates-executor --features vulkan --example vulkan_kernels [device]`.
//!
//! To confine Lavapipe to a core, run it under `taskset -c 0` with `LP_NUM_THREADS=1`.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::time::Instant;

use executor::vulkan::{VulkanProcessor, devices};
use executor::weights::Weights;
use executor::{BufferId, Completion, Operand, Processor, Region, Unit};
use scenarios::{onnx::ReadOptions, zoo};
use sim::graph::{AttributeValue, Attributes, Graph, RawGraph};

/// Repetitions of each layer and model; all but the first count.
const REPETITIONS: usize = 12;

fn main() -> Result<(), Box<dyn Error>> {
    for (index, device) in devices().iter().enumerate() {
        println!("device {index}: {} ({:?}, {})", device.name, device.kind, device.driver);
    }
    let device = std::env::args().nth(1).map_or(Ok(0), |text| text.parse())?;
    let mut processor = VulkanProcessor::open(device)?;
    println!("{:<28} {:>8} {:>10} {:>10} {:>10} {:>10}", "", "Mmac", "median ms", "p10 ms", "busy ms", "GFLOP/s");
    for (name, size, channels, outputs, kernel, stride, groups) in [
        ("3x3, 56x56x64", 56, 64, 64, 3, 1, 1),
        ("3x3, 14x14x256", 14, 256, 256, 3, 1, 1),
        ("3x3, 7x7x512", 7, 512, 512, 3, 1, 1),
        ("1x1, 56x56x64 to 256", 56, 64, 256, 1, 1, 1),
        ("1x1, 14x14x512", 14, 512, 512, 1, 1, 1),
        ("7x7 with stride 2, 224x224x3", 224, 3, 64, 7, 2, 1),
        ("depthwise 3x3, 56x56x128", 56, 128, 128, 3, 1, 128),
    ] {
        let integers = |value: i64, count: usize| AttributeValue::Integers(vec![value; count]);
        let attributes = Attributes::new()
            .with("group", AttributeValue::Integer(groups as i64))
            .with("strides", integers(stride, 2))
            .with("pads", integers((kernel as i64 - 1) / 2, 4));
        let graph = RawGraph::new(name)
            .with_input("x", &[1, channels, size, size])
            .with_weight("w", &[outputs, channels / groups, kernel, kernel])
            .with_weight("b", &[outputs])
            .with_operator("Conv", &["x", "w", "b"], &["y"], attributes)
            .with_output("y")
            .build()?;
        measure(&mut processor, name, &graph)?;
    }
    for name in ["mobilenet_v1", "mobilenet_v2", "squeezenet1_1", "resnet18"] {
        let graph = zoo::load(name, &ReadOptions::default()).ok_or("a model of the zoo")??;
        measure(&mut processor, name, &graph)?;
    }
    Ok(())
}

fn measure(processor: &mut VulkanProcessor, name: &str, graph: &Graph) -> Result<(), Box<dyn Error>> {
    let weights = Weights::drawn();
    let prepared = processor.prepare(&Unit::of_model(graph, &weights)?)?;
    let mut buffers: Vec<BufferId> = Vec::new();
    for &tensor in graph.inputs().iter().chain(graph.outputs()) {
        buffers.push(processor.allocate(graph.tensor(tensor).bytes() as usize)?);
    }
    for (&input, &buffer) in graph.inputs().iter().zip(&buffers) {
        let values = weights.input(graph, input, 1)?;
        let whole = Region::whole(values.bytes().len());
        processor.upload(values.buffer(), whole, buffer, whole)?;
    }
    let operands: Vec<Operand> = buffers.iter().map(|&buffer| buffer.into()).collect();
    let (inputs, outputs) = operands.split_at(graph.inputs().len());
    let mut runs: Vec<(f64, Completion)> = Vec::new();
    for _ in 0..REPETITIONS {
        let begin = Instant::now();
        processor.launch(prepared, inputs, outputs)?;
        let completion = processor.wait()?;
        runs.push((begin.elapsed().as_secs_f64() * 1e3, completion));
    }
    runs.remove(0);
    runs.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (median, fast) = (&runs[runs.len() / 2], &runs[runs.len() / 10]);
    let busy_ms = median.1.busy_ns.map_or(f64::NAN, |busy| busy as f64 / 1e6);
    let macs = graph.total_macs() as f64;
    let speed = 2.0 * macs / (median.0 * 1e6);
    println!("{name:<28} {:>8.1} {:>10.3} {:>10.3} {busy_ms:>10.3} {speed:>10.2}", macs / 1e6, median.0, fast.0);
    processor.discard(prepared);
    for buffer in buffers {
        processor.release(buffer);
    }
    Ok(())
}
