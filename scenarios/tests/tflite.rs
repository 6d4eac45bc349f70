//! Models of `TFLite`: written by TensorFlow's converter, counted by another reader (`tests/data/import/make_tflite.py`).

#![allow(clippy::unwrap_used, reason = "a failed unwrap is the failure")]

use proptest::prelude::*;
use scenarios::onnx::ReadOptions;
use scenarios::tflite::{TfliteError, read_bytes};
use sim::graph::Graph;

const FILES: [(&str, &[u8]); 4] = [
    ("image", include_bytes!("data/import/image.tflite")),
    ("image_float16", include_bytes!("data/import/image_float16.tflite")),
    ("image_int8", include_bytes!("data/import/image_int8.tflite")),
    ("attention", include_bytes!("data/import/attention.tflite")),
];
const EXPECTED: &str = include_str!("data/import/expected.tsv");

fn read(bytes: &[u8]) -> Result<Graph, TfliteError> {
    read_bytes("test.tflite", bytes, &ReadOptions::default())
}

/// Multiply-accumulates and elements of filters, as another reader counts them.
fn expected(name: &str) -> (u64, u64) {
    let row = EXPECTED.lines().find(|line| line.split('\t').next() == Some(name)).unwrap();
    let fields: Vec<u64> = row.split('\t').skip(1).map(|field| field.parse().unwrap()).collect();
    (fields[1], fields[2])
}

#[test]
fn work_is_what_another_reader_counts() {
    for (name, bytes) in FILES {
        let graph = read(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (macs, filters) = expected(name);
        assert_eq!(graph.total_macs(), macs, "{name}");
        // Biases, scales and look-up tables besides.
        assert!((filters..filters + 2000).contains(&graph.total_parameters()), "{name}: {}", graph.total_parameters());
    }
}

#[test]
fn quantised_and_half_precision_models_have_the_operators_of_the_float_one() {
    let kinds = |bytes: &[u8]| -> Vec<String> {
        let graph = read(bytes).unwrap();
        let is_own = |name: &&String| !matches!(name.as_str(), "QuantizeLinear" | "DequantizeLinear");
        graph.operators().iter().map(|operator| &operator.op_type).filter(is_own).cloned().collect()
    };
    assert_eq!(kinds(FILES[0].1), kinds(FILES[1].1));
    assert_eq!(kinds(FILES[0].1).iter().filter(|kind| *kind == "Conv").count(), 4);
}

#[test]
fn weights_of_eight_bits_take_a_byte_each() {
    let bytes = |index: usize| read(FILES[index].1).unwrap().total_weight_bytes();
    assert!(3 * bytes(2) < 2 * bytes(0), "{} against {}", bytes(2), bytes(0));
}

#[test]
fn what_is_no_model_is_refused_by_name_and_place() {
    let image = FILES[0].1;
    let mut options = ReadOptions::default();
    options.dimensions.insert("batch".to_owned(), 2);
    let cases: [(&str, Result<Graph, TfliteError>, &str); 6] = [
        ("empty", read(&[]), "it has 0 bytes"),
        ("an ONNX file", read(scenarios::zoo::bytes("resnet18").unwrap()), "bytes 4 to 7 should be `TFL3`"),
        ("only a header", read(&image[..16]), "is not a valid TFLite file"),
        ("half", read(&image[..image.len() / 2]), "copy or download it again"),
        ("an operator not converted", read(include_bytes!("data/import/unsupported.tflite")), "operator 1 (`CUMSUM`)"),
        ("a symbolic dimension", read_bytes("test.tflite", image, &options), "shapes of a TFLite model are fixed"),
    ];
    for (case, result, part) in cases {
        let error = result.map(|graph| graph.total_macs()).unwrap_err().to_string();
        assert!(error.contains("test.tflite") && error.contains(part), "{case}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_change_of_bytes_is_a_panic(
        file in 0_usize..4, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), cut in any::<prop::sample::Index>(), whole in any::<bool>(),
    ) {
        let mut bytes = FILES[file].1.to_vec();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = read(&bytes);
    }
}
