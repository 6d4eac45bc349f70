//! Arithmetic on shapes, checked against overflow and against the largest tensor that a graph may hold.

use thiserror::Error;

/// Largest number of elements of a tensor: 2^40, a thousand times the largest weights of any phone.
pub const MAXIMUM_ELEMENTS: u64 = 1 << 40;

/// Largest number of elements of a tensor that is made anew in every request: 2^29, 2 GiB in fp32. No phone holds one.
pub const MAXIMUM_ACTIVATION_ELEMENTS: u64 = 1 << 29;

/// Largest rank of a tensor.
pub const MAXIMUM_RANK: usize = 16;

/// Why shapes do not fit.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ShapeError {
    /// More elements than [`MAXIMUM_ELEMENTS`].
    #[error("shape {} has more than 2^40 elements, the most that a tensor may have", text(shape))]
    TooLarge {
        /// The shape.
        shape: Vec<u64>,
    },
    /// More elements than [`MAXIMUM_ACTIVATION_ELEMENTS`] in an input or an activation.
    #[error("shape {} has more than 2^29 elements, the most that an input or an activation may have", text(shape))]
    ActivationTooLarge {
        /// The shape.
        shape: Vec<u64>,
    },
    /// More dimensions than [`MAXIMUM_RANK`].
    #[error("shape {} has {} dimensions, but at most {MAXIMUM_RANK} are allowed", text(shape), shape.len())]
    RankTooLarge {
        /// The shape.
        shape: Vec<u64>,
    },
    /// Two shapes that differ in a dimension that is 1 in neither.
    #[error("shapes {} and {} cannot be broadcast: dimensions must be equal or 1", text(left), text(right))]
    NotBroadcastable {
        /// First shape.
        left: Vec<u64>,
        /// Second shape.
        right: Vec<u64>,
    },
    /// An axis outside of a rank.
    #[error("axis {axis} is outside of rank {rank}: it must be in {}..{rank}", -(*rank as i64))]
    AxisOutOfRange {
        /// The axis.
        axis: i64,
        /// The rank.
        rank: usize,
    },
}

/// A shape as text: `1x3x224x224`, or `scalar`.
pub fn text(shape: &[u64]) -> String {
    if shape.is_empty() {
        return "scalar".to_owned();
    }
    shape.iter().map(u64::to_string).collect::<Vec<_>>().join("x")
}

/// Number of elements of a shape that a tensor may have.
pub fn elements(shape: &[u64]) -> Result<u64, ShapeError> {
    if shape.len() > MAXIMUM_RANK {
        return Err(ShapeError::RankTooLarge { shape: shape.to_vec() });
    }
    // A zero anywhere makes the product zero, but the other dimensions must still be sane.
    let mut product = 1_u64;
    for &dimension in shape {
        product = product
            .checked_mul(dimension.max(1))
            .filter(|&elements| elements <= MAXIMUM_ELEMENTS)
            .ok_or_else(|| ShapeError::TooLarge { shape: shape.to_vec() })?;
    }
    Ok(if shape.contains(&0) { 0 } else { product })
}

/// The shape that two shapes broadcast to, by the rules of ONNX (those of `NumPy`).
pub fn broadcast(left: &[u64], right: &[u64]) -> Result<Vec<u64>, ShapeError> {
    let rank = left.len().max(right.len());
    let at = |shape: &[u64], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |index| shape[index]);
    (0..rank)
        .map(|axis| match (at(left, axis), at(right, axis)) {
            (a, b) if a == b || b == 1 => Ok(a),
            (1, b) => Ok(b),
            _ => Err(ShapeError::NotBroadcastable { left: left.to_vec(), right: right.to_vec() }),
        })
        .collect()
}

/// An axis counted from the front; negative ones count from the back.
pub fn normalize_axis(axis: i64, rank: usize) -> Result<usize, ShapeError> {
    let signed_rank = rank as i64;
    if axis < -signed_rank || axis >= signed_rank {
        return Err(ShapeError::AxisOutOfRange { axis, rank });
    }
    Ok(if axis < 0 { axis + signed_rank } else { axis } as usize)
}

/// Row-major strides of a shape that [`elements`] accepts.
pub(crate) fn strides(shape: &[u64]) -> Vec<usize> {
    let mut strides = vec![1_usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis] as usize;
    }
    strides
}

/// For every element of `target`, in row-major order, the flat index that `source` broadcast to `target` reads.
pub(crate) fn broadcast_indices(source: &[u64], target: &[u64]) -> Vec<usize> {
    let offset = target.len() - source.len();
    let source_strides = strides(source);
    let steps: Vec<usize> = (0..target.len())
        .map(|axis| {
            let own = axis.checked_sub(offset);
            own.filter(|&own| source[own] != 1).map_or(0, |own| source_strides[own])
        })
        .collect();
    indices_by_steps(target, &steps, 0)
}

/// Flat indices `start + sum(coordinate * step)` over all coordinates of `shape`, in row-major order.
pub(crate) fn indices_by_steps(shape: &[u64], steps: &[usize], start: usize) -> Vec<usize> {
    // Without this an empty tensor of many rows would be walked row by row.
    if shape.contains(&0) {
        return Vec::new();
    }
    let mut indices = vec![start];
    for (&dimension, &step) in shape.iter().zip(steps) {
        indices =
            indices.iter().flat_map(|&base| (0..dimension as usize).map(move |coordinate| base + coordinate * step)).collect();
    }
    indices
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn elements_are_checked() {
        assert_eq!(elements(&[]), Ok(1));
        assert_eq!(elements(&[2, 0, 3]), Ok(0));
        assert_eq!(elements(&[1 << 20, 1 << 20]), Ok(1 << 40));
        assert!(elements(&[1 << 20, 1 << 20, 2]).is_err());
        assert!(elements(&[u64::MAX, u64::MAX]).is_err());
        assert!(elements(&[0, u64::MAX, u64::MAX]).is_err());
        assert!(elements(&[1; 17]).is_err());
        assert_eq!(
            elements(&[1_000_000_000, 1_000_000_000]).map_err(|error| error.to_string()),
            Err("shape 1000000000x1000000000 has more than 2^40 elements, the most that a tensor may have".to_owned())
        );
    }

    #[test]
    fn indices_follow_the_broadcast() {
        assert_eq!(broadcast_indices(&[2, 1], &[2, 3]), [0, 0, 0, 1, 1, 1]);
        assert_eq!(broadcast_indices(&[3], &[2, 3]), [0, 1, 2, 0, 1, 2]);
        assert_eq!(broadcast_indices(&[], &[2]), [0, 0]);
    }

    proptest! {
        #[test]
        fn broadcasting_is_commutative_idempotent_and_has_the_scalar_as_unit(
            left in prop::collection::vec(prop::sample::select(vec![1_u64, 1, 2, 3]), 0..5),
            right in prop::collection::vec(prop::sample::select(vec![1_u64, 1, 2, 3]), 0..5),
        ) {
            let swapped = broadcast(&right, &left);
            match broadcast(&left, &right) {
                Err(_) => prop_assert!(swapped.is_err()),
                Ok(both) => {
                    prop_assert_eq!(&swapped.unwrap(), &both);
                    prop_assert_eq!(&broadcast(&both, &left).unwrap(), &both);
                    prop_assert_eq!(both.len(), left.len().max(right.len()));
                    prop_assert!(elements(&both).unwrap() >= elements(&left).unwrap());
                }
            }
            prop_assert_eq!(broadcast(&left, &left).unwrap(), left.clone());
            prop_assert_eq!(broadcast(&left, &[]).unwrap(), left);
        }

        #[test]
        fn normalized_axes_are_in_range(axis in -20_i64..20, rank in 0_usize..8) {
            match normalize_axis(axis, rank) {
                Ok(normal) => prop_assert!(normal < rank && (normal as i64 - axis) % rank as i64 == 0),
                Err(_) => prop_assert!(axis < -(rank as i64) || axis >= rank as i64),
            }
        }
    }
}
