//! Clusters of machines that are folders.

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
