//! Tensors in images: operators between a convolution, whose result is in one, and the end.

use super::*;

/// A convolution of `x` to `c`, of shape 2 x `channels` x 7 x 6, to be followed by others.
fn started(name: &str, channels: u64) -> RawGraph {
    let mut graph = RawGraph::new(format!("{name} after a convolution to {channels} channels"))
        .with_input("x", &[2, 5, 7, 6])
        .with_weight("w", &[channels, 5, 3, 3])
        .with_operator("Conv", &["x", "w"], &["c"], Attributes::new().with("pads", integers(&[1; 4])));
    graph.opset_version = Some(16);
    graph
}

/// Another convolution of `x`, to `d`.
fn twice(name: &str, channels: u64) -> RawGraph {
    started(name, channels).with_weight("v", &[channels, 5, 1, 1]).with_operator("Conv", &["x", "v"], &["d"], Attributes::new())
}

/// Runs a graph that ends in `y`, with tensors in images, in as many kernels.
fn check_kernels(processor: &mut OpenClProcessor, graph: RawGraph, expected: usize) {
    let name = graph.name.clone();
    let counts = check(std::slice::from_mut(processor), graph.with_output("y"));
    assert_eq!(counts, [expected], "kernels of {name}");
}

/// `pack`, the convolution, the operator itself, `unpack`.
const ONE_MORE: usize = 4;

#[test]
fn operators_stay_in_images() {
    let Some(mut processor) = open_with(DeviceMemory::Image, Transfer::Copy) else { return };
    let none = Attributes::new;
    let axes = |keep: i64| none().with("axes", integers(&[2, 3])).with("keepdims", AttributeValue::Integer(keep));
    for channels in [5, 8] {
        let mut check = |graph: RawGraph, expected: usize| check_kernels(&mut processor, graph, expected);
        let after = |op_type: &str, attributes| started(op_type, channels).with_operator(op_type, &["c"], &["y"], attributes);
        // Two functions: the convolution computes the first.
        for op_type in ["Sigmoid", "HardSwish", "Exp", "Reciprocal"] {
            let graph = started(op_type, channels).with_operator("Tanh", &["c"], &["t"], none());
            let graph = graph.with_operator("Neg", &["t"], &["n"], none()).with_operator("Neg", &["n"], &["m"], none());
            check(graph.with_operator(op_type, &["m"], &["y"], none()), 3 + ONE_MORE - 1);
        }
        let window = |stride: i64| none().with("kernel_shape", integers(&[3; 2])).with("strides", integers(&[stride; 2]));
        for op_type in ["MaxPool", "AveragePool"] {
            check(after(op_type, window(1)), ONE_MORE);
            check(after(op_type, window(2).with("pads", integers(&[1; 4]))), ONE_MORE);
            check(
                after(op_type, window(2).with("pads", integers(&[0, 1, 1, 0])).with("ceil_mode", AttributeValue::Integer(1))),
                ONE_MORE,
            );
        }
        check(after("GlobalAveragePool", none()), ONE_MORE);
        check(after("ReduceMean", axes(1)), ONE_MORE);
        check(after("ReduceMean", axes(0)), ONE_MORE);
        // Pooled channels are rows of a matrix: no transform between.
        let classified = after("GlobalAveragePool", none());
        let classified = RawGraph { name: "a classifier".to_owned(), ..classified }
            .with_operator("Flatten", &["y"], &["f"], none())
            .with_weight("g", &[channels, 9])
            .with_weight("h", &[9]);
        let classified = RawGraph { operators: classified.operators, ..classified };
        let gemm = none().with("alpha", AttributeValue::Float(0.5)).with("beta", AttributeValue::Float(2.0));
        let classified = classified.with_operator("Gemm", &["f", "g", "h"], &["z"], gemm);
        let counts = super::check(std::slice::from_mut(&mut processor), classified.with_output("z"));
        assert_eq!(counts, [ONE_MORE + 1]);
    }
}

#[test]
fn arithmetic_stays_in_images() {
    let Some(mut processor) = open_with(DeviceMemory::Image, Transfer::Copy) else { return };
    let none = Attributes::new;
    for channels in [5, 8] {
        let mut check = |graph: RawGraph, expected: usize| check_kernels(&mut processor, graph, expected);
        for op_type in ["Sub", "Mul", "Div", "Min", "Max"] {
            for shape in [&[][..], &[1], &[channels, 1, 1], &[1, channels, 7, 6], &[1, 1, 7, 1], &[2, 1, 1, 6]] {
                let name = format!("{op_type} by {shape:?}");
                let graph = started(&name, channels).with_weight("k", shape);
                check(graph.with_operator(op_type, &["c", "k"], &["y"], none()), ONE_MORE);
            }
            let both = twice(op_type, channels).with_operator(op_type, &["c", "d"], &["y"], none());
            check(both, ONE_MORE + 1);
        }
        let gated = twice("a gate", channels).with_operator("GlobalAveragePool", &["d"], &["p"], none()).with_operator(
            "Mul",
            &["c", "p"],
            &["y"],
            none(),
        );
        check(gated, ONE_MORE + 2);
        let mut scaled = started("BatchNormalization", channels).with_operator("Relu", &["c"], &["r"], none());
        for name in ["scale", "offset", "mean", "variance"] {
            scaled = scaled.with_weight(name, &[channels]);
        }
        let scaled = scaled.with_operator("BatchNormalization", &["r", "scale", "offset", "mean", "variance"], &["y"], none());
        check(scaled, ONE_MORE);
    }
}

#[test]
fn what_has_no_kernel_on_images_runs_on_buffers_between_them() {
    let Some(mut processor) = open_with(DeviceMemory::Image, Transfer::Copy) else { return };
    let none = Attributes::new;
    let axis = none().with("axis", AttributeValue::Integer(1));
    // Whole texels are put side by side; others are moved element by element.
    let joined = |channels| twice("Concat", channels).with_operator("Concat", &["c", "d"], &["y"], axis.clone());
    check_kernels(&mut processor, joined(8), 3 + 2 + 1);
    check_kernels(&mut processor, joined(5), 3 + 2 + 2);
    // Out of the image, transposed, and back into one.
    let turned = started("Transpose", 6)
        .with_operator("Transpose", &["c"], &["t"], none().with("perm", integers(&[0, 1, 3, 2])))
        .with_weight("u", &[4, 6, 1, 1])
        .with_operator("Conv", &["t", "u"], &["y"], none());
    check_kernels(&mut processor, turned, 2 + 2 + 2 + 1);
    // A result that is wanted, and read on.
    let wanted =
        started("both wanted", 6).with_operator("MaxPool", &["c"], &["y"], none().with("kernel_shape", integers(&[2, 2])));
    check_kernels(&mut processor, wanted.with_output("c"), 5);
    // Groups that fill no texels.
    let grouped = |channels: u64| {
        let group = none().with("group", AttributeValue::Integer(2));
        started("groups", channels).with_weight("u", &[channels, channels / 2, 3, 3]).with_operator(
            "Conv",
            &["c", "u"],
            &["y"],
            group,
        )
    };
    check_kernels(&mut processor, grouped(16), ONE_MORE);
    // Out of the image, laid out for the window, multiplied.
    check_kernels(&mut processor, grouped(6), 2 + 1 + 2);
}

#[test]
fn a_tensor_too_large_for_an_image_stays_in_a_buffer() {
    let Some(mut processor) = open_with(DeviceMemory::Image, Transfer::Copy) else { return };
    let [width, _] = processor.device().largest_image;
    // One place more than fit into a row.
    let graph =
        |width: u64| {
            RawGraph::new(format!("{width} wide"))
                .with_input("x", &[1, 2, 1, width])
                .with_weight("w", &[2, 2, 1, 1])
                .with_operator("Conv", &["x", "w"], &["y"], Attributes::new())
        };
    check_kernels(&mut processor, graph(width as u64), 3);
    check_kernels(&mut processor, graph(width as u64 + 1), 1);
}
