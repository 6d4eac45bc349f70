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
mod tests {
    use super::*;

    /// Files under a directory of their own.
    pub(super) fn tree(files: &[(String, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, format!("{text}\n")).expect("written");
        }
        root
    }

    /// Cores with capacity, highest frequency and package; what is empty has no file.
    fn check(online: &str, cores: &[(&str, &str, &str)], expected: &[(&str, &[usize])]) {
        let mut files = vec![("devices/system/cpu/online".to_owned(), online)];
        for (index, &(capacity, frequency, package)) in cores.iter().enumerate() {
            let named =
                [("cpu_capacity", capacity), ("cpufreq/cpuinfo_max_freq", frequency), ("topology/physical_package_id", package)];
            for (name, text) in named.into_iter().filter(|(_, text)| !text.is_empty()) {
                files.push((format!("devices/system/cpu/cpu{index}/{name}"), text));
            }
        }
        let root = tree(&files);
        let clusters = clusters(root.path()).expect("readable");
        let found: Vec<(&str, Vec<usize>)> = clusters.iter().map(|cluster| (cluster.name.as_str(), cluster.indices())).collect();
        let expected: Vec<(&str, Vec<usize>)> = expected.iter().map(|(name, cores)| (*name, cores.to_vec())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn equal_cores_are_one_cluster() {
        let (little, middle, big) = (("250", "1800000", "0"), ("800", "2400000", "0"), ("1024", "2900000", "0"));
        // A phone with 1 + 3 + 4 cores, and the same with two cores offline.
        let phone = [little, little, little, little, middle, middle, middle, big];
        check("0-7", &phone, &[("big", &[7]), ("middle", &[4, 5, 6]), ("little", &[0, 1, 2, 3])]);
        check("0-2,4-5,7", &phone, &[("big", &[7]), ("middle", &[4, 5]), ("little", &[0, 1, 2])]);
        // A board with 4 + 4.
        check("0-7", &[[little; 4], [big; 4]].concat(), &[("big", &[4, 5, 6, 7]), ("little", &[0, 1, 2, 3])]);
        // A hybrid laptop that tells no capacities.
        let (fast, slow) = (("", "4700000", "0"), ("", "3500000", "0"));
        check("0-5", &[fast, fast, slow, slow, slow, slow], &[("big", &[0, 1]), ("little", &[2, 3, 4, 5])]);
        // A virtual machine without frequencies, a machine that tells nothing, and one with two sockets.
        check("0-1", &[("1024", "", "0"), ("1024", "", "0")], &[("cpu", &[0, 1])]);
        check("0", &[("", "", "")], &[("cpu", &[0])]);
        check("0-1", &[("", "3000000", "0"), ("", "3000000", "1")], &[("cpu.0", &[0]), ("cpu.1", &[1])]);
        // Four kinds.
        let kinds = [("1024", "", ""), ("900", "", ""), ("800", "", ""), ("200", "", "")];
        check("0-3", &kinds, &[("big", &[0]), ("middle1", &[1]), ("middle2", &[2]), ("little", &[3])]);
    }

    #[test]
    fn a_core_tells_what_its_files_say_and_nothing_else() {
        let cpu = |name: &str| format!("devices/system/cpu/cpu0/{name}");
        let root = tree(&[
            ("devices/system/cpu/online".to_owned(), "0"),
            (cpu("cpufreq/scaling_available_frequencies"), "1800000 600000 1200000"),
            (cpu("cpufreq/scaling_governor"), "schedutil"),
            (cpu("topology/cluster_id"), "65535"),
            (cpu("topology/die_id"), "-1"),
            (cpu("topology/thread_siblings_list"), "0,4"),
            (cpu("cache/index0/level"), "1"),
            (cpu("cache/index0/type"), "Data"),
            (cpu("cache/index0/size"), "32K"),
            (cpu("cache/index0/shared_cpu_list"), "0,4"),
        ]);
        let clusters = clusters(root.path()).expect("readable");
        let core = &clusters[0].cores[0];
        let cache = Cache { level: 1, kind: "Data".to_owned(), bytes: Some(32 << 10), line_bytes: None, cores: vec![0, 4] };
        assert_eq!(
            *core,
            Core {
                index: 0,
                capacity: None,
                maximum_frequency_khz: None,
                minimum_frequency_khz: None,
                frequencies_khz: vec![600_000, 1_200_000, 1_800_000],
                governor: Some("schedutil".to_owned()),
                package: None,
                die: None,
                cluster: None,
                siblings: vec![0, 4],
                caches: vec![cache],
            }
        );
    }

    #[test]
    fn what_is_no_machine_is_an_error() {
        let error = clusters(tree(&[]).path()).expect_err("no file").to_string();
        assert!(error.contains("devices/system/cpu/online` cannot be read"), "{error}");
        for text in ["", "3-1", "a", "0-99999999"] {
            let root = tree(&[("devices/system/cpu/online".to_owned(), text)]);
            let error = clusters(root.path()).expect_err("no list").to_string();
            assert!(error.contains(&format!("holds `{text}`, but a list of cores")), "{error}");
        }
    }

    #[test]
    fn this_machine_has_cores() {
        let clusters = clusters(Path::new("/sys")).expect("Linux");
        assert!(clusters.iter().all(|cluster| !cluster.cores.is_empty()) && !clusters.is_empty());
    }
}
