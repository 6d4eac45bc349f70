//! A unit that is ready to run: compiled kernels, constants and intermediate buffers on the device.

use std::collections::{BTreeMap, BTreeSet};

use sim::identifiers::TensorId;
use wgpu::{BindGroup, BindingType, BufferBindingType, BufferUsages, ComputePipeline};

use super::context::Context;
use super::memory::Memory;
use super::plan::{Plan, Source, Step};
use super::{error, transfer::Staging};
use crate::buffer::Region;
use crate::processor::{BufferId, Completion, Operand, ProcessorError, ProcessorErrorKind};
use crate::tensor::Tensor;
use crate::unit::Unit;

/// Compiled kernels by their text.
pub(super) type Pipelines = BTreeMap<String, ComputePipeline>;

/// Queries that a device must be able to hold: a begin and an end of each step.
const MAXIMUM_QUERIES: u32 = wgpu::QUERY_SET_MAX_QUERIES;

/// Where the device writes when steps began and ended.
#[derive(Debug)]
struct Clock {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    tick_ns: f64,
}

/// A unit on the device.
#[derive(Debug)]
pub(super) struct Prepared {
    name: String,
    steps: Vec<ReadyStep>,
    constants: Vec<wgpu::Buffer>,
    intermediates: Vec<wgpu::Buffer>,
    parameters: wgpu::Buffer,
    /// Names and bytes of inputs, then of outputs.
    pub(super) operands: Vec<(String, u64)>,
    pub(super) inputs: usize,
    clock: Option<Clock>,
    /// Bind groups of the last launch, with the operands that they hold.
    bound: Option<(Vec<BufferId>, Vec<BindGroup>)>,
}

#[derive(Debug)]
struct ReadyStep {
    operator: usize,
    pipeline: ComputePipeline,
    parameters: (u64, u64),
    /// What is bound from 1 on, with the bytes of each.
    bindings: Vec<(Memoryspace, u64)>,
    groups: [u32; 3],
}

/// Where a bound buffer comes from.
#[derive(Clone, Copy, Debug)]
enum Memoryspace {
    Operand(usize),
    Constant(usize),
    Intermediate(usize),
}

impl Prepared {
    pub(super) fn new(
        context: &Context,
        pipelines: &mut Pipelines,
        staging: &mut Staging,
        unit: &Unit,
    ) -> Result<Self, ProcessorError> {
        let graph = &unit.graph;
        let plan = Plan::of(graph, context.limits())?;
        let operands: Vec<TensorId> = graph.inputs().iter().chain(graph.outputs()).copied().collect();
        let bytes = |tensor: TensorId| graph.tensor(tensor).bytes();
        let memory = Memory::of(&plan.steps, &operands.iter().copied().collect::<BTreeSet<_>>(), bytes);
        let constants = constants(context, staging, unit, &plan)?;
        let storage = BufferUsages::STORAGE;
        let intermediates = memory.sizes.iter().map(|&size| context.buffer("intermediate tensors", size as usize, storage));
        let intermediates = intermediates.collect::<Result<Vec<_>, _>>()?;
        let place = |tensor: TensorId| match operands.iter().position(|&operand| operand == tensor) {
            Some(operand) => Memoryspace::Operand(operand),
            None => Memoryspace::Intermediate(memory.places[&tensor]),
        };
        let alignment = context.uniform_alignment();
        let (mut words, mut steps): (Vec<u32>, Vec<ReadyStep>) = (Vec::new(), Vec::new());
        for step in &plan.steps {
            words.resize(words.len().next_multiple_of((alignment / 4) as usize), 0);
            let parameters = (words.len() as u64 * 4, step.parameters.len() as u64 * 4);
            words.extend(&step.parameters);
            let reads = step.reads.iter().map(|source| match *source {
                Source::Tensor(tensor) => (place(tensor), bytes(tensor)),
                Source::Constant(index) => (Memoryspace::Constant(index), constants[index].size()),
            });
            let bindings = reads.chain([(place(step.writes), bytes(step.writes))]).collect();
            let pipeline = pipeline(context, pipelines, step)?;
            steps.push(ReadyStep { operator: step.operator, pipeline, parameters, bindings, groups: step.groups });
        }
        let parameters = context.buffer("parameters", words.len() * 4, BufferUsages::UNIFORM | BufferUsages::COPY_DST)?;
        let whole = Region::whole(words.len() * 4);
        staging.upload(context, bytemuck::cast_slice(&words), whole, &parameters, whole)?;
        let clock = clock(context, steps.len() as u32 * 2)?;
        let inputs = graph.inputs().len();
        let operands = operands.iter().map(|&operand| (graph.tensor(operand).name.clone(), bytes(operand))).collect();
        let name = graph.name.clone();
        Ok(Self { name, steps, constants, intermediates, parameters, operands, inputs, clock, bound: None })
    }

    /// Forgets bind groups that hold a buffer.
    pub(super) fn unbind(&mut self, buffer: BufferId) {
        self.bound.take_if(|(operands, _)| operands.contains(&buffer));
    }

    /// Submits all steps.
    pub(super) fn launch(
        &mut self,
        context: &Context,
        buffers: &BTreeMap<BufferId, wgpu::Buffer>,
        inputs: &[Operand],
        outputs: &[Operand],
    ) -> Result<(), ProcessorError> {
        let operands = self.check_operands(buffers, inputs, outputs)?;
        let what = format!("unit `{}`", self.name);
        let groups = match self.bound.take() {
            Some((bound, groups)) if bound == operands => groups,
            _ => context.check(&what, || self.bind(context, buffers, &operands))?,
        };
        let mut commands = context.commands();
        if let Some(clock) = &self.clock {
            // Only the ends of a pass have a time, so each step is one.
            for (index, (step, group)) in self.steps.iter().zip(&groups).enumerate() {
                let index = index as u32 * 2;
                let timestamp_writes = Some(wgpu::ComputePassTimestampWrites {
                    query_set: &clock.queries,
                    beginning_of_pass_write_index: Some(index),
                    end_of_pass_write_index: Some(index + 1),
                });
                let mut pass = commands.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
                step.dispatch(&mut pass, group);
            }
            let count = self.steps.len() as u32 * 2;
            commands.resolve_query_set(&clock.queries, 0..count, &clock.resolved, 0);
        } else {
            let mut pass = commands.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for (step, group) in self.steps.iter().zip(&groups) {
                step.dispatch(&mut pass, group);
            }
        }
        self.bound = Some((operands, groups));
        context.submit(&what, commands)
    }

    /// What the last launch, which has ended, took.
    pub(super) fn completion(&self, context: &Context, staging: &mut Staging) -> Result<Completion, ProcessorError> {
        let Some(clock) = self.clock.as_ref().filter(|_| !self.steps.is_empty()) else { return Ok(Completion::default()) };
        let mut ticks = vec![0_u64; self.steps.len() * 2];
        let bytes = Region::whole(ticks.len() * 8);
        staging.download(context, &clock.resolved, bytes, bytemuck::cast_slice_mut(&mut ticks), bytes)?;
        let duration = |from: u64, to: u64| (to.saturating_sub(from) as f64 * clock.tick_ns) as u64;
        let kernels =
            self.steps.iter().zip(ticks.chunks_exact(2)).map(|(step, ticks)| (step.operator, duration(ticks[0], ticks[1])));
        let busy_ns = Some(duration(ticks[0], ticks[ticks.len() - 1]));
        Ok(Completion { queued_ns: None, busy_ns, kernels: kernels.collect() })
    }

    fn check_operands(
        &self,
        buffers: &BTreeMap<BufferId, wgpu::Buffer>,
        inputs: &[Operand],
        outputs: &[Operand],
    ) -> Result<Vec<BufferId>, ProcessorError> {
        let misuse = |message: String| Err(error(ProcessorErrorKind::Misuse, format!("unit `{}`: {message}", self.name)));
        let expected = (self.inputs, self.operands.len() - self.inputs);
        if (inputs.len(), outputs.len()) != expected {
            let (given, expected) = ((inputs.len(), outputs.len()), expected);
            return misuse(format!("{} inputs and {} outputs, but it has {} and {}", given.0, given.1, expected.0, expected.1));
        }
        let operands: Vec<BufferId> = inputs.iter().chain(outputs).map(|operand| operand.buffer).collect();
        for (operand, (name, bytes)) in inputs.iter().chain(outputs).zip(&self.operands) {
            let Some(buffer) = buffers.get(&operand.buffer) else {
                return misuse(format!("there is no buffer {} for `{name}`", operand.buffer.0));
            };
            if operand.offset_bytes != 0 {
                return misuse(format!("`{name}` at offset {}, but only 0 is possible", operand.offset_bytes));
            }
            if buffer.size() < *bytes {
                return misuse(format!("`{name}` has {bytes} bytes, its buffer only {}", buffer.size()));
            }
        }
        for (index, output) in operands.iter().enumerate().skip(inputs.len()) {
            if let Some(other) = operands.iter().take(index).position(|operand| operand == output) {
                let (name, other) = (&self.operands[index].0, &self.operands[other].0);
                return misuse(format!("output `{name}` has the buffer of `{other}`, but needs one of its own"));
            }
        }
        Ok(operands)
    }

    fn bind(&self, context: &Context, buffers: &BTreeMap<BufferId, wgpu::Buffer>, operands: &[BufferId]) -> Vec<BindGroup> {
        let binding = |buffer, offset, bytes| {
            wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset, size: wgpu::BufferSize::new(bytes) })
        };
        let group = |step: &ReadyStep| {
            let (offset, bytes) = step.parameters;
            let first = wgpu::BindGroupEntry { binding: 0, resource: binding(&self.parameters, offset, bytes) };
            let others = step.bindings.iter().zip(1..).map(|(&(place, bytes), index)| {
                let buffer = match place {
                    Memoryspace::Operand(index) => &buffers[&operands[index]],
                    Memoryspace::Constant(index) => &self.constants[index],
                    Memoryspace::Intermediate(index) => &self.intermediates[index],
                };
                wgpu::BindGroupEntry { binding: index, resource: binding(buffer, 0, bytes) }
            });
            let entries: Vec<wgpu::BindGroupEntry<'_>> = std::iter::once(first).chain(others).collect();
            let layout = &step.pipeline.get_bind_group_layout(0);
            context.device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
        };
        self.steps.iter().map(group).collect()
    }
}

impl ReadyStep {
    fn dispatch(&self, pass: &mut wgpu::ComputePass<'_>, group: &BindGroup) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, group, &[]);
        let [x, y, z] = self.groups;
        pass.dispatch_workgroups(x, y, z);
    }
}

/// Cooks all constants and copies them to the device.
fn constants(context: &Context, staging: &mut Staging, unit: &Unit, plan: &Plan) -> Result<Vec<wgpu::Buffer>, ProcessorError> {
    let value = |id: TensorId| {
        let info = unit.graph.tensor(id);
        let small = || info.data.as_ref().and_then(|data| Tensor::from_constant(info.data_type, &info.shape, data));
        unit.constants
            .get(&id)
            .cloned()
            .or_else(small)
            .filter(|tensor| tensor.shape == info.shape && tensor.data_type == info.data_type)
    };
    let mut buffers = Vec::new();
    for recipe in &plan.constants {
        let mut values = BTreeMap::new();
        for id in recipe.tensors() {
            let Some(tensor) = value(id) else {
                let info = unit.graph.tensor(id);
                let why =
                    format!("constant `{}` has no values of its type {} and shape {:?}", info.name, info.data_type, info.shape);
                return Err(error(ProcessorErrorKind::Misuse, why));
            };
            values.insert(id, tensor);
        }
        let cooked = recipe.cook(&|id| values[&id].values::<f32>().to_vec());
        let bytes = Region::whole(cooked.len() * 4);
        let buffer = context.buffer("constants", bytes.row_bytes, BufferUsages::STORAGE | BufferUsages::COPY_DST)?;
        staging.upload(context, bytemuck::cast_slice(&cooked), bytes, &buffer, bytes)?;
        buffers.push(buffer);
    }
    Ok(buffers)
}

fn clock(context: &Context, count: u32) -> Result<Option<Clock>, ProcessorError> {
    let Some(tick_ns) = context.tick_ns.filter(|_| (1..=MAXIMUM_QUERIES).contains(&count)) else { return Ok(None) };
    let descriptor = wgpu::QuerySetDescriptor { label: None, ty: wgpu::QueryType::Timestamp, count };
    let queries = context.check("timestamps", || context.device.create_query_set(&descriptor))?;
    let resolved = context.buffer("timestamps", count as usize * 8, BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC)?;
    Ok(Some(Clock { queries, resolved, tick_ns }))
}

/// The compiled kernel of a step, compiled once for each text.
fn pipeline(context: &Context, pipelines: &mut Pipelines, step: &Step) -> Result<ComputePipeline, ProcessorError> {
    if let Some(pipeline) = pipelines.get(&step.source) {
        return Ok(pipeline.clone());
    }
    let entry = |binding: u32, ty: BufferBindingType| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    };
    let reads = step.reads.len() as u32;
    let read = |index: u32| entry(index + 1, BufferBindingType::Storage { read_only: true });
    let entries: Vec<wgpu::BindGroupLayoutEntry> = std::iter::once(entry(0, BufferBindingType::Uniform))
        .chain((0..reads).map(read))
        .chain([entry(reads + 1, BufferBindingType::Storage { read_only: false })])
        .collect();
    let device = &context.device;
    let pipeline = context.check(&format!("kernel `{}`", step.label), || {
        let bindings = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&bindings)],
            immediate_size: 0,
        });
        let source = wgpu::ShaderSource::Wgsl(step.source.as_str().into());
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label: Some(step.label), source });
        device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(step.label),
            layout: Some(&layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        })
    })?;
    pipelines.insert(step.source.clone(), pipeline.clone());
    Ok(pipeline)
}
