//! The geometry of an operator, as kernels see it.

use super::infer::window::Window;
use super::shape;
use super::work::Geometry;

/// A geometry in which every dimension is 1.
pub(super) const UNIT: Geometry = Geometry {
    batch: 1,
    in_height: 1,
    in_width: 1,
    in_channels: 1,
    out_height: 1,
    out_width: 1,
    out_channels: 1,
    kernel_height: 1,
    kernel_width: 1,
    stride_height: 1,
    stride_width: 1,
    dilation_height: 1,
    dilation_width: 1,
    groups: 1,
};

/// A shape as batch, channels, height and width: missing dimensions are 1, and those between channels and width are height.
pub(super) fn image(shape: &[u64]) -> [u64; 4] {
    let at = |axis: usize| shape.get(axis).copied().unwrap_or(1);
    match shape.len() {
        0 | 1 => [1, at(0), 1, 1],
        2 => [at(0), at(1), 1, 1],
        3 => [at(0), at(1), 1, at(2)],
        rank => [at(0), at(1), shape[2..rank - 1].iter().product(), at(rank - 1)],
    }
}

/// The geometry of an operator that maps one image to another, element by element or not.
pub(super) fn of_images(input: &[u64], output: &[u64]) -> Geometry {
    let [batch, in_channels, in_height, in_width] = image(input);
    let [_, out_channels, out_height, out_width] = image(output);
    Geometry { batch, in_height, in_width, in_channels, out_height, out_width, out_channels, ..UNIT }
}

/// The geometry of a window that slides over an image: the input includes its padding. Depth, if any, counts as height.
/// `None` if a product overflows.
pub(super) fn of_window(input: &[u64], output: &[u64], window: &Window) -> Option<Geometry> {
    let padded = input.iter().skip(2).enumerate().map(|(axis, &size)| window.padded(axis, size)).collect::<Option<Vec<_>>>()?;
    let [in_height, in_width] = plane(&padded)?;
    let [kernel_height, kernel_width] = plane(&window.kernel)?;
    let [stride_height, stride_width] = plane(&window.strides)?;
    let [dilation_height, dilation_width] = plane(&window.dilations)?;
    Some(Geometry {
        in_height,
        in_width,
        kernel_height,
        kernel_width,
        stride_height,
        stride_width,
        dilation_height,
        dilation_width,
        ..of_images(input, output)
    })
}

/// Spatial sizes as height and width; of more than two, all but the last are multiplied.
fn plane(sizes: &[u64]) -> Option<[u64; 2]> {
    let (&width, rest) = sizes.split_last()?;
    let height = rest.iter().try_fold(1_u64, |product, &size| product.checked_mul(size))?;
    Some([height, width])
}

/// The geometry of a matrix product of the given operands, already transposed as the operator asks.
///
/// With constant weights that are one matrix, all rows of the first operand are one matrix too. Otherwise there are as many
/// independent products (`groups`) as the leading dimensions of the result multiply to.
pub(super) fn of_matrix_product(left: &[u64], right: &[u64], output: &[u64], is_one_weight: bool) -> Option<Geometry> {
    let total = shape::elements(output).ok()?;
    let reduced = left.last().copied()?;
    let columns = if right.len() > 1 { right[right.len() - 1] } else { 1 };
    let rows = if left.len() > 1 { left[left.len() - 2] } else { 1 };
    let (rows, groups) = if is_one_weight {
        (total.checked_div(columns).unwrap_or(0), 1)
    } else {
        (rows, total.checked_div(columns.checked_mul(rows)?).unwrap_or(0))
    };
    Some(Geometry { in_channels: reduced, in_height: rows, out_height: rows, out_channels: columns, groups, ..UNIT })
}
