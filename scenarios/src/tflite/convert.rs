//! From the tables of a file to a [`RawGraph`] in ONNX's terms.

use std::collections::{BTreeMap, BTreeSet};

use sim::graph::{AttributeValue, Attributes, ConstantData, DataType, DeclaredType, RawGraph, RawOperator, RawTensor};

use super::schema::{Model, Operator};
use super::{layout, names, operators};

/// ONNX operator set that the graph follows.
const OPSET: u32 = 20;

/// A graph, and the shapes that the file states for what is computed.
pub(super) struct Converted {
    pub(super) raw: RawGraph,
    pub(super) shapes: Vec<(String, Vec<u64>)>,
}

/// A graph in the making.
pub(super) struct Converter<'a> {
    pub(super) model: &'a Model<'a>,
    /// Whether a tensor is an image, by index.
    pub(super) images: Vec<bool>,
    /// Whether its values are known before any request.
    pub(super) is_constant: Vec<bool>,
    names: Vec<String>,
    raw: RawGraph,
    /// Constants that are in the graph, by tensor and shape.
    constants: BTreeMap<(usize, Vec<u64>), String>,
    taken: BTreeSet<String>,
}

pub(super) fn convert(name: &str, model: &Model<'_>) -> Result<Converted, String> {
    let mut is_constant: Vec<bool> = model.tensors.iter().map(|tensor| tensor.constant.is_some()).collect();
    // Weights stored in half precision are unpacked by an operator each, once.
    for operator in &model.operators {
        if let (names::DEQUANTIZE | names::DENSIFY, [Some(input)], [output]) =
            (operator.code, operator.inputs.as_slice(), operator.outputs.as_slice())
        {
            is_constant[*output] |= is_constant[*input];
        }
    }
    let images = layout::images(model, &is_constant)?;
    let mut converter = Converter {
        names: unique_names(model),
        raw: RawGraph::new(name),
        constants: BTreeMap::new(),
        taken: BTreeSet::new(),
        model,
        images,
        is_constant,
    };
    converter.taken.extend(converter.names.iter().cloned());
    converter.raw.opset_version = Some(OPSET);
    for &input in &model.inputs {
        let (name, shape) = (converter.name(input), converter.shape(input));
        converter.raw.inputs.push(RawTensor { name, data_type: model.tensors[input].data_type, shape, data: None });
    }
    for (index, operator) in model.operators.iter().enumerate() {
        if operator.outputs.iter().all(|&output| converter.is_constant[output]) && operator.code == names::DEQUANTIZE {
            continue;
        }
        operators::convert(&mut converter, operator)
            .map_err(|problem| format!("operator {index} ({}): {problem}", named(operator)))?;
    }
    converter.raw.outputs = model.outputs.iter().map(|&output| converter.name(output)).collect();
    let computed = (0..model.tensors.len()).filter(|&tensor| !converter.is_constant[tensor]);
    let shapes = computed.map(|tensor| (converter.name(tensor), converter.shape(tensor))).collect();
    Ok(Converted { shapes, raw: converter.raw })
}

/// The name of an operator's type.
pub(super) fn named(operator: &Operator<'_>) -> String {
    match names::name(operator.code) {
        Some("CUSTOM") => format!("custom operator `{}`", operator.custom),
        Some(name) => format!("`{name}`"),
        None => format!("builtin operator {}", operator.code),
    }
}

fn unique_names(model: &Model<'_>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let of = |(index, tensor): (usize, &super::schema::Tensor<'_>)| {
        let is_free = !tensor.name.is_empty() && seen.insert(tensor.name.clone());
        if is_free { tensor.name.clone() } else { format!("{}#{index}", tensor.name) }
    };
    model.tensors.iter().enumerate().map(of).collect()
}

impl Converter<'_> {
    pub(super) fn name(&self, tensor: usize) -> String {
        self.names[tensor].clone()
    }

    /// The shape of a tensor in the graph.
    pub(super) fn shape(&self, tensor: usize) -> Vec<u64> {
        self.turned(tensor, &self.model.tensors[tensor].shape)
    }

    /// A list of one entry for each dimension of a tensor, in the graph's order.
    pub(super) fn turned<T: Copy>(&self, tensor: usize, list: &[T]) -> Vec<T> {
        if self.images[tensor] && list.len() == 4 {
            layout::IMAGE.iter().map(|&place| list[place]).collect()
        } else {
            list.to_vec()
        }
    }

    /// Where a dimension of a tensor lies in the graph; negative ones count from the end.
    pub(super) fn axis(&self, tensor: usize, axis: i64) -> Result<i64, String> {
        let rank = self.model.tensors[tensor].rank() as i64;
        let from_front = if axis < 0 { axis.saturating_add(rank) } else { axis };
        if !(0..rank).contains(&from_front) {
            return Err(format!("axis {axis} of a tensor of {rank} dimensions"));
        }
        let places: Vec<usize> = self.turned(tensor, &(0..rank as usize).collect::<Vec<_>>());
        let found = places.iter().position(|&place| place as i64 == from_front);
        found.map(|place| place as i64).ok_or_else(|| format!("axis {axis} of a tensor of {rank} dimensions"))
    }

    /// A name that nothing has yet.
    pub(super) fn fresh(&mut self, stem: &str) -> String {
        let mut name = stem.to_owned();
        let mut number = 1;
        while !self.taken.insert(name.clone()) {
            number += 1;
            name = format!("{stem}.{number}");
        }
        name
    }

    /// A constant of the file as an initialiser of a shape.
    pub(super) fn constant(&mut self, tensor: usize, shape: Vec<u64>) -> String {
        if let Some(name) = self.constants.get(&(tensor, shape.clone())) {
            return name.clone();
        }
        let is_first = !self.raw.initializers.iter().any(|other| other.name == self.names[tensor]);
        let name = if is_first { self.name(tensor) } else { self.fresh(&format!("{}.turned", self.names[tensor])) };
        let of = &self.model.tensors[tensor];
        let data = of.integers().filter(|values| values.len() as u64 == of.elements()).map(ConstantData::Integers);
        let is_list = shape.len() <= 1;
        let tensor_of =
            RawTensor { name: name.clone(), data_type: of.data_type, shape: shape.clone(), data: data.filter(|_| is_list) };
        self.raw.initializers.push(tensor_of);
        self.constants.insert((tensor, shape), name.clone());
        name
    }

    /// A list of integers as a constant.
    pub(super) fn integers(&mut self, stem: &str, values: Vec<i64>) -> String {
        let name = self.fresh(stem);
        let shape = vec![values.len() as u64];
        let data = Some(ConstantData::Integers(values));
        self.raw.initializers.push(RawTensor { name: name.clone(), data_type: DataType::Int64, shape, data });
        name
    }

    /// A number as a constant.
    pub(super) fn number(&mut self, stem: &str, data_type: DataType, value: f64) -> String {
        let name = self.fresh(stem);
        let data = data_type.name().starts_with("float").then(|| ConstantData::Floats(vec![value]));
        self.raw.initializers.push(RawTensor { name: name.clone(), data_type, shape: Vec::new(), data });
        name
    }

    /// An operand beside an output: constants get the output's dimensions, in its order; others are reshaped where they have fewer.
    pub(super) fn operand(&mut self, tensor: usize, output: usize) -> String {
        let own = self.model.tensors[tensor].shape.clone();
        let rank = self.model.tensors[output].rank();
        let is_image = self.images[output];
        let spread = || {
            let mut shape = vec![1; rank.saturating_sub(own.len())];
            shape.extend(&own);
            self.turned(output, &shape)
        };
        if self.is_constant[tensor] {
            let shape = if is_image && !own.is_empty() { spread() } else { own };
            return self.constant(tensor, shape);
        }
        if is_image && own.len() < rank && !own.is_empty() {
            let shape = spread();
            return self.reshaped(&self.name(tensor), shape);
        }
        self.name(tensor)
    }

    /// An input of an operator that computes on it as it is.
    pub(super) fn input(&mut self, tensor: usize) -> String {
        if self.is_constant[tensor] {
            let shape = self.shape(tensor);
            return self.constant(tensor, shape);
        }
        self.name(tensor)
    }

    /// A view of a tensor under a shape.
    pub(super) fn reshaped(&mut self, name: &str, shape: Vec<u64>) -> String {
        let output = self.fresh(&format!("{name}.view"));
        self.reshape(name, output.clone(), shape);
        output
    }

    pub(super) fn reshape(&mut self, name: &str, output: String, shape: Vec<u64>) {
        let sizes = self.integers(&format!("{output}.shape"), shape.into_iter().map(|size| size as i64).collect());
        self.emit("Reshape", vec![name.to_owned(), sizes], output, Attributes::new());
    }

    pub(super) fn emit(&mut self, op_type: &str, inputs: Vec<String>, output: String, attributes: Attributes) {
        self.emit_all(op_type, inputs, vec![output], attributes);
    }

    pub(super) fn emit_all(&mut self, op_type: &str, inputs: Vec<String>, outputs: Vec<String>, attributes: Attributes) {
        let name = outputs.first().cloned().unwrap_or_default();
        self.raw.operators.push(RawOperator {
            name,
            op_type: op_type.to_owned(),
            domain: String::new(),
            attributes,
            inputs,
            outputs,
        });
    }

    /// An operator whose output has the shape that the file states, whatever its parameters are: they are not read.
    pub(super) fn emit_stated(&mut self, op_type: &str, input: String, parameters: usize, output: usize, attributes: Attributes) {
        let (name, shape) = (self.name(output), self.shape(output));
        let mut inputs = vec![input];
        for place in 0..parameters {
            let parameter = self.fresh(&format!("{name}.parameter{place}"));
            let shape = vec![shape.len() as u64];
            self.raw.initializers.push(RawTensor { name: parameter.clone(), data_type: DataType::Int64, shape, data: None });
            inputs.push(parameter);
        }
        if op_type == "Resize" {
            // Its regions and scales are left out; its sizes are the parameter.
            inputs.splice(1..1, [String::new(), String::new()]);
        }
        self.raw.declared.insert(name.clone(), DeclaredType { data_type: self.model.tensors[output].data_type, shape });
        self.emit(op_type, inputs, name, attributes);
    }

    /// Where an operator writes that a fused activation follows, and that activation: `None` where there is none.
    pub(super) fn fused(&mut self, output: usize, activation: u8) -> Result<(String, Option<&'static str>), String> {
        let kind = match activation {
            0 => return Ok((self.name(output), None)),
            1 => "Relu",
            2 | 3 => "Clip",
            4 => "Tanh",
            other => return Err(format!("fused activation {other} is not converted")),
        };
        Ok((self.fresh(&format!("{}.before", self.names[output])), Some(kind)))
    }

    /// The activation that follows what was written to `before`.
    pub(super) fn activate(&mut self, before: &str, kind: Option<&'static str>, activation: u8, output: usize) {
        let Some(kind) = kind else { return };
        let mut inputs = vec![before.to_owned()];
        if kind == "Clip" {
            let ends = if activation == 2 { [-1.0, 1.0] } else { [0.0, 6.0] };
            let data_type = self.model.tensors[output].data_type;
            inputs.extend(ends.map(|end| self.number(&format!("{before}.end"), data_type, end)));
        }
        self.emit(kind, inputs, self.name(output), Attributes::new());
    }
}

/// Attributes of integers.
pub(super) fn integer_attributes(pairs: &[(&str, &[i64])]) -> Attributes {
    pairs.iter().fold(Attributes::new(), |all, (name, values)| all.with(name, AttributeValue::Integers(values.to_vec())))
}

/// One integer attribute.
pub(super) fn integer_attribute(name: &str, value: i64) -> Attributes {
    Attributes::new().with(name, AttributeValue::Integer(value))
}
