//! The zoo against its oracles: shapes as the `onnx` package infers them, totals as the exporter counted them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use scenarios::onnx::{self, ReadOptions};
use scenarios::zoo;
use sim::graph::{Graph, TensorRole, shape};

fn models_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models")
}

fn load(name: &str) -> Graph {
    zoo::load(name, &ReadOptions::default()).expect("a model of the zoo").unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Rows of a tab-separated file of `models/`, without its header.
fn rows(file: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(models_directory().join(file)).expect("a file of the zoo");
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

#[test]
fn table_is_the_directory() {
    let mut files: Vec<String> = std::fs::read_dir(models_directory())
        .expect("the zoo")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    files.sort();
    assert_eq!(zoo::names().collect::<Vec<_>>(), files, "scenarios/src/zoo.rs must list every file of scenarios/models");
}

#[test]
fn files_read_as_the_embedded_bytes() {
    for name in zoo::names() {
        let path = models_directory().join(format!("{name}.onnx"));
        let from_file = onnx::read(&path, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(from_file, load(name));
    }
}

#[test]
fn shapes_and_types_are_those_of_the_onnx_package() {
    let graphs: BTreeMap<&str, Graph> = zoo::names().map(|name| (name, load(name))).collect();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows("expected_shapes.tsv") {
        let [model, tensor, data_type, expected] = row.as_slice() else { panic!("four columns: {row:?}") };
        let graph = &graphs[model.as_str()];
        let found = graph.tensor_named(tensor).unwrap_or_else(|| panic!("{model} has no tensor {tensor}"));
        assert_eq!(
            (found.data_type.name(), shape::text(&found.shape).as_str()),
            (data_type.as_str(), expected.as_str()),
            "{model} {tensor}"
        );
        *seen.entry(graphs.get_key_value(model.as_str()).expect("seen").0).or_default() += 1;
    }
    for (name, graph) in &graphs {
        let outputs: usize = graph.operators().iter().map(|operator| operator.outputs.len()).sum();
        assert_eq!(seen.get(name), Some(&outputs), "every output of {name} must be in expected_shapes.tsv");
        assert!(graph.operators().iter().all(|operator| !operator.shapes_declared), "{name}");
    }
}

#[test]
fn totals_are_those_of_the_exporter() {
    let summary = rows("summary.tsv");
    assert_eq!(summary.len(), zoo::MODELS.len());
    for row in summary {
        let graph = load(&row[0]);
        // The exporter counts every float initialiser, also scalars and bounds, which are constants here.
        let constants: u64 = graph
            .tensors()
            .iter()
            .filter(|tensor| tensor.producer.is_none() && tensor.role == TensorRole::Constant && tensor.data_type.is_float())
            .map(sim::graph::Tensor::elements)
            .sum();
        let found = [graph.operators().len() as u64, graph.total_macs(), graph.total_parameters() + constants];
        let expected: Vec<u64> = row[1..4].iter().map(|cell| cell.parse().expect("a count")).collect();
        assert_eq!(found, expected[..], "{}: nodes, multiply-accumulates, parameters", row[0]);
        assert!(constants < 200, "{}: {constants} float constants that are no weights", row[0]);
    }
}

#[test]
fn a_graph_survives_its_raw_form() {
    for name in zoo::names() {
        let graph = load(name);
        let again = graph.to_raw().build().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(graph, again, "{name}");
    }
}
