//! Synthetic machines whose laws are known.

mod synthetic;

use proptest::prelude::*;
use scenarios::Profile;
use sim::cost::{Feature, KernelClass, KernelShape, Provenance};
use synthetic::{Machine, Truth, convolution};

use super::*;
use crate::host::sample::{Bound, CopyDirection, Experiment, LaunchMode};

fn report_of(machine: &Machine) -> Report {
    fit(machine.measured(), &machine.description(), FitOptions::default()).expect("fits").report
}

/// Family of the convolutions of the first worker.
fn family_of(report: &Report) -> Family {
    let classes = &report.workers[0].classes;
    classes.iter().find(|class| class.class == "convolution").expect("convolutions").families[0].1
}

#[test]
fn known_laws_are_recovered_and_their_family_is_chosen() {
    let check = |name: &str, truth: Truth, is_right: fn(Physical) -> bool| {
        let mut machine = Machine::new(7, 0.02);
        machine.convolutions("cpu", 240, truth);
        machine.repeat("cpu", 0.02);
        let report = report_of(&machine);
        let family = family_of(&report);
        assert!(is_right(family.physical), "{name}: {family}\n{report}");
        let all = &report.workers[0].all;
        // The noise alone has a median of 1.35 % and is within 10 % always.
        assert!(all.median_percent < 2.2 && all.within_10_percent > 96.0, "{name}\n{report}");
        assert!(report.is_good(), "{name}\n{report}");
    };
    check("linear", |shape| 5_000.0 + 0.03 * shape.macs + 0.4 * shape.output_elements, |physical| physical == Physical::Linear);
    check(
        "roofline",
        |shape| 5_000.0 + (0.03 * shape.macs).max(1.5 * (shape.input_elements + shape.output_elements)),
        |physical| physical == Physical::Roofline,
    );
    check(
        "staircase",
        |shape| {
            let tiles = libm::ceil(shape.out_channels / 32.0) * 32.0;
            5_000.0 + 0.03 * shape.positions * tiles * shape.depth() + 0.2 * shape.input_elements
        },
        |physical| matches!(physical, Physical::Staircase(32) | Physical::StaircaseRoofline(32)),
    );
}

#[test]
fn a_launch_and_a_rate_are_all_that_few_operators_tell() {
    let mut machine = Machine::new(3, 0.01);
    machine.convolutions("cpu", 6, |shape| 2_000.0 + 0.05 * shape.macs);
    let report = report_of(&machine);
    assert_eq!(family_of(&report), Family { physical: Physical::Simple, trees: Trees::None });
}

#[test]
fn types_of_one_class_that_differ_get_models_of_their_own() {
    let mut machine = Machine::new(5, 0.02);
    machine.activations("cpu", "Relu", 40, |shape| 1_000.0 + 0.1 * shape.output_elements);
    machine.activations("cpu", "Erf", 40, |shape| 1_000.0 + 1.7 * shape.output_elements);
    let report = report_of(&machine);
    assert!(report.workers[0].all.within_10_percent > 97.0, "{report}");
    let families = &report.workers[0].classes[0].families;
    assert_eq!(families.iter().filter(|(operator, _)| operator.is_some()).count(), 2);
}

#[test]
fn what_a_fused_operator_adds_is_read_off() {
    let mut machine = Machine::new(11, 0.01);
    machine.convolutions("cpu", 120, |shape| 3_000.0 + 0.03 * shape.macs + 0.2 * shape.output_elements);
    machine.fused_convolutions("cpu", "HardSwish", 120, |shape| 3_000.0 + 0.03 * shape.macs + 1.4 * shape.output_elements);
    machine.fused_convolutions("cpu", "Relu", 120, |shape| 3_000.0 + 0.03 * shape.macs + 0.2 * shape.output_elements);
    let fitted = fit(machine.measured(), &machine.description(), FitOptions::default()).expect("fits");
    let profile = Profile::parse("host.toml", &fitted.profile).unwrap_or_else(|errors| panic!("{errors}"));
    let fused = profile.costs["cpu"].fused();
    assert!((fused["HardSwish"].element_ns / 1.2 - 1.0).abs() < 0.1, "{fused:?}");
    assert!(fused.get("Relu").is_none_or(|cost| cost.element_ns < 0.05), "{fused:?}");
}

#[test]
fn slices_are_predicted_by_the_model_of_the_whole() {
    let mut machine = Machine::new(13, 0.02);
    machine.convolutions("cpu", 120, |shape| 5_000.0 + 0.03 * shape.macs + 0.4 * shape.output_elements);
    machine.slices("cpu", |shape| 5_000.0 + 0.03 * shape.macs + 0.4 * shape.output_elements);
    let report = report_of(&machine);
    let slices = &report.workers[0].slices;
    assert!(slices.count > 100 && slices.median_percent < 3.0, "{report}");
}

#[test]
fn segments_give_their_fixed_part_and_factors_back() {
    let mut machine = Machine::new(17, 0.01);
    machine.convolutions("cpu", 200, |shape| 20_000.0 + 0.02 * shape.macs);
    machine.activations("cpu", "Relu", 100, |shape| 20_000.0 + 0.3 * shape.output_elements);
    machine.push("cpu", Experiment::Launch { launch: LaunchMode::BackToBack }, 22_000.0);
    machine.push("cpu", Experiment::Launch { launch: LaunchMode::Alone }, 30_000.0);
    machine.push("cpu", Experiment::WakeUp, 5_000.0);
    let factor = |class: KernelClass| if class == KernelClass::Convolution { 0.9 } else { 0.3 };
    machine.segments("cpu", 8, 6, 18_000.0, factor);
    let fitted = fit(machine.measured(), &machine.description(), FitOptions::default()).expect("fits");
    let law = fitted.report.workers[0].segments.as_ref().expect("segments");
    assert!((law.factors["convolution"] - 0.9).abs() < 0.03, "{law}");
    assert!((law.factors["activation"] - 0.3).abs() < 0.06, "{law}");
    assert!((law.alone_ns / 18_000.0 - 1.0).abs() < 0.15, "{law}");
    assert!(law.held_out.median_percent < 2.0 && law.plain_sum.median_percent > 10.0, "{law}");
    let profile = Profile::parse("host.toml", &fitted.profile).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(profile.workers[0].invocation_ns.abs_diff(13_000) < 700, "{:?}", profile.workers[0]);
    let costs = &profile.costs["cpu"];
    let prediction = costs.predict(&convolution(28, 64, 64, 3));
    let expected = costs.class(KernelClass::Convolution).expect("one").in_segment * (prediction.duration_ns - costs.alone_ns());
    assert!((prediction.segment_ns - expected).abs() < 1e-6);
}

#[test]
fn copies_give_their_fixed_part_and_bandwidth_back() {
    let mut machine = Machine::new(19, 0.02);
    machine.convolutions("gpu", 40, |shape| 5_000.0 + 0.03 * shape.macs);
    for power in 8..25 {
        let bytes = 1_u64 << power;
        machine.push("gpu", Experiment::Copy { direction: CopyDirection::Upload, bytes }, 12_000.0 + bytes as f64 / 5.0);
        machine.push("gpu", Experiment::Copy { direction: CopyDirection::Download, bytes }, 30_000.0);
    }
    let report = report_of(&machine);
    let [up, down] = &report.copies[..] else { panic!("{report}") };
    assert!((up.fixed_ns as f64 / 12_000.0 - 1.0).abs() < 0.03, "{report}");
    assert!((up.bytes_per_second.expect("flows") / 5e9 - 1.0).abs() < 0.03, "{report}");
    assert!((down.fixed_ns as f64 / 30_000.0 - 1.0).abs() < 0.03, "{report}");
    assert!(down.bytes_per_second.is_none_or(|rate| rate > 1e12), "{report}");
}

#[test]
fn slowdowns_give_the_shared_bandwidth_back() {
    // Both ask for 8 bytes in a nanosecond alone; 10 are there.
    let mut machine = Machine::new(23, 0.01);
    for worker in ["cpu", "gpu"] {
        machine.convolutions(worker, 30, |shape| 5_000.0 + 0.03 * shape.macs);
    }
    let slow = |machine: &mut Machine, own: Bound, other: Bound, together: f64| {
        machine.pressure("cpu", "gpu", (own, other), 8.0, together);
        machine.pressure("gpu", "cpu", (own, other), 8.0, together);
    };
    slow(&mut machine, Bound::Memory, Bound::Memory, 1.6);
    slow(&mut machine, Bound::Compute, Bound::Compute, 1.0);
    let bandwidth = report_of(&machine).bandwidth.expect("a slowdown was measured");
    assert!((bandwidth.bytes_per_second / 10e9 - 1.0).abs() < 0.02, "{bandwidth}");
    assert!(bandwidth.residual < 0.01 && bandwidth.residual_without > 0.2, "{bandwidth}");

    let mut quiet = Machine::new(23, 0.01);
    quiet.convolutions("cpu", 30, |shape| 5_000.0 + 0.03 * shape.macs);
    quiet.convolutions("gpu", 30, |shape| 5_000.0 + 0.03 * shape.macs);
    slow(&mut quiet, Bound::Memory, Bound::Memory, 1.01);
    assert_eq!(report_of(&quiet).bandwidth, None);
}

#[test]
fn refusals_become_rules_as_narrow_as_the_data_allow() {
    let mut machine = Machine::new(29, 0.01);
    machine.convolutions("gpu", 20, |shape| 5_000.0 + 0.03 * shape.macs);
    machine.refuse("gpu", "Erf", None, "no kernel for Erf");
    let mut grouped = convolution(14, 64, 64, 3);
    grouped.kind = sim::graph::KernelKind::GroupedConvolution;
    machine.refuse("gpu", "Conv", Some(&grouped), "no grouped convolution");
    let fitted = fit(machine.measured(), &machine.description(), FitOptions::default()).expect("fits");
    let device =
        Profile::parse("host.toml", &fitted.profile).unwrap_or_else(|errors| panic!("{errors}")).device().expect("a device");
    let support = &device.workers()[0].support;
    let plain = convolution(14, 64, 64, 3);
    let check = |op_type: &str, work, supported: bool| {
        assert_eq!(support.check(op_type, work, 4) == sim::platform::Support::Supported, supported, "{op_type}");
    };
    check("Conv", &plain, true);
    check("Conv", &grouped, false);
    check("Erf", &plain, false);
    check("Relu", &plain, true);
}

#[test]
fn the_profile_reads_back_as_a_device_with_the_same_predictions_and_repeats() {
    let mut machine = Machine::new(31, 0.05);
    machine.convolutions("cpu", 150, |shape| 5_000.0 + 0.03 * shape.macs + 0.4 * shape.output_elements);
    machine.convolutions("gpu", 150, |shape| 50_000.0 + (0.01 * shape.macs).max(shape.output_elements));
    machine.activations("cpu", "Relu", 20, |shape| 1_000.0 + 0.1 * shape.output_elements);
    machine.activations("cpu", "Erf", 20, |shape| 1_000.0 + 1.7 * shape.output_elements);
    let fitted = fit(machine.measured(), &machine.description(), FitOptions::default()).expect("fits");
    assert_eq!(fitted, fit(machine.measured(), &machine.description(), FitOptions::default()).expect("fits"));
    let profile = Profile::parse("host.toml", &fitted.profile).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(profile.to_toml().expect("writes"), fitted.profile);
    assert_eq!(profile.provenance.machine["processor"], "made up");
    assert_eq!(profile.provenance.samples["operator"], 340);
    assert_eq!(profile.workers[0].opens.as_deref(), Some("cpu[cores=0]"));
    let device = profile.device().expect("a device");
    let rows = row::rows(&machine.samples, "cpu");
    for row in &rows {
        let costs = &device.workers()[0].costs;
        let prediction = costs.predict_kernel(&row.op_type, &row.fused(), &row.work);
        assert!((prediction.duration_ns / row.duration_ns - 1.0).abs() < 0.25, "{row:?} {prediction:?}");
        let is_looked_up = row.class == KernelClass::Convolution;
        assert_eq!(prediction.provenance == Provenance::Measured, is_looked_up, "{row:?}");
    }
}

#[test]
fn nothing_measured_is_an_error_that_names_the_worker() {
    let mut machine = Machine::new(37, 0.0);
    machine.convolutions("cpu", 10, |shape| shape.macs);
    let mut description = machine.description();
    description.workers[0].name = "npu".to_owned();
    let error = fit(machine.measured(), &description, FitOptions::default()).expect_err("no samples");
    assert!(error.to_string().contains("worker `npu` has no usable sample"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever the measurements, more of anything never takes less time inside of the range of the data, among channels that fill
    /// blocks: those that do not are computed otherwise, and more of them can take less.
    #[test]
    fn predictions_never_fall_as_sizes_and_channels_grow(
        seed in 0_u64..1000, probes in prop::collection::vec((7_u64..57, 7_u64..57, 1_u64..16, 1_u64..16, 1_u64..16, 1_u64..16), 40),
    ) {
        let mut machine = Machine::new(seed, 0.3);
        machine.convolutions("cpu", 60, |shape| 4_000.0 + 0.02 * shape.macs + 50.0 * libm::fmod(shape.out_channels, 16.0));
        let rows = row::rows(&machine.samples, "cpu");
        let data: Vec<family::Observation<'_>> =
            rows.iter().map(|row| family::Observation { shape: &row.shape, duration_ns: row.duration_ns }).collect();
        let class = KernelClass::Convolution;
        for physical in family::candidates(class).into_iter().filter(|&physical| physical != Physical::Occupancy) {
            let mut model = family::fit(class, physical, &data).expect("fits");
            family::correct(&mut model, Trees::Monotone, family::Effort::Full, &data).expect("corrects");
            for &(size, other_size, inputs, more_inputs, outputs, more_outputs) in &probes {
                let [inputs, more_inputs, outputs, more_outputs] = [inputs, more_inputs, outputs, more_outputs].map(|blocks| 16 * blocks);
                let small = KernelShape::of(&convolution(size.min(other_size), inputs.min(more_inputs), outputs.min(more_outputs), 3));
                let large = KernelShape::of(&convolution(size.max(other_size), inputs.max(more_inputs), outputs.max(more_outputs), 3));
                let (short, long) = (model.duration_ns(&small, 0.0), model.duration_ns(&large, 0.0));
                prop_assert!(long >= short * (1.0 - 1e-9), "{:?}: {} {}", physical, short, long);
            }
            for &(feature, coefficient) in &model.coefficients {
                prop_assert!(coefficient >= 0.0, "{}", Feature::name(feature));
            }
        }
    }
}
