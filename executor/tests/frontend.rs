//! Exact passes leave the outputs of models as they are: the optimised graph, run for real, against the original.

#![allow(clippy::print_stderr, reason = "tests tell what they skip")]

use executor::builtin::BuiltInProcessor;
use executor::onnxruntime::OnnxRuntimeProcessor;
use executor::weights::Weights;
use executor::{Processor, Tensor, Unit, evaluate_constants, run_once};
use proptest::prelude::*;
use scenarios::onnx::ReadOptions;
use sim::frontend::{PASSES, Passes, optimize};
use sim::graph::{AttributeValue, Attributes, ConstantData, DataType, Graph, RawGraph, RawOperator, RawTensor};
use sim::identifiers::OperatorId;

/// Largest difference from the original, relative to its largest value.
const TOLERANCE: f64 = 1e-4;

/// Runs a graph: what depends on no request first, as when a model is loaded, then the rest.
fn run(processor: &mut dyn Processor, graph: &Graph, weights: &Weights, inputs: &[Tensor]) -> Vec<Tensor> {
    let mut weights = weights.clone();
    evaluate_constants(graph, &mut weights, processor).unwrap_or_else(|error| panic!("{}: {error}", graph.name));
    let dynamic: Vec<OperatorId> =
        graph.operators().iter().map(|operator| operator.id).filter(|&id| !graph.is_static(id)).collect();
    let unit = Unit::of_operators(graph, &dynamic, graph.outputs(), &weights).expect("cut out");
    let given: Vec<Tensor> = unit
        .graph
        .inputs()
        .iter()
        .map(|&id| {
            let name = &unit.graph.tensor(id).name;
            let place = graph.inputs().iter().position(|&input| graph.tensor(input).name == *name).expect("a graph input");
            inputs[place].clone()
        })
        .collect();
    run_once(processor, &unit, &given).unwrap_or_else(|error| panic!("{}: {error}", graph.name))
}

/// Largest relative difference of two graphs' outputs with the same weights and inputs.
fn difference(processor: &mut dyn Processor, one: &Graph, other: &Graph) -> f64 {
    let weights = Weights::drawn().of_model(one).expect("drawn");
    let inputs: Vec<Tensor> = one.inputs().iter().map(|&id| Weights::drawn().input(one, id, 1).expect("drawn")).collect();
    let before = run(processor, one, &weights, &inputs);
    let after = run(processor, other, &weights, &inputs);
    assert_eq!(before.len(), after.len());
    before
        .iter()
        .zip(&after)
        .map(|(one, other)| one.relative_difference(other).expect("same types and shapes"))
        .fold(0.0, f64::max)
}

/// The built-in kernels, and ONNX Runtime where it is found.
fn processors() -> Vec<(&'static str, Box<dyn Processor>)> {
    let mut all: Vec<(&'static str, Box<dyn Processor>)> =
        vec![("built-in", Box::new(BuiltInProcessor::open(&[0]).expect("core 0")))];
    match OnnxRuntimeProcessor::open(&[0]) {
        Ok(processor) => all.push(("ONNX Runtime", Box::new(processor))),
        Err(error) if std::env::var_os("SOCRATES_REQUIRE_DEVICES").is_some() => panic!("ONNX Runtime is required: {error}"),
        Err(error) => eprintln!("skipped: ONNX Runtime: {error}"),
    }
    all
}

fn load(name: &str) -> Graph {
    scenarios::zoo::load(name, &ReadOptions::default()).expect("in the zoo").expect("valid")
}

/// Optimises a graph, runs both on every processor and compares.
fn check(label: &str, graph: &Graph) -> Graph {
    let (optimized, report) = optimize(graph, &Passes::exact()).expect("optimises");
    let counts = (report.before.operators, report.after.operators);
    if report.steps.is_empty() {
        assert_eq!(optimized, *graph);
        eprintln!("{label}: {} operators, nothing to optimise", counts.0);
        return optimized;
    }
    for (kernels, mut processor) in processors() {
        let difference = difference(processor.as_mut(), graph, &optimized);
        eprintln!("{label}: {} -> {} operators, {kernels} differ by {difference:.1e}", counts.0, counts.1);
        assert!(difference <= TOLERANCE, "{label}: {kernels} differ by {difference}");
    }
    optimized
}

/// The model, and the model as exporters write it that do not simplify: the zoo has had most of that done to it already.
fn check_model(name: &str) {
    let graph = load(name);
    let dynamic = |graph: &Graph| graph.operators().iter().filter(|operator| !graph.is_static(operator.id)).count();
    let clean = check(name, &graph);
    let again = check(&format!("{name}, as exported"), &as_exported(&graph));
    assert_eq!(dynamic(&again), dynamic(&clean), "{name}: what was added is not all removed");
}

/// A graph with a normalisation behind every convolution, identities before sums, activations of images in channels-last layout,
/// flattening in steps, and what several operators read computed twice.
fn as_exported(graph: &Graph) -> Graph {
    let mut raw = graph.to_raw();
    let mut operators = Vec::new();
    let make = |op_type: &str, inputs: &[&str], output: &str, attributes: Attributes| RawOperator {
        name: output.to_owned(),
        op_type: op_type.to_owned(),
        domain: String::new(),
        attributes,
        inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
        outputs: vec![output.to_owned()],
    };
    let turned = |axes: [i64; 4]| Attributes::new().with("perm", AttributeValue::Integers(axes.to_vec()));
    for (operator, mut written) in graph.operators().iter().zip(std::mem::take(&mut raw.operators)) {
        let output = graph.tensor(operator.outputs[0]);
        let name = output.name.clone();
        let inner = format!("{name}.inner");
        match operator.op_type.as_str() {
            "Conv" => {
                written.outputs[0].clone_from(&inner);
                let names = ["scale", "bias", "mean", "variance"].map(|what| format!("{name}.{what}"));
                for name in &names {
                    let (name, shape) = (name.clone(), vec![output.shape[1]]);
                    raw.initializers.push(RawTensor { name, data_type: DataType::Float32, shape, data: None });
                }
                operators.push(written);
                let inputs = [&inner, &names[0], &names[1], &names[2], &names[3]].map(String::as_str);
                operators.push(make("BatchNormalization", &inputs, &name, Attributes::new()));
            }
            // Of an image of one pixel a transposition would become a reshape, which no pass takes through an activation.
            "Relu" | "HardSwish" | "LeakyRelu" | "Clip" if output.shape.len() == 4 && output.shape[2] * output.shape[3] > 1 => {
                let before = format!("{name}.before");
                operators.push(make("Transpose", &[&written.inputs[0]], &before, turned([0, 2, 3, 1])));
                written.inputs[0] = before;
                written.outputs[0].clone_from(&inner);
                operators.push(written);
                operators.push(make("Transpose", &[&inner], &name, turned([0, 3, 1, 2])));
            }
            "Add" if output.role.is_dynamic() => {
                let same = format!("{name}.same");
                operators.push(make("Identity", &[&written.inputs[0]], &same, Attributes::new()));
                written.inputs[0] = same;
                operators.push(written);
            }
            "Flatten" | "Reshape" if output.role.is_dynamic() => {
                written.outputs[0].clone_from(&inner);
                operators.push(written);
                let shapes = [vec![-1], output.shape.iter().map(|&size| size as i64).collect::<Vec<_>>()];
                let flat = format!("{name}.flat");
                for (values, (from, to)) in shapes.into_iter().zip([(&inner, &flat), (&flat, &name)]) {
                    let shape = format!("{to}.target");
                    let data = Some(ConstantData::Integers(values.clone()));
                    let size = vec![values.len() as u64];
                    raw.initializers.push(RawTensor { name: shape.clone(), data_type: DataType::Int64, shape: size, data });
                    operators.push(make("Reshape", &[from, &shape], to, Attributes::new()));
                }
            }
            _ => operators.push(written),
        }
    }
    // The last reader of what several read gets a copy of its own.
    let is_copied = |operator: &RawOperator| matches!(operator.op_type.as_str(), "MaxPool" | "Transpose" | "Sigmoid" | "Softmax");
    let mut copies = Vec::new();
    for place in 0..operators.len() {
        let (name, op_type) = (operators[place].outputs[0].clone(), operators[place].op_type.clone());
        let readers: Vec<usize> = (0..operators.len()).filter(|&other| operators[other].inputs.contains(&name)).collect();
        if let [_, .., last] = readers[..]
            && is_copied(&operators[place])
        {
            let copy = format!("{name}.copy");
            let inputs: Vec<String> = operators[place].inputs.clone();
            let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
            copies.push(make(&op_type, &inputs, &copy, operators[place].attributes.clone()));
            operators[last].inputs.iter_mut().filter(|input| **input == name).for_each(|input| input.clone_from(&copy));
        }
    }
    operators.extend(copies);
    raw.operators = operators;
    raw.build().expect("valid")
}

#[test]
fn small_models_of_the_zoo() {
    for name in ["bert_tiny_4x312", "googlenet", "mobilenet_v2", "resnet18", "shufflenet_v2_x1_0", "squeezenet1_1"] {
        check_model(name);
    }
}

#[test]
#[ignore = "takes minutes: run with --release"]
fn every_model_of_the_zoo() {
    for name in scenarios::zoo::names() {
        check_model(name);
    }
}

/// A graph in the making: tensors of four dimensions, each operator reading earlier ones.
struct Making {
    raw: RawGraph,
    tensors: Vec<(String, Vec<u64>)>,
}

impl Making {
    fn new() -> Self {
        let shape = [1, 4, 6, 5];
        let raw = RawGraph::new("random").with_input("x", &shape);
        Self { raw, tensors: vec![("x".to_owned(), shape.to_vec())] }
    }

    fn operator(&mut self, op_type: &str, inputs: &[&str], shape: &[u64], attributes: Attributes) {
        let name = format!("t{}", self.tensors.len());
        self.raw = std::mem::take(&mut self.raw).with_operator(op_type, inputs, &[&name], attributes);
        self.tensors.push((name, shape.to_vec()));
    }

    fn constant(&mut self, what: &str, shape: &[u64], value: f64) -> String {
        let name = format!("{what}{}", self.tensors.len());
        let data = Some(ConstantData::Floats(vec![value; shape.iter().product::<u64>() as usize]));
        self.raw.initializers.push(RawTensor { name: name.clone(), data_type: DataType::Float32, shape: shape.to_vec(), data });
        name
    }

    fn integers(&mut self, values: &[i64]) -> String {
        let name = format!("shape{}", self.tensors.len());
        self.raw = std::mem::take(&mut self.raw).with_integers(&name, values);
        name
    }

    fn weight(&mut self, what: &str, shape: &[u64]) -> String {
        let name = format!("{what}{}", self.tensors.len());
        self.raw = std::mem::take(&mut self.raw).with_weight(&name, shape);
        name
    }

    /// Adds one of the operators that passes know, reading a chosen tensor.
    fn add(&mut self, choice: u8, pick: usize, detail: u8) {
        let none = Attributes::new;
        let (x, shape) = self.tensors[pick].clone();
        let channels = shape[1];
        match choice {
            0 => self.operator("Relu", &[&x], &shape, none()),
            1 => self.operator("Identity", &[&x], &shape, none()),
            2 => {
                let zero = self.constant("zero", &[1], f64::from(detail % 2));
                self.operator("Add", &[&x, &zero], &shape, none());
            }
            3 => {
                let one = self.constant("one", &[channels, 1, 1], f64::from(detail % 2 + 1));
                self.operator("Mul", &[&x, &one], &shape, none());
            }
            4 => {
                let orders = [[0, 2, 3, 1], [0, 3, 1, 2], [0, 1, 3, 2], [1, 0, 2, 3]];
                let order = orders[usize::from(detail) % 4];
                let moved: Vec<u64> = order.iter().map(|&axis| shape[axis as usize]).collect();
                self.operator("Transpose", &[&x], &moved, none().with("perm", AttributeValue::Integers(order.to_vec())));
            }
            5 => {
                let turned = [shape[0], shape[2], shape[1], shape[3]];
                let turned = if detail.is_multiple_of(2) { shape.clone() } else { turned.to_vec() };
                let sizes: Vec<i64> = turned.iter().map(|&size| size as i64).collect();
                let name = self.integers(&sizes);
                self.operator("Reshape", &[&x, &name], &turned, none());
            }
            6 => {
                let weight = self.weight("w", &[4, channels, 1, 1]);
                self.operator("Conv", &[&x, &weight], &[shape[0], 4, shape[2], shape[3]], none());
                let (x, shape) = self.tensors[self.tensors.len() - 1].clone();
                let names = ["scale", "bias", "mean", "variance"].map(|what| self.weight(what, &[4]));
                self.operator("BatchNormalization", &[&x, &names[0], &names[1], &names[2], &names[3]], &shape, none());
            }
            7 => {
                let axis = i64::from(detail % 3) + 1;
                let mut reduced = shape.clone();
                reduced[axis as usize] = 1;
                self.operator("ReduceMean", &[&x], &reduced, none().with("axes", AttributeValue::Integers(vec![axis])));
                let mean = self.tensors[self.tensors.len() - 1].0.clone();
                self.operator("Sub", &[&x, &mean], &shape, none());
            }
            8 => self.operator("Softmax", &[&x], &shape, none().with("axis", AttributeValue::Integer(i64::from(detail % 3) + 1))),
            9 => {
                let other = self.tensors.iter().rev().find(|(name, other)| *name != x && *other == shape).cloned();
                self.operator("Add", &[&x, &other.map_or(x.clone(), |(name, _)| name)], &shape, none());
            }
            10 => {
                let mut joined = shape.clone();
                joined[1] *= 2;
                if joined.iter().product::<u64>() <= 2000 {
                    self.operator("Concat", &[&x, &x], &joined, none().with("axis", AttributeValue::Integer(1)));
                }
            }
            _ => self.operator("Sigmoid", &[&x], &shape, none()),
        }
    }
}

/// Random graphs of operators that passes know; the last tensors are outputs.
fn graphs() -> impl Strategy<Value = Graph> {
    let step = (0..12_u8, any::<prop::sample::Index>(), any::<u8>());
    (prop::collection::vec(step, 1..14), 1..3_usize).prop_map(|(steps, outputs)| {
        let mut making = Making::new();
        for (choice, pick, detail) in steps {
            // Mostly the latest, so that operators follow each other.
            let count = making.tensors.len();
            let place = if detail % 4 == 0 { pick.index(count) } else { count - 1 };
            making.add(choice, place, detail / 4);
        }
        let count = making.tensors.len();
        let outputs: Vec<String> =
            making.tensors[count.saturating_sub(outputs).max(1).min(count - 1)..].iter().map(|(name, _)| name.clone()).collect();
        outputs.iter().fold(making.raw, |raw, name| raw.with_output(name)).build().expect("valid")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn outputs_of_random_graphs_stay(graph in graphs(), pass in 0..PASSES.len() + 2) {
        let exact: Vec<&str> = PASSES.iter().filter(|pass| pass.is_exact).map(|pass| pass.name).collect();
        let passes = exact.get(pass).map_or_else(|| Ok(Passes::exact()), |name| Passes::parse(name)).expect("passes");
        let (optimized, report) = optimize(&graph, &passes).expect("optimises");
        let interface = |graph: &Graph| graph.outputs().iter().map(|&id| graph.tensor(id).name.clone()).collect::<Vec<_>>();
        prop_assert_eq!(interface(&graph), interface(&optimized));
        prop_assert!(report.after.operators <= report.before.operators);
        if !report.steps.is_empty() {
            let mut processor = BuiltInProcessor::open(&[0]).expect("core 0");
            let difference = difference(&mut processor, &graph, &optimized);
            prop_assert!(difference <= TOLERANCE, "{} after {:?}", difference, report.steps.iter().map(|step| step.pass).collect::<Vec<_>>());
        }
    }
}
