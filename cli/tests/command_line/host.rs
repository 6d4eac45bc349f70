//! The loop on this machine, with the built-in kernels, which are everywhere: observe, replay, refine; and the judgement of what was recorded.

use std::fs;
use std::path::Path;

use crate::folder::{Folder, scenario};

const BUILT_IN: &str = "cpu=cpu[cores=0, kernels=builtin]";
const RECORDED: &str = "../validation/data/host/host-run.json";

/// A folder with a profile of this machine, measured for a few seconds, and an observed run.
fn observed() -> Folder {
    let folder = Folder::new();
    let ran = folder.socrates(&["calibrate", "run", "--quick", "--budget", "4", "--processor", BUILT_IN]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    folder.write(
        "scenario.toml",
        scenario("").replace("./phone.toml", "host").replace("[\"cpu\", \"gpu\", \"heft\"]", "[\"cpu\", \"band\"]"),
    );
    let ran = folder.socrates(&["observe", "scenario.toml", "--output", "observed"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    folder
}

/// A command that must fail with status 2 and say all of `words`.
fn refused(folder: &Folder, arguments: &[&str], words: &[&str]) {
    let ran = folder.socrates(arguments);
    assert_eq!(ran.status, Some(2), "{arguments:?}\n{}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "{arguments:?} does not say `{word}`:\n{}", ran.stderr);
    }
}

#[test]
fn from_observing_to_a_better_profile() {
    let folder = observed();
    assert!(folder.path().join("observed/observation.json").exists());

    let ran = folder.socrates(&["replay", "observed", "--json"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let replayed: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(replayed["models"].as_array().map(Vec::len), Some(2), "{replayed}");
    assert!(replayed["launches"]["count"].as_u64().is_some_and(|count| count > 0), "{replayed}");
    let run = fs::read_to_string(folder.path().join("observed-replayed/run.json")).unwrap();
    assert!(run.contains("\"origin\": \"measured\"") && run.contains("\"origin\": \"simulated\""), "{run}");
    // The same again, to the byte.
    assert_eq!(folder.socrates(&["replay", "observed", "--json"]).stdout, ran.stdout);

    let ran = folder.socrates(&["calibrate", "refine", "observed", "--output", "better.toml"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("launches; median error"), "{}", ran.stdout);
    let better = fs::read_to_string(folder.path().join("better.toml")).unwrap();
    assert!(better.contains("[[provenance.refinement]]") && better.contains("scenario `small`"), "no history");
    let ran = folder.socrates(&["replay", "observed", "--device", "better.toml", "--output", "again"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    // Refined once more, the profile remembers both.
    let ran = folder.socrates(&["calibrate", "refine", "observed", "--device", "better.toml", "--output", "best.toml"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let best = fs::read_to_string(folder.path().join("best.toml")).unwrap();
    assert_eq!(best.matches("[[provenance.refinement]]").count(), 2);
}

#[test]
fn other_circumstances_are_refused_by_name() {
    let folder = observed();
    let profile = fs::read_to_string(folder.path().join("host.toml")).unwrap();
    let line = |start: &str| profile.lines().find(|line| line.starts_with(start)).expect(start).to_owned();
    let other = profile.replace(&line("kernels = "), "kernels = \"ONNX Runtime 1.0.0\"");
    folder.write("other.toml", &other);
    let refine = ["calibrate", "refine", "observed", "--device", "other.toml", "--output", "better.toml"];
    refused(&folder, &refine, &["other circumstances", "kernels of worker `cpu`: was `ONNX Runtime 1.0.0`", "calibrate anew"]);
    assert!(!folder.path().join("better.toml").exists());
    let validate = ["validate", "host", "--quick", "--device", "other.toml"];
    refused(&folder, &validate, &["other circumstances", "was `ONNX Runtime 1.0.0`, is `built in"]);

    // Another profile than the one that was observed with has to be named.
    folder.write("host.toml", &other);
    refused(&folder, &["replay", "observed"], &["is not the one that `observed` was observed with", "--device"]);

    let ran = folder.socrates(&["execute", "scenario.toml", "--output", "executed"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    refused(&folder, &["replay", "executed"], &["`socrates observe` writes it"]);
    refused(&folder, &["replay", "nowhere"], &["results directory `nowhere` does not exist"]);
}

#[test]
fn what_was_recorded_is_judged_again() {
    let folder = Folder::new();
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDED);
    let report = fs::read_to_string(recorded.with_file_name("report.md")).unwrap();
    let path = recorded.display().to_string();
    let ran = folder.socrates(&["validate", "host", "--recorded", &path]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stdout, report);
    let ran = folder.socrates(&["validate", "host", "--recorded", &path, "--json"]);
    let printed: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    for key in ["schema_version", "gates", "levels", "cases", "rankings", "drift_percent", "disturbed_percent", "section"] {
        assert!(printed.get(key).is_some(), "{key} is missing");
    }

    // A gate that fails is named, and the status is 1.
    let text = fs::read_to_string(&recorded).unwrap();
    let mut slow: serde_json::Value = serde_json::from_str(&text).unwrap();
    for case in slow["cases"].as_array_mut().unwrap() {
        let median_ns = case["prediction"]["median_ns"].as_f64().unwrap();
        case["prediction"]["median_ns"] = (2.0 * median_ns).into();
        for run in case["runs"].as_array_mut().unwrap() {
            run["others_share"] = 0.0.into();
            run["latencies_ns"] = serde_json::json!([median_ns as u64]);
        }
    }
    folder.write("slow.json", slow.to_string());
    let ran = folder.socrates(&["validate", "host", "--recorded", "slow.json"]);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("gate failed: median error of models: 100.0 %"), "{}", ran.stderr);

    folder.write("wrong.json", "{}");
    refused(&folder, &["validate", "host", "--recorded", "wrong.json"], &["`wrong.json`: not a validation of a host"]);
    refused(&folder, &["validate", "host", "--recorded", "nothing.json"], &["cannot read `nothing.json`"]);
}

#[test]
fn a_folder_of_something_else_is_not_written_to() {
    let folder = Folder::new();
    let ran = folder.socrates(&["validate", "host", "--quick", "--output", ".", "--processor", BUILT_IN]);
    assert_eq!(ran.status, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("holds no earlier validation"), "{}", ran.stderr);
}
