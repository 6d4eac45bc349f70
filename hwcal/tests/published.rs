//! Profiles and predictions from published latencies are what the code writes.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "tables to look at; a failed unwrap is the failure")]

use std::sync::LazyLock;

use hwcal::power::PowerFacts;
use hwcal::published::{Prediction, Published, PublishedData, SYSTEMS, Summary};
use scenarios::library;

const HOW_TO_REFRESH: &str = "cargo run -p socrates-hwcal --example codl_published -- --write";

static PREDICTIONS: LazyLock<Vec<Prediction>> = LazyLock::new(|| {
    let published = Published::read(PublishedData::built_in()).unwrap();
    let of_system = |system| published.predict(system, &published.calibrate(system).unwrap()).unwrap();
    SYSTEMS.iter().flat_map(of_system).collect()
});

#[test]
fn the_committed_profiles_are_what_the_fit_writes() {
    let published = Published::read(PublishedData::built_in()).unwrap();
    for system in &SYSTEMS {
        let committed = library::devices().iter().find(|entry| entry.name == system.profile).unwrap();
        let fitted = published.calibrate(system).unwrap().to_toml().unwrap();
        assert!(fitted == committed.text, "{} is stale: {HOW_TO_REFRESH}", system.profile);
    }
}

#[test]
fn the_committed_predictions_are_what_the_simulator_says() {
    let csv = Summary { predictions: &PREDICTIONS }.csv();
    assert!(csv == include_str!("../data/codl_predictions.csv"), "predictions are stale: {HOW_TO_REFRESH}");
}

/// Nothing was fitted to these columns.
#[test]
fn co_execution_is_predicted_from_one_processor_alone() {
    let summary = Summary { predictions: &PREDICTIONS };
    println!("{summary}");
    assert!(summary.mean_error_percent(&["cpu", "gpu"]).0 < 8.0);
    assert!(summary.mean_error_percent(&["codl", "ideal"]).0 < 15.0);
    let rankings = summary.rankings(&["mulayer", "cpu", "gpu", "codl_buffer", "codl"]);
    assert_eq!(rankings.iter().filter(|ranking| ranking.2).count(), 10, "{rankings:?}");
    // No strategy beats what it would take if sharing cost nothing.
    for ideal in PREDICTIONS.iter().filter(|cell| cell.column == "ideal") {
        let of_network = PREDICTIONS.iter().filter(|cell| cell.system == ideal.system && cell.model == ideal.model);
        for cell in of_network.filter(|cell| cell.column != "ideal") {
            assert!(cell.predicted_ms >= 0.98 * ideal.predicted_ms, "{cell:?} {ideal:?}");
        }
    }
}

/// Powers of the CPU alone and the GPU alone were fitted to, by one number each for all networks. Both together were not.
#[test]
fn power_and_energy_of_both_together_follow_from_each_alone() {
    let facts = PowerFacts::built_in().unwrap();
    let published = Published::read(PublishedData::built_in()).unwrap();
    let system = &SYSTEMS[0];
    let cells = published.energy(system, &published.calibrate(system).unwrap(), &facts).unwrap();
    assert_eq!(cells.len(), 20);
    let of = |column: &str| cells.iter().filter(|cell| cell.column == column).collect::<Vec<_>>();
    let mean = |errors: Vec<f64>| errors.iter().sum::<f64>() / errors.len() as f64;
    let error_w = |column| mean(of(column).iter().map(|cell| (cell.predicted_w / cell.published_w - 1.0).abs()).collect());
    let error_j = |column| mean(of(column).iter().map(|cell| (cell.predicted_j / cell.published_j - 1.0).abs()).collect());
    assert!(error_w("cpu") < 0.07 && error_w("gpu") < 0.03, "{cells:?}");
    assert!(error_w("codl") < 0.15 && error_j("codl") < 0.22, "{} {} {cells:?}", error_w("codl"), error_j("codl"));
    for ((cpu, gpu), codl) in of("cpu").iter().zip(of("gpu")).zip(of("codl")) {
        // As published of every network: together they draw most, the GPU alone takes least energy, the CPU alone most.
        assert!(gpu.predicted_w < cpu.predicted_w && cpu.predicted_w < codl.predicted_w, "{codl:?}");
        assert!(gpu.predicted_j < codl.predicted_j && codl.predicted_j < cpu.predicted_j, "{codl:?}");
    }
}
