//! The fits of NPUs on AI Hub's measurements. `UPDATE=1` writes the profiles.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "tables to look at; a failed unwrap is the failure")]

use std::fs;
use std::path::PathBuf;

use hwcal::npu::{self, DEVICES, Measurements, Precision};
use scenarios::Profile;

fn file(device: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../scenarios/devices/{device}.toml"))
}

#[test]
fn the_committed_profiles_are_what_the_fit_writes() {
    let is_update = std::env::var_os("UPDATE").is_some();
    let some = [&DEVICES[0], &DEVICES[6]];
    for device in DEVICES.iter().filter(|device| is_update || some.contains(device)) {
        let fitted = npu::fit(device).unwrap();
        println!("{}\n{}", device.device, fitted.validation);
        let profile = Profile::parse(device.device, &fitted.profile).unwrap();
        assert_eq!(profile.to_toml().unwrap(), fitted.profile, "{}", device.device);
        assert!(profile.device().is_ok(), "{}", device.device);
        if is_update {
            fs::write(file(device.device), &fitted.profile).unwrap();
        }
        let committed = fs::read_to_string(file(device.device)).unwrap();
        assert!(fitted.profile == committed, "stale: socrates calibrate fit --device {}", device.device);
    }
}

#[test]
fn models_left_out_everywhere_are_predicted_better_than_by_their_macs() {
    // Most mean error of any device, and of the median; the baseline has at least 1.3 times as much.
    for (precision, most_mean, most_median) in [(Precision::Float16, 17.0, 14.0), (Precision::Int8, 30.0, 25.0)] {
        let validation = npu::validate(&Measurements::read(precision).unwrap()).unwrap();
        println!("{validation}");
        for it in &validation.devices {
            let (ours, baseline) = (it.errors.mean_percent, it.baseline.mean_percent);
            assert!(ours < most_mean && it.errors.median_percent < most_median, "{}: {:?}", it.device, it.errors);
            assert!(1.2 * ours < baseline, "{}: {ours} against {baseline}", it.device);
        }
    }
}

#[test]
fn a_model_that_is_left_out_does_not_move_its_own_prediction() {
    // Ten times as slow everywhere: predictions of all others may change, its own may not.
    let measured = Measurements::read(Precision::Float16).unwrap();
    let mut changed = measured.clone();
    for ns in changed.measured_ns[0].iter_mut().flatten() {
        *ns *= 10.0;
    }
    let of = |measured: &Measurements| npu::validate(measured).unwrap().devices[0].pairs[0].clone();
    let (before, after) = (of(&measured), of(&changed));
    assert_eq!((&before.0, before.1), (&after.0, after.1));
    assert!((after.2 / before.2 - 10.0).abs() < 1e-9);
}
