//! Measures workers of this machine: `cargo run --release --example measure -- quick SECONDS FILE SPECIFICATION...`.

#![allow(clippy::print_stderr, reason = "an example tells how far it is")]

use std::fs::File;
use std::io::BufWriter;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use executor::Specification;
use hwcal::host::{Options, Progress, WorkerToMeasure, measure};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, seconds, file, specifications @ ..] = arguments.as_slice() else {
        return Err("arguments: quick|full SECONDS FILE SPECIFICATION...".into());
    };
    let mut workers = Vec::new();
    for text in specifications {
        let specification: Specification = text.parse()?;
        let cores = specification.cores().to_vec();
        let opener = Box::new(move || executor::open(&specification));
        workers.push(WorkerToMeasure { name: text.clone(), cores, opener });
    }
    let budget = Some(Duration::from_secs(seconds.parse()?));
    let journal = Some(format!("{file}.journal").into());
    let options = Options { quick: kind == "quick", budget, seed: 1, journal };
    let mut told = Instant::now();
    let mut progress = |progress: &Progress| {
        if told.elapsed() > Duration::from_secs(5) {
            told = Instant::now();
            eprintln!(
                "{} of {}, {} s left: {}",
                progress.done,
                progress.total,
                progress.remaining_ns / 1_000_000_000,
                progress.worker
            );
        }
    };
    let samples = measure(workers, &options, &mut progress, &AtomicBool::new(false))?;
    eprintln!("{:?}, {} remain; {:#?}", samples.end, samples.remaining, samples.provenance);
    samples.write(&mut BufWriter::new(File::create(file)?))?;
    Ok(())
}
