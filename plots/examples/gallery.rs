//! Draws figures of runs: `gallery FOLDER RUN_DIR`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use plots::Scene;
use plots::charts::{Alternative, Bar, Bars, Cell, HeatMap, Pareto, Stacks, Swing, Tornado};
use plots::report::page;
use plots::run::{self as over_time, Choice, STATES, states, task_graph, timeline};
use plots::style::Width;
use results::placement::{RequestAccount, read_placements};
use results::{CaseSummary, RunFile, read_run};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(folder), Some(run)) = (arguments.next(), arguments.next()) else {
        return Err("two arguments are needed: a folder, a results directory".into());
    };
    fs::create_dir_all(&folder)?;
    let file = read_run(&run)?;
    write(&folder, "bars", &latencies(&file, false))?;
    write(&folder, "all", &all(&file))?;
    write(&folder, "best", &best(&file))?;
    write(&folder, "front", &front(&file))?;
    write(&folder, "accounts", &accounts(&run)?)?;
    write(&folder, "tornado", &tornado())?;
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

/// Names in the order in which they come.
fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

fn strategies(file: &RunFile) -> Vec<String> {
    distinct(file.cases.iter().map(|case| case.strategy.clone()))
}

fn models(file: &RunFile) -> Vec<String> {
    distinct(file.cases.iter().flat_map(|case| case.report.models.iter().map(|model| model.name.clone())))
}

/// Median latency in ms and peak memory in MB.
fn costs(file: &RunFile, model: &str, strategy: &str) -> Option<(f64, f64)> {
    let of = |case: &&CaseSummary| case.strategy == strategy && case.report.models.iter().any(|it| it.name == model);
    let report = &file.cases.iter().find(of)?.report;
    let latency = report.models.iter().find(|it| it.name == model)?.latency?;
    Some((latency.p50_ns * 1e-6, report.peak_memory_bytes? as f64 * 1e-6))
}

/// Latency of every model under every strategy.
fn all(file: &RunFile) -> Scene {
    let (rows, columns) = (models(file), strategies(file));
    let cell = |model: &String, strategy: &String| Some(Cell { value: costs(file, model, strategy)?.0, group: None });
    let cells = rows.iter().map(|model| columns.iter().map(|strategy| cell(model, strategy)).collect()).collect();
    let quantity = "median latency, ms".to_owned();
    HeatMap { title: "Latency".to_owned(), quantity, rows, columns, cells, logarithmic: true, width: Width::Double }.draw()
}

/// The strategy with the least of each cost.
fn best(file: &RunFile) -> Scene {
    let rows = models(file);
    let cell = |model: &String, cost: fn((f64, f64)) -> f64| {
        let found = strategies(file).into_iter().filter_map(|strategy| Some((cost(costs(file, model, &strategy)?), strategy)));
        let (value, group) = found.min_by(|one, other| one.0.total_cmp(&other.0))?;
        Some(Cell { value, group: Some(group) })
    };
    let cells = rows.iter().map(|model| vec![cell(model, |cost| cost.0), cell(model, |cost| cost.1)]).collect();
    let columns = vec!["latency, ms".to_owned(), "memory, MB".to_owned()];
    HeatMap { title: "Best strategy".to_owned(), rows, columns, cells, ..HeatMap::default() }.draw()
}

/// Latency against memory.
fn front(file: &RunFile) -> Scene {
    let model = models(file).remove(0);
    let alternative = |strategy: String| {
        let (x, y) = costs(file, &model, &strategy)?;
        Some(Alternative { label: strategy.clone(), group: strategy, x, y })
    };
    let alternatives = strategies(file).into_iter().filter_map(alternative).collect();
    let (across, up) = ("median latency, ms".to_owned(), "peak memory, MB".to_owned());
    Pareto { title: "Costs".to_owned(), across, up, alternatives, ..Pareto::default() }.draw()
}

/// Where the time of a request went.
fn accounts(run: &Path) -> Result<Scene, Box<dyn Error>> {
    let placements = read_placements(run)?;
    let first = placements.first().map(|it| it.model.clone());
    let of_model = placements.iter().filter(|it| Some(&it.model) == first.as_ref());
    let known: Vec<_> = of_model.filter_map(|it| Some((it.strategy.clone(), it.account?))).collect();
    let parts = |it: RequestAccount| [it.kernel_ns, it.invocation_ns, it.copy_ns, it.output_copy_ns].map(|ns| ns * 1e-6).to_vec();
    let values = known.iter().map(|(_, account)| parts(*account)).collect();
    let wholes = known.into_iter().map(|(strategy, _)| strategy).collect();
    let parts = ["kernels", "invocations", "copies in", "copies out"].map(str::to_owned).to_vec();
    let (title, quantity) = ("Where time went".to_owned(), "time of a request, ms".to_owned());
    Ok(Stacks { title, quantity, wholes, parts, values, width: Width::Single }.draw())
}

/// Numbers made up to look at.
fn tornado() -> Scene {
    let swing = |(name, lowered, raised): (&str, f64, f64)| Swing { name: name.to_owned(), lowered, raised };
    let parameters = [
        ("GPU launch, ×0.5 to ×2", 17.8, 26.1),
        ("bandwidth, ±20 %", 23.9, 18.9),
        ("copy, ×0.5 to ×2", 19.6, 22.9),
        ("CPU clock, ±10 %", 20.6, 20.1),
        ("convolution on GPU, ±15 %", 18.2, 23.1),
        ("heat resistance, ±30 %", 20.5, 21.2),
    ];
    let parameters = parameters.map(swing).to_vec();
    let (title, quantity) = ("Made up".to_owned(), "latency of gpu, ms".to_owned());
    Tornado {
        title,
        quantity,
        base: 20.4,
        parameters,
        flips: Some((24.6, "cpu is faster beyond".to_owned())),
        width: Width::Single,
    }
    .draw()
}

/// Median latency of each model under each strategy; the interval is from the 5th to the 95th percentile.
fn latencies(file: &RunFile, logarithmic: bool) -> Scene {
    let (places, series) = (models(file), strategies(file));
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
