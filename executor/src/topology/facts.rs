//! Facts about the machine that a measurement was taken on.

use std::fs;
use std::path::Path;

use super::{number, text};

/// What a profile or result says about the machine; `None` is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Name of the CPU.
    pub cpu_model: Option<String>,
    /// Version of its microcode.
    pub microcode: Option<String>,
    /// Release of the kernel, e.g. `6.18.44`.
    pub kernel_release: Option<String>,
    /// Who chooses the frequencies; the governors of all cores, each once, joined by `+` where they differ.
    pub governor: Option<String>,
    /// Memory in all.
    pub memory_bytes: Option<u64>,
    /// Whether the CPU says that it is a virtual machine's. Known on x86 only.
    pub is_virtual: Option<bool>,
}

impl Facts {
    /// The facts of a machine from trees like `/proc` and `/sys`.
    pub fn read(procfs: &Path, sysfs: &Path) -> Self {
        let information = fs::read_to_string(procfs.join("cpuinfo")).unwrap_or_default();
        let field = |names: &[&str]| {
            let mut fields = information.lines().filter_map(|line| line.split_once(':'));
            let value = fields.find(|(name, _)| names.contains(&name.trim()))?.1.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        let mut governors: Vec<String> = super::clusters(sysfs)
            .unwrap_or_default()
            .into_iter()
            .flat_map(|cluster| cluster.cores)
            .filter_map(|core| core.governor)
            .collect();
        governors.sort();
        governors.dedup();
        let memory = fs::read_to_string(procfs.join("meminfo")).unwrap_or_default();
        let memory_kib = memory.lines().find_map(|line| {
            let value = line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?;
            value.trim().parse::<u64>().ok()
        });
        Self {
            // On Arm there may be no name but that of the board.
            cpu_model: field(&["model name", "Hardware", "cpu model"]),
            microcode: field(&["microcode"]),
            kernel_release: text(&procfs.join("version"))
                .and_then(|version| Some(version.strip_prefix("Linux version ")?.split_whitespace().next()?.to_owned())),
            governor: (!governors.is_empty()).then(|| governors.join("+")),
            memory_bytes: memory_kib.and_then(|kib| kib.checked_mul(1024)),
            is_virtual: field(&["flags"]).map(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor")),
        }
    }
}

/// Time that a hypervisor has given to others while a core wanted to run, since the machine started, from a tree like `/proc`.
/// Counted in ticks of the kernel, commonly 10 ms. `None` if the kernel does not say.
pub fn steal_time_ns(procfs: &Path, core: usize) -> Option<u64> {
    let statistics = fs::read_to_string(procfs.join("stat")).ok()?;
    let name = format!("cpu{core}");
    let line = statistics.lines().find(|line| line.split_whitespace().next() == Some(&name))?;
    // user, nice, system, idle, iowait, irq, softirq, steal (proc(5)).
    let ticks: u64 = line.split_whitespace().nth(8)?.parse().ok()?;
    ticks.checked_mul(1_000_000_000 / rustix::param::clock_ticks_per_second().max(1))
}

/// A place whose temperature is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Temperature {
    /// Type of the zone, e.g. `cpu-thermal`.
    pub zone: String,
    /// What it reads now.
    pub celsius: f64,
}

/// All temperatures that a tree like `/sys` tells, in the order of the zones.
pub fn temperatures(sysfs: &Path) -> Vec<Temperature> {
    let zones = numbered(&sysfs.join("class/thermal"), "thermal_zone");
    let read = |name: String| {
        let directory = sysfs.join("class/thermal").join(name);
        let millidegrees: i64 = number(&directory.join("temp"))?;
        Some(Temperature { zone: text(&directory.join("type")).unwrap_or_default(), celsius: millidegrees as f64 / 1000.0 })
    };
    zones.into_iter().filter_map(read).collect()
}

/// A counter of energy (running average power limit): of a package or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnergyCounter {
    /// What it counts, e.g. `package-0`, `core`.
    pub name: String,
    /// Energy since some time; starts anew at `range_microjoules`.
    pub microjoules: u64,
    /// Where it starts anew.
    pub range_microjoules: Option<u64>,
}

/// All energy counters that may be read, from a tree like `/sys`; often only the system's owner may.
pub fn energy_counters(sysfs: &Path) -> Vec<EnergyCounter> {
    let directory = sysfs.join("class/powercap");
    let read = |name: String| {
        let zone = directory.join(name);
        Some(EnergyCounter {
            name: text(&zone.join("name"))?,
            microjoules: number(&zone.join("energy_uj"))?,
            range_microjoules: number(&zone.join("max_energy_range_uj")),
        })
    };
    numbered(&directory, "intel-rapl:").into_iter().filter_map(read).collect()
}

/// Entries of a directory that begin so, those with shorter names first, so that 2 comes before 10.
fn numbered(directory: &Path, prefix: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
    names
}

#[cfg(test)]
mod tests {
    use super::super::tests::tree;
    use super::*;

    #[test]
    fn facts_are_what_the_files_say() {
        let root = tree(&[
            ("cpuinfo".to_owned(), "processor\t: 0\nmodel name\t: Some CPU\nmicrocode\t: 0x12\nflags\t\t: fpu hypervisor avx2\n"),
            ("version".to_owned(), "Linux version 6.1.0-test (builder@host) (gcc) #1 SMP"),
            ("meminfo".to_owned(), "MemTotal:        8052540 kB\nMemFree: 1 kB"),
            ("stat".to_owned(), "cpu  1 2 3 4 5 6 7 16 0 0\ncpu0 1 2 3 4 5 6 7 7 0 0\ncpu10 1 2 3 4 5 6 7 9 0 0"),
            ("devices/system/cpu/online".to_owned(), "0-1"),
            ("devices/system/cpu/cpu0/cpufreq/scaling_governor".to_owned(), "schedutil"),
            ("devices/system/cpu/cpu1/cpufreq/scaling_governor".to_owned(), "performance"),
        ]);
        assert_eq!(
            Facts::read(root.path(), root.path()),
            Facts {
                cpu_model: Some("Some CPU".to_owned()),
                microcode: Some("0x12".to_owned()),
                kernel_release: Some("6.1.0-test".to_owned()),
                governor: Some("performance+schedutil".to_owned()),
                memory_bytes: Some(8_052_540 * 1024),
                is_virtual: Some(true),
            }
        );
        let tick_ns = 1_000_000_000 / rustix::param::clock_ticks_per_second();
        let check = |core: usize, ticks: Option<u64>| {
            assert_eq!(steal_time_ns(root.path(), core), ticks.map(|ticks| ticks * tick_ns));
        };
        check(0, Some(7));
        check(10, Some(9));
        check(1, None);
    }

    #[test]
    fn what_is_not_there_is_unknown() {
        let root = tree(&[]);
        assert_eq!(Facts::read(root.path(), root.path()), Facts::default());
        assert_eq!(steal_time_ns(root.path(), 0), None);
        assert!(temperatures(root.path()).is_empty() && energy_counters(root.path()).is_empty());
    }

    #[test]
    fn temperatures_and_energy_are_read_in_order() {
        let zone = |name: &str| format!("class/thermal/{name}");
        let power = |name: &str| format!("class/powercap/{name}");
        let root = tree(&[
            (zone("thermal_zone10/type"), "gpu"),
            (zone("thermal_zone10/temp"), "-1500"),
            (zone("thermal_zone2/type"), "cpu"),
            (zone("thermal_zone2/temp"), "45250"),
            (zone("thermal_zone3/type"), "broken"),
            (power("intel-rapl:0/name"), "package-0"),
            (power("intel-rapl:0/energy_uj"), "123"),
            (power("intel-rapl:0/max_energy_range_uj"), "1000"),
        ]);
        let read: Vec<_> = temperatures(root.path()).into_iter().map(|one| (one.zone, one.celsius)).collect();
        assert_eq!(read, [("cpu".to_owned(), 45.25), ("gpu".to_owned(), -1.5)]);
        let counter = EnergyCounter { name: "package-0".to_owned(), microjoules: 123, range_microjoules: Some(1000) };
        assert_eq!(energy_counters(root.path()), [counter]);
    }
}
