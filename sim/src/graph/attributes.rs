//! Attributes of an operator, named as in ONNX.

use std::collections::BTreeMap;

use super::constant::ConstantData;
use super::data_type::DataType;

/// A tensor given as an attribute (of `Constant`, `ConstantOfShape`).
#[derive(Clone, Debug, PartialEq)]
pub struct TensorAttribute {
    /// Type of its elements.
    pub data_type: DataType,
    /// Its shape.
    pub shape: Vec<u64>,
    /// Its values, where they are few enough to be kept.
    pub data: Option<ConstantData>,
}

/// The value of one attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeValue {
    /// One integer.
    Integer(i64),
    /// One number.
    Float(f32),
    /// Text.
    Text(String),
    /// A list of integers.
    Integers(Vec<i64>),
    /// A list of numbers.
    Floats(Vec<f32>),
    /// A list of texts.
    Texts(Vec<String>),
    /// A tensor.
    Tensor(TensorAttribute),
}

/// Attributes by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(BTreeMap<String, AttributeValue>);

impl Attributes {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// These attributes and one more; replaces one of the same name.
    #[must_use]
    pub fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.insert(name, value);
        self
    }

    /// Adds or replaces an attribute.
    pub fn insert(&mut self, name: impl Into<String>, value: AttributeValue) {
        self.0.insert(name.into(), value);
    }

    /// The attribute of that name, of whatever type.
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.0.get(name)
    }

    /// All attributes in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The integer of that name, if it is there and an integer.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(AttributeValue::Integer(value)) => Some(*value),
            _ => None,
        }
    }

    /// The number of that name, if it is there and a number.
    pub fn float(&self, name: &str) -> Option<f32> {
        match self.0.get(name) {
            Some(AttributeValue::Float(value)) => Some(*value),
            _ => None,
        }
    }

    /// The text of that name, if it is there and a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(AttributeValue::Text(value)) => Some(value),
            _ => None,
        }
    }

    /// The integers of that name, if they are there.
    pub fn integers(&self, name: &str) -> Option<&[i64]> {
        match self.0.get(name) {
            Some(AttributeValue::Integers(values)) => Some(values),
            _ => None,
        }
    }

    /// The numbers of that name, if they are there.
    pub fn floats(&self, name: &str) -> Option<&[f32]> {
        match self.0.get(name) {
            Some(AttributeValue::Floats(values)) => Some(values),
            _ => None,
        }
    }

    /// The tensor of that name, if it is there and a tensor.
    pub fn tensor(&self, name: &str) -> Option<&TensorAttribute> {
        match self.0.get(name) {
            Some(AttributeValue::Tensor(value)) => Some(value),
            _ => None,
        }
    }
}

impl FromIterator<(String, AttributeValue)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (String, AttributeValue)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}
