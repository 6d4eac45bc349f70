//! How fast the built-in kernels are: convolutions and whole models, medians of interleaved rounds.
//!
//! `cargo run --release -p socrates-executor --example builtin_kernels -- [core+core..] [rounds]`

#![allow(clippy::print_stdout, reason = "an example that prints a table")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use executor::builtin::BuiltInProcessor;
use executor::weights::Weights;
use executor::{HostBuffer, Operand, PreparedId, Processor, Unit};
use scenarios::onnx::ReadOptions;
use sim::graph::{AttributeValue, Attributes, Graph, RawGraph};

/// Name, input channels, height and width, output channels, kernel, stride, groups.
const CONVOLUTIONS: [(&str, u64, u64, u64, u64, i64, u64); 10] = [
    ("3x3 64->64 56x56", 64, 56, 64, 3, 1, 1),
    ("3x3 128->128 28x28", 128, 28, 128, 3, 1, 1),
    ("3x3 256->256 14x14", 256, 14, 256, 3, 1, 1),
    ("3x3 512->512 7x7", 512, 7, 512, 3, 1, 1),
    ("7x7/2 3->64 224x224", 3, 224, 64, 7, 2, 1),
    ("1x1 256->64 56x56", 256, 56, 64, 1, 1, 1),
    ("1x1 64->256 56x56", 64, 56, 256, 1, 1, 1),
    ("1x1 96->24 56x56", 96, 56, 24, 1, 1, 1),
    ("dw 3x3 96 112x112/2", 96, 112, 96, 3, 2, 96),
    ("dw 3x3 384 14x14", 384, 14, 384, 3, 1, 384),
];
const MODELS: [&str; 3] = ["mobilenet_v2", "resnet50", "squeezenet1_1"];

struct Case {
    name: String,
    macs: u64,
    prepared: PreparedId,
    inputs: Vec<Operand>,
    outputs: Vec<Operand>,
    times_ns: Vec<u64>,
    /// Shortest of each kernel.
    kernels_ns: Vec<u64>,
}

fn case(processor: &mut BuiltInProcessor, name: &str, graph: &Graph) -> Result<Case, Box<dyn Error>> {
    let weights = Weights::drawn();
    let unit = Unit::of_model(graph, &weights)?;
    let prepared = processor.prepare(&unit)?;
    let mut inputs = Vec::new();
    for &id in graph.inputs() {
        inputs.push(Operand::from(processor.share(weights.input(graph, id, 1)?.buffer())?));
    }
    let mut outputs = Vec::new();
    for &id in graph.outputs() {
        let buffer: Arc<HostBuffer> = HostBuffer::zeroed(graph.tensor(id).bytes() as usize);
        outputs.push(Operand::from(processor.share(&buffer)?));
    }
    Ok(Case {
        name: name.to_owned(),
        macs: graph.total_macs(),
        prepared,
        inputs,
        outputs,
        times_ns: Vec::new(),
        kernels_ns: Vec::new(),
    })
}

fn convolution(
    (_, channels, size, filters, kernel, stride, groups): (&str, u64, u64, u64, u64, i64, u64),
) -> Result<Graph, Box<dyn Error>> {
    let pad = (kernel / 2) as i64;
    let attributes = Attributes::new()
        .with("pads", AttributeValue::Integers(vec![pad; 4]))
        .with("strides", AttributeValue::Integers(vec![stride; 2]))
        .with("group", AttributeValue::Integer(groups as i64));
    Ok(RawGraph::new("convolution")
        .with_input("x", &[1, channels, size, size])
        .with_weight("w", &[filters, channels / groups, kernel, kernel])
        .with_operator("Conv", &["x", "w"], &["y"], attributes)
        .with_output("y")
        .build()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let cores = arguments.next().unwrap_or_else(|| "0".to_owned());
    let cores = cores.split('+').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    let rounds = arguments.next().map_or(Ok(15), |rounds| rounds.parse())?;
    let mut processor = BuiltInProcessor::open(&cores)?;
    let mut cases = Vec::new();
    for description in CONVOLUTIONS {
        cases.push(case(&mut processor, description.0, &convolution(description)?)?);
    }
    for name in MODELS {
        let graph = scenarios::zoo::load(name, &ReadOptions::default()).ok_or("not in the zoo")??;
        cases.push(case(&mut processor, name, &graph)?);
    }
    for round in 0..=rounds {
        for case in &mut cases {
            let begin = Instant::now();
            processor.launch(case.prepared, &case.inputs, &case.outputs)?;
            let completion = processor.wait()?;
            // The first round warms up.
            if round > 0 {
                case.times_ns.push(begin.elapsed().as_nanos() as u64);
                case.kernels_ns.resize(completion.kernels.len(), u64::MAX);
                for (shortest, (_, duration_ns)) in case.kernels_ns.iter_mut().zip(completion.kernels) {
                    *shortest = duration_ns.min(*shortest);
                }
            }
        }
    }
    println!("{} on cores {cores:?}, {rounds} rounds", processor.description().hardware);
    println!("{:<22} {:>10} {:>10} {:>9} {:>10}", "case", "p10 us", "median us", "GFLOP/s", "kernels us");
    for mut case in cases {
        case.times_ns.sort_unstable();
        let at = |share: f64| case.times_ns.get(((case.times_ns.len() as f64 - 1.0) * share) as usize).copied().unwrap_or(0);
        let (p10, median) = (at(0.1), at(0.5));
        let rate = 2.0 * case.macs as f64 / median as f64;
        // On a machine with other work the sum of each kernel's shortest run tells more than any whole run.
        let kernels_us = case.kernels_ns.iter().sum::<u64>() as f64 / 1e3;
        let (p10_us, median_us) = (p10 as f64 / 1e3, median as f64 / 1e3);
        println!("{:<22} {p10_us:>10.1} {median_us:>10.1} {rate:>9.1} {kernels_us:>10.1}", case.name);
    }
    Ok(())
}
