//! The families of the host's fit on the Pixel 4's GPU operators, beside the models of its profile: both predict distinct shapes that
//! they did not see, in the same folds.
//!
//!     cargo run --release -p socrates-hwcal --example pixel4_families

#![allow(clippy::print_stdout, reason = "a table to look at")]

use std::collections::BTreeMap;

use hwcal::folds::{FOLDS, deal};
use hwcal::host::fit::{MachineDescription, Measured, ProcessorDescription, WorkerDescription};
use hwcal::host::{Experiment, FitOptions, LaunchMode, Sample, Timing, WorkRecord, check};
use hwcal::pixel4::{CalibrationData, MeasuredOperator, Measurements, gpu};
use hwcal::statistics::{Accuracy, median};
use scenarios::profile::ProcessorKind;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let measured = Measurements::read(CalibrationData::built_in())?;
    let mut by_shape: BTreeMap<_, Vec<&MeasuredOperator>> = BTreeMap::new();
    for operator in &measured.operators {
        by_shape.entry((operator.class, operator.key)).or_default().push(operator);
    }
    let distinct: Vec<MeasuredOperator> = by_shape
        .values()
        .map(|same| {
            let durations: Vec<f64> = same.iter().map(|operator| operator.gpu_ns).collect();
            MeasuredOperator { gpu_ns: median(&durations), ..same[0].clone() }
        })
        .collect();

    let report = check(Measured { samples: &samples(&distinct), refusals: &[] }, &machine(), FitOptions::default())?;
    println!("{report}");

    println!("models of the profile           n  median    p90  in 10 %");
    let folds = deal(distinct.len(), FOLDS, FitOptions::default().seed + 1);
    for class in gpu::CLASSES {
        let mut pairs = Vec::new();
        for fold in 0..FOLDS {
            let of_class = || distinct.iter().zip(&folds).filter(|(operator, _)| operator.class == class);
            let training: Vec<&MeasuredOperator> = of_class().filter(|it| *it.1 != fold).map(|it| it.0).collect();
            let model = gpu::fit_class(class, &training)?;
            pairs.extend(of_class().filter(|it| *it.1 == fold).map(|it| (gpu::predict(&model, it.0).0, it.0.gpu_ns)));
        }
        let it = Accuracy::of(pairs);
        let numbers = format!("{:5}{:8.2}{:7.1}{:9.0}", it.count, it.median_percent, it.p90_percent, it.within_10_percent);
        println!("{:26}{numbers}", class.name());
    }
    Ok(())
}

fn samples(operators: &[MeasuredOperator]) -> Vec<Sample> {
    let sample = |(index, operator): (usize, &MeasuredOperator)| {
        let p10_ns = operator.gpu_ns as u64;
        Sample {
            key: format!("gpu/{index}"),
            worker: "gpu".to_owned(),
            experiment: Experiment::Operator {
                work: WorkRecord::from(&operator.work),
                op_type: operator.class.name().to_owned(),
                fused: Vec::new(),
                source: measured_name(index),
                launch: LaunchMode::BackToBack,
            },
            timing: Timing {
                p10_ns,
                median_ns: p10_ns,
                samples: 1,
                spread: 0.0,
                stolen: 0,
                interval_ns: [p10_ns; 2],
                busy_p10_ns: None,
            },
        }
    };
    operators.iter().enumerate().map(sample).collect()
}

fn measured_name(index: usize) -> String {
    format!("pixel4/{index}")
}

fn machine() -> MachineDescription {
    let name = "gpu".to_owned();
    MachineDescription {
        name: "pixel4".to_owned(),
        processors: vec![ProcessorDescription {
            name: name.clone(),
            kind: ProcessorKind::Gpu,
            cores: 1,
            frequencies_khz: Vec::new(),
        }],
        workers: vec![WorkerDescription {
            name: name.clone(),
            cores: BTreeMap::from([(name, 1)]),
            is_host_memory: true,
            ..WorkerDescription::default()
        }],
        ..MachineDescription::default()
    }
}
