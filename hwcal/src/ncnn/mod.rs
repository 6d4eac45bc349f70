//! Boards and phones of ncnn's published benchmark: whole models, about 20 a device, with coefficients that all devices share.
//!
//! Few models were measured on each device, and each is an architecture of its own. What a kernel costs beside another is much alike on all
//! devices, so the ratios are fitted to all of them together, and each run (device, processor, threads) then moves them as far as its own
//! measurements ask for.

mod fit;
mod layers;
mod profile;

use std::collections::{BTreeMap, BTreeSet};

use sim::graph::OperatorWork;

use crate::table::{Source, Table, TableError};
use crate::usc::FitError;

pub use fit::{CategoryReport, RunReport, Validation};

/// What is known of a device besides its measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// Name, as in the data.
    pub device: &'static str,
    /// What it is.
    pub description: &'static str,
    /// Cores that runs were bound to at most.
    pub cores: u32,
    /// Highest clock of the fastest of them.
    pub khz: u64,
}

/// Devices that profiles are written for.
pub const BOARDS: [Board; 7] = [
    board("rpi4b", "Raspberry Pi 4B: BCM2711 (4 Cortex-A72).", 4, 1_800_000),
    board("rpi5", "Raspberry Pi 5: BCM2712 (4 Cortex-A76), VideoCore VII by Vulkan.", 4, 2_400_000),
    board("jetson-nano", "NVIDIA Jetson Nano: Tegra X1 (4 Cortex-A57), Maxwell GPU by Vulkan.", 4, 1_430_000),
    board("jetson-agx-orin", "NVIDIA Jetson AGX Orin (12 Cortex-A78AE), Ampere GPU by Vulkan.", 12, 2_200_000),
    board(
        "huawei-p20-kirin970",
        "Huawei P20: Kirin 970 (4 Cortex-A73; 4 Cortex-A53 not used), Mali-G72 by Vulkan.",
        4,
        2_400_000,
    ),
    board("rk3588-android", "Board with RK3588 (4 Cortex-A76; 4 Cortex-A55 not used), Mali-G610 by Vulkan.", 4, 2_400_000),
    board("sd8gen2", "Phone with Snapdragon 8 Gen 2 (1 + 4 large, 3 small cores), Adreno 740 by Vulkan.", 8, 3_200_000),
];

const fn board(device: &'static str, description: &'static str, cores: u32, khz: u64) -> Board {
    Board { device, description, cores, khz }
}

/// The board of a name.
pub fn find(device: &str) -> Option<&'static Board> {
    BOARDS.iter().find(|board| board.device == device)
}

const LAYERS: Source<'static> = Source { file: "hwcal/data/ncnn_layers.csv", text: include_str!("../../data/ncnn_layers.csv") };
const MODELS: Source<'static> = Source { file: "hwcal/data/ncnn_models.csv", text: include_str!("../../data/ncnn_models.csv") };

/// Runs of one kind, which share coefficients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// One thread of the CPU.
    OneThread,
    /// Several threads.
    Threads,
    /// The GPU.
    Gpu,
}

impl Category {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::OneThread, Self::Threads, Self::Gpu];

    /// As words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneThread => "CPU, 1 thread",
            Self::Threads => "CPU, several threads",
            Self::Gpu => "GPU",
        }
    }
}

/// Latencies of models on one device and number of threads.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The device.
    pub device: String,
    /// Kind.
    pub category: Category,
    /// Threads of the CPU; 0 for the GPU.
    pub threads: u32,
    /// Index of each model and its least latency.
    pub measured_ns: Vec<(usize, f64)>,
}

impl Run {
    /// Name of the worker.
    pub fn worker(&self) -> String {
        match (self.category, self.threads) {
            (Category::Gpu, _) => "gpu".to_owned(),
            (_, 1) => "cpu.1thread".to_owned(),
            (_, threads) => format!("cpu.{threads}threads"),
        }
    }
}

/// Layers and runs.
#[derive(Clone, Debug)]
pub struct Measurements {
    /// Models, by name in order.
    pub models: Vec<String>,
    /// Layers of each.
    pub layers: Vec<Vec<OperatorWork>>,
    /// Runs of all devices.
    pub runs: Vec<Run>,
}

/// Layers of all models that come with ncnn's benchmark, those without any measurement too.
pub fn layer_lists() -> Result<BTreeMap<String, Vec<OperatorWork>>, TableError> {
    layers::read(LAYERS)
}

/// Models with a measurement on a device.
pub fn models_on(device: &str) -> Result<BTreeSet<String>, TableError> {
    let table = Table::read(MODELS, &["device", "model"])?;
    let of_device = table.rows().filter(|row| row.text("device").is_ok_and(|it| it == device));
    of_device.map(|row| row.text("model").map(str::to_owned)).collect()
}

impl Measurements {
    /// Reads what comes with the source code.
    pub fn read() -> Result<Self, TableError> {
        let lists = layer_lists()?;
        let models: Vec<String> = lists.keys().cloned().collect();
        let table = Table::read(MODELS, &["device", "processor", "threads", "model", "min_ms"])?;
        let mut runs: BTreeMap<(String, Category, u32), Vec<(usize, f64)>> = BTreeMap::new();
        for row in table.rows() {
            let (category, threads) = match row.text("processor")? {
                "cpu" if row.size("threads")? == 1 => (Category::OneThread, 1),
                "cpu" => (Category::Threads, row.size("threads")? as u32),
                "gpu" => (Category::Gpu, 0),
                _ => return Err(row.refuse("processor", "`cpu` or `gpu`")),
            };
            // Names of old models without layers are in the data.
            let Ok(model) = models.binary_search_by(|model| model.as_str().cmp(row.text("model").unwrap_or_default())) else {
                continue;
            };
            runs.entry((row.text("device")?.to_owned(), category, threads))
                .or_default()
                .push((model, 1e6 * row.positive("min_ms")?));
        }
        let runs =
            runs.into_iter().map(|((device, category, threads), measured_ns)| Run { device, category, threads, measured_ns });
        Ok(Self { models, layers: lists.into_values().collect(), runs: runs.collect() })
    }
}

/// What a fit makes.
#[derive(Clone, Debug, PartialEq)]
pub struct FitReport {
    /// Text of the device profile.
    pub profile: String,
    /// Errors on models that the fit did not see.
    pub validation: Validation,
}

/// Fits all runs, and writes the profile of one board.
pub fn fit(board: &Board) -> Result<FitReport, FitError> {
    let measured = Measurements::read()?;
    let validation = fit::cross_validate(&measured)?;
    let profile = profile::text(board, &measured, &validation)?;
    Ok(FitReport { profile, validation })
}
