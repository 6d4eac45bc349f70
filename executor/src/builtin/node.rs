//! An operator with what its kernel's builder asks about it.

use sim::graph::{DataType, Graph, Operator, Tensor};
use sim::identifiers::TensorId;

/// Why there is no kernel for an operator.
pub(super) type Refusal = String;

/// An operator of a graph.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) graph: &'a Graph,
    pub(super) operator: &'a Operator,
}

/// Sizes as indices.
pub(super) fn sizes(shape: &[u64]) -> Vec<usize> {
    shape.iter().map(|&size| size as usize).collect()
}

/// Product of sizes.
pub(super) fn product(sizes: &[usize]) -> usize {
    sizes.iter().product()
}

/// An axis from the front.
pub(super) fn axis_of(value: i64, rank: usize) -> Result<usize, Refusal> {
    let axis = if value < 0 { value.saturating_add(rank as i64) } else { value };
    let there = usize::try_from(axis).ok().filter(|&axis| axis < rank);
    there.ok_or_else(|| format!("axis {value} does not exist in {rank} dimensions"))
}

impl<'a> Node<'a> {
    /// Tensor read at a position, if it is there.
    pub(super) fn input(&self, position: usize) -> Option<&'a Tensor> {
        self.operator.input(position).map(|id| self.graph.tensor(id))
    }

    /// Tensor read at a position.
    pub(super) fn required(&self, position: usize) -> Result<&'a Tensor, Refusal> {
        self.input(position).ok_or_else(|| format!("input {position} is absent"))
    }

    /// Tensor written at a position.
    pub(super) fn output(&self, position: usize) -> Result<&'a Tensor, Refusal> {
        let id = self.operator.outputs.get(position).ok_or_else(|| format!("output {position} is absent"))?;
        Ok(self.graph.tensor(*id))
    }

    /// Shape read at a position.
    pub(super) fn shape(&self, position: usize) -> Result<Vec<usize>, Refusal> {
        self.required(position).map(|tensor| sizes(&tensor.shape))
    }

    /// Shape of the first output.
    pub(super) fn result(&self) -> Result<Vec<usize>, Refusal> {
        self.output(0).map(|tensor| sizes(&tensor.shape))
    }

    /// The inputs that are there.
    pub(super) fn inputs(&self) -> Vec<TensorId> {
        self.operator.inputs.iter().copied().flatten().collect()
    }

    /// Refuses operators whose inputs or first output are not single precision.
    pub(super) fn only_floats(&self) -> Result<(), Refusal> {
        let tensors = self.inputs().into_iter().map(|id| self.graph.tensor(id)).chain(self.output(0));
        match tensors.map(|tensor| tensor.data_type).find(|&data_type| data_type != DataType::Float32) {
            None => Ok(()),
            Some(data_type) => Err(format!("a tensor is of type {data_type}: only float32 is supported")),
        }
    }

    /// Refuses operators whose first input is not single precision.
    pub(super) fn only_floats_first(&self) -> Result<(), Refusal> {
        match self.required(0)?.data_type {
            DataType::Float32 => Ok(()),
            other => Err(format!("input of type {other}: only float32 is supported")),
        }
    }

    /// Refuses operators with more outputs than so many.
    pub(super) fn outputs_at_most(&self, count: usize) -> Result<(), Refusal> {
        match self.operator.outputs.len() {
            outputs if outputs <= count => Ok(()),
            outputs => Err(format!("{outputs} outputs are wanted: {count} are supported")),
        }
    }

    /// An integer attribute.
    pub(super) fn integer(&self, name: &str, default: i64) -> i64 {
        self.operator.attributes.integer(name).unwrap_or(default)
    }

    /// A number attribute.
    pub(super) fn float(&self, name: &str, default: f32) -> f32 {
        self.operator.attributes.float(name).unwrap_or(default)
    }

    /// A text attribute.
    pub(super) fn text(&self, name: &str, default: &'static str) -> &'a str {
        self.operator.attributes.text(name).unwrap_or(default)
    }

    /// Integers given by an attribute or by a constant input, whichever is there.
    pub(super) fn integers(&self, name: &str, position: usize) -> Result<Option<Vec<i64>>, Refusal> {
        if let Some(values) = self.operator.attributes.integers(name) {
            return Ok(Some(values.to_vec()));
        }
        if let Some(value) = self.operator.attributes.integer(name) {
            return Ok(Some(vec![value]));
        }
        let Some(tensor) = self.input(position) else { return Ok(None) };
        match tensor.data.as_ref().and_then(|data| data.integers()) {
            Some(values) => Ok(Some(values.to_vec())),
            None => Err(format!("`{name}` (input {position}) is computed at run time: a constant is needed")),
        }
    }

    /// Numbers given by a constant input; `None` if it is absent or empty.
    pub(super) fn numbers(&self, name: &str, position: usize) -> Result<Option<Vec<f64>>, Refusal> {
        let Some(tensor) = self.input(position).filter(|tensor| tensor.elements() > 0) else { return Ok(None) };
        match &tensor.data {
            Some(data) => Ok(Some(data.to_floats())),
            None => Err(format!("`{name}` (input {position}) is computed at run time: a constant is needed")),
        }
    }

    /// Version of the operator set; the newest that the kernels follow where nothing says.
    pub(super) fn opset(&self) -> u32 {
        self.graph.opset_version.unwrap_or(16)
    }
}

/// A window over height and width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) input: [usize; 2],
    pub(super) output: [usize; 2],
    pub(super) kernel: [usize; 2],
    pub(super) strides: [usize; 2],
    pub(super) dilations: [usize; 2],
    pub(super) pads_begin: [usize; 2],
    pub(super) pads_end: [usize; 2],
}

/// One or two spatial sizes as height and width.
fn plane(values: &[usize], missing: usize) -> Result<[usize; 2], Refusal> {
    match *values {
        [] => Ok([missing, missing]),
        [width] => Ok([missing, width]),
        [height, width] => Ok([height, width]),
        _ => Err(format!("{} spatial dimensions: at most 2 are supported", values.len())),
    }
}

impl Window {
    /// The window of a convolution or pooling operator over an input of shape batch, channels and up to two dimensions more.
    pub(super) fn of(node: &Node<'_>, kernel: &[usize]) -> Result<Self, Refusal> {
        let (input, output) = (node.shape(0)?, node.result()?);
        if !(3..=4).contains(&input.len()) {
            return Err(format!("input of {} dimensions: 3 or 4 are supported", input.len()));
        }
        let rank = input.len() - 2;
        let list = |name: &str| -> Result<[usize; 2], Refusal> {
            let values: Vec<usize> =
                node.operator.attributes.integers(name).unwrap_or(&[]).iter().map(|&value| value as usize).collect();
            if values.is_empty() { Ok([1, 1]) } else { plane(&values, 1) }
        };
        let (strides, dilations, kernel) = (list("strides")?, list("dilations")?, plane(kernel, 1)?);
        let (input, output) = (plane(&input[2..], 1)?, plane(&output[2..], 1)?);
        let pads = node.operator.attributes.integers("pads").unwrap_or(&[]);
        if pads.iter().any(|&pad| pad < 0) {
            return Err(format!("`pads` is {pads:?}: negative padding is not supported"));
        }
        let pads: Vec<usize> = pads.iter().map(|&pad| pad as usize).collect();
        let span = |axis: usize| (kernel[axis] - 1) * dilations[axis] + 1;
        let needed = |axis: usize| ((output[axis] - 1) * strides[axis] + span(axis)).saturating_sub(input[axis]);
        let (begin, end) = match node.text("auto_pad", "NOTSET") {
            "NOTSET" | "" if pads.is_empty() => ([0, 0], [0, 0]),
            "NOTSET" | "" => (plane(&pads[..rank], 0)?, plane(&pads[rank..], 0)?),
            "VALID" => ([0, 0], [0, 0]),
            "SAME_LOWER" => {
                let begin = [0, 1].map(|axis| needed(axis).div_ceil(2));
                (begin, [0, 1].map(|axis| needed(axis) - begin[axis]))
            }
            _ => {
                let begin = [0, 1].map(|axis| needed(axis) / 2);
                (begin, [0, 1].map(|axis| needed(axis) - begin[axis]))
            }
        };
        Ok(Self { input, output, kernel, strides, dilations, pads_begin: begin, pads_end: end })
    }

    /// Whether every output is made of the one input at the same place.
    pub(super) fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.strides == [1, 1] && self.input == self.output && self.pads_begin == [0, 0]
    }
}
