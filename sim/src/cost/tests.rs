//! Cost models as a whole.

use super::*;
use crate::graph::work::{Access, Geometry, KernelKind, OperatorWork};

fn pointwise(size: u64, in_channels: u64, out_channels: u64) -> OperatorWork {
    let (input, output) = (size * size * in_channels, size * size * out_channels);
    OperatorWork {
        kind: KernelKind::Convolution,
        macs: size * size * in_channels * out_channels,
        input_elements: input,
        output_elements: output,
        parameters: in_channels * out_channels,
        input_bytes: 4 * input,
        output_bytes: 4 * output,
        weight_bytes: 4 * in_channels * out_channels,
        input_count: 1,
        geometry: Geometry {
            batch: 1,
            in_height: size,
            in_width: size,
            in_channels,
            out_height: size,
            out_width: size,
            out_channels,
            kernel_height: 1,
            kernel_width: 1,
            stride_height: 1,
            stride_width: 1,
            dilation_height: 1,
            dilation_width: 1,
            groups: 1,
        },
        access: Access::default(),
        joined_elements: 0,
    }
}

fn models() -> CostModels {
    let mut classes: Vec<ClassModel> = KernelClass::ALL
        .into_iter()
        .map(|class| ClassModel::linear(class, Provenance::Assumed, vec![(Feature::TouchedElements, 0.5)]))
        .collect();
    let convolution = &mut classes[0];
    convolution.provenance = Provenance::Fitted;
    convolution.coefficients = vec![(Feature::Macs, 0.05), (Feature::Launch, 1000.0)];
    convolution.minimum_ns = 2000.0;
    convolution.forest = Forest::new(vec![TreeNode::Leaf(3.0)]).expect("one leaf");
    convolution.forest_limit = 0.5;
    convolution.range = FitRange::around([&KernelShape::of(&pointwise(8, 16, 16)), &KernelShape::of(&pointwise(32, 128, 128))]);
    convolution.shapes = ShapeTable::new(KernelClass::Convolution, vec![([16, 64, 16, 64, 1, 1, 64], 12_345.0)]).expect("one");
    convolution.residuals = Residuals { seen_log_deviation: 0.01, new_log_deviation: 0.1, ..Residuals::default() };
    CostModels::new(4, 2.0, classes).expect("complete")
}

#[test]
fn an_exact_shape_is_looked_up_and_scaled() {
    let prediction = models().predict(&pointwise(16, 64, 64));
    assert!((prediction.duration_ns - 2.0 * 12_345.0).abs() < 1e-9);
    assert_eq!(prediction.provenance, Provenance::Measured);
    assert!((prediction.log_deviation - 0.01).abs() < 1e-12);
    assert!((prediction.memory_bytes - 4.0 * (2.0 * 16.0 * 16.0 * 64.0 + 64.0 * 64.0)).abs() < 1e-9);
}

#[test]
fn the_correction_is_clamped_inside_the_range_and_fades_outside() {
    let models = models();
    let check = |work: &OperatorWork, correction: f64, in_range: bool| {
        let prediction = models.predict(work);
        let linear = (work.macs as f64 * 0.05 + 1000.0).max(2000.0);
        let expected = 2.0 * linear * libm::exp(correction);
        assert!((prediction.duration_ns / expected - 1.0).abs() < 1e-9, "{prediction:?} {expected}");
        assert_eq!(prediction.in_range, in_range);
        assert_eq!(prediction.provenance, Provenance::Fitted);
    };
    check(&pointwise(16, 64, 32), 0.5, true);
    check(&pointwise(16, 64, 256), 0.0, false);
    check(&pointwise(16, 64, 181), 0.5 * (1.0 - libm::log2(181.0 / 128.0)), false);
}

#[test]
fn every_kind_has_an_answer_and_views_cost_nothing() {
    let models = models();
    for kind in KernelKind::ALL {
        let prediction = models.predict(&OperatorWork { kind, ..pointwise(9, 20, 20) });
        assert!(prediction.duration_ns.is_finite());
        assert_eq!(prediction.duration_ns > 0.0, kind != KernelKind::View, "{}", kind.name());
    }
}

#[test]
fn rows_of_a_fully_connected_layer_make_it_a_matrix_product() {
    let mut work = OperatorWork { kind: KernelKind::FullyConnected, ..pointwise(1, 64, 64) };
    assert_eq!(KernelClass::of(&work), Some(KernelClass::FullyConnected));
    work.geometry.out_height = 197;
    assert_eq!(KernelClass::of(&work), Some(KernelClass::FullyConnectedRows));
}

#[test]
fn incomplete_or_absurd_models_are_refused() {
    let complete = models().classes().to_vec();
    let check = |element_bytes: u32, scale: f64, classes: Vec<ClassModel>, expected: &str| {
        let error = CostModels::new(element_bytes, scale, classes).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    };
    check(0, 1.0, complete.clone(), "bytes of an element is 0");
    check(4, f64::NAN, complete.clone(), "scale of durations is NaN");
    check(4, 1.0, complete[1..].to_vec(), "no cost model for class `convolution`");
    check(4, 1.0, [&complete[..], &complete[..1]].concat(), "two cost models for class `convolution`");
    let mut negative = complete.clone();
    negative[3].coefficients[0].1 = -1.0;
    check(4, 1.0, negative, "coefficient of `touched_elements` of class `fully_connected_rows` is -1");
    let twice = ShapeTable::new(KernelClass::Pool, vec![([1; 7], 1.0), ([1; 7], 2.0)]).expect_err("twice");
    assert!(twice.to_string().contains("stands twice"));
}

#[test]
fn occupancy_features_are_a_partition_of_the_loops() {
    let knots = ["occupancy_8", "occupancy_9", "occupancy_10", "occupancy_11", "occupancy_12", "occupancy_13", "occupancy_14"];
    let knots = knots.into_iter().chain(["occupancy_15", "occupancy_16"]);
    let features: Vec<Feature> = knots.map(|name| Feature::from_name(name).expect("a knot")).collect();
    for size in [1, 5, 17, 40, 128] {
        let shape = KernelShape::of(&pointwise(size, 24, 32));
        let sum: f64 = features.iter().map(|feature| feature.value(&shape)).sum();
        let expected = 6.0 * ((size * size * 8) as f64 / 65_536.0).max(1.0);
        assert!((sum / expected - 1.0).abs() < 1e-12, "{size}");
    }
}

#[test]
fn channels_that_do_not_come_in_fours_and_tiles_of_four() {
    let of = |in_channels, out_channels, kernel: u64, groups: u64| {
        let mut work = pointwise(14, in_channels, out_channels);
        work.macs = 14 * 14 * in_channels * out_channels * kernel * kernel / groups;
        (work.geometry.kernel_height, work.geometry.kernel_width, work.geometry.groups) = (kernel, kernel, groups);
        if groups > 1 {
            work.kind = KernelKind::GroupedConvolution;
        }
        (KernelShape::of(&work), work.macs as f64)
    };
    let unpacked = |(shape, macs): (KernelShape, f64)| (Feature::UnpackedMacs.value(&shape) / macs) as u64;
    assert_eq!([of(24, 32, 1, 1), of(3, 32, 3, 1), of(240, 60, 1, 3)].map(unpacked), [0; 3], "the image is read unpacked anyway");
    assert_eq!([of(24, 126, 3, 1), of(58, 32, 1, 1), of(54, 216, 1, 3)].map(unpacked), [1; 3]);
    // 14 x 14 outputs: 4 x 4 tiles of 6 x 6 products for each pair of channels.
    let winograd = |(shape, _): (KernelShape, f64)| Feature::Winograd4Macs.value(&shape) as u64;
    assert_eq!([of(16, 32, 3, 1), of(16, 32, 1, 1), of(4, 32, 3, 1)].map(winograd), [16 * 36 * 16 * 32, 0, 0]);
}

#[test]
fn names_lead_back_to_what_they_name() {
    for class in KernelClass::ALL {
        assert_eq!(KernelClass::from_name(class.name()), Some(class));
    }
    for &feature in Feature::ALL {
        assert_eq!(Feature::from_name(feature.name()), Some(feature));
    }
}
