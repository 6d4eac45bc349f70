//! Turns a graph into kernels to be enqueued one after the other; calls no driver.

use std::collections::BTreeMap;

use sim::graph::{ConstantData, DataType, Graph, Operator, TensorRole};
use sim::identifiers::TensorId;

use super::function::Function;
use super::operators;
use crate::tensor::Tensor;
use crate::unit::Constants;

/// Index of a storage.
pub(super) type StorageId = usize;

/// Bytes past the end of temporary and constant memory that kernels may read (whole vectors) and nobody uses.
pub(super) const SLACK_BYTES: usize = 1024;

/// Memory that kernels read and write.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Storage {
    /// An input of the unit.
    Input(usize),
    /// An output of the unit.
    Output(usize),
    /// Values known when the unit is prepared; empty where only support was asked for.
    Constant(Vec<u8>),
    /// Bytes that live between kernels of one launch.
    Temporary(usize),
}

/// An argument of a kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Argument {
    Storage(StorageId),
    Integer(i32),
    Float(f32),
    /// Bytes of local memory.
    Local(usize),
}

/// Which file of kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Matrix,
    Stage,
    Window,
    Elementwise,
    Movement,
    Reduction,
}

/// One kernel to be enqueued.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Index of the operator that it computes, or of the first of several.
    pub(super) operator: usize,
    pub(super) source: Source,
    pub(super) kernel: &'static str,
    /// Options of the compiler.
    pub(super) options: String,
    pub(super) arguments: Vec<Argument>,
    pub(super) global: [usize; 3],
    /// Work-items of a group, where the kernel asks for so many.
    pub(super) local: Option<[usize; 3]>,
}

/// What a device's kernels are tuned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Whether it computes on CPU cores.
    pub(super) is_cpu: bool,
}

impl Target {
    /// Floats in a vector of the kernels.
    pub(super) const fn vector(self) -> usize {
        if self.is_cpu { 16 } else { 4 }
    }

    /// Elements to stage in local memory at once: on a CPU that is its cache of the first level, and some of the second.
    pub(super) const fn staged_elements(self) -> usize {
        if self.is_cpu { 16 * 1024 } else { 4 * 1024 }
    }

    /// Most elements of local memory that a kernel may ask for; OpenCL promises 32 KiB, PoCL has more.
    pub(super) const fn largest_local_elements(self) -> usize {
        if self.is_cpu { 128 * 1024 } else { 8 * 1024 }
    }
}

/// A lowered graph.
#[derive(Debug, Default)]
pub(super) struct Lowered {
    pub(super) storages: Vec<Storage>,
    pub(super) steps: Vec<Step>,
}

/// A graph on its way to kernels.
pub(super) struct Lowering<'a> {
    pub(super) graph: &'a Graph,
    pub(super) target: Target,
    constants: Option<&'a Constants>,
    lowered: Lowered,
    /// Where each tensor lies, once it does.
    places: Vec<Option<StorageId>>,
    /// Output of the unit that a tensor's producer writes at once.
    targets: BTreeMap<TensorId, usize>,
    /// Operators that an earlier one computes with its own.
    absorbed: Vec<bool>,
    current: usize,
    nothing: Option<StorageId>,
}

/// Lowers a graph; without constants only to see whether it can be. The error names the operator that cannot run.
pub(super) fn lower(graph: &Graph, constants: Option<&Constants>, target: Target) -> Result<Lowered, String> {
    let mut lowering = Lowering {
        graph,
        target,
        constants,
        lowered: Lowered::default(),
        places: vec![None; graph.tensors().len()],
        targets: BTreeMap::new(),
        absorbed: vec![false; graph.operators().len()],
        current: 0,
        nothing: None,
    };
    lowering.run()?;
    Ok(lowering.lowered)
}

impl<'a> Lowering<'a> {
    fn run(&mut self) -> Result<(), String> {
        for (index, &input) in self.graph.inputs().iter().enumerate() {
            self.places[input.index()] = Some(self.storage(Storage::Input(index)));
        }
        for (index, &output) in self.graph.outputs().iter().enumerate() {
            let root = self.root(output);
            if self.graph.tensor(root).producer.is_some() {
                self.targets.entry(root).or_insert(index);
            }
        }
        for &id in self.graph.topological_order() {
            let operator = self.graph.operator(id);
            let is_known = operator.outputs.iter().all(|&output| self.known(output).is_some());
            if self.absorbed[id.index()] || (self.graph.is_static(id) && is_known) {
                continue;
            }
            self.current = id.index();
            operators::lower(self, operator)
                .map_err(|why| format!("operator `{}` of type {} cannot run: {why}", operator.name, operator.op_type))?;
        }
        for (index, &output) in self.graph.outputs().iter().enumerate() {
            let from = self.read(output)?;
            if self.lowered.storages[from] != Storage::Output(index) {
                let tensor = self.graph.tensor(output);
                // Copied by words of 32 bits, whatever they mean.
                let words = tensor.bytes() / 4;
                if !tensor.bytes().is_multiple_of(4) {
                    return Err(format!("output `{}` of type {} is copied from elsewhere", tensor.name, tensor.data_type));
                }
                let to = self.storage(Storage::Output(index));
                operators::movement::copy_all(self, from, to, words);
            }
        }
        Ok(())
    }

    /// The tensor whose memory a tensor shares, back through views.
    fn root(&self, mut tensor: TensorId) -> TensorId {
        while let Some(producer) = self.graph.tensor(tensor).producer {
            let operator = self.graph.operator(producer);
            match operator.input(0) {
                Some(input) if operators::is_view(self.graph, operator) => tensor = input,
                _ => break,
            }
        }
        tensor
    }

    pub(super) fn storage(&mut self, storage: Storage) -> StorageId {
        self.lowered.storages.push(storage);
        self.lowered.storages.len() - 1
    }

    /// Memory for `elements` floats between kernels.
    pub(super) fn temporary(&mut self, elements: usize) -> StorageId {
        self.storage(Storage::Temporary(elements * 4))
    }

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
    fn known(&self, id: TensorId) -> Option<Tensor> {
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

    /// Where a tensor lies; constants are put somewhere when they are first read.
    pub(super) fn read(&mut self, id: TensorId) -> Result<StorageId, String> {
        if let Some(place) = self.places[id.index()] {
            return Ok(place);
        }
        let tensor = self.graph.tensor(id);
        let bytes = match self.known(id) {
            Some(value) => value.bytes().to_vec(),
            None if self.constants.is_none() && !tensor.role.is_dynamic() => Vec::new(),
            None => return Err(format!("the values of `{}` are missing", tensor.name)),
        };
        let place = self.storage(Storage::Constant(bytes));
        self.places[id.index()] = Some(place);
        Ok(place)
    }

    /// As [`Self::read`], of single precision.
    pub(super) fn read_floats(&mut self, id: TensorId) -> Result<StorageId, String> {
        let tensor = self.graph.tensor(id);
        if tensor.data_type != DataType::Float32 {
            return Err(format!("`{}` is {}, but kernels exist for float32 only", tensor.name, tensor.data_type));
        }
        self.read(id)
    }

    /// Whether a tensor's memory is already known: it is given or made by an operator before.
    pub(super) fn is_placed(&self, id: TensorId) -> bool {
        self.places[id.index()].is_some()
    }

    /// Where an operator's result goes.
    pub(super) fn write(&mut self, id: TensorId) -> Result<StorageId, String> {
        let tensor = self.graph.tensor(id);
        if tensor.data_type != DataType::Float32 {
            return Err(format!("`{}` is {}, but kernels exist for float32 only", tensor.name, tensor.data_type));
        }
        let storage = match self.targets.get(&id) {
            Some(&output) => Storage::Output(output),
            None => Storage::Temporary(tensor.bytes() as usize),
        };
        let place = self.storage(storage);
        self.places[id.index()] = Some(place);
        Ok(place)
    }

    /// Lets a tensor share the memory of another.
    pub(super) fn alias(&mut self, id: TensorId, place: StorageId) {
        self.places[id.index()] = Some(place);
    }

    pub(super) fn absorb(&mut self, operator: &Operator) {
        self.absorbed[operator.id.index()] = true;
    }

    /// Adds a kernel.
    pub(super) fn step(
        &mut self,
        source: Source,
        kernel: &'static str,
        options: &str,
        arguments: Vec<Argument>,
        global: [usize; 3],
    ) {
        self.push(Step { operator: self.current, source, kernel, options: options.to_owned(), arguments, global, local: None });
    }

    /// Adds a kernel whose work-groups have a size of their own.
    pub(super) fn step_in_groups(
        &mut self,
        source: Source,
        kernel: &'static str,
        options: &str,
        arguments: Vec<Argument>,
        global: [usize; 3],
        local: [usize; 3],
    ) {
        let local = Some(local);
        self.push(Step { operator: self.current, source, kernel, options: options.to_owned(), arguments, global, local });
    }

    fn push(&mut self, step: Step) {
        if !step.global.contains(&0) {
            self.lowered.steps.push(step);
        }
    }

    /// The one operator that reads a tensor, if nobody else does, the unit's outputs included.
    pub(super) fn only_reader(&self, id: TensorId) -> Option<&'a Operator> {
        let tensor = self.graph.tensor(id);
        match (&tensor.consumers[..], tensor.is_output) {
            (&[consumer], false) => Some(self.graph.operator(consumer)).filter(|operator| !self.absorbed[operator.id.index()]),
            _ => None,
        }
    }

    /// Shape of a tensor.
    pub(super) fn shape(&self, id: TensorId) -> &'a [u64] {
        &self.graph.tensor(id).shape
    }

    /// The function of one element that an operator computes on its first input.
    pub(super) fn function(&self, operator: &Operator) -> Result<Option<Function>, String> {
        if operator.op_type != "Clip" {
            return Ok(Function::of(operator));
        }
        let bound = |position: usize, name: &str, default: f32| match operator.input(position) {
            Some(id) => Ok(self.known_floats(id)?.first().map_or(default, |&value| value as f32)),
            None => Ok::<f32, String>(operator.attributes.float(name).unwrap_or(default)),
        };
        Ok(Some(Function { code: 1, a: bound(1, "min", f32::NEG_INFINITY)?, b: bound(2, "max", f32::INFINITY)? }))
    }

    /// Whether a tensor changes from launch to launch.
    pub(super) fn is_dynamic(&self, id: TensorId) -> bool {
        self.graph.tensor(id).role != TensorRole::Constant && self.graph.tensor(id).role != TensorRole::Weight
    }
}
