//! Profiles of four phones from published latencies of one processor alone, and predictions for two together.
//!
//! `--write` writes the profiles to `scenarios/devices` and the predictions to `hwcal/data/codl_predictions.csv`; without it the
//! table is printed only.

#![allow(clippy::print_stdout, reason = "a table to look at")]

use std::error::Error;
use std::path::Path;

use hwcal::published::{Prediction, Published, PublishedData, SYSTEMS, Summary};

fn main() -> Result<(), Box<dyn Error>> {
    let published = Published::read(PublishedData::built_in())?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let is_writing = std::env::args().any(|argument| argument == "--write");
    let mut predictions: Vec<Prediction> = Vec::new();
    for system in &SYSTEMS {
        let profile = published.calibrate(system)?;
        if is_writing {
            std::fs::write(root.join("scenarios/devices").join(format!("{}.toml", system.profile)), profile.to_toml()?)?;
        }
        predictions.extend(published.predict(system, &profile)?);
    }
    let summary = Summary { predictions: &predictions };
    if is_writing {
        std::fs::write(root.join("hwcal/data/codl_predictions.csv"), summary.csv())?;
    }
    println!("{summary}");
    Ok(())
}
