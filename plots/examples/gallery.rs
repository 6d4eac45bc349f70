//! Draws figures of runs: `gallery FOLDER RUN_DIR`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use plots::Scene;
use plots::charts::{Bar, Bars};
use plots::report::page;
use plots::run::{self as over_time, Choice, STATES, states, task_graph, timeline};
use plots::style::Width;
use results::{RunFile, read_run};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(folder), Some(run)) = (arguments.next(), arguments.next()) else {
        return Err("two arguments are needed: a folder, a results directory".into());
    };
    fs::create_dir_all(&folder)?;
    let file = read_run(&run)?;
    write(&folder, "bars", &latencies(&file, false))?;
    write(&folder, "bars-logarithmic", &latencies(&file, true))?;
    for case in file.cases.iter().take(8) {
        let choice = Choice { case: Some(case.case.clone()), strategy: Some(case.strategy.clone()), model: None };
        let name: String = format!("{}-{}", case.case, case.strategy).replace(|it: char| !it.is_alphanumeric(), "_");
        write(&folder, &format!("graph-{name}"), &task_graph(&run, &choice)?.1.draw())?;
        write(&folder, &format!("timeline-{name}"), &timeline(&run, &choice, 0.0, None)?.1.draw())?;
    }
    write(&folder, "latencies", &over_time::latencies(&run, &Choice::default())?.1.draw())?;
    for (word, ..) in STATES {
        if let Ok((_, chart)) = states(&run, &Choice::default(), word) {
            write(&folder, word, &chart.draw())?;
        }
    }
    fs::write(folder.join("report.html"), page(&[run])?)?;
    Ok(())
}

fn write(folder: &Path, name: &str, scene: &Scene) -> Result<(), Box<dyn Error>> {
    fs::write(folder.join(format!("{name}.svg")), scene.svg())?;
    fs::write(folder.join(format!("{name}.png")), scene.png(300.0)?)?;
    assert_eq!(scene.collisions(), Vec::<String>::new(), "labels of {name}");
    Ok(())
}

/// Median latency of each model under each strategy; the interval is from the 5th to the 95th percentile.
fn latencies(file: &RunFile, logarithmic: bool) -> Scene {
    let (mut places, mut series): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for case in &file.cases {
        if !series.contains(&case.strategy) {
            series.push(case.strategy.clone());
        }
        for model in &case.report.models {
            if !places.contains(&model.name) {
                places.push(model.name.clone());
            }
        }
    }
    let bar = |place: &String, strategy: &String| {
        let cases = file.cases.iter().filter(|case| case.strategy == *strategy);
        let latency = cases.flat_map(|case| &case.report.models).find(|model| model.name == *place)?.latency?;
        let [value, low, high] = [latency.p50_ns, latency.min_ns as f64, latency.p99_ns].map(|it| it * 1e-6);
        Some(Bar { value, interval: Some((low, high)) })
    };
    let bars = places.iter().map(|place| series.iter().map(|strategy| bar(place, strategy)).collect()).collect();
    let quantity = "median latency, ms".to_owned();
    let title = "Latency".to_owned();
    Bars { title, quantity, places, series, bars, logarithmic, width: Width::Double, ..Bars::default() }.draw()
}
