//! `socrates-bench mm1 N | dag N | stream N`: one JSON line a measurement, as the common benchmark's programs print.
//! `socrates-bench compare --bin FOLDER [--bin FOLDER ...] [--rounds 5]`: ratios against the bare event loop and other engines.
//! `socrates-bench strategies [--rounds 5] [--device pixel4] [--model NAME ...] [--strategy TEXT ...]`: planning time of every strategy
//! for every model of the zoo, what a decision of `band` takes with ten requests waiting, and what planning again takes.
//! `socrates-bench gap [--device pixel4] [--model NAME ...]`: how far `socrates` is from `exact` on pieces of the zoo.
//! `socrates-bench day [--rounds 5] [--profile FILE]`: half an hour of a phone with everything on, beside a bare event loop.
//! `socrates-bench sweep FOLDER [--points 100000] [--rounds 3]`: the standard what-if as a sweep, on one thread and two, and from a cache in FOLDER.
//!
//! `DAG_BW` sets the links' MB/s, `LINK=SHARED` makes the copies of a pair of processors contend.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr)] // A program that prints.

use std::path::PathBuf;
use std::process::ExitCode;

use socrates_bench::compare::compare;
use socrates_bench::measure::{self, Measurement};
use socrates_bench::strategies::{self, Wanted};
use socrates_bench::{day, gap, replanning, sweep};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["compare", options @ ..] => run_compare(options),
        ["strategies", options @ ..] => wanted(options).and_then(|wanted| run_strategies(&wanted)),
        ["gap", options @ ..] => wanted(options).and_then(|wanted| strategies_gap(&wanted)),
        ["day", options @ ..] => run_day(options),
        ["sweep", folder, options @ ..] => run_sweep(folder, options),
        [bench, size] => run_one(bench, size),
        _ => {
            Err("usage: socrates-bench mm1|dag|stream N, compare --bin FOLDER [--rounds N], day, gap, sweep FOLDER, or strategies [--rounds N]"
                .to_owned())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn run_one(bench: &str, size: &str) -> Result<(), String> {
    let size: usize = size.parse().map_err(|_| format!("`{size}` is not a size: write a whole number"))?;
    let bandwidth = std::env::var("DAG_BW").ok().and_then(|text| text.parse().ok()).unwrap_or(2000.0);
    let shared = std::env::var("LINK").is_ok_and(|text| text == "SHARED");
    let measurements: Vec<Measurement> = match bench {
        "mm1" => vec![measure::queue(size)],
        "dag" => measure::dag(size, bandwidth, shared),
        "stream" => vec![measure::stream(size)],
        _ => return Err(format!("unknown benchmark `{bench}`: write mm1, dag or stream")),
    };
    for measurement in measurements {
        println!("{}", measurement.json());
    }
    Ok(())
}

fn run_compare(options: &[&str]) -> Result<(), String> {
    let mut folders = Vec::new();
    let mut rounds = 5;
    for pair in options.chunks(2) {
        match *pair {
            ["--bin", folder] => folders.push(PathBuf::from(folder)),
            ["--rounds", count] => rounds = count.parse().map_err(|_| format!("`{count}` is not a number of rounds"))?,
            _ => return Err(format!("unknown option `{}`: write --bin FOLDER or --rounds N", pair[0])),
        }
    }
    let own = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let table = compare(&own, &folders, rounds, |line| println!("{line}"))?;
    println!("\n{table}");
    Ok(())
}

fn run_day(options: &[&str]) -> Result<(), String> {
    let (mut rounds, mut profile) = (5, None);
    for pair in options.chunks(2) {
        match *pair {
            ["--rounds", count] => rounds = count.parse().map_err(|_| format!("`{count}` is not a number of rounds"))?,
            ["--profile", file] => profile = Some(file),
            _ => return Err(format!("unknown option `{}`: write --rounds N or --profile FILE", pair[0])),
        }
    }
    println!("{}", day::table(rounds, profile)?);
    Ok(())
}

fn run_sweep(folder: &str, options: &[&str]) -> Result<(), String> {
    let (mut points, mut rounds) = (100_000, 3);
    for pair in options.chunks(2) {
        match *pair {
            ["--points", count] => points = count.parse().map_err(|_| format!("`{count}` is not a number of points"))?,
            ["--rounds", count] => rounds = count.parse().map_err(|_| format!("`{count}` is not a number of rounds"))?,
            _ => return Err(format!("unknown option `{}`: write --points N or --rounds N", pair[0])),
        }
    }
    println!("{}", sweep::table(points, rounds, &PathBuf::from(folder))?);
    Ok(())
}

fn wanted(options: &[&str]) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    for pair in options.chunks(2) {
        match *pair {
            ["--rounds", count] => wanted.rounds = count.parse().map_err(|_| format!("`{count}` is not a number of rounds"))?,
            ["--device", name] => name.clone_into(&mut wanted.device),
            ["--model", name] => wanted.models.push(name.to_owned()),
            ["--strategy", text] => wanted.strategies.push(text.to_owned()),
            _ => return Err(format!("unknown option `{}`: write --rounds, --device, --model or --strategy", pair[0])),
        }
    }
    Ok(wanted)
}

fn run_strategies(wanted: &Wanted) -> Result<(), String> {
    println!("{}", strategies::planning(wanted)?);
    println!("{}", strategies::decisions(wanted)?);
    println!("{}", replanning::table(wanted)?);
    Ok(())
}

fn strategies_gap(wanted: &Wanted) -> Result<(), String> {
    println!("{}", gap::gaps(wanted)?);
    Ok(())
}
