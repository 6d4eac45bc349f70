//! Turns a graph into kernels to be enqueued one after the other; calls no driver.

use std::collections::BTreeMap;

use sim::graph::{DataType, Graph, Operator};
use sim::identifiers::TensorId;

use super::function::Function;
use super::operators;
use super::step::{Argument, Lowered, Source, Step, Storage, StorageId, Target};
use crate::unit::Constants;

/// A graph on its way to kernels.
pub(super) struct Lowering<'a> {
    pub(super) graph: &'a Graph,
    pub(super) target: Target,
    pub(super) constants: Option<&'a Constants>,
    lowered: Lowered,
    /// The buffer that each tensor lies in, once it does.
    pub(super) places: Vec<Option<StorageId>>,
    /// The image that it lies in, once it does.
    pub(super) image_places: Vec<Option<StorageId>>,
    /// Output of the unit that a tensor's producer writes at once.
    targets: BTreeMap<TensorId, usize>,
    /// Operators that an earlier one computes with its own.
    absorbed: Vec<bool>,
    pub(super) current: usize,
    pub(super) nothing: Option<StorageId>,
}

/// Lowers a graph; without constants only to see whether it can be. The error names the operator that cannot run.
pub(super) fn lower(graph: &Graph, constants: Option<&Constants>, target: Target) -> Result<Lowered, String> {
    let mut lowering = Lowering {
        graph,
        target,
        constants,
        lowered: Lowered::default(),
        places: vec![None; graph.tensors().len()],
        image_places: vec![None; graph.tensors().len()],
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
    pub(super) fn root(&self, mut tensor: TensorId) -> TensorId {
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

    /// The buffer that a tensor lies in; constants are put somewhere when they are first read.
    pub(super) fn read(&mut self, id: TensorId) -> Result<StorageId, String> {
        if let Some(place) = self.places[id.index()] {
            return Ok(place);
        }
        if let Some(place) = self.unpack(id)? {
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

    /// Whether a tensor is in a buffer.
    pub(super) fn has_buffer(&self, id: TensorId) -> bool {
        self.places[id.index()].is_some()
    }

    /// Whether a tensor's memory is already known: it is given or made by an operator before.
    pub(super) fn is_placed(&self, id: TensorId) -> bool {
        self.has_buffer(id) || self.has_image(id)
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

    pub(super) fn push(&mut self, step: Step) {
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
}
