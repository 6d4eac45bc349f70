//! Matrix products and Einstein sums.

use std::collections::BTreeMap;

use super::{Facts, InferenceError, Inferred, Node};
use crate::graph::data_type::DataType;
use crate::graph::shape::{broadcast, text};

/// Shape of a matrix product by the rules of `NumPy`: vectors become matrices for the product, leading dimensions broadcast.
pub(crate) fn matrix_product(left: &[u64], right: &[u64]) -> Result<Vec<u64>, InferenceError> {
    let inner = |shape: &[u64], from_end: usize| shape.len().checked_sub(from_end).map(|index| shape[index]);
    let (Some(columns), Some(rows)) = (inner(left, 1), inner(right, if right.len() == 1 { 1 } else { 2 })) else {
        return Err(InferenceError::mismatch("a matrix product needs at least one dimension on both sides"));
    };
    if columns != rows {
        return Err(InferenceError::mismatch(format!(
            "matrices {} and {} do not fit: the last dimension of the first, {columns}, must equal the one before the last of \
             the second, {rows}",
            text(left),
            text(right)
        )));
    }
    let mut shape = broadcast(&left[..left.len().saturating_sub(2)], &right[..right.len().saturating_sub(2)])?;
    if left.len() > 1 {
        shape.push(left[left.len() - 2]);
    }
    if right.len() > 1 {
        shape.push(right[right.len() - 1]);
    }
    Ok(shape)
}

/// A shape with its last two dimensions swapped if `transpose` says so.
pub(crate) fn transposed(shape: &[u64], transpose: bool) -> Vec<u64> {
    let mut shape = shape.to_vec();
    let rank = shape.len();
    if transpose && rank >= 2 {
        shape.swap(rank - 2, rank - 1);
    }
    shape
}

/// `MatMul`.
pub(super) fn matrix_multiply(node: &Node<'_>) -> Inferred {
    let (left, right) = (node.input(0)?, node.input(1)?);
    Ok(vec![Facts::new(left.data_type, matrix_product(&left.shape, &right.shape)?)])
}

/// `FusedMatMul` of `com.microsoft`: a `MatMul` of operands that may be transposed.
pub(super) fn matrix_multiply_fused(node: &Node<'_>) -> Inferred {
    let (left, right) = (node.input(0)?, node.input(1)?);
    let shape = matrix_product(
        &transposed(&left.shape, node.flag("transA", false)),
        &transposed(&right.shape, node.flag("transB", false)),
    )?;
    Ok(vec![Facts::new(left.data_type, shape)])
}

/// `MatMulInteger`: accumulated in 32 bits.
pub(super) fn matrix_multiply_integer(node: &Node<'_>) -> Inferred {
    Ok(vec![Facts::new(DataType::Int32, matrix_product(&node.input(0)?.shape, &node.input(1)?.shape)?)])
}

/// `QLinearMatMul`: the second matrix is input 3, the output has the type of the output zero point, input 7.
pub(super) fn matrix_multiply_quantized(node: &Node<'_>) -> Inferred {
    Ok(vec![Facts::new(node.input(7)?.data_type, matrix_product(&node.input(0)?.shape, &node.input(3)?.shape)?)])
}

/// `Gemm`: `transA(A) * transB(B) + C` of matrices.
pub(super) fn general_matrix_multiply(node: &Node<'_>) -> Inferred {
    let expected = "a matrix is expected";
    let left = node.ranked(0, |rank| rank == 2, expected)?;
    let right = node.ranked(1, |rank| rank == 2, expected)?;
    let shape = matrix_product(
        &transposed(&left.shape, node.flag("transA", false)),
        &transposed(&right.shape, node.flag("transB", false)),
    )?;
    if let Some(bias) = node.optional(2)
        && broadcast(&bias.shape, &shape)? != shape
    {
        return Err(InferenceError::mismatch(format!(
            "bias {} does not broadcast to the product {}",
            text(&bias.shape),
            text(&shape)
        )));
    }
    Ok(vec![Facts::new(left.data_type, shape)])
}

/// The parsed equation of an `Einsum` of given operand shapes.
#[derive(Debug)]
pub(crate) struct EinsteinSum {
    /// Size of every letter.
    pub(crate) sizes: BTreeMap<char, u64>,
    /// Letters of the output.
    pub(crate) output: Vec<char>,
}

impl EinsteinSum {
    /// Shape of the output.
    pub(crate) fn shape(&self) -> Vec<u64> {
        self.output.iter().map(|letter| self.sizes[letter]).collect()
    }

    /// Parses the equation of `node`; an ellipsis is refused with a clear error.
    pub(crate) fn of(node: &Node<'_>) -> Result<Self, InferenceError> {
        let equation = node.attributes.text("equation").ok_or(InferenceError::MissingAttribute { name: "equation" })?;
        let invalid = |expected: &str| InferenceError::invalid("equation", equation, expected);
        let text: String = equation.chars().filter(|letter| !letter.is_whitespace()).collect();
        if text.contains('.') {
            return Err(invalid("an ellipsis is not supported; write every dimension as a letter"));
        }
        let (left, right) = text.split_once("->").map_or((text.as_str(), None), |(left, right)| (left, Some(right)));
        let operands = node.all_inputs()?;
        let terms: Vec<&str> = left.split(',').collect();
        if terms.len() != operands.len() {
            return Err(invalid(&format!("there are {} inputs", operands.len())));
        }
        let mut sizes = BTreeMap::new();
        let mut uses: BTreeMap<char, usize> = BTreeMap::new();
        for (term, operand) in terms.iter().zip(&operands) {
            if term.chars().count() != operand.rank() {
                return Err(invalid(&format!("term `{term}` does not fit shape {}", super::text(&operand.shape))));
            }
            for (letter, &size) in term.chars().zip(&operand.shape) {
                if !letter.is_ascii_alphabetic() {
                    return Err(invalid("only letters, commas and `->` are expected"));
                }
                *uses.entry(letter).or_default() += 1;
                let known = sizes.entry(letter).or_insert(size);
                if *known == 1 {
                    *known = size;
                } else if size != 1 && size != *known {
                    return Err(invalid(&format!("letter `{letter}` would be both {known} and {size}")));
                }
            }
        }
        let output: Vec<char> = match right {
            Some(right) => right.chars().collect(),
            None => uses.iter().filter(|(_, count)| **count == 1).map(|(letter, _)| *letter).collect(),
        };
        if let Some(letter) = output.iter().find(|letter| !sizes.contains_key(letter)) {
            return Err(invalid(&format!("letter `{letter}` of the result is in no input")));
        }
        Ok(Self { sizes, output })
    }
}

/// `Einsum`.
pub(super) fn einstein_sum(node: &Node<'_>) -> Inferred {
    let sum = EinsteinSum::of(node)?;
    Ok(vec![Facts::new(node.input(0)?.data_type, sum.shape())])
}
