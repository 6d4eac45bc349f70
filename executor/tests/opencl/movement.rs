//! Operators that move data, and resizing, against the reference.

use super::*;

#[test]
fn movements_agree_with_the_reference() {
    let Some(mut processors) = in_each_memory() else { return };
    let axis = |axis: i64| Attributes::new().with("axis", AttributeValue::Integer(axis));
    for (shape, order) in [
        (&[2_u64, 3, 4][..], &[0_i64, 2, 1][..]),
        (&[2, 3, 4, 5], &[0, 2, 3, 1]),
        (&[2, 3, 4, 5], &[0, 3, 1, 2]),
        (&[2, 3, 4, 5, 6], &[0, 2, 1, 3, 4]),
        (&[1, 2, 7, 2, 7, 5], &[0, 1, 3, 2, 4, 5]),
    ] {
        check(&mut processors, one("Transpose", &[shape], &[], Attributes::new().with("perm", integers(order))));
    }
    check(&mut processors, one("Transpose", &[&[7, 9]], &[], Attributes::new()));
    check(&mut processors, one("Concat", &[&[2, 3, 5], &[2, 4, 5], &[2, 1, 5]], &[], axis(1)));
    check(&mut processors, one("Concat", &[&[2, 3, 5], &[2, 3, 1]], &[], axis(-1)));
    for (starts, ends, axes, steps) in [
        (&[1_i64, 0][..], &[3_i64, 4][..], &[0_i64, 2][..], &[1_i64, 2][..]),
        (&[-3], &[i64::MAX], &[1], &[1]),
        (&[-1], &[i64::MIN], &[2], &[-1]),
    ] {
        let graph = RawGraph::new(format!("Slice {starts:?} {ends:?} {axes:?} {steps:?}"))
            .with_input("x", &[4, 5, 6])
            .with_integers("starts", starts)
            .with_integers("ends", ends)
            .with_integers("axes", axes)
            .with_integers("steps", steps)
            .with_operator("Slice", &["x", "starts", "ends", "axes", "steps"], &["y"], Attributes::new())
            .with_output("y");
        check(&mut processors, graph);
    }
    let graph = RawGraph::new("Split")
        .with_input("x", &[2, 7, 5])
        .with_integers("sizes", &[3, 4])
        .with_operator("Split", &["x", "sizes"], &["a", "b"], axis(1))
        .with_output("a")
        .with_output("b");
    check(&mut processors, graph);
    let block = |mode: &str| {
        Attributes::new().with("blocksize", AttributeValue::Integer(3)).with("mode", AttributeValue::Text(mode.to_owned()))
    };
    check(&mut processors, one("DepthToSpace", &[&[2, 18, 4, 5]], &[], block("DCR")));
    check(&mut processors, one("DepthToSpace", &[&[2, 18, 4, 5]], &[], block("CRD")));
    let two = Attributes::new().with("blocksize", AttributeValue::Integer(2));
    check(&mut processors, one("SpaceToDepth", &[&[2, 3, 4, 6]], &[], two));
    let graph = RawGraph::new("Pad")
        .with_input("x", &[2, 3, 4])
        .with_integers("pads", &[0, 1, 2, 1, 0, 3])
        .with_operator("Pad", &["x", "pads"], &["y"], Attributes::new())
        .with_output("y");
    check(&mut processors, graph);
    let graph = RawGraph::new("Expand")
        .with_input("x", &[3, 1])
        .with_integers("shape", &[2, 3, 6])
        .with_operator("Expand", &["x", "shape"], &["y"], Attributes::new())
        .with_output("y");
    check(&mut processors, graph);
    let graph = RawGraph::new("Gather by known indices")
        .with_input("x", &[2, 5, 3])
        .with_integers("i", &[4, 0, -1])
        .with_operator("Gather", &["x", "i"], &["y"], axis(1))
        .with_output("y");
    check(&mut processors, graph);
    let graph = RawGraph::new("Gather from a table")
        .with_typed_input("i", DataType::Int64, &[1, 7])
        .with_weight("table", &[11, 9])
        .with_operator("Gather", &["table", "i"], &["y"], axis(0))
        .with_output("y");
    check(&mut processors, graph);
    let graph = RawGraph::new("Cast and Reshape")
        .with_typed_input("x", DataType::Int64, &[1, 12])
        .with_integers("shape", &[3, 4])
        .with_operator("Cast", &["x"], &["f"], Attributes::new().with("to", AttributeValue::Integer(1)))
        .with_operator("Reshape", &["f", "shape"], &["y"], Attributes::new())
        .with_output("y");
    check(&mut processors, graph);
    let graph = RawGraph::new("only a view")
        .with_input("x", &[2, 3, 4])
        .with_operator("Flatten", &["x"], &["y"], Attributes::new())
        .with_output("y");
    check(&mut processors, graph);
}

#[test]
fn resizing_agrees_with_the_reference() {
    let Some(mut processors) = in_each_memory() else { return };
    let mut check = |mode: &str, coordinates: &str, rounding: &str, sizes: &[i64]| {
        let text = |value: &str| AttributeValue::Text(value.to_owned());
        let attributes = Attributes::new()
            .with("mode", text(mode))
            .with("coordinate_transformation_mode", text(coordinates))
            .with("nearest_mode", text(rounding));
        let mut graph = RawGraph::new(format!("Resize {mode} {coordinates} {rounding} {sizes:?}"))
            .with_input("x", &[1, 3, 7, 5])
            .with_integers("sizes", sizes);
        graph = graph.with_operator("Resize", &["x", "", "", "sizes"], &["y"], attributes).with_output("y");
        check(&mut processors, graph);
    };
    check("nearest", "asymmetric", "floor", &[1, 3, 14, 10]);
    check("nearest", "half_pixel", "round_prefer_floor", &[1, 3, 10, 3]);
    check("nearest", "half_pixel", "ceil", &[1, 3, 9, 13]);
    check("linear", "half_pixel", "floor", &[1, 3, 28, 17]);
    check("linear", "asymmetric", "floor", &[1, 3, 14, 10]);
    check("linear", "align_corners", "floor", &[1, 3, 4, 9]);
}
