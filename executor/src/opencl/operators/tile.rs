//! Which part of a matrix product one work-item computes.

use super::super::step::Target;

/// Rows and columns of the result in one work-item's registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    pub(super) rows: usize,
    pub(super) vectors: usize,
    vector: usize,
}

/// Rows, vectors of columns, and assumed relative speed in full tiles. Those of 8x1, 8x2, 8x3 and 6x4 follow trials under PoCL on
/// one AVX-512 core; those of the smaller tiles are guesses that only order them.
const CPU_TILES: [(usize, usize, f64); 8] =
    [(8, 2, 1.0), (6, 4, 1.0), (8, 3, 1.0), (8, 1, 0.8), (4, 4, 0.9), (4, 2, 0.7), (2, 4, 0.6), (1, 4, 0.3)];

/// Elements of a left operand that stay in a core's own cache next to the rest.
const CACHED_ELEMENTS: usize = 128 * 1024;

impl Tile {
    /// The tile that wastes least on a result of `rows` x `columns`, summed over `depth`. `must_fit`: no tile may be wider than the
    /// result.
    pub(super) fn choose(target: Target, [rows, depth, columns]: [usize; 3], must_fit: bool) -> Option<Self> {
        let vector = target.vector();
        if !target.is_cpu {
            let tile = Self { rows: if rows == 1 { 1 } else { 4 }, vectors: 1, vector };
            return (!must_fit || columns >= vector).then_some(tile);
        }
        CPU_TILES
            .iter()
            .map(|&(tile_rows, vectors, speed)| (Self { rows: tile_rows, vectors, vector }, speed))
            .filter(|(tile, _)| !must_fit || tile.width() <= columns)
            .map(|(tile, speed)| {
                let work = rows.next_multiple_of(tile.rows) * columns.next_multiple_of(tile.width());
                // A left operand beyond the second level of cache is read again for each tile of columns: fewer are better.
                let gain = if tile.width() == 64 && rows * depth > CACHED_ELEMENTS { 1.2 } else { 1.0 };
                (tile, work as f64 / (speed * gain))
            })
            .min_by(|one, other| one.1.total_cmp(&other.1))
            .map(|(tile, _)| tile)
    }

    /// Columns of the result.
    pub(super) const fn width(self) -> usize {
        self.vectors * self.vector
    }

    /// Options of the compiler.
    pub(super) fn options(self, target: Target, is_packed: bool, has_taps: bool) -> String {
        format!(
            "-DROWS={} -DVECTORS={} -DPACKED={} -DTAPS={} -DCOLUMNS_FIRST={}",
            self.rows,
            self.vectors,
            u8::from(is_packed),
            u8::from(has_taps),
            u8::from(!target.is_cpu)
        )
    }

    /// Work-items for `batches` results of `rows` x `columns`.
    pub(super) fn global(self, target: Target, rows: usize, columns: usize, batches: usize) -> [usize; 3] {
        let (down, across) = (rows.div_ceil(self.rows), columns.div_ceil(self.width()));
        if target.is_cpu { [down, across, batches] } else { [across, down, batches] }
    }
}
