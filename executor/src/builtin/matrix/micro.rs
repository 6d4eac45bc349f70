//! Micro-kernels: a tile of a matrix product that stays in registers.
//!
//! The tile of each instruction set fills its registers: rows x vectors of sums, a line of vectors of the right matrix, one
//! element of the left (Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008).

use crate::builtin::instruction_set::InstructionSet;

/// Most columns of a tile of any instruction set.
pub(in crate::builtin) const MAXIMUM_WIDTH: usize = 48;
/// Most rows of a tile of any instruction set.
pub(super) const MAXIMUM_HEIGHT: usize = 8;
/// Most vectors in a row of a tile.
const VECTORS: usize = 3;

/// What is added to the products before they are written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Begin {
    /// Nothing.
    Zero,
    /// What the target holds: an earlier part of the sum.
    Target,
    /// One number for each row.
    Rows(*const f32),
    /// One number for each column.
    Columns(*const f32),
}

/// A tile to be computed: all columns of its width are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    /// Rows of the left matrix: for each step of the depth, [`Shape::height`] elements.
    pub(super) left: *const f32,
    /// Columns of the right matrix: for each step of the depth, `width` elements.
    pub(super) right: *const f32,
    /// From one step of the depth to the next.
    pub(super) right_stride: usize,
    /// Steps.
    pub(super) depth: usize,
    /// First element of the result.
    pub(super) target: *mut f32,
    /// From one row of the result to the next.
    pub(super) target_stride: usize,
    /// What is added.
    pub(super) begin: Begin,
    /// Another matrix to be added, laid out like the target; may be null.
    pub(super) residual: *const f32,
    /// The result is made no smaller.
    pub(super) low: f32,
    /// The result is made no larger.
    pub(super) high: f32,
}

/// Sizes of the tiles of an instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::builtin) struct Shape {
    /// Rows.
    pub(in crate::builtin) height: usize,
    /// Elements of a vector.
    pub(in crate::builtin) lanes: usize,
}

impl Shape {
    /// The shape for an instruction set.
    pub(in crate::builtin) const fn of(set: InstructionSet) -> Self {
        match set {
            InstructionSet::Avx512 => Self { height: 8, lanes: 16 },
            InstructionSet::Avx2 => Self { height: 4, lanes: 8 },
            InstructionSet::Portable => Self { height: 4, lanes: 4 },
        }
    }

    /// Columns.
    pub(in crate::builtin) const fn width(self) -> usize {
        self.lanes * VECTORS
    }
}

macro_rules! micro_kernel {
    (
        $(#[$attribute:meta])* $name:ident, $height:literal x $lanes:literal of $vector:ty:
        $splat:path, $load:path, $store:path, $multiply_add:path, $add:path, $minimum:path, $maximum:path
    ) => {
        $(#[$attribute])*
        unsafe fn $name<const ROWS: usize, const COLUMNS: usize>(tile: &Tile) {
            // SAFETY: the caller promises a valid tile and the instructions.
            unsafe {
                let zero: $vector = $splat(0.0);
                let mut sums = [[zero; COLUMNS]; ROWS];
                let (mut left, mut right) = (tile.left, tile.right);
                for _ in 0..tile.depth {
                    let mut line = [zero; COLUMNS];
                    for (index, vector) in line.iter_mut().enumerate() {
                        *vector = $load(right.add(index * $lanes));
                    }
                    for (index, row) in sums.iter_mut().enumerate() {
                        let factor: $vector = $splat(*left.add(index));
                        for (sum, &vector) in row.iter_mut().zip(&line) {
                            *sum = $multiply_add(factor, vector, *sum);
                        }
                    }
                    left = left.add($height);
                    right = right.add(tile.right_stride);
                }
                let (low, high): ($vector, $vector) = ($splat(tile.low), $splat(tile.high));
                for (index, row) in sums.iter().enumerate() {
                    let target = tile.target.add(index * tile.target_stride);
                    for (column, &sum) in row.iter().enumerate() {
                        let sum = match tile.begin {
                            Begin::Zero => sum,
                            Begin::Target => $add(sum, $load(target.add(column * $lanes))),
                            Begin::Rows(bias) => $add(sum, $splat(*bias.add(index))),
                            Begin::Columns(bias) => $add(sum, $load(bias.add(column * $lanes))),
                        };
                        let sum = if tile.residual.is_null() {
                            sum
                        } else {
                            $add(sum, $load(tile.residual.add(index * tile.target_stride + column * $lanes)))
                        };
                        // The operand order lets a NaN through.
                        $store(target.add(column * $lanes), $minimum(high, $maximum(low, sum)));
                    }
                }
            }
        }
    };
}

/// Defines a function that finds the kernel for as many rows and vectors.
macro_rules! finder {
    ($name:ident of $kernel:ident: $($rows:literal)*) => {
        pub(super) fn $name(rows: usize, vectors: usize) -> Option<unsafe fn(&Tile)> {
            Some(match (rows, vectors) {
                $(($rows, 1) => $kernel::<$rows, 1>,
                ($rows, 2) => $kernel::<$rows, 2>,
                ($rows, 3) => $kernel::<$rows, 3>,)*
                _ => return None,
            })
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod intrinsics {
    use std::arch::x86_64::{
        __m256, __m512, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps, _mm256_set1_ps,
        _mm256_storeu_ps, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_max_ps, _mm512_min_ps, _mm512_set1_ps,
        _mm512_storeu_ps,
    };

    use super::{Begin, Tile};

    micro_kernel!(
        #[target_feature(enable = "avx512f")]
        avx512, 8 x 16 of __m512:
        _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps, _mm512_add_ps, _mm512_min_ps, _mm512_max_ps
    );
    micro_kernel!(
        #[target_feature(enable = "avx2,fma")]
        avx2, 4 x 8 of __m256:
        _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps, _mm256_add_ps, _mm256_min_ps, _mm256_max_ps
    );
    finder!(find_avx512 of avx512: 1 2 3 4 5 6 7 8);
    finder!(find_avx2 of avx2: 1 2 3 4);
}

/// The same in plain code, for machines with four lanes.
mod plain {
    use super::{Begin, Tile};
    use crate::builtin::instruction_set::PORTABLE_FUSED;

    type Lanes = [f32; 4];

    #[inline(always)]
    fn each(one: Lanes, other: Lanes, function: impl Fn(f32, f32) -> f32) -> Lanes {
        std::array::from_fn(|lane| function(one[lane], other[lane]))
    }

    #[inline(always)]
    fn splat(value: f32) -> Lanes {
        [value; 4]
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> Lanes {
        // SAFETY: the caller promises four elements.
        unsafe { at.cast::<Lanes>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(at: *mut f32, value: Lanes) {
        // SAFETY: the caller promises room for four elements.
        unsafe { at.cast::<Lanes>().write_unaligned(value) }
    }

    #[inline(always)]
    fn multiply_add(factor: Lanes, vector: Lanes, sum: Lanes) -> Lanes {
        std::array::from_fn(|lane| {
            crate::builtin::instruction_set::multiply_add::<PORTABLE_FUSED>(factor[lane], vector[lane], sum[lane])
        })
    }

    #[inline(always)]
    fn add(one: Lanes, other: Lanes) -> Lanes {
        each(one, other, |one, other| one + other)
    }

    #[inline(always)]
    fn minimum(one: Lanes, other: Lanes) -> Lanes {
        each(one, other, |one, other| if one < other { one } else { other })
    }

    #[inline(always)]
    fn maximum(one: Lanes, other: Lanes) -> Lanes {
        each(one, other, |one, other| if one > other { one } else { other })
    }

    micro_kernel!(portable, 4 x 4 of Lanes: splat, load, store, multiply_add, add, minimum, maximum);
    finder!(find_portable of portable: 1 2 3 4);
}

/// The kernels of an instruction set: `[rows - 1][vectors - 1]`.
pub(super) type Kernels = [[unsafe fn(&Tile); VECTORS]; MAXIMUM_HEIGHT];

unsafe fn none(_: &Tile) {}

/// The kernels of an instruction set, up to the rows of its tiles.
pub(super) fn kernels(set: InstructionSet) -> Kernels {
    let find = match set {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => intrinsics::find_avx512,
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => intrinsics::find_avx2,
        _ => plain::find_portable,
    };
    std::array::from_fn(|row| std::array::from_fn(|vector| find(row + 1, vector + 1).unwrap_or(none)))
}
