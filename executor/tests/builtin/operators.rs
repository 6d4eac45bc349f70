//! Every operator type with several attributes against the reference, on one thread and on two.

use executor::builtin::BuiltInProcessor;
use executor::weights::Weights;
use executor::{Tensor, Unit};
use sim::graph::{AttributeValue, Attributes, ConstantData, DataType, Graph, RawGraph, RawTensor};

use crate::reference::{Array, evaluate};
use crate::support::{cores, run};

/// A graph of one operator, in the making.
struct Case {
    raw: RawGraph,
    op_type: &'static str,
    attributes: Attributes,
    names: Vec<String>,
    outputs: usize,
}

fn case(op_type: &'static str) -> Case {
    let mut raw = RawGraph::new("case");
    raw.opset_version = Some(16);
    Case { raw, op_type, attributes: Attributes::new(), names: Vec::new(), outputs: 1 }
}

impl Case {
    fn name(&mut self) -> String {
        self.names.push(format!("t{}", self.names.len()));
        self.names[self.names.len() - 1].clone()
    }

    fn input(self, shape: &[u64]) -> Self {
        self.typed(DataType::Float32, shape)
    }

    fn typed(mut self, data_type: DataType, shape: &[u64]) -> Self {
        let name = self.name();
        self.raw = self.raw.with_typed_input(&name, data_type, shape);
        self
    }

    fn weight(mut self, shape: &[u64]) -> Self {
        let name = self.name();
        self.raw = self.raw.with_weight(&name, shape);
        self
    }

    fn constants(mut self, values: &[i64]) -> Self {
        let name = self.name();
        self.raw = self.raw.with_integers(&name, values);
        self
    }

    fn scalar(mut self, value: f64) -> Self {
        let (name, data) = (self.name(), Some(ConstantData::Floats(vec![value])));
        self.raw.initializers.push(RawTensor { name, data_type: DataType::Float32, shape: Vec::new(), data });
        self
    }

    fn absent(mut self) -> Self {
        self.names.push(String::new());
        self
    }

    fn numbers(mut self, values: &[f64]) -> Self {
        let (name, data) = (self.name(), Some(ConstantData::Floats(values.to_vec())));
        let shape = vec![values.len() as u64];
        self.raw.initializers.push(RawTensor { name, data_type: DataType::Float32, shape, data });
        self
    }

    fn integer(mut self, name: &str, value: i64) -> Self {
        self.attributes.insert(name, AttributeValue::Integer(value));
        self
    }

    fn integers(mut self, name: &str, values: &[i64]) -> Self {
        self.attributes.insert(name, AttributeValue::Integers(values.to_vec()));
        self
    }

    fn float(mut self, name: &str, value: f32) -> Self {
        self.attributes.insert(name, AttributeValue::Float(value));
        self
    }

    fn text(mut self, name: &str, value: &str) -> Self {
        self.attributes.insert(name, AttributeValue::Text(value.to_owned()));
        self
    }

    fn outputs(mut self, count: usize) -> Self {
        self.outputs = count;
        self
    }

    fn graph(self) -> Graph {
        let outputs: Vec<String> = (0..self.outputs).map(|index| format!("y{index}")).collect();
        let inputs: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let names: Vec<&str> = outputs.iter().map(String::as_str).collect();
        let mut raw = self.raw.with_operator(self.op_type, &inputs, &names, self.attributes);
        raw.outputs = outputs;
        raw.build().expect("a valid graph")
    }

    /// Runs the case on one thread and on two; compares with the reference.
    fn check(self) {
        let graph = self.graph();
        let operator = &graph.operators()[0];
        let what = format!("{} {:?}", operator.op_type, operator.attributes);
        let unit = Unit::of_model(&graph, &Weights::drawn()).expect("drawn");
        let inputs: Vec<Tensor> =
            graph.inputs().iter().map(|&id| Weights::drawn().input(&graph, id, 3).expect("drawn")).collect();
        let arrays: Vec<Array> = operator
            .inputs
            .iter()
            .flatten()
            .map(|&id| {
                let given = graph.inputs().iter().position(|&input| input == id).map(|position| &inputs[position]);
                array(given.unwrap_or_else(|| &unit.constants[&id]))
            })
            .collect();
        let shapes: Vec<Vec<usize>> =
            operator.outputs.iter().map(|&id| graph.tensor(id).shape.iter().map(|&size| size as usize).collect()).collect();
        let expected = evaluate(operator, &arrays, &shapes);
        let results = |threads: usize| {
            let mut processor = BuiltInProcessor::open(&cores(threads)).expect("cores");
            run(&mut processor, &unit, &inputs).unwrap_or_else(|error| panic!("{what}: {error}"))
        };
        let one = results(1);
        for (result, expected) in one.iter().zip(&expected) {
            let scale = expected.values.iter().fold(1.0_f64, |scale, value| scale.max(value.abs()));
            for (index, (value, &expected)) in array(result).values.into_iter().zip(&expected.values).enumerate() {
                assert!((value - expected).abs() <= 1e-5 * scale, "{what}: element {index} is {value}, expected {expected}");
            }
        }
        for (one, two) in one.iter().zip(results(2)) {
            assert!(one.bytes() == two.bytes(), "{what}: two threads give another result than one");
        }
    }
}

fn array(tensor: &Tensor) -> Array {
    let values = match tensor.data_type {
        DataType::Float32 => tensor.values::<f32>().iter().map(|&value| f64::from(value)).collect(),
        DataType::Int64 => tensor.values::<i64>().iter().map(|&value| value as f64).collect(),
        DataType::Int32 => tensor.values::<i32>().iter().map(|&value| f64::from(value)).collect(),
        _ => tensor.values::<u8>().iter().map(|&value| f64::from(value)).collect(),
    };
    Array { shape: tensor.shape.iter().map(|&size| size as usize).collect(), values }
}

#[test]
fn convolutions() {
    let conv = || case("Conv");
    conv().input(&[1, 3, 9, 11]).weight(&[5, 3, 3, 3]).weight(&[5]).integers("pads", &[1, 1, 1, 1]).check();
    conv().input(&[2, 7, 6, 5]).weight(&[13, 7, 1, 1]).check();
    conv().input(&[1, 70, 9, 9]).weight(&[65, 70, 1, 1]).weight(&[65]).check();
    conv().input(&[1, 4, 17, 13]).weight(&[9, 4, 5, 3]).integers("strides", &[2, 3]).integers("pads", &[2, 0, 1, 2]).check();
    conv().input(&[1, 30, 12, 12]).weight(&[17, 30, 3, 3]).integers("dilations", &[2, 2]).integers("pads", &[2; 4]).check();
    conv().input(&[1, 12, 8, 8]).weight(&[18, 4, 3, 3]).integer("group", 3).integers("pads", &[1; 4]).check();
    conv().input(&[1, 6, 10, 70]).weight(&[6, 1, 3, 3]).weight(&[6]).integer("group", 6).integers("pads", &[1; 4]).check();
    conv()
        .input(&[2, 5, 13, 12])
        .weight(&[10, 1, 5, 5])
        .integer("group", 5)
        .integers("strides", &[2, 2])
        .integers("pads", &[2; 4])
        .check();
    conv().input(&[1, 3, 20, 20]).weight(&[3, 1, 3, 3]).integer("group", 3).integers("dilations", &[3, 2]).check();
    // Weights that are computed at run time, and a stride that skips all of a row's end.
    conv().input(&[1, 3, 8, 8]).input(&[6, 3, 3, 3]).input(&[6]).integers("strides", &[3, 3]).check();
    conv().input(&[1, 4, 7, 7]).weight(&[8, 4, 1, 1]).integers("strides", &[2, 2]).check();
}

#[test]
fn transposed_convolutions() {
    let conv = || case("ConvTranspose");
    conv().input(&[1, 4, 5, 6]).weight(&[4, 3, 2, 2]).weight(&[3]).integers("strides", &[2, 2]).check();
    conv()
        .input(&[1, 6, 5, 5])
        .weight(&[6, 5, 3, 3])
        .integers("strides", &[2, 2])
        .integers("pads", &[1; 4])
        .integers("output_padding", &[1, 1])
        .check();
    conv().input(&[2, 4, 5, 4]).weight(&[4, 3, 3, 3]).integer("group", 2).integers("dilations", &[2, 1]).check();
}

#[test]
fn matrix_products() {
    case("MatMul").input(&[3, 70]).weight(&[70, 50]).check();
    case("MatMul").input(&[2, 9, 33]).weight(&[33, 7]).check();
    case("MatMul").input(&[2, 3, 10, 8]).input(&[2, 3, 8, 12]).check();
    case("MatMul").input(&[2, 1, 10, 300]).input(&[3, 300, 5]).check();
    case("MatMul").input(&[20]).input(&[4, 20, 6]).check();
    case("MatMul").input(&[4, 6, 20]).input(&[20]).check();
    case("Gemm").input(&[1, 300]).weight(&[101, 300]).weight(&[101]).integer("transB", 1).check();
    case("Gemm").input(&[7, 9]).weight(&[7, 20]).integer("transA", 1).float("alpha", 0.5).check();
    case("Gemm").input(&[5, 9]).weight(&[9, 20]).weight(&[1, 20]).float("beta", 2.0).check();
}

#[test]
fn pooling() {
    let (max, average) = (|| case("MaxPool"), || case("AveragePool"));
    max().input(&[1, 3, 11, 12]).integers("kernel_shape", &[3, 3]).integers("strides", &[2, 2]).integers("pads", &[1; 4]).check();
    max().input(&[2, 2, 9, 40]).integers("kernel_shape", &[2, 3]).integer("ceil_mode", 1).integers("strides", &[2, 2]).check();
    max().input(&[1, 2, 13, 13]).integers("kernel_shape", &[5, 5]).integers("pads", &[2; 4]).check();
    max().input(&[1, 2, 13, 13]).integers("kernel_shape", &[1, 1]).integers("strides", &[2, 2]).check();
    average().input(&[1, 3, 8, 9]).integers("kernel_shape", &[3, 3]).integers("pads", &[1; 4]).check();
    average()
        .input(&[1, 3, 8, 9])
        .integers("kernel_shape", &[3, 3])
        .integers("pads", &[1; 4])
        .integer("count_include_pad", 1)
        .check();
    average().input(&[1, 3, 8, 8]).integers("kernel_shape", &[2, 2]).integers("strides", &[2, 2]).check();
    case("GlobalAveragePool").input(&[2, 5, 7, 7]).check();
}

#[test]
fn functions_of_one_tensor() {
    for op_type in ["Relu", "Sigmoid", "Tanh", "Erf", "HardSwish", "HardSigmoid", "LeakyRelu", "Exp", "Abs", "Neg"] {
        case(op_type).input(&[3, 7, 61]).check();
    }
    case("LeakyRelu").input(&[100]).float("alpha", 0.3).check();
    case("HardSigmoid").input(&[100]).float("alpha", 1.0 / 6.0).float("beta", 0.4).check();
    case("Clip").input(&[2, 50]).scalar(-0.25).scalar(0.5).check();
    case("Clip").input(&[2, 50]).scalar(0.25).check();
    case("Sqrt").weight(&[4, 40]).check();
}

#[test]
fn arithmetic_with_broadcasting() {
    for op_type in ["Add", "Sub", "Mul"] {
        case(op_type).input(&[1, 8, 5, 7]).input(&[1, 8, 5, 7]).check();
        case(op_type).input(&[1, 8, 5, 7]).input(&[1, 8, 1, 1]).check();
        case(op_type).input(&[1, 8, 1, 1]).input(&[1, 8, 50, 7]).check();
        case(op_type).input(&[2, 3, 40]).weight(&[40]).check();
        case(op_type).input(&[5, 1, 4]).input(&[3, 1]).check();
        case(op_type).input(&[2, 3, 2000]).scalar(1.5).check();
        case(op_type).input(&[]).input(&[3]).check();
    }
    case("Div").input(&[4, 33]).scalar(3.0).check();
    case("Div").input(&[4, 33]).weight(&[4, 1]).check();
    case("Pow").input(&[4, 33]).scalar(2.0).check();
    case("PRelu").input(&[1, 4, 33]).weight(&[4, 1]).check();
    for data_type in [DataType::Int64, DataType::Int32] {
        case("Add").typed(data_type, &[4, 33]).typed(data_type, &[33]).check();
        case("Mul").typed(data_type, &[4, 33]).typed(data_type, &[4, 1]).check();
    }
}

#[test]
fn reductions_and_normalisation() {
    case("ReduceMean").input(&[3, 5, 40]).integers("axes", &[-1]).check();
    case("ReduceMean").input(&[2, 30, 4, 3]).integers("axes", &[1, 2]).integer("keepdims", 0).check();
    case("ReduceMean").input(&[2, 5, 4, 30]).integers("axes", &[0, 2]).check();
    case("ReduceMax").input(&[2, 9, 100]).integers("axes", &[1]).check();
    case("ReduceSum").input(&[2, 9, 10]).constants(&[0, 1]).check();
    case("ReduceSum").input(&[2, 9, 10]).integer("keepdims", 0).check();
    case("Softmax").input(&[4, 100]).integer("axis", -1).check();
    case("Softmax").input(&[2, 19, 30]).integer("axis", 1).check();
    case("BatchNormalization").input(&[2, 6, 5, 5]).weight(&[6]).weight(&[6]).weight(&[6]).weight(&[6]).check();
    case("InstanceNormalization").input(&[2, 6, 5, 7]).weight(&[6]).weight(&[6]).check();
    case("LayerNormalization").input(&[2, 6, 50]).weight(&[50]).weight(&[50]).float("epsilon", 1e-3).check();
}

#[test]
fn movement() {
    case("Transpose").input(&[2, 3, 40, 5]).integers("perm", &[0, 2, 3, 1]).check();
    case("Transpose").input(&[2, 30, 4, 50]).integers("perm", &[0, 2, 1, 3]).check();
    case("Transpose").input(&[33, 47]).check();
    case("Transpose").input(&[2, 3, 4, 5, 6]).integers("perm", &[4, 0, 3, 1, 2]).check();
    case("Transpose").typed(DataType::Int64, &[3, 4]).check();
    case("Concat").input(&[2, 3, 4]).input(&[2, 5, 4]).weight(&[2, 1, 4]).integer("axis", 1).check();
    case("Concat").input(&[2, 3]).input(&[2, 3]).integer("axis", -1).check();
    case("Split").input(&[2, 7, 3]).constants(&[2, 5]).integer("axis", 1).outputs(2).check();
    case("Slice").input(&[4, 9, 5]).constants(&[1, -4]).constants(&[3, 100]).constants(&[0, 1]).check();
    case("Slice").input(&[4, 19]).constants(&[1]).constants(&[18]).constants(&[1]).constants(&[3]).check();
    case("Slice").input(&[4, 9]).constants(&[-1]).constants(&[-100]).constants(&[1]).constants(&[-2]).check();
    case("Gather").input(&[5, 6]).typed(DataType::Int64, &[2, 3]).check();
    case("Gather").input(&[3, 5, 6]).constants(&[4, -1, 0]).integer("axis", 1).check();
    case("DepthToSpace").input(&[1, 18, 4, 5]).integer("blocksize", 3).text("mode", "CRD").check();
    case("DepthToSpace").input(&[2, 8, 4, 5]).integer("blocksize", 2).check();
    case("SpaceToDepth").input(&[2, 3, 6, 8]).integer("blocksize", 2).check();
    case("Pad").input(&[2, 3, 4]).constants(&[0, 1, 2, 1, 0, 3]).scalar(0.5).check();
    case("Expand").input(&[3, 1, 4]).constants(&[2, 1, 5, 1]).check();
    case("Reshape").input(&[3, 8]).constants(&[2, -1]).check();
    case("Flatten").input(&[3, 8, 2]).integer("axis", 1).check();
    case("Unsqueeze").input(&[3, 8]).constants(&[0]).check();
    case("Squeeze").input(&[1, 3, 1]).constants(&[0]).check();
    case("Cast").typed(DataType::Int64, &[50]).integer("to", DataType::Float32.onnx_code()).check();
    case("Cast").typed(DataType::Bool, &[50]).integer("to", DataType::Int32.onnx_code()).check();
    case("Where").typed(DataType::Bool, &[4, 1]).input(&[4, 9]).input(&[9]).check();
}

#[test]
fn resizing() {
    let sizes = |case: Case, sizes: &[i64]| case.absent().absent().constants(sizes);
    let nearest = |mode: &str, rounding: &str| {
        case("Resize").input(&[1, 2, 5, 6]).text("coordinate_transformation_mode", mode).text("nearest_mode", rounding)
    };
    for rounding in ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"] {
        nearest("asymmetric", rounding).absent().numbers(&[1.0, 1.0, 2.0, 2.0]).check();
        sizes(nearest("half_pixel", rounding), &[1, 2, 7, 3]).check();
    }
    for mode in ["half_pixel", "asymmetric", "align_corners"] {
        let linear = case("Resize").input(&[1, 2, 5, 6]).text("mode", "linear").text("coordinate_transformation_mode", mode);
        sizes(linear, &[1, 2, 9, 13]).check();
    }
}

#[test]
fn what_has_no_kernel_is_refused_by_name() {
    let check = |case: Case, expected: &str| {
        let graph = case.graph();
        let error = executor::Processor::support(&crate::support::open(), &graph).expect_err("refused");
        assert_eq!(error.kind, executor::ProcessorErrorKind::Unsupported);
        assert!(error.to_string().contains(expected), "{error}");
    };
    check(case("CumSum").input(&[3]).constants(&[0]), "operator `y0` of type CumSum: there is no built-in kernel");
    check(case("Relu").typed(DataType::Float64, &[3]), "of type Relu: input of type float64");
    check(case("MaxPool").input(&[1, 1, 4, 4]).integers("kernel_shape", &[2, 2]).outputs(2), "2 outputs are wanted");
}
