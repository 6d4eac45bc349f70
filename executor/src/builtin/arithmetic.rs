//! Arithmetic, comparison and logic of two lines of elements.

use super::activation::BLOCK;
use super::instruction_set::vectorised;

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

    pub(super) const fn is_arithmetic(self) -> bool {
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

/// One line of two operands; a stride is 0, 1 or more.
#[derive(Clone, Copy)]
pub(super) struct Line<T, R> {
    pub(super) one: *const T,
    pub(super) other: *const T,
    pub(super) strides: [usize; 2],
    pub(super) target: *mut R,
    pub(super) len: usize,
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
    pub(super) fn floats<const FUSED: bool>(operation: Operation, line: Line<f32, f32>) {
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
        pub(super) unsafe fn $name(operation: Operation, line: Line<$kind, $kind>) {
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

pub(super) unsafe fn compare<T: Copy + PartialOrd>(operation: Operation, line: Line<T, u8>) {
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

pub(super) unsafe fn logic(operation: Operation, line: Line<u8, u8>) {
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
