//! NPUs of Qualcomm's systems on chip, fitted to whole models that Qualcomm's AI Hub measured.
//!
//! A latency is `scale of the device x (constant + elements in and out + sum of coefficient x feature over the kernels)`: devices differ by a
//! factor (within about a tenth), so the coefficients are fitted to all of them together. See `docs/calibration.md`, "NPUs".

mod fallback;
mod fit;
mod profile;
mod terms;

use std::collections::{BTreeMap, BTreeSet};

use sim::cost::{DIMENSIONS, Dimension, Feature, FitRange, KernelClass};

use crate::ncnn;
use crate::table::{Source, Table, TableError};
use crate::usc::FitError;

pub use fallback::{FallbackData, FallbackValidation, MixedRow, Observation, Within, grouped};
pub use fit::{DeviceReport, Validation};
pub use terms::features;

const WORK: Source<'static> = Source { file: "hwcal/data/aihub_work.csv", text: include_str!("../../data/aihub_work.csv") };
const MODELS: Source<'static> = Source { file: "hwcal/data/aihub_models.csv", text: include_str!("../../data/aihub_models.csv") };

const RANGES: Source<'static> = Source { file: "hwcal/data/aihub_ranges.csv", text: include_str!("../../data/aihub_ranges.csv") };

/// Numbers that the NPU computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// Floating-point models, which it runs in half precision.
    Float16,
    /// Weights and activations of 8 bits.
    Int8,
}

impl Precision {
    /// As the data name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Float16 => "float",
            Self::Int8 => "w8a8",
        }
    }
}

/// A device with an NPU, and where its other processors come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NpuDevice {
    /// Name of the profile.
    pub device: &'static str,
    /// Name in the data.
    pub measured_as: &'static str,
    /// What the NPU computes with.
    pub precision: Precision,
    /// What the device is.
    pub description: &'static str,
    /// How many times as long as those of a Snapdragon 8 Gen 2 its CPU takes; 1 where it is that.
    pub cpu_factor: f64,
    /// The same of the GPU; `None` where nothing is known of it.
    pub gpu_factor: Option<f64>,
    /// Where the factors come from.
    pub note: &'static str,
}

/// The device whose CPU and GPU are measured.
const MEASURED: &str = "sd8gen2";

const GEN2: &str = "Snapdragon 8 Gen 2 (1 + 4 large, 3 small cores), Adreno 740 by Vulkan";
const GEN3: &str = "Galaxy S24: Snapdragon 8 Gen 3";
const GEN3_NOTE: &str = "Qualcomm's announcement of the 8 Gen 3: CPU 30 % faster, GPU 25 %";

/// Devices that profiles are written for.
pub const DEVICES: [NpuDevice; 7] = [
    NpuDevice {
        device: "sd8gen2",
        measured_as: "sd8gen2",
        precision: Precision::Float16,
        description: GEN2,
        cpu_factor: 1.0,
        gpu_factor: Some(1.0),
        note: "",
    },
    NpuDevice {
        device: "sd8gen2-int8",
        measured_as: "sd8gen2",
        precision: Precision::Int8,
        description: GEN2,
        cpu_factor: 1.0,
        gpu_factor: Some(1.0),
        note: "",
    },
    NpuDevice {
        device: "sd8gen1",
        measured_as: "sd8gen1",
        precision: Precision::Float16,
        description: "Phone with Snapdragon 8 Gen 1 (measured as QCS8450)",
        cpu_factor: 1.35,
        gpu_factor: Some(1.25),
        note: "Qualcomm's announcement of the 8 Gen 2: CPU 35 % faster, GPU 25 %",
    },
    NpuDevice {
        device: "galaxy-s24-sd8gen3",
        measured_as: "galaxy-s24",
        precision: Precision::Float16,
        description: GEN3,
        cpu_factor: 1.0 / 1.3,
        gpu_factor: Some(1.0 / 1.25),
        note: GEN3_NOTE,
    },
    NpuDevice {
        device: "galaxy-s24-sd8gen3-int8",
        measured_as: "galaxy-s24",
        precision: Precision::Int8,
        description: GEN3,
        cpu_factor: 1.0 / 1.3,
        gpu_factor: Some(1.0 / 1.25),
        note: GEN3_NOTE,
    },
    NpuDevice {
        device: "galaxy-s25-sd8elite",
        measured_as: "galaxy-s25",
        precision: Precision::Float16,
        description: "Galaxy S25: Snapdragon 8 Elite",
        cpu_factor: 1.0 / (1.3 * 1.45),
        gpu_factor: Some(1.0 / (1.25 * 1.4)),
        note: "Qualcomm's announcements: 8 Gen 3 against 8 Gen 2, CPU 30 % faster, GPU 25 %; 8 Elite against 8 Gen 3, CPU 45 %, GPU 40 %",
    },
    NpuDevice {
        device: "qcs6490-int8",
        measured_as: "qcs6490",
        precision: Precision::Int8,
        description: "RB3 Gen 2 board: QCS6490 (4 + 4 cores), the class of a Snapdragon 778G; no GPU in this profile",
        // 2.7 GHz against 3.2 GHz, and two vector units in place of four.
        cpu_factor: 2.0 * 3.2 / 2.7,
        gpu_factor: None,
        note: "Arm's descriptions of Cortex-A78 and X3 (2 and 4 vector units), highest clocks 2.7 and 3.2 GHz",
    },
];

/// The device of a name.
pub fn find(device: &str) -> Option<&'static NpuDevice> {
    DEVICES.iter().find(|it| it.device == device)
}

/// Latencies of models by device, and what the models ask for.
#[derive(Clone, Debug)]
pub struct Measurements {
    /// Models, by name in order.
    pub models: Vec<String>,
    /// Devices, by name in order.
    pub devices: Vec<String>,
    /// Nanoseconds of each model on each device; `None` where not measured.
    pub measured_ns: Vec<Vec<Option<f64>>>,
    /// One row a model, one column a term.
    features: Vec<Vec<f64>>,
    /// Multiply-accumulates of each model.
    macs: Vec<f64>,
}

/// Sums over the kernels of a model, by class (`None`: of the model itself) and feature.
type Work = BTreeMap<(Option<KernelClass>, String), f64>;

fn work() -> Result<BTreeMap<String, Work>, TableError> {
    let table = Table::read(WORK, &["model", "class", "feature", "total"])?;
    let mut all: BTreeMap<String, Work> = BTreeMap::new();
    for row in table.rows() {
        let class = match row.text("class")? {
            "model" => None,
            name => Some(KernelClass::from_name(name).ok_or_else(|| row.refuse("class", "`model` or a kernel class"))?),
        };
        let key = (class, row.text("feature")?.to_owned());
        all.entry(row.text("model")?.to_owned()).or_default().insert(key, row.not_negative("total")?);
    }
    Ok(all)
}

/// Shapes of the kernels of all models, by class.
fn ranges() -> Result<BTreeMap<KernelClass, FitRange>, TableError> {
    let table = Table::read(RANGES, &["class", "dimension", "least", "most"])?;
    let mut ranges: BTreeMap<KernelClass, FitRange> = BTreeMap::new();
    for row in table.rows() {
        let class = row.text("class")?;
        let class = KernelClass::from_name(class).ok_or_else(|| row.refuse("class", "a kernel class"))?;
        let dimension = row.text("dimension")?;
        let place = Dimension::ALL.iter().position(|it| it.name() == dimension);
        let place = place.ok_or_else(|| row.refuse("dimension", "a dimension of a shape"))?;
        let range = ranges.entry(class).or_insert(FitRange { minimum: [1.0; DIMENSIONS], maximum: [1.0; DIMENSIONS] });
        (range.minimum[place], range.maximum[place]) = (row.positive("least")?, row.positive("most")?);
    }
    Ok(ranges)
}

impl Measurements {
    /// What comes with the source code, in one precision.
    pub fn read(precision: Precision) -> Result<Self, TableError> {
        let work = work()?;
        let table = Table::read(MODELS, &["precision", "device", "model", "inference_ms"])?;
        let mut latencies: BTreeMap<(String, String), f64> = BTreeMap::new();
        for row in table.rows().filter(|row| row.text("precision").is_ok_and(|name| name == precision.name())) {
            let model = row.text("model")?;
            if !work.contains_key(model) {
                return Err(row.refuse("model", "a model of `aihub_work.csv`"));
            }
            latencies.insert((model.to_owned(), row.text("device")?.to_owned()), 1e6 * row.positive("inference_ms")?);
        }
        let unique = |pick: fn(&(String, String)) -> &String| -> Vec<String> {
            latencies.keys().map(pick).cloned().collect::<BTreeSet<_>>().into_iter().collect()
        };
        let (models, devices) = (unique(|key| &key.0), unique(|key| &key.1));
        let of = |model: &String, device: &String| latencies.get(&(model.clone(), device.clone())).copied();
        let measured_ns = models.iter().map(|model| devices.iter().map(|device| of(model, device)).collect()).collect();
        let features = models.iter().map(|model| terms::row(&work[model])).collect();
        let macs_of = |work: &Work| work.iter().filter(|(key, _)| key.1 == Feature::Macs.name()).map(|(_, total)| total).sum();
        let macs = models.iter().map(|model| macs_of(&work[model])).collect();
        Ok(Self { models, devices, measured_ns, features, macs })
    }
}

/// What a fit makes.
#[derive(Clone, Debug, PartialEq)]
pub struct FitReport {
    /// Text of the device profile.
    pub profile: String,
    /// Errors of the NPU on models that the fit did not see.
    pub validation: Validation,
    /// Errors of what falls back to the CPU.
    pub fallback: FallbackValidation,
    /// Errors of the CPU and the GPU.
    pub boards: ncnn::Validation,
}

/// Fits the NPU, and adds it to what is known of the other processors.
pub fn fit(device: &NpuDevice) -> Result<FitReport, FitError> {
    let board = ncnn::find(MEASURED).ok_or_else(|| FitError::Write(format!("no board `{MEASURED}`")))?;
    let base = ncnn::fit(board)?;
    let measured = Measurements::read(device.precision)?;
    let validation = validate(&measured)?;
    let data = FallbackData::read()?;
    let fallback = validate_fallback(&data)?;
    let mut profile = profile::build(device, &base.profile, &measured, &validation)?;
    fallback::add(&mut profile, profile::NPU, device, &fallback::fit(&data, None)?, &fallback)?;
    let profile = profile.to_toml().map_err(|error| FitError::Write(error.to_string()))?;
    Ok(FitReport { profile, validation, fallback, boards: base.validation })
}

/// Leaves each network out of what falling back is fitted to: its runs on NPU and CPU together and on the CPU alone, everywhere.
pub fn validate_fallback(data: &FallbackData) -> Result<FallbackValidation, FitError> {
    fallback::cross_validate(data)
}

/// Leaves each model out on all devices at once.
pub fn validate(measured: &Measurements) -> Result<Validation, FitError> {
    fit::cross_validate(measured)
}
