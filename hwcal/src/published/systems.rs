//! The systems on chip, by public facts.

/// A system on chip and the phone it was measured in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct System {
    /// Name in the data.
    pub name: &'static str,
    /// Name of the profile.
    pub profile: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// Clusters whose cores MACE uses: name, cores, highest clock in GHz, fp32 multiply-accumulates a core and cycle.
    pub clusters: &'static [(&'static str, u32, f64, f64)],
    /// Billion fp32 multiply-accumulates of the GPU each second, at most.
    pub gpu_gmacs: f64,
    /// Whether the GPU reads images, or buffers as on Mali.
    pub has_images: bool,
    /// Peak bandwidth of the memory in GB/s.
    pub dram_gb_per_s: f64,
}

/// Those of the publication. NEON of two 128-bit pipes does 8 multiply-accumulates a cycle, of four (Cortex-X1) 16.
pub const SYSTEMS: [System; 4] = [
    System {
        name: "sd855",
        profile: "xiaomi9_sd855",
        description: "Xiaomi 9: Snapdragon 855 (4 big cores of it), Adreno 640",
        clusters: &[("large", 1, 2.84, 8.0), ("medium", 3, 2.42, 8.0)],
        gpu_gmacs: 449.0,
        has_images: true,
        dram_gb_per_s: 34.1,
    },
    System {
        name: "sd865",
        profile: "redmi_k30_pro_sd865",
        description: "Redmi K30 Pro: Snapdragon 865 (4 big cores of it), Adreno 650",
        clusters: &[("large", 1, 2.84, 8.0), ("medium", 3, 2.42, 8.0)],
        gpu_gmacs: 614.0,
        has_images: true,
        dram_gb_per_s: 44.0,
    },
    System {
        name: "sd888",
        profile: "xiaomi11_pro_sd888",
        description: "Xiaomi 11 Pro: Snapdragon 888 (4 big cores of it), Adreno 660",
        clusters: &[("large", 1, 2.84, 16.0), ("medium", 3, 2.42, 8.0)],
        gpu_gmacs: 860.0,
        has_images: true,
        dram_gb_per_s: 51.2,
    },
    System {
        name: "kirin990",
        profile: "honor_v30_pro_kirin990",
        description: "Honor V30 Pro: Kirin 990 (4 big cores of it), Mali-G76",
        clusters: &[("large", 2, 2.86, 8.0), ("medium", 2, 2.36, 8.0)],
        gpu_gmacs: 307.0,
        has_images: false,
        dram_gb_per_s: 34.1,
    },
];

impl System {
    /// Billion multiply-accumulates of the CPU's cores each second, at most.
    pub fn cpu_gmacs(&self) -> f64 {
        self.clusters.iter().map(|&(_, cores, ghz, of_cycle)| f64::from(cores) * ghz * of_cycle).sum()
    }
}
