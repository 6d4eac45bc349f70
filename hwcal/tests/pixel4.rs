//! The fit of the Pixel 4 on the data that come with the source code.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "tables to look at; a failed unwrap is the failure")]

use std::sync::LazyLock;

use hwcal::pixel4::{BASELINE_MODELS, BASELINE_OPERATORS, CalibrationData, FitReport, fit};
use scenarios::Profile;

const COMMITTED: &str = include_str!("../../scenarios/devices/pixel4.toml");
const HOW_TO_REFRESH: &str = "socrates calibrate fit --device pixel4 --output scenarios/devices/pixel4.toml";

static FIT: LazyLock<FitReport> = LazyLock::new(|| fit(CalibrationData::built_in(), &|_, _| {}).unwrap());

#[test]
fn the_committed_profile_is_what_the_fit_writes() {
    if FIT.profile != COMMITTED {
        let line = FIT.profile.lines().zip(COMMITTED.lines()).position(|(one, other)| one != other);
        if let Ok(path) = std::env::var("SOCRATES_WRITE_PROFILE") {
            std::fs::write(path, &FIT.profile).unwrap();
        }
        panic!("scenarios/devices/pixel4.toml is stale from line {}: {HOW_TO_REFRESH}", line.map_or(0, |line| line + 1));
    }
}

#[test]
fn the_profile_is_small_and_reads_back_as_it_was_written() {
    assert!(COMMITTED.len() < 400_000, "{} bytes", COMMITTED.len());
    let profile = Profile::parse("pixel4.toml", COMMITTED).unwrap();
    assert_eq!(profile.to_toml().unwrap(), COMMITTED);
    assert_eq!(profile.device().unwrap().workers().len(), 10);
}

#[test]
fn held_out_errors_beat_the_plain_baseline_everywhere() {
    let validation = &FIT.validation;
    println!("{validation}");
    let gpu = [("gpu", &validation.gpu_random_models, &validation.gpu_family_models)];
    let cores = validation.core_sets.iter().map(|set| (set.worker, &set.random, &set.family));
    for (worker, random, family) in gpu.into_iter().chain(cores) {
        if let Some(&(_, baseline_random, baseline_family)) = BASELINE_MODELS.iter().find(|row| row.0 == worker) {
            assert!(random.mean_percent < baseline_random, "{worker} random");
            assert!(family.mean_percent < baseline_family, "{worker} family");
        }
    }
    for (accuracy, baseline) in
        [&validation.gpu_random_operators, &validation.gpu_family_operators].into_iter().zip(BASELINE_OPERATORS)
    {
        let [median, p90, within, mean] = baseline;
        assert!(accuracy.median_percent < median && accuracy.p90_percent < p90 && accuracy.mean_percent < mean);
        assert!(accuracy.within_10_percent > within);
    }
}

#[test]
fn absurd_sizes_do_not_panic() {
    let mut data = CalibrationData::built_in();
    let absurd = "bagnet9,0,CONV_2D,1000000,1000000,1000000,1000000,1000000,1000000,1";
    data.operators.text = data.operators.text.replacen("bagnet9,0,CONV_2D,224,3,224,64,1,1,1", absurd, 1).leak();
    assert!(data.operators.text.contains(absurd));
    hwcal::pixel4::Measurements::read(data).unwrap();
}

#[test]
fn bad_data_are_named_with_file_and_line() {
    let check = |change: &dyn Fn(&mut CalibrationData<'static>), expected: &str| {
        let mut data = CalibrationData::built_in();
        change(&mut data);
        let error = fit(data, &|_, _| {}).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let replaced = |text: &str, from: &str, to: &str| -> &'static str {
        assert!(text.contains(from), "`{from}` is in the data");
        text.replacen(from, to, 1).leak()
    };
    check(
        &|data| data.operators.text = replaced(data.operators.text, "320.41", "NaN"),
        "pixel4_gpu_operators.csv:2: gpu_us is `NaN`: must be a finite number above 0",
    );
    check(
        &|data| data.operators.text = replaced(data.operators.text, "12167.7", "-1"),
        "pixel4_gpu_operators.csv:3: gpu_us is `-1`: must be a finite number above 0",
    );
    check(
        &|data| data.operators.text = replaced(data.operators.text, "kernel", "colonel"),
        "pixel4_gpu_operators.csv:1: column `kernel` is missing",
    );
    check(
        &|data| data.operators.text = replaced(data.operators.text, "bagnet9,0,CONV_2D,224", "bagnet9,0,CONV_2D,1000000000"),
        "in_hw is `1000000000`: must be a whole number from 1 to 1000000, or empty",
    );
    check(
        &|data| data.operators.text = replaced(data.operators.text, "bagnet9,0,CONV_2D", "bagnet9,0,CONV_9D"),
        "op is `CONV_9D`",
    );
    check(
        &|data| data.models.text = replaced(data.models.text, "bagnet9,gpu", "bagnet9,npu"),
        "pixel4_models.csv: no latency of model `bagnet9` on cores `gpu`",
    );
    check(&|data| data.models.text = replaced(data.models.text, "908.37", "inf"), "pixel4_models.csv:2: mean_ms is `inf`");
    check(
        &|data| data.models.text = replaced(data.models.text, "bagnet9,1med,", "bagnet9,1large,"),
        "pixel4_models.csv:3: model is `bagnet9`: must be named once for each core set",
    );
    check(
        &|data| data.published.text = replaced(data.published.text, "map_fixed_ms,0.0118", "map_fixed_ms,"),
        "snapdragon855_published.csv:2: value is ``",
    );
    check(&|data| data.models.text = "", "pixel4_models.csv");
    check(&|data| data.operators.text = "model,op_idx\nbagnet9\n", "pixel4_gpu_operators.csv");
}
