//! This machine: measured, fitted, and run on, with the built-in kernels, which are everywhere.

use std::fs;

use crate::folder::{Folder, scenario};
use crate::onnx;

const BUILT_IN: &str = "cpu=cpu[cores=0, kernels=builtin]";

/// A folder with a profile of this machine, measured for so long that a busy machine too measures something twice.
fn measured() -> Folder {
    let folder = Folder::new();
    let ran = folder.socrates(&["calibrate", "run", "--quick", "--budget", "20", "--processor", BUILT_IN]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("Held-out errors in percent"), "{}", ran.stdout);
    folder
}

fn host_scenario() -> String {
    scenario("").replace("./phone.toml", "host").replace("[\"cpu\", \"gpu\", \"heft\"]", "[\"cpu\", \"heft\"]")
}

#[test]
fn from_measuring_to_running_for_real() {
    let folder = measured();
    for file in ["host.toml", "host.samples.jsonl"] {
        assert!(folder.path().join(file).exists(), "{file}");
    }
    assert!(!folder.path().join("host.samples.journal").exists(), "the journal is not needed any more");
    let profile = fs::read_to_string(folder.path().join("host.toml")).unwrap();
    for words in ["opens = \"cpu[cores=0, kernels=builtin]\"", "noise_floor_percent", "[provenance.machine]", "cpu = "] {
        assert!(profile.contains(words), "the profile does not say `{words}`");
    }

    // The same samples give the same profile, byte for byte.
    let ran = folder.socrates(&["calibrate", "check", "--output", "again.toml"]);
    assert!(matches!(ran.status, Some(0 | 1)), "{}", ran.stderr);
    let again = fs::read_to_string(folder.path().join("again.toml")).unwrap();
    assert_eq!(again, profile);

    folder.write("scenario.toml", host_scenario());
    let ran = folder.socrates(&["execute", "scenario.toml"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("worker cpu: cpu[cores=0, kernels=builtin]"), "{}", ran.stdout);
    let run = fs::read_to_string(folder.path().join("runs/small-measured/run.json")).unwrap();
    assert!(run.contains("\"origin\": \"measured\""), "{run}");
    // Outputs are those of the whole model: the column says 0 or a rounding error.
    let differences: Vec<f64> = ran
        .stdout
        .split_whitespace()
        .filter(|word| word.contains("e-") || *word == "0.0e0")
        .filter_map(|word| word.parse().ok())
        .collect();
    assert!(differences.len() >= 2 && differences.iter().all(|&difference| difference < 1e-4), "{}", ran.stdout);
    let ran = folder.socrates(&["explain", "runs/small-measured"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
}

/// A command that must fail with status 2 and say all of `words`.
fn check(folder: &Folder, arguments: &[&str], variables: &[(&str, &str)], words: &[&str]) {
    let output = folder.command(arguments).envs(variables.iter().copied()).output().expect("the command runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{error}");
    for word in words {
        assert!(error.contains(word), "{arguments:?} does not say `{word}`:\n{error}");
    }
    assert!(!error.contains("panicked"), "{error}");
}

#[test]
fn what_is_missing_is_named() {
    let folder = Folder::new();
    folder.write("scenario.toml", host_scenario());
    check(&folder, &["execute", "scenario.toml"], &[], &["no profile of this machine", "socrates calibrate run --quick"]);
    check(&folder, &["calibrate", "check"], &[], &["host.samples.jsonl", "socrates calibrate run"]);
    let phone = ["execute", "scenario.toml", "--device", "./phone.toml"];
    check(&folder, &phone, &[], &["does not say which processor of this machine is worker", "--processor"]);
    let run = |processor: &'static str| ["calibrate", "run", "--quick", "--budget", "2", "--processor", processor];
    check(
        &folder,
        &run("cpu=cpu[cores=0, kernels=onnxruntime]"),
        &[("ORT_DYLIB_PATH", "/nonexistent/libonnxruntime.so")],
        &["worker `cpu` cannot be opened", "/nonexistent/libonnxruntime.so"],
    );
    check(
        &folder,
        &run("gpu=opencl"),
        &[("OCL_ICD_VENDORS", "/nonexistent"), ("OCL_ICD_FILENAMES", "")],
        &["worker `gpu` cannot be opened"],
    );
    check(&folder, &run("cpu=cpu[cores=4096]"), &[], &["4096"]);
    check(&folder, &["calibrate", "run", "--processor", "cpu=tpu"], &[], &["`tpu` names no processor", "cpu[cores=0]"]);
}

#[test]
fn a_weight_that_is_not_a_number_is_refused_by_name() {
    let folder = measured();
    folder.write("nan.onnx", onnx::with_weight(f32::NAN));
    folder.write("scenario.toml", host_scenario().replace("squeezenet1_1", "./nan.onnx"));
    check(&folder, &["execute", "scenario.toml"], &[], &["nan.onnx", "weight `weight` has NaN at element"]);
    folder.write("nan.onnx", onnx::with_weight(0.5));
    assert_eq!(folder.socrates(&["execute", "scenario.toml"]).status, Some(0));
}
