//! What models ask of a processor, summed over their kernels: rows of `hwcal/data/aihub_work.csv` for ONNX files and models of the zoo.
//!
//!     cargo run --release -p socrates-hwcal --example work_sums -- FILE.onnx ... > aihub_work.csv

#![allow(clippy::print_stdout, reason = "the table is what the example is for")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use scenarios::onnx::ReadOptions;
use scenarios::{Profile, Reference, model};
use sim::cost::{KernelClass, KernelShape};
use sim::identifiers::TaskId;
use sim::task::LoweredModel;

fn main() -> Result<(), Box<dyn Error>> {
    println!("model,class,feature,total");
    // Any device that runs everything: kernels are those of the default patterns.
    let device = Profile::open(&Reference::of("rpi5", Path::new("")))?.value.device().map_err(|_| "not a device")?;
    for name in std::env::args().skip(1) {
        let graph = model::load(&Reference::of(&name, Path::new("")), &ReadOptions::default())?.graph;
        let stem = Path::new(&name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let lowered = LoweredModel::of(&graph, &device);
        let mut totals: BTreeMap<(KernelClass, &str), f64> = BTreeMap::new();
        for work in (0..lowered.info.len()).filter_map(|index| lowered.tasks.work(TaskId::from_index(index))) {
            let Some(class) = KernelClass::of(work) else { continue };
            let shape = KernelShape::of(work);
            for feature in hwcal::npu::features() {
                *totals.entry((class, feature.name())).or_default() += feature.value(&shape);
            }
        }
        for ((class, feature), total) in totals.into_iter().filter(|(_, total)| *total > 0.0) {
            println!("{stem},{},{feature},{total}", class.name());
        }
        let elements = |tensors: &[sim::identifiers::TensorId]| -> u64 {
            tensors.iter().map(|&tensor| graph.tensor(tensor).shape.iter().product::<u64>()).sum()
        };
        println!("{stem},model,boundary_elements,{}", elements(graph.inputs()) + elements(graph.outputs()));
    }
    Ok(())
}
