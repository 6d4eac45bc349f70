//! What the parts do not show: mechanisms, each with one parameter that is fitted to mappings.

use crate::rk3399pro::Campaign;

/// A mechanism of the board. Predicted latency is linear in its parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mechanism {
    /// Name of its parameter in the profile.
    pub name: &'static str,
    /// Unit of the parameter.
    pub unit: &'static str,
    /// What it stands for.
    pub meaning: &'static str,
}

const fn mechanism(name: &'static str, unit: &'static str, meaning: &'static str) -> Mechanism {
    Mechanism { name, unit, meaning }
}

/// Values of the parameters of a campaign's mechanisms, in the order of [`mechanisms`]; all at least 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// The campaign.
    pub campaign: Campaign,
    /// The values.
    pub values: Vec<f64>,
    /// Power of the board during hand-overs to and from the NPU, in W.
    pub npu_entry_w: f64,
}

pub(super) const LW: [Mechanism; 13] = [
    mechanism(
        "slower_little",
        "share",
        "blocks on L take longer between blocks of others than in the runs on L alone that were timed",
    ),
    mechanism("slower_big", "share", "the same on B"),
    mechanism("segment_little", "ms", "entering a segment on L that is not the request's first: clocks are set, threads woken"),
    mechanism("segment_big", "ms", "the same on B"),
    mechanism("arithmetic_big", "ms GHz / GMAC", "blocks on B take longer by cycles for each multiply-accumulate"),
    mechanism(
        "cold_little",
        "ms / GMAC",
        "the first block after L takes over, by its arithmetic and whatever the clock: what others left in caches",
    ),
    mechanism("cold_big", "ms / GMAC", "the same on B"),
    mechanism("cold_gpu", "ms / GMAC", "the same on G"),
    mechanism(
        "leave_gpu",
        "ms GHz",
        "cycles of the host when a CPU cluster takes over from G, at the clock that G's block had set",
    ),
    mechanism("enter_little", "ms GHz", "cycles of L when it takes over"),
    mechanism("last_little", "share", "the last block of a network on L takes longer than when timed"),
    mechanism("last_big", "share", "the same on B"),
    mechanism("last_gpu", "share", "the same on G"),
];

pub(super) const COUP: [Mechanism; 11] = [
    mechanism("cold_little", "share", "the first block after L takes over, as a share of its time at the highest clock"),
    mechanism("cold_big", "share", "the same on B"),
    mechanism("cold_gpu", "share", "the same on G"),
    mechanism("npu_fused", "share", "of the time that a block takes alone on the NPU, what it takes inside a graph"),
    mechanism("npu_host", "ms GHz", "cycles of the host for each inference, by the share of its blocks that the NPU runs"),
    mechanism("npu_final_fetch", "share", "of the measured fetching of a block's output, where the last block is on the NPU"),
    mechanism("npu_fill", "share", "of the measured conversion of a block's input, where the NPU takes over"),
    mechanism("npu_fetch", "share", "of the measured fetching of a block's output, where another takes over from the NPU"),
    mechanism("npu_load", "share", "of the measured loading of a block's graph, where the NPU runs several graphs in turn"),
    mechanism("transfer_gpu", "share", "of the measured transfers to and from the GPU"),
    mechanism("transfer_cpu", "share", "of the measured transfers between CPU clusters"),
];

/// The mechanisms of a campaign.
pub const fn mechanisms(campaign: Campaign) -> &'static [Mechanism] {
    match campaign {
        Campaign::Lw => &LW,
        Campaign::Coup => &COUP,
    }
}

/// Names for the values of a campaign's parameters, in the order of its mechanisms.
pub(super) struct LwValues<'a>(pub(super) &'a [f64]);

impl LwValues<'_> {
    /// `slower` of L, B and G.
    pub(super) fn slower(&self, processor: usize) -> f64 {
        if processor < 2 { self.0[processor] } else { 0.0 }
    }

    pub(super) fn segment_ms(&self, processor: usize) -> f64 {
        if processor < 2 { self.0[2 + processor] } else { 0.0 }
    }

    pub(super) fn arithmetic(&self, processor: usize) -> f64 {
        if processor == 1 { self.0[4] } else { 0.0 }
    }

    pub(super) fn cold(&self, processor: usize) -> f64 {
        if processor < 3 { self.0[5 + processor] } else { 0.0 }
    }

    pub(super) fn leave_gpu(&self) -> f64 {
        self.0[8]
    }

    pub(super) fn enter_little(&self) -> f64 {
        self.0[9]
    }

    pub(super) fn last(&self, processor: usize) -> f64 {
        if processor < 3 { self.0[10 + processor] } else { 0.0 }
    }
}

/// Likewise.
pub(super) struct CoupValues<'a>(pub(super) &'a [f64]);

impl CoupValues<'_> {
    pub(super) fn cold(&self, processor: usize) -> f64 {
        if processor < 3 { self.0[processor] } else { 0.0 }
    }

    pub(super) fn npu_fused(&self) -> f64 {
        self.0[3]
    }

    pub(super) fn npu_host(&self) -> f64 {
        self.0[4]
    }

    pub(super) fn npu_final_fetch(&self) -> f64 {
        self.0[5]
    }

    pub(super) fn npu_fill(&self) -> f64 {
        self.0[6]
    }

    pub(super) fn npu_fetch(&self) -> f64 {
        self.0[7]
    }

    pub(super) fn npu_load(&self) -> f64 {
        self.0[8]
    }

    pub(super) fn transfer(&self, from: usize, to: usize) -> f64 {
        if from == 2 || to == 2 { self.0[9] } else { self.0[10] }
    }
}
