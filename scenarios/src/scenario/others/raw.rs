//! Others on the device as a scenario writes them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{At, Bandwidth, Duration};

/// Load on a processor by others: a share of its time, or threads beside those of inference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLoad {
    /// The processor, by its name.
    #[schemars(required, length(min = 1), extend("examples" = ["gpu"]))]
    pub processor: Option<At<String>>,
    /// Share of the time of every core that it takes, in front of everything else: from 0 to below 1.
    #[schemars(range(min = 0, max = 0.999))]
    pub share: Option<At<f64>>,
    /// Threads that never sleep, of the same weight as those of inference: cores are shared fairly.
    #[schemars(range(min = 1, max = 1000))]
    pub threads: Option<At<u32>>,
    /// From when on; from the start if absent.
    pub from: Option<At<Duration>>,
    /// Until when; to the end if absent.
    pub until: Option<At<Duration>>,
    /// On and off instead, with exponential stays.
    pub bursts: Option<RawBursts>,
    /// Other processors that it moves to and fro, each as likely.
    pub moves_to: Option<At<Vec<At<String>>>>,
    /// Mean time between two moves; 1s if absent.
    pub stay: Option<At<Duration>>,
}

/// On and off, with exponential stays; off at the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawBursts {
    /// Mean time on.
    #[schemars(required, extend("examples" = ["200ms"]))]
    pub on: Option<At<Duration>>,
    /// Mean time off.
    #[schemars(required, extend("examples" = ["800ms"]))]
    pub off: Option<At<Duration>>,
}

/// Others that move bytes to or from memory without end: they take their max-min fair part of its bandwidth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHog {
    /// What it takes with nothing else running.
    #[schemars(required, extend("examples" = ["5GB/s"]))]
    pub bandwidth: Option<At<Bandwidth>>,
    /// From when on; from the start if absent.
    pub from: Option<At<Duration>>,
    /// Until when; to the end if absent.
    pub until: Option<At<Duration>>,
    /// On and off instead, with exponential stays.
    pub bursts: Option<RawBursts>,
}

/// When a processor is away: once, or at random.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawOutage {
    /// The processor, by its name.
    #[schemars(required, length(min = 1), extend("examples" = ["gpu"]))]
    pub processor: Option<At<String>>,
    /// From when on; from the start if absent.
    pub from: Option<At<Duration>>,
    /// Until when; to the end if absent.
    pub until: Option<At<Duration>>,
    /// Again and again instead, with exponential times.
    pub random: Option<RawRandomOutage>,
}

/// Away again and again, with exponential times; there at the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRandomOutage {
    /// Mean time there.
    #[schemars(required, extend("examples" = ["20s"]))]
    pub up: Option<At<Duration>>,
    /// Mean time away.
    #[schemars(required, extend("examples" = ["1s"]))]
    pub down: Option<At<Duration>>,
}

/// What becomes of work on a processor that vanishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawOnOutage {
    /// It stands still and goes on where it was.
    Wait,
    /// The kernel under way is lost and begins anew.
    #[default]
    Restart,
    /// Requests that run there or wait for it are dropped.
    Drop,
}

/// A user interface that is never still: a frame at each beat of the display, prepared on a CPU cluster, drawn by the GPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawInterface {
    /// Beats per second: 60, 90, 120.
    #[schemars(required, range(min = 1, max = 1000), extend("examples" = [60]))]
    pub refresh_hz: Option<At<u32>>,
    /// The CPU cluster, one core of which prepares frames.
    #[schemars(required, length(min = 1), extend("examples" = ["large"]))]
    pub cpu: Option<At<String>>,
    /// The processor that draws frames.
    #[schemars(required, length(min = 1), extend("examples" = ["gpu"]))]
    pub gpu: Option<At<String>>,
    /// What a frame takes; the 987 frames of the Android Play Store if absent.
    pub work: Option<RawFrameWork>,
    /// Share of the GPU in a frame of a histogram; 0.4, an assumption, if absent.
    #[schemars(range(min = 0, max = 1))]
    pub gpu_share: Option<At<f64>>,
    /// Buffers, one of them on display; 3 if absent.
    #[schemars(range(min = 2, max = 16))]
    pub buffers: Option<At<u32>>,
    /// From the beat of a frame until it should be ready; one beat if absent.
    pub deadline: Option<At<Duration>>,
    /// Where frames stand among what waits for the GPU.
    pub precedence: Option<RawPrecedence>,
    /// Kernels of inference on the GPU are cut into slices no longer than this; not at all if absent.
    pub slice: Option<At<Duration>>,
    /// What each slice takes more; nothing if absent.
    pub slice_overhead: Option<At<Duration>>,
}

/// What a frame takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawFrameWork {
    /// Drawn from 987 frames of the Android Play Store.
    PlayStore,
    /// Always the same.
    Fixed(RawFixedFrame),
}

/// See [`RawFrameWork::Fixed`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFixedFrame {
    /// On the CPU.
    #[schemars(required, extend("examples" = ["4ms"]))]
    pub cpu: Option<At<Duration>>,
    /// On the GPU.
    #[schemars(required, extend("examples" = ["3ms"]))]
    pub gpu: Option<At<Duration>>,
}

/// Where frames stand among what waits for the GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawPrecedence {
    /// A context of higher priority: between two kernels.
    #[default]
    High,
    /// The same queue: behind all that was submitted before.
    Same,
}
