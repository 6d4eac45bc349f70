//! Sweeps and capacity searches, as a user meets them.

use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::folder::{Folder, Ran};

const SWEEP: &str = r#"schema_version = 1
name = "rates"
strategies = ["cpu[worker=cpu.1large]", "gpu"]
replicates = 2

[scenario]
schema_version = 1
name = "small"
device = "./phone.toml"
variation = "residuals"
stream = [{ model = "squeezenet1_1", requests = 6, deadline = "30ms" }]

[[axis]]
path = "stream[0].arrivals.poisson.rate_per_second"
values = [5.0, 50.0, 500.0]
"#;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("sweep.toml", SWEEP);
    folder
}

fn done(ran: &Ran) -> &Ran {
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    ran
}

#[test]
fn a_sweep_prints_a_summary_and_writes_one_table() {
    let folder = folder();
    let ran = folder.socrates(&["sweep", "sweep.toml"]);
    let expected = "\
rates: grid of 3 points on phone

strategy                rows  least p50 in  median of p50 ms  median of p99 ms  missed
cpu[worker=cpu.1large]     6          0.0%            35.403            58.571   50.0%
gpu                        6        100.0%             5.817            10.336    0.0%
";
    assert_eq!(done(&ran).stdout, expected);
    assert!(ran.stderr.contains("12 runs simulated, 0 from the cache; results in `runs/rates`"), "{}", ran.stderr);
    let names: Vec<String> = folder.contents("runs/rates").iter().map(|(path, _)| path.display().to_string()).collect();
    assert_eq!(names, ["points.parquet", "sweep.json"]);
    let again = folder.socrates(&["sweep", "sweep.toml"]);
    assert_eq!(done(&again).stdout, expected);
    assert!(again.stderr.contains("0 runs simulated, 12 from the cache"), "{}", again.stderr);
}

#[test]
fn shards_merge_to_the_whole_on_any_number_of_threads() {
    let folder = folder();
    let run = |arguments: &[&str]| {
        let ran = folder.socrates(&[&["sweep", "sweep.toml", "--quiet"], arguments].concat());
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    };
    run(&["--output", "whole", "--threads", "1", "--no-cache"]);
    run(&["--shard", "1/2", "--threads", "3", "--no-cache"]);
    run(&["--shard", "0/2", "--cache", "kept"]);
    let merged = folder.socrates(&["merge", "runs/rates-shard-1-of-2", "runs/rates-shard-0-of-2", "--output", "merged"]);
    assert!(done(&merged).stdout.starts_with("rates: grid of 3 points on phone\n"), "{}", merged.stdout);
    assert!(folder.contents("merged") == folder.contents("whole"));
    let one = folder.socrates(&["merge", "runs/rates-shard-1-of-2", "--output", "merged"]);
    assert_eq!((one.status, one.stdout.as_str()), (Some(2), ""));
    assert!(one.stderr.contains("cannot merge: 1 of 2 shards are missing: 0"), "{}", one.stderr);
    // What stood there still does.
    assert!(folder.contents("merged") == folder.contents("whole"));
    let none = folder.socrates(&["merge", "nothing", "--output", "merged"]);
    assert!(none.stderr.contains("a shard is a folder that `socrates sweep` wrote"), "{}", none.stderr);
}

/// Killed in the middle, without any chance to tidy up, a sweep goes on where it was.
#[test]
fn a_killed_sweep_goes_on_where_it_was() {
    let folder = folder();
    let values: Vec<String> = (1..=400).map(|rate| format!("{rate}.0")).collect();
    folder.write("sweep.toml", SWEEP.replace("5.0, 50.0, 500.0", &values.join(", ")));
    let mut child = folder
        .command(&["sweep", "sweep.toml", "--quiet", "--threads", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let kept = || {
        folder.path().join("runs/.cache").is_dir() && folder.contents("runs/.cache").iter().any(|(_, bytes)| bytes.len() > 40_000)
    };
    while !kept() && child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_mins(2), "nothing was kept");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!folder.path().join("runs/rates").exists());
    let resumed = folder.socrates(&["sweep", "sweep.toml"]);
    let words = done(&resumed).stderr.split_whitespace().collect::<Vec<&str>>();
    let [simulated, cached] = [words[0], words[3]].map(|word| word.parse::<u32>().unwrap());
    assert_eq!(simulated + cached, 1600, "{}", resumed.stderr);
    assert!(cached >= 50, "{}", resumed.stderr);
    assert_eq!(done(&folder.socrates(&["sweep", "sweep.toml", "--no-cache", "--output", "fresh", "--quiet"])).stderr, "");
    assert!(folder.contents("fresh") == folder.contents("runs/rates"));
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_says_what_is_kept() {
    let folder = folder();
    let values: Vec<String> = (1..=2000).map(|rate| format!("{rate}.0")).collect();
    folder.write("sweep.toml", SWEEP.replace("5.0, 50.0, 500.0", &values.join(", ")));
    let mut child =
        folder.command(&["sweep", "sweep.toml", "--quiet"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while !folder.path().join("runs/.cache").is_dir() && begun.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(100));
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let status = child.wait().unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("runs are kept in `runs/.cache`: the same command goes on from there"), "{stderr}");
    assert!(!folder.path().join("runs/rates").exists());
}

#[test]
fn damage_in_the_cache_is_told_and_made_good() {
    let folder = folder();
    done(&folder.socrates(&["sweep", "sweep.toml", "--output", "first"]));
    let (name, mut bytes) = folder.contents("runs/.cache").remove(0);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(folder.path().join("runs/.cache").join(&name), bytes).unwrap();
    let ran = folder.socrates(&["sweep", "sweep.toml", "--output", "second"]);
    let told = format!("warning: cache segment `{}`: 1 damaged; what was lost was simulated again", name.display());
    assert!(done(&ran).stderr.contains(&told), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 runs simulated, 11 from the cache"), "{}", ran.stderr);
    assert!(folder.contents("first") == folder.contents("second"));
}

/// The disk takes no more: the exit status and the message say so, and no results stand there.
#[cfg(unix)]
#[test]
fn a_full_disk_is_told() {
    let folder = folder();
    // A process that may write no byte to any file; the signal that comes with it is ignored.
    let program = env!("CARGO_BIN_EXE_socrates");
    let script = format!("trap '' XFSZ; ulimit -f 0; exec {program} sweep sweep.toml");
    let output = std::process::Command::new("bash").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    let ran = Ran::of(&output);
    assert_eq!(ran.status, Some(3), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("cannot write to cache `runs/.cache`, what was kept before stays: File too large"),
        "{}",
        ran.stderr
    );
    assert!(!folder.path().join("runs/rates").exists());
    done(&folder.socrates(&["sweep", "sweep.toml"]));
}

#[test]
fn runs_without_a_plan_are_rows_that_say_why() {
    let folder = folder();
    folder.write("sweep.toml", SWEEP.replace("\"gpu\"]", "\"npu\"]\nfigures = [\"workers[gpv].utilization\"]"));
    let ran = folder.socrates(&["sweep", "sweep.toml"]);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("6 rows have no figures: the strategy has no plan: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("no run has a figure `workers[gpv].utilization`"), "{}", ran.stderr);
}

#[test]
fn bad_sweeps() {
    let check = |from: &str, to: &str, words: &[&str]| {
        assert!(SWEEP.contains(from), "{from}");
        let folder = Folder::new();
        folder.write("sweep.toml", SWEEP.replace(from, to));
        let ran = folder.socrates(&["sweep", "sweep.toml"]);
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""), "{}", ran.stderr);
        for word in words {
            assert!(ran.stderr.contains(word), "`{word}` is not in:\n{}", ran.stderr);
        }
        assert!(!folder.path().join("runs").exists(), "something was run");
    };
    let path = "stream[0].arrivals.poisson.rate_per_second";
    let values = "values = [5.0, 50.0, 500.0]";
    check(
        path,
        "stream[0].arrivals.poisson.rate_per_secund",
        &["sweep.toml:14:36", "unknown field `rate_per_secund`", "did you mean `rate_per_second`?"],
    );
    check(path, "streams[0].deadline", &["sweep.toml:14:9", "unknown field `streams`", "did you mean `stream`?"]);
    check(path, "stream.deadline", &["`stream` has no fields", "write `stream[0].deadline`"]);
    check(path, "seed[0]", &["`seed` is not a list"]);
    check(path, "seed.x", &["`seed` has no fields", "end it at `seed`"]);
    check(path, "stream[7].priority", &["`stream` has no entry with number 7: it has 1 (`squeezenet1_1`)"]);
    check(path, "stream[0", &["expected a number, a name or `*` in brackets"]);
    check(path, "strategies", &["`strategies` cannot be an axis", "at the top"]);
    check(path, "profile.worker[npv].invocation", &["`worker` has no entry named `npv`"]);
    check(values, "", &["missing key `values`"]);
    check(values, "values = []", &["too few entries: 0 of at least 1"]);
    check(values, "values = [5.0, 0.0, -3.0]", &["sweep.toml:15:16", "with 0.0: `0.0` is out of range", "with -3.0"]);
    check(values, "values = [5.0, 5.0]", &["duplicate value `5.0`"]);
    check(values, "values = [5.0, \"fast\"]", &["with \"fast\": expected a number, found a text"]);
    check(values, "range = { from = 1, to = 10 }", &["a range in a grid has a number of values"]);
    check(values, "range = { from = 10, to = 1, count = 3 }", &["the range is empty"]);
    check(values, "range = { from = 0, to = 1, count = 3, scale = \"log\" }", &["a logarithmic range begins above 0"]);
    check(values, "range = { from = \"1ms\", to = \"1MB\", count = 3 }", &["the ends of the range have different units"]);
    check(values, "range = { from = 1, to = 10, count = 3 }\nvalues = [1]", &["an axis has `values` or a `range`"]);
    check("replicates = 2", "replicates = 0", &["`0` is out of range"]);
    check("\"gpu\"]", "\"gpv\"]", &["unknown strategy `gpv`", "did you mean `gpu`?"]);
    check("\"gpu\"]", "\"cpu[worker=cpu.9large]\"]", &["cpu.9large"]);
    check("./phone.toml", "./fone.toml", &["device file `./fone.toml` does not exist"]);
    check("[scenario]", "[scenaryo]", &["unknown key `scenaryo`", "did you mean `scenario`?"]);
    check("name = \"rates\"", "name = \"..\"", &["`..` cannot be a name"]);
    let thousand = "range = { from = 1.0, to = 1000.0, count = 1000 }";
    let grid = |path: &str| format!("{thousand}\n[[axis]]\npath = \"{path}\"\nrange = {{ from = 1, to = 1000, count = 1000 }}");
    let billion =
        format!("{}\n{}", grid("stream[0].priority"), "[[axis]]\npath = \"seed\"\nrange = { from = 1, to = 1000, count = 1000 }");
    check(values, &billion, &["the grid has 1000000000 points (1000 x 1000 x 1000), the limit is 10000000 runs"]);
    check(values, &grid("seed").replace("count = 1000", "count = 1000000"), &["the grid has 1000000000 points (1000000 x 1000)"]);
    check(
        values,
        &format!("{values}\n[[axis]]\npath = \"stream[0].arrivals\"\nvalues = [{{ poisson = {{ rate_per_second = 1.0 }} }}]"),
        &["is varied already"],
    );
    check(
        "replicates = 2",
        "replicates = 2\ndesign = { sobol = { points = 20_000_000 } }",
        &["20000000 points, the limit is 10000000 runs"],
    );
}

/// Periodic arrivals of deterministic service: the largest rate is what the service time allows.
#[test]
fn capacity_of_a_fixed_service_is_its_inverse() {
    let folder = Folder::new();
    let scenario = "schema_version = 1\nname = 'one'\ndevice = './phone.toml'\nstrategies = ['gpu']\n[[stream]]\nmodel = 'squeezenet1_1'\n\
                    requests = 300\narrivals.periodic = { period = '100ms' }\ndeadline = '12ms'\n";
    folder.write("one.toml", scenario);
    let ran = folder.socrates(&["capacity", "one.toml", "--deadline-miss", "1%", "--replicates", "2", "--quiet"]);
    let line = done(&ran).stdout.lines().last().unwrap().to_owned();
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(cells[0], "gpu", "{}", ran.stdout);
    let rate: f64 = cells[1].parse().unwrap();
    // Alone a request takes 5.811 ms, of which the copy in may overlap with the kernels of the request before.
    assert!((150.0..400.0).contains(&rate), "{}", ran.stdout);
    let check = |arguments: &[&str], words: &str| {
        let ran = folder.socrates(&[&["capacity", "one.toml"], arguments].concat());
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    };
    check(&[], "required");
    check(&["--deadline-miss", "200%"], "write a share between 0 and 100 percent");
    check(&["--p99", "50"], "`50` has no unit");
    check(&["--p99", "50ms", "--stream", "squeezenet"], "did you mean `squeezenet1_1`?");
    check(&["--p99", "50ms", "--p50", "5ms"], "cannot be used with");
}
