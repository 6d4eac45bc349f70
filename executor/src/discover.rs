//! The processors of this machine, found without being told.

use std::path::Path;

use crate::opencl::{self, DeviceKind};
use crate::pinning::current_affinity;
use crate::processor::Transfer;
use crate::specification::{DeviceMemory, Kernels, Specification};
use crate::topology::{self, Cluster};

/// Workers by name, each with the processor behind it, of the cores that this process may use, and a GPU where there is one.
///
/// Where all cores are alike, `cpu` is the first of them and `cpu.all` all together. Where there are several clusters of them
/// ([`topology::clusters`]), each is a worker: `cpu0` has all cores of the fastest, and so on. A GPU whose driver computes on
/// the CPU gets a core for itself: the last of the largest cluster, of the slowest such cluster if there are several.
///
/// Must be called before anything else calls OpenCL: drivers that compute on the CPU start their threads then.
pub fn discover() -> Vec<(String, Specification)> {
    let allowed = current_affinity().unwrap_or_else(|_| vec![0]);
    let clusters = topology::clusters(Path::new("/sys")).unwrap_or_default();
    let mut groups = groups(&clusters, &allowed);
    let gpu = opencl_device(&mut groups);
    let mut found = cpu_workers(&groups);
    found.extend(gpu.map(|gpu| ("gpu".to_owned(), gpu)));
    found
}

/// The cores of each cluster that may be used, the fastest cluster first; last those that no cluster is known of.
fn groups(clusters: &[Cluster], allowed: &[usize]) -> Vec<Vec<usize>> {
    let mut unknown = allowed.to_vec();
    let mut groups = Vec::new();
    for cluster in clusters {
        let cores = cluster.indices();
        let (known, others): (Vec<usize>, Vec<usize>) = unknown.into_iter().partition(|core| cores.contains(core));
        groups.push(known);
        unknown = others;
    }
    groups.push(unknown);
    groups.retain(|cores| !cores.is_empty());
    groups
}

fn cpu_workers(groups: &[Vec<usize>]) -> Vec<(String, Specification)> {
    let cpu = |name: String, cores: &[usize]| (name, Specification::Cpu { cores: cores.to_vec(), kernels: Kernels::Best });
    match groups {
        [cores] if cores.len() > 1 => vec![cpu("cpu".to_owned(), &cores[..1]), cpu("cpu.all".to_owned(), cores)],
        [cores] => vec![cpu("cpu".to_owned(), cores)],
        _ => groups.iter().enumerate().map(|(index, cores)| cpu(format!("cpu{index}"), cores)).collect(),
    }
}

/// The group, and the core in it, that a driver which computes on the CPU gets for itself; `None` where there is but one core.
fn core_to_spare(groups: &[Vec<usize>]) -> Option<(usize, usize)> {
    if groups.iter().map(Vec::len).sum::<usize>() < 2 {
        return None;
    }
    let (index, cores) = groups.iter().enumerate().max_by_key(|(index, cores)| (cores.len(), *index))?;
    Some((index, *cores.last()?))
}

/// The best device that OpenCL offers: a real GPU before the CPU as one, which takes one of several cores for itself.
fn opencl_device(groups: &mut Vec<Vec<usize>>) -> Option<Specification> {
    let spare = core_to_spare(groups);
    if let Some((_, core)) = spare {
        opencl::confine(&[core]).ok()?;
    }
    let devices = opencl::devices().ok()?;
    let gpu = devices.iter().position(|device| device.kind != DeviceKind::Cpu);
    let (device, cores) = match (gpu, spare) {
        (Some(device), _) => (device, Vec::new()),
        (None, Some((index, core))) => {
            groups[index].retain(|&own| own != core);
            groups.retain(|cores| !cores.is_empty());
            (0, vec![core])
        }
        (None, None) => return None,
    };
    Some(Specification::OpenCl { device, cores, memory: DeviceMemory::Buffer, transfer: Transfer::Copy })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The clusters of a machine with these capacities of its cores, 0 where it tells none.
    fn clusters(capacities: &[u32]) -> Vec<Cluster> {
        let root = tempfile::tempdir().expect("a folder");
        let cpus = root.path().join("devices/system/cpu");
        for (core, capacity) in capacities.iter().enumerate() {
            let folder = cpus.join(format!("cpu{core}"));
            fs::create_dir_all(&folder).expect("made");
            if *capacity > 0 {
                fs::write(folder.join("cpu_capacity"), format!("{capacity}\n")).expect("written");
            }
        }
        fs::write(cpus.join("online"), format!("0-{}\n", capacities.len() - 1)).expect("written");
        topology::clusters(root.path()).expect("readable")
    }

    #[test]
    fn each_cluster_is_a_worker() {
        let check = |capacities: &[u32], allowed: &[usize], workers: &[(&str, &str)], spare: Option<usize>| {
            let groups = groups(&clusters(capacities), allowed);
            let found: Vec<(String, String)> =
                cpu_workers(&groups).into_iter().map(|(name, opens)| (name, opens.to_string())).collect();
            let expected: Vec<(String, String)> =
                workers.iter().map(|&(name, opens)| (name.to_owned(), opens.to_owned())).collect();
            assert_eq!(found, expected, "{capacities:?}, {allowed:?}");
            assert_eq!(core_to_spare(&groups).map(|(_, core)| core), spare, "{capacities:?}, {allowed:?}");
        };
        let phone = [250, 250, 250, 250, 800, 800, 800, 1024];
        let all: Vec<usize> = (0..8).collect();
        let clusters = [("cpu0", "cpu[cores=7]"), ("cpu1", "cpu[cores=4+5+6]"), ("cpu2", "cpu[cores=0+1+2+3]")];
        check(&phone, &all, &clusters, Some(3));
        check(&phone, &[0, 1, 4, 5], &[("cpu0", "cpu[cores=4+5]"), ("cpu1", "cpu[cores=0+1]")], Some(1));
        check(&phone, &[5, 6], &[("cpu", "cpu[cores=5]"), ("cpu.all", "cpu[cores=5+6]")], Some(6));
        check(&[1024, 500], &[0, 1], &[("cpu0", "cpu[cores=0]"), ("cpu1", "cpu[cores=1]")], Some(1));
        // Equal cores, with and without capacities; a single one.
        check(&[1024, 1024], &[0, 1], &[("cpu", "cpu[cores=0]"), ("cpu.all", "cpu[cores=0+1]")], Some(1));
        check(&[0, 0, 0], &[0, 1, 2], &[("cpu", "cpu[cores=0]"), ("cpu.all", "cpu[cores=0+1+2]")], Some(2));
        check(&[0, 0, 0], &[1], &[("cpu", "cpu[cores=1]")], None);
        // A core that the system says nothing about.
        check(&[1024, 1024], &[0, 5], &[("cpu0", "cpu[cores=0]"), ("cpu1", "cpu[cores=5]")], Some(5));
    }

    #[test]
    fn a_machine_that_tells_nothing_has_one_cluster() {
        assert_eq!(groups(&[], &[0, 1, 2]), [[0, 1, 2]]);
    }
}
