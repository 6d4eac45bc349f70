//! A naive interpreter of graphs in double precision: what kernels are compared with. Plain loops over coordinates, written from
//! the ONNX operator definitions and sharing nothing with the kernels.

mod arithmetic;
mod images;
mod movement;

use std::collections::BTreeMap;

use executor::{Constants, Tensor};
use sim::graph::{DataType, Graph, Operator};
use sim::identifiers::TensorId;

/// A tensor in double precision, integers included.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f64>,
}

impl Array {
    pub(crate) fn zeros(shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), values: vec![0.0; shape.iter().product()] }
    }

    fn of(tensor: &Tensor) -> Self {
        let values = match tensor.data_type {
            DataType::Float32 => tensor.values::<f32>().iter().map(|&value| f64::from(value)).collect(),
            DataType::Int64 => tensor.values::<i64>().iter().map(|&value| value as f64).collect(),
            DataType::Int32 => tensor.values::<i32>().iter().map(|&value| f64::from(value)).collect(),
            other => panic!("the reference does not read {other}"),
        };
        Self { shape: tensor.shape.iter().map(|&size| size as usize).collect(), values }
    }

    /// Flat index of coordinates.
    pub(crate) fn index(&self, coordinates: &[usize]) -> usize {
        coordinates.iter().zip(&self.shape).fold(0, |index, (&place, &size)| index * size + place)
    }

    pub(crate) fn at(&self, coordinates: &[usize]) -> f64 {
        self.values[self.index(coordinates)]
    }
}

/// All coordinates of a shape in row-major order.
pub(crate) fn coordinates(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for &size in shape {
        all = all.into_iter().flat_map(|prefix| (0..size).map(move |place| [&prefix[..], &[place]].concat())).collect();
    }
    all
}

/// An operator with its operands.
pub(crate) struct Node<'a> {
    pub(crate) operator: &'a Operator,
    pub(crate) inputs: Vec<Option<Array>>,
    /// Shapes of its outputs.
    pub(crate) outputs: Vec<Vec<usize>>,
}

impl Node<'_> {
    pub(crate) fn input(&self, position: usize) -> &Array {
        self.inputs[position].as_ref().expect("the input is there")
    }

    pub(crate) fn optional(&self, position: usize) -> Option<&Array> {
        self.inputs.get(position).and_then(Option::as_ref)
    }

    pub(crate) fn integer(&self, name: &str, default: i64) -> i64 {
        self.operator.attributes.integer(name).unwrap_or(default)
    }

    pub(crate) fn float(&self, name: &str, default: f32) -> f64 {
        f64::from(self.operator.attributes.float(name).unwrap_or(default))
    }

    pub(crate) fn text(&self, name: &str, default: &'static str) -> String {
        self.operator.attributes.text(name).unwrap_or(default).to_owned()
    }

    /// A list that is an attribute or an input.
    pub(crate) fn list(&self, name: &str, position: usize) -> Option<Vec<i64>> {
        let given = self.operator.attributes.integers(name).map(<[i64]>::to_vec);
        given.or_else(|| self.optional(position).map(|array| array.values.iter().map(|&value| value as i64).collect()))
    }

    pub(crate) fn axis(&self, default: i64, rank: usize) -> usize {
        let axis = self.integer("axis", default);
        (if axis < 0 { axis + rank as i64 } else { axis }) as usize
    }
}

/// The outputs of a graph.
pub(crate) fn evaluate(graph: &Graph, constants: &Constants, inputs: &[Tensor]) -> Vec<Tensor> {
    let mut arrays: BTreeMap<TensorId, Array> = constants.iter().map(|(&id, tensor)| (id, Array::of(tensor))).collect();
    arrays.extend(graph.inputs().iter().copied().zip(inputs.iter().map(Array::of)));
    for &id in graph.topological_order() {
        let operator = graph.operator(id);
        let shape = |&output: &TensorId| graph.tensor(output).shape.iter().map(|&size| size as usize).collect();
        let node = Node {
            operator,
            inputs: operator.inputs.iter().map(|input| input.map(|input| arrays[&input].clone())).collect(),
            outputs: operator.outputs.iter().map(shape).collect(),
        };
        arrays.extend(operator.outputs.iter().copied().zip(compute(&node)));
    }
    graph
        .outputs()
        .iter()
        .map(|output| {
            let values: Vec<f32> = arrays[output].values.iter().map(|&value| value as f32).collect();
            Tensor::floats(&graph.tensor(*output).shape, &values)
        })
        .collect()
}

fn compute(node: &Node<'_>) -> Vec<Array> {
    let result = match node.operator.op_type.as_str() {
        "Conv" => images::convolution(node),
        "ConvTranspose" => images::transposed_convolution(node),
        "MaxPool" | "AveragePool" => images::pool(node),
        "Resize" => images::resize(node),
        "Split" => return movement::split(node),
        "Concat" | "Slice" | "Transpose" | "DepthToSpace" | "SpaceToDepth" | "Pad" | "Expand" | "Gather" | "Reshape"
        | "Flatten" | "Unsqueeze" | "Squeeze" | "Identity" | "Cast" => movement::moved(node),
        _ => arithmetic::compute(node),
    };
    assert_eq!(result.shape, node.outputs[0], "shape of {}", node.operator.op_type);
    vec![result]
}
