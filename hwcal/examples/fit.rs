//! Fits samples again: `cargo run --release -p socrates-hwcal --example fit -- host.samples.jsonl [host.toml]`.

#![allow(clippy::print_stdout, reason = "an example prints what it finds")]

use std::fs::File;
use std::io::BufReader;
use std::time::Instant;

use hwcal::host::{FitOptions, MachineDescription, Samples, fit};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (file, profile) = match arguments.as_slice() {
        [file] => (file, None),
        [file, profile] => (file, Some(profile)),
        _ => return Err("arguments: SAMPLES [PROFILE]".into()),
    };
    let samples = Samples::read(&mut BufReader::new(File::open(file)?))?;
    let machine = MachineDescription::of("host", "", &samples.provenance, &[]);
    let start = Instant::now();
    let fitted = fit((&samples).into(), &machine, FitOptions::default())?;
    println!("{}", fitted.report);
    println!("fitted in {:.1} s; a profile of {} bytes", start.elapsed().as_secs_f64(), fitted.profile.len());
    if let Some(path) = profile {
        std::fs::write(path, fitted.profile)?;
    }
    Ok(())
}
