//! Band's configurations as scenarios.

use std::path::Path;

use scenarios::Scenario;
use scenarios::band::{BandError, import};
use scenarios::scenario::Arrivals;

/// The shape of Band's own sample: two models, five workers.
const SAMPLE: &str = r#"{
    "models": [
        { "graph": "/data/local/tmp/model/retinaface_mbv2_quant_160.tflite", "period_ms": 30, "batch_size": 3, "slo_us": 50000 },
        { "graph": "/data/local/tmp/model/mobilenet_v1.tflite", "period_ms": 30, "batch_size": 2, "slo_scale": 1.5, "worker_id": 1 }
    ],
    "log_path": "/data/local/tmp/log.json",
    "schedulers": ["heterogeneous_earliest_finish_time_reserved", "least_slack_time_first"],
    "minimum_subgraph_size": 1,
    "subgraph_preparation_type": "merge_unit_subgraph",
    "execution_mode": "periodic",
    "running_time_ms": 10000,
    "schedule_window_size": 10,
    "cpu_masks": "ALL",
    "workers": [{ "device": "CPU", "num_threads": 2, "cpu_masks": "BIG" }, { "device": "GPU" }],
    "flux_capacitor": true
}"#;

#[test]
fn the_sample_is_a_scenario() {
    let imported = import(SAMPLE, "band-sample", "pixel4").unwrap();
    let scenario = Scenario::parse("band.toml", &imported.text, Path::new("")).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(scenario.strategies, ["band[scheduler=heft_reserved, window=10, minimum_subgraph_size=1]"]);
    assert_eq!(scenario.horizon_ns, Some(10_000_000_000));
    let models: Vec<String> = scenario.streams.iter().map(|stream| stream.model.to_string()).collect();
    assert_eq!(
        models,
        ["retinaface_mobilenet025", "retinaface_mobilenet025", "retinaface_mobilenet025", "mobilenet_v1", "mobilenet_v1"]
    );
    let periodic = Arrivals::Periodic { period_ns: 30_000_000, phase_ns: 0, jitter: None };
    assert!(scenario.streams.iter().all(|stream| stream.arrivals == periodic));
    let deadlines: Vec<Option<u64>> = scenario.streams.iter().map(|stream| stream.deadline_ns).collect();
    assert_eq!(deadlines, [Some(50_000_000), Some(50_000_000), Some(50_000_000), None, None]);
    // Everything that is not in the scenario is named.
    for key in
        ["log_path", "cpu_masks", "workers", "flux_capacitor: unknown", "schedulers", "slo_scale", "worker_id", "retinaface_mbv2"]
    {
        assert!(imported.warnings.iter().any(|warning| warning.contains(key)), "{key}: {:#?}", imported.warnings);
    }
    assert_eq!(imported.warnings.len(), 8, "{:#?}", imported.warnings);
}

#[test]
fn streams_are_closed_loops() {
    let imported = import(r#"{ "models": [{ "graph": "resnet50.tflite", "batch_size": 4 }] }"#, "x", "pixel4").unwrap();
    let scenario = Scenario::parse("band.toml", &imported.text, Path::new("")).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(scenario.streams[0].arrivals, Arrivals::ClosedLoop { clients: 4, think_ns: 0, exponential: false });
    assert_eq!(scenario.horizon_ns, Some(60_000_000_000));
}

#[test]
fn configurations_that_cannot_be_used() {
    let check = |text: &str, expected: &str| assert_eq!(import(text, "x", "pixel4").unwrap_err().to_string(), expected, "{text}");
    assert!(matches!(import("{", "x", "pixel4"), Err(BandError::Json(_))));
    check("[]", "`the file` is missing: it must hold an object");
    check("{}", "`models` is missing: it must be a list of at least one model");
    check(r#"{ "models": [{}] }"#, "`models[0].graph` is missing: it must be the path of the model");
    check(
        r#"{ "execution_mode": "periodic", "models": [{ "graph": "a" }] }"#,
        "`models[0].period_ms` is missing: the execution mode needs it",
    );
    check(
        r#"{ "execution_mode": "periodic", "models": [{ "graph": "a", "period_ms": 0 }] }"#,
        "`models[0].period_ms` is `0`: it must be from 1 to 1000000000 milliseconds",
    );
    check(r#"{ "models": [{ "graph": "a", "batch_size": 65 }] }"#, "`models[0].batch_size` is `65`: it must be from 1 to 64");
    check(
        r#"{ "running_time_ms": "long", "models": [] }"#,
        "`running_time_ms` is `\"long\"`: a whole number of milliseconds above 0",
    );
}
