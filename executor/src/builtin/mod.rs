//! The CPU with kernels of this crate: needs no library.
//!
//! [`BuiltInProcessor`] turns a unit into a program of kernels (`program`, `fusion`, `memory`) and runs it on the cores that
//! it was opened with (`pool`). Convolutions are products of packed matrices (`matrix`), depthwise ones and pooling slide over
//! staged planes (`sliding`). How many threads share the work changes no bit of the result.

#![allow(unsafe_code, reason = "kernels work on raw memory that several threads share, and call vector instructions")]
#![allow(clippy::inline_always, reason = "bodies that are compiled for each instruction set")]
#![allow(
    clippy::cast_ptr_alignment,
    reason = "operands lie on boundaries of their elements: checked at launch, planned in arenas"
)]
#![allow(clippy::float_cmp, reason = "parameters are compared with the values that mean `nothing to do`")]

mod activation;
mod arithmetic;
mod broadcast;
mod build;
mod channel_scale;
mod choice;
mod convolution;
mod depthwise;
mod elementwise;
mod fold;
mod fusion;
mod instruction_set;
mod kernel;
mod matrix;
mod memory;
mod movement;
mod moves;
mod node;
mod normalization;
mod pool;
mod pooling;
mod product;
mod program;
mod reduction;
mod resize;
mod sliding;
mod softmax;
mod transposed;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use sim::graph::Graph;

use crate::buffer::{HostBuffer, Region, copy_region};
use crate::processor::{
    BufferId, Completion, Description, Operand, PreparedId, Processor, ProcessorError, ProcessorErrorKind, Transfer, UnitMemory,
};
use crate::unit::Unit;
use instruction_set::InstructionSet;
use kernel::{Arguments, Share};
use matrix::Aligned;
use pool::{Meeting, Pool, Work};
use program::{Place, Program, Refused};

const NAME: &str = "built-in kernels";

/// Some cores of this machine with the kernels of this crate.
pub struct BuiltInProcessor {
    description: Description,
    pool: Pool,
    programs: BTreeMap<PreparedId, Ready>,
    buffers: BTreeMap<BufferId, Arc<HostBuffer>>,
    next: u32,
    scratch: Vec<Aligned>,
    /// What lives between the kernels of a launch: of any unit, as one runs at a time.
    arena: Aligned,
    last: Completion,
}

/// A program with the addresses of all operands.
struct Ready {
    program: Program,
    inputs: Vec<Vec<*const u8>>,
    outputs: Vec<Vec<*mut u8>>,
    /// Duration of each step of the last launch.
    durations_ns: Vec<u64>,
}

fn error(kind: ProcessorErrorKind, message: impl Into<String>) -> ProcessorError {
    ProcessorError::new(kind, NAME, message)
}

fn misuse(message: impl Into<String>) -> ProcessorError {
    error(ProcessorErrorKind::Misuse, message)
}

fn unsupported(refused: &Refused) -> ProcessorError {
    let Refused { operator, op_type, why } = refused;
    error(ProcessorErrorKind::Unsupported, format!("operator `{operator}` of type {op_type}: {why}"))
}

impl BuiltInProcessor {
    /// A processor on some cores, each at most once: one thread on each, the calling thread on the first.
    ///
    /// Fails where there is no such core, or the system does not let this process run on it.
    pub fn open(cores: &[usize]) -> Result<Self, ProcessorError> {
        if cores.is_empty() || (1..cores.len()).any(|index| cores[..index].contains(&cores[index])) {
            return Err(misuse(format!("cores are {cores:?}: at least one is needed, each once")));
        }
        let pool = Pool::on(cores).map_err(|message| error(ProcessorErrorKind::Missing, message))?;
        let description = Description {
            hardware: format!("CPU with {}", InstructionSet::best().name()),
            kernels: "built in".to_owned(),
            driver: String::new(),
            cores: cores.to_vec(),
            offsets: true,
            transfer: Transfer::None,
            window_alignment_bytes: None,
        };
        let scratch = cores.iter().map(|_| Aligned::default()).collect();
        let (programs, buffers) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self {
            description,
            pool,
            programs,
            buffers,
            next: 0,
            scratch,
            arena: Aligned::default(),
            last: Completion::default(),
        })
    }

    fn buffer(&self, id: BufferId) -> Result<&Arc<HostBuffer>, ProcessorError> {
        self.buffers.get(&id).ok_or_else(|| misuse(format!("buffer {} does not exist", id.0)))
    }

    fn keep(&mut self, buffer: Arc<HostBuffer>) -> BufferId {
        let id = BufferId(self.next);
        self.next += 1;
        self.buffers.insert(id, buffer);
        id
    }

    /// Addresses of operands, each with room for its tensor.
    fn addresses(&self, what: &str, operands: &[Operand], bytes: &[[usize; 2]]) -> Result<Vec<*mut u8>, ProcessorError> {
        if operands.len() != bytes.len() {
            return Err(misuse(format!("{} {what}s are given, the unit has {}", operands.len(), bytes.len())));
        }
        let mut addresses = Vec::with_capacity(operands.len());
        for (position, (operand, &[bytes, width])) in operands.iter().zip(bytes).enumerate() {
            let buffer = self.buffer(operand.buffer)?;
            let offset = operand.offset_bytes;
            if offset.checked_add(bytes).is_none_or(|end| end > buffer.len()) {
                let size = buffer.len();
                return Err(misuse(format!("{what} {position} needs {bytes} bytes from {offset} on, the buffer has {size}")));
            }
            if offset % width != 0 {
                return Err(misuse(format!("{what} {position} lies at byte {offset}: a multiple of {width} is needed")));
            }
            // SAFETY: within the buffer.
            addresses.push(unsafe { buffer.pointer().add(offset) });
        }
        Ok(addresses)
    }
}

fn check_region(what: &str, region: Region, bytes: usize) -> Result<(), ProcessorError> {
    if region.end() <= bytes {
        return Ok(());
    }
    Err(misuse(format!("{what} ends at byte {}, its buffer has {bytes}", region.end())))
}

/// Copies between buffers that may be the same.
fn copy_bytes(source: &HostBuffer, from: Region, target: &HostBuffer, to: Region) -> Result<(), ProcessorError> {
    check_region("source", from, source.len())?;
    check_region("target", to, target.len())?;
    let rows_differ = !from.is_contiguous() && !to.is_contiguous() && from.row_bytes != to.row_bytes;
    if from.bytes() != to.bytes() || rows_differ {
        return Err(misuse(format!("{from:?} cannot be copied to {to:?}: they differ in size")));
    }
    // SAFETY: whoever calls keeps others away; where it is the same buffer, what is read is copied first.
    unsafe {
        if source.pointer() == target.pointer() {
            let bytes = source.bytes().to_vec();
            copy_region(&bytes, from, target.bytes_mut(), to);
        } else {
            copy_region(source.bytes(), from, target.bytes_mut(), to);
        }
    }
    Ok(())
}

impl Processor for BuiltInProcessor {
    fn description(&self) -> &Description {
        &self.description
    }

    fn support(&self, graph: &Graph) -> Result<(), ProcessorError> {
        program::check(graph).map_err(|refused| unsupported(&refused))
    }

    fn prepare(&mut self, unit: &Unit) -> Result<PreparedId, ProcessorError> {
        let program = Program::of(unit).map_err(|refused| unsupported(&refused))?;
        for scratch in &mut self.scratch {
            scratch.grow(program.scratch_bytes.div_ceil(4));
        }
        self.arena.grow(program.arena_bytes.div_ceil(4));
        let inputs = program.steps.iter().map(|step| vec![std::ptr::null(); step.inputs.len()]).collect();
        let outputs = program.steps.iter().map(|step| vec![std::ptr::null_mut(); step.outputs.len()]).collect();
        let durations_ns = vec![0; program.steps.len()];
        let id = PreparedId(self.next);
        self.next += 1;
        self.programs.insert(id, Ready { program, inputs, outputs, durations_ns });
        Ok(id)
    }

    fn discard(&mut self, prepared: PreparedId) {
        self.programs.remove(&prepared);
    }

    fn allocate(&mut self, bytes: usize) -> Result<BufferId, ProcessorError> {
        Ok(self.keep(HostBuffer::zeroed(bytes)))
    }

    fn share(&mut self, buffer: &Arc<HostBuffer>) -> Result<BufferId, ProcessorError> {
        Ok(self.keep(Arc::clone(buffer)))
    }

    fn unit_memory(&self) -> UnitMemory {
        let steps = self.programs.values().flat_map(|ready| &ready.program.steps);
        let scratch = self.scratch.iter().chain([&self.arena]).map(|memory| memory.bytes() as u64).sum();
        UnitMemory {
            constant_bytes: steps.map(|step| step.kernel.packed_bytes() as u64).sum(),
            scratch_bytes: scratch,
            common_bytes: 0,
        }
    }

    fn release(&mut self, buffer: BufferId) {
        self.buffers.remove(&buffer);
    }

    fn upload(&mut self, source: &HostBuffer, from: Region, target: BufferId, to: Region) -> Result<(), ProcessorError> {
        copy_bytes(source, from, self.buffer(target)?, to)
    }

    fn download(&mut self, source: BufferId, from: Region, target: &HostBuffer, to: Region) -> Result<(), ProcessorError> {
        copy_bytes(self.buffer(source)?, from, target, to)
    }

    fn copy(&mut self, source: BufferId, from: Region, target: BufferId, to: Region) -> Result<(), ProcessorError> {
        copy_bytes(self.buffer(source)?, from, self.buffer(target)?, to)
    }

    fn map(&mut self, buffer: BufferId) -> Result<(), ProcessorError> {
        self.buffer(buffer).map(|_| ())
    }

    fn unmap(&mut self, buffer: BufferId) -> Result<(), ProcessorError> {
        self.buffer(buffer).map(|_| ())
    }

    fn launch(&mut self, prepared: PreparedId, inputs: &[Operand], outputs: &[Operand]) -> Result<(), ProcessorError> {
        let program =
            &self.programs.get(&prepared).ok_or_else(|| misuse(format!("unit {} is not prepared", prepared.0)))?.program;
        let inputs = self.addresses("input", inputs, &program.input_bytes)?;
        let outputs = self.addresses("output", outputs, &program.output_bytes)?;
        let Some(ready) = self.programs.get_mut(&prepared) else { return Ok(()) };
        let arena: *mut u8 = self.arena.pointer_mut().cast();
        ready.resolve(arena, &inputs, &outputs);
        let fault = AtomicBool::new(false);
        let begin = Instant::now();
        let launch = Launch {
            steps: &ready.program.steps,
            inputs: &ready.inputs,
            outputs: &ready.outputs,
            arena,
            scratch: self.scratch.iter_mut().map(|scratch| scratch.pointer_mut().cast()).collect(),
            durations_ns: ready.durations_ns.as_mut_ptr(),
            fault: &fault,
        };
        self.pool.run(&launch);
        self.last.busy_ns = Some(begin.elapsed().as_nanos() as u64);
        self.last.queued_ns = None;
        self.last.kernels.clear();
        let steps = ready.program.steps.iter().zip(&ready.durations_ns);
        self.last.kernels.extend(steps.map(|(step, &duration_ns)| (step.operator, duration_ns)));
        if fault.into_inner() {
            return Err(error(ProcessorErrorKind::Failed, "an index that an input holds is out of range"));
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<Completion, ProcessorError> {
        Ok(self.last.clone())
    }
}

impl Ready {
    /// Finds the addresses of all operands.
    fn resolve(&mut self, arena: *mut u8, inputs: &[*mut u8], outputs: &[*mut u8]) {
        let constants = &self.program.constants;
        let address = |place: Place| match place {
            Place::Input(position) => inputs[position],
            Place::Output(position) => outputs[position],
            Place::Constant(position) => constants[position].buffer().pointer(),
            // SAFETY: planned within the arena.
            Place::Arena(offset) => unsafe { arena.add(offset) },
        };
        for (index, step) in self.program.steps.iter().enumerate() {
            for (to, &place) in self.inputs[index].iter_mut().zip(&step.inputs) {
                *to = address(place).cast_const();
            }
            for (to, &place) in self.outputs[index].iter_mut().zip(&step.outputs) {
                *to = address(place);
            }
        }
    }
}

/// All steps of a program, to be run by all threads together.
struct Launch<'a> {
    steps: &'a [program::Step],
    inputs: &'a [Vec<*const u8>],
    outputs: &'a [Vec<*mut u8>],
    arena: *mut u8,
    scratch: Vec<*mut u8>,
    durations_ns: *mut u64,
    fault: &'a AtomicBool,
}

// SAFETY: threads write to disjoint parts of the memory, and meet before one reads what another wrote.
unsafe impl Sync for Launch<'_> {}

impl Work for Launch<'_> {
    fn part(&self, index: usize, meeting: &Meeting) {
        let mut begin = Instant::now();
        for (at, step) in self.steps.iter().enumerate() {
            let arguments = Arguments {
                inputs: &self.inputs[at],
                outputs: &self.outputs[at],
                // SAFETY: planned within the arena.
                shared: unsafe { self.arena.add(step.shared) },
                scratch: self.scratch[index],
                share: Share { index, count: meeting.threads() },
                fault: self.fault,
            };
            for phase in 0..step.kernel.phases() {
                step.kernel.run(phase, &arguments);
                meeting.meet();
            }
            if index == 0 {
                let end = Instant::now();
                // SAFETY: one duration for each step, written by the first thread only.
                unsafe { *self.durations_ns.add(at) = (end - begin).as_nanos() as u64 };
                begin = end;
            }
        }
    }
}
