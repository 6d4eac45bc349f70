//! `Predictor` against the simulator, which prices a model by the same profile in another way: request by request, piece by piece.

use std::path::Path;

use runner::{Inputs, jobs, simulate};
use scenarios::{Profile, Reference, Scenario};
use validation::models::Predictor;

/// A profile whose kernels take less within a unit than alone, and whose errors are shared.
fn host_like() -> String {
    let phone = include_str!("../../scenarios/tests/phone.toml");
    let shared = "worker_log_deviation = 0.06\nclass_log_deviation = 0.1\nmachine_log_deviation = 0.03\n";
    let units = "in_segment = 0.5";
    phone
        .replace("[cost.gpu]\n", &format!("[cost.gpu]\n{shared}"))
        .replace("name = \"depthwise_convolution\"\n", &format!("name = \"depthwise_convolution\"\n{units}\n"))
}

fn scenario(device: &str, strategy: &str, model: &str, variation: &str) -> Scenario {
    let text = format!(
        "schema_version = 1\nname = 'one'\ndevice = '{device}'\nstrategies = ['{strategy}']\nvariation = '{variation}'\n\
         [[stream]]\nmodel = '{model}'\nrequests = 1\n"
    );
    Scenario::parse("one.toml", &text, Path::new("")).unwrap_or_else(|error| panic!("{error}"))
}

/// Median latency of one run, ms.
fn simulated_ms(scenario: &Scenario, inputs: &Inputs, seed: u64) -> f64 {
    let job = &jobs(scenario, inputs)[0];
    let report = simulate(job, scenario, inputs, seed).expect("run").report;
    report.streams[0].latency.expect("a request").mean_ns / 1e6
}

fn check(device: &str, worker: &str, strategy: &str) {
    let profile = Profile::open(&Reference::of(device, Path::new(""))).expect("profile").value;
    let index = profile.workers.iter().position(|it| it.name == worker).expect("worker");
    let predictor = Predictor::new(profile).expect("device");
    for model in ["squeezenet1_1", "mobilenet_v2", "resnet18"] {
        let scenario = scenario(device, strategy, model, "none");
        let inputs = Inputs::load(&scenario).expect("loaded");
        let predicted = predictor.graph(index, &inputs.models[0].graph).expect("it runs there").latency_ms;
        let simulated = simulated_ms(&scenario, &inputs, 0);
        assert!((predicted / simulated - 1.0).abs() < 1e-6, "{device}, {worker}, {model}: {predicted} and {simulated} ms");
    }
}

#[test]
fn a_model_alone_takes_what_is_predicted() {
    check("pixel4", "cpu.1large", "cpu[worker=cpu.1large]");
    check("pixel4", "gpu", "gpu");
    check("rk3588-android", "gpu", "gpu");
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("host-like.toml");
    std::fs::write(&path, host_like()).expect("written");
    check(path.to_str().expect("path"), "gpu", "gpu");
    check(path.to_str().expect("path"), "cpu.1large", "cpu[worker=cpu.1large]");
}

/// The interval is computed; the simulator draws.
#[test]
fn nine_in_ten_of_drawn_errors_lie_in_the_interval() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("host-like.toml");
    std::fs::write(&path, host_like()).expect("written");
    let device = path.to_str().expect("path");
    let predictor = Predictor::new(Profile::open(&Reference::of(device, Path::new(""))).expect("profile").value).expect("device");
    let gpu = predictor.profile().workers.iter().position(|it| it.name == "gpu").expect("worker");
    for model in ["mobilenet_v2", "resnet18"] {
        let scenario = scenario(device, "gpu", model, "model_error");
        let inputs = Inputs::load(&scenario).expect("loaded");
        let prediction = predictor.graph(gpu, &inputs.models[0].graph).expect("it runs there");
        let (low, high) = (prediction.low_ms.expect("known"), prediction.high_ms.expect("known"));
        assert!(low < prediction.latency_ms && prediction.latency_ms < high && prediction.coverage == Some(0.9));
        let drawn: Vec<f64> = (0..1000).map(|seed| simulated_ms(&scenario, &inputs, seed)).collect();
        let below = drawn.iter().filter(|&&it| it < low).count();
        let above = drawn.iter().filter(|&&it| it > high).count();
        // 50 expected at each end: within five deviations of a binomial.
        assert!((20..=85).contains(&below) && (20..=85).contains(&above), "{model}: {below} below, {above} above");
    }
}
