//! Models: read, inspected, and built operator by operator.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use scenarios::onnx::{self, ReadOptions};
use scenarios::{Reference, model};
use sim::graph::{AttributeValue, Attributes, DataType, Graph, RawGraph, RawOperator, RawTensor};
use sim::identifiers::OperatorId;

use crate::error;

/// A model.
#[pyclass(frozen, module = "socrates")]
pub(crate) struct Model {
    name: String,
    graph: Arc<Graph>,
}

/// How a model is pickled: what makes it again, and of what.
type Reduced<'py, 'a> = (Bound<'py, PyAny>, (Bound<'py, PyBytes>, &'a str));

/// An operator of a model.
#[pyclass(frozen, get_all, module = "socrates")]
pub(crate) struct Operator {
    /// Name.
    name: String,
    /// Its ONNX type.
    op_type: String,
    /// What kind of kernel it needs.
    kind: &'static str,
    /// Shapes of its outputs.
    output_shapes: Vec<Vec<u64>>,
    /// Multiply-accumulates.
    macs: u64,
    /// Parameters.
    parameters: u64,
    /// Bytes that it reads.
    input_bytes: u64,
    /// Bytes that it writes.
    output_bytes: u64,
    /// Bytes of its weights.
    weight_bytes: u64,
}

#[pymethods]
impl Operator {
    fn __repr__(&self) -> String {
        format!("Operator({:?}, {}, {} MACs)", self.name, self.op_type, self.macs)
    }
}

#[pymethods]
impl Model {
    /// A model of the zoo, or of a file; open dimensions are bound, whole input shapes replaced.
    #[staticmethod]
    #[pyo3(signature = (reference, dimensions = None, input_shapes = None))]
    fn load(
        py: Python<'_>,
        reference: &str,
        dimensions: Option<BTreeMap<String, u64>>,
        input_shapes: Option<BTreeMap<String, Vec<u64>>>,
    ) -> PyResult<Self> {
        let options = options(dimensions, input_shapes);
        let loaded = py.detach(|| model::load(&Reference::of(reference, Path::new("")), &options));
        let loaded = loaded.map_err(|error| error::read(&error))?;
        Ok(Self { name: loaded.name, graph: Arc::new(loaded.graph) })
    }

    /// A model from the bytes of an ONNX file.
    #[staticmethod]
    #[pyo3(signature = (data, name = "model", dimensions = None, input_shapes = None))]
    fn from_onnx(
        data: &[u8],
        name: &str,
        dimensions: Option<BTreeMap<String, u64>>,
        input_shapes: Option<BTreeMap<String, Vec<u64>>>,
    ) -> PyResult<Self> {
        let graph = onnx::read_bytes(name, data, &options(dimensions, input_shapes)).map_err(error::input)?;
        Ok(Self { name: name.to_owned(), graph: Arc::new(graph) })
    }

    /// Name.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// Multiply-accumulates of one inference.
    #[getter]
    fn macs(&self) -> u64 {
        self.graph.total_macs()
    }

    /// Parameters.
    #[getter]
    fn parameters(&self) -> u64 {
        self.graph.total_parameters()
    }

    /// Name and shape of each input.
    #[getter]
    fn inputs(&self) -> Vec<(&str, Vec<u64>)> {
        self.graph.inputs().iter().map(|&id| self.graph.tensor(id)).map(|it| (it.name.as_str(), it.shape.clone())).collect()
    }

    /// Name and shape of each output.
    #[getter]
    fn outputs(&self) -> Vec<(&str, Vec<u64>)> {
        self.graph.outputs().iter().map(|&id| self.graph.tensor(id)).map(|it| (it.name.as_str(), it.shape.clone())).collect()
    }

    /// The operators in topological order.
    #[getter]
    fn operators(&self) -> Vec<Operator> {
        let graph = &self.graph;
        let row = |&id: &OperatorId| {
            let (operator, work) = (graph.operator(id), graph.work(id));
            Operator {
                name: operator.name.clone(),
                op_type: operator.op_type.clone(),
                kind: work.kind.name(),
                output_shapes: operator.outputs.iter().map(|&output| graph.tensor(output).shape.clone()).collect(),
                macs: work.macs,
                parameters: work.parameters,
                input_bytes: work.input_bytes,
                output_bytes: work.output_bytes,
                weight_bytes: work.weight_bytes,
            }
        };
        graph.topological_order().iter().map(row).collect()
    }

    /// Begins a model that is built operator by operator.
    #[staticmethod]
    fn build<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        py.import("socrates")?.getattr("Graph")?.call1((name,))
    }

    /// Copies and pickles are made from the ONNX file.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py, '_>> {
        Ok((py.get_type::<Self>().getattr("from_onnx")?, (self.to_onnx(py)?, &self.name)))
    }

    /// The bytes of an ONNX file of the model, weights without values.
    fn to_onnx<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = onnx::write(&self.graph, &mut |_| None).map_err(error::input)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Writes it as an ONNX file, weights without values.
    fn save(&self, path: PathBuf) -> PyResult<()> {
        let bytes = onnx::write(&self.graph, &mut |_| None).map_err(error::input)?;
        results::write_atomic(&path, &bytes).map_err(|error| error::output(&error))
    }

    fn __repr__(&self) -> String {
        format!("Model({:?}, {} operators, {} MACs)", self.name, self.graph.operators().len(), self.graph.total_macs())
    }
}

fn options(dimensions: Option<BTreeMap<String, u64>>, input_shapes: Option<BTreeMap<String, Vec<u64>>>) -> ReadOptions {
    ReadOptions { dimensions: dimensions.unwrap_or_default(), input_shapes: input_shapes.unwrap_or_default() }
}

/// The value of an attribute.
#[derive(FromPyObject)]
enum Attribute {
    Integer(i64),
    Float(f32),
    Text(String),
    Integers(Vec<i64>),
    Floats(Vec<f32>),
    Texts(Vec<String>),
}

impl From<Attribute> for AttributeValue {
    fn from(attribute: Attribute) -> Self {
        match attribute {
            Attribute::Integer(value) => Self::Integer(value),
            Attribute::Float(value) => Self::Float(value),
            Attribute::Text(value) => Self::Text(value),
            Attribute::Integers(values) => Self::Integers(values),
            Attribute::Floats(values) => Self::Floats(values),
            Attribute::Texts(values) => Self::Texts(values),
        }
    }
}

/// A graph that grows operator by operator.
#[pyclass(module = "socrates")]
pub(crate) struct GraphBuilder {
    raw: RawGraph,
}

#[pymethods]
impl GraphBuilder {
    #[new]
    fn new(name: &str) -> Self {
        Self { raw: RawGraph::new(name) }
    }

    /// Adds an input.
    #[pyo3(signature = (name, shape, data_type = "float32"))]
    fn input(&mut self, name: &str, shape: Vec<u64>, data_type: &str) -> PyResult<String> {
        let data_type = parse_type(data_type)?;
        self.raw.inputs.push(RawTensor { name: name.to_owned(), data_type, shape, data: None });
        Ok(name.to_owned())
    }

    /// Adds a weight, whose values do not matter.
    #[pyo3(signature = (name, shape, data_type = "float32"))]
    fn weight(&mut self, name: &str, shape: Vec<u64>, data_type: &str) -> PyResult<String> {
        let data_type = parse_type(data_type)?;
        self.raw.initializers.push(RawTensor { name: name.to_owned(), data_type, shape, data: None });
        Ok(name.to_owned())
    }

    /// Adds a constant of 64-bit integers.
    fn integers(&mut self, name: &str, values: Vec<i64>) -> String {
        self.raw = std::mem::take(&mut self.raw).with_integers(name, &values);
        name.to_owned()
    }

    /// Adds an operator of ONNX.
    fn operator(&mut self, op_type: &str, inputs: Vec<String>, outputs: Vec<String>, attributes: BTreeMap<String, Attribute>) {
        let mut named = Attributes::new();
        for (name, value) in attributes {
            named.insert(name, value.into());
        }
        self.raw.operators.push(RawOperator {
            name: outputs.first().cloned().unwrap_or_default(),
            op_type: op_type.to_owned(),
            domain: String::new(),
            attributes: named,
            inputs,
            outputs,
        });
    }

    /// Marks a tensor as an output.
    fn output(&mut self, name: &str) {
        self.raw.outputs.push(name.to_owned());
    }

    /// The shape of a tensor as far as the graph has grown.
    fn shape(&self, name: &str) -> PyResult<Vec<u64>> {
        let given = self.raw.inputs.iter().chain(&self.raw.initializers).find(|tensor| tensor.name == name);
        if let Some(tensor) = given {
            return Ok(tensor.shape.clone());
        }
        let mut raw = self.raw.clone();
        raw.outputs = vec![name.to_owned()];
        let graph = raw.build().map_err(error::input)?;
        graph.tensor_named(name).map(|tensor| tensor.shape.clone()).ok_or_else(|| error::input(format!("no tensor `{name}`")))
    }

    /// Checks the graph and makes it a model.
    fn build(&self) -> PyResult<Model> {
        let graph = self.raw.clone().build().map_err(|error| error::input(format!("model `{}`: {error}", self.raw.name)))?;
        Ok(Model { name: self.raw.name.clone(), graph: Arc::new(graph) })
    }
}

fn parse_type(name: &str) -> PyResult<DataType> {
    DataType::from_name(name).ok_or_else(|| error::input(format!("unknown data type `{name}`: write e.g. `float32` or `int8`")))
}
