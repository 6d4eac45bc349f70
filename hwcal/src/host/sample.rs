//! What was measured: one [`Sample`] for one thing on one worker, a line of JSON each.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sim::graph::work::{Access, Geometry, KernelKind, OperatorWork};

/// One measured thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Names the experiment and the worker; unique in a set of samples, the same in every run of the same design.
    pub key: String,
    /// The worker that was measured.
    pub worker: String,
    /// What was measured.
    pub experiment: Experiment,
    /// How long it took.
    pub timing: Timing,
}

/// What was measured. Works are those of whole operators on one batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Experiment {
    /// One task: a leading operator with what is fused into its kernel.
    Operator {
        /// Work of the leading operator.
        work: WorkRecord,
        /// ONNX type of the leading operator.
        op_type: String,
        /// ONNX types of the operators fused into it, in topological order.
        #[serde(default)]
        fused: Vec<String>,
        /// `model/operator` that it was first seen as, or `design`.
        source: String,
        /// With or without a gap before.
        launch: LaunchMode,
    },
    /// A part of an operator.
    Slice {
        /// Work of the whole operator.
        work: WorkRecord,
        /// Along what it is cut.
        dimension: SliceDimension,
        /// First row or channel of the output.
        begin: u64,
        /// One past the last.
        end: u64,
        /// Rows or channels of the whole output.
        of: u64,
        /// Key of the sample of the whole, on the same worker and launched in the same mode.
        whole_key: String,
    },
    /// Consecutive tasks of a model, prepared as one unit.
    Segment {
        /// The model.
        model: String,
        /// Index of the first task in the lowered model.
        first_task: usize,
        /// Work of the leading operator of each task.
        tasks: Vec<WorkRecord>,
        /// Key of the sample of each task alone on the same worker (back to back).
        task_keys: Vec<String>,
    },
    /// A copy between host memory and the worker's own, or a mapping.
    Copy {
        /// Which way.
        direction: CopyDirection,
        /// Contiguous bytes.
        bytes: u64,
    },
    /// A unit with next to no work: submission and synchronisation.
    Launch {
        /// With or without a gap before.
        launch: LaunchMode,
    },
    /// From the moment in which another thread hands over work until the worker's idle thread has it.
    WakeUp,
    /// The same thing alone, and while another worker is busy.
    Contention {
        /// The other worker.
        with: String,
        /// What this worker ran.
        own: Bound,
        /// What the other worker ran, over and over.
        other: Bound,
        /// Work of this worker's unit.
        work: WorkRecord,
        /// Work of the other worker's unit.
        other_work: WorkRecord,
        /// Duration (p10) with the other worker idle.
        alone_ns: u64,
        /// Duration (p10) with the other worker busy all the time.
        together_ns: u64,
    },
    /// The same thing measured twice, apart.
    Noise {
        /// Key of the first measurement, a sample of the same set.
        of: String,
        /// First duration (p10).
        first_ns: u64,
        /// Second duration (p10).
        second_ns: u64,
        /// From the end of the first to the begin of the second.
        apart_ns: u64,
    },
    /// Launched back to back for long.
    Sustained {
        /// Work of the unit.
        work: WorkRecord,
        /// Equally long stretches, in order.
        stretches: Vec<Sustained>,
    },
    /// Core frequency while a unit ran, where the operating system tells it.
    Frequency {
        /// Work of the unit.
        work: WorkRecord,
        /// The core.
        core: usize,
        /// Its frequency.
        frequency_khz: u64,
    },
    /// Power of the package, where a counter (RAPL) is readable.
    Power {
        /// Work of the unit.
        work: WorkRecord,
        /// While all workers were idle.
        idle_mw: u64,
        /// While this worker ran the unit back to back.
        busy_mw: u64,
    },
}

/// Whether a launch finds the worker idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaunchMode {
    /// One launch and the wait for it, after a gap: `timing` holds both.
    Alone,
    /// One launch after the other, waiting for each: `timing` holds the mean of a launch.
    BackToBack,
}

/// Along what a task is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SliceDimension {
    /// Rows of the output.
    Rows,
    /// Channels of the output.
    Channels,
}

/// Way of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyDirection {
    /// Host to worker.
    Upload,
    /// Worker to host.
    Download,
    /// What the worker wrote becomes visible to the host.
    Map,
    /// What the host wrote becomes visible to the worker.
    Unmap,
    /// Between two buffers of the worker.
    Within,
}

/// What limits a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Arithmetic on data in caches.
    Compute,
    /// Traffic to DRAM.
    Memory,
}

/// One stretch of sustained load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sustained {
    /// Middle of the stretch, from the begin of the load on.
    pub at_ns: u64,
    /// 10th percentile of its launches.
    pub p10_ns: u64,
    /// Median of its launches.
    pub median_ns: u64,
}

/// Durations of equal repetitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// 10th percentile: what it takes when nobody disturbs.
    pub p10_ns: u64,
    /// Median.
    pub median_ns: u64,
    /// Repetitions used.
    pub samples: u32,
    /// Interquartile range divided by the median, rounded to 1e-4.
    pub spread: f64,
    /// Repetitions marked and not used, because steal time of the worker's cores advanced meanwhile.
    pub stolen: u32,
    /// Interval (95 %) of the 10th percentile.
    pub interval_ns: [u64; 2],
    /// 10th percentile of what the device itself says (begin of the first kernel to end of the last), if it has a clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_p10_ns: Option<u64>,
    /// Median of single launches in turn with those of other units: their code and data come between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_ns: Option<u64>,
    /// What preparing the unit took, with what its first launch took longer than the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared_ns: Option<u64>,
    /// 10th percentile of each visit, where it was prepared and measured several times apart; `p10_ns` is made of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub visits_ns: Vec<u64>,
    /// The batch of each visit, by the time of day at its end: what was measured together was disturbed together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub batches_ms: Vec<u64>,
}

/// What a worker could not run: support rules of a profile come from these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// Key that the sample would have had.
    pub key: String,
    /// The worker.
    pub worker: String,
    /// Why.
    pub why: RefusalKind,
    /// ONNX type of the operator that is not supported, or that leads; empty where it is about none, or none knows which.
    pub op_type: String,
    /// Its work.
    pub work: Option<WorkRecord>,
    /// In the words of the processor.
    pub message: String,
}

/// Why a worker could not run something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// It has no kernel for it.
    Unsupported,
    /// Its memory does not suffice.
    OutOfMemory,
    /// It failed.
    Failed,
    /// It would take longer than an experiment may.
    TooSlow,
}

/// [`OperatorWork`] as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkRecord {
    /// Kind of kernel, by its name in profiles.
    #[serde(serialize_with = "kind_to_name", deserialize_with = "kind_from_name")]
    pub kernel: KernelKind,
    /// Nominal multiply-accumulates.
    pub macs: u64,
    /// Elements over all activation inputs.
    pub input_elements: u64,
    /// Elements over all outputs.
    pub output_elements: u64,
    /// Elements of weights and biases.
    pub parameters: u64,
    /// Bytes over all activation inputs.
    pub input_bytes: u64,
    /// Bytes over all outputs.
    pub output_bytes: u64,
    /// Bytes of weights and biases.
    pub weight_bytes: u64,
    /// Number of activation inputs.
    pub input_count: u32,
    /// Geometry.
    #[serde(with = "GeometryRecord")]
    pub geometry: Geometry,
    /// How it walks through its data.
    #[serde(with = "AccessRecord", default, skip_serializing_if = "is_plain")]
    pub access: Access,
    /// Elements that fused operators read and write besides.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub joined_elements: u64,
}

/// The fields of [`Access`], for serde.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Access")]
struct AccessRecord {
    run: u64,
    stride: u64,
    depth: u64,
    variant: u64,
}

fn is_plain(access: &Access) -> bool {
    *access == Access::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// The fields of [`Geometry`], for serde.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Geometry")]
struct GeometryRecord {
    batch: u64,
    in_height: u64,
    in_width: u64,
    in_channels: u64,
    out_height: u64,
    out_width: u64,
    out_channels: u64,
    kernel_height: u64,
    kernel_width: u64,
    stride_height: u64,
    stride_width: u64,
    dilation_height: u64,
    dilation_width: u64,
    groups: u64,
}

impl From<&OperatorWork> for WorkRecord {
    fn from(work: &OperatorWork) -> Self {
        Self {
            kernel: work.kind,
            macs: work.macs,
            input_elements: work.input_elements,
            output_elements: work.output_elements,
            parameters: work.parameters,
            input_bytes: work.input_bytes,
            output_bytes: work.output_bytes,
            weight_bytes: work.weight_bytes,
            input_count: work.input_count,
            geometry: work.geometry,
            access: work.access,
            joined_elements: work.joined_elements,
        }
    }
}

impl From<&WorkRecord> for OperatorWork {
    fn from(work: &WorkRecord) -> Self {
        Self {
            kind: work.kernel,
            macs: work.macs,
            input_elements: work.input_elements,
            output_elements: work.output_elements,
            parameters: work.parameters,
            input_bytes: work.input_bytes,
            output_bytes: work.output_bytes,
            weight_bytes: work.weight_bytes,
            input_count: work.input_count,
            geometry: work.geometry,
            access: work.access,
            joined_elements: work.joined_elements,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn kind_to_name<S: Serializer>(kind: &KernelKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

fn kind_from_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<KernelKind, D::Error> {
    let name = String::deserialize(deserializer)?;
    KernelKind::from_name(&name).ok_or_else(|| {
        let names: Vec<&str> = KernelKind::ALL.iter().map(|kind| kind.name()).collect();
        de::Error::custom(format!("`{name}` is no kind of kernel: must be one of {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_one_line_and_reads_back_as_the_same() {
        let geometry = Geometry { in_channels: 3, out_channels: 8, kernel_height: 3, groups: 1, ..Geometry::default() };
        let work = OperatorWork {
            kind: KernelKind::DepthwiseConvolution,
            macs: 1,
            input_elements: 2,
            output_elements: 3,
            parameters: 4,
            input_bytes: 5,
            output_bytes: 6,
            weight_bytes: 7,
            input_count: 8,
            geometry,
            access: Access { run: 9, stride: 10, depth: 11, variant: 12 },
            joined_elements: 13,
        };
        let record = WorkRecord::from(&work);
        assert_eq!(OperatorWork::from(&record), work);
        let (p10_ns, median_ns) = (1_000, 1_100);
        let interval_ns = [990, 1_020];
        let sample = Sample {
            key: "cpu0/operator/x".to_owned(),
            worker: "cpu0".to_owned(),
            experiment: Experiment::Operator {
                work: record,
                op_type: "Conv".to_owned(),
                fused: vec!["Relu".to_owned()],
                source: "design".to_owned(),
                launch: LaunchMode::BackToBack,
            },
            timing: Timing {
                p10_ns,
                median_ns,
                samples: 15,
                spread: 0.0312,
                stolen: 1,
                interval_ns,
                busy_p10_ns: None,
                turn_ns: None,
                prepared_ns: None,
                visits_ns: vec![1_000, 1_200],
                batches_ms: vec![7, 9],
            },
        };
        let line = serde_json::to_string(&sample).expect("serialises");
        assert!(!line.contains('\n') && line.contains(r#""kernel":"depthwise_convolution""#), "{line}");
        assert_eq!(serde_json::from_str::<Sample>(&line).expect("reads"), sample);
        let error = serde_json::from_str::<Sample>(&line.replace("depthwise_", "deep_")).expect_err("no such kind");
        assert!(error.to_string().contains("`deep_convolution` is no kind of kernel"), "{error}");
    }
}
