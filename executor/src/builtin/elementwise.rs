//! Element by element: functions of one tensor, arithmetic and comparison of two with broadcasting.

use sim::graph::DataType;

use super::activation::{self, Activation};
use super::arithmetic::{Line, Operation, compare, floats, integers_32, integers_64, logic};
use super::broadcast::Broadcast;
use super::build::{Built, Fusible};
use super::instruction_set::InstructionSet;
use super::kernel::{Arguments, Kernel};
use super::node::{Node, Refusal, product};

/// Elements that threads take together.
pub(super) const GRANULE: usize = 1024;

/// A function of one single-precision tensor.
pub(super) struct Unary {
    elements: usize,
    activation: Activation,
}

impl Unary {
    pub(super) fn build(node: &Node<'_>, activation: Activation) -> Result<Built, Refusal> {
        let input = node.required(0)?;
        node.only_floats_first()?;
        let kernel = Self { elements: input.elements() as usize, activation };
        Ok(Built::new(kernel, vec![input.id], vec![node.output(0)?.id]))
    }
}

impl Fusible for Unary {}

impl Kernel for Unary {
    fn in_place(&self) -> &[usize] {
        &[0]
    }

    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        let range = arguments.share.range(self.elements, GRANULE);
        // SAFETY: within both tensors.
        let (source, target) =
            unsafe { (arguments.inputs[0].cast::<f32>().add(range.start), arguments.outputs[0].cast::<f32>().add(range.start)) };
        activation::apply(InstructionSet::best(), self.activation, source, target, range.len());
    }
}

/// Arithmetic or comparison of two tensors, with broadcasting.
pub(super) struct Binary {
    operation: Operation,
    data_type: DataType,
    broadcast: Broadcast<2>,
    elements: usize,
    /// Inputs as large as the output.
    same: Vec<usize>,
    activation: Activation,
}

impl Binary {
    pub(super) fn build(node: &Node<'_>, operation: Operation) -> Result<Built, Refusal> {
        let (one, other) = (node.required(0)?, node.required(1)?);
        if node.operator.inputs.len() != 2 {
            return Err(format!("{} inputs: 2 are supported", node.operator.inputs.len()));
        }
        let data_type = one.data_type;
        let supported: &[DataType] = if operation.is_arithmetic() {
            &[DataType::Float32, DataType::Int32, DataType::Int64]
        } else if matches!(operation, Operation::And | Operation::Or | Operation::Xor) {
            &[DataType::Bool]
        } else {
            &[DataType::Float32, DataType::Int32, DataType::Int64, DataType::Bool]
        };
        if !supported.contains(&data_type) || other.data_type != data_type {
            return Err(format!("operands of types {data_type} and {}: float32, int32 and int64 are supported", other.data_type));
        }
        let (shapes, result) = ([node.shape(0)?, node.shape(1)?], node.result()?);
        if node.operator.attributes.get("axis").is_some() {
            return Err("broadcasting from an axis (before opset 7) is not supported".to_owned());
        }
        let elements = product(&result);
        let same = (0..2).filter(|&side| shapes[side] == result && operation.is_arithmetic()).collect();
        let broadcast = Broadcast::of([&shapes[0], &shapes[1]], &result)?;
        let kernel = Self { operation, data_type, broadcast, elements, same, activation: Activation::Identity };
        Ok(Built::new(kernel, vec![one.id, other.id], vec![node.output(0)?.id]))
    }

    unsafe fn lines<T, R>(&self, arguments: &Arguments<'_>, mut function: impl FnMut(Line<T, R>)) {
        let strides = [0, 1].map(|operand| self.broadcast.inner_stride(operand));
        self.broadcast.each_line(arguments.share.range(self.elements, GRANULE), |[one, other], at, len| {
            // SAFETY: offsets lie within the tensors.
            unsafe {
                function(Line {
                    one: arguments.inputs[0].cast::<T>().add(one),
                    other: arguments.inputs[1].cast::<T>().add(other),
                    strides,
                    target: arguments.outputs[0].cast::<R>().add(at),
                    len,
                });
            }
        });
    }
}

impl Fusible for Binary {
    fn activate(&mut self, activation: Activation) -> bool {
        if self.activation == Activation::Identity && self.data_type == DataType::Float32 && self.operation.is_arithmetic() {
            self.activation = activation;
            return true;
        }
        false
    }
}

impl Kernel for Binary {
    fn in_place(&self) -> &[usize] {
        &self.same
    }

    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        let (set, operation) = (InstructionSet::best(), self.operation);
        // SAFETY: element types are those of the tensors.
        unsafe {
            match (operation.is_arithmetic(), self.data_type) {
                (true, DataType::Float32) => self.lines(arguments, |line: Line<f32, f32>| {
                    // In parts that stay in the first-level cache until the activation has passed.
                    let mut at = 0;
                    while at < line.len {
                        let len = (line.len - at).min(4096);
                        let (one, other) = (line.one.add(at * line.strides[0]), line.other.add(at * line.strides[1]));
                        let target = line.target.add(at);
                        floats(set, operation, Line { one, other, target, len, ..line });
                        if self.activation != Activation::Identity {
                            activation::apply(set, self.activation, target, target, len);
                        }
                        at += len;
                    }
                }),
                (true, DataType::Int32) => self.lines(arguments, |line| integers_32(operation, line)),
                (true, _) => self.lines(arguments, |line| integers_64(operation, line)),
                (false, DataType::Float32) => self.lines(arguments, |line: Line<f32, u8>| compare(operation, line)),
                (false, DataType::Int32) => self.lines(arguments, |line: Line<i32, u8>| compare(operation, line)),
                (false, DataType::Int64) => self.lines(arguments, |line: Line<i64, u8>| compare(operation, line)),
                (false, _) => self.lines(arguments, |line| logic(operation, line)),
            }
        }
    }
}
