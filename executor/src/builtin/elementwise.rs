//! Element by element: functions of one tensor, arithmetic and comparison of two with broadcasting, choice, conversion.

use std::ops::Range;

use sim::graph::DataType;

use super::activation::{self, Activation, BLOCK};
use super::build::{Built, Fusible};
use super::instruction_set::{InstructionSet, vectorised};
use super::kernel::{Arguments, Kernel};
use super::movement::{MAXIMUM_RANK, dense, vec_of_index};
use super::node::{Node, Refusal, product};

/// Elements that threads take together.
const GRANULE: usize = 1024;

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

/// Arithmetic of two tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Minimum,
    Maximum,
    /// `x < 0 ? x * slope : x`.
    Prelu,
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
    Xor,
}

impl Operation {
    /// Of an ONNX type.
    pub(super) fn of(op_type: &str) -> Option<Self> {
        Some(match op_type {
            "Add" | "Sum" => Self::Add,
            "Sub" => Self::Subtract,
            "Mul" => Self::Multiply,
            "Div" => Self::Divide,
            "Pow" => Self::Power,
            "Min" => Self::Minimum,
            "Max" => Self::Maximum,
            "PRelu" => Self::Prelu,
            "Equal" => Self::Equal,
            "Less" => Self::Less,
            "LessOrEqual" => Self::LessOrEqual,
            "Greater" => Self::Greater,
            "GreaterOrEqual" => Self::GreaterOrEqual,
            "And" => Self::And,
            "Or" => Self::Or,
            "Xor" => Self::Xor,
            _ => return None,
        })
    }

    const fn is_arithmetic(self) -> bool {
        matches!(
            self,
            Self::Add
                | Self::Subtract
                | Self::Multiply
                | Self::Divide
                | Self::Power
                | Self::Minimum
                | Self::Maximum
                | Self::Prelu
        )
    }
}

/// Two tensors walked over together, dimensions merged as far as both allow.
#[derive(Clone, Debug)]
struct Broadcast<const OPERANDS: usize> {
    sizes: Vec<usize>,
    strides: [Vec<usize>; OPERANDS],
}

impl<const OPERANDS: usize> Broadcast<OPERANDS> {
    fn of(shapes: [&[usize]; OPERANDS], result: &[usize]) -> Result<Self, Refusal> {
        let mut sizes: Vec<usize> = Vec::new();
        let mut strides: [Vec<usize>; OPERANDS] = std::array::from_fn(|_| Vec::new());
        let all = shapes.map(dense);
        for axis in 0..result.len() {
            if result[axis] == 1 {
                continue;
            }
            let stride: [usize; OPERANDS] = std::array::from_fn(|operand| {
                let shape = shapes[operand];
                match (axis + shape.len()).checked_sub(result.len()) {
                    Some(axis) if shape[axis] > 1 => all[operand][axis] as usize,
                    _ => 0,
                }
            });
            let last = sizes.len().wrapping_sub(1);
            let merges =
                !sizes.is_empty() && (0..OPERANDS).all(|operand| strides[operand][last] == stride[operand] * result[axis]);
            if merges {
                sizes[last] *= result[axis];
                for (strides, stride) in strides.iter_mut().zip(stride) {
                    strides[last] = stride;
                }
            } else {
                sizes.push(result[axis]);
                for (strides, stride) in strides.iter_mut().zip(stride) {
                    strides.push(stride);
                }
            }
        }
        if sizes.is_empty() {
            sizes.push(1);
            for strides in &mut strides {
                strides.push(0);
            }
        }
        if sizes.len() > MAXIMUM_RANK {
            return Err(format!("{} dimensions: at most {MAXIMUM_RANK} are supported", sizes.len()));
        }
        Ok(Self { sizes, strides })
    }

    /// Calls `line(offsets of the operands, first element of the result, elements)` for a thread's part.
    fn each_line(&self, range: Range<usize>, mut line: impl FnMut([usize; OPERANDS], usize, usize)) {
        let last = self.sizes.len() - 1;
        let inner = self.sizes[last];
        let mut at = range.start;
        while at < range.end {
            let (row, column) = (at / inner, at % inner);
            let index = vec_of_index(row, &self.sizes[..last]);
            let offsets = std::array::from_fn(|operand| {
                let strides = &self.strides[operand];
                let outer: usize = index.iter().zip(&strides[..last]).map(|(&index, &stride)| index * stride).sum();
                outer + column * strides[last]
            });
            let length = (inner - column).min(range.end - at);
            line(offsets, at, length);
            at += length;
        }
    }

    fn inner_stride(&self, operand: usize) -> usize {
        self.strides[operand][self.sizes.len() - 1]
    }
}

/// One line of two operands; a stride is 0, 1 or more.
#[derive(Clone, Copy)]
struct Line<T, R> {
    one: *const T,
    other: *const T,
    strides: [usize; 2],
    target: *mut R,
    len: usize,
}

#[inline(always)]
unsafe fn read<T: Copy>(source: *const T, stride: usize, at: usize) -> [T; BLOCK] {
    // SAFETY: the caller promises that many elements.
    unsafe {
        match stride {
            0 => [*source; BLOCK],
            1 => source.add(at).cast::<[T; BLOCK]>().read_unaligned(),
            _ => std::array::from_fn(|index| *source.add((at + index) * stride)),
        }
    }
}

#[inline(always)]
unsafe fn zip<T: Copy, R: Copy>(line: Line<T, R>, function: impl Fn(T, T) -> R) {
    // SAFETY: the caller promises that many elements; a block is read before it is written.
    unsafe {
        let mut at = 0;
        while at + BLOCK <= line.len {
            let one = read(line.one, line.strides[0], at);
            let other = read(line.other, line.strides[1], at);
            let result: [R; BLOCK] = std::array::from_fn(|index| function(one[index], other[index]));
            line.target.add(at).cast::<[R; BLOCK]>().write_unaligned(result);
            at += BLOCK;
        }
        for index in at..line.len {
            *line.target.add(index) = function(*line.one.add(index * line.strides[0]), *line.other.add(index * line.strides[1]));
        }
    }
}

vectorised! {
    fn floats<const FUSED: bool>(operation: Operation, line: Line<f32, f32>) {
        // SAFETY: the kernel gives lines within its tensors.
        unsafe {
            match operation {
                Operation::Add => zip(line, |one, other| one + other),
                Operation::Subtract => zip(line, |one, other| one - other),
                Operation::Multiply => zip(line, |one, other| one * other),
                Operation::Divide => zip(line, |one, other| one / other),
                // The power that models use most.
                Operation::Power if line.strides[1] == 0 && line.len > 0 && *line.other == 2.0 => zip(line, |one, _| one * one),
                Operation::Power => zip(line, f32::powf),
                Operation::Minimum => zip(line, |one, other| if one < other || one.is_nan() { one } else { other }),
                Operation::Maximum => zip(line, |one, other| if one > other || one.is_nan() { one } else { other }),
                Operation::Prelu => zip(line, |one, slope| if one < 0.0 { one * slope } else { one }),
                _ => {}
            }
        }
    }
}

macro_rules! integers {
    ($name:ident, $kind:ty) => {
        unsafe fn $name(operation: Operation, line: Line<$kind, $kind>) {
            // SAFETY: the kernel gives lines within its tensors.
            unsafe {
                match operation {
                    Operation::Add => zip(line, <$kind>::wrapping_add),
                    Operation::Subtract => zip(line, <$kind>::wrapping_sub),
                    Operation::Multiply => zip(line, <$kind>::wrapping_mul),
                    // What a division by zero gives is not defined: 0 here.
                    Operation::Divide => zip(line, |one, other| one.checked_div(other).unwrap_or(0)),
                    Operation::Power => zip(line, |one, other| one.wrapping_pow(other.max(0) as u32)),
                    Operation::Minimum => zip(line, <$kind>::min),
                    Operation::Maximum => zip(line, <$kind>::max),
                    Operation::Prelu => zip(line, |one, slope| if one < 0 { one.wrapping_mul(slope) } else { one }),
                    _ => {}
                }
            }
        }
    };
}
integers!(integers_32, i32);
integers!(integers_64, i64);

unsafe fn compare<T: Copy + PartialOrd>(operation: Operation, line: Line<T, u8>) {
    // SAFETY: the kernel gives lines within its tensors.
    unsafe {
        match operation {
            Operation::Equal => zip(line, |one, other| u8::from(one == other)),
            Operation::Less => zip(line, |one, other| u8::from(one < other)),
            Operation::LessOrEqual => zip(line, |one, other| u8::from(one <= other)),
            Operation::Greater => zip(line, |one, other| u8::from(one > other)),
            Operation::GreaterOrEqual => zip(line, |one, other| u8::from(one >= other)),
            _ => {}
        }
    }
}

unsafe fn logic(operation: Operation, line: Line<u8, u8>) {
    // SAFETY: the kernel gives lines within its tensors.
    unsafe {
        match operation {
            Operation::And => zip(line, |one, other| one & other),
            Operation::Or => zip(line, |one, other| one | other),
            Operation::Xor => zip(line, |one, other| one ^ other),
            _ => compare(operation, line),
        }
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

/// Elements of one tensor or another, as a third says.
pub(super) struct Where {
    broadcast: Broadcast<3>,
    elements: usize,
    width: usize,
}

impl Where {
    pub(super) fn build(node: &Node<'_>) -> Result<Built, Refusal> {
        let shapes = [node.shape(0)?, node.shape(1)?, node.shape(2)?];
        let result = node.result()?;
        let kernel = Self {
            broadcast: Broadcast::of([&shapes[0], &shapes[1], &shapes[2]], &result)?,
            elements: product(&result),
            width: node.required(1)?.data_type.bytes() as usize,
        };
        Ok(Built::new(kernel, node.inputs(), vec![node.output(0)?.id]))
    }

    unsafe fn typed<T: Copy>(&self, arguments: &Arguments<'_>) {
        let strides = [0, 1, 2].map(|operand| self.broadcast.inner_stride(operand));
        self.broadcast.each_line(arguments.share.range(self.elements, GRANULE), |offsets, at, len| {
            // SAFETY: offsets lie within the tensors.
            unsafe {
                let target = arguments.output::<T>(0, at..at + len);
                for (index, target) in target.iter_mut().enumerate() {
                    let place = |operand: usize| offsets[operand] + index * strides[operand];
                    let side = if *arguments.inputs[0].add(place(0)) == 0 { 2 } else { 1 };
                    *target = *arguments.inputs[side].cast::<T>().add(place(side));
                }
            }
        });
    }
}

impl Fusible for Where {}

impl Kernel for Where {
    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        // SAFETY: the elements are as wide as the type.
        unsafe {
            match self.width {
                1 => self.typed::<u8>(arguments),
                2 => self.typed::<u16>(arguments),
                4 => self.typed::<u32>(arguments),
                8 => self.typed::<u64>(arguments),
                _ => self.typed::<u128>(arguments),
            }
        }
    }
}

/// Conversion between types of elements.
pub(super) struct Cast {
    from: DataType,
    to: DataType,
    elements: usize,
}

/// Types that [`Cast`] converts between.
const CAST_TYPES: [DataType; 6] =
    [DataType::Float32, DataType::Float64, DataType::Int64, DataType::Int32, DataType::Bool, DataType::Uint8];

impl Cast {
    pub(super) fn build(node: &Node<'_>) -> Result<Built, Refusal> {
        let (input, output) = (node.required(0)?, node.output(0)?);
        let kernel = Self { from: input.data_type, to: output.data_type, elements: input.elements() as usize };
        if !CAST_TYPES.contains(&kernel.from) || !CAST_TYPES.contains(&kernel.to) {
            return Err(format!(
                "from {} to {}: float32, float64, int64, int32, uint8 and bool are supported",
                kernel.from, kernel.to
            ));
        }
        Ok(Built::new(kernel, vec![input.id], vec![output.id]))
    }
}

impl Fusible for Cast {}

impl Kernel for Cast {
    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        let range = arguments.share.range(self.elements, GRANULE);
        macro_rules! convert {
            ($from:ty, $to:ty, $function:expr) => {{
                // SAFETY: threads write to different parts.
                let target = unsafe { arguments.output::<$to>(0, range.clone()) };
                let source = &arguments.input::<$from>(0, self.elements)[range.clone()];
                for (target, &value) in target.iter_mut().zip(source) {
                    *target = $function(value);
                }
            }};
        }
        macro_rules! from {
            ($from:ty, $zero:expr) => {
                match self.to {
                    DataType::Float32 => convert!($from, f32, |value| value as f32),
                    DataType::Float64 => convert!($from, f64, |value| value as f64),
                    DataType::Int64 => convert!($from, i64, |value| value as i64),
                    DataType::Int32 => convert!($from, i32, |value| value as i32),
                    DataType::Bool => convert!($from, u8, |value| u8::from(value != $zero)),
                    _ => convert!($from, u8, |value| value as i64 as u8),
                }
            };
        }
        #[allow(clippy::float_cmp, clippy::unnecessary_cast, clippy::cast_lossless, reason = "every pair of types by one macro")]
        match self.from {
            DataType::Float32 => from!(f32, 0.0),
            DataType::Float64 => from!(f64, 0.0),
            DataType::Int64 => from!(i64, 0),
            DataType::Int32 => from!(i32, 0),
            _ => from!(u8, 0),
        }
    }
}

/// Negation of truth values.
pub(super) struct Not(pub(super) usize);

impl Fusible for Not {}

impl Kernel for Not {
    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        let range = arguments.share.range(self.0, GRANULE);
        let source = &arguments.input::<u8>(0, self.0)[range.clone()];
        // SAFETY: threads write to different parts.
        let target = unsafe { arguments.output::<u8>(0, range) };
        target.iter_mut().zip(source).for_each(|(target, &value)| *target = u8::from(value == 0));
    }
}
