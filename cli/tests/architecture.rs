//! The dependency edges between the workspace's crates: what may know what.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Every edge that is allowed; an edge that is not here has to be argued for in `docs/decisions/` first.
const ALLOWED: [(&str, &[&str]); 13] = [
    ("socrates-sim", &[]),
    ("socrates-executor", &["socrates-sim"]),
    ("socrates-results", &["socrates-sim"]),
    ("socrates-scenarios", &["socrates-sim"]),
    ("socrates-hwcal", &["socrates-executor", "socrates-scenarios", "socrates-sim"]),
    ("socrates-plots", &["socrates-results"]),
    ("socrates-runner", &["socrates-results", "socrates-scenarios", "socrates-sim"]),
    ("socrates-sweep", &["socrates-results", "socrates-runner", "socrates-scenarios", "socrates-sim"]),
    (
        "socrates-validation",
        &["socrates-executor", "socrates-hwcal", "socrates-results", "socrates-runner", "socrates-scenarios", "socrates-sim"],
    ),
    ("socrates-study", &["socrates-results", "socrates-runner", "socrates-scenarios", "socrates-sim"]),
    ("socrates-bench", &["socrates-runner", "socrates-scenarios", "socrates-sim", "socrates-sweep"]),
    (
        "socrates-python",
        &[
            "socrates",
            "socrates-hwcal",
            "socrates-results",
            "socrates-runner",
            "socrates-scenarios",
            "socrates-sim",
            "socrates-sweep",
            "socrates-validation",
        ],
    ),
    (
        "socrates",
        &[
            "socrates-executor",
            "socrates-hwcal",
            "socrates-plots",
            "socrates-results",
            "socrates-runner",
            "socrates-scenarios",
            "socrates-sim",
            "socrates-study",
            "socrates-sweep",
            "socrates-validation",
        ],
    ),
];

/// What `sim` may use from outside: nothing that reads a clock, a file or the environment, or knows a file format.
const SIM_MAY_USE: [&str; 10] =
    ["good_lp", "libm", "microlp", "petgraph", "rand", "rand_distr", "rand_pcg", "serde", "strsim", "thiserror"];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let text = |value: &serde_json::Value| value.as_str().expect("a string").to_owned();
    let normal = |package: &serde_json::Value| -> BTreeSet<String> {
        let dependencies = package["dependencies"].as_array().expect("dependencies").iter();
        dependencies.filter(|it| it["kind"].is_null()).map(|it| text(&it["name"])).collect()
    };
    packages.iter().map(|package| (text(&package["name"]), normal(package))).collect()
}

#[test]
fn only_allowed_edges_exist() {
    let found = dependencies();
    let ours: BTreeSet<&String> = found.keys().collect();
    let known: BTreeSet<String> = ALLOWED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(ours, known.iter().collect(), "a crate is missing from the table, or the table names one that is gone");
    for (name, allowed) in ALLOWED {
        for dependency in found[name].iter().filter(|dependency| ours.contains(dependency)) {
            assert!(allowed.contains(&dependency.as_str()), "`{name}` must not depend on `{dependency}`");
        }
    }
}

#[test]
fn sim_uses_nothing_impure() {
    for dependency in &dependencies()["socrates-sim"] {
        assert!(SIM_MAY_USE.contains(&dependency.as_str()), "`socrates-sim` must not depend on `{dependency}`");
    }
}
