//! What a graph becomes: steps, each one dispatch, and the constants that they read. Needs no values and no device, so that
//! [`crate::Processor::support`] is planning and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use sim::graph::{DataType, Graph, Operator, TensorRole};
use sim::identifiers::TensorId;

use super::constants::Recipe;
use super::fusion::{self, Chain};
use super::kernels::{arithmetic, convolution, matrix, movement, pooling, rows};
use super::{NAME, error};
use crate::processor::{ProcessorError, ProcessorErrorKind};

/// Where a step reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A graph input, or what an earlier step wrote.
    Tensor(TensorId),
    /// A constant of the plan, by index.
    Constant(usize),
}

/// One dispatch.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Index of the operator in the graph; the first of those that are fused.
    pub(super) operator: usize,
    /// Name of the kernel.
    pub(super) label: &'static str,
    /// WGSL.
    pub(super) source: String,
    /// The uniform buffer.
    pub(super) parameters: Vec<u32>,
    /// Bound from 1 on.
    pub(super) reads: Vec<Source>,
    /// Bound last.
    pub(super) writes: TensorId,
    /// Workgroups along x, y and z.
    pub(super) groups: [u32; 3],
}

/// Sizes that a device limits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes that a kernel can address in one buffer.
    pub(super) binding_bytes: u64,
    /// Workgroups along one axis of a dispatch.
    pub(super) groups: u64,
}

/// A graph as steps.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// In the order in which they run.
    pub(super) steps: Vec<Step>,
    /// What to make of the values of constants.
    pub(super) constants: Vec<Recipe>,
}

impl Plan {
    /// Plans a graph; fails with kind `Unsupported` at the first operator that has no kernel.
    pub(super) fn of(graph: &Graph, limits: Limits) -> Result<Self, ProcessorError> {
        check_tensors(graph, limits)?;
        let mut lowering = Lowering { graph, limits, steps: Vec::new(), constants: Vec::new(), aliases: BTreeMap::new() };
        for chain in fusion::chains(graph)? {
            lowering.lower(&chain)?;
        }
        lowering.copy_aliased_outputs()?;
        Ok(Self { steps: lowering.steps, constants: lowering.constants })
    }
}

/// The error of an operator that cannot run here.
pub(super) fn refusal(operator: &Operator, reason: impl AsRef<str>) -> ProcessorError {
    let (name, op_type) = (&operator.name, &operator.op_type);
    error(ProcessorErrorKind::Unsupported, format!("operator `{name}` of type {op_type}: {}", reason.as_ref()))
}

/// The input at a position.
pub(super) fn input(operator: &Operator, position: usize) -> Result<TensorId, ProcessorError> {
    operator.input(position).ok_or_else(|| refusal(operator, format!("its input {position} is missing")))
}

/// Whether an operator computes nothing that depends on a request, and what it computes is known.
pub(super) fn is_known(graph: &Graph, operator: &Operator) -> bool {
    graph.is_static(operator.id) && operator.outputs.iter().all(|&output| graph.tensor(output).data.is_some())
}

/// All that requests change is single precision, not empty, and fits into a binding.
fn check_tensors(graph: &Graph, limits: Limits) -> Result<(), ProcessorError> {
    let outputs: BTreeSet<TensorId> = graph.outputs().iter().copied().collect();
    if outputs.len() < graph.outputs().len() {
        return Err(error(ProcessorErrorKind::Unsupported, format!("graph `{}` has an output twice", graph.name)));
    }
    for tensor in graph.tensors().iter().filter(|tensor| tensor.role.is_dynamic() || outputs.contains(&tensor.id)) {
        let reason = if tensor.data_type != DataType::Float32 {
            format!("`{}` is {}, but {NAME} kernels compute in {}", tensor.name, tensor.data_type, DataType::Float32)
        } else if tensor.elements() == 0 {
            format!("`{}` is empty", tensor.name)
        } else if tensor.bytes() > limits.binding_bytes {
            let (bytes, most) = (tensor.bytes(), limits.binding_bytes);
            format!("`{}` has {bytes} bytes, but a kernel of this device can address only {most} of a buffer", tensor.name)
        } else {
            continue;
        };
        let user = tensor.producer.or(tensor.consumers.first().copied());
        return Err(match user {
            Some(operator) => refusal(graph.operator(operator), reason),
            None => error(ProcessorErrorKind::Unsupported, format!("graph `{}`: {reason}", graph.name)),
        });
    }
    Ok(())
}

/// A plan in the making.
pub(super) struct Lowering<'a> {
    pub(super) graph: &'a Graph,
    limits: Limits,
    steps: Vec<Step>,
    constants: Vec<Recipe>,
    /// Tensors that are another one's elements in another shape.
    aliases: BTreeMap<TensorId, TensorId>,
}

impl Lowering<'_> {
    fn lower(&mut self, chain: &Chain<'_>) -> Result<(), ProcessorError> {
        let operator = chain.head;
        if !operator.domain.is_empty() {
            return Err(refusal(operator, format!("operators of domain `{}` have no {NAME} kernel", operator.domain)));
        }
        match operator.op_type.as_str() {
            "Conv" => convolution::lower(self, chain),
            "Gemm" | "MatMul" => matrix::lower(self, chain),
            "MaxPool" | "AveragePool" => pooling::lower(self, operator),
            "GlobalAveragePool" | "GlobalMaxPool" | "ReduceMean" | "ReduceMax" | "ReduceSum" | "Softmax" => {
                rows::lower(self, operator)
            }
            "BatchNormalization" => arithmetic::lower_normalization(self, chain),
            "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Max" | "Min" | "PRelu" => arithmetic::lower_binary(self, chain),
            "Concat" | "Slice" | "Split" | "Transpose" => movement::lower(self, operator),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity" => self.alias(operator),
            "Dropout" if operator.outputs.len() == 1 => self.alias(operator),
            _ if chain.activation.is_some() => arithmetic::lower_unary(self, chain),
            _ => Err(refusal(operator, format!("there is no {NAME} kernel for this type"))),
        }
    }

    /// The first input and the output are the same elements.
    fn alias(&mut self, operator: &Operator) -> Result<(), ProcessorError> {
        let input = input(operator, 0)?;
        self.aliases.insert(operator.outputs[0], self.root(input));
        Ok(())
    }

    /// Outputs of the graph have memory of their own, even if they are views of something.
    fn copy_aliased_outputs(&mut self) -> Result<(), ProcessorError> {
        for &output in self.graph.outputs() {
            let tensor = self.graph.tensor(output);
            let is_written = tensor.producer.is_some_and(|producer| !is_known(self.graph, self.graph.operator(producer)));
            if self.aliases.contains_key(&output) || !is_written {
                movement::copy(self, output)?;
            }
        }
        Ok(())
    }

    /// The tensor that holds the elements of a tensor.
    fn root(&self, tensor: TensorId) -> TensorId {
        self.aliases.get(&tensor).copied().unwrap_or(tensor)
    }

    /// Where a kernel reads a tensor.
    pub(super) fn source(&mut self, operator: &Operator, tensor: TensorId) -> Result<Source, ProcessorError> {
        let root = self.root(tensor);
        if self.graph.tensor(root).role.is_dynamic() {
            return Ok(Source::Tensor(root));
        }
        self.constant(operator, Recipe::Plain(root), self.graph.tensor(root).elements())
    }

    /// Where a kernel reads a constant of so many elements; the same recipe is cooked once.
    pub(super) fn constant(&mut self, operator: &Operator, recipe: Recipe, elements: u64) -> Result<Source, ProcessorError> {
        for id in recipe.tensors() {
            let tensor = self.graph.tensor(id);
            let reason = if tensor.role.is_dynamic() {
                "must be a constant"
            } else if tensor.data_type != DataType::Float32 {
                "must be of single precision"
            } else if tensor.producer.is_some() && tensor.data.is_none() {
                "must be given, not computed from other constants"
            } else {
                continue;
            };
            return Err(refusal(operator, format!("`{}` {reason}", tensor.name)));
        }
        let (bytes, most) = (elements * 4, self.limits.binding_bytes);
        if bytes > most {
            let why = format!("a constant of {bytes} bytes, but a kernel of this device can address only {most} of a buffer");
            return Err(refusal(operator, why));
        }
        let known = self.constants.iter().position(|other| *other == recipe);
        Ok(Source::Constant(known.unwrap_or_else(|| {
            self.constants.push(recipe);
            self.constants.len() - 1
        })))
    }

    /// Appends a step.
    pub(super) fn push(&mut self, operator: &Operator, step: Step) -> Result<(), ProcessorError> {
        if let Some(&count) = step.groups.iter().find(|&&count| u64::from(count) > self.limits.groups) {
            let most = self.limits.groups;
            let why = format!("kernel `{}` would take {count} workgroups along one axis, the device allows {most}", step.label);
            return Err(refusal(operator, why));
        }
        self.steps.push(step);
        Ok(())
    }

    /// Workgroups along x and y for a kernel that counts invocations linearly.
    pub(super) fn linear_groups(&self, count: u64, invocations: u32) -> [u64; 3] {
        let groups = count.div_ceil(u64::from(invocations));
        let rows = groups.div_ceil(self.limits.groups);
        [groups.div_ceil(rows), rows, 1]
    }

    /// Whether the tensor is constant.
    pub(super) fn is_constant(&self, tensor: TensorId) -> bool {
        let role: TensorRole = self.graph.tensor(tensor).role;
        !role.is_dynamic()
    }
}
