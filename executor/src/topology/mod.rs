//! What this machine is: its cores in clusters of equal ones, and facts for the provenance of a measurement.
//!
//! Everything is read from sysfs and procfs, whose roots are arguments; what a file does not say is `None`, never guessed.

mod facts;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use thiserror::Error;

pub use facts::{EnergyCounter, Facts, Temperature, energy_counters, steal_time_ns, temperatures};

/// Why the cores of a machine cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TopologyError {
    /// A file that must be there is not, or cannot be read.
    #[error("`{path}` cannot be read: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        why: String,
    },
    /// A file says something else than expected.
    #[error("`{path}` holds `{text}`, but {expected} is expected")]
    Malformed {
        /// The file.
        path: String,
        /// What it holds.
        text: String,
        /// What would be right.
        expected: &'static str,
    },
}

/// A cache that a core uses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cache {
    /// 1 for the first level.
    pub level: u32,
    /// `Data`, `Instruction` or `Unified`.
    pub kind: String,
    /// Size.
    pub bytes: Option<u64>,
    /// Bytes of a line.
    pub line_bytes: Option<u64>,
    /// The cores that share it; empty if unknown.
    pub cores: Vec<usize>,
}

/// One core that is online, as the operating system sees it: with simultaneous multithreading one of several threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Core {
    /// Its number.
    pub index: usize,
    /// Computing power relative to the largest core's 1024 (`cpu_capacity`).
    pub capacity: Option<u32>,
    /// Highest frequency that the hardware reaches (`cpuinfo_max_freq`).
    pub maximum_frequency_khz: Option<u64>,
    /// Lowest frequency (`cpuinfo_min_freq`).
    pub minimum_frequency_khz: Option<u64>,
    /// Frequencies to choose from, in rising order; empty if the driver does not list them.
    pub frequencies_khz: Vec<u64>,
    /// Who chooses the frequency, e.g. `schedutil`.
    pub governor: Option<String>,
    /// Package (socket).
    pub package: Option<i64>,
    /// Die in the package.
    pub die: Option<i64>,
    /// Cluster of cores that share resources, as the firmware tells it.
    pub cluster: Option<i64>,
    /// Cores of the same physical core, itself included; empty if unknown.
    pub siblings: Vec<usize>,
    /// Its caches.
    pub caches: Vec<Cache>,
}

/// Equal cores: of the same capacity, highest frequency and package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// `cpu` where all cores are alike, else `big`, `middle` (`middle1`, `middle2`, .. from the fastest on if several) and
    /// `little`; with several packages of the same kind the package follows, as in `cpu.1`.
    pub name: String,
    /// The cores in rising order, at least one.
    pub cores: Vec<Core>,
}

impl Cluster {
    /// Numbers of the cores.
    pub fn indices(&self) -> Vec<usize> {
        self.cores.iter().map(|core| core.index).collect()
    }
}

/// Text of a file without white space around it; `None` if it is not there or empty.
pub(crate) fn text(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The number that a file holds.
pub(crate) fn number<T: FromStr>(path: &Path) -> Option<T> {
    text(path)?.parse().ok()
}

/// Cores of a list as in `0-2,4`.
fn list(text: &str) -> Option<Vec<usize>> {
    let mut cores = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        // A list longer than any machine is no list.
        if first > last || last > 1 << 16 {
            return None;
        }
        cores.extend(first..=last);
    }
    Some(cores)
}

/// Bytes of a size as in `32K`.
fn bytes(text: &str) -> Option<u64> {
    let (digits, factor) = match text.strip_suffix('K') {
        Some(digits) => (digits, 1 << 10),
        None => match text.strip_suffix('M') {
            Some(digits) => (digits, 1 << 20),
            None => (text, 1),
        },
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// The clusters of a machine, the fastest first, from a tree like `/sys`.
pub fn clusters(sysfs: &Path) -> Result<Vec<Cluster>, TopologyError> {
    let directory = sysfs.join("devices/system/cpu");
    let path = directory.join("online");
    let online = fs::read_to_string(&path)
        .map_err(|error| TopologyError::Unreadable { path: path.display().to_string(), why: error.to_string() })?;
    let indices = list(online.trim()).filter(|indices| !indices.is_empty()).ok_or_else(|| TopologyError::Malformed {
        path: path.display().to_string(),
        text: online.trim().to_owned(),
        expected: "a list of cores like `0-3,5`",
    })?;
    // Fastest first: unknown counts as slowest.
    let mut kinds: BTreeMap<_, BTreeMap<Option<i64>, Vec<Core>>> = BTreeMap::new();
    for index in indices {
        let core = core(&directory.join(format!("cpu{index}")), index);
        let kind = std::cmp::Reverse((core.capacity, core.maximum_frequency_khz));
        kinds.entry(kind).or_default().entry(core.package).or_default().push(core);
    }
    let count = kinds.len();
    let mut clusters = Vec::new();
    for (rank, packages) in kinds.into_values().enumerate() {
        let kind = match (rank, count) {
            (_, 1) => "cpu".to_owned(),
            (0, _) => "big".to_owned(),
            (rank, count) if rank + 1 == count => "little".to_owned(),
            (_, 3) => "middle".to_owned(),
            (rank, _) => format!("middle{rank}"),
        };
        let is_alone = packages.len() == 1;
        for (package, cores) in packages {
            let name = match package {
                Some(package) if !is_alone => format!("{kind}.{package}"),
                _ => kind.clone(),
            };
            clusters.push(Cluster { name, cores });
        }
    }
    Ok(clusters)
}

fn core(directory: &Path, index: usize) -> Core {
    let topology = |name: &str| directory.join("topology").join(name);
    let frequency = |name: &str| directory.join("cpufreq").join(name);
    let frequencies = text(&frequency("scaling_available_frequencies")).unwrap_or_default();
    let mut frequencies_khz: Vec<u64> = frequencies.split_whitespace().filter_map(|value| value.parse().ok()).collect();
    frequencies_khz.sort_unstable();
    let siblings = text(&topology("thread_siblings_list")).or_else(|| text(&topology("core_cpus_list")));
    // Where the firmware does not know, the kernel writes -1.
    let identifier = |name: &str| number::<i64>(&topology(name)).filter(|&identifier| identifier >= 0);
    Core {
        index,
        capacity: number(&directory.join("cpu_capacity")),
        maximum_frequency_khz: number(&frequency("cpuinfo_max_freq")),
        minimum_frequency_khz: number(&frequency("cpuinfo_min_freq")),
        frequencies_khz,
        governor: text(&frequency("scaling_governor")),
        package: identifier("physical_package_id"),
        die: identifier("die_id"),
        // The kernel gives 65535 for a cluster that is not told.
        cluster: identifier("cluster_id").filter(|&cluster| cluster != 65535),
        siblings: siblings.and_then(|siblings| list(&siblings)).unwrap_or_default(),
        caches: caches(&directory.join("cache")),
    }
}

fn caches(directory: &Path) -> Vec<Cache> {
    let mut caches = Vec::new();
    for index in 0.. {
        let directory = directory.join(format!("index{index}"));
        let Some(level) = number(&directory.join("level")) else { break };
        caches.push(Cache {
            level,
            kind: text(&directory.join("type")).unwrap_or_default(),
            bytes: text(&directory.join("size")).and_then(|size| bytes(&size)),
            line_bytes: number(&directory.join("coherency_line_size")),
            cores: text(&directory.join("shared_cpu_list")).and_then(|cores| list(&cores)).unwrap_or_default(),
        });
    }
    caches.sort();
    caches
}

#[cfg(test)]
mod tests;
