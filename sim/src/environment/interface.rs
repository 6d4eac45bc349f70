//! The user interface: frames that have to be ready at the beat of the display.
//!
//! At each beat a frame begins, if the frame before has left the CPU and a buffer is free. It is drawn on one core of a CPU cluster, then by
//! the GPU, then shown at a later beat. Why this is an entity of its own and not a stream of requests: `docs/decisions/0014-interface.md`.

use crate::environment::{EnvironmentError, load::positive};
use crate::identifiers::ProcessorId;
use crate::platform::{Device, ProcessorKind};
use crate::random::{Purpose, Stream};

/// A user interface that is never still.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    /// Time between two beats of the display.
    pub period_ns: u64,
    /// Where frames are prepared: on one core, in front of everything else there.
    pub cpu: ProcessorId,
    /// Where they are drawn.
    pub gpu: ProcessorId,
    /// What a frame takes at the speed of the profile.
    pub work: FrameWork,
    /// Buffers: the one on display, and those of frames begun and not yet shown; at least 2.
    pub buffers: u32,
    /// From the beat at which a frame begins until it should be ready.
    pub deadline_ns: u64,
    /// Where frames stand among what waits for the GPU.
    pub precedence: Precedence,
    /// How kernels of inference are cut on the GPU; not at all if absent.
    pub slicing: Option<Slicing>,
}

/// What a frame takes.
#[derive(Clone, Debug, PartialEq)]
pub enum FrameWork {
    /// Always the same.
    Fixed {
        /// On the CPU.
        cpu_ns: u64,
        /// On the GPU.
        gpu_ns: u64,
    },
    /// Drawn from a histogram; of each frame the same share is the GPU's.
    Histogram {
        /// Durations of whole frames, and how often each was seen.
        buckets: Vec<(u64, u32)>,
        /// Share of the GPU.
        gpu_share: f64,
    },
}

/// Where frames stand among what waits for the GPU. Neither preempts a kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precedence {
    /// A context of higher priority: a frame waits for the kernel that runs (or its slice), and for frames before it.
    #[default]
    High,
    /// A context of the same priority in one queue: a frame waits for all that was submitted before it, that is for whole segments.
    Same,
}

/// Kernels longer than `slice_ns` are cut into equal slices no longer than that, and frames may come between, as MACE does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slicing {
    /// Longest slice, by what a kernel takes at the speed of the profile.
    pub slice_ns: u64,
    /// What each slice of a kernel that is cut takes more.
    pub overhead_ns: u64,
}

/// Frames of the Android Play Store by duration, in nanoseconds: 987 frames as `dumpsys gfxinfo` showed them, rounded up to whole
/// milliseconds and those of up to 5 ms in one; median 6, 90th percentile 18, 95th 21, 99th 28 ms. The published head ends at 22 ms; the
/// other 20 frames are put where the 99th percentile allows: eleven between 23 and 28 ms, nine (our assumption) at 32 ms.
pub const PLAY_STORE_FRAMES: [(u64, u32); 23] = [
    (5_000_000, 376),
    (6_000_000, 122),
    (7_000_000, 117),
    (8_000_000, 77),
    (9_000_000, 41),
    (10_000_000, 14),
    (11_000_000, 11),
    (12_000_000, 17),
    (13_000_000, 32),
    (14_000_000, 28),
    (15_000_000, 20),
    (16_000_000, 13),
    (17_000_000, 19),
    (18_000_000, 13),
    (19_000_000, 12),
    (20_000_000, 23),
    (21_000_000, 21),
    (22_000_000, 11),
    (23_000_000, 2),
    (24_000_000, 2),
    (26_000_000, 3),
    (28_000_000, 4),
    (32_000_000, 9),
];

/// Share of a frame's time that is the GPU's, where nobody says: no published split was found, so that it is to be varied.
pub const GPU_SHARE: f64 = 0.4;

impl FrameWork {
    /// The published sample with our split between the processors.
    pub fn play_store() -> Self {
        Self::Histogram { buckets: PLAY_STORE_FRAMES.to_vec(), gpu_share: GPU_SHARE }
    }

    /// What a frame takes on the CPU and on the GPU: one draw for each frame, whatever becomes of the others.
    pub(crate) fn draw(&self, seed: u64, frame: u64) -> (u64, u64) {
        match self {
            Self::Fixed { cpu_ns, gpu_ns } => (*cpu_ns, *gpu_ns),
            Self::Histogram { buckets, gpu_share } => {
                let total: u64 = buckets.iter().map(|&(_, count)| u64::from(count)).sum();
                let mut rank = (Stream::new(seed, Purpose::Frames, 0, frame).uniform() * total as f64) as u64;
                let drawn = buckets.iter().find(|&&(_, count)| {
                    let is_here = rank < u64::from(count);
                    rank = rank.saturating_sub(u64::from(count));
                    is_here
                });
                let whole_ns = drawn.or(buckets.last()).map_or(0, |&(duration_ns, _)| duration_ns);
                let gpu_ns = libm::round(whole_ns as f64 * gpu_share) as u64;
                (whole_ns - gpu_ns.min(whole_ns), gpu_ns)
            }
        }
    }
}

impl Interface {
    pub(super) fn check(&self, device: &Device) -> Result<(), EnvironmentError> {
        for (processor, is_cpu) in [(self.cpu, true), (self.gpu, false)] {
            super::known("the user interface", processor, device)?;
            let processor = device.processor(processor);
            if (processor.kind == ProcessorKind::CpuCluster) != is_cpu {
                let right = if is_cpu { "a CPU cluster" } else { "no CPU cluster" };
                return Err(EnvironmentError::number("processor of frames".to_owned(), processor.name.clone(), right));
            }
        }
        if self.drawn_by(device).is_none() {
            let name = device.processor(self.gpu).name.clone();
            return Err(EnvironmentError::number("processor that draws frames".to_owned(), name, "one with a worker of its own"));
        }
        let at_least_one = |what: &str, value: u64| match value {
            0 => Err(EnvironmentError::number(what.to_owned(), "0 ns".to_owned(), "above 0")),
            _ => Ok(()),
        };
        at_least_one("period of frames", self.period_ns)?;
        at_least_one("deadline of frames", self.deadline_ns)?;
        if let Some(slicing) = self.slicing {
            at_least_one("longest slice", slicing.slice_ns)?;
        }
        if self.buffers < 2 {
            return Err(EnvironmentError::number("buffers of frames".to_owned(), self.buffers.to_string(), "at least 2"));
        }
        let FrameWork::Histogram { buckets, gpu_share } = &self.work else {
            return Ok(());
        };
        positive("frames in the histogram", buckets.iter().map(|&(_, count)| f64::from(count)).sum())?;
        if (0.0..=1.0).contains(gpu_share) {
            return Ok(());
        }
        Err(EnvironmentError::number("share of the GPU in a frame".to_owned(), gpu_share.to_string(), "from 0 to 1"))
    }

    /// The worker whose queue frames join: the first that needs nothing but the GPU.
    pub(crate) fn drawn_by(&self, device: &Device) -> Option<usize> {
        device.workers().iter().position(|worker| matches!(worker.demands.as_slice(), [(processor, _)] if *processor == self.gpu))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published percentiles of the 987 frames, by nearest rank.
    #[test]
    fn the_sample_has_its_published_percentiles() {
        let frames: Vec<u64> =
            PLAY_STORE_FRAMES.iter().flat_map(|&(duration_ns, count)| (0..count).map(move |_| duration_ns)).collect();
        assert_eq!(frames.len(), 987);
        for (percent, expected_ms) in [(50, 6), (90, 18), (95, 21), (99, 28)] {
            let rank = (frames.len() * percent).div_ceil(100);
            assert_eq!(frames[rank - 1], expected_ms * 1_000_000, "{percent} %");
        }
    }

    /// Drawn frames have the distribution they are drawn from, and a frame is the same whoever asks.
    #[test]
    fn draws_follow_the_histogram() {
        let work = FrameWork::play_store();
        let whole_ms = |frame| {
            let (cpu_ns, gpu_ns) = work.draw(3, frame);
            (cpu_ns + gpu_ns) / 1_000_000
        };
        let count = 20_000;
        for (up_to_ms, expected) in [(5, 376.0 / 987.0), (6, 498.0 / 987.0), (16, 868.0 / 987.0), (32, 1.0)] {
            let seen = (0..count).filter(|&frame| whole_ms(frame) <= up_to_ms).count() as f64 / count as f64;
            assert!((seen - expected).abs() < 0.014, "up to {up_to_ms} ms: {seen} for {expected}");
        }
        assert_eq!(work.draw(3, 17), work.draw(3, 17));
    }
}
