//! What other programs measured, as tables.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is the failure")]

use proptest::prelude::*;
use scenarios::measured::{Context, Measured, MeasuredError, aihub, litert, mlperf, onnxruntime};

type Reader = fn(&str, &Context) -> Result<Measured, MeasuredError>;

const LITERT: &str = include_str!("data/import/benchmark_model.txt");
const LITERT_RESULT: &str = include_str!("data/import/benchmark_result.json");
const ONNXRUNTIME: &str = include_str!("data/import/onnxruntime_profile.json");
const AIHUB: &str = include_str!("data/import/perf.yaml");
const MLPERF_SUMMARY: &str = include_str!("data/import/mlperf_log_summary.txt");
const MLPERF_DETAIL: &str = include_str!("data/import/mlperf_log_detail.txt");
const MLPERF_APP: &str = include_str!("data/import/mlperf_result.json");

const FILES: [(Reader, &str); 7] = [
    (litert, LITERT),
    (litert, LITERT_RESULT),
    (onnxruntime, ONNXRUNTIME),
    (aihub, AIHUB),
    (mlperf, MLPERF_SUMMARY),
    (mlperf, MLPERF_DETAIL),
    (mlperf, MLPERF_APP),
];

fn context() -> Context {
    Context { file: "folder/mobilenet_v2.txt".to_owned(), ..Context::default() }
}

#[test]
fn whole_models_are_rows_that_validate_models_reads() {
    let check = |read: Reader, text: &str, context: &Context, expected: &str| {
        let table = read(text, context).unwrap().models_csv();
        let rows: Vec<&str> = table.lines().skip(1).collect();
        assert_eq!(rows.join("\n"), expected);
    };
    let told = Context { device: Some("pixel4".to_owned()), cores: Some("1large".to_owned()), ..context() };
    check(litert, LITERT, &told, "tflite,mobilenet_v2,pixel4,cpu,1large,float,1.88574,mean of benchmark_model");
    check(
        litert,
        LITERT_RESULT,
        &context(),
        "tflite,mobilenet_v2,host,cpu,1,float,1.88574,mean of benchmark_model; median 1.75 ms",
    );
    // Runs of 8565, 63, 38 and 35 microseconds, the first left out.
    let mean = (63.0 + 38.0 + 35.0) / 3.0 / 1e3;
    check(
        onnxruntime,
        ONNXRUNTIME,
        &context(),
        &format!("onnxruntime,mobilenet_v2,host,cpu,1,float,{mean},\"4 runs, profiling switched on\""),
    );
    check(
        aihub,
        AIHUB,
        &context(),
        "onnx,resnet18,sd8gen2,npu,npu,float,1.243,\"layers 55, npu 55, gpu 0, cpu 0\"\n\
         tflite,resnet18,sd8gen2,npu,npu,float,1.266,\"layers 38, npu 38, gpu 0, cpu 0\"\n\
         tflite,resnet18,galaxy-s24-sd8gen3,npu,npu,float,0.885,\"layers 38, npu 38, gpu 0, cpu 0\"\n\
         tflite,resnet18,qcs6490-int8,npu,npu,quant,1.481,\"layers 41, npu 41, gpu 0, cpu 0\"",
    );
    for text in [MLPERF_SUMMARY, MLPERF_DETAIL] {
        check(mlperf, text, &context(), "mlperf,mobilenet_v2,host,npu,npu,quant,4.2819,90th percentile 4.7275 ms");
    }
    let app =
        "mlperf,image_classification_v2,host,npu,npu,quant,4,accelerator snpe_dsp; one over the throughput of a single stream";
    check(mlperf, MLPERF_APP, &context(), app);
}

#[test]
fn operators_come_in_the_order_in_which_they_ran() {
    let check = |read: Reader, text: &str, expected: &[(&str, &str, &str, u64, f64)]| {
        let measured = read(text, &context()).unwrap();
        let rows: Vec<_> =
            measured.operators.iter().map(|it| (it.name.as_str(), it.op.as_str(), it.processor.as_str(), it.runs)).collect();
        assert_eq!(rows, expected.iter().map(|row| (row.0, row.1, row.2, row.3)).collect::<Vec<_>>());
        for (it, row) in measured.operators.iter().zip(expected) {
            assert!((it.mean_us - row.4).abs() < 1e-9 * row.4, "{}: {}", it.name, it.mean_us);
        }
    };
    check(
        litert,
        LITERT,
        &[
            ("[conv1/Relu6]:0", "CONV_2D", "cpu", 1, 401.0),
            ("[depthwise/Relu6, depthwise/bias]:1", "DEPTHWISE_CONV_2D", "cpu", 1, 297.0),
            ("[softmax]:2", "SOFTMAX", "cpu", 1, 3.0),
        ],
    );
    check(
        onnxruntime,
        ONNXRUNTIME,
        &[
            ("b_nchwc", "Conv", "cpu", 3, 6.0),
            ("c_nchwc", "Conv", "cpu", 3, 11.0 / 3.0),
            ("ReorderOutput", "ReorderOutput", "cpu", 3, 3.0),
            ("pool", "GlobalAveragePool", "cpu", 3, 3.0),
            ("flat", "Flatten", "cpu", 3, 2.0),
            ("fc", "Gemm", "cpu", 3, 8.0 / 3.0),
        ],
    );
}

#[test]
fn what_is_left_out_is_said() {
    let warnings = |read: Reader, text: &str| read(text, &context()).unwrap().warnings.join("\n");
    assert!(warnings(aihub, AIHUB).contains("Vision Kit.onnx: no latency, job status `Failed`"));
    assert!(warnings(mlperf, MLPERF_APP).contains("results[1]: `image_classification_offline_v2` ran as `Offline`"));
    assert!(warnings(mlperf, &MLPERF_SUMMARY.replace("VALID", "INVALID")).contains("MLPerf calls the run invalid"));
    assert!(warnings(mlperf, &MLPERF_SUMMARY.replace("SingleStream", "Offline")).contains("scenario `Offline`"));
}

#[test]
fn bad_files_are_refused_by_name_and_place() {
    let check = |case: &str, read: Reader, text: &str, part: &str| {
        let error = read(text, &context()).expect_err(case).to_string();
        assert!(error.starts_with("folder/mobilenet_v2.txt: ") && error.contains(part), "{case}: {error}");
    };
    for (index, (read, _)) in FILES.iter().enumerate() {
        check(&format!("empty, {index}"), *read, "", "");
        check(&format!("of another kind, {index}"), *read, "model,latency\nresnet18,1.2\n", "");
    }
    let swap = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    check("a profile cut off", onnxruntime, &ONNXRUNTIME[..ONNXRUNTIME.len() / 2], "the file ends too early");
    check("negative", onnxruntime, &swap(ONNXRUNTIME, "\"dur\": 7746", "\"dur\": -7746"), "event 2: `dur` is -7746");
    check("no duration", onnxruntime, &swap(ONNXRUNTIME, "\"dur\": 7746", "\"dura\": 7746"), "event 2: no number `dur`");
    check("an object", onnxruntime, "{}", "it must hold a list of events");
    check("negative", litert, &swap(LITERT, "(avg): 1885.74", "(avg): -1885.74"), "line 7: a duration of -1885.74");
    check("no number", litert, &swap(LITERT, "(avg): 1885.74", "(avg): fast"), "line 7: `fast` is not a number");
    check("negative", litert, &swap(LITERT, "0.401", "-0.401"), "line 11: avg_ms is -0.401");
    check("not CSV", litert, "Run Order\n[node type] [first] [avg ms]\n", "line 2: the columns must be those of CSV");
    check("other JSON", litert, "{\"a\": 1}", "without `latency_metrics`");
    check(
        "negative",
        aihub,
        &swap(AIHUB, "milliseconds: 1.266", "milliseconds: -1.266"),
        "float.ResNet18.QCS8550 (Proxy).tflite",
    );
    check("a text", aihub, &swap(AIHUB, "milliseconds: 1.266", "milliseconds: fast"), "not a number");
    check("no precisions", aihub, "models:\n- name: ResNet18\n", "no `precisions`");
    check("flow style", aihub, "precisions: {float: 1}", "line 1");
    check("zero", mlperf, &swap(MLPERF_SUMMARY, ": 4281900", ": 0"), "line 21: a duration of 0");
    check("cut off", mlperf, &MLPERF_SUMMARY[..300], "the log ends too early");
    check("not JSON", mlperf, &swap(MLPERF_DETAIL, "\"value\": \"VALID\"", "value"), "line 2: not JSON");
    check("no throughput", mlperf, &swap(MLPERF_APP, "250.0", "-1"), "results[0].performance_run.throughput");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_change_of_a_file_is_a_panic(
        file in 0_usize..7, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(), whole in any::<bool>(),
    ) {
        let (read, text) = FILES[file];
        let mut bytes = text.as_bytes().to_vec();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(measured) = read(&String::from_utf8_lossy(&bytes), &context()) {
            prop_assert!(measured.models.iter().all(|it| it.mean_ms.is_finite() && it.mean_ms > 0.0));
            prop_assert!(measured.operators.iter().all(|it| it.mean_us.is_finite() && it.mean_us >= 0.0));
        }
    }
}
