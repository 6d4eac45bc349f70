//! The phones of the campaign: what is fitted, on which cores, and what is known of the hardware.

/// One set of cores that models were measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreSet {
    /// Name in the data, such as `1large1med`.
    pub name: &'static str,
    /// Name of the worker, such as `cpu.1large1medium`.
    pub worker: &'static str,
    /// Cores of the large, medium and small cluster.
    pub cores: [u32; 3],
}

impl CoreSet {
    /// Cores of all clusters, each of which runs one thread.
    pub fn threads(&self) -> u32 {
        self.cores.iter().sum()
    }
}

/// Names of the clusters, in the order of [`CoreSet::cores`].
pub const CLUSTERS: [&str; 3] = ["large", "medium", "small"];

/// Errors of a plain approach on one worker, whole models, mean absolute percentage: random folds, families left out.
pub type Baseline = (&'static str, f64, f64);

/// One phone of the campaign.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Campaign {
    /// Name of the device, in the data and of the profile.
    pub device: &'static str,
    /// Column of the operator table with its GPU latencies, in microseconds.
    pub column: &'static str,
    /// What the device is.
    pub description: &'static str,
    /// Core sets in the order of reports and profiles; single cores first within each cluster.
    pub core_sets: &'static [CoreSet],
    /// Cores that each cluster has; 0 for none.
    pub cluster_cores: [u32; 3],
    /// System on chip of [`crate::power::PowerFacts`]; `None` where no power is known.
    pub power: Option<&'static str>,
    /// Whether the costs of sharing data were measured on this system on chip, or are taken over from another.
    pub links_measured: bool,
    /// Plain baseline for whole models.
    pub baseline_models: &'static [Baseline],
    /// Plain baseline for single operators on the GPU: median, 90th percentile, share within 10 %, mean; random folds, families left out.
    pub baseline_operators: [[f64; 4]; 2],
}

const fn set(name: &'static str, worker: &'static str, cores: [u32; 3]) -> CoreSet {
    CoreSet { name, worker, cores }
}

const ONE_LARGE: CoreSet = set("1large", "cpu.1large", [1, 0, 0]);
const TWO_LARGE: CoreSet = set("2large", "cpu.2large", [2, 0, 0]);
const THREE_LARGE: CoreSet = set("3large", "cpu.3large", [3, 0, 0]);
const FOUR_LARGE: CoreSet = set("4large", "cpu.4large", [4, 0, 0]);
const ONE_MEDIUM: CoreSet = set("1med", "cpu.1medium", [0, 1, 0]);
const TWO_MEDIUM: CoreSet = set("2med", "cpu.2medium", [0, 2, 0]);
const THREE_MEDIUM: CoreSet = set("3med", "cpu.3medium", [0, 3, 0]);
const ONE_SMALL: CoreSet = set("1small", "cpu.1small", [0, 0, 1]);
const TWO_SMALL: CoreSet = set("2small", "cpu.2small", [0, 0, 2]);
const THREE_SMALL: CoreSet = set("3small", "cpu.3small", [0, 0, 3]);
const FOUR_SMALL: CoreSet = set("4small", "cpu.4small", [0, 0, 4]);
const FIVE_SMALL: CoreSet = set("5small", "cpu.5small", [0, 0, 5]);
const SIX_SMALL: CoreSet = set("6small", "cpu.6small", [0, 0, 6]);
const LARGE_MEDIUM: CoreSet = set("1large1med", "cpu.1large1medium", [1, 1, 0]);
const LARGE_TWO_MEDIUM: CoreSet = set("1large2med", "cpu.1large2medium", [1, 2, 0]);

/// Every phone with measurements to fit to. The baselines are those that a plain approach reaches on the same measurements: tree ensembles per
/// operator kind plus a fitted overhead on the GPU (the better of two forms), non-negative least squares over about 20 aggregated features on the CPU.
pub const CAMPAIGNS: [Campaign; 5] = [
    Campaign {
        device: "pixel4",
        column: "pixel4_us",
        description: "Google Pixel 4: Snapdragon 855 (1 large, 3 medium and 4 small cores), Adreno 640. \
            TFLite, fp32 on the CPU (XNNPACK), fp16 on the GPU (GPU delegate, OpenCL). Power fitted and assumed, heat assumed: see their origins. No NPU.",
        core_sets: &[
            ONE_LARGE,
            ONE_MEDIUM,
            TWO_MEDIUM,
            THREE_MEDIUM,
            LARGE_MEDIUM,
            ONE_SMALL,
            TWO_SMALL,
            THREE_SMALL,
            FOUR_SMALL,
        ],
        cluster_cores: [1, 3, 4],
        power: Some("sd855"),
        links_measured: true,
        baseline_models: &[
            ("gpu", 3.4, 5.6),
            ("cpu.1large", 2.6, 4.9),
            ("cpu.1medium", 2.4, 5.1),
            ("cpu.3medium", 3.7, 8.8),
            ("cpu.1large1medium", 4.5, 9.5),
            ("cpu.1small", 2.9, 6.6),
            ("cpu.4small", 7.1, 19.7),
        ],
        baseline_operators: [[3.9, 22.6, 75.0, 8.4], [6.4, 34.6, 62.0, 13.3]],
    },
    Campaign {
        device: "s10",
        column: "s10_us",
        description: "Samsung Galaxy S10: Exynos 9820 (2 large, 2 medium and 4 small cores), Mali-G76 MP12. \
            TFLite, fp32 on the CPU (XNNPACK), fp16 on the GPU (GPU delegate, OpenCL). No power. Costs of sharing assumed. No NPU.",
        core_sets: &[
            ONE_LARGE,
            TWO_LARGE,
            ONE_MEDIUM,
            TWO_MEDIUM,
            LARGE_TWO_MEDIUM,
            ONE_SMALL,
            TWO_SMALL,
            THREE_SMALL,
            FOUR_SMALL,
        ],
        cluster_cores: [2, 2, 4],
        power: None,
        links_measured: false,
        baseline_models: &[
            ("gpu", 4.7, 6.1),
            ("cpu.1large", 2.1, 3.9),
            ("cpu.1medium", 2.3, 3.9),
            ("cpu.1small", 3.2, 7.1),
            ("cpu.2large", 3.1, 7.5),
            ("cpu.1large2medium", 5.4, 9.8),
            ("cpu.4small", 5.9, 10.3),
        ],
        baseline_operators: [[6.1, 24.9, 66.0, 10.4], [8.7, 32.9, 54.0, 15.1]],
    },
    Campaign {
        device: "mi8se",
        column: "mi8se_us",
        description: "Xiaomi Mi 8 SE: Snapdragon 710 (2 large and 6 small cores), Adreno 616. \
            TFLite, fp32 on the CPU (XNNPACK), fp16 on the GPU (GPU delegate, OpenCL). No power. Costs of sharing assumed. No NPU.",
        core_sets: &[ONE_LARGE, TWO_LARGE, ONE_SMALL, TWO_SMALL, THREE_SMALL, FOUR_SMALL, FIVE_SMALL, SIX_SMALL],
        cluster_cores: [2, 0, 6],
        power: None,
        links_measured: false,
        baseline_models: &[("gpu", 3.1, 4.8), ("cpu.1large", 2.5, 6.6), ("cpu.2large", 3.3, 8.9), ("cpu.4small", 5.0, 17.1)],
        baseline_operators: [[2.6, 19.4, 79.0, 7.1], [5.3, 30.5, 67.0, 12.4]],
    },
    Campaign {
        device: "a03s",
        column: "a03s_us",
        description: "Samsung Galaxy A03s: Helio P35 (4 large and 4 small cores, all Cortex-A53), PowerVR GE8320. \
            TFLite, fp32 on the CPU (XNNPACK), fp16 on the GPU (GPU delegate, OpenCL). No power. Costs of sharing assumed. No NPU.",
        core_sets: &[ONE_LARGE, TWO_LARGE, THREE_LARGE, FOUR_LARGE, ONE_SMALL, TWO_SMALL, THREE_SMALL, FOUR_SMALL],
        cluster_cores: [4, 0, 4],
        power: None,
        links_measured: false,
        baseline_models: &[("gpu", 4.5, 7.1), ("cpu.1large", 2.8, 5.3), ("cpu.2large", 4.8, 8.8), ("cpu.4small", 4.7, 7.4)],
        baseline_operators: [[3.9, 20.8, 75.0, 7.8], [5.4, 28.1, 67.0, 12.2]],
    },
    Campaign {
        device: "iphonexs",
        column: "iphonexs_us",
        description: "Apple iPhone XS: A12 (2 large and 4 small cores), Apple GPU of 4 cores. \
            TFLite, fp32 on the CPU (XNNPACK), fp16 on the GPU (GPU delegate, Metal). No power. Costs of sharing assumed. No NPU.",
        core_sets: &[ONE_LARGE, TWO_LARGE, ONE_SMALL, TWO_SMALL, THREE_SMALL, FOUR_SMALL],
        cluster_cores: [2, 0, 4],
        power: None,
        links_measured: false,
        baseline_models: &[("gpu", 4.3, 6.8), ("cpu.1large", 2.4, 3.8), ("cpu.2large", 2.9, 6.4), ("cpu.4small", 3.4, 5.8)],
        baseline_operators: [[3.7, 16.9, 80.0, 6.8], [5.5, 24.6, 70.0, 10.7]],
    },
];

/// The campaign of a device.
pub fn campaign(device: &str) -> Option<&'static Campaign> {
    CAMPAIGNS.iter().find(|campaign| campaign.device == device)
}
