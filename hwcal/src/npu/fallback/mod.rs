//! What it costs that an NPU does not take a layer: ONNX Runtime's CPU kernels, and leaving and entering the NPU's graph.
//!
//! AI Hub has models that ONNX Runtime ran on NPU and CPU together, and models that it ran on the CPU whole. Which layers stayed on the CPU is not
//! said, only how many; for five models the count leaves one reading (`aihub_fallback_layers.csv`): products of activations by weights, two
//! layers each (weights dequantised, product in floating point). See `docs/calibration.md`, "Fragmentation".

mod fit;
mod profile;
mod report;
mod terms;

use std::collections::{BTreeMap, BTreeSet};

use sim::cost::{Feature, KernelClass};

use super::{Precision, Work};
use crate::table::{Source, Table, TableError, TableRow};

pub use report::{FallbackValidation, MixedRow, Within, grouped};

pub(super) use fit::{cross_validate, fit};
pub(super) use profile::add;

const MIXED: Source<'static> =
    Source { file: "hwcal/data/aihub_fallback.csv", text: include_str!("../../../data/aihub_fallback.csv") };
/// Looked up when the fit was made: no fit sees them.
const CHECK: Source<'static> =
    Source { file: "hwcal/data/aihub_fallback_check.csv", text: include_str!("../../../data/aihub_fallback_check.csv") };
const LAYERS: Source<'static> =
    Source { file: "hwcal/data/aihub_fallback_layers.csv", text: include_str!("../../../data/aihub_fallback_layers.csv") };
const CPU: Source<'static> = Source { file: "hwcal/data/aihub_cpu.csv", text: include_str!("../../../data/aihub_cpu.csv") };

/// Networks of fitted precisions whose layers on the CPU are known by count alone are not fitted to; this one's are moves of data, a guess.
const GUESSED: &str = "mobilesam";

/// A measured run that ONNX Runtime's CPU kernels had a part in.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Network.
    pub model: String,
    /// Precision, as the data name it.
    pub precision: String,
    /// Device, as the data name it.
    pub device: String,
    /// Latency.
    pub measured_ns: f64,
    /// Of the same network whole on the same NPU; 0 where the run is the CPU's alone.
    pub whole_ns: f64,
    /// Layers on the CPU; 0 where all were.
    pub layers_cpu: u64,
    /// Whether a fit may see it.
    pub is_fitted: bool,
    /// What the CPU's part asks for, one number a term.
    pub(super) features: Vec<f64>,
}

impl Observation {
    /// What the CPU's part cost.
    pub fn cost_ns(&self) -> f64 {
        self.measured_ns - self.whole_ns
    }

    /// Whether NPU and CPU both had a part in it.
    pub fn is_mixed(&self) -> bool {
        self.whole_ns > 0.0
    }
}

/// A model that ran whole on the CPUs of several devices: it tells them apart, whatever its layers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alone {
    /// Name and precision.
    model: String,
    device: String,
    /// Whether ONNX Runtime ran it, and not `TFLite`.
    by_onnxruntime: bool,
    measured_ns: f64,
}

/// Runs by ONNX Runtime, and how much longer other devices' CPUs take.
#[derive(Clone, Debug, PartialEq)]
pub struct FallbackData {
    /// Runs on NPU and CPU together, and on the CPU alone.
    pub observations: Vec<Observation>,
    pub(super) alone: Vec<Alone>,
}

/// Layers of a network that are left to the CPU: the segments that they make, and what they ask for.
type Part = (f64, Work);

fn parts() -> Result<BTreeMap<String, Part>, TableError> {
    let table = Table::read(LAYERS, &["model", "class", "count", "segments", "rows", "inputs", "outputs"])?;
    let mut parts: BTreeMap<String, Part> = BTreeMap::new();
    for row in table.rows() {
        let class = row.text("class")?;
        let class = KernelClass::from_name(class).ok_or_else(|| row.refuse("class", "a kernel class"))?;
        let (count, segments) = (row.positive("count")?, row.positive("segments")?);
        let [rows, inputs, outputs] = [row.positive("rows")?, row.positive("inputs")?, row.positive("outputs")?];
        let (all, work) = parts.entry(row.text("model")?.to_owned()).or_default();
        *all += segments;
        let asked = [
            (Feature::Launch, 1.0),
            (Feature::Macs, rows * inputs * outputs),
            (Feature::TouchedElements, rows * (inputs + outputs)),
            (Feature::OutputElements, rows * outputs),
        ];
        for (feature, each) in asked {
            *work.entry((Some(class), feature.name().to_owned())).or_default() += count * each;
        }
    }
    Ok(parts)
}

/// What the CPU computes in, of a model of a precision: integers only where weights and activations have 8 bits.
fn numbers(precision: &str) -> Precision {
    if precision.starts_with(Precision::Int8.name()) { Precision::Int8 } else { Precision::Float16 }
}

/// Precisions whose runs are fitted to: in mixed ones, which layers have how many bits is not told.
fn is_plain(precision: &str) -> bool {
    ["w8a8", "w8a16"].contains(&precision)
}

fn mixed(row: TableRow<'_>, part: &Part, may_fit: bool) -> Result<Observation, TableError> {
    let (model, precision) = (row.text("model")?, row.text("precision")?);
    Ok(Observation {
        model: model.to_owned(),
        precision: precision.to_owned(),
        device: row.text("device")?.to_owned(),
        measured_ns: 1e6 * row.positive("inference_ms")?,
        whole_ns: 1e6 * row.positive("whole_ms")?,
        layers_cpu: row.index("layers_cpu")?,
        is_fitted: may_fit && is_plain(precision) && model != GUESSED,
        features: terms::row(&part.1, numbers(precision), part.0),
    })
}

impl FallbackData {
    /// What comes with the source code.
    pub fn read() -> Result<Self, TableError> {
        let (parts, work) = (parts()?, super::work()?);
        let mut observations = Vec::new();
        let columns = ["model", "runtime", "precision", "device", "inference_ms", "layers_cpu", "whole_ms"];
        for (source, may_fit) in [(MIXED, true), (CHECK, false)] {
            let table = Table::read(source, &columns)?;
            for row in table.rows().filter(|row| row.text("runtime").is_ok_and(|it| it == "onnx")) {
                // Where the network did not run whole on the same NPU, nothing tells what falling back added.
                if let Some(part) = parts.get(row.text("model")?).filter(|_| !row.is_empty("whole_ms")) {
                    observations.push(mixed(row, part, may_fit)?);
                }
            }
        }
        let mut alone = Vec::new();
        for row in Table::read(CPU, &["model", "runtime", "precision", "device", "inference_ms"])?.rows() {
            let (model, precision, device) = (row.text("model")?, row.text("precision")?, row.text("device")?);
            let measured_ns = 1e6 * row.positive("inference_ms")?;
            let by_onnxruntime = match row.text("runtime")? {
                "onnx" => true,
                "tflite" => false,
                _ => return Err(row.refuse("runtime", "`onnx` or `tflite`")),
            };
            let Some(work) = work.get(model).filter(|_| by_onnxruntime && is_plain(precision)) else {
                let (model, device) = (format!("{model} {precision}"), device.to_owned());
                alone.push(Alone { model, device, by_onnxruntime, measured_ns });
                continue;
            };
            observations.push(Observation {
                model: model.to_owned(),
                precision: precision.to_owned(),
                device: device.to_owned(),
                measured_ns,
                whole_ns: 0.0,
                layers_cpu: 0,
                is_fitted: true,
                features: terms::row(work, numbers(precision), 0.0),
            });
        }
        Ok(Self { observations, alone })
    }

    /// Networks, by name in order.
    pub fn models(&self) -> BTreeSet<String> {
        self.observations.iter().map(|it| it.model.clone()).collect()
    }
}
