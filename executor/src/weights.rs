//! Values of learned tensors: given, or drawn from their names and shapes.

use std::collections::BTreeMap;

use sim::graph::{DataType, Graph};
use sim::identifiers::TensorId;
use thiserror::Error;

use crate::tensor::Tensor;

/// Why a tensor has no usable values.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WeightError {
    /// A value that is not finite: results would be NaN everywhere, and comparisons meaningless.
    #[error("weight `{tensor}` has {value} at element {element} of {elements}: every weight must be finite")]
    NotFinite {
        /// The tensor.
        tensor: String,
        /// Flat index of the first such element.
        element: usize,
        /// Elements in all.
        elements: usize,
        /// `NaN`, `inf` or `-inf`.
        value: String,
    },
    /// The type or shape is another than the graph's.
    #[error("weight `{tensor}` is given as {given}, but the model reads {expected}")]
    Mismatch {
        /// The tensor.
        tensor: String,
        /// Type and shape given.
        given: String,
        /// Type and shape in the graph.
        expected: String,
    },
    /// Nothing can be drawn for this type.
    #[error("weight `{tensor}` of type {data_type} comes without values, and none can be drawn for that type")]
    NotDrawable {
        /// The tensor.
        tensor: String,
        /// Its type.
        data_type: DataType,
    },
}

/// Values of initialisers: those that a file holds, and for the others values drawn from names and shapes, the same on every
/// machine and in every run.
///
/// Drawn values keep activations of order one (He et al., "Delving Deep into Rectifiers", 2015: weights of variance
/// `2 / fan_in`), scales near 1, variances positive.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    given: BTreeMap<String, Tensor>,
}

impl Weights {
    /// No values given: all are drawn.
    pub fn drawn() -> Self {
        Self::default()
    }

    /// Gives the values of a tensor. Fails where one is not finite.
    pub fn insert(&mut self, name: &str, tensor: Tensor) -> Result<(), WeightError> {
        if tensor.data_type == DataType::Float32
            && let Some((element, value)) = tensor.values::<f32>().iter().enumerate().find(|(_, value)| !value.is_finite())
        {
            let (tensor, elements) = (name.to_owned(), tensor.elements());
            return Err(WeightError::NotFinite { tensor, element, elements, value: value.to_string() });
        }
        self.given.insert(name.to_owned(), tensor);
        Ok(())
    }

    /// The same values, and those drawn for every other initialiser that operators of a model read: for what passes make of the model,
    /// where other operators may read a tensor, and other values would be drawn.
    ///
    /// # Errors
    /// If one cannot be drawn.
    pub fn of_model(&self, graph: &Graph) -> Result<Self, WeightError> {
        let mut weights = self.clone();
        let is_read = |tensor: &&sim::graph::Tensor| !tensor.consumers.is_empty() || tensor.is_output;
        let is_initializer = |tensor: &&sim::graph::Tensor| tensor.producer.is_none() && !tensor.role.is_dynamic();
        for tensor in graph.tensors().iter().filter(is_initializer).filter(is_read) {
            weights.insert(&tensor.name, self.tensor(graph, tensor.id)?)?;
        }
        Ok(weights)
    }

    /// How many tensors have given values.
    pub fn given_count(&self) -> usize {
        self.given.len()
    }

    /// The values of an initialiser of a graph.
    pub fn tensor(&self, graph: &Graph, id: TensorId) -> Result<Tensor, WeightError> {
        let info = graph.tensor(id);
        if let Some(tensor) = self.given.get(&info.name) {
            if tensor.data_type != info.data_type || tensor.shape != info.shape {
                return Err(WeightError::Mismatch {
                    tensor: info.name.clone(),
                    given: format!("{} {:?}", tensor.data_type, tensor.shape),
                    expected: format!("{} {:?}", info.data_type, info.shape),
                });
            }
            return Ok(tensor.clone());
        }
        let constant = info.data.as_ref().and_then(|data| Tensor::from_constant(info.data_type, &info.shape, data));
        if let Some(constant) = constant {
            return Ok(constant);
        }
        let mut random = SplitMix::of(&info.name, &info.shape);
        let elements = info.elements() as usize;
        match info.data_type {
            DataType::Float32 => {
                let (lowest, highest) = range(graph, id);
                let values: Vec<f32> = (0..elements).map(|_| lowest + (highest - lowest) * random.unit()).collect();
                Ok(Tensor::floats(&info.shape, &values))
            }
            // Indices and masks: 0 is always a valid one.
            data_type if data_type.is_float() || data_type == DataType::String => {
                Err(WeightError::NotDrawable { tensor: info.name.clone(), data_type })
            }
            data_type => Ok(Tensor::zeros(data_type, &info.shape)),
        }
    }

    /// Values for an input of a graph: uniform in -1..1 for single precision; for integers 0 or 1, which any index or mask may be.
    pub fn input(&self, graph: &Graph, id: TensorId, seed: u64) -> Result<Tensor, WeightError> {
        let info = graph.tensor(id);
        let mut random = SplitMix::of(&info.name, &info.shape);
        random.0 ^= seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let elements = info.elements() as usize;
        if info.data_type == DataType::Float32 {
            random.skip(elements);
            let values: Vec<f32> = (0..elements).map(|_| 2.0 * random.unit() - 1.0).collect();
            return Ok(Tensor::floats(&info.shape, &values));
        }
        let bits: Vec<i64> = (0..elements).map(|_| i64::from(random.unit() < 0.5)).collect();
        Tensor::from_constant(info.data_type, &info.shape, &sim::graph::ConstantData::Integers(bits))
            .ok_or(WeightError::NotDrawable { tensor: info.name.clone(), data_type: info.data_type })
    }
}

/// Lowest and highest value to draw for a tensor, by the operator that reads it first.
fn range(graph: &Graph, id: TensorId) -> (f32, f32) {
    let info = graph.tensor(id);
    let around_zero = |limit: f64| (-limit as f32, limit as f32);
    let Some(&reader) = info.consumers.first() else { return around_zero(1.0) };
    let operator = graph.operator(reader);
    let position = operator.inputs.iter().position(|&input| input == Some(id)).unwrap_or(0);
    // A uniform distribution on -a..a has the variance a^2 / 3.
    let of_fan_in = |fan_in: u64| around_zero((6.0 / fan_in.max(1) as f64).sqrt());
    let shape = &info.shape;
    match (operator.op_type.as_str(), position) {
        ("Conv", 1) => of_fan_in(shape.iter().skip(1).product()),
        ("ConvTranspose", 1) => of_fan_in(shape.first().copied().unwrap_or(1)),
        ("Gemm", 1) => {
            let is_transposed = operator.attributes.integer("transB") == Some(1);
            of_fan_in(shape.get(usize::from(is_transposed)).copied().unwrap_or(1))
        }
        ("MatMul", 1) => of_fan_in(shape.len().checked_sub(2).map_or(1, |axis| shape[axis])),
        ("MatMul", _) => of_fan_in(shape.last().copied().unwrap_or(1)),
        ("BatchNormalization" | "InstanceNormalization" | "LayerNormalization" | "GroupNormalization", 1) => (0.8, 1.2),
        ("BatchNormalization", 4) | ("Mul" | "Div" | "Pow" | "Sqrt", _) => (0.5, 1.5),
        ("PRelu", _) => (0.1, 0.3),
        ("Gather", _) => around_zero(1.0),
        _ => around_zero(0.1),
    }
}

/// Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014).
struct SplitMix(u64);

/// What its state grows by.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl SplitMix {
    /// Seeded by FNV-1a over a name and a shape.
    fn of(name: &str, shape: &[u64]) -> Self {
        let bytes = name.bytes().chain(shape.iter().flat_map(|size| size.to_le_bytes()));
        Self(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)))
    }

    /// Passes over so many numbers.
    fn skip(&mut self, count: usize) {
        self.0 = self.0.wrapping_add(STEP.wrapping_mul(count as u64));
    }

    /// Uniform in 0..1, of 24 bits.
    fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(STEP);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1_u32 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use sim::graph::{Attributes, RawGraph};

    use super::*;

    fn graph(name: &str) -> Graph {
        RawGraph::new("test")
            .with_input("x", &[1, 8, 5, 5])
            .with_weight(name, &[16, 8, 3, 3])
            .with_operator("Conv", &["x", name], &["y"], Attributes::new())
            .with_output("y")
            .build()
            .expect("valid")
    }

    fn weight(graph: &Graph, name: &str, weights: &Weights) -> Result<Tensor, WeightError> {
        weights.tensor(graph, graph.tensor_named(name).expect("there").id)
    }

    #[test]
    fn drawn_values_depend_on_name_and_shape_only_and_have_the_variance_of_he() {
        let weights = Weights::drawn();
        let one = weight(&graph("w"), "w", &weights).expect("drawn");
        assert_eq!(one.values::<f32>(), weight(&graph("w"), "w", &weights).expect("drawn").values::<f32>());
        let other = weight(&graph("v"), "v", &weights).expect("drawn");
        assert_ne!(one.values::<f32>(), other.values::<f32>());
        let squares: f64 = one.values::<f32>().iter().map(|&value| f64::from(value).powi(2)).sum();
        let variance = squares / one.elements() as f64;
        assert!((variance * 72.0 / 2.0 - 1.0).abs() < 0.1, "{variance}");
    }

    #[test]
    fn given_values_must_be_finite_and_fit() {
        let mut weights = Weights::drawn();
        let error = weights.insert("w", Tensor::floats(&[2], &[1.0, f32::NAN])).expect_err("NaN");
        assert_eq!(error.to_string(), "weight `w` has NaN at element 1 of 2: every weight must be finite");
        weights.insert("w", Tensor::floats(&[2], &[1.0, 2.0])).expect("finite");
        let error = weight(&graph("w"), "w", &weights).expect_err("another shape");
        assert!(error.to_string().contains("given as float32 [2], but the model reads float32 [16, 8, 3, 3]"), "{error}");
    }
}
