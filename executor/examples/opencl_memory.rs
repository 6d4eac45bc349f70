//! Tensors in buffers and in images, side by side: `opencl_memory CORE [ROUNDS [MODEL ..]]` runs models of the zoo (all, if none is
//! named) on the first device, confined to the core where it computes on this machine's CPU; rounds alternate between memories.
//!
//! Prints for each model the median duration in either memory, their ratio (median of the rounds' ratios, with the 10th and 90th
//! percentile; none for 0 rounds), and how far the outputs are from those of ONNX Runtime on the same core, relative to the largest value.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::time::Instant;

use executor::onnxruntime::OnnxRuntimeProcessor;
use executor::weights::Weights;
use executor::{DeviceMemory, Operand, PreparedId, Processor, Region, Tensor, Transfer, Unit, opencl, run_once};
use scenarios::onnx::ReadOptions;
use scenarios::zoo;

/// A unit ready to be launched again and again.
struct Bench {
    processor: opencl::OpenClProcessor,
    prepared: PreparedId,
    inputs: Vec<Operand>,
    outputs: Vec<Operand>,
}

impl Bench {
    fn new(memory: DeviceMemory, unit: &Unit, inputs: &[Tensor]) -> Result<Self, Box<dyn Error>> {
        let mut processor = opencl::OpenClProcessor::open(0, memory, Transfer::Copy)?;
        let prepared = processor.prepare(unit)?;
        let mut sources = Vec::new();
        for input in inputs {
            let whole = Region::whole(input.bytes().len());
            let buffer = processor.allocate(whole.row_bytes)?;
            processor.upload(input.buffer(), whole, buffer, whole)?;
            sources.push(buffer.into());
        }
        let mut targets = Vec::new();
        for &output in unit.graph.outputs() {
            targets.push(processor.allocate(unit.graph.tensor(output).bytes() as usize)?.into());
        }
        Ok(Self { processor, prepared, inputs: sources, outputs: targets })
    }

    /// Milliseconds of one launch.
    fn launch(&mut self) -> Result<f64, Box<dyn Error>> {
        let began = Instant::now();
        self.processor.launch(self.prepared, &self.inputs, &self.outputs)?;
        self.processor.wait()?;
        Ok(began.elapsed().as_secs_f64() * 1e3)
    }
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

fn measure(name: &str, core: usize, rounds: usize) -> Result<(), Box<dyn Error>> {
    let graph = zoo::load(name, &ReadOptions::default()).ok_or_else(|| format!("`{name}` is not in the zoo"))??;
    let weights = Weights::drawn();
    let inputs = graph.inputs().iter().map(|&id| weights.input(&graph, id, 1)).collect::<Result<Vec<_>, _>>()?;
    let unit = Unit::of_model(&graph, &weights)?;
    let expected = run_once(&mut OnnxRuntimeProcessor::open(&[core])?, &unit, &inputs)?;
    let mut benches = Vec::new();
    let mut differences = Vec::new();
    for memory in [DeviceMemory::Buffer, DeviceMemory::Image] {
        let mut bench = Bench::new(memory, &unit, &inputs)?;
        let mut worst = 0.0_f64;
        for (found, expected) in run_once(&mut bench.processor, &unit, &inputs)?.iter().zip(&expected) {
            worst = worst.max(found.relative_difference(expected).unwrap_or(f64::INFINITY));
        }
        differences.push(worst);
        benches.push(bench);
    }
    if rounds == 0 {
        println!("{name:28} from ONNX Runtime {:.1e} in buffers, {:.1e} in images", differences[0], differences[1]);
        return Ok(());
    }
    let (mut buffers, mut images, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        let (buffer, image) = (benches[0].launch()?, benches[1].launch()?);
        if round > 0 {
            buffers.push(buffer);
            images.push(image);
            ratios.push(image / buffer);
        }
    }
    println!(
        "{name:28} buffers {:8.2} ms, images {:8.2} ms, images / buffers {:5.2} ({:.2} to {:.2}); from ONNX Runtime {:.1e}, {:.1e}",
        quantile(&mut buffers, 0.5),
        quantile(&mut images, 0.5),
        quantile(&mut ratios, 0.5),
        quantile(&mut ratios, 0.1),
        quantile(&mut ratios, 0.9),
        differences[0],
        differences[1]
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let core: usize = arguments.first().ok_or("name a core")?.parse()?;
    let rounds: usize = arguments.get(1).map_or(Ok(15), |text| text.parse())?;
    opencl::restart_with_threads(&[core])?;
    opencl::confine(&[core])?;
    let all = zoo::names();
    let named: Vec<&str> = arguments.iter().skip(2).map(String::as_str).collect();
    for name in if named.is_empty() { all.into_iter().collect() } else { named } {
        measure(name, core, rounds)?;
    }
    Ok(())
}
