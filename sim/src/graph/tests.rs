//! Validation, order, roles and work.

use proptest::prelude::*;

use super::*;

fn integers(values: &[i64]) -> AttributeValue {
    AttributeValue::Integers(values.to_vec())
}

/// An image through one convolution of the given weight.
fn convolution(input: &[u64], weight: &[u64], attributes: Attributes) -> Graph {
    RawGraph::new("test")
        .with_input("image", input)
        .with_weight("weight", weight)
        .with_operator("Conv", &["image", "weight"], &["result"], attributes)
        .with_output("result")
        .build()
        .expect("a valid graph")
}

#[test]
fn invalid_graphs_are_refused_by_name() {
    let base = || RawGraph::new("test").with_input("x", &[1, 2]).with_output("y");
    let relu = |graph: RawGraph, input: &str, output: &str| graph.with_operator("Relu", &[input], &[output], Attributes::new());
    let cases = [
        (base(), "model `test` has no operators"),
        (relu(RawGraph::new("test").with_input("x", &[1]), "x", "y"), "model `test` has no outputs"),
        (relu(base(), "z", "y"), "tensor `z` is read by operator `y`, but no operator produces it"),
        (relu(relu(base(), "x", "y"), "x", "y"), "tensor `y` is given twice, by operator `y` and by operator `y_2`"),
        (relu(base(), "x", "x"), "tensor `x` is given twice, by a graph input and by operator `x`"),
        (relu(base().with_output("q"), "x", "y"), "tensor `q` is read by the list of graph outputs"),
        (relu(relu(relu(base(), "y", "a"), "a", "b"), "b", "y"), "operators form a cycle: a -> b -> y -> a"),
        (relu(relu(base(), "p", "y"), "q", "z"), "2 errors: tensor `p`"),
        (relu(base(), "x", "y").with_input("huge", &[1_000_000_000; 3]), "tensor `huge`: shape 1000000000x"),
        (relu(base(), "x", ""), "it names no outputs"),
        (
            base().with_operator("Relu", &["x"], &["y", "z"], Attributes::new()),
            "2 outputs are named, but an operator of this type has at most 1",
        ),
        (base().with_operator("Magic", &["x"], &["y"], Attributes::new()), "operator `y` (Magic): operator type is not known"),
    ];
    for (raw, expected) in cases {
        let error = raw.build().expect_err(expected).to_string();
        assert!(error.contains(expected), "`{expected}` is not in `{error}`");
    }
}

#[test]
fn work_that_overflows_is_refused() {
    // 2^29 outputs of 2^40 multiply-accumulates each, from padding mostly: every tensor is of a size that is allowed.
    let pads = vec![(1 << 15) - 1 - (1 << 9), (1 << 16) - 1 - (1 << 9), 0, 0];
    let graph = RawGraph::new("test")
        .with_input("x", &[1, 1 << 11, 1 << 9, 1 << 9])
        .with_weight("w", &[1, 1 << 11, 1 << 14, 1 << 15])
        .with_operator("Conv", &["x", "w"], &["y"], Attributes::new().with("pads", AttributeValue::Integers(pads)))
        .with_output("y");
    let message = graph.build().expect_err("too much work").to_string();
    assert!(message.contains("needs more multiply-accumulates or bytes than 64 bits can count"), "{message}");
}

#[test]
fn declared_shapes_stand_in_for_unknown_operators() {
    let mut raw = RawGraph::new("test")
        .with_input("x", &[1, 2])
        .with_operator("Magic", &["x"], &["y"], Attributes::new())
        .with_operator("Relu", &["y"], &["z"], Attributes::new())
        .with_output("z");
    raw.operators[0].domain = "my.company".to_owned();
    let error = raw.clone().build().expect_err("no shape").to_string();
    assert!(error.contains("(my.company.Magic)"), "{error}");
    raw.declared.insert("y".to_owned(), DeclaredType { data_type: DataType::Float16, shape: vec![3, 4] });
    let graph = raw.build().expect("the shape is declared");
    let magic = graph.operator_named("y").expect("named after its output");
    assert!(magic.shapes_declared);
    assert_eq!(graph.work(magic.id).kind, KernelKind::Other);
    assert_eq!(graph.tensor_named("z").map(|tensor| (tensor.data_type, tensor.bytes())), Some((DataType::Float16, 24)));
    assert_eq!(graph.to_raw().build().expect("declared again"), graph);
}

#[test]
fn names_become_unique() {
    let mut raw = RawGraph::new("test").with_input("x0", &[1]).with_output("x4");
    for index in 0..4 {
        let (from, to) = (format!("x{index}"), format!("x{}", index + 1));
        raw = raw.with_operator("Relu", &[&from], &[&to], Attributes::new());
        raw.operators[index].name = ["relu", "relu", "relu_2", ""][index].to_owned();
    }
    let graph = raw.build().expect("valid");
    let names: Vec<&str> = graph.operators().iter().map(|operator| operator.name.as_str()).collect();
    assert_eq!(names, ["relu", "relu_3", "relu_2", "Relu_3"]);
}

#[test]
fn roles_follow_from_types_and_uses() {
    let graph = RawGraph::new("test")
        .with_input("x", &[1, 4, 8, 8])
        .with_weight("weight", &[1, 4, 1, 1])
        .with_weight("bias", &[1])
        .with_weight("factor", &[1])
        .with_integers("shape", &[1, -1])
        .with_operator("Identity", &["weight"], &["same_weight"], Attributes::new())
        .with_operator("Conv", &["x", "same_weight", "bias"], &["convolved"], Attributes::new())
        .with_operator("Mul", &["convolved", "factor"], &["scaled"], Attributes::new())
        .with_operator("Shape", &["scaled"], &["sizes"], Attributes::new())
        .with_operator("Reshape", &["scaled", "shape"], &["flat"], Attributes::new())
        .with_output("flat")
        .build()
        .expect("valid");
    let role = |name: &str| graph.tensor_named(name).map(|tensor| tensor.role);
    for (name, expected) in [
        ("x", TensorRole::Input),
        ("weight", TensorRole::Weight),
        ("same_weight", TensorRole::Weight),
        ("bias", TensorRole::Weight),
        ("factor", TensorRole::Constant),
        ("shape", TensorRole::Constant),
        ("convolved", TensorRole::Activation),
        ("sizes", TensorRole::Constant),
    ] {
        assert_eq!(role(name), Some(expected), "{name}");
    }
    assert_eq!(graph.total_parameters(), 5);
    let is_static: Vec<bool> = graph.topological_order().iter().map(|&id| graph.is_static(id)).collect();
    assert_eq!(is_static, [true, false, false, true, false]);
    let convolved = graph.operator_named("convolved").expect("there");
    assert_eq!(graph.work(convolved.id).parameters, 5);
}

#[test]
fn work_of_typical_operators() {
    let work = |raw: RawGraph| {
        let graph = raw.with_output("y").build().expect("valid");
        let id = graph.tensor_named("y").and_then(|tensor| tensor.producer).expect("produced");
        graph.work(id).clone()
    };
    let none = Attributes::new;
    let raw = || RawGraph::new("test").with_input("x", &[1, 8, 6, 6]);

    let depthwise = none().with("group", AttributeValue::Integer(8)).with("pads", integers(&[1, 1, 1, 1]));
    let found = work(raw().with_weight("w", &[8, 1, 3, 3]).with_operator("Conv", &["x", "w"], &["y"], depthwise));
    assert_eq!((found.kind, found.macs), (KernelKind::DepthwiseConvolution, 8 * 36 * 9));
    assert_eq!((found.geometry.in_height, found.geometry.out_height, found.geometry.groups), (8, 6, 8));
    assert_eq!((found.input_bytes, found.output_bytes, found.weight_bytes, found.input_count), (1152, 1152, 288, 1));

    let transposed = none().with("strides", integers(&[2, 2]));
    let found = work(raw().with_weight("w", &[8, 4, 2, 2]).with_operator("ConvTranspose", &["x", "w"], &["y"], transposed));
    assert_eq!((found.kind, found.macs), (KernelKind::TransposedConvolution, 8 * 36 * 4 * 4));
    assert_eq!((found.geometry.out_height, found.geometry.out_channels), (12, 4));

    let plane = none().with("axes", integers(&[2, 3])).with("keepdims", AttributeValue::Integer(0));
    let found = work(raw().with_operator("ReduceMean", &["x"], &["y"], plane));
    assert_eq!((found.kind, found.macs, found.geometry.out_channels), (KernelKind::GlobalPool, 0, 8));

    let tokens = || RawGraph::new("test").with_input("x", &[1, 16, 32]);
    let found = work(tokens().with_weight("w", &[32, 64]).with_operator("MatMul", &["x", "w"], &["y"], none()));
    assert_eq!((found.kind, found.macs), (KernelKind::FullyConnected, 16 * 32 * 64));
    assert_eq!((found.geometry.in_channels, found.geometry.out_height, found.geometry.out_channels), (32, 16, 64));

    let heads = RawGraph::new("test").with_input("x", &[1, 4, 16, 8]).with_input("k", &[1, 4, 8, 16]);
    let found = work(heads.with_operator("MatMul", &["x", "k"], &["y"], none()));
    assert_eq!((found.kind, found.macs), (KernelKind::MatrixMultiply, 4 * 16 * 16 * 8));
    assert_eq!((found.geometry.groups, found.geometry.out_height, found.input_count), (4, 16, 2));

    let ids = RawGraph::new("test").with_typed_input("x", DataType::Int64, &[1, 16]).with_weight("w", &[100, 32]);
    let found = work(ids.with_operator("Gather", &["w", "x"], &["y"], none()));
    assert_eq!((found.kind, found.input_bytes, found.output_elements), (KernelKind::Embedding, 128, 512));

    let cell = tokens().with_weight("w", &[1, 96, 32]).with_weight("r", &[1, 96, 24]);
    let found = work(cell.with_operator("GRU", &["x", "w", "r"], &["y"], none()));
    assert_eq!((found.kind, found.macs), (KernelKind::Recurrent, 16 * (96 * 32 + 96 * 24)));

    let found = work(raw().with_operator("Shape", &["x"], &["y"], none()));
    assert_eq!((found.kind, found.macs), (KernelKind::Other, 0));
}

proptest! {
    #[test]
    fn random_graphs_are_consistent(
        choices in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..40),
        order in Just((0..40_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        // Operator `i` adds two of the tensors before it; the file lists operators in any order.
        let count = choices.len();
        let mut raw = RawGraph::new("random").with_input("t0", &[2, 3]).with_output(&format!("t{count}"));
        for place in order.into_iter().filter(|&place| place < count) {
            let (left, right) = choices[place];
            let (left, right) = (format!("t{}", left.index(place + 1)), format!("t{}", right.index(place + 1)));
            raw = raw.with_operator("Add", &[&left, &right], &[&format!("t{}", place + 1)], Attributes::new());
        }
        let graph = raw.build().unwrap();
        prop_assert_eq!(graph.operators().len(), count);
        for (index, &id) in graph.topological_order().iter().enumerate() {
            prop_assert_eq!(id.index(), index);
            prop_assert_eq!(graph.operator(id).id, id);
            prop_assert!(graph.predecessors(id).is_sorted() && graph.successors(id).is_sorted());
            for &before in graph.predecessors(id) {
                prop_assert!(before < id && graph.successors(before).contains(&id));
            }
            for &after in graph.successors(id) {
                prop_assert!(after > id && graph.predecessors(after).contains(&id));
            }
        }
        for tensor in graph.tensors() {
            prop_assert!(tensor.consumers.is_sorted());
            for &consumer in &tensor.consumers {
                prop_assert!(graph.operator(consumer).inputs.contains(&Some(tensor.id)));
            }
        }
        // Built again in its own order it is the same graph, and that order is stable.
        prop_assert_eq!(graph.to_raw().build().unwrap(), graph);
    }

    #[test]
    fn convolution_work_is_the_loop_nest(
        batch in 1_u64..3, groups in 1_u64..4, inner in 1_u64..4, outer in 1_u64..4, size in 3_u64..9, kernel in 1_u64..4,
        stride in 1_i64..3, pad in 0_i64..2,
    ) {
        let attributes = Attributes::new()
            .with("group", AttributeValue::Integer(groups as i64))
            .with("strides", integers(&[stride, stride]))
            .with("pads", integers(&[pad; 4]));
        let graph = convolution(&[batch, groups * inner, size, size], &[groups * outer, inner, kernel, kernel], attributes);
        let work = graph.work(graph.topological_order()[0]);
        let geometry = work.geometry;
        let positions = geometry.out_height * geometry.out_width;
        let taps = geometry.kernel_height * geometry.kernel_width * geometry.in_channels / geometry.groups;
        prop_assert_eq!(work.macs, geometry.batch * geometry.out_channels * positions * taps);
        prop_assert_eq!(work.parameters, groups * outer * inner * kernel * kernel);
        prop_assert_eq!(work.output_elements, batch * groups * outer * positions);
        prop_assert_eq!(geometry.in_height, size + 2 * pad as u64);
        prop_assert_eq!(geometry.out_height, (size + 2 * pad as u64 - kernel) / stride as u64 + 1);
    }
}
