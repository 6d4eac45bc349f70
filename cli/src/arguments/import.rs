//! Arguments of `import`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Of what.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// A JSON configuration of Band's benchmark, as a scenario.
    ///
    /// Everything that is not carried over is named in a warning. Models are those of the zoo with the nearest names.
    Band(ImportArguments),
    /// What `LiteRT`'s `benchmark_model` wrote, as a table: its log, its operator profile as CSV, or its result as JSON.
    Litert(MeasuredArguments),
    /// A profile of ONNX Runtime (JSON), as a table.
    Onnxruntime(MeasuredArguments),
    /// `perf.yaml` of a model of Qualcomm's AI Hub, as a table.
    Aihub(MeasuredArguments),
    /// A log of `MLPerf`, as a table: `mlperf_log_summary.txt`, `mlperf_log_detail.txt`, or `result.json` of the mobile app.
    Mlperf(MeasuredArguments),
}

/// Arguments of `import band`.
#[derive(Args, Debug)]
pub(crate) struct ImportArguments {
    /// The configuration.
    #[arg(value_name = "CONFIG.json")]
    pub(crate) configuration: PathBuf,
    /// Scenario file to write; standard output by default.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Device of the scenario: built-in name, or path of a profile relative to the scenario.
    #[arg(long, value_name = "DEVICE", default_value = "pixel4")]
    pub(crate) device: String,
}

/// Arguments of the imports that make tables of measurements.
#[derive(Args, Debug)]
pub(crate) struct MeasuredArguments {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Table to write; standard output by default.
    #[arg(long, short, value_name = "FILE.csv")]
    pub(crate) output: Option<PathBuf>,
    /// Print the operators one by one, not the whole models.
    #[arg(long)]
    pub(crate) operators: bool,
    /// Name of the model in the table; by default what the file says, or the file's own name.
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Name of the device in the table; by default what the file says, or `host`.
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,
    /// `cpu`, `gpu` or `npu`; by default what the file says.
    #[arg(long, value_name = "PROCESSOR")]
    pub(crate) processor: Option<String>,
    /// Cores, such as `1large` or a number of threads; by default 1 of a CPU.
    #[arg(long, value_name = "CORES")]
    pub(crate) cores: Option<String>,
}
