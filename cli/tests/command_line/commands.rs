//! What commands print and write.

use crate::folder::{Folder, PHONE, Ran, scenario};

#[test]
fn a_run_prints_a_comparison_and_writes_results() {
    let folder = Folder::new();
    folder.write("scenario.toml", scenario(""));
    let ran = folder.socrates(&["run", "scenario.toml", "--strategy", "cpu[worker=cpu.1large]", "--strategy", "gpu"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let expected = "\
small on phone, seed 0; * marks the least median latency

model             strategy                requests  p50 ms  p99 ms  x best  copies  memory MB  extrapolated  busy
squeezenet1_1     cpu[worker=cpu.1large]       3/3  20.260  20.260    3.49                8.9          100%  cpu.1large 100%
               *  gpu                          3/3   5.811   5.811    1.00     2.0        9.5          100%  cpu.1large 8%, gpu 90%
";
    assert_eq!(ran.stdout, expected);
    assert!(ran.stderr.contains("results in `runs/small`"), "{}", ran.stderr);
    let names: Vec<String> = folder.contents("runs/small").iter().map(|(path, _)| path.display().to_string()).collect();
    let all = [
        "copies.parquet",
        "frames.parquet",
        "operators.parquet",
        "placement.json",
        "requests.parquet",
        "run.json",
        "states.parquet",
        "trace.pftrace",
    ];
    assert_eq!(names, all);
}

#[test]
fn output_is_the_same_on_any_number_of_threads() {
    let folder = Folder::new();
    let random = "arrivals.poisson = { rate_per_second = 50.0 }\n";
    folder.write(
        "scenario.toml",
        scenario(random).replace("requests = 3", "requests = 9").replace("[[stream]]", "variation = \"residuals\"\n\n[[stream]]"),
    );
    let run = |threads: &str, seed: &str| {
        let ran = folder.socrates(&["run", "scenario.toml", "--threads", threads, "--seed", seed, "--output", "same", "--quiet"]);
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
        (ran.stdout, folder.contents("same"))
    };
    let one = run("1", "7");
    assert!(one == run("1", "7"));
    assert!(one == run("3", "7"));
    assert!(one.0 != run("1", "8").0);
}

#[test]
fn a_strategy_without_a_plan_fails_alone() {
    let folder = Folder::new();
    folder.write("scenario.toml", scenario(""));
    let ran = folder.socrates(&["run", "scenario.toml", "--strategy", "npu", "--strategy", "gpu"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stdout.contains("gpu") && ran.stdout.contains("not run under npu: squeezenet1_1"), "{}", ran.stdout);
    assert!(
        ran.stderr.contains("strategy `npu` needs a worker of kind `npu`, which device `phone` does not have"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_run_in_which_all_fails_keeps_the_results_before_it() {
    let folder = Folder::new();
    folder.write("scenario.toml", scenario(""));
    assert_eq!(folder.socrates(&["run", "scenario.toml"]).status, Some(0));
    let before = folder.contents("runs/small");
    let ran = folder.socrates(&["run", "scenario.toml", "--strategy", "npu"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(1), ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("strategy `npu` has no plan for `squeezenet1_1`: strategy `npu` needs"), "{}", ran.stderr);
    assert!(ran.stderr.contains("no run succeeded: nothing was written"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("results in"), "{}", ran.stderr);
    assert!(folder.contents("runs/small") == before);
}

#[test]
fn operators_without_a_worker_are_named() {
    let folder = Folder::new();
    let rules =
        "[support.some]\ndefault = true\n\n[[support.some.rule]]\nop = \"Concat\"\nsupported = false\nreason = \"no kernel\"\n";
    let phone = PHONE.replace("memory = \"cpu\"\n", "memory = \"cpu\"\nsupport = \"some\"\n");
    folder.write("phone.toml", phone.replacen("[support.mobile_gpu]", &format!("{rules}\n[support.mobile_gpu]"), 1));
    folder.write("scenario.toml", scenario(""));
    let ran = folder.socrates(&["run", "scenario.toml", "--strategy", "cpu[worker=cpu.1large]"]);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    let expected = "has no plan for `squeezenet1_1`: operator `";
    assert!(ran.stderr.contains(expected) && ran.stderr.contains("(cpu.1large: no kernel"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("task "), "{}", ran.stderr);
}

#[test]
fn explain_reads_what_run_wrote() {
    let folder = Folder::new();
    folder.write("scenario.toml", scenario(""));
    assert_eq!(folder.socrates(&["run", "scenario.toml"]).status, Some(0));
    let ran = folder.socrates(&["explain", "runs/small", "--strategy", "gpu", "--model", "squeezenet1_1"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("model squeezenet1_1 | case squeezenet1_1 | strategy gpu\n"), "{}", ran.stdout);
    let ran = folder.socrates(&["explain", "runs/small", "--strategy", "gpv"]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.stderr.contains("nothing of strategy `gpv`: there is `cpu`, `gpu`, `heft`"), "{}", ran.stderr);
}

#[test]
fn inspect_prints_text_and_json() {
    let folder = Folder::new();
    let ran = folder.socrates(&["model", "inspect", "mobilenet_v2", "--device", "./phone.toml"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("300_774_272 MACs, "), "{}", ran.stdout);
    assert!(ran.stdout.contains("on phone"), "{}", ran.stdout);
    let ran = folder.socrates(&["model", "inspect", "swin_t", "--device", "./phone.toml", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let gpu = &json["device"]["workers"][2];
    assert_eq!(gpu["worker"], "gpu");
    assert_eq!(gpu["unsupported"][0]["reason"], "tensors of more than 4 dimensions");
}

#[test]
fn lists_and_schemas() {
    let folder = Folder::new();
    let check = |arguments: &[&str], words: &[&str]| {
        let ran = folder.socrates(arguments);
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        for word in words {
            assert!(ran.stdout.contains(word), "{arguments:?} does not say `{word}`:\n{}", ran.stdout);
        }
    };
    check(&["list", "devices"], &["pixel4", "cpu.1large"]);
    check(&["list", "models"], &["mobilenet_v2", "300_774_272"]);
    check(&["list", "strategies"], &["heft", "fallback=partitions"]);
    check(&["list", "scenarios"], &["pixel4-solo"]);
    check(&["schema", "scenario"], &["\"Socrates scenario\""]);
    check(&["schema", "profile"], &["\"Socrates device profile\""]);
    check(&["schema", "sweep"], &["\"Socrates sweep\""]);
    check(&["--help"], &["Exit status:"]);
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_nothing_behind() {
    interrupted_by("-INT");
    interrupted_by("-TERM");
}

#[cfg(unix)]
#[expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
fn interrupted_by(signal: &str) {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    let folder = Folder::new();
    let streams = "\n[[stream]]\nmodel = \"swin_t\"\nrequests = 2000\n".repeat(40);
    folder.write("scenario.toml", scenario(&streams));
    let mut command = folder.command(&["run", "scenario.toml", "--threads", "1"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while !std::fs::read_dir(folder.path().join("runs")).is_ok_and(|mut entries| entries.next().is_some()) {
        assert!(began.elapsed() < Duration::from_mins(1), "the run never began");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(100));
    let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let ran = Ran::of(&child.wait_with_output().unwrap());
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(130), ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("interrupted"), "{}", ran.stderr);
    assert_eq!(folder.contents("runs"), []);
}

#[test]
fn models_are_optimized_and_written() {
    let folder = Folder::new();
    let ran = folder.socrates(&["model", "optimize", "swin_t", "--output", "swin.onnx"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("operators                          799            791          -8"), "{}", ran.stdout);
    assert!(ran.stdout.contains("wrote swin.onnx"), "{}", ran.stdout);
    // What was written is a model, and there is nothing left to do.
    let ran = folder.socrates(&["model", "inspect", "swin.onnx", "--diff"]);
    assert!(ran.stdout.starts_with("swin.onnx: no pass changes anything\n"), "{}", ran.stdout);
    let ran = folder.socrates(&["model", "inspect", "mobilenet_v2", "--diff", "--passes", "int8", "--json"]);
    assert!(ran.stdout.contains("\"is_exact\": false"), "{}", ran.stdout);
    for (passes, words) in [("identiy", "did you mean `identity`?"), ("svd[rank=2]", "it must be a number from 0.01 to 1")] {
        let ran = folder.socrates(&["model", "optimize", "swin_t", "--output", "no.onnx", "--passes", passes]);
        assert_eq!(ran.status, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    assert!(!folder.path().join("no.onnx").exists());
}
