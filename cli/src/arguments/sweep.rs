//! Arguments of `sweep`, `merge` and `capacity`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sweep::{ShardOf, WHOLE};

/// Arguments of `sweep`.
#[derive(Args, Debug)]
pub(crate) struct SweepArguments {
    /// Sweep file; `socrates schema sweep` prints its format.
    #[arg(value_name = "SWEEP.toml")]
    pub(crate) sweep: PathBuf,
    /// Results directory; by default `runs/` and the name of the sweep, with `-shard-I-of-N` for a part of it.
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Run a part only: points whose number leaves `I`, counted from 0, when divided by `N`.
    #[arg(long, value_name = "I/N", value_parser = shard, default_value = "0/1", hide_default_value = true)]
    pub(crate) shard: ShardOf,
    /// Folder of what was simulated before, whatever the sweep; several processes may share it.
    #[arg(long, value_name = "DIR", default_value = "runs/.cache")]
    pub(crate) cache: PathBuf,
    /// Look nothing up and keep nothing.
    #[arg(long, conflicts_with = "cache")]
    pub(crate) no_cache: bool,
    /// Threads; by default one for each processor of this machine.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Arguments of `merge`.
#[derive(Args, Debug)]
pub(crate) struct MergeArguments {
    /// Results directories of all shards of one sweep, in any order.
    #[arg(value_name = "SHARD_DIR", required = true)]
    pub(crate) shards: Vec<PathBuf>,
    /// Results directory of the whole sweep.
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// Do not say where results are.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Arguments of `capacity`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("target").required(true))]
pub(crate) struct CapacityArguments {
    /// Scenario file, or the name of a built-in scenario.
    pub(crate) scenario: String,
    /// The stream, by its name, its model or its number from 0; may be left out where there is one.
    #[arg(long, value_name = "STREAM")]
    pub(crate) stream: Option<String>,
    /// At most this share of requests misses its deadline: `1%`.
    #[arg(long, value_name = "PERCENT", value_parser = percent, group = "target")]
    pub(crate) deadline_miss: Option<f64>,
    /// The median latency is at most so long: `50ms`.
    #[arg(long, value_name = "DURATION", value_parser = duration_ns, group = "target")]
    pub(crate) p50: Option<u64>,
    /// The 90th percentile of latency is at most so long.
    #[arg(long, value_name = "DURATION", value_parser = duration_ns, group = "target")]
    pub(crate) p90: Option<u64>,
    /// The 95th percentile of latency is at most so long.
    #[arg(long, value_name = "DURATION", value_parser = duration_ns, group = "target")]
    pub(crate) p95: Option<u64>,
    /// The 99th percentile of latency is at most so long.
    #[arg(long, value_name = "DURATION", value_parser = duration_ns, group = "target")]
    pub(crate) p99: Option<u64>,
    /// What is varied.
    #[arg(long, value_enum, default_value_t = Varied::Rate)]
    pub(crate) vary: Varied,
    /// Searches, each with a seed of its own: the interval is over them.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) replicates: u32,
    /// How near a rate that meets the target and one that does not come, in percent.
    #[arg(long, value_name = "PERCENT", default_value = "0.5%", value_parser = percent)]
    pub(crate) precision: f64,
    /// Strategy instead of the scenario's, `name` or `name[parameter=value, ...]`; repeat for several.
    #[arg(long = "strategy", value_name = "STRATEGY")]
    pub(crate) strategies: Vec<String>,
    /// Threads; by default one for each processor of this machine.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// What a capacity search varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Varied {
    /// The rate of the stream's arrivals.
    Rate,
    /// How many streams like it there are, side by side.
    Copies,
}

fn shard(text: &str) -> Result<ShardOf, String> {
    let numbers = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
    match numbers {
        Some((index, count)) if index < count => Ok(ShardOf { index, count }),
        Some((index, count)) => Err(format!("there is no shard {index} of {count}: they are counted from 0")),
        None => Err(format!("write `I/N`, such as `{}/{}`", WHOLE.index, 4)),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>();
    match number {
        Ok(percent) if percent > 0.0 && percent < 100.0 => Ok(percent / 100.0),
        _ => Err("write a share between 0 and 100 percent, such as `1%`".to_owned()),
    }
}

fn duration_ns(text: &str) -> Result<u64, String> {
    let duration = scenarios::text::Duration(text.to_owned());
    duration.parse().map_err(|error| format!("{error}; {}", scenarios::text::Duration::hint()))
}
