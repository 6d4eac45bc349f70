//! Which rows of what it reads a task needs for some of its output rows: what operator chains and their halos rest on.

/// How output rows relate to the rows of something that a task reads. Rows are the last dimension but one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowAccess {
    /// Any output row may need all of it.
    #[default]
    All,
    /// Output row `r` needs the rows from `r x stride - pad_top` on, `extent` of them, as far as they exist.
    Window {
        /// Rows from the window of one output row to that of the next.
        stride: u32,
        /// Rows of a window, dilation included.
        extent: u32,
        /// Rows of padding above the first.
        pad_top: u32,
    },
}

impl RowAccess {
    /// Each output row needs the row of the same number.
    pub const SAME: Self = Self::Window { stride: 1, extent: 1, pad_top: 0 };

    /// The rows, of `rows`, that the output rows `begin..end` need.
    pub fn rows(self, (begin, end): (u32, u32), rows: u32) -> (u32, u32) {
        match self {
            Self::All => (0, rows),
            Self::Window { .. } if begin >= end => (0, 0),
            Self::Window { stride, extent, pad_top } => {
                let at = |row: u64| row.saturating_sub(u64::from(pad_top)).min(u64::from(rows)) as u32;
                let first = u64::from(begin) * u64::from(stride);
                (at(first), at(u64::from(end - 1) * u64::from(stride) + u64::from(extent)))
            }
        }
    }

    /// What serves both: where a task reads one thing in two ways.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (Self::Window { stride, extent, pad_top }, Self::Window { stride: also, extent: more, pad_top: above }) =
            (self, other)
        else {
            return Self::All;
        };
        if stride != also {
            return Self::All;
        }
        let pad = pad_top.max(above);
        Self::Window { stride, extent: (extent + (pad - pad_top)).max(more + (pad - above)), pad_top: pad }
    }
}

/// The place of boundary `at` of `of` in a dimension of `size`, rounded down: as [`crate::cost::slice_work`] cuts.
#[inline]
pub(crate) fn boundary(size: u32, at: u32, of: u32) -> u32 {
    if of == size { at } else { (u64::from(size) * u64::from(at) / u64::from(of.max(1))) as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_read_their_halo_as_far_as_there_are_rows() {
        let of_3x3 = RowAccess::Window { stride: 1, extent: 3, pad_top: 1 };
        let strided = RowAccess::Window { stride: 2, extent: 3, pad_top: 1 };
        let cases = [
            (RowAccess::All, (3, 4), 10, (0, 10)),
            (RowAccess::SAME, (3, 7), 10, (3, 7)),
            (of_3x3, (0, 5), 10, (0, 6)),
            (of_3x3, (5, 10), 10, (4, 10)),
            (of_3x3, (4, 4), 10, (0, 0)),
            (strided, (0, 2), 10, (0, 4)),
            (strided, (2, 5), 10, (3, 10)),
        ];
        for (access, output, rows, expected) in cases {
            assert_eq!(access.rows(output, rows), expected, "{access:?} {output:?}");
        }
    }

    #[test]
    fn reading_in_two_ways_needs_what_either_needs() {
        let window = |stride, extent, pad_top| RowAccess::Window { stride, extent, pad_top };
        assert_eq!(window(1, 3, 1).and(RowAccess::SAME), window(1, 3, 1));
        assert_eq!(window(1, 3, 0).and(window(1, 3, 2)), window(1, 5, 2));
        assert_eq!(window(2, 3, 1).and(RowAccess::SAME), RowAccess::All);
        assert_eq!(RowAccess::SAME.and(RowAccess::All), RowAccess::All);
    }
}
