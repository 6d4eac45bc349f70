//! Layers of the zoo against those of the same architectures in ncnn: kernel, stride, groups, sizes, multiply-accumulates.

use std::collections::BTreeMap;

use scenarios::onnx::ReadOptions;
use scenarios::zoo;
use sim::graph::{Graph, KernelKind, Operator};

/// Kernel height and width, stride, groups, input channels, height, width, output channels, height, width, and
/// multiply-accumulates and parameters. Fully connected layers are 1x1 convolutions of a 1x1 image.
type Layer = [u64; 12];

/// Layers by how often they occur.
type Layers = BTreeMap<Layer, i64>;

const TABLE: &str = include_str!("data/ncnn_model_macs.csv");
const DEVIATIONS: &str = include_str!("data/ncnn_deviations.csv");

/// The layers of a table by model, which is in column `model_column`; the last thirteen columns are a layer and its count.
fn layers_by_model(table: &str, model_column: usize) -> BTreeMap<String, Layers> {
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(table.as_bytes());
    let mut models: BTreeMap<String, Layers> = BTreeMap::new();
    for record in reader.records() {
        let record = record.expect("a row");
        let numbers: Vec<i64> = record.iter().skip(2).map(|cell| cell.parse().expect("a number")).collect();
        let layer: Layer = std::array::from_fn(|index| numbers[index] as u64);
        models.entry(record[model_column].to_owned()).or_default().insert(layer, numbers[12]);
    }
    models
}

fn layer(graph: &Graph, operator: &Operator) -> Option<Layer> {
    let work = graph.work(operator.id);
    if work.macs == 0 {
        return None;
    }
    let geometry = work.geometry;
    if work.kind == KernelKind::FullyConnected {
        return Some([1, 1, 1, 1, geometry.in_channels, 1, 1, geometry.out_channels, 1, 1, work.macs, work.parameters]);
    }
    let input = &graph.tensor(operator.input(0)?).shape;
    let output = &graph.tensor(operator.outputs[0]).shape;
    Some([
        geometry.kernel_height,
        geometry.kernel_width,
        geometry.stride_height,
        geometry.groups,
        input[1],
        input[2],
        input[3],
        output[1],
        output[2],
        output[3],
        work.macs,
        work.parameters,
    ])
}

fn zoo_layers(name: &str) -> Layers {
    let mut options = ReadOptions::default();
    if name == "squeezenet1_1" {
        // ncnn runs it on the image size of the Caffe model.
        options.input_shapes.insert("image".to_owned(), vec![1, 3, 227, 227]);
    }
    let graph = zoo::load(name, &options).expect("in the zoo").expect("valid");
    let mut layers = Layers::new();
    for layer in graph.operators().iter().filter_map(|operator| layer(&graph, operator)) {
        *layers.entry(layer).or_default() += 1;
    }
    layers
}

/// What `left` has more than `right`.
fn difference(left: &Layers, right: &Layers) -> Layers {
    let mut difference = left.clone();
    for (layer, count) in right {
        *difference.entry(*layer).or_default() -= count;
    }
    difference.retain(|_, count| *count != 0);
    difference
}

#[test]
fn layers_are_those_of_ncnn_but_for_documented_deviations() {
    let documented = layers_by_model(DEVIATIONS, 0);
    let ncnn = layers_by_model(TABLE, 1);
    assert_eq!(ncnn.len(), 12);
    for (model, expected) in &ncnn {
        let found = difference(&zoo_layers(model), expected);
        assert_eq!(
            found,
            documented.get(model).cloned().unwrap_or_default(),
            "{model}: layers only in the zoo (+) or in ncnn (-)"
        );
    }
    assert!(documented.keys().all(|model| ncnn.contains_key(model)), "a deviation of a model that is not compared");
}

#[test]
fn totals_are_those_of_ncnn_where_all_layers_are() {
    // Millions of multiply-accumulates and of parameters, as counted for the whole models of ncnn.
    for (model, macs, parameters) in [
        ("efficientnet_b0", 385.815, 5.2675),
        ("mnasnet1_0", 314.416, 4.3644),
        ("regnet_y_400mf", 401.843, 4.3306),
        ("shufflenet_v2_x1_0", 144.908, 2.2705),
        ("vgg16", 15470.264, 138.3575),
    ] {
        let graph = zoo::load(model, &ReadOptions::default()).expect("in the zoo").expect("valid");
        assert!((graph.total_macs() as f64 / 1e6 - macs).abs() <= 0.0005, "{model}: {}", graph.total_macs());
        let found = graph.total_parameters();
        assert!((found as f64 / 1e6 - parameters).abs() <= 0.000_05, "{model}: {found}");
    }
}
