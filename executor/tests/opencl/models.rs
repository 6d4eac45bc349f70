//! Whole models.

use super::*;

fn model(name: &str) -> Graph {
    scenarios::zoo::load(name, &scenarios::onnx::ReadOptions::default()).expect("in the zoo").expect("valid")
}

#[test]
fn whole_models_run_as_one_unit() {
    let Some([mut buffers, mut images]) = in_each_memory() else { return };
    for name in ["mobilenet_v2", "squeezenet1_1", "resnet18"] {
        let graph = model(name);
        let (unit, inputs) = unit(&graph);
        let outputs = run(&mut buffers, &unit, &inputs);
        let values = outputs[0].values::<f32>();
        assert!(values.iter().all(|value| value.is_finite()), "{name} is not finite");
        assert!(values.iter().any(|value| value.abs() > 1e-6), "{name} is all zeros");
        let difference = run(&mut images, &unit, &inputs)[0].relative_difference(&outputs[0]).expect("comparable");
        assert!(difference <= TOLERANCE, "{name}: {difference:e} between images and buffers");
    }
}

#[test]
fn whole_models_equal_the_chain_of_their_operators() {
    let Some([mut processor, mut images]) = in_each_memory() else { return };
    // Between them: squeeze and excite, shuffled channels, concatenations, attention.
    for name in ["mobilenet_v3_large", "shufflenet_v2_x1_0", "squeezenet1_1", "bert_tiny_4x312"] {
        let graph = model(name);
        let (whole, inputs) = unit(&graph);
        let weights = Weights::drawn();
        let mut values: BTreeMap<String, Tensor> = BTreeMap::new();
        for (&id, input) in graph.inputs().iter().zip(&inputs) {
            values.insert(graph.tensor(id).name.clone(), input.clone());
        }
        for &id in graph.topological_order().iter().filter(|&&id| !graph.is_static(id)) {
            let outputs = &graph.operator(id).outputs;
            let alone = Unit::of_operators(&graph, &[id], outputs, &weights).expect("a unit");
            let name_of = |&id: &TensorId| alone.graph.tensor(id).name.clone();
            let own: Vec<Tensor> = alone.graph.inputs().iter().map(|id| values[&name_of(id)].clone()).collect();
            let made = run(&mut processor, &alone, &own);
            values.extend(alone.graph.outputs().iter().map(name_of).zip(made));
        }
        for (id, found) in graph.outputs().iter().zip(run(&mut processor, &whole, &inputs)) {
            let difference = found.relative_difference(&values[&graph.tensor(*id).name]).unwrap_or(f64::INFINITY);
            assert!(difference <= TOLERANCE, "{name}: {difference:e}");
        }
        for (id, found) in graph.outputs().iter().zip(run(&mut images, &whole, &inputs)) {
            let difference = found.relative_difference(&values[&graph.tensor(*id).name]).unwrap_or(f64::INFINITY);
            assert!(difference <= TOLERANCE, "{name} in images: {difference:e}");
        }
    }
}

#[test]
fn every_model_of_the_zoo_is_supported() {
    let Some(processors) = in_each_memory() else { return };
    for name in scenarios::zoo::names() {
        for processor in &processors {
            let result = processor.support(&model(name));
            assert!(result.is_ok(), "{name}: {}", result.expect_err("refused"));
        }
    }
}

#[test]
fn copies_and_maps_give_equal_results() {
    let graph = model("squeezenet1_1");
    let (unit, inputs) = unit(&graph);
    let mut results = Vec::new();
    for transfer in [Transfer::Copy, Transfer::Map] {
        let Some(mut processor) = open(transfer) else { return };
        results.push(run(&mut processor, &unit, &inputs));
    }
    assert_eq!(results[0][0].bytes(), results[1][0].bytes());
}
