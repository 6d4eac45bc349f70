//! A unit made ready: its session, and tensors bound to the operands that it was launched with.

#![allow(unsafe_code, reason = "runs sessions on tensors over host memory")]

use std::ffi::{CString, c_char};

use ort::AsPointer;
use ort::session::Session;
use sim::identifiers::TensorId;

use super::arena::most_in_use_bytes;
use super::error::{error, misuse, unsupported};
use super::memory::HostMemory;
use super::model::fed_inputs;
use super::session::SessionSettings;
use super::value::Value;
use crate::processor::{BufferId, Operand, ProcessorError};
use crate::tensor::Tensor;
use crate::unit::Unit;

/// Bindings kept for each unit: as many sets of operands as a request pipeline of that depth uses.
const KEPT_BINDINGS: usize = 16;

/// A unit made ready. The fields are dropped in this order: what is bound, then the session, then its constants.
pub(super) struct Prepared {
    bindings: Vec<Binding>,
    /// `None` if every output is an input or a constant.
    session: Option<Session>,
    unit: Unit,
    input_names: Vec<CString>,
    output_names: Vec<CString>,
    /// Where each input that the session reads is in the list of operands.
    fed: Vec<usize>,
    /// Where each output that the session makes is in the list of operands.
    made: Vec<usize>,
    /// Outputs that are copies, of operands or constants: what to copy, and the operand to copy to.
    copies: Vec<(Source, usize)>,
}

/// What an output is a copy of.
enum Source {
    Operand(usize),
    Constant(Tensor),
}

/// One set of operands as tensors.
struct Binding {
    operands: Vec<Operand>,
    memory: Vec<(*mut u8, usize)>,
    inputs: Vec<*const ort::sys::OrtValue>,
    outputs: Vec<*mut ort::sys::OrtValue>,
    _values: Vec<Value>,
}

impl Prepared {
    pub(super) fn new(unit: &Unit, settings: &SessionSettings) -> Result<Self, ProcessorError> {
        let graph = &unit.graph;
        let count = graph.inputs().len();
        let (mut outputs, mut made, mut copies) = (Vec::new(), Vec::new(), Vec::new());
        for (index, &id) in graph.outputs().iter().enumerate() {
            let operand = count + index;
            // The library gives an input that is an output back as it is, instead of filling the output: copied here.
            if let Some(position) = graph.inputs().iter().position(|&input| input == id) {
                copies.push((Source::Operand(position), operand));
            } else if let Some(constant) = unit.constants.get(&id) {
                copies.push((Source::Constant(constant.clone()), operand));
            } else {
                made.push(operand);
                outputs.push(id);
            }
        }
        let session = if outputs.is_empty() { None } else { Some(settings.session(graph, &unit.constants, &outputs)?) };
        let fed: Vec<(usize, TensorId)> = fed_inputs(graph).collect();
        let name = |id: TensorId| CString::new(graph.tensor(id).name.as_str());
        let names = |ids: &[TensorId]| ids.iter().map(|&id| name(id)).collect::<Result<Vec<_>, _>>();
        let refused = |cause| unsupported(format!("`{}`: the name of an input or output has a zero byte: {cause}", graph.name));
        Ok(Self {
            bindings: Vec::new(),
            session,
            unit: unit.clone(),
            input_names: names(&fed.iter().map(|&(_, id)| id).collect::<Vec<_>>()).map_err(refused)?,
            output_names: names(&outputs).map_err(refused)?,
            fed: fed.iter().map(|&(position, _)| position).collect(),
            made,
            copies,
        })
    }

    /// Most bytes that sessions ever held of the arena which they share; `None` if this one has no session or the library does not count.
    pub(super) fn arena_bytes(&self) -> Option<u64> {
        most_in_use_bytes(self.session.as_ref()?)
    }

    /// Forgets bindings to a buffer.
    pub(super) fn forget(&mut self, buffer: BufferId) {
        self.bindings.retain(|binding| binding.operands.iter().all(|operand| operand.buffer != buffer));
    }

    /// Runs on operands in `memory`, and returns when everything is written.
    pub(super) fn run(&mut self, memory: &HostMemory, inputs: &[Operand], outputs: &[Operand]) -> Result<(), ProcessorError> {
        let is_same = |binding: &Binding| binding.operands.iter().eq(inputs.iter().chain(outputs));
        let known = self.bindings.iter().position(is_same);
        if known.is_none() {
            let binding = self.bind(memory, inputs, outputs)?;
            self.bindings.truncate(KEPT_BINDINGS - 1);
            self.bindings.insert(0, binding);
        }
        let binding = &mut self.bindings[known.unwrap_or(0)];
        if let Some(session) = &self.session {
            let names = |names: &[CString]| names.iter().map(|name| name.as_ptr()).collect::<Vec<*const c_char>>();
            let (input_names, output_names) = (names(&self.input_names), names(&self.output_names));
            // SAFETY: as many names as values, all alive; the session is used by this thread only, and whoever launches keeps
            // others away from the operands.
            let status = unsafe {
                (ort::api().Run)(
                    session.ptr().cast_mut(),
                    std::ptr::null(),
                    input_names.as_ptr(),
                    binding.inputs.as_ptr(),
                    binding.inputs.len(),
                    output_names.as_ptr(),
                    output_names.len(),
                    binding.outputs.as_mut_ptr(),
                )
            };
            // SAFETY: a status is given back once.
            unsafe { ort::Error::result_from_status(status) }
                .map_err(|cause| error("cannot run", &self.unit.graph.name, &cause))?;
        }
        for (source, target) in &self.copies {
            let (to, bytes) = binding.memory[*target];
            let from = match source {
                Source::Operand(operand) => binding.memory[*operand].0.cast_const(),
                Source::Constant(tensor) => tensor.bytes().as_ptr(),
            };
            // SAFETY: both hold as many bytes, and outputs overlap nothing.
            unsafe { std::ptr::copy_nonoverlapping(from, to, bytes) };
        }
        Ok(())
    }

    /// Ends profiling, if the session does; gives the file.
    pub(super) fn end_profiling(&mut self) -> Result<Option<String>, ProcessorError> {
        let ended = self.session.as_mut().map(Session::end_profiling).transpose();
        ended.map_err(|cause| error("cannot profile", &self.unit.graph.name, &cause))
    }

    fn bind(&self, memory: &HostMemory, inputs: &[Operand], outputs: &[Operand]) -> Result<Binding, ProcessorError> {
        let graph = &self.unit.graph;
        let expected = (graph.inputs().len(), graph.outputs().len());
        if (inputs.len(), outputs.len()) != expected {
            let (name, given) = (&graph.name, (inputs.len(), outputs.len()));
            let message = format!(
                "`{name}` has {} inputs and {} outputs, but was launched with {} and {}",
                expected.0, expected.1, given.0, given.1
            );
            return Err(misuse(message));
        }
        let operands: Vec<Operand> = inputs.iter().chain(outputs).copied().collect();
        let tensors: Vec<TensorId> = graph.inputs().iter().chain(graph.outputs()).copied().collect();
        let mut places = Vec::with_capacity(operands.len());
        for (index, (&operand, &id)) in operands.iter().zip(&tensors).enumerate() {
            let tensor = graph.tensor(id);
            let what = format!("{} `{}`", if index < inputs.len() { "input" } else { "output" }, tensor.name);
            let bytes = tensor.bytes() as usize;
            places.push((memory.operand(operand, bytes, tensor.data_type.bytes() as usize, &what)?, bytes));
        }
        self.check_overlap(&places, &tensors)?;
        let value = |at: usize| {
            let (pointer, bytes) = places[at];
            let tensor = graph.tensor(tensors[at]);
            // SAFETY: the buffer is released only after bindings to it are forgotten; whoever launches keeps others away.
            let value = unsafe { Value::over(pointer, bytes, tensor.data_type, &tensor.shape) };
            let value = value.ok_or_else(|| unsupported(format!("`{}` is of type {}", tensor.name, tensor.data_type)))?;
            value.map_err(|cause| error("cannot bind the operands of", &graph.name, &cause))
        };
        let values = self.fed.iter().chain(&self.made).map(|&at| value(at)).collect::<Result<Vec<_>, _>>()?;
        let (given, written) = values.split_at(self.fed.len());
        Ok(Binding {
            inputs: given.iter().map(|value| value.pointer().cast_const()).collect(),
            outputs: written.iter().map(Value::pointer).collect(),
            operands,
            memory: places,
            _values: values,
        })
    }

    /// Outputs are written while inputs are still read, so no output may overlap anything.
    fn check_overlap(&self, places: &[(*mut u8, usize)], tensors: &[TensorId]) -> Result<(), ProcessorError> {
        let graph = &self.unit.graph;
        let range = |at: usize| (places[at].0.addr(), places[at].0.addr() + places[at].1);
        for output in graph.inputs().len()..places.len() {
            let (begin, end) = range(output);
            for other in 0..output {
                let (first, last) = range(other);
                if begin < last && first < end {
                    let (one, two) = (&graph.tensor(tensors[output]).name, &graph.tensor(tensors[other]).name);
                    return Err(misuse(format!("the memory of output `{one}` overlaps that of `{two}`")));
                }
            }
        }
        Ok(())
    }
}
