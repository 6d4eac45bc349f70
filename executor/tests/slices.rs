//! Every task of every model in the library can be cut out, and its slices tile it or say why they cannot.

use std::collections::BTreeMap;

use executor::{Unit, UnitError, weights::Weights};
use scenarios::onnx::{ReadOptions, read_bytes};
use sim::graph::Graph;
use sim::plan::Part;
use sim::platform::{Device, DeviceBuilder, ProcessorKind, SupportRules, Worker};
use sim::task::LoweredModel;

/// A device of one worker that runs everything: tasks as they are fused anywhere.
fn device() -> Device {
    let mut builder = DeviceBuilder::new("plain");
    let memory = builder.memory("host");
    let processor = builder.processor("cpu", ProcessorKind::CpuCluster, 1, Vec::new());
    builder.worker(Worker {
        name: "cpu".to_owned(),
        kind: ProcessorKind::CpuCluster,
        demands: vec![(processor, 1)],
        memory,
        invocation_ns: 0,
        support: SupportRules::ALL,
        costs: std::sync::Arc::default(),
    });
    builder.build().expect("valid")
}

fn graph(name: &str) -> Graph {
    read_bytes(name, scenarios::zoo::bytes(name).expect("in the zoo"), &ReadOptions::default()).expect("reads")
}

fn parts(rows: bool) -> [Part; 3] {
    let part = |begin, end| if rows { Part::Rows { begin, end, of: 10 } } else { Part::Channels { begin, end, of: 10 } };
    [part(0, 3), part(3, 8), part(8, 10)]
}

#[test]
fn slices_of_every_convolution_and_product_tile_their_output() {
    let device = device();
    let weights = Weights::drawn();
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    let mut cut_count = 0;
    // Small ones of every family: weights are drawn for each slice.
    for name in
        ["mobilenet_v2", "squeezenet1_1", "shufflenet_v2_x1_0", "googlenet", "espcn_x3", "bert_tiny_4x312", "efficientnet_b0"]
    {
        let model = graph(name);
        let lowered = LoweredModel::of(&model, &device);
        for (task, info) in lowered.tasks.tasks().zip(&lowered.info) {
            let made = lowered.tasks.made(task);
            let is_heavy = model.work(info.lead).macs > 0;
            let splits = lowered.tasks.splits(task);
            if made.len() != 1 || !(is_heavy || splits.rows > 0 || splits.channels > 0) {
                continue;
            }
            let wanted = lowered.tensors[made[0].index()];
            let shape = &model.tensor(wanted).shape;
            for rows in [true, false] {
                let slices: Result<Vec<_>, UnitError> = parts(rows)
                    .into_iter()
                    .map(|part| Unit::of_part(&model, &info.operators, info.lead, wanted, part, &weights))
                    .collect();
                match slices {
                    Ok(slices) => {
                        cut_count += 1;
                        let mut reached = 0;
                        for slice in slices {
                            let output = slice.unit.graph.tensor(slice.unit.graph.outputs()[0]);
                            assert_eq!(slice.cut.begin, reached, "{name} {} {rows}", info.name);
                            reached = slice.cut.end;
                            let mut expected = shape.clone();
                            expected[slice.cut.axis] = slice.cut.end - slice.cut.begin;
                            assert_eq!(output.shape, expected, "{name} {} {rows}", info.name);
                        }
                    }
                    Err(error) => {
                        let UnitError::NotSplittable { .. } = error else { panic!("{name} {}: {error}", info.name) };
                        // The plan may cut what the graph says can be cut, down to single rows and channels.
                        assert!(if rows { splits.rows } else { splits.channels } < 10, "{name} {}: {error}", info.name);
                        *refused.entry(format!("{} {rows}", info.kind.name())).or_default() += 1;
                    }
                }
            }
        }
    }
    assert!(cut_count > 500, "{cut_count} {refused:?}");
}
