//! Operators by nested loops in double precision, written from the ONNX specification and from nothing else.

#![allow(clippy::too_many_lines, reason = "a table of operators")]
#![allow(clippy::many_single_char_names, reason = "the letters of the specification")]

use sim::graph::{Attributes, Operator};

/// A dense tensor.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f64>,
}

impl Array {
    pub(crate) fn filled(shape: &[usize], mut value: impl FnMut(&[usize]) -> f64) -> Self {
        let values = indices(shape).map(|index| value(&index)).collect();
        Self { shape: shape.to_vec(), values }
    }

    /// The element at an index.
    fn at(&self, index: &[usize]) -> f64 {
        self.values[index.iter().zip(&self.shape).fold(0, |flat, (&index, &size)| flat * size + index)]
    }

    /// The element at an index that may lie outside.
    fn padded(&self, index: &[i64], outside: f64) -> f64 {
        let inside = index.iter().zip(&self.shape).all(|(&index, &size)| (0..size as i64).contains(&index));
        if inside { self.at(&index.iter().map(|&index| index as usize).collect::<Vec<_>>()) } else { outside }
    }

    /// The element at an index of a tensor that this one broadcasts to.
    fn broadcast(&self, index: &[usize]) -> f64 {
        let skipped = index.len() - self.shape.len();
        let own: Vec<usize> =
            self.shape.iter().zip(&index[skipped..]).map(|(&size, &at)| if size == 1 { 0 } else { at }).collect();
        self.at(&own)
    }

    fn reshaped(&self, shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), values: self.values.clone() }
    }
}

/// All indices of a shape in row-major order.
fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<> {
    let shape = shape.to_vec();
    (0..shape.iter().product::<usize>()).map(move |mut flat| {
        let mut index = vec![0; shape.len()];
        for axis in (0..shape.len()).rev() {
            index[axis] = flat % shape[axis];
            flat /= shape[axis];
        }
        index
    })
}

fn list(attributes: &Attributes, name: &str, default: i64) -> [i64; 2] {
    attributes.integers(name).map_or([default; 2], |values| [values[0], values[1]])
}

/// What an operator gives. `results` are the shapes of its outputs.
pub(crate) fn evaluate(operator: &Operator, inputs: &[Array], results: &[Vec<usize>]) -> Vec<Array> {
    let attributes = &operator.attributes;
    let float = |name: &str, default: f32| f64::from(attributes.float(name).unwrap_or(default));
    let integer = |name: &str, default: i64| attributes.integer(name).unwrap_or(default);
    let (x, result) = (&inputs[0], &results[0]);
    let rank = x.shape.len();
    let axis_of = |axis: i64| (if axis < 0 { axis + rank as i64 } else { axis }) as usize;
    let map = |function: &dyn Fn(f64) -> f64| Array::filled(result, |index| function(x.at(index)));
    let zip = |function: &dyn Fn(f64, f64) -> f64| {
        Array::filled(result, |index| function(x.broadcast(index), inputs[1].broadcast(index)))
    };
    let sigmoid = |x: f64| 1.0 / (1.0 + libm::exp(-x));
    vec![match operator.op_type.as_str() {
        "Relu" => map(&|x| x.max(0.0)),
        "Clip" => map(&|x| {
            x.max(inputs.get(1).map_or(f64::MIN, |one| one.values[0])).min(inputs.get(2).map_or(f64::MAX, |one| one.values[0]))
        }),
        "LeakyRelu" => map(&|x| if x < 0.0 { x * float("alpha", 0.01) } else { x }),
        "HardSigmoid" => map(&|x| (float("alpha", 0.2) * x + float("beta", 0.5)).clamp(0.0, 1.0)),
        "HardSwish" => map(&|x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
        "Sigmoid" => map(&sigmoid),
        "Tanh" => map(&libm::tanh),
        "Erf" => map(&libm::erf),
        "Sqrt" => map(&f64::sqrt),
        "Exp" => map(&libm::exp),
        "Abs" => map(&f64::abs),
        "Neg" => map(&|x| -x),
        "Add" => zip(&|x, y| x + y),
        "Sub" => zip(&|x, y| x - y),
        "Mul" => zip(&|x, y| x * y),
        "Div" => zip(&|x, y| x / y),
        "Pow" => zip(&libm::pow),
        "PRelu" => zip(&|x, y| if x < 0.0 { x * y } else { x }),
        "Conv" => convolution(attributes, inputs, result),
        "ConvTranspose" => transposed(attributes, inputs, result),
        "Gemm" => {
            let (a, b) = (integer("transA", 0) != 0, integer("transB", 0) != 0);
            let depth = x.shape[usize::from(!a)];
            Array::filled(result, |index| {
                let left = |k: usize| x.at(&if a { [k, index[0]] } else { [index[0], k] });
                let right = |k: usize| inputs[1].at(&if b { [index[1], k] } else { [k, index[1]] });
                let sum: f64 = (0..depth).map(|k| left(k) * right(k)).sum();
                float("alpha", 1.0) * sum + inputs.get(2).map_or(0.0, |bias| float("beta", 1.0) * bias.broadcast(index))
            })
        }
        "MatMul" => {
            let left = if rank == 1 { x.reshaped(&[1, x.shape[0]]) } else { x.clone() };
            let y = &inputs[1];
            let right = if y.shape.len() == 1 { y.reshaped(&[y.shape[0], 1]) } else { y.clone() };
            Array::filled(result, |index| {
                let mut full = index.to_vec();
                if rank == 1 {
                    full.insert(full.len() - usize::from(y.shape.len() > 1), 0);
                }
                if y.shape.len() == 1 {
                    full.push(0);
                }
                let (column, row) = (full.pop().expect("two dimensions"), full.pop().expect("two dimensions"));
                (0..left.shape[left.shape.len() - 1])
                    .map(|k| {
                        left.broadcast(&[&full[..], &[row, k]].concat()) * right.broadcast(&[&full[..], &[k, column]].concat())
                    })
                    .sum()
            })
        }
        "MaxPool" | "AveragePool" => pool(operator, x, result),
        "GlobalAveragePool" => reduce(x, &[2, 3], result, &mean),
        "ReduceMean" | "ReduceSum" | "ReduceMax" => {
            let given = attributes.integers("axes").map(<[i64]>::to_vec);
            let given = given.or_else(|| inputs.get(1).map(|axes| axes.values.iter().map(|&axis| axis as i64).collect()));
            let axes: Vec<usize> = given.map_or_else(|| (0..rank).collect(), |axes| axes.into_iter().map(axis_of).collect());
            match operator.op_type.as_str() {
                "ReduceMean" => reduce(x, &axes, result, &mean),
                "ReduceSum" => reduce(x, &axes, result, &|values| values.iter().sum()),
                _ => reduce(x, &axes, result, &|values| values.iter().copied().fold(f64::MIN, f64::max)),
            }
        }
        "Softmax" => {
            let axis = axis_of(integer("axis", -1));
            Array::filled(result, |index| {
                let along = |at: usize| {
                    let mut index = index.to_vec();
                    index[axis] = at;
                    libm::exp(x.at(&index))
                };
                along(index[axis]) / (0..x.shape[axis]).map(along).sum::<f64>()
            })
        }
        "BatchNormalization" => Array::filled(result, |index| {
            let parameter = |position: usize| inputs[position].values[index[1]];
            (x.at(index) - parameter(3)) / (parameter(4) + float("epsilon", 1e-5)).sqrt() * parameter(1) + parameter(2)
        }),
        "InstanceNormalization" | "LayerNormalization" => {
            let first = if operator.op_type.starts_with('I') { 2 } else { axis_of(integer("axis", -1)) };
            let rest: Vec<usize> = x.shape[first..].to_vec();
            Array::filled(result, |index| {
                let row: Vec<f64> = indices(&rest).map(|inner| x.at(&[&index[..first], &inner].concat())).collect();
                let average = mean(&row);
                let variance = mean(&row.iter().map(|value| (value - average).powi(2)).collect::<Vec<_>>());
                let at = |position: usize| {
                    if first == 2 && operator.op_type.starts_with('I') {
                        inputs[position].values[index[1]]
                    } else {
                        inputs[position].broadcast(index)
                    }
                };
                (x.at(index) - average) / (variance + float("epsilon", 1e-5)).sqrt() * at(1) + at(2)
            })
        }
        "Reshape" | "Flatten" | "Unsqueeze" | "Squeeze" | "Identity" | "Cast" => x.reshaped(result),
        "Transpose" => {
            let order: Vec<usize> = attributes
                .integers("perm")
                .map_or_else(|| (0..rank).rev().collect(), |order| order.iter().map(|&axis| axis as usize).collect());
            Array::filled(result, |index| {
                let mut source = vec![0; rank];
                order.iter().zip(index).for_each(|(&axis, &at)| source[axis] = at);
                x.at(&source)
            })
        }
        "Concat" => {
            let axis = (integer("axis", 0) + if integer("axis", 0) < 0 { rank as i64 } else { 0 }) as usize;
            Array::filled(result, |index| {
                let mut index = index.to_vec();
                for input in inputs {
                    if index[axis] < input.shape[axis] {
                        return input.at(&index);
                    }
                    index[axis] -= input.shape[axis];
                }
                unreachable!("the sizes add up")
            })
        }
        "Split" => {
            let axis = axis_of(integer("axis", 0));
            let mut first = 0;
            return results
                .iter()
                .map(|result| {
                    let part = Array::filled(result, |index| {
                        let mut index = index.to_vec();
                        index[axis] += first;
                        x.at(&index)
                    });
                    first += result[axis];
                    part
                })
                .collect();
        }
        "Slice" => {
            let given = |position: usize| {
                inputs.get(position).map(|one| one.values.iter().map(|&value| value as i64).collect::<Vec<_>>())
            };
            let starts = given(1).expect("starts");
            let given_axes = given(3).unwrap_or_else(|| (0..starts.len() as i64).collect());
            let steps = given(4).unwrap_or_else(|| vec![1; starts.len()]);
            Array::filled(result, |index| {
                let mut source: Vec<i64> = index.iter().map(|&at| at as i64).collect();
                for ((&start, &axis), &step) in starts.iter().zip(&given_axes).zip(&steps) {
                    let axis = axis_of(axis);
                    let size = x.shape[axis] as i64;
                    let start = if start < 0 { start + size } else { start };
                    let start = if step < 0 { start.min(size - 1) } else { start.min(size) }.max(0);
                    source[axis] = start + source[axis] * step;
                }
                x.padded(&source, f64::NAN)
            })
        }
        "Gather" => {
            let axis = axis_of(integer("axis", 0));
            let places = inputs[1].shape.len();
            Array::filled(result, |index| {
                let at = inputs[1].at(&index[axis..axis + places]);
                let at = if at < 0.0 { at + x.shape[axis] as f64 } else { at } as usize;
                x.at(&[&index[..axis], &[at], &index[axis + places..]].concat())
            })
        }
        "DepthToSpace" => {
            let block = integer("blocksize", 1) as usize;
            let is_crd = attributes.text("mode") == Some("CRD");
            Array::filled(result, |index| {
                let [n, c, h, w] = index[..] else { unreachable!("four dimensions") };
                let (down, across) = (h % block, w % block);
                let channel = if is_crd { (c * block + down) * block + across } else { (down * block + across) * result[1] + c };
                x.at(&[n, channel, h / block, w / block])
            })
        }
        "SpaceToDepth" => {
            let block = integer("blocksize", 1) as usize;
            Array::filled(result, |index| {
                let [n, c, h, w] = index[..] else { unreachable!("four dimensions") };
                let (place, channel) = (c / x.shape[1], c % x.shape[1]);
                x.at(&[n, channel, h * block + place / block, w * block + place % block])
            })
        }
        "Pad" => Array::filled(result, |index| {
            let source: Vec<i64> =
                index.iter().enumerate().map(|(axis, &at)| at as i64 - inputs[1].values[axis] as i64).collect();
            x.padded(&source, inputs.get(2).map_or(0.0, |value| value.values[0]))
        }),
        "Expand" => Array::filled(result, |index| x.broadcast(index)),
        "Where" => Array::filled(result, |index| inputs[if x.broadcast(index) == 0.0 { 2 } else { 1 }].broadcast(index)),
        "Resize" => resize(attributes, x, result),
        other => panic!("no reference for {other}"),
    }]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn reduce(x: &Array, axes: &[usize], result: &[usize], function: &dyn Fn(&[f64]) -> f64) -> Array {
    let kept: Vec<usize> = (0..x.shape.len()).filter(|axis| !axes.contains(axis)).collect();
    let sizes: Vec<usize> = axes.iter().map(|&axis| x.shape[axis]).collect();
    let outer: Vec<usize> = kept.iter().map(|&axis| x.shape[axis]).collect();
    Array::filled(&outer, |index| {
        let group: Vec<f64> = indices(&sizes)
            .map(|inner| {
                let mut full = vec![0; x.shape.len()];
                kept.iter().zip(index).for_each(|(&axis, &at)| full[axis] = at);
                axes.iter().zip(&inner).for_each(|(&axis, &at)| full[axis] = at);
                x.at(&full)
            })
            .collect();
        function(&group)
    })
    .reshaped(result)
}

fn convolution(attributes: &Attributes, inputs: &[Array], result: &[usize]) -> Array {
    let (x, w) = (&inputs[0], &inputs[1]);
    let groups = attributes.integer("group").unwrap_or(1) as usize;
    let (strides, dilations, pads) =
        (list(attributes, "strides", 1), list(attributes, "dilations", 1), list(attributes, "pads", 0));
    Array::filled(result, |index| {
        let [n, m, row, column] = index[..] else { unreachable!("four dimensions") };
        let first = m / (result[1] / groups) * w.shape[1];
        let mut sum = inputs.get(2).map_or(0.0, |bias| bias.values[m]);
        for tap in indices(&w.shape[1..]) {
            let y = row as i64 * strides[0] + tap[1] as i64 * dilations[0] - pads[0];
            let z = column as i64 * strides[1] + tap[2] as i64 * dilations[1] - pads[1];
            sum += w.at(&[m, tap[0], tap[1], tap[2]]) * x.padded(&[n as i64, (first + tap[0]) as i64, y, z], 0.0);
        }
        sum
    })
}

fn transposed(attributes: &Attributes, inputs: &[Array], result: &[usize]) -> Array {
    let (x, w) = (&inputs[0], &inputs[1]);
    let groups = attributes.integer("group").unwrap_or(1) as usize;
    let (strides, dilations, pads) =
        (list(attributes, "strides", 1), list(attributes, "dilations", 1), list(attributes, "pads", 0));
    let per_group = w.shape[1];
    Array::filled(result, |index| {
        let [n, m, row, column] = index[..] else { unreachable!("four dimensions") };
        let channels = x.shape[1] / groups;
        let mut sum = inputs.get(2).map_or(0.0, |bias| bias.values[m]);
        for tap in indices(&[channels, w.shape[2], w.shape[3]]) {
            let place = [0, 1].map(|axis| [row, column][axis] as i64 + pads[axis] - tap[axis + 1] as i64 * dilations[axis]);
            if (0..2).all(|axis| place[axis] >= 0 && place[axis] % strides[axis] == 0) {
                let channel = m / per_group * channels + tap[0];
                let source = [n as i64, channel as i64, place[0] / strides[0], place[1] / strides[1]];
                sum += w.at(&[channel, m % per_group, tap[1], tap[2]]) * x.padded(&source, 0.0);
            }
        }
        sum
    })
}

fn pool(operator: &Operator, x: &Array, result: &[usize]) -> Array {
    let attributes = &operator.attributes;
    let kernel = list(attributes, "kernel_shape", 1);
    let (strides, dilations, pads) =
        (list(attributes, "strides", 1), list(attributes, "dilations", 1), list(attributes, "pads", 0));
    let ends = attributes.integers("pads").map_or([0, 0], |pads| [pads[2], pads[3]]);
    let counts_padding = attributes.integer("count_include_pad") == Some(1);
    Array::filled(result, |index| {
        let (mut inside, mut counted) = (Vec::new(), 0);
        for tap in indices(&kernel.map(|size| size as usize)) {
            let place =
                [0, 1].map(|axis| index[axis + 2] as i64 * strides[axis] + tap[axis] as i64 * dilations[axis] - pads[axis]);
            let value = x.padded(&[index[0] as i64, index[1] as i64, place[0], place[1]], f64::NAN);
            let in_padding = (0..2).all(|axis| place[axis] < x.shape[axis + 2] as i64 + ends[axis]);
            if !value.is_nan() {
                inside.push(value);
            }
            counted += usize::from(!value.is_nan() || counts_padding && in_padding);
        }
        if operator.op_type == "MaxPool" {
            inside.into_iter().fold(f64::MIN, f64::max)
        } else {
            inside.iter().sum::<f64>() / counted as f64
        }
    })
}

fn resize(attributes: &Attributes, x: &Array, result: &[usize]) -> Array {
    let place = |axis: usize, at: usize| {
        let scale = result[axis] as f64 / x.shape[axis] as f64;
        match attributes.text("coordinate_transformation_mode") {
            Some("asymmetric") => at as f64 / scale,
            Some("align_corners") if result[axis] == 1 => 0.0,
            Some("align_corners") => at as f64 * (x.shape[axis] as f64 - 1.0) / (result[axis] as f64 - 1.0),
            _ => (at as f64 + 0.5) / scale - 0.5,
        }
    };
    Array::filled(result, |index| {
        let places: Vec<f64> = index.iter().enumerate().map(|(axis, &at)| place(axis, at)).collect();
        let clamped = |axis: usize, at: f64| at.clamp(0.0, x.shape[axis] as f64 - 1.0) as usize;
        if attributes.text("mode") == Some("linear") {
            let mut sum = 0.0;
            for corner in indices(&vec![2; index.len()]) {
                let weight: f64 = places
                    .iter()
                    .zip(&corner)
                    .map(|(place, &side)| if side == 1 { place - place.floor() } else { 1.0 - (place - place.floor()) })
                    .product();
                let source: Vec<usize> =
                    (0..index.len()).map(|axis| clamped(axis, places[axis].floor() + corner[axis] as f64)).collect();
                sum += weight * x.at(&source);
            }
            return sum;
        }
        let nearest = |place: f64| match attributes.text("nearest_mode") {
            Some("floor") => place.floor(),
            Some("ceil") => place.ceil(),
            Some("round_prefer_ceil") => (place + 0.5).floor(),
            _ => (place - 0.5).ceil(),
        };
        x.at(&(0..index.len()).map(|axis| clamped(axis, nearest(places[axis]))).collect::<Vec<_>>())
    })
}
