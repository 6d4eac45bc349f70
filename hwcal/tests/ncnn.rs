//! The fits of boards on ncnn's published benchmark.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "tables to look at; a failed unwrap is the failure")]

use hwcal::ncnn::{self, BOARDS};
use scenarios::Profile;

fn committed(device: &str) -> &'static str {
    scenarios::library::devices().iter().find(|entry| entry.name == device).unwrap().text
}

#[test]
fn the_committed_profiles_are_what_the_fit_writes() {
    for board in [&BOARDS[0], &BOARDS[3]] {
        let fitted = ncnn::fit(board).unwrap();
        assert!(fitted.profile == committed(board.device), "stale: socrates calibrate fit --device {}", board.device);
    }
}

#[test]
fn every_profile_reads_back_and_tells_its_errors() {
    for board in &BOARDS {
        let text = committed(board.device);
        let profile = Profile::parse(board.device, text).unwrap();
        assert_eq!(profile.to_toml().unwrap(), text, "{}", board.device);
        assert!(
            profile.device().is_ok() && profile.workers.iter().all(|worker| worker.model_errors.is_some()),
            "{}",
            board.device
        );
        let one = profile.workers.iter().find(|worker| worker.name == "cpu.1thread").unwrap();
        assert!(one.model_errors.unwrap().family_percent < 30.0, "{}: {:?}", board.device, one.model_errors);
    }
}

#[test]
fn models_left_out_everywhere_are_within_the_stated_bounds() {
    let validation = ncnn::fit(&BOARDS[0]).unwrap().validation;
    println!("{validation}");
    for (category, most) in validation.categories.iter().zip([9.0, 11.0, 19.0]) {
        assert!(category.mean_percent < most, "{category:?}");
    }
}
