//! The command line. `docs/cli.md` is generated from it.

mod figure;
mod help;
mod import;
mod model;
mod observe;
mod predict;
mod study;
mod sweep;
mod validate;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use executor::Specification;

pub(crate) use figure::{Drawable, FigureArguments, FigureName, FigureWidth, ReportArguments};
use help::EXIT_STATUSES;
pub(crate) use help::with_examples;
pub(crate) use import::{ImportArguments, ImportCommand, MeasuredArguments};
pub(crate) use model::{InspectArguments, ModelCommand, OptimizeArguments, ShapeArguments};
pub(crate) use observe::{RefineArguments, ReplayArguments};
pub(crate) use predict::PredictArguments;
pub(crate) use study::StudyArguments;
pub(crate) use sweep::{CapacityArguments, MergeArguments, SweepArguments, Varied};
pub(crate) use validate::{
    HeldOutKind, MappedDevice, MappingsArguments, ModelsArguments, PublishedArguments, ValidateCommand, ValidateHostArguments,
};

/// Simulates deep-learning inference on the heterogeneous processors of mobile devices.
///
/// Without a command, makes the study. Results go to standard output and to a results directory,
/// progress and errors to standard error.
#[derive(Debug, Parser)]
#[command(name = "socrates", version, after_help = EXIT_STATUSES)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a scenario: every model under every strategy, compared in a table, written to a results directory.
    ///
    /// Output is byte-identical for equal inputs and seed, on any number of threads. Ctrl-C (or SIGTERM) stops between
    /// runs and writes nothing; a second one stops at once.
    #[command(after_help = EXIT_STATUSES)]
    Run(RunArguments),
    /// Run a scenario at many points: a grid or a sample of any of its fields, every strategy at each, one table of figures.
    ///
    /// What was simulated before is taken from a cache: a sweep that was killed goes on where it was, one that was changed runs the difference.
    /// Results are byte-identical on any number of threads and shards. Ctrl-C keeps what was simulated.
    #[command(after_help = EXIT_STATUSES)]
    Sweep(SweepArguments),
    /// Put the shards of a sweep together: the results are those of the sweep run as a whole, byte for byte.
    Merge(MergeArguments),
    /// Find the largest request rate, or number of copies of a stream, that meets a target.
    ///
    /// By bisection, replicate by replicate; the interval is over replicates. A stream whose queue grows meets no target.
    #[command(after_help = EXIT_STATUSES)]
    Capacity(CapacityArguments),
    /// Run a scenario on the processors of this machine, with real kernels and real copies.
    ///
    /// The plans are those of `run`, the results directory too, with measured times. The device is a profile of this machine, as
    /// `calibrate run` makes it. Every run is also simulated, and every output compared with that of the whole model on the CPU.
    #[command(after_help = EXIT_STATUSES)]
    Execute(ExecuteArguments),
    /// Run a scenario for real, as `execute` does, and take down everything that `replay` and `calibrate refine` need: arrivals, plans,
    /// choices, durations, circumstances.
    #[command(after_help = EXIT_STATUSES)]
    Observe(ExecuteArguments),
    /// Simulate what was observed: the same arrivals, plans and choices; compared request by request, and launch by launch.
    ///
    /// Requests whose arrivals follow from completions (closed loops, streams that follow others) arrive when they do in the simulation.
    /// The trace of the results holds both runs, with arrows between the same requests, kernels and copies.
    #[command(after_help = EXIT_STATUSES)]
    Replay(ReplayArguments),
    /// Hold predictions against measurements.
    Validate {
        /// Which.
        #[command(subcommand)]
        command: ValidateCommand,
    },
    /// List what comes with the program.
    List {
        /// What to list.
        what: Listed,
    },
    /// Look at models.
    Model {
        /// What to do.
        #[command(subcommand)]
        command: ModelCommand,
    },
    /// Predict the latency of a model on processors of a device, with an interval.
    ///
    /// The model is a file, one of the zoo, one of the measured phone campaign, or a list of operators. Nothing else runs, and nothing
    /// is scheduled: each processor takes the whole model.
    Predict(PredictArguments),
    /// Explain a results directory: why each operator ran where it ran, and what its fallback cost.
    Explain(ExplainArguments),
    /// Make every figure and table of the study: data, figures, captions, and a page that says what they support.
    ///
    /// Under three minutes on two cores. Files are written part by part, each whole, `study.json` last: a directory that has it is complete.
    /// Ctrl-C stops between runs.
    #[command(after_help = EXIT_STATUSES)]
    Study(StudyArguments),
    /// Draw a figure from result files, or make a figure or a table of the study.
    ///
    /// Figures are ready for print: one or two columns wide, in colours that colour-blind readers tell apart, text as outlines. Equal
    /// results give equal bytes.
    Figure(FigureArguments),
    /// Write one page on results directories, or on a study: summary, tables, timeline, graphs, comparison, provenance.
    ///
    /// The page holds everything it needs and loads nothing from anywhere.
    Report(ReportArguments),
    /// Make device profiles.
    Calibrate {
        /// What to do.
        #[command(subcommand)]
        command: CalibrateCommand,
    },
    /// Make a scenario of what another program is configured with, or a table of what it measured.
    Import {
        /// Of what.
        #[command(subcommand)]
        command: ImportCommand,
    },
    /// Print the JSON Schema of a file format.
    Schema {
        /// Which format.
        format: Format,
    },
}

/// Arguments of `run`.
#[derive(Args, Debug)]
pub(crate) struct RunArguments {
    /// Scenario file, or the name of a built-in scenario.
    #[arg(default_value = "pixel4-solo")]
    pub(crate) scenario: String,
    /// Results directory; by default `runs/` and the name of the scenario.
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Seed of every random stream, instead of the scenario's.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Replicates of everything, each with a seed of its own, instead of the scenario's: figures with their intervals.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) replicates: Option<u32>,
    /// Threads; by default one for each processor of this machine.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// Strategy to run instead of the scenario's, `name` or `name[parameter=value, ...]`; repeat for several.
    #[arg(long = "strategy", value_name = "STRATEGY")]
    pub(crate) strategies: Vec<String>,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Arguments of `execute`.
#[derive(Args, Debug)]
pub(crate) struct ExecuteArguments {
    /// Scenario file, or the name of a built-in scenario.
    #[arg(default_value = "host-solo")]
    pub(crate) scenario: String,
    /// Profile of this machine, instead of the scenario's device.
    #[arg(long, value_name = "FILE")]
    pub(crate) device: Option<String>,
    /// Processor behind a worker instead of the profile's, `gpu=opencl[cores=1]`; repeat for several.
    #[arg(long = "processor", value_name = "WORKER=PROCESSOR", value_parser = worker_processor)]
    pub(crate) processors: Vec<(String, Specification)>,
    /// Results directory; by default `runs/` and the name of the scenario, with `-measured`.
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Seed of every random stream and of the inputs, instead of the scenario's.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Strategy to run instead of the scenario's, `name` or `name[parameter=value, ...]`; repeat for several.
    #[arg(long = "strategy", value_name = "STRATEGY")]
    pub(crate) strategies: Vec<String>,
    /// Launches of every kernel before a run is measured.
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) warm_up: u32,
    /// Fail with status 1 if an output differs by more from that of the whole model on the CPU, relative to its largest value.
    #[arg(long, value_name = "DIFFERENCE", default_value_t = 1e-3)]
    pub(crate) tolerance: f64,
    /// Keep a core busy for a share of the time, `0=50%`; repeat for several.
    #[arg(long = "cpu-load", value_name = "CORE=SHARE", value_parser = cpu_load)]
    pub(crate) cpu_loads: Vec<(usize, f64)>,
    /// Draw UI frames on a worker, so many times a second with so many layers each, `gpu=60Hz,4`.
    #[arg(long = "frames", value_name = "WORKER=RATE,LAYERS", value_parser = frame_load)]
    pub(crate) frames: Option<FrameLoad>,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// UI frames to be drawn while a scenario runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FrameLoad {
    /// Worker that draws them.
    pub(crate) worker: String,
    /// Frames per second.
    pub(crate) rate_hz: f64,
    /// Layers of a frame.
    pub(crate) layers: u32,
}

/// What `list` lists.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Listed {
    /// Device profiles.
    Devices,
    /// Models of the zoo.
    Models,
    /// Strategies and their parameters.
    Strategies,
    /// Scenarios.
    Scenarios,
    /// Frontend passes and their parameters.
    Passes,
}

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub(crate) struct ExplainArguments {
    /// Results directory.
    pub(crate) directory: PathBuf,
    /// Only this case.
    #[arg(long)]
    pub(crate) case: Option<String>,
    /// Only this model.
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Only this strategy, as written in the scenario.
    #[arg(long)]
    pub(crate) strategy: Option<String>,
    /// Only this task, in detail: its number, or a part of its name or of the name of an operator in it.
    #[arg(long)]
    pub(crate) task: Option<String>,
}

/// Subcommands of `calibrate`.
#[derive(Debug, Subcommand)]
pub(crate) enum CalibrateCommand {
    /// Measure the processors of this machine and make its profile.
    ///
    /// What has been measured is kept in a journal beside the samples: a run that was stopped goes on where it was.
    Run(CalibrateRunArguments),
    /// Fit a profile anew to samples that `calibrate run` wrote, and print its errors on operators held out.
    Check(CheckArguments),
    /// Fit a device profile to the measurements that come with the program, and print its errors on models held out.
    Fit(FitArguments),
    /// Change a profile of this machine by what observed runs took: factors by worker and kind of kernel, shrunk by how little is known.
    ///
    /// Refused if the run was observed on another machine, with another library or driver. The profile keeps its history.
    Refine(RefineArguments),
}

/// Arguments of `calibrate run`.
#[derive(Args, Debug)]
pub(crate) struct CalibrateRunArguments {
    /// Measure less, in under two minutes instead of under fifteen.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Worker and the processor behind it, `cpu0=cpu[cores=0]`, `gpu=opencl[cores=1]`; repeat for several. By default every
    /// processor that is found.
    #[arg(long = "processor", value_name = "WORKER=PROCESSOR", value_parser = worker_processor)]
    pub(crate) processors: Vec<(String, Specification)>,
    /// File for the profile.
    #[arg(long, value_name = "FILE", default_value = "host.toml")]
    pub(crate) output: PathBuf,
    /// File for the samples; by default beside the profile, ending in `.samples.jsonl`.
    #[arg(long, value_name = "FILE")]
    pub(crate) samples: Option<PathBuf>,
    /// Time for measuring, in seconds, instead of the usual.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) budget: Option<u64>,
    /// Seed of the design and of the folds.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Arguments of `calibrate check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArguments {
    /// Profile that `calibrate run` wrote; its samples lie beside it.
    #[arg(default_value = "host.toml")]
    pub(crate) profile: PathBuf,
    /// File of the samples; by default beside the profile, ending in `.samples.jsonl`.
    #[arg(long, value_name = "FILE")]
    pub(crate) samples: Option<PathBuf>,
    /// Seed of the folds.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write the profile that the samples give.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `calibrate fit`.
#[derive(Args, Debug)]
pub(crate) struct FitArguments {
    /// Device to fit.
    #[arg(long, value_name = "DEVICE", default_value = "pixel4", value_parser = PossibleValuesParser::new(fitted_devices()))]
    pub(crate) device: String,
    /// Folder of measurements of your own, in files of the same names and columns as the built-in ones.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// File for the profile; without it none is written.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Fail with status 1 if the profile is not the built-in one.
    #[arg(long)]
    pub(crate) check: bool,
    /// Threads; by default one for each processor of this machine.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// A file format.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// Scenario files.
    Scenario,
    /// Device profiles.
    Profile,
    /// Sweep files.
    Sweep,
}

/// The board whose mappings were measured.
pub(crate) const RK3399PRO: &str = "rk3399pro";

/// Devices whose profiles `calibrate fit` writes.
fn fitted_devices() -> Vec<&'static str> {
    let measured = hwcal::usc::CAMPAIGNS.iter().map(|campaign| campaign.device);
    measured
        .chain(hwcal::usc::DERIVED.iter().map(|derived| derived.device))
        .chain(hwcal::ncnn::BOARDS.iter().map(|board| board.device))
        .chain(hwcal::npu::DEVICES.iter().map(|it| it.device).filter(|device| hwcal::ncnn::find(device).is_none()))
        .chain([RK3399PRO])
        .collect()
}

fn worker_processor(text: &str) -> Result<(String, Specification), String> {
    let (worker, processor) =
        text.split_once('=').ok_or_else(|| format!("cannot read `{text}`: write e.g. `gpu=opencl[cores=1]`"))?;
    let specification = processor.parse::<Specification>().map_err(|error| error.to_string())?;
    Ok((worker.trim().to_owned(), specification))
}

fn cpu_load(text: &str) -> Result<(usize, f64), String> {
    let wrong = || format!("cannot read `{text}`: write e.g. `0=50%`");
    let (core, share) = text.split_once('=').ok_or_else(wrong)?;
    let share: f64 = share.strip_suffix('%').ok_or_else(wrong)?.parse().map_err(|_| wrong())?;
    let core = core.parse().map_err(|_| wrong())?;
    if (0.0..=100.0).contains(&share) { Ok((core, share / 100.0)) } else { Err(wrong()) }
}

fn frame_load(text: &str) -> Result<FrameLoad, String> {
    let wrong = || format!("cannot read `{text}`: write e.g. `gpu=60Hz,4`");
    let (worker, rest) = text.split_once('=').ok_or_else(wrong)?;
    let (rate, layers) = rest.split_once(',').ok_or_else(wrong)?;
    let rate_hz: f64 = rate.strip_suffix("Hz").ok_or_else(wrong)?.parse().map_err(|_| wrong())?;
    let layers: u32 = layers.parse().map_err(|_| wrong())?;
    if (0.1..=1000.0).contains(&rate_hz) && (1..=1000).contains(&layers) {
        Ok(FrameLoad { worker: worker.to_owned(), rate_hz, layers })
    } else {
        Err(format!("`{text}`: the rate must be from 0.1 to 1000 Hz, the layers from 1 to 1000"))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::model::{dimension, input_shape};
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn dimensions_and_shapes() {
        assert_eq!(dimension("sequence=128"), Ok(("sequence".to_owned(), 128)));
        assert_eq!(input_shape("image=1x3x8x8"), Ok(("image".to_owned(), vec![1, 3, 8, 8])));
        for wrong in ["", "a", "=1", "a=", "a=0", "a=-1", "a=x", "a=99999999999999999999"] {
            assert!(dimension(wrong).is_err(), "{wrong}");
            assert!(input_shape(wrong).is_err(), "{wrong}");
        }
    }
}
