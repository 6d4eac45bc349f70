//! Operators as their definitions say, in double precision, element by element.

use std::collections::BTreeMap;

use executor::{Tensor, Unit};
use sim::graph::{AttributeValue, Graph, Operator};
use sim::identifiers::TensorId;

#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f64>,
}

impl Array {
    fn of(tensor: &Tensor) -> Self {
        let values = tensor.values::<f32>().iter().map(|&value| f64::from(value)).collect();
        Self { shape: tensor.shape.iter().map(|&size| size as usize).collect(), values }
    }

    fn build(shape: &[usize], value: impl Fn(&[usize]) -> f64) -> Self {
        let count: usize = shape.iter().product();
        let values = (0..count).map(|index| value(&coordinates(shape, index))).collect();
        Self { shape: shape.to_vec(), values }
    }

    fn at(&self, place: &[usize]) -> f64 {
        self.values[place.iter().zip(&self.shape).fold(0, |index, (&coordinate, &size)| index * size + coordinate)]
    }

    /// By the rules of broadcasting: missing coordinates and dimensions of size 1 do not count.
    fn broadcast_at(&self, place: &[usize]) -> f64 {
        let own = &place[place.len() - self.shape.len()..];
        self.at(&own
            .iter()
            .zip(&self.shape)
            .map(|(&coordinate, &size)| if size == 1 { 0 } else { coordinate })
            .collect::<Vec<_>>())
    }

    pub(crate) fn tensor(&self) -> Tensor {
        let shape: Vec<u64> = self.shape.iter().map(|&size| size as u64).collect();
        Tensor::floats(&shape, &self.values.iter().map(|&value| value as f32).collect::<Vec<_>>())
    }
}

fn coordinates(shape: &[usize], mut index: usize) -> Vec<usize> {
    let mut place = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        place[axis] = index % shape[axis];
        index /= shape[axis];
    }
    place
}

/// All outputs of a unit.
pub(crate) fn evaluate(unit: &Unit, inputs: &[Tensor]) -> Vec<Tensor> {
    let graph = &unit.graph;
    let mut known: BTreeMap<TensorId, Array> = BTreeMap::new();
    known.extend(graph.inputs().iter().zip(inputs).map(|(&id, tensor)| (id, Array::of(tensor))));
    let floats = unit.constants.iter().filter(|(_, tensor)| tensor.data_type == sim::graph::DataType::Float32);
    known.extend(floats.map(|(&id, tensor)| (id, Array::of(tensor))));
    for operator in graph.operators() {
        for (index, &output) in operator.outputs.iter().enumerate() {
            let shape: Vec<usize> = graph.tensor(output).shape.iter().map(|&size| size as usize).collect();
            let array = compute(graph, operator, index, &shape, &known);
            known.insert(output, array);
        }
    }
    graph.outputs().iter().map(|output| known[output].tensor()).collect()
}

fn integers(operator: &Operator, name: &str) -> Option<Vec<i64>> {
    operator.attributes.integers(name).map(<[i64]>::to_vec)
}

#[expect(clippy::too_many_lines, reason = "one arm for each operator")]
fn compute(graph: &Graph, operator: &Operator, index: usize, shape: &[usize], known: &BTreeMap<TensorId, Array>) -> Array {
    let input = |position: usize| &known[&operator.input(position).unwrap()];
    let float = |name: &str, default: f64| operator.attributes.float(name).map_or(default, f64::from);
    let integer = |name: &str, default: i64| operator.attributes.integer(name).unwrap_or(default);
    let unary = |function: &dyn Fn(f64) -> f64| Array::build(shape, |place| function(input(0).at(place)));
    let binary = |function: &dyn Fn(f64, f64) -> f64| {
        Array::build(shape, |place| function(input(0).broadcast_at(place), input(1).broadcast_at(place)))
    };
    let steering = |position: usize| -> Vec<i64> {
        let tensor = graph.tensor(operator.input(position).unwrap());
        tensor.data.as_ref().unwrap().integers().unwrap().to_vec()
    };
    let axis = |default: i64| integer("axis", default).rem_euclid(input(0).shape.len() as i64) as usize;
    match operator.op_type.as_str() {
        "Conv" => convolution(operator, input(0), input(1), operator.input(2).map(|bias| &known[&bias]), shape),
        "MaxPool" | "AveragePool" => pooling(operator, input(0), shape),
        "Gemm" => {
            let side = |position: usize, name: &str, row: usize, column: usize| {
                input(position).at(&if integer(name, 0) == 1 { [column, row] } else { [row, column] })
            };
            let depth = input(0).shape[usize::from(integer("transA", 0) == 0)];
            Array::build(shape, |place| {
                let product = |i| side(0, "transA", place[0], i) * side(1, "transB", i, place[1]);
                let addend = operator.input(2).map_or(0.0, |addend| known[&addend].broadcast_at(place));
                float("alpha", 1.0) * (0..depth).map(product).sum::<f64>() + float("beta", 1.0) * addend
            })
        }
        "MatMul" => {
            let depth = *input(0).shape.last().unwrap();
            Array::build(shape, |place| {
                let (batch, matrix) = place.split_at(place.len().saturating_sub(2));
                let product = |i| {
                    input(0).broadcast_at(&[batch, &[matrix[0], i]].concat())
                        * input(1).broadcast_at(&[batch, &[i, matrix[1]]].concat())
                };
                (0..depth).map(product).sum()
            })
        }
        "Relu" => unary(&|v| v.max(0.0)),
        "LeakyRelu" => unary(&|v| if v < 0.0 { float("alpha", 0.01) * v } else { v }),
        "Elu" => unary(&|v| if v < 0.0 { float("alpha", 1.0) * v.exp_m1() } else { v }),
        "Clip" => {
            let bound =
                |position: usize| operator.input(position).map(|id| graph.tensor(id).data.as_ref().unwrap().to_floats()[0]);
            unary(&|v| v.max(bound(1).unwrap_or(f64::MIN)).min(bound(2).unwrap_or(f64::MAX)))
        }
        "Sigmoid" => unary(&|v| 1.0 / (1.0 + (-v).exp())),
        "HardSigmoid" => unary(&|v| (float("alpha", 0.2) * v + float("beta", 0.5)).clamp(0.0, 1.0)),
        "HardSwish" => unary(&|v| v * (v / 6.0 + 0.5).clamp(0.0, 1.0)),
        "Tanh" => unary(&f64::tanh),
        "Softplus" => unary(&|v| v.exp().ln_1p()),
        "Exp" => unary(&f64::exp),
        "Abs" => unary(&f64::abs),
        "Neg" => unary(&|v| -v),
        "Add" => binary(&|a, b| a + b),
        "Sub" => binary(&|a, b| a - b),
        "Mul" => binary(&|a, b| a * b),
        "Div" => binary(&|a, b| a / b),
        "Max" => binary(&f64::max),
        "Min" => binary(&f64::min),
        "PRelu" => binary(&|a, b| if a < 0.0 { a * b } else { a }),
        "Pow" => binary(&f64::powf),
        "BatchNormalization" => Array::build(shape, |place| {
            let of = |position: usize| input(position).values[place[1]];
            (input(0).at(place) - of(3)) / (of(4) + float("epsilon", 1e-5)).sqrt() * of(1) + of(2)
        }),
        "GlobalAveragePool" | "GlobalMaxPool" | "ReduceMean" | "ReduceMax" => {
            let length = input(0).values.len() / shape.iter().product::<usize>();
            let rows: Vec<f64> = (input(0).values.chunks_exact(length))
                .map(|row| match operator.op_type.as_str() {
                    "GlobalMaxPool" | "ReduceMax" => row.iter().copied().fold(f64::MIN, f64::max),
                    _ => row.iter().sum::<f64>() / length as f64,
                })
                .collect();
            Array { shape: shape.to_vec(), values: rows }
        }
        "Softmax" => {
            let length: usize = shape[axis(-1)..].iter().product();
            let row = |row: &[f64]| {
                let total: f64 = row.iter().map(|value| value.exp()).sum();
                row.iter().map(|value| value.exp() / total).collect::<Vec<_>>()
            };
            Array { shape: shape.to_vec(), values: input(0).values.chunks_exact(length).flat_map(row).collect() }
        }
        "Concat" => Array::build(shape, |place| {
            let (axis, mut place) = (axis(0), place.to_vec());
            for part in operator.inputs.iter().flatten().map(|id| &known[id]) {
                if place[axis] < part.shape[axis] {
                    return part.at(&place);
                }
                place[axis] -= part.shape[axis];
            }
            unreachable!()
        }),
        "Split" => {
            let size = |output: &TensorId| graph.tensor(*output).shape[axis(0)] as usize;
            let begin: usize = operator.outputs[..index].iter().map(size).sum();
            Array::build(shape, |place| {
                let mut place = place.to_vec();
                place[axis(0)] += begin;
                input(0).at(&place)
            })
        }
        "Slice" => {
            let (starts, all, steps) = (steering(1), steering(3), steering(4));
            Array::build(shape, |place| {
                let mut place = place.to_vec();
                for ((&start, &axis), &step) in starts.iter().zip(&all).zip(&steps) {
                    let (axis, size) = (axis as usize, input(0).shape[axis as usize] as i64);
                    let start = if start < 0 { start + size } else { start.min(size - 1) };
                    place[axis] = (start + place[axis] as i64 * step) as usize;
                }
                input(0).at(&place)
            })
        }
        "Transpose" => {
            let order = integers(operator, "perm").unwrap_or_else(|| (0..shape.len() as i64).rev().collect());
            Array::build(shape, |place| {
                let mut from = vec![0; place.len()];
                for (&coordinate, &axis) in place.iter().zip(&order) {
                    from[axis as usize] = coordinate;
                }
                input(0).at(&from)
            })
        }
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity" => {
            Array { shape: shape.to_vec(), values: input(0).values.clone() }
        }
        other => panic!("the reference has no {other}"),
    }
}

/// Strides, dilations and pads at the begin; by the given attributes or, for `auto_pad`, from the sizes.
fn window(operator: &Operator, kernel: &[usize], from: &[usize], to: &[usize]) -> (Vec<i64>, Vec<i64>, Vec<i64>, Vec<i64>) {
    let rank = kernel.len();
    let strides = integers(operator, "strides").unwrap_or(vec![1; rank]);
    let dilations = integers(operator, "dilations").unwrap_or(vec![1; rank]);
    let mut pads = integers(operator, "pads").unwrap_or(vec![0; 2 * rank]);
    if let Some(AttributeValue::Text(mode)) = operator.attributes.get("auto_pad") {
        for axis in 0..rank {
            let needed =
                (to[axis] as i64 - 1) * strides[axis] + (kernel[axis] as i64 - 1) * dilations[axis] + 1 - from[axis] as i64;
            let total = if mode.starts_with("SAME") { needed.max(0) } else { 0 };
            pads[axis] = if mode == "SAME_LOWER" { total - total / 2 } else { total / 2 };
            pads[rank + axis] = total - pads[axis];
        }
    }
    let end = pads.split_off(rank);
    (strides, dilations, pads, end)
}

/// Calls `visit` with the place in the window and the place in the input, which may lie outside.
fn visit_window(place: &[usize], kernel: &[usize], steps: (&[i64], &[i64], &[i64]), mut visit: impl FnMut(&[usize], &[i64])) {
    for tap in 0..kernel.iter().product() {
        let tap = coordinates(kernel, tap);
        let from: Vec<i64> = (0..kernel.len())
            .map(|axis| place[axis] as i64 * steps.0[axis] + tap[axis] as i64 * steps.1[axis] - steps.2[axis])
            .collect();
        visit(&tap, &from);
    }
}

fn inside(from: &[i64], sizes: &[usize]) -> Option<Vec<usize>> {
    let place = from.iter().zip(sizes).map(|(&at, &size)| usize::try_from(at).ok().filter(|&at| at < size));
    place.collect()
}

fn convolution(operator: &Operator, input: &Array, weight: &Array, bias: Option<&Array>, shape: &[usize]) -> Array {
    let kernel = &weight.shape[2..];
    let (strides, dilations, begin, _) = window(operator, kernel, &input.shape[2..], &shape[2..]);
    let groups = operator.attributes.integer("group").unwrap_or(1) as usize;
    Array::build(shape, |place| {
        let (channel, depth) = (place[1], weight.shape[1]);
        let group = channel / (shape[1] / groups);
        let mut sum = bias.map_or(0.0, |bias| bias.values[channel]);
        for i in 0..depth {
            visit_window(&place[2..], kernel, (&strides, &dilations, &begin), |tap, from| {
                if let Some(from) = inside(from, &input.shape[2..]) {
                    let value = input.at(&[&[place[0], group * depth + i], from.as_slice()].concat());
                    sum += value * weight.at(&[&[channel, i], tap].concat());
                }
            });
        }
        sum
    })
}

fn pooling(operator: &Operator, input: &Array, shape: &[usize]) -> Array {
    let kernel: Vec<usize> = integers(operator, "kernel_shape").unwrap().iter().map(|&size| size as usize).collect();
    let sizes = &input.shape[2..];
    let (strides, dilations, begin, end) = window(operator, &kernel, sizes, &shape[2..]);
    let counts_pads = operator.attributes.integer("count_include_pad") == Some(1);
    Array::build(shape, |place| {
        let (mut sum, mut highest, mut count) = (0.0, f64::MIN, 0.0);
        visit_window(&place[2..], &kernel, (&strides, &dilations, &begin), |_, from| {
            let within_pads = (0..from.len()).all(|axis| from[axis] < sizes[axis] as i64 + end[axis]);
            if let Some(from) = inside(from, sizes) {
                let value = input.at(&[&place[..2], from.as_slice()].concat());
                (sum, highest, count) = (sum + value, highest.max(value), count + 1.0);
            } else if counts_pads && within_pads {
                count += 1.0;
            }
        });
        if operator.op_type == "MaxPool" { highest } else { sum / count }
    })
}
