//! Processors and clocks of the board, and the device that stands for it.

use sim::cost::CostModels;
use sim::identifiers::{ProcessorId, WorkerId};
use sim::platform::{Device, DeviceBuilder, ProcessorKind, SupportRules, Worker};

/// A processor of the board. The big cluster is host of the GPU and the NPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Processor {
    /// Four Cortex-A53.
    Little,
    /// Two Cortex-A72.
    Big,
    /// Mali-T860.
    Gpu,
    /// The neural processor, whose own clock never changed in the campaigns.
    Npu,
}

/// Operating points in MHz of `L`, `B` and `G`.
pub const CLOCKS_MHZ: [&[u32]; 3] =
    [&[408, 600, 816, 1008, 1200, 1416], &[408, 600, 816, 1008, 1200, 1416, 1608, 1800], &[200, 300, 400, 600, 800]];

impl Processor {
    /// All, in the order of their workers and processors in the device.
    pub const ALL: [Self; 4] = [Self::Little, Self::Big, Self::Gpu, Self::Npu];

    /// The letter that names it in the tables and in the device.
    pub const fn letter(self) -> char {
        match self {
            Self::Little => 'L',
            Self::Big => 'B',
            Self::Gpu => 'G',
            Self::Npu => 'N',
        }
    }

    /// The processor that a letter names.
    pub fn of(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|processor| processor.letter() == letter)
    }

    /// The processors whose clocks a setting names: its own, and the host's.
    pub const fn clocks(self) -> &'static [Self] {
        match self {
            Self::Little => &[Self::Little],
            Self::Big | Self::Npu => &[Self::Big],
            Self::Gpu => &[Self::Gpu, Self::Big],
        }
    }

    /// Its operating points in MHz; none for the NPU.
    pub fn clocks_mhz(self) -> &'static [u32] {
        CLOCKS_MHZ.get(self as usize).copied().unwrap_or(&[])
    }

    /// Number of its settings.
    pub fn settings(self) -> usize {
        self.clocks().iter().map(|clock| clock.clocks_mhz().len()).product()
    }

    /// The frequency in GHz of the host, or of itself for a CPU cluster, at a setting.
    pub fn cpu_ghz(self, setting: usize) -> f64 {
        let cluster = if self == Self::Little { Self::Little } else { Self::Big };
        let clocks = cluster.clocks_mhz();
        f64::from(clocks[setting % clocks.len()]) * 1e-3
    }

    pub(super) const fn worker(self) -> WorkerId {
        WorkerId(self as u32)
    }

    pub(super) const fn id(self) -> ProcessorId {
        ProcessorId(self as u32)
    }

    const fn kind(self) -> ProcessorKind {
        match self {
            Self::Little | Self::Big => ProcessorKind::CpuCluster,
            Self::Gpu => ProcessorKind::Gpu,
            Self::Npu => ProcessorKind::Npu,
        }
    }

    const fn cores(self) -> u32 {
        match self {
            Self::Little => 4,
            Self::Big => 2,
            Self::Gpu | Self::Npu => 1,
        }
    }
}

/// The board: one worker of all cores for each processor, all in one memory. What moving data costs is in the costs of hand-overs.
pub(super) fn device() -> Device {
    let mut builder = DeviceBuilder::new("rk3399pro");
    let memory = builder.memory("dram");
    for processor in Processor::ALL {
        let name = processor.letter().to_string();
        let frequencies_khz = processor.clocks_mhz().iter().map(|&mhz| u64::from(mhz) * 1000).collect();
        let id = builder.processor(name.clone(), processor.kind(), processor.cores(), frequencies_khz);
        let demands = vec![(id, processor.cores())];
        let costs = CostModels::default().into();
        let kind = processor.kind();
        builder.worker(Worker { name, kind, demands, memory, invocation_ns: 0, support: SupportRules::ALL, costs });
    }
    builder.build().expect("the board is valid")
}
