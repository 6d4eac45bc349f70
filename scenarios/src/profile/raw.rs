//! The device profile as written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sim::graph::work::KernelKind;
use sim::task::PATTERNS;

use crate::profile::ModelErrors;
use crate::profile::cost::RawCosts;
use crate::profile::power::{RawPower, RawThermal};
use crate::profile::{Origin, ProcessorKind};
use crate::text::{At, Bandwidth, Bytes, Duration, Frequency};

/// A device: its processors, what work can be placed on, memories, links, and what everything costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Socrates device profile")]
pub struct RawProfile {
    /// Version of this format: 1.
    #[schemars(required, range(min = 1, max = 1), extend("examples" = [1]))]
    pub schema_version: Option<At<u32>>,
    /// Name, shown in results.
    #[schemars(required, length(min = 1), extend("examples" = ["pixel4"]))]
    pub name: Option<At<String>>,
    /// What the device is, and what the profile leaves out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The memory in which requests arrive and in which their outputs are wanted.
    #[schemars(required, length(min = 1), extend("examples" = ["cpu"]))]
    pub host: Option<At<String>>,
    /// The channel that all kernels share; shared bandwidth is not modelled if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dram: Option<At<String>>,
    /// What one decision of a strategy costs at run time; nothing if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<At<Duration>>,
    /// Most memory that the models of a run may need together; not limited if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<At<Bytes>>,
    /// Where the numbers come from.
    #[schemars(required)]
    pub provenance: Option<RawProvenance>,
    /// Physical processors.
    #[schemars(required, length(min = 1))]
    pub processor: Option<Vec<At<RawProcessor>>>,
    /// Memories: workers of one memory share tensors without a copy.
    #[schemars(required, length(min = 1))]
    pub memory: Option<Vec<At<RawMemory>>>,
    /// Bandwidths that activities share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Vec<At<RawChannel>>>,
    /// Directed ways between memories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Vec<At<RawLink>>>,
    /// What work is placed on.
    #[schemars(required, length(min = 1))]
    pub worker: Option<Vec<At<RawWorker>>>,
    /// Named lists of rules on which operators can run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support: Option<BTreeMap<At<String>, RawSupport>>,
    /// What kernels cost on each worker, by its name.
    #[schemars(required)]
    pub cost: Option<At<BTreeMap<At<String>, RawCosts>>>,
    /// What the device draws and can run at; neither energy nor frequencies are modelled if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<RawPower>,
    /// How the device heats up; temperatures are not modelled if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thermal: Option<RawThermal>,
}

/// Where the numbers come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawProvenance {
    /// Tool and version that wrote the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Command that writes it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What it was fitted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fitted_on: Option<String>,
    /// Facts about the machine that was measured, by name: what could not be read is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<BTreeMap<String, String>>,
    /// Measurements behind it, by what was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<BTreeMap<String, u32>>,
    /// Median difference of the same thing measured twice, apart, in percent.
    #[schemars(range(min = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_floor_percent: Option<f64>,
    /// What whole models are off by beyond what their kernels are, the same for all kernels of a worker: one standard deviation of the
    /// logarithm, in percent.
    #[schemars(range(min = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_error_percent: Option<f64>,
    /// How it was changed since it was fitted, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refinement: Option<Vec<RawRefinement>>,
    /// Data and publications that it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Vec<RawSource>>,
}

/// One change of a profile by an observed run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRefinement {
    /// What was observed.
    #[schemars(required, length(min = 1))]
    pub observed: Option<String>,
    /// Fingerprint of the profile before.
    #[schemars(required, length(min = 1))]
    pub before: Option<String>,
    /// Launches that were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launches: Option<u32>,
    /// Median error of their predicted durations before, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_before_percent: Option<f64>,
    /// And after: of the launches that the factors were fitted to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_after_percent: Option<f64>,
    /// What durations were multiplied by, by worker and class, `cpu.convolution`; of a link by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factors: Option<BTreeMap<String, f64>>,
}

/// Data or a publication.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSource {
    /// What it is called.
    #[schemars(required, length(min = 1))]
    pub name: Option<String>,
    /// Under which licence it can be used.
    #[schemars(required, length(min = 1), extend("examples" = ["MIT"]))]
    pub licence: Option<String>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What was taken from it, under which conditions it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A physical processor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawProcessor {
    /// Name, unique in the profile.
    #[schemars(required, length(min = 1), extend("examples" = ["large"]))]
    pub name: Option<At<String>>,
    /// Kind.
    #[schemars(required)]
    pub kind: Option<ProcessorKind>,
    /// Cores of a CPU cluster; 1 if absent.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cores: Option<At<u32>>,
    /// Operating points, ascending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequencies: Option<Vec<At<Frequency>>>,
    /// Where the numbers come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// A memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMemory {
    /// Name, unique in the profile.
    #[schemars(required, length(min = 1), extend("examples" = ["cpu"]))]
    pub name: Option<At<String>>,
}

/// A bandwidth that activities share max-min fairly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawChannel {
    /// Name, unique in the profile.
    #[schemars(required, length(min = 1), extend("examples" = ["dram"]))]
    pub name: Option<At<String>>,
    /// Capacity.
    #[schemars(required)]
    pub bandwidth: Option<At<Bandwidth>>,
    /// Where the numbers come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// A directed way from one memory to another. A copy of `b` bytes takes `fixed + synchronization + b * ns_per_byte + b / bandwidth`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLink {
    /// Name, unique in the profile.
    #[schemars(required, length(min = 1), extend("examples" = ["cpu-to-gpu"]))]
    pub name: Option<At<String>>,
    /// Memory it leads from.
    #[schemars(required, extend("examples" = ["cpu"]))]
    pub from: Option<At<String>>,
    /// Memory it leads to.
    #[schemars(required, extend("examples" = ["gpu"]))]
    pub to: Option<At<String>>,
    /// Latency before bytes flow; none if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<At<Duration>>,
    /// Waiting for the other processor; none if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synchronization: Option<At<Duration>>,
    /// Layout or data-type transformation per byte; none if absent.
    #[schemars(range(min = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ns_per_byte: Option<At<f64>>,
    /// Fastest a single copy flows; at once if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<At<Bandwidth>>,
    /// Shared bandwidths that the flow draws on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<At<RawChannelUse>>>,
    /// Worker that is occupied while a copy lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocks: Option<At<String>>,
    /// Where the numbers come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// How a link draws on a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawChannelUse {
    /// The channel.
    #[schemars(required, extend("examples" = ["dram"]))]
    pub channel: Option<At<String>>,
    /// Bytes through the channel for each byte copied: 2 for a copy that is read and written; 1 if absent.
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_byte: Option<At<f64>>,
}

/// A gang of cores of one or more processors that run one kernel together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawWorker {
    /// Name, unique in the profile.
    #[schemars(required, length(min = 1), extend("examples" = ["cpu.1large"]))]
    pub name: Option<At<String>>,
    /// Cores of each processor.
    #[schemars(required, extend("examples" = [{ "large": 1 }]))]
    pub cores: Option<At<BTreeMap<At<String>, At<RawCores>>>>,
    /// Memory it reads from and writes to.
    #[schemars(required, extend("examples" = ["cpu"]))]
    pub memory: Option<At<String>>,
    /// Fixed cost of entering a segment; none if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invocation: Option<At<Duration>>,
    /// How far whole models were from their measurements, when nothing of them had been fitted to; not tested if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_errors: Option<At<ModelErrors>>,
    /// Rules on which operators it can run; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support: Option<At<String>>,
    /// Share of the time of its kernels in which they wait for memory, whatever its clock; none if absent.
    #[schemars(range(min = 0, max = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_share: Option<At<f64>>,
    /// Measured slowdown: points of the share of `dram` that everything else asks for, and the share of its speed that the worker keeps.
    /// Linear between points, constant outside; two points at one share are a jump. Absent, its kernels share `dram` max-min fairly.
    #[schemars(length(min = 1), extend("examples" = [[[0.0, 1.0], [1.0, 0.5]]]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowdown: Option<At<Vec<[f64; 2]>>>,
    /// Whether it keeps weights in a layout of its own, beside those that others in its memory use; it does not if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repacks_weights: Option<bool>,
    /// The CPU worker of the same runtime that takes what this one cannot run; whoever is fastest if absent.
    #[schemars(extend("examples" = ["cpu.onnxruntime"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub falls_back_to: Option<At<String>>,
    /// Patterns of operators that its runtime fuses into one kernel; the point-wise ones, which profiles are fitted on, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuses: Option<Vec<RawPattern>>,
    /// How the executor opens it on the machine that was measured.
    #[schemars(extend("examples" = ["cpu[cores=0]"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens: Option<String>,
    /// The hardware, as its driver or the operating system names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hardware: Option<String>,
    /// Library and version of the kernels that were measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernels: Option<String>,
    /// Driver and its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Where the numbers come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// A number of cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RawCores(#[schemars(range(min = 1))] pub u32);

/// Rules on which operators can run: the first that matches decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSupport {
    /// Whether operators that no rule matches can run.
    #[schemars(required, extend("examples" = [true]))]
    pub default: Option<bool>,
    /// Rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Vec<At<RawRule>>>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRule {
    /// ONNX operator it is about; any if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op: Option<String>,
    /// Kernel kind it is about; any if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<RawKind>,
    /// Largest rank of any tensor of the operator; any if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_rank: Option<u32>,
    /// Whether operators that match can run.
    #[schemars(required, extend("examples" = [false]))]
    pub supported: Option<bool>,
    /// Shown where the rule refuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The name of a kernel kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawKind(pub String);

impl RawKind {
    /// The kind.
    pub fn kind(&self) -> Option<KernelKind> {
        KernelKind::from_name(&self.0)
    }
}

impl From<KernelKind> for RawKind {
    fn from(kind: KernelKind) -> Self {
        Self(kind.name().to_owned())
    }
}

impl JsonSchema for RawKind {
    fn schema_name() -> Cow<'static, str> {
        "KernelKind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": KernelKind::ALL.map(KernelKind::name) })
    }
}

/// The name of a pattern of operators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawPattern(pub String);

impl JsonSchema for RawPattern {
    fn schema_name() -> Cow<'static, str> {
        "FusionPattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": PATTERNS.iter().map(|rule| rule.name).collect::<Vec<_>>() })
    }
}
