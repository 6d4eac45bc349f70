//! Durations of the exact shapes that were measured.

use crate::cost::{CostModelError, Dimension, KernelClass, KernelShape};
use crate::graph::work::OperatorWork;

/// An exact shape: the [`Dimension`]s as whole numbers; 2 as the last one marks average pooling.
pub type ShapeKey = [u32; 7];

/// Measured shapes of one class with the median of their durations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShapeTable {
    /// Ascending by key.
    rows: Vec<(ShapeKey, f64)>,
}

impl ShapeTable {
    /// A table of rows in any order.
    pub fn new(class: KernelClass, mut rows: Vec<(ShapeKey, f64)>) -> Result<Self, CostModelError> {
        rows.sort_by_key(|row| row.0);
        for pair in rows.windows(2) {
            if pair[0].0 == pair[1].0 {
                return Err(CostModelError::ShapeTwice { class: class.name(), key: pair[0].0 });
            }
        }
        for &(key, duration_ns) in &rows {
            if !(duration_ns.is_finite() && duration_ns > 0.0) {
                let what = format!("duration of shape {key:?}");
                let right = "finite and above 0";
                return Err(CostModelError::OutOfRange { what, class: class.name(), value: duration_ns, right });
            }
        }
        Ok(Self { rows })
    }

    /// The rows, ascending by shape.
    pub fn rows(&self) -> &[(ShapeKey, f64)] {
        &self.rows
    }

    /// The key of an operator that a table can hold: one plain, square image.
    pub fn key(class: KernelClass, work: &OperatorWork, shape: &KernelShape) -> Option<ShapeKey> {
        if is_plain(work) { key_of(class, shape) } else { None }
    }

    /// The duration of an operator, if its shape was measured.
    ///
    /// Measured inputs count explicit padding. A framework may pad explicitly or leave it to the kernel, so a shape is looked
    /// up without its padding first, then with it.
    pub fn find(&self, class: KernelClass, work: &OperatorWork, shape: &KernelShape) -> Option<f64> {
        if self.rows.is_empty() {
            return None;
        }
        let key = Self::key(class, work, shape)?;
        let padded = u32::try_from(work.geometry.in_height).ok()?;
        self.at(&key).or_else(|| self.at(&[padded, key[1], key[2], key[3], key[4], key[5], key[6]]))
    }

    fn at(&self, key: &ShapeKey) -> Option<f64> {
        self.rows.binary_search_by_key(key, |row| row.0).ok().map(|index| self.rows[index].1)
    }
}

/// The key of a shape; `None` where a dimension is no whole number.
pub fn key_of(class: KernelClass, shape: &KernelShape) -> Option<ShapeKey> {
    let mut key = [0; 7];
    for (slot, value) in key.iter_mut().zip(Dimension::values(shape)) {
        let is_whole = (value - libm::round(value)).abs() < 1e-9;
        if !is_whole || value >= f64::from(u32::MAX) {
            return None;
        }
        *slot = libm::round(value) as u32;
    }
    if class == KernelClass::Pool {
        key[6] = if shape.is_average { 2 } else { 1 };
    }
    Some(key)
}

/// Whether an operator is of the kind that was measured: one image, square, not dilated.
fn is_plain(work: &OperatorWork) -> bool {
    let geometry = &work.geometry;
    geometry.batch <= 1
        && geometry.out_height == geometry.out_width
        && geometry.in_height == geometry.in_width
        && geometry.kernel_height == geometry.kernel_width
        && geometry.stride_height == geometry.stride_width
        && geometry.dilation_height <= 1
        && geometry.dilation_width <= 1
}
