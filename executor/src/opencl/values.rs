//! Values that are known before any launch: weights, tables of a kernel, small constants.

use sim::graph::{ConstantData, DataType, TensorRole};
use sim::identifiers::TensorId;

use super::lowering::Lowering;
use super::step::{Storage, StorageId};
use crate::tensor::Tensor;

impl Lowering<'_> {
    /// Integers that a kernel reads.
    pub(super) fn integers(&mut self, values: &[i32]) -> StorageId {
        self.storage(Storage::Constant(bytemuck::cast_slice(values).to_vec()))
    }

    /// Floats that a kernel reads; made only where constants were given.
    pub(super) fn floats(&mut self, values: impl FnOnce() -> Vec<f32>) -> StorageId {
        let bytes = if self.constants.is_some() { bytemuck::cast_slice(&values()).to_vec() } else { Vec::new() };
        self.storage(Storage::Constant(bytes))
    }

    /// An argument that the kernel does not read.
    pub(super) fn nothing(&mut self) -> StorageId {
        if let Some(storage) = self.nothing {
            return storage;
        }
        let storage = self.storage(Storage::Constant(vec![0; 16]));
        self.nothing = Some(storage);
        storage
    }

    /// Values known before any launch; small ones always, others where constants were given.
    pub(super) fn known(&self, id: TensorId) -> Option<Tensor> {
        let tensor = self.graph.tensor(id);
        if tensor.role.is_dynamic() {
            return None;
        }
        if let Some(value) = self.constants.and_then(|constants| constants.get(&id)) {
            return Some(value.clone());
        }
        Tensor::from_constant(tensor.data_type, &tensor.shape, tensor.data.as_ref()?)
    }

    /// Whether a tensor's values are given with the unit.
    pub(super) fn is_constant(&self, id: TensorId) -> bool {
        let tensor = self.graph.tensor(id);
        !tensor.role.is_dynamic() && (tensor.producer.is_none() || tensor.data.is_some())
    }

    /// The floats of a constant; zeros where constants were not given.
    pub(super) fn values(&self, id: TensorId) -> Result<Vec<f32>, String> {
        let tensor = self.graph.tensor(id);
        if tensor.data_type != DataType::Float32 || !self.is_constant(id) {
            return Err(format!("`{}` must be a constant of single precision", tensor.name));
        }
        match (self.known(id), self.constants) {
            (Some(value), _) => Ok(value.values::<f32>().to_vec()),
            (None, None) => Ok(Vec::new()),
            (None, Some(_)) => Err(format!("the values of `{}` are missing", tensor.name)),
        }
    }

    /// Whether values can be had, or only asked for support.
    pub(super) fn has_values(&self) -> bool {
        self.constants.is_some()
    }

    /// The integers of a small constant.
    pub(super) fn known_integers(&self, id: TensorId) -> Result<Vec<i64>, String> {
        let tensor = self.graph.tensor(id);
        match &tensor.data {
            Some(ConstantData::Integers(values)) => Ok(values.clone()),
            _ => Err(format!("`{}` must be a constant of integers", tensor.name)),
        }
    }

    /// The numbers of a small constant.
    pub(super) fn known_floats(&self, id: TensorId) -> Result<Vec<f64>, String> {
        let tensor = self.graph.tensor(id);
        tensor.data.as_ref().map(ConstantData::to_floats).ok_or_else(|| format!("`{}` must be a known constant", tensor.name))
    }

    /// Whether a tensor changes from launch to launch.
    pub(super) fn is_dynamic(&self, id: TensorId) -> bool {
        self.graph.tensor(id).role != TensorRole::Constant && self.graph.tensor(id).role != TensorRole::Weight
    }
}
