//! Device profiles: processors, memories, links, support rules and cost models, with where each number comes from.

mod cost;
mod cost_validate;
mod cost_write;
mod device;
mod info;
mod model_errors;
pub mod power;
mod power_convert;
mod raw;
mod validate;
mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim::cost::CostModels;
use sim::platform::{Device, SlowdownCurve, SupportRules};
use sim::task::Patterns;

pub use cost::{
    RawClass, RawClassName, RawClassProvenance, RawCoefficient, RawCosts, RawFused, RawOverhead, RawRange, RawResiduals,
};
pub(crate) use info::hexadecimal;
pub use info::{ProfileInfo, fingerprint};
pub use model_errors::ModelErrors;
pub use raw::{
    RawChannel, RawChannelUse, RawCores, RawKind, RawLink, RawMemory, RawPattern, RawProcessor, RawProfile, RawProvenance,
    RawRefinement, RawRule, RawSource, RawSupport, RawWorker,
};

use crate::library;
use crate::read::{Document, ReadError, Reference};
use crate::text::{self, Diagnostics, FileErrors};

/// The version of the profile format.
pub const SCHEMA_VERSION: u32 = 1;

/// A device profile whose names all refer to something and whose numbers are all in range.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Name.
    pub name: String,
    /// What the device is, and what the profile leaves out.
    pub description: String,
    /// Memory in which requests arrive and in which their outputs are wanted.
    pub host: String,
    /// Channel that all kernels share, if modelled.
    pub dram: Option<String>,
    /// What one decision of a strategy costs at run time.
    pub decision_ns: u64,
    /// Most memory that the models of a run may need together.
    pub memory_limit_bytes: Option<u64>,
    /// Where the numbers come from.
    pub provenance: Provenance,
    /// Physical processors.
    pub processors: Vec<Processor>,
    /// Names of the memories.
    pub memories: Vec<String>,
    /// Shared bandwidths.
    pub channels: Vec<Channel>,
    /// Ways between memories.
    pub links: Vec<Link>,
    /// What work is placed on.
    pub workers: Vec<Worker>,
    /// Named lists of support rules.
    pub support: BTreeMap<String, SupportRules>,
    /// Cost models of every worker, by its name.
    pub costs: BTreeMap<String, CostModels>,
    /// What the device draws and can run at, if known.
    pub power: Option<power::Power>,
    /// How it heats up, if known.
    pub thermal: Option<power::Thermal>,
}

/// Where the numbers of a profile come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    /// Tool and version that wrote it.
    pub tool: Option<String>,
    /// Command that writes it again.
    pub command: Option<String>,
    /// What it was fitted on.
    pub fitted_on: Option<String>,
    /// Facts about the machine that was measured, by name.
    pub machine: BTreeMap<String, String>,
    /// Measurements behind it, by what was measured.
    pub samples: BTreeMap<String, u32>,
    /// Median difference of the same thing measured twice, apart; `None` where unknown.
    pub noise_floor_percent: Option<f64>,
    /// What whole models are off by beyond what their kernels are, one standard deviation; `None` where unknown.
    pub common_error_percent: Option<f64>,
    /// How it was changed since it was fitted, oldest first.
    pub refinements: Vec<Refinement>,
    /// Data and publications it rests on.
    pub sources: Vec<Source>,
}

/// One change of a profile by an observed run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refinement {
    /// What was observed.
    pub observed: String,
    /// Fingerprint of the profile before.
    pub before: String,
    /// Launches that were compared.
    pub launches: Option<u32>,
    /// Median error of their predicted durations before.
    pub error_before_percent: Option<f64>,
    /// And after: of the launches that the factors were fitted to.
    pub error_after_percent: Option<f64>,
    /// What durations were multiplied by, by worker and class, or of a link by its name.
    pub factors: BTreeMap<String, f64>,
}

/// Data or a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it is called.
    pub name: String,
    /// Under which licence it can be used.
    pub licence: String,
    /// Where it is.
    pub location: Option<String>,
    /// What was taken from it.
    pub note: Option<String>,
}

/// How a number came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Measured on the device.
    Measured,
    /// Fitted to measurements of the device.
    Fitted,
    /// Taken from a publication or a data sheet.
    Published,
    /// Assumed; no measurement behind it.
    Assumed,
}

/// Kind of processor, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProcessorKind {
    /// A cluster of equal CPU cores.
    Cpu,
    /// Graphics processor.
    Gpu,
    /// Neural accelerator.
    Npu,
    /// Digital signal processor.
    Dsp,
}

/// A physical processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processor {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: ProcessorKind,
    /// Cores; at least 1.
    pub cores: u32,
    /// Operating points, ascending.
    pub frequencies_khz: Vec<u64>,
    /// Where the numbers come from.
    pub origin: Option<Origin>,
}

/// A shared bandwidth.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Name.
    pub name: String,
    /// Capacity; finite and above 0.
    pub bytes_per_second: f64,
    /// Where the numbers come from.
    pub origin: Option<Origin>,
}

/// A directed way between memories.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Name.
    pub name: String,
    /// Memory it leads from.
    pub from: String,
    /// Memory it leads to.
    pub to: String,
    /// Latency before bytes flow.
    pub fixed_ns: u64,
    /// Waiting for the other processor.
    pub synchronization_ns: u64,
    /// Transformation per byte; finite and at least 0.
    pub ns_per_byte: f64,
    /// Fastest a single copy flows; `None` for at once.
    pub bytes_per_second: Option<f64>,
    /// Channels drawn on, each with the channel bytes used per byte copied.
    pub channels: Vec<(String, f64)>,
    /// Worker that is occupied while a copy lasts.
    pub blocks: Option<String>,
    /// Where the numbers come from.
    pub origin: Option<Origin>,
}

/// What work is placed on.
#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    /// Name.
    pub name: String,
    /// Cores of each processor, by the processor's name.
    pub cores: BTreeMap<String, u32>,
    /// Memory it reads from and writes to.
    pub memory: String,
    /// Share of the time of its kernels in which they wait for memory, whatever its clock; between 0 and 1.
    pub memory_share: f64,
    /// Share of its speed it keeps by the share of `dram` that everything else asks for; `None` where bandwidth is shared max-min.
    pub slowdown: Option<SlowdownCurve>,
    /// Fixed cost of entering a segment.
    pub invocation_ns: u64,
    /// How far whole models were from their measurements; `None` where that was not tested.
    pub model_errors: Option<ModelErrors>,
    /// Name of its support rules; `None` for everything.
    pub support: Option<String>,
    /// Whether it keeps weights in a layout of its own.
    pub repacks_weights: bool,
    /// The CPU worker of the same runtime that takes what this one cannot run; `None` for whoever is fastest.
    pub falls_back_to: Option<String>,
    /// Patterns of operators that its runtime fuses; `None` for those that profiles are fitted on.
    pub fuses: Option<Patterns>,
    /// How the executor opens it on the machine that was measured.
    pub opens: Option<String>,
    /// The hardware, as its driver or the operating system names it.
    pub hardware: Option<String>,
    /// Library and version of the kernels that were measured.
    pub kernels: Option<String>,
    /// Driver and its version.
    pub driver: Option<String>,
    /// Where the numbers come from.
    pub origin: Option<Origin>,
}

impl Profile {
    /// Opens a profile of the library or a file; [`library::HOST`] stands for the file [`library::HOST_FILE`] in the current folder.
    pub fn open(reference: &Reference) -> Result<Document<Self>, ReadError> {
        if *reference == Reference::BuiltIn(library::HOST.to_owned()) {
            let path = PathBuf::from(library::HOST_FILE);
            if !path.exists() {
                return Err(ReadError::NoHostProfile);
            }
            return Self::open(&Reference::File(path));
        }
        Document::open("device", reference, library::devices(), |file, text, _| Self::parse(file, text))
    }

    /// Standard deviation of the logarithm of the same duration measured again, from the noise floor; 0 where none is told.
    ///
    /// The floor is the median of `|second / first - 1|`. Two log-normal draws of deviation `n` differ by a normal of deviation `n sqrt(2)`, the
    /// median of whose absolute value is 0.67449 of that.
    pub fn noise_log_deviation(&self) -> f64 {
        const MEDIAN_OF_HALF_NORMAL: f64 = 0.674_489_750_196_081_7;
        let floor = self.provenance.noise_floor_percent.unwrap_or(0.0) / 100.0;
        floor / (MEDIAN_OF_HALF_NORMAL * std::f64::consts::SQRT_2)
    }

    /// Standard deviation of the logarithm of what all kernels of a worker are wrong by together; 0 where none is told.
    pub fn common_log_deviation(&self) -> f64 {
        self.provenance.common_error_percent.unwrap_or(0.0).max(0.0) / 100.0
    }

    /// Validates the text of a profile. `file` names it in messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileErrors> {
        let mut diagnostics = Diagnostics::default();
        let raw = text::read::<RawProfile>(text, &mut diagnostics);
        let profile = raw.and_then(|raw| validate::profile(&raw, &mut diagnostics));
        diagnostics.finish(file, text, profile)
    }

    /// The text of the profile; it reads back as an equal profile, and equal profiles have equal texts.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(&write::raw(self))
    }

    /// The device as the simulator takes it.
    pub fn device(&self) -> Result<Device, Vec<sim::platform::DeviceError>> {
        device::build(self)
    }
}
