//! Models and measurements of other programs.

use crate::folder::Folder;

const PERF: &str = include_str!("../../../scenarios/tests/data/import/perf.yaml");
const PROFILE: &str = include_str!("../../../scenarios/tests/data/import/onnxruntime_profile.json");
const IMAGE: &[u8] = include_bytes!("../../../scenarios/tests/data/import/image.tflite");

#[test]
fn measurements_become_a_table_that_is_judged() {
    let folder = Folder::new();
    folder.write("perf.yaml", PERF);
    let ran = folder.socrates(&["import", "aihub", "perf.yaml", "-o", "aihub.csv"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(0), ""), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("warning: w8a8.ResNet18.Dragonwing RB3"), "{}", ran.stderr);
    // A model of the zoo, on a device in floating point and on one of 8 bits.
    for device in ["sd8gen2", "qcs6490-int8"] {
        let ran = folder.socrates(&["validate", "models", "--device", device, "aihub.csv"]);
        assert!(ran.stdout.lines().any(|line| line.starts_with("npu")), "{device}: {}\n{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn operators_are_asked_for() {
    let folder = Folder::new();
    folder.write("profile.json", PROFILE).write("perf.yaml", PERF);
    let ran = folder.socrates(&["import", "onnxruntime", "profile.json", "--operators", "--model", "small"]);
    let expected = "model,op_idx,name,op,processor,runs,mean_us\nsmall,0,b_nchwc,Conv,cpu,3,6\n";
    assert!(ran.stdout.starts_with(expected), "{}\n{}", ran.stdout, ran.stderr);
    let none = folder.socrates(&["import", "aihub", "perf.yaml", "--operators"]);
    assert_eq!(none.status, Some(2));
    assert!(
        none.stderr.contains("`perf.yaml` holds no latencies of operators\nhint: leave out `--operators`"),
        "{}",
        none.stderr
    );
    let other = folder.socrates(&["import", "mlperf", "perf.yaml"]);
    assert_eq!(other.status, Some(2));
    assert!(other.stderr.contains("perf.yaml: the file: no `Scenario`"), "{}", other.stderr);
}

#[test]
fn tflite_models_go_where_onnx_models_go() {
    let folder = Folder::new();
    folder.write("image.tflite", IMAGE).write("cut.tflite", &IMAGE[..IMAGE.len() / 2]);
    let ran = folder.socrates(&["predict", "--device", "pixel4", "--processor", "1large", "--model", "image.tflite"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let ran = folder.socrates(&["predict", "--device", "galaxy-s24-sd8gen3", "--processor", "npu", "--model", "image.tflite"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let ran = folder.socrates(&["model", "inspect", "image.tflite", "--json"]);
    assert!(ran.stdout.contains("\"macs\": 303144"), "{}\n{}", ran.stdout, ran.stderr);
    let cut = folder.socrates(&["predict", "--device", "pixel4", "--model", "./cut.tflite"]);
    assert_eq!(cut.status, Some(2));
    assert!(cut.stderr.contains("cut.tflite` is not a valid TFLite file"), "{}", cut.stderr);
}
