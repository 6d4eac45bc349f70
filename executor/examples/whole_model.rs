//! What the executor costs over ONNX Runtime itself: a model as one unit of the processor, as ONNX Runtime runs the same model
//! from the bytes of an ONNX file, and operator by operator. Interleaved in one process, medians of the ratios of neighbours.
//!
//! ```text
//! cargo run --release -p socrates-executor --example whole_model -- [cores=0+1] [rounds=40] [MODEL ...]
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

#[path = "../tests/onnx_file/mod.rs"]
mod onnx_file;

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

use executor::onnxruntime::{OnnxRuntimeProcessor, library, session_of_file};
use executor::pinning::pin_current_thread;
use executor::weights::Weights;
use executor::{HostBuffer, Operand, PreparedId, Processor, Tensor, Unit};
use ort::session::{Session, SessionInputValue};
use scenarios::onnx::ReadOptions;
use sim::graph::{DataType, Graph};
use sim::identifiers::TensorId;

/// Longer than a thread pool of ONNX Runtime spins when idle.
const PAUSE: Duration = Duration::from_millis(100);

const MODELS: [&str; 4] = ["mobilenet_v2", "resnet50", "squeezenet1_1", "bert_tiny_4x312"];

fn main() -> Result<(), Box<dyn Error>> {
    let (mut cores, mut rounds, mut models) = (vec![0], 40_usize, Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("cores", list)) => cores = list.split('+').map(str::parse).collect::<Result<_, _>>()?,
            Some(("rounds", number)) => rounds = number.parse()?,
            _ => models.push(argument),
        }
    }
    if models.is_empty() {
        models = MODELS.map(str::to_owned).to_vec();
    }
    // The threads of ONNX Runtime are bound to the other cores.
    pin_current_thread(&cores[..1])?;
    println!("ONNX Runtime {}, cores {cores:?}, {rounds} rounds", library()?.version);
    println!(
        "{:20} {:>12} {:>12} {:>14} {:>20} {:>8} {:>10}",
        "model", "unit", "ONNX file", "by operator", "unit/file", "op/file", "operators"
    );
    for model in &models {
        compare(model, &cores, rounds)?;
    }
    Ok(())
}

fn compare(name: &str, cores: &[usize], rounds: usize) -> Result<(), Box<dyn Error>> {
    let bytes = scenarios::zoo::bytes(name).ok_or_else(|| format!("the zoo has no model `{name}`"))?;
    let graph = scenarios::onnx::read_bytes(name, bytes, &ReadOptions::default())?;
    let weights = Weights::drawn();
    let inputs = graph.inputs().iter().map(|&id| weights.input(&graph, id, 1)).collect::<Result<Vec<_>, _>>()?;
    let mut processor = OnnxRuntimeProcessor::open(cores)?;
    let unit = Unit::of_model(&graph, &weights)?;
    let mut buffers = Buffers::default();
    let whole = vec![buffers.launch(&mut processor, &graph, &unit, &inputs)?];
    let mut chain = Vec::new();
    for operator in graph.operators() {
        let unit = Unit::of_operators(&graph, &[operator.id], &operator.outputs, &weights)?;
        chain.push(buffers.launch(&mut processor, &graph, &unit, &inputs)?);
    }
    let mut session = session_of_file(&onnx_file::bytes(&unit), cores)?;
    let mut samples: [Vec<f64>; 3] = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..rounds + 3 {
        let mut times = [0.0; 3];
        // Each goes first as often as the others.
        for turn in 0..3 {
            let which = (turn + round) % 3;
            if cores.len() > 1 {
                // Threads of ONNX Runtime spin on after a run, on cores that the next session needs.
                std::thread::sleep(PAUSE);
            }
            let begin = Instant::now();
            match which {
                0 => run(&mut processor, &whole)?,
                1 => run_file(&mut session, &graph, &inputs)?,
                _ => run(&mut processor, &chain)?,
            }
            times[which] = begin.elapsed().as_secs_f64() * 1e3;
        }
        // The first rounds warm up.
        if round >= 3 {
            times.iter().zip(&mut samples).for_each(|(&time, samples)| samples.push(time));
        }
    }
    let ratios = |one: usize, other: usize| samples[one].iter().zip(&samples[other]).map(|(one, other)| one / other).collect();
    let (unit_ratio, chain_ratio): (Vec<f64>, Vec<f64>) = (ratios(0, 1), ratios(2, 1));
    println!(
        "{name:20} {:>9.3} ms {:>9.3} ms {:>11.3} ms {:>8.3} ({:.3}-{:.3}) {:>8.3} {:>10}",
        quantile(&samples[0], 0.5),
        quantile(&samples[1], 0.5),
        quantile(&samples[2], 0.5),
        quantile(&unit_ratio, 0.5),
        quantile(&unit_ratio, 0.25),
        quantile(&unit_ratio, 0.75),
        quantile(&chain_ratio, 0.5),
        graph.operators().len(),
    );
    Ok(())
}

/// A unit with its operands.
struct Launch {
    prepared: PreparedId,
    inputs: Vec<Operand>,
    outputs: Vec<Operand>,
}

/// Memory of tensors, by their names in the model.
#[derive(Default)]
struct Buffers(BTreeMap<String, Operand>);

impl Buffers {
    fn launch(
        &mut self,
        processor: &mut OnnxRuntimeProcessor,
        model: &Graph,
        unit: &Unit,
        inputs: &[Tensor],
    ) -> Result<Launch, Box<dyn Error>> {
        let mut operand = |id: &TensorId| -> Result<Operand, Box<dyn Error>> {
            let tensor = unit.graph.tensor(*id);
            if let Some(&known) = self.0.get(&tensor.name) {
                return Ok(known);
            }
            let given = model.inputs().iter().position(|&input| model.tensor(input).name == tensor.name);
            let buffer = given.map_or_else(|| HostBuffer::zeroed(tensor.bytes() as usize), |at| inputs[at].buffer().clone());
            let operand = Operand::from(processor.share(&buffer)?);
            self.0.insert(tensor.name.clone(), operand);
            Ok(operand)
        };
        let inputs = unit.graph.inputs().iter().map(&mut operand).collect::<Result<_, _>>()?;
        let outputs = unit.graph.outputs().iter().map(&mut operand).collect::<Result<_, _>>()?;
        Ok(Launch { prepared: processor.prepare(unit)?, inputs, outputs })
    }
}

fn run(processor: &mut OnnxRuntimeProcessor, launches: &[Launch]) -> Result<(), Box<dyn Error>> {
    for launch in launches {
        processor.launch(launch.prepared, &launch.inputs, &launch.outputs)?;
    }
    processor.wait()?;
    Ok(())
}

fn run_file(session: &mut Session, graph: &Graph, inputs: &[Tensor]) -> Result<(), Box<dyn Error>> {
    let mut given: Vec<(String, SessionInputValue<'_>)> = Vec::new();
    for (&id, tensor) in graph.inputs().iter().zip(inputs) {
        let shape: Vec<i64> = tensor.shape.iter().map(|&size| size as i64).collect();
        let value: SessionInputValue<'_> = match tensor.data_type {
            DataType::Int64 => ort::value::TensorRef::from_array_view((shape, tensor.values::<i64>()))?.into(),
            _ => ort::value::TensorRef::from_array_view((shape, tensor.values::<f32>()))?.into(),
        };
        given.push((graph.tensor(id).name.clone(), value));
    }
    session.run(given)?;
    Ok(())
}

fn quantile(samples: &[f64], q: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * q).round() as usize]
}
