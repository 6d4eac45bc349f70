//! Convolutions and matrix products in 8-bit integers (Jacob et al., "Quantization and Training of Neural Networks for Efficient
//! Integer-Arithmetic-Only Inference", 2018): unsigned activations, signed weights, biases of 32 bits.
//!
//! They become `QLinearConv` and `QLinearMatMul`. What only moves data works on the integers, a `Relu` or `Clip` behind a convolution goes
//! into its rounding, everything else computes in single precision between `DequantizeLinear` and `QuantizeLinear`. Scales are assumed.

use std::collections::{BTreeMap, BTreeSet};

use super::own_weight;
use crate::frontend::edit::Rewrite;
use crate::frontend::registry::{Outcome, Values};
use crate::graph::{Attributes, ConstantData, DataType, Graph, KernelKind, Operator, RawGraph, RawOperator, RawTensor};
use crate::identifiers::TensorId;

/// Scale of activations: values up to 4 on both sides of 0.
const ACTIVATION_SCALE: f64 = 1.0 / 32.0;

/// Scale of weights: values up to 1 on both sides of 0.
const WEIGHT_SCALE: f64 = 1.0 / 128.0;

/// The integer that stands for 0 among unsigned activations.
const ZERO_POINT: i64 = 128;

/// Makes every convolution and product of single precision with weights, or of two activations, one of integers.
pub(in crate::frontend) fn run(graph: &Graph, _: &Values<'_>) -> Outcome {
    rewrite(graph)
}

fn rewrite(graph: &Graph) -> Option<Rewrite> {
    // `MaxPool` takes integers since opset 12.
    if graph.opset_version.is_some_and(|version| version < 12) {
        return None;
    }
    let mut raw = graph.to_raw();
    let operators = std::mem::take(&mut raw.operators);
    let taken = graph
        .tensors()
        .iter()
        .map(|tensor| tensor.name.clone())
        .chain(graph.operators().iter().map(|operator| operator.name.clone()));
    let mut writer = Writer {
        graph,
        taken: taken.collect(),
        raw,
        integers: BTreeMap::new(),
        floats: BTreeSet::new(),
        unused: BTreeSet::new(),
        parameters: None,
    };
    let mut count = 0;
    for (operator, written) in graph.operators().iter().zip(operators) {
        let is_done = !graph.is_static(operator.id) && operator.domain.is_empty() && writer.convert(operator).is_some();
        if is_done && matches!(operator.op_type.as_str(), "Conv" | "MatMul" | "Gemm") {
            count += 1;
        }
        if !is_done {
            writer.keep(operator, written);
        }
    }
    if count == 0 {
        return None;
    }
    for &output in graph.outputs() {
        writer.float(output);
    }
    let unused = std::mem::take(&mut writer.unused);
    writer.raw.initializers.retain(|tensor| !unused.contains(&tensor.name));
    let notes = vec![
        format!("{count} convolutions and products in 8-bit integers; scales are assumed"),
        "tensors, copies and weights have the bytes of integers; kernels take as long as those of the device's own data type, unless its profile \
         has models of `QLinearConv` and `QLinearMatMul`"
            .to_owned(),
    ];
    Some(Rewrite { raw: writer.raw, notes })
}

struct Writer<'a> {
    graph: &'a Graph,
    taken: BTreeSet<String>,
    raw: RawGraph,
    /// Name of the integers of a tensor, where there are any.
    integers: BTreeMap<TensorId, String>,
    /// Those of them that exist in single precision too.
    floats: BTreeSet<TensorId>,
    /// Weights that nobody reads any more.
    unused: BTreeSet<String>,
    /// Scale and zero of activations, scale and zero of weights.
    parameters: Option<[String; 4]>,
}

impl Writer<'_> {
    fn fresh(&mut self, base: &str) -> String {
        let mut name = base.to_owned();
        let mut count = 1;
        while !self.taken.insert(name.clone()) {
            count += 1;
            name = format!("{base}_{count}");
        }
        name
    }

    fn initializer(&mut self, base: &str, data_type: DataType, shape: &[u64], data: Option<ConstantData>) -> String {
        let name = self.fresh(base);
        self.raw.initializers.push(RawTensor { name: name.clone(), data_type, shape: shape.to_vec(), data });
        name
    }

    fn operator(&mut self, op_type: &str, name: &str, inputs: Vec<String>, output: &str, attributes: Attributes) {
        let name = if name == output { name.to_owned() } else { self.fresh(name) };
        let (op_type, outputs) = (op_type.to_owned(), vec![output.to_owned()]);
        self.raw.operators.push(RawOperator { name, op_type, domain: String::new(), attributes, inputs, outputs });
    }

    fn parameters(&mut self) -> [String; 4] {
        if let Some(parameters) = &self.parameters {
            return parameters.clone();
        }
        let number = |value: f64| Some(ConstantData::Floats(vec![value]));
        let integer = |value: i64| Some(ConstantData::Integers(vec![value]));
        let parameters = [
            self.initializer("int8.scale", DataType::Float32, &[], number(ACTIVATION_SCALE)),
            self.initializer("int8.zero", DataType::Uint8, &[], integer(ZERO_POINT)),
            self.initializer("int8.weight_scale", DataType::Float32, &[], number(WEIGHT_SCALE)),
            self.initializer("int8.weight_zero", DataType::Int8, &[], integer(0)),
        ];
        self.parameters.insert(parameters).clone()
    }

    /// The integers of a tensor, rounded to them if need be.
    fn integer(&mut self, tensor: TensorId) -> String {
        if let Some(name) = self.integers.get(&tensor) {
            return name.clone();
        }
        let [scale, zero, ..] = self.parameters();
        let float = self.graph.tensor(tensor).name.clone();
        let name = self.fresh(&format!("{float}.int8"));
        self.operator("QuantizeLinear", &name.clone(), vec![float, scale, zero], &name, Attributes::new());
        self.integers.insert(tensor, name.clone());
        self.floats.insert(tensor);
        name
    }

    /// Makes sure that a tensor exists in single precision, under its own name.
    fn float(&mut self, tensor: TensorId) {
        let Some(name) = self.integers.get(&tensor).cloned() else { return };
        if self.floats.insert(tensor) {
            let [scale, zero, ..] = self.parameters();
            let output = self.graph.tensor(tensor).name.clone();
            self.operator("DequantizeLinear", &format!("{output}.float"), vec![name, scale, zero], &output, Attributes::new());
        }
    }

    /// An operator of single precision.
    fn keep(&mut self, operator: &Operator, written: RawOperator) {
        for &input in operator.inputs.iter().flatten() {
            self.float(input);
        }
        self.raw.operators.push(written);
    }

    /// New integers that an operator makes of its output.
    fn output(&mut self, operator: &Operator) -> String {
        let output = operator.outputs[0];
        let name = self.fresh(&format!("{}.int8", self.graph.tensor(output).name));
        self.integers.insert(output, name.clone());
        name
    }

    fn weight(&mut self, operator: &Operator, position: usize, data_type: DataType, shape: &[u64]) -> Option<String> {
        let weight = own_weight(self.graph, operator, position)?;
        self.unused.insert(weight.name.clone());
        Some(self.initializer(&format!("{}.{data_type}", weight.name), data_type, shape, None))
    }

    /// Writes an operator of integers; `None` if it stays as it is.
    fn convert(&mut self, operator: &Operator) -> Option<()> {
        let graph = self.graph;
        let first = graph.tensor(operator.input(0)?);
        if operator.outputs.len() != 1 || first.data_type != DataType::Float32 || !first.role.is_dynamic() {
            return None;
        }
        match operator.op_type.as_str() {
            "Conv" => self.convolution(operator),
            "MatMul" => self.product(operator),
            "Gemm" => self.general_product(operator),
            "MaxPool" | "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Transpose" | "Slice" | "DepthToSpace"
            | "SpaceToDepth" | "Concat" => {
                let is_moved = |position: usize| operator.op_type == "Concat" || position == 0;
                let moved: Vec<TensorId> = operator
                    .inputs
                    .iter()
                    .enumerate()
                    .filter(|(position, _)| is_moved(*position))
                    .filter_map(|(_, input)| *input)
                    .collect();
                if !moved.iter().all(|tensor| self.integers.contains_key(tensor)) {
                    return None;
                }
                let name = |input: &Option<TensorId>| input.map_or_else(String::new, |input| graph.tensor(input).name.clone());
                let inputs = operator.inputs.iter().enumerate();
                let inputs: Vec<String> = inputs
                    .map(
                        |(position, input)| {
                            if is_moved(position) { self.integers[&input.unwrap_or(first.id)].clone() } else { name(input) }
                        },
                    )
                    .collect();
                let output = self.output(operator);
                self.operator(&operator.op_type, &output.clone(), inputs, &output, operator.attributes.clone());
                Some(())
            }
            "Relu" | "Clip" => {
                let producer = graph.operator(first.producer?);
                let is_rounded = graph.work(producer.id).kind == KernelKind::Convolution
                    || graph.work(producer.id).kind == KernelKind::DepthwiseConvolution;
                let integers = self.integers.get(&first.id).cloned()?;
                if !is_rounded || first.consumers.len() != 1 || first.is_output {
                    return None;
                }
                self.integers.insert(operator.outputs[0], integers);
                Some(())
            }
            _ => None,
        }
    }

    fn convolution(&mut self, operator: &Operator) -> Option<()> {
        let graph = self.graph;
        let weight = own_weight(graph, operator, 1)?;
        let bias = operator.input(2).map(|_| own_weight(graph, operator, 2));
        if bias.as_ref().is_some_and(Option::is_none) {
            return None;
        }
        let input = self.integer(operator.input(0)?);
        let [scale, zero, weight_scale, weight_zero] = self.parameters();
        let weights = self.weight(operator, 1, DataType::Int8, &weight.shape)?;
        let mut inputs = vec![input, scale.clone(), zero.clone(), weights, weight_scale, weight_zero, scale, zero];
        if let Some(Some(bias)) = bias {
            inputs.push(self.weight(operator, 2, DataType::Int32, &bias.shape)?);
        }
        let output = self.output(operator);
        self.operator("QLinearConv", &output.clone(), inputs, &output, operator.attributes.clone());
        Some(())
    }

    fn product(&mut self, operator: &Operator) -> Option<()> {
        let graph = self.graph;
        let right = graph.tensor(operator.input(1)?);
        let weight = own_weight(graph, operator, 1);
        if weight.is_none() && !right.role.is_dynamic() {
            return None;
        }
        let left = self.integer(operator.input(0)?);
        let [scale, zero, weight_scale, weight_zero] = self.parameters();
        let [right, right_scale, right_zero] = match &weight {
            Some(weight) => [self.weight(operator, 1, DataType::Int8, &weight.shape)?, weight_scale, weight_zero],
            None => [self.integer(right.id), scale.clone(), zero.clone()],
        };
        let output = self.output(operator);
        let inputs = vec![left, scale.clone(), zero.clone(), right, right_scale, right_zero, scale, zero];
        self.operator("QLinearMatMul", &output.clone(), inputs, &output, Attributes::new());
        Some(())
    }

    /// A product with weights, and the bias added in single precision.
    fn general_product(&mut self, operator: &Operator) -> Option<()> {
        let graph = self.graph;
        let weight = own_weight(graph, operator, 1)?;
        let flag = |name: &str| operator.attributes.integer(name).unwrap_or(0) == 1;
        let is_one = |name: &str| operator.attributes.float(name).is_none_or(|value| (value - 1.0).abs() < f32::EPSILON);
        if flag("transA") || !is_one("alpha") || !is_one("beta") {
            return None;
        }
        let shape = if flag("transB") { vec![weight.shape[1], weight.shape[0]] } else { weight.shape.clone() };
        let input = self.integer(operator.input(0)?);
        let [scale, zero, weight_scale, weight_zero] = self.parameters();
        let weights = self.weight(operator, 1, DataType::Int8, &shape)?;
        let inputs = vec![input, scale.clone(), zero.clone(), weights, weight_scale, weight_zero, scale.clone(), zero.clone()];
        let Some(bias) = operator.input(2).map(|bias| graph.tensor(bias).name.clone()) else {
            let output = self.output(operator);
            self.operator("QLinearMatMul", &output.clone(), inputs, &output, Attributes::new());
            return Some(());
        };
        let integers = self.fresh(&format!("{}.int8", operator.name));
        self.operator("QLinearMatMul", &integers.clone(), inputs, &integers, Attributes::new());
        let product = self.fresh(&format!("{}.product", operator.name));
        self.operator("DequantizeLinear", &product.clone(), vec![integers, scale, zero], &product, Attributes::new());
        let output = graph.tensor(operator.outputs[0]).name.clone();
        let name = operator.name.clone();
        self.raw.operators.push(RawOperator {
            name,
            op_type: "Add".to_owned(),
            inputs: vec![product, bias],
            outputs: vec![output],
            ..RawOperator::default()
        });
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::frontend::tests::check;
    use crate::graph::{Attributes, DataType, KernelKind, RawGraph};

    #[test]
    fn integers_stay_integers_between_convolutions() {
        let none = Attributes::new;
        let raw = RawGraph::new("test")
            .with_input("x", &[1, 8, 4, 4])
            .with_weight("w", &[8, 8, 1, 1])
            .with_weight("b", &[8])
            .with_weight("v", &[10, 128])
            .with_weight("c", &[10])
            .with_operator("Conv", &["x", "w", "b"], &["a"], none())
            .with_operator("Relu", &["a"], &["r"], none())
            .with_operator("Sigmoid", &["r"], &["s"], none())
            .with_operator("Mul", &["r", "s"], &["m"], none())
            .with_operator("Flatten", &["r"], &["f"], none())
            .with_operator("Gemm", &["f", "v", "c"], &["y"], none().with("transB", crate::graph::AttributeValue::Integer(1)))
            .with_output("y")
            .with_output("m");
        let expected = [
            "x.int8 = QuantizeLinear(x, int8.scale, int8.zero)",
            "a.int8 = QLinearConv(x.int8, int8.scale, int8.zero, w.int8, int8.weight_scale, int8.weight_zero, int8.scale, int8.zero, b.int32)",
            "r = DequantizeLinear(a.int8, int8.scale, int8.zero)",
            "s = Sigmoid(r)",
            "m = Mul(r, s)",
            "f.int8 = Flatten(a.int8)",
            "y.int8 = QLinearMatMul(f.int8, int8.scale, int8.zero, v.int8, int8.weight_scale, int8.weight_zero, int8.scale, int8.zero)",
            "y.product = DequantizeLinear(y.int8, int8.scale, int8.zero)",
            "y = Add(y.product, c)",
        ];
        let after = check("int8", raw, &expected);
        let convolution = after.operator_named("a.int8").expect("there").id;
        assert_eq!((after.work(convolution).kind, after.work(convolution).macs), (KernelKind::Convolution, 16 * 64));
        assert_eq!(after.tensor_named("a.int8").map(|tensor| (tensor.data_type, tensor.bytes())), Some((DataType::Uint8, 128)));
        assert_eq!(after.tensor_named("v.int8").map(|tensor| tensor.shape.clone()), Some(vec![128, 10]));
    }
}
