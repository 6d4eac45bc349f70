//! Arguments of `model`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use scenarios::onnx::ReadOptions;
use sim::frontend::Passes;

use super::EXIT_STATUSES;

/// Subcommands of `model`.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Print operators, shapes, multiply-accumulates, parameters and bytes, and what a device does not support.
    Inspect(InspectArguments),
    /// Run frontend passes on a model and write the result as an ONNX file.
    ///
    /// Exact passes leave the outputs as they are but for rounding; others compress the model, and say what they assume. Weights that the
    /// file has are kept.
    #[command(after_help = EXIT_STATUSES)]
    Optimize(OptimizeArguments),
}

/// How to read a model: what the file leaves open.
#[derive(Args, Debug)]
pub(crate) struct ShapeArguments {
    /// Size of a dynamic dimension, `sequence=128`; repeat for several.
    #[arg(long = "dimension", value_name = "NAME=SIZE", value_parser = dimension)]
    pub(crate) dimensions: Vec<(String, u64)>,
    /// Whole shape of an input, `image=1x3x224x224`; repeat for several.
    #[arg(long = "input-shape", value_name = "INPUT=SHAPE", value_parser = input_shape)]
    pub(crate) input_shapes: Vec<(String, Vec<u64>)>,
}

impl ShapeArguments {
    /// The same as options of the reader.
    pub(crate) fn options(&self) -> ReadOptions {
        ReadOptions {
            dimensions: self.dimensions.iter().cloned().collect(),
            input_shapes: self.input_shapes.iter().cloned().collect(),
        }
    }
}

/// Arguments of `model optimize`.
#[derive(Args, Debug)]
pub(crate) struct OptimizeArguments {
    /// ONNX file, or the name of a model of the zoo.
    pub(crate) model: String,
    /// File to be written.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Passes in order, `dead,identity,svd[rank=0.5]`; `exact` for all that leave the outputs as they are. `list passes` names them.
    #[arg(long, value_name = "PASSES", default_value = "exact", value_parser = passes)]
    pub(crate) passes: Passes,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) shapes: ShapeArguments,
}

/// Arguments of `model inspect`.
#[derive(Args, Debug)]
pub(crate) struct InspectArguments {
    /// ONNX file, or the name of a model of the zoo.
    pub(crate) model: String,
    /// Device profile, or the name of a built-in device: print what its workers cannot run, and why.
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Print what frontend passes would change, instead of the operators.
    #[arg(long)]
    pub(crate) diff: bool,
    /// Passes to compare with, in order, `dead,identity,svd[rank=0.5]`. `list passes` names them.
    #[arg(long, value_name = "PASSES", default_value = "exact", value_parser = passes, requires = "diff")]
    pub(crate) passes: Passes,
    #[command(flatten)]
    pub(crate) shapes: ShapeArguments,
}

fn passes(text: &str) -> Result<Passes, String> {
    Passes::parse(text).map_err(|error| error.to_string())
}

pub(super) fn dimension(text: &str) -> Result<(String, u64), String> {
    let wrong = || format!("cannot read `{text}`: write e.g. `sequence=128`");
    let (name, size) = text.split_once('=').ok_or_else(wrong)?;
    match size.parse() {
        Ok(size) if size > 0 && !name.is_empty() => Ok((name.to_owned(), size)),
        _ => Err(wrong()),
    }
}

pub(super) fn input_shape(text: &str) -> Result<(String, Vec<u64>), String> {
    let wrong = || format!("cannot read `{text}`: write e.g. `image=1x3x224x224`");
    let (name, shape) = text.split_once('=').ok_or_else(wrong)?;
    let shape: Result<Vec<u64>, _> = shape.split('x').map(str::parse).collect();
    match shape {
        Ok(shape) if !name.is_empty() && !shape.contains(&0) => Ok((name.to_owned(), shape)),
        _ => Err(wrong()),
    }
}
