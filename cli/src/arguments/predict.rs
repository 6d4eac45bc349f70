//! Arguments of `predict`.

use std::path::PathBuf;

use clap::Args;

use super::ShapeArguments;

/// Arguments of `predict`.
#[derive(Args, Debug)]
pub(crate) struct PredictArguments {
    /// Device: name of a built-in profile, or path of one.
    #[arg(long, value_name = "DEVICE", default_value = "pixel4")]
    pub(crate) device: String,
    /// `gpu`, `cpu` for all sets of cores, or a set such as `1large1med` or `4small`; by default everything that the device has.
    #[arg(long, value_name = "PROCESSOR")]
    pub(crate) processor: Option<String>,
    /// Model: a name of the zoo, path of an ONNX file, or name of a list of operators.
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: String,
    /// Table of operators in the columns of the measured ones (`model,op_idx,op,in_hw,in_ch,out_hw,out_ch,kernel,stride,groups`).
    #[arg(long, value_name = "FILE")]
    pub(crate) operators: Option<PathBuf>,
    /// Sizes that an ONNX file leaves open.
    #[command(flatten)]
    pub(crate) shapes: ShapeArguments,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
