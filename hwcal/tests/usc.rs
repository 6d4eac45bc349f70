//! The fits of the phones on the data that come with the source code.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "tables to look at; a failed unwrap is the failure")]

use std::sync::LazyLock;

use hwcal::folds::Folds;
use hwcal::usc::{self, CAMPAIGNS, CalibrationData, Campaign, DERIVED, FitReport, Measurements, WholeModels};
use scenarios::Profile;

const COMMITTED: &str = include_str!("../../scenarios/devices/pixel4.toml");
const HOW_TO_REFRESH: &str = "socrates calibrate fit --device pixel4 --output scenarios/devices/pixel4.toml";

static FIT: LazyLock<FitReport> = LazyLock::new(|| usc::fit(pixel4(), CalibrationData::built_in(), &|_, _| {}).unwrap());

fn pixel4() -> &'static Campaign {
    usc::campaign("pixel4").unwrap()
}

fn committed(device: &str) -> &'static str {
    scenarios::library::devices().iter().find(|entry| entry.name == device).unwrap().text
}

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
    for report in std::iter::once(&validation.gpu).chain(&validation.core_sets) {
        if let Some(&(_, random, family)) = pixel4().baseline_models.iter().find(|row| row.0 == report.worker) {
            assert!(report.random.mean_percent < random, "{} random", report.worker);
            assert!(report.family.mean_percent < family, "{} family", report.worker);
        }
        let [random, family] = report.covered_percent;
        assert!((88.0..=99.0).contains(&random) && family > 70.0, "{}: {random} {family}", report.worker);
    }
    let accuracies = [&validation.gpu_random_operators, &validation.gpu_family_operators];
    for (accuracy, baseline) in accuracies.into_iter().zip(pixel4().baseline_operators) {
        let [median, p90, within, mean] = baseline;
        assert!(accuracy.median_percent < median && accuracy.p90_percent < p90 && accuracy.mean_percent < mean);
        assert!(accuracy.within_10_percent > within);
    }
}

/// What a fit takes minutes for in a test, `socrates calibrate fit --device DEVICE --check` does in seconds.
#[test]
fn the_other_profiles_read_back_and_keep_what_the_issue_asks_for() {
    for campaign in &CAMPAIGNS {
        let text = committed(campaign.device);
        assert!(text.len() < 400_000, "{}: {} bytes", campaign.device, text.len());
        let profile = Profile::parse(campaign.device, text).unwrap();
        assert_eq!(profile.to_toml().unwrap(), text, "{}", campaign.device);
        assert_eq!(profile.workers.len(), campaign.core_sets.len() + 1);
        for worker in &profile.workers {
            let errors = worker.model_errors.unwrap();
            let threads: u32 = worker.cores.values().sum();
            let most = if worker.name == "gpu" {
                6.0
            } else if threads == 1 {
                5.0
            } else {
                9.0
            };
            let name = format!("{} of {}", worker.name, campaign.device);
            assert!(errors.family_percent < most && errors.random_percent < errors.family_percent, "{name}: {errors:?}");
            assert!(errors.familiar_low < 1.0 && errors.familiar_high > 1.0, "{name}: {errors:?}");
        }
    }
}

#[test]
fn derived_profiles_are_fresh_and_claim_nothing() {
    for derived in &DERIVED {
        let text = usc::derived::text(derived, committed(derived.from)).unwrap();
        assert!(text == committed(derived.device), "socrates calibrate fit --device {}", derived.device);
        assert!(!text.contains("\"fitted\"") && !text.contains("\"measured\""), "{}", derived.device);
    }
}

/// Held-out models enter neither fit nor prior: whatever they are said to take, their predictions stay.
#[test]
fn a_fit_does_not_see_what_it_is_judged_on() {
    let measured = Measurements::read(pixel4(), CalibrationData::built_in()).unwrap();
    let folds = Folds::by_family(&measured.models);
    let features = usc::cpu::model_features(&measured);
    let set = pixel4().core_sets.iter().position(|set| set.name == "1large1med").unwrap();
    let before = usc::cpu::hold_out(&measured, &features, set, &folds).unwrap();
    let mut changed = measured.clone();
    let in_fold = |model: usize| folds.0[model] == 2;
    for cores in &mut changed.cores {
        let scaled = |(model, &ns): (usize, &f64)| if in_fold(model) { 7.0 * ns } else { ns };
        *cores = WholeModels { mean_ns: cores.mean_ns.iter().enumerate().map(scaled).collect(), ..cores.clone() };
    }
    let after = usc::cpu::hold_out(&changed, &features, set, &folds).unwrap();
    for model in (0..before.len()).filter(|&model| in_fold(model)) {
        assert_eq!(before[model].to_bits(), after[model].to_bits(), "{}", measured.models[model]);
    }
    assert!((0..before.len()).any(|model| before[model].to_bits() != after[model].to_bits()), "the others see it");
}

#[test]
fn absurd_sizes_do_not_panic() {
    let mut data = CalibrationData::built_in();
    let absurd = "bagnet9,0,CONV_2D,1000000,1000000,1000000,1000000,1000000,1000000,1";
    data.operators.text = data.operators.text.replacen("bagnet9,0,CONV_2D,224,3,224,64,1,1,1", absurd, 1).leak();
    assert!(data.operators.text.contains(absurd));
    Measurements::read(pixel4(), data).unwrap();
}

#[test]
fn bad_data_are_named_with_file_and_line() {
    let check = |change: &dyn Fn(&mut CalibrationData<'static>), expected: &str| {
        let mut data = CalibrationData::built_in();
        change(&mut data);
        let error = usc::fit(pixel4(), data, &|_, _| {}).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let replaced = |text: &str, from: &str, to: &str| -> &'static str {
        assert!(text.contains(from), "`{from}` is in the data");
        text.replacen(from, to, 1).leak()
    };
    check(
        &|data| data.operators.text = replaced(data.operators.text, "320.41", "NaN"),
        "usc_operators.csv:2: pixel4_us is `NaN`: must be a finite number above 0",
    );
    check(
        &|data| data.operators.text = replaced(data.operators.text, "12167.7", "-1"),
        "usc_operators.csv:3: pixel4_us is `-1`: must be a finite number above 0",
    );
    check(
        &|data| data.operators.text = replaced(data.operators.text, "kernel", "colonel"),
        "usc_operators.csv:1: column `kernel` is missing",
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
        &|data| data.models.text = replaced(data.models.text, "pixel4,bagnet9,gpu", "pixel4,bagnet9,npu"),
        "usc_models.csv: no latency of model `bagnet9` on cores `gpu` of `pixel4`",
    );
    check(&|data| data.models.text = replaced(data.models.text, "908.37", "inf"), "usc_models.csv:2: mean_ms is `inf`");
    check(
        &|data| data.models.text = replaced(data.models.text, "bagnet9,1med,", "bagnet9,1large,"),
        "usc_models.csv:3: model is `bagnet9`: must be named once for each core set",
    );
    check(
        &|data| data.published.text = replaced(data.published.text, "map_fixed_ms,0.0118", "map_fixed_ms,"),
        "phones_published.csv:2: value is ``",
    );
    check(&|data| data.models.text = "", "usc_models.csv");
    check(&|data| data.operators.text = "model,op_idx\nbagnet9\n", "usc_operators.csv");
}
