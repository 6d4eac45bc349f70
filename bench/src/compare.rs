//! Interleaved comparison with other engines: ratios within a round, medians over rounds, with their spread.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program to run and the name it goes by.
struct Program {
    name: &'static str,
    file: PathBuf,
}

/// What is to be reached against the bare event loop: `(bench, size, at most)`.
const TARGETS: [(&str, usize, f64); 3] = [("stream", 100_000, 3.0), ("dag_sim", 10_000, 3.0), ("dag_sched", 10_000, 1.5)];

/// `dag` at 100,000 tasks may cost this much more a task than at 1,000.
const GROWTH: f64 = 2.5;

/// Peak memory of `dag` at 100,000 tasks in MB.
const MEMORY_MB: f64 = 60.0;

const CASES: [(&str, usize); 4] = [("stream", 100_000), ("dag", 1_000), ("dag", 10_000), ("dag", 100_000)];

/// One line of a program's output.
#[derive(Clone, Debug)]
struct Line {
    bench: String,
    ns_per_event: f64,
    memory_mb: Option<f64>,
}

/// Figures of one measure: a program's nanoseconds and ratios to the bare loop, one a round.
#[derive(Default)]
struct Figures {
    ns_per_event: Vec<f64>,
    ratio: Vec<f64>,
    memory_mb: f64,
}

/// Runs every program found in `folders` on every case, `rounds` times in turn, and renders the comparison as Markdown.
///
/// The bare loop (`bare`) is the yardstick; `p_simcore` and `p_nexosim` are compared where they are found. Each measurement is handed
/// to `measured` as the JSON line that the program printed.
///
/// # Errors
/// If the yardstick is missing or a program does not print what it should.
pub fn compare(own: &Path, folders: &[PathBuf], rounds: usize, mut measured: impl FnMut(&str)) -> Result<String, String> {
    let find = |file: &str| folders.iter().map(|folder| folder.join(file)).find(|path| path.is_file());
    let bare = find("bare")
        .ok_or("no program `bare` in the given folders: build the common benchmark and name its folder with --bin")?;
    let mut programs = vec![Program { name: "bare", file: bare }, Program { name: "socrates", file: own.to_owned() }];
    for (name, file) in [("simcore", "p_simcore"), ("nexosim", "p_nexosim")] {
        programs.extend(find(file).map(|file| Program { name, file }));
    }
    let mut figures: BTreeMap<(usize, String, usize), Figures> = BTreeMap::new();
    for _ in 0..rounds {
        for (bench, size) in CASES {
            let mut yardstick: BTreeMap<String, f64> = BTreeMap::new();
            for (index, program) in programs.iter().enumerate() {
                // The adapters of the event engines have no DAG of their own.
                if bench == "dag" && !matches!(program.name, "bare" | "socrates") {
                    continue;
                }
                for line in run(program, bench, size, &mut measured)? {
                    if index == 0 {
                        yardstick.insert(line.bench.clone(), line.ns_per_event);
                    }
                    let figures = figures.entry((index, line.bench.clone(), size)).or_default();
                    figures.ns_per_event.push(line.ns_per_event);
                    figures.ratio.extend(yardstick.get(&line.bench).map(|bare| line.ns_per_event / bare));
                    figures.memory_mb = figures.memory_mb.max(line.memory_mb.unwrap_or(0.0));
                }
            }
        }
    }
    Ok(render(&programs, &mut figures, rounds))
}

fn run(program: &Program, bench: &str, size: usize, measured: &mut impl FnMut(&str)) -> Result<Vec<Line>, String> {
    let output = Command::new(&program.file).arg(bench).arg(size.to_string()).env("THREADS", "1").output();
    let output = output.map_err(|error| format!("cannot run `{}`: {error}", program.file.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<Line> =
        text.lines().filter(|line| line.starts_with('{')).inspect(|line| measured(line)).filter_map(parse).collect();
    if lines.is_empty() {
        return Err(format!("`{} {bench} {size}` printed no measurement: {}", program.file.display(), output.status));
    }
    Ok(lines)
}

fn parse(line: &str) -> Option<Line> {
    let after = |key: &str| line.split_once(&format!("\"{key}\":")).map(|(_, rest)| rest);
    let number = |key: &str| after(key).and_then(|rest| rest.split([',', '}']).next()?.trim().parse().ok());
    let bench = after("bench")?.trim_start().strip_prefix('"')?.split('"').next()?.to_owned();
    Some(Line { bench, ns_per_event: number("ns_per_event")?, memory_mb: number("rss_mb") })
}

fn render(programs: &[Program], figures: &mut BTreeMap<(usize, String, usize), Figures>, rounds: usize) -> String {
    let mut text = format!("{rounds} interleaved rounds; ns an event (stream) or a task (dag); ratios within a round.\n\n");
    text.push_str("| engine | measure | n | ns: median (min..max) | ratio to bare: median (min..max) |\n| --- | --- | ---: | ---: | ---: |\n");
    for ((program, bench, size), figures) in figures.iter_mut() {
        let (ns, low, high) = spread(&mut figures.ns_per_event);
        let (ratio, least, most) = spread(&mut figures.ratio);
        let name = programs[*program].name;
        let _ =
            writeln!(text, "| {name} | {bench} | {size} | {ns:.1} ({low:.1}..{high:.1}) | {ratio:.2} ({least:.2}..{most:.2}) |");
    }
    text.push('\n');
    let own = |bench: &str, size: usize| figures.get(&(1, bench.to_owned(), size));
    for (bench, size, limit) in TARGETS {
        if let Some(found) = own(bench, size) {
            let ratio = middle(&found.ratio);
            let _ = writeln!(text, "{}: {bench} at {size} is {ratio:.2}x bare (at most {limit}x)", verdict(ratio <= limit));
        }
    }
    if let (Some(small), Some(large)) = (own("dag", 1_000), own("dag", 100_000)) {
        let growth = middle(&large.ns_per_event) / middle(&small.ns_per_event);
        let _ = writeln!(
            text,
            "{}: dag a task at 100,000 is {growth:.2}x that at 1,000 (at most {GROWTH}x)",
            verdict(growth <= GROWTH)
        );
        let memory = large.memory_mb;
        let _ = writeln!(text, "{}: dag at 100,000 peaks at {memory:.1} MB (under {MEMORY_MB} MB)", verdict(memory < MEMORY_MB));
    }
    text
}

fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "MISSED" }
}

/// Median of sorted values.
fn middle(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Median, least and most; sorts.
fn spread(values: &mut [f64]) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (middle(values), values.first().copied().unwrap_or(f64::NAN), values.last().copied().unwrap_or(f64::NAN))
}
