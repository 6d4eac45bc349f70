//! Inference against the thousand one-operator models of the `onnx` package (Apache-2.0, not copied here), where installed.
//!
//! `ONNX_NODE_TESTS=.../site-packages/onnx/backend/test/data/node cargo test --test node_models -- --ignored --nocapture`

use std::path::Path;

use scenarios::onnx::{ReadOptions, read_raw_bytes};
use sim::graph::{GraphError, InferenceError};

/// How one model fared.
enum Outcome {
    Agreed,
    /// A shape had to be taken from the file, or the model is refused for a reason that is not about shapes that we infer.
    NotInferred,
    Differed(String),
}

fn check(directory: &Path) -> Outcome {
    let Ok(bytes) = std::fs::read(directory.join("model.onnx")) else { return Outcome::NotInferred };
    // Subgraphs, sequences and optional inputs are refused by design.
    let Ok(raw) = read_raw_bytes("model", &bytes, &ReadOptions::default()) else { return Outcome::NotInferred };
    let declared = raw.declared.clone();
    let graph = match raw.build() {
        Ok(graph) => graph,
        Err(GraphError::Operator { problem: InferenceError::UnknownOperator | InferenceError::DataDependent { .. }, .. }) => {
            return Outcome::NotInferred;
        }
        Err(GraphError::Empty { .. }) => return Outcome::NotInferred,
        Err(error) if error.to_string().contains("ellipsis") => return Outcome::NotInferred,
        Err(error) => return Outcome::Differed(error.to_string()),
    };
    if graph.operators().iter().any(|operator| operator.shapes_declared) {
        return Outcome::NotInferred;
    }
    for &output in graph.outputs() {
        let tensor = graph.tensor(output);
        let Some(expected) = declared.get(&tensor.name) else { continue };
        if (tensor.data_type, &tensor.shape) != (expected.data_type, &expected.shape) {
            let found = format!("{} {:?}", tensor.data_type, tensor.shape);
            let wanted = format!("{} {:?}", expected.data_type, expected.shape);
            return Outcome::Differed(format!("{}: {found}, but {wanted} is declared", tensor.name));
        }
    }
    Outcome::Agreed
}

#[test]
#[ignore = "needs the onnx package: set ONNX_NODE_TESTS to its node test directory"]
fn inference_agrees_with_the_onnx_package() {
    let root = std::env::var("ONNX_NODE_TESTS").expect("ONNX_NODE_TESTS names a directory");
    let entries = std::fs::read_dir(root).expect("a directory");
    let mut directories: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    directories.sort();
    let (mut agreed, mut not_inferred, mut differed) = (0, 0, Vec::new());
    for directory in directories {
        match check(&directory) {
            Outcome::Agreed => agreed += 1,
            Outcome::NotInferred => not_inferred += 1,
            Outcome::Differed(problem) => {
                differed.push(format!("{}: {problem}", directory.file_name().expect("a name").display()));
            }
        }
    }
    assert!(differed.is_empty(), "{agreed} agree, {} differ:\n{}", differed.len(), differed.join("\n"));
    assert!(agreed > 1000, "only {agreed} agree, {not_inferred} were not inferred");
}
