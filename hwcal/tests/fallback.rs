//! What falling back from an NPU costs: the fit, the split that its errors rest on, and networks of the zoo in the simulator.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "tables to look at; a failed unwrap is the failure")]

use hwcal::npu::{self, FallbackData, MixedRow};

#[test]
fn networks_left_out_are_predicted_within_a_factor_of_two() {
    let validation = npu::validate_fallback(&FallbackData::read().unwrap()).unwrap();
    println!("{validation}");
    let (mixed, whole) = (&validation.mixed_within, &validation.whole_within);
    assert!(mixed.count >= 29 && mixed.double_percent >= 90.0 && mixed.quarter_percent >= 60.0, "{mixed:?}");
    assert!(whole.count >= 60 && whole.double_percent >= 90.0, "{whole:?}");
    // A constant for each segment says nothing of how large the layers are.
    assert!(2.0 * mixed.mean_percent < validation.baseline_within.mean_percent, "{:?}", validation.baseline_within);
    // Layers that are told by count alone are no products: that the guess is poor is said, not hidden.
    assert!(validation.unfitted.iter().any(|row| row.model == "mobilesam"));
}

#[test]
fn a_network_that_is_left_out_does_not_move_its_own_prediction() {
    let data = FallbackData::read().unwrap();
    let of = |data: &FallbackData, model: &str| -> Vec<MixedRow> {
        let validation = npu::validate_fallback(data).unwrap();
        let all = [validation.mixed, validation.unfitted, validation.whole].concat();
        all.into_iter().filter(|row| row.model == model).collect()
    };
    let check = |model: &str, factor: f64| {
        let mut changed = data.clone();
        for it in changed.observations.iter_mut().filter(|it| it.model == model) {
            it.measured_ns *= factor;
        }
        let (before, after) = (of(&data, model), of(&changed, model));
        assert!(!before.is_empty() && before.len() == after.len(), "{model}");
        for (before, after) in before.iter().zip(&after) {
            assert_eq!((before.predicted_ns, before.baseline_ns), (after.predicted_ns, after.baseline_ns), "{before:?}");
            assert!((after.measured_ns / before.measured_ns - factor).abs() < 1e-9);
        }
    };
    // The one that most rows are of, one that also ran on the CPU alone, and one that did not.
    check("vit", 10.0);
    check("bert_base_uncased_hf", 0.5);
    check("sequencer2d", 3.0);
}

#[test]
fn what_is_never_fitted_to_moves_no_prediction() {
    let data = FallbackData::read().unwrap();
    let mut changed = data.clone();
    for it in changed.observations.iter_mut().filter(|it| !it.is_fitted) {
        it.measured_ns *= 10.0;
    }
    let predicted = |data: &FallbackData| -> Vec<f64> {
        let validation = npu::validate_fallback(data).unwrap();
        [validation.mixed, validation.unfitted, validation.whole].concat().iter().map(|row| row.predicted_ns).collect()
    };
    assert_eq!(predicted(&data), predicted(&changed));
}
