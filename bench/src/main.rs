//! `socrates-bench mm1 N | dag N | stream N`: one JSON line a measurement, as the common benchmark's programs print.
//!
//! `DAG_BW` sets the links' MB/s, `LINK=SHARED` makes the copies of a pair of processors contend.
#![allow(clippy::print_stdout, clippy::print_stderr)] // A program that prints.

use std::process::ExitCode;

use socrates_bench::measure;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let size = arguments.get(1).map_or(Ok(1000), |text| text.parse());
    let (Some(bench), Ok(size)) = (arguments.first(), size) else {
        eprintln!("usage: socrates-bench mm1|dag|stream N");
        return ExitCode::from(2);
    };
    let bandwidth = std::env::var("DAG_BW").ok().and_then(|text| text.parse().ok()).unwrap_or(2000.0);
    let shared = std::env::var("LINK").is_ok_and(|text| text == "SHARED");
    let measurements = match bench.as_str() {
        "mm1" => vec![measure::queue(size)],
        "dag" => measure::dag(size, bandwidth, shared),
        "stream" => vec![measure::stream(size)],
        _ => {
            eprintln!("error: unknown benchmark `{bench}`: write mm1, dag or stream");
            return ExitCode::from(2);
        }
    };
    for measurement in measurements {
        println!("{}", measurement.json());
    }
    ExitCode::SUCCESS
}
