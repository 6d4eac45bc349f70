//! Profiles of four phones from published latencies of one processor alone, and predictions for two together.
//!
//! `--write` writes the profiles to `scenarios/devices` and the predictions to `hwcal/data/codl_predictions.csv`; without it the
//! table is printed only.

#![allow(clippy::print_stdout, reason = "a table to look at")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use hwcal::power::PowerFacts;
use hwcal::published::{Prediction, Published, PublishedData, SYSTEMS, Summary};
use sim::identifiers::ModelId;
use sim::strategy::{DeviceView, Job, registry};
use sim::task::LoweredModel;

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
    energy(&published)?;
    planning_times(&published)
}

/// Power and energy beside the published bars; the columns `cpu` and `gpu` were fitted to.
fn energy(published: &Published) -> Result<(), Box<dyn Error>> {
    let facts = PowerFacts::built_in()?;
    println!("a core that infers draws {:.3} times what it does running CoreMark", facts.inference_factor());
    println!("{:<20} {:<8} {:>16} {:>18}", "network", "column", "W (published)", "J (published)");
    for cell in published.energy(&SYSTEMS[0], &published.calibrate(&SYSTEMS[0])?, &facts)? {
        let error = |predicted: f64, published: f64| 100.0 * (predicted / published - 1.0);
        println!(
            "{:<20} {:<8} {:>5.2} ({:.2}, {:+.0}%) {:>6.2} ({:.2}, {:+.0}%)",
            cell.model,
            cell.column,
            cell.predicted_w,
            cell.published_w,
            error(cell.predicted_w, cell.published_w),
            cell.predicted_j,
            cell.published_j,
            error(cell.predicted_j, cell.published_j),
        );
    }
    Ok(())
}

/// Median time that plans take on this machine, of five.
fn planning_times(published: &Published) -> Result<(), Box<dyn Error>> {
    let device = published.calibrate(&SYSTEMS[0])?.device().map_err(|errors| format!("{errors:?}"))?;
    println!("planning on {}, median of 5, ms", SYSTEMS[0].name);
    for network in &published.networks {
        let lowered = LoweredModel::of(network, &device);
        let job = Job { model: ModelId(0), name: &network.name, tasks: &lowered.tasks, costs: &lowered.costs };
        let view = DeviceView { device: &device, jobs: &[job], seed: 0 };
        let mut cells = Vec::new();
        for strategy in ["mulayer", "codl[chains=off]", "codl[ratios=near]", "codl"] {
            let mut times_ms = Vec::new();
            for _ in 0..5 {
                let start = Instant::now();
                registry::build(strategy)?.plan(&job, &view)?;
                times_ms.push(start.elapsed().as_secs_f64() * 1e3);
            }
            times_ms.sort_by(f64::total_cmp);
            cells.push(format!("{strategy} {:.2}", times_ms[2]));
        }
        println!("{:<20} ({} tasks) {}", network.name, lowered.tasks.task_count(), cells.join(", "));
    }
    Ok(())
}
