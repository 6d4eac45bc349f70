//! The circumstances of a measurement, as far as the machine tells them.

use std::path::{Path, PathBuf};

use executor::{Description, Transfer, topology};
use serde::{Deserialize, Serialize};

/// In place of a text that cannot be read.
pub const UNKNOWN: &str = "unknown";

/// Where samples come from. Texts that cannot be read are [`UNKNOWN`], numbers absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Operating system and its version.
    pub kernel: String,
    /// Model of the CPU.
    pub cpu: String,
    /// Version of its microcode.
    pub microcode: String,
    /// What sets the frequency of the workers' cores.
    pub governor: String,
    /// Whether core frequencies were readable.
    pub has_frequencies: bool,
    /// Whether a power counter (RAPL) was readable.
    pub has_power_counter: bool,
    /// Temperature before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_celsius: Option<f64>,
    /// Temperature after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_celsius: Option<f64>,
    /// The workers.
    pub workers: Vec<WorkerFacts>,
    /// Share of the time of this machine's cores that a hypervisor took, during the last session.
    pub steal_share: f64,
    /// Share of the time of this machine's cores that other processes may have used: all that was not idle, less this process's.
    /// Absent where it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others_share: Option<f64>,
    /// Duration of the last session.
    pub session_ns: u64,
    /// Cores of the machine that are on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online_cores: Option<usize>,
    /// Seed of the design.
    pub seed: u64,
    /// Whether it was a quick run.
    pub is_quick: bool,
}

/// A worker that was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkerFacts {
    /// Its name.
    pub name: String,
    /// How it was opened: the text of an `executor::Specification`; empty where whoever measured does not say.
    #[serde(default)]
    pub opens: String,
    /// Hardware, as its driver or the operating system names it.
    pub hardware: String,
    /// Library of its kernels, and version.
    pub kernels: String,
    /// Driver and version; empty for CPU cores.
    pub driver: String,
    /// Cores.
    pub cores: Vec<usize>,
    /// `none`, `copy` or `map`.
    pub transfer: String,
    /// Samples.
    pub samples: usize,
    /// Things that it could not do.
    pub refusals: usize,
    /// Noise floor: median of `|second / first - 1|` over things measured twice, apart; absent where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_floor: Option<f64>,
    /// What the canary of arithmetic takes when nothing disturbs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary_ns: Option<u64>,
}

impl WorkerFacts {
    /// Of an opened processor.
    pub(crate) fn new(name: &str, cores: &[usize], description: &Description) -> Self {
        let transfer = match description.transfer {
            Transfer::None => "none",
            Transfer::Copy => "copy",
            Transfer::Map => "map",
        };
        Self {
            name: name.to_owned(),
            opens: String::new(),
            hardware: description.hardware.clone(),
            kernels: description.kernels.clone(),
            driver: description.driver.clone(),
            cores: cores.to_vec(),
            transfer: transfer.to_owned(),
            samples: 0,
            refusals: 0,
            noise_floor: None,
            canary_ns: None,
        }
    }
}

/// Where the operating system tells about the machine: `/proc` and `/sys`, or copies of them.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    proc: PathBuf,
    sys: PathBuf,
}

impl Default for Machine {
    fn default() -> Self {
        Self { proc: "/proc".into(), sys: "/sys".into() }
    }
}

impl Machine {
    /// A machine whose files lie elsewhere.
    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Self { proc: root.join("proc"), sys: root.join("sys") }
    }

    fn facts(&self) -> topology::Facts {
        topology::Facts::read(&self.proc, &self.sys)
    }

    /// Operating system and version.
    pub(crate) fn kernel(&self) -> String {
        self.facts().kernel_release.map_or_else(unknown, |release| format!("Linux {release}"))
    }

    /// Model of the CPU.
    pub(crate) fn cpu(&self) -> String {
        self.facts().cpu_model.unwrap_or_else(unknown)
    }

    /// Version of its microcode.
    pub(crate) fn microcode(&self) -> String {
        self.facts().microcode.unwrap_or_else(unknown)
    }

    /// Cores that are on.
    pub(crate) fn online_cores(&self) -> Option<usize> {
        let cores = topology::clusters(&self.sys).ok()?.iter().map(|cluster| cluster.cores.len()).sum::<usize>();
        (cores > 0).then_some(cores)
    }

    /// Governors of some cores.
    pub(crate) fn governor(&self, cores: &[usize]) -> String {
        let all = topology::clusters(&self.sys).unwrap_or_default().into_iter().flat_map(|cluster| cluster.cores);
        let wanted = all.filter(|core| cores.contains(&core.index));
        let mut governors: Vec<String> = wanted.filter_map(|core| core.governor).collect();
        governors.sort();
        governors.dedup();
        if governors.is_empty() { unknown() } else { governors.join(", ") }
    }

    /// Frequency of a core at this moment.
    pub(crate) fn frequency_khz(&self, core: usize) -> Option<u64> {
        text(&self.sys.join(format!("devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq")))?.parse().ok()
    }

    /// Hottest thermal zone.
    pub(crate) fn celsius(&self) -> Option<f64> {
        topology::temperatures(&self.sys).into_iter().map(|zone| zone.celsius).max_by(f64::total_cmp)
    }

    /// Energy that the first package has used since some moment, in microjoules, and the value at which the counter starts
    /// again.
    pub(crate) fn energy_uj(&self) -> Option<(u64, u64)> {
        let package = topology::energy_counters(&self.sys).into_iter().find(|counter| counter.name.starts_with("package"))?;
        Some((package.microjoules, package.range_microjoules?))
    }

    /// Ticks of all cores: all, idle, stolen.
    pub(crate) fn ticks(&self) -> Option<[u64; 3]> {
        let text = text(&self.proc.join("stat"))?;
        let numbers: Vec<u64> =
            text.lines().next()?.split_whitespace().skip(1).filter_map(|number| number.parse().ok()).collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user and nice already.
        (numbers.len() >= 8).then(|| [numbers[..8].iter().sum(), numbers[3] + numbers[4], numbers[7]])
    }

    /// Ticks that this process has used.
    pub(crate) fn own_ticks(&self) -> Option<u64> {
        let text = text(&self.proc.join("self/stat"))?;
        // The name of the program, in brackets, may hold anything. Behind it, user and system time are the 12th and 13th.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    }
}

fn text(path: &Path) -> Option<String> {
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}

fn unknown() -> String {
    UNKNOWN.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let machine = Machine::at(Path::new("/nonexistent"));
        assert_eq!([machine.kernel(), machine.cpu(), machine.microcode(), machine.governor(&[0])], ["unknown"; 4]);
        assert_eq!((machine.frequency_khz(0), machine.celsius(), machine.energy_uj()), (None, None, None));
        assert_eq!((machine.ticks(), machine.own_ticks()), (None, None));
    }

    #[test]
    fn what_can_be_read_is_told() {
        let root = std::env::temp_dir().join(format!("hwcal-facts-{}", std::process::id()));
        let files = [
            ("proc/version", "Linux version 6.1 (builder@host) #1\n"),
            ("proc/cpuinfo", "processor : 0\nmodel name\t: Fast CPU\nmicrocode : 0x1\n\nmodel name: other\n"),
            ("proc/stat", "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1\n"),
            ("proc/self/stat", "5 (a b) c) S 1 2 3 4 5 6 7 8 9 10 30 4 0 0\n"),
            ("sys/devices/system/cpu/online", "0-1\n"),
            ("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n"),
            ("sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "1200000\n"),
            ("sys/class/thermal/thermal_zone0/temp", "41500\n"),
            ("sys/class/thermal/thermal_zone1/temp", "39000\n"),
            ("sys/class/powercap/intel-rapl:0/name", "package-0\n"),
            ("sys/class/powercap/intel-rapl:0/energy_uj", "77\n"),
            ("sys/class/powercap/intel-rapl:0/max_energy_range_uj", "1000\n"),
        ];
        for (name, content) in files {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, content).expect("written");
        }
        let machine = Machine::at(&root);
        assert_eq!([machine.kernel(), machine.cpu(), machine.microcode()], ["Linux 6.1", "Fast CPU", "0x1"]);
        assert_eq!((machine.governor(&[0, 1]), machine.frequency_khz(1)), ("powersave".to_owned(), Some(1_200_000)));
        assert_eq!((machine.celsius(), machine.energy_uj()), (Some(41.5), Some((77, 1000))));
        assert_eq!((machine.ticks(), machine.own_ticks()), (Some([36, 9, 8]), Some(34)));
        std::fs::remove_dir_all(root).expect("removed");
    }
}
