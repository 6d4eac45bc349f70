//! Workloads, replicates and imports, as a user meets them.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use serde_json::Value;

use crate::folder::Folder;

/// Two streams, one of which follows the other, under two strategies.
const TWO: &str = "schema_version = 1
name = 'two'
device = './phone.toml'
strategies = ['cpu[worker=cpu.1large]', 'gpu']
streams_run = 'together'
variation = 'model_error_and_noise'
replicates = 6

[[stream]]
name = 'camera'
model = 'squeezenet1_1'
requests = 60
arrivals.recorded = { file = 'trace.csv', column = 'arrival_ms', scale = 2.0 }
deadline = '30ms'
queue = { bound = 1, when_full = 'drop_oldest' }

[[stream]]
name = 'faces'
model = 'mobilenet_v2'
arrivals.after = { stream = 'camera', probability = 0.5, count = { poisson = 1.5 } }
";

fn two() -> Folder {
    let folder = Folder::new();
    let lines: Vec<String> = (0..60).map(|frame| format!("{frame},{}", frame * 16)).collect();
    folder.write("two.toml", TWO).write("trace.csv", format!("frame,arrival_ms\n{}\n", lines.join("\n")));
    folder
}

fn json(folder: &Folder, path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.path().join(path)).unwrap()).unwrap()
}

#[test]
fn replicates_are_the_same_on_any_number_of_threads() {
    let folder = two();
    let run = |threads: &str| {
        let ran = folder.socrates(&["run", "two.toml", "--threads", threads, "--output", "same", "--quiet"]);
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
        (ran.stdout, folder.contents("same"))
    };
    let one = run("1");
    assert!(one == run("4"));
    assert!(one.0.contains("means over 6 replicates with 95% intervals"), "{}", one.0);
    let replicates = json(&folder, "same/replicates.json");
    assert_eq!(replicates["seeds"].as_array().unwrap().len(), 6);
    let figures = replicates["figures"].as_array().unwrap();
    let of = |strategy: &str, figure: &str| {
        let is_it = |one: &&Value| one["strategy"] == strategy && one["figure"] == figure;
        figures.iter().find(is_it).unwrap_or_else(|| panic!("{figure}"))["values"].clone()
    };
    // Arrivals are drawn for their stream, whatever the strategy; the trace draws none.
    assert_eq!(of("gpu", "streams[camera].requests.arrived"), of("cpu[worker=cpu.1large]", "streams[camera].requests.arrived"));
    // The CPU's profile tells residuals of every kernel of the model.
    let medians = of("cpu[worker=cpu.1large]", "models[squeezenet1_1].latency.p50_ns");
    let medians: Vec<f64> = medians.as_array().unwrap().iter().filter_map(Value::as_f64).collect();
    assert!(medians.len() == 6 && medians.windows(2).any(|pair| (pair[0] - pair[1]).abs() > 1.0), "{medians:?}");
    // The first replicate is the run itself.
    let run = json(&folder, "same/run.json");
    let of = |strategy: &str| run["cases"].as_array().unwrap().iter().find(|case| case["strategy"] == strategy).unwrap();
    let (cpu, gpu) = (of("cpu[worker=cpu.1large]"), of("gpu"));
    let squeezenet = cpu["report"]["models"].as_array().unwrap().iter().find(|model| model["name"] == "squeezenet1_1").unwrap();
    assert_eq!(squeezenet["latency"]["p50_ns"].as_f64(), Some(medians[0]));
    assert!(
        run["provenance"]["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .any(|input| input["role"] == "trace" && input["name"] == "trace.csv")
    );
    let streams = gpu["report"]["streams"].as_array().unwrap();
    assert_eq!((streams[0]["name"].as_str(), streams[1]["name"].as_str()), (Some("camera"), Some("faces")));
    let fewer = folder.socrates(&["run", "two.toml", "--replicates", "1", "--output", "one", "--quiet"]);
    assert!(fewer.status == Some(0) && !fewer.stdout.contains("replicates"), "{}", fewer.stdout);
}

#[test]
fn a_stream_that_is_not_served_is_told() {
    let folder = Folder::new();
    let text = "schema_version = 1\nname = 'flood'\ndevice = './phone.toml'\nstrategies = ['cpu[worker=cpu.1large]']\nhorizon = '5s'\nscore = 'xrbench'\n\
                [[stream]]\nname = 'flood'\nmodel = 'squeezenet1_1'\narrivals.poisson = { rate_per_second = 100.0 }\ndeadline = '30ms'\n";
    folder.write("flood.toml", text);
    let ran = folder.socrates(&["run", "flood.toml", "--quiet"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("BACKLOGGED: stream `flood` of `flood` under cpu[worker=cpu.1large]"), "{}", ran.stdout);
    assert!(ran.stdout.contains("XRBench score"), "{}", ran.stdout);
}

#[test]
fn configurations_of_band_are_imported() {
    let folder = Folder::new();
    let text = r#"{ "models": [{ "graph": "x/mobilenet_v2.tflite", "period_ms": 50 }], "execution_mode": "periodic", "running_time_ms": 300,
        "schedulers": ["round_robin"], "log_path": "/tmp/log" }"#;
    folder.write("sample config.json", text);
    let ran = folder.socrates(&["import", "band", "sample config.json", "--device", "./phone.toml", "-o", "band.toml"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(0), ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("warning: log_path: not carried over"), "{}", ran.stderr);
    let ran = folder.socrates(&["run", "band.toml", "--quiet"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    // The seventh arrives as the horizon is reached.
    assert!(ran.stdout.contains("band[scheduler=round_robin]") && ran.stdout.contains("6/7"), "{}", ran.stdout);
    let missing = folder.socrates(&["import", "band", "none.json"]);
    assert_eq!(missing.status, Some(2));
    folder.write("wrong.json", r#"{ "models": 3 }"#);
    let wrong = folder.socrates(&["import", "band", "wrong.json"]);
    assert_eq!(wrong.status, Some(2));
    assert!(wrong.stderr.contains("`models` is `3`: it must be a list of at least one model"), "{}", wrong.stderr);
}
