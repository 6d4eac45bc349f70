//! What a run of a sweep costs: the standard what-if (ResNet-50 on three processors, 100 requests), on one thread and on two, and from the cache.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use runner::Unwatched;
use sweep::{Options, Plan, WHOLE, run_shard};

const TEXT: &str = include_str!("../../examples/sweep/what-if-100k.toml");

/// Scaling over two threads, and time of the second run over that of the first.
const LEAST_EFFICIENCY: f64 = 0.9;
const MOST_FROM_CACHE: f64 = 0.01;

/// Wall-clock seconds of a run of the sweep, and seconds of processor time of all threads.
struct Took {
    wall_s: f64,
    cpu_s: f64,
}

fn take(points: u64, threads: u16, cache: Option<&Path>) -> Result<Took, String> {
    let (start, cpu_s) = (Instant::now(), cpu_s());
    let text = TEXT.replace("points = 100_000", &format!("points = {points}"));
    let plan = Plan::parse("what-if.toml", &text, Path::new("")).map_err(|error| error.to_string())?;
    let options = Options { threads: Some(threads), cache };
    let result = run_shard(&plan, WHOLE, &options, &Unwatched).map_err(|error| error.to_string())?;
    result.to_bytes().map_err(|error| error.to_string())?;
    if result.about.failed_rows > 0 {
        return Err(format!("{} rows failed: {:?}", result.about.failed_rows, result.tally.failures));
    }
    Ok(Took { wall_s: start.elapsed().as_secs_f64(), cpu_s: self::cpu_s() - cpu_s })
}

/// Processor time of this process so far, to 10 ms: user and system time, fields 14 and 15 of `proc(5)`'s `stat`.
fn cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Interleaved rounds of one thread, two threads, a run that fills a cache, and one that is served by it.
///
/// # Errors
/// If a run fails.
pub fn table(points: u64, rounds: usize, folder: &Path) -> Result<String, String> {
    let (mut one, mut cpu, mut efficiency, mut cached) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    take(points.min(100), 1, None)?;
    for round in 0..rounds {
        let cache = folder.join(format!("cache-{round}"));
        let single = take(points, 1, None)?;
        let double = take(points, 2, None)?;
        let first = take(points, 2, Some(&cache))?;
        let second = take(points, 2, Some(&cache))?;
        one.push(points as f64 / single.wall_s);
        cpu.push(single.cpu_s / points as f64 * 1e3);
        // Of processor time too: other programs on the machine cost wall-clock time, not processor time.
        efficiency.push((single.wall_s / (2.0 * double.wall_s), single.cpu_s / double.cpu_s));
        cached.push(second.wall_s / first.wall_s);
    }
    let mut text = format!("{points} runs, {rounds} rounds: median (least to most)\n");
    let mut line = |what: &str, mut values: Vec<f64>, digits: usize, target: &str| {
        let middle = median(&mut values);
        let (least, most) = (values.first().copied().unwrap_or(middle), values.last().copied().unwrap_or(middle));
        let _ = writeln!(text, "{what:44} {middle:.digits$} ({least:.digits$} to {most:.digits$}){target}");
    };
    line("runs per second on one thread", one, 1, "");
    line("processor time of a run, ms", cpu, 3, "");
    let at_least = format!(", aim: at least {LEAST_EFFICIENCY}");
    line("efficiency on two threads, wall-clock", efficiency.iter().map(|it| it.0).collect(), 3, &at_least);
    line("efficiency on two threads, processor time", efficiency.iter().map(|it| it.1).collect(), 3, &at_least);
    line("from the cache, over the first run", cached, 4, &format!(", aim: below {MOST_FROM_CACHE}"));
    Ok(text)
}
