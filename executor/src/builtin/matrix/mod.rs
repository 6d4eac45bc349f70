//! Matrix products: packed operands, blocks that fit the caches, a micro-kernel.
//!
//! The order in which an element's products are summed depends on the depth alone, so a product cut into rows or columns gives
//! the same bits as the whole.

pub(super) mod micro;

use std::ops::Range;

use super::activation::{self, Activation};
use super::instruction_set::InstructionSet;
use micro::{Begin, Kernels, MAXIMUM_HEIGHT, MAXIMUM_WIDTH, Shape, Tile};

/// Most steps of depth in a block: a panel of the right matrix stays in the first-level cache.
const MAXIMUM_DEPTH: usize = 192;
/// Most rows of a block of the left matrix: it stays in the second-level cache.
const MAXIMUM_ROWS: usize = 512;
/// Panels of the right matrix that are packed together.
const PANELS: usize = 8;

/// The blocks that a depth is cut into: nearly equal, at most [`MAXIMUM_DEPTH`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Depth {
    pub(super) total: usize,
    count: usize,
}

impl Depth {
    /// Of a number of steps.
    pub(super) fn of(total: usize) -> Self {
        Self { total, count: total.div_ceil(MAXIMUM_DEPTH).max(1) }
    }

    fn begin(self, block: usize) -> usize {
        self.total * block / self.count
    }

    fn range(self, block: usize) -> Range<usize> {
        self.begin(block)..self.begin(block + 1)
    }
}

/// How one operand lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Strides {
    /// From one row to the next.
    pub(super) row: usize,
    /// From one column to the next.
    pub(super) column: usize,
}

/// Elements of a matrix of `count` rows (of the left operand) or columns (of the right) packed in panels of `width`.
pub(super) fn packed_len(count: usize, width: usize, depth: usize) -> usize {
    count.div_ceil(width) * width * depth
}

/// Packs some panels of an operand: block of depth after block of depth, in each panel after panel, in each step after step.
///
/// `at(index)` is where row (or column) `index` begins, `step` the distance from one step of the depth to the next.
///
/// # Safety
/// Both operands are as large as the numbers say; nobody else writes to these panels.
pub(super) unsafe fn pack(
    source: *const f32,
    (count, stride): (usize, usize),
    (depth, step): (Depth, usize),
    width: usize,
    panels: Range<usize>,
    target: *mut f32,
) {
    let total_panels = count.div_ceil(width);
    for block in 0..depth.count {
        let steps = depth.range(block);
        for panel in panels.clone() {
            let first = panel * width;
            let filled = width.min(count - first);
            // SAFETY: as the caller promises.
            unsafe {
                let mut to = target.add(steps.start * total_panels * width + panel * steps.len() * width);
                if stride == 1 && filled == width {
                    for k in steps.clone() {
                        std::ptr::copy_nonoverlapping(source.add(first + k * step), to, width);
                        to = to.add(width);
                    }
                } else {
                    for k in steps.clone() {
                        for lane in 0..filled {
                            *to.add(lane) = *source.add((first + lane) * stride + k * step);
                        }
                        for lane in filled..width {
                            *to.add(lane) = 0.0;
                        }
                        to = to.add(width);
                    }
                }
            }
        }
    }
}

/// Packs columns of a right operand that is made as it is needed.
pub(super) trait Columns {
    /// Writes for each step of the depth `width` elements: those of columns `first..first + count`, the rest as it comes.
    ///
    /// # Safety
    /// The target has room for `depth.len() * width` elements and a vector more.
    unsafe fn pack(&self, first: usize, count: usize, depth: Range<usize>, width: usize, target: *mut f32);
}

/// Where the right operand comes from.
pub(super) enum Right<'a> {
    /// Packed by [`pack`] with the width of the tiles.
    Packed(*const f32),
    /// Dense rows at this distance: packed only where a panel is not full.
    Dense(*const f32, usize),
    /// Packed as needed.
    Made(&'a dyn Columns),
}

/// What is added to each element.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bias {
    /// Nothing.
    None,
    /// One number for each row of the whole product.
    Rows(*const f32),
    /// One number for each column of the whole product; readable to a multiple of [`MAXIMUM_WIDTH`].
    Columns(*const f32),
}

/// A product to be computed: `target = activation(left * right + bias + residual)`.
pub(super) struct Product<'a> {
    /// Rows of all.
    pub(super) rows: usize,
    /// Columns of all.
    pub(super) columns: usize,
    /// The reduced dimension.
    pub(super) depth: Depth,
    /// Packed by [`pack`] with the height of the tiles.
    pub(super) left: *const f32,
    /// The other operand.
    pub(super) right: Right<'a>,
    /// First element of the result.
    pub(super) target: *mut f32,
    /// From one row of the result to the next.
    pub(super) target_stride: usize,
    /// What is added.
    pub(super) bias: Bias,
    /// What is added, laid out as the target; may be null.
    pub(super) residual: *const f32,
    /// Applied last.
    pub(super) activation: Activation,
}

/// A machine's way of multiplying.
#[derive(Clone)]
pub(super) struct Multiplier {
    pub(super) set: InstructionSet,
    pub(super) shape: Shape,
    kernels: Kernels,
}

impl Multiplier {
    /// For an instruction set that the machine has.
    pub(super) fn of(set: InstructionSet) -> Self {
        Self { set, shape: Shape::of(set), kernels: micro::kernels(set) }
    }

    /// Scratch memory that [`Self::multiply`] needs, in elements.
    pub(super) fn scratch_elements(&self, right_is_packed: bool) -> usize {
        let tile = 2 * MAXIMUM_HEIGHT * MAXIMUM_WIDTH;
        if right_is_packed { tile } else { tile + PANELS * MAXIMUM_DEPTH * self.shape.width() + 64 }
    }

    /// Computes rows (from a multiple of the tile's height on) and columns (from a multiple of its width on) of a product.
    ///
    /// # Safety
    /// All operands are as large as the numbers say, `scratch` has [`Self::scratch_elements`], and nobody else touches that part of
    /// the target.
    pub(super) unsafe fn multiply(&self, product: &Product<'_>, rows: Range<usize>, columns: Range<usize>, scratch: *mut f32) {
        let width = self.shape.width();
        if rows.is_empty() || columns.is_empty() {
            return;
        }
        // SAFETY: the first parts of the scratch memory are for a tile and its residual, the rest for packed panels.
        let packed = unsafe { scratch.add(2 * MAXIMUM_HEIGHT * MAXIMUM_WIDTH) };
        let mut first = columns.start;
        while first < columns.end {
            let end = columns.end.min(first + PANELS * width);
            for block in 0..product.depth.count {
                let steps = product.depth.range(block);
                let is_dense = |column: usize| matches!(product.right, Right::Dense(..)) && column + width <= product.columns;
                for column in (first..end).step_by(width) {
                    let count = width.min(end - column);
                    // SAFETY: there is room for that many panels.
                    unsafe {
                        let target = packed.add((column - first) * steps.len());
                        match product.right {
                            Right::Made(source) => source.pack(column, count, steps.clone(), width, target),
                            Right::Dense(source, stride) if !is_dense(column) => {
                                for (index, k) in steps.clone().enumerate() {
                                    let from = source.add(k * stride + column);
                                    std::ptr::copy_nonoverlapping(from, target.add(index * width), count);
                                }
                            }
                            _ => {}
                        }
                    }
                }
                let mut top = rows.start;
                while top < rows.end {
                    let bottom = rows.end.min(top + MAXIMUM_ROWS);
                    for column in (first..end).step_by(width) {
                        // SAFETY: all within the operands.
                        let (right, right_stride) = unsafe {
                            match product.right {
                                Right::Packed(source) => {
                                    let panels = product.columns.div_ceil(width);
                                    let at = steps.start * panels * width + column * steps.len();
                                    (source.add(at), width)
                                }
                                Right::Dense(source, stride) if is_dense(column) => {
                                    (source.add(steps.start * stride + column), stride)
                                }
                                _ => (packed.add((column - first) * steps.len()).cast_const(), width),
                            }
                        };
                        let count = width.min(end - column);
                        for row in (top..bottom).step_by(self.shape.height) {
                            let height = self.shape.height.min(bottom - row);
                            // SAFETY: as the caller promises.
                            unsafe {
                                self.tile(product, block, (row, height), (column, count), (right, right_stride), scratch);
                            }
                        }
                    }
                    top = bottom;
                }
            }
            first = end;
        }
    }

    /// One tile, for one block of the depth.
    unsafe fn tile(
        &self,
        product: &Product<'_>,
        block: usize,
        (row, height): (usize, usize),
        (column, count): (usize, usize),
        (right, right_stride): (*const f32, usize),
        scratch: *mut f32,
    ) {
        let steps = product.depth.range(block);
        let is_last = block + 1 == product.depth.count;
        let panels = product.rows.div_ceil(self.shape.height);
        let vectors = count.div_ceil(self.shape.lanes);
        let written = vectors * self.shape.lanes;
        // SAFETY: as the caller promises; a tile that is not full is computed in scratch memory.
        unsafe {
            let left = product.left.add(steps.start * panels * self.shape.height + row * steps.len());
            let place = product.target.add(row * product.target_stride + column);
            let residual = |at: usize| if product.residual.is_null() { product.residual } else { product.residual.add(at) };
            let residual = if is_last { residual(row * product.target_stride + column) } else { std::ptr::null() };
            let begin = match product.bias {
                _ if block > 0 => Begin::Target,
                Bias::None => Begin::Zero,
                Bias::Rows(bias) => Begin::Rows(bias.add(row)),
                Bias::Columns(bias) => Begin::Columns(bias.add(column)),
            };
            let (low, high) = match product.activation {
                Activation::Clamp(low, high) if is_last => (low, high),
                _ => (f32::NEG_INFINITY, f32::INFINITY),
            };
            let is_whole = written == count;
            let (target, target_stride) = if is_whole { (place, product.target_stride) } else { (scratch, MAXIMUM_WIDTH) };
            let padded = scratch.add(MAXIMUM_HEIGHT * MAXIMUM_WIDTH);
            let mut tile =
                Tile { left, right, right_stride, depth: steps.len(), target, target_stride, begin, residual, low, high };
            if !is_whole {
                for line in 0..height {
                    let from = place.add(line * product.target_stride);
                    if block > 0 {
                        std::ptr::copy_nonoverlapping(from, scratch.add(line * MAXIMUM_WIDTH), count);
                    }
                    if !residual.is_null() {
                        let from = residual.add(line * product.target_stride);
                        std::ptr::copy_nonoverlapping(from, padded.add(line * MAXIMUM_WIDTH), count);
                    }
                }
                if !residual.is_null() {
                    tile.residual = padded;
                }
            }
            self.kernels[height - 1][vectors - 1](&tile);
            if is_last && !matches!(product.activation, Activation::Identity | Activation::Clamp(..)) {
                for line in 0..height {
                    let at = target.add(line * target_stride);
                    activation::apply(self.set, product.activation, at, at, count);
                }
            }
            if !is_whole {
                for line in 0..height {
                    let from = scratch.add(line * MAXIMUM_WIDTH);
                    std::ptr::copy_nonoverlapping(from, place.add(line * product.target_stride), count);
                }
            }
        }
    }
}

/// Memory for numbers on boundaries of 64 bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Aligned(Vec<Line>);

#[repr(C, align(64))]
#[derive(Clone, Copy, Debug)]
struct Line([f32; 16]);

impl Aligned {
    /// Zeros.
    pub(super) fn zeroed(elements: usize) -> Self {
        Self(vec![Line([0.0; 16]); elements.div_ceil(16)])
    }

    /// Makes it at least as long.
    pub(super) fn grow(&mut self, elements: usize) {
        if self.0.len() * 16 < elements {
            *self = Self::zeroed(elements);
        }
    }

    /// Bytes of it.
    pub(super) fn bytes(&self) -> usize {
        self.0.len() * size_of::<Line>()
    }

    /// Whether it holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// First element.
    pub(super) fn pointer(&self) -> *const f32 {
        self.0.as_ptr().cast()
    }

    /// First element, to be written.
    pub(super) fn pointer_mut(&mut self) -> *mut f32 {
        self.0.as_mut_ptr().cast()
    }

    /// A copy of numbers, with zeros up to the next multiple of `granule`.
    pub(super) fn padded(values: &[f32], granule: usize) -> Self {
        let mut all = Self::zeroed(values.len().next_multiple_of(granule));
        for (line, chunk) in all.0.iter_mut().zip(values.chunks(16)) {
            line.0[..chunk.len()].copy_from_slice(chunk);
        }
        all
    }
}
