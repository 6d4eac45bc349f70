//! What a rule sees of an operator.

use super::InferenceError;
use crate::graph::attributes::{AttributeValue, Attributes};
use crate::graph::constant::{ConstantData, MAXIMUM_CONSTANT_ELEMENTS};
use crate::graph::data_type::DataType;
use crate::graph::shape;

/// What is known of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facts {
    /// Type of its elements.
    pub(crate) data_type: DataType,
    /// Its shape.
    pub(crate) shape: Vec<u64>,
    /// Its values, if they are constant and few.
    pub(crate) data: Option<ConstantData>,
}

impl Facts {
    pub(crate) fn new(data_type: DataType, shape: Vec<u64>) -> Self {
        Self { data_type, shape, data: None }
    }

    /// The same with values, made to fit the type; dropped if the shape asks for another number of them.
    pub(crate) fn with_data(mut self, data: Option<ConstantData>) -> Self {
        let fits = shape::elements(&self.shape).is_ok_and(|elements| {
            elements <= MAXIMUM_CONSTANT_ELEMENTS && data.as_ref().is_some_and(|data| data.len() as u64 == elements)
        });
        self.data = data.filter(|_| fits).map(|data| data.cast(self.data_type));
        self
    }

    /// The values, if the tensor of the given shape would be small enough to compute them.
    pub(crate) fn data_for(&self, output: &[u64]) -> Option<&ConstantData> {
        let small = shape::elements(output).is_ok_and(|elements| elements <= MAXIMUM_CONSTANT_ELEMENTS);
        self.data.as_ref().filter(|_| small)
    }

    pub(crate) fn rank(&self) -> usize {
        self.shape.len()
    }
}

/// An operator as a rule sees it.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    /// ONNX type.
    pub(crate) op_type: &'a str,
    /// ONNX domain, empty for the standard one.
    pub(crate) domain: &'a str,
    /// Attributes.
    pub(crate) attributes: &'a Attributes,
    /// Inputs by position.
    pub(crate) inputs: Vec<Option<&'a Facts>>,
    /// Number of outputs that the operator names.
    pub(crate) output_count: usize,
}

impl<'a> Node<'a> {
    /// An input that must be there.
    pub(crate) fn input(&self, position: usize) -> Result<&'a Facts, InferenceError> {
        self.optional(position).ok_or(InferenceError::MissingInput { position })
    }

    /// An input that may be absent.
    pub(crate) fn optional(&self, position: usize) -> Option<&'a Facts> {
        self.inputs.get(position).copied().flatten()
    }

    /// All inputs, of which there must be at least one and none absent.
    pub(crate) fn all_inputs(&self) -> Result<Vec<&'a Facts>, InferenceError> {
        (0..self.inputs.len().max(1)).map(|position| self.input(position)).collect()
    }

    /// An input of a rank that `accept` takes.
    pub(crate) fn ranked(
        &self,
        position: usize,
        accept: impl Fn(usize) -> bool,
        expected: &'static str,
    ) -> Result<&'a Facts, InferenceError> {
        let facts = self.input(position)?;
        if accept(facts.rank()) {
            return Ok(facts);
        }
        Err(InferenceError::Rank { position, shape: facts.shape.clone(), expected })
    }

    pub(crate) fn integer(&self, name: &str, default: i64) -> i64 {
        self.attributes.integer(name).unwrap_or(default)
    }

    pub(crate) fn flag(&self, name: &str, default: bool) -> bool {
        self.integer(name, i64::from(default)) != 0
    }

    pub(crate) fn required_integer(&self, name: &'static str) -> Result<i64, InferenceError> {
        self.attributes.integer(name).ok_or(InferenceError::MissingAttribute { name })
    }

    /// A list of positive numbers of a given length, or that many defaults.
    pub(crate) fn positive_list(&self, name: &'static str, length: usize, default: u64) -> Result<Vec<u64>, InferenceError> {
        let Some(values) = self.attributes.integers(name) else {
            return Ok(vec![default; length]);
        };
        if values.len() != length || values.iter().any(|&value| value < 1) {
            return Err(InferenceError::invalid(name, values, format!("{length} positive integers are expected")));
        }
        Ok(values.iter().map(|&value| value as u64).collect())
    }

    /// Integers given as an attribute (older opsets) or as a constant input (newer ones); `None` if neither is there.
    pub(crate) fn integers(&self, name: &'static str, position: usize) -> Result<Option<Vec<i64>>, InferenceError> {
        match self.attributes.get(name) {
            Some(AttributeValue::Integers(values)) => return Ok(Some(values.clone())),
            Some(AttributeValue::Integer(value)) => return Ok(Some(vec![*value])),
            _ => {}
        }
        self.optional(position).map(|facts| constant_integers(facts, name, position)).transpose()
    }

    /// Integers that must be there, as an attribute or as a constant input.
    pub(crate) fn required_integers(&self, name: &'static str, position: usize) -> Result<Vec<i64>, InferenceError> {
        self.integers(name, position)?.ok_or(InferenceError::MissingInput { position })
    }

    /// Axes given as an attribute or as a constant input, made non-negative, sorted and without repetition.
    pub(crate) fn axes(&self, position: usize, rank: usize) -> Result<Option<Vec<usize>>, InferenceError> {
        let Some(axes) = self.integers("axes", position)? else {
            return Ok(None);
        };
        let mut normal = axes.iter().map(|&axis| shape::normalize_axis(axis, rank)).collect::<Result<Vec<_>, _>>()?;
        normal.sort_unstable();
        normal.dedup();
        if normal.len() != axes.len() {
            return Err(InferenceError::invalid("axes", axes, "every axis may be named once only"));
        }
        Ok(Some(normal))
    }

    /// A single axis attribute, made non-negative.
    pub(crate) fn axis(&self, default: i64, rank: usize) -> Result<usize, InferenceError> {
        Ok(shape::normalize_axis(self.integer("axis", default), rank)?)
    }

    /// The element type of an attribute that holds an ONNX type code.
    pub(crate) fn data_type(&self, name: &'static str) -> Result<Option<DataType>, InferenceError> {
        let Some(code) = self.attributes.integer(name) else {
            return Ok(None);
        };
        match DataType::from_onnx_code(code) {
            Some(data_type) => Ok(Some(data_type)),
            None => Err(InferenceError::invalid(name, code, "the codes of element types are 1 to 26")),
        }
    }
}

fn constant_integers(facts: &Facts, name: &'static str, position: usize) -> Result<Vec<i64>, InferenceError> {
    if shape::elements(&facts.shape)? == 0 {
        return Ok(Vec::new());
    }
    match &facts.data {
        Some(ConstantData::Integers(values)) => Ok(values.clone()),
        Some(ConstantData::Floats(values)) => {
            Err(InferenceError::invalid(name, values, format!("input {position} must be of integers")))
        }
        None => Err(InferenceError::DataDependent { what: format!("input {position} (`{name}`)") }),
    }
}
