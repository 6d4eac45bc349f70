//! Movement of elements by strides: `Transpose`, `Slice`, `Split`, `Concat`, `Expand`, depth and space, constant `Pad`.

use sim::graph::DataType;

use super::build::Fusible;
use super::kernel::{Arguments, Kernel};
use super::node::product;

/// Elements from one input to one output: both walk over the same sizes, each with its own strides.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) input: usize,
    pub(super) output: usize,
    pub(super) sizes: Vec<usize>,
    pub(super) source: Vec<isize>,
    pub(super) target: Vec<isize>,
    pub(super) source_offset: usize,
    pub(super) target_offset: usize,
}

/// Strides of a dense tensor.
pub(super) fn dense(sizes: &[usize]) -> Vec<isize> {
    let mut strides = vec![1; sizes.len()];
    for axis in (1..sizes.len()).rev() {
        strides[axis - 1] = strides[axis] * sizes[axis] as isize;
    }
    strides
}

/// A side of a tile of elements that are transposed together.
const SIDE: usize = 16;

impl Piece {
    /// Merges neighbouring dimensions; where the last is not contiguous in the source but another is, makes that the last but one.
    fn simplified(mut self) -> Self {
        let mut axis = 0;
        while axis < self.sizes.len() {
            if self.sizes[axis] == 1 {
                self.remove(axis);
            } else {
                axis += 1;
            }
        }
        let mut axis = 1;
        while axis < self.sizes.len() {
            let size = self.sizes[axis] as isize;
            if self.source[axis - 1] == self.source[axis] * size && self.target[axis - 1] == self.target[axis] * size {
                self.sizes[axis] *= self.sizes[axis - 1];
                self.remove(axis - 1);
            } else {
                axis += 1;
            }
        }
        if self.sizes.is_empty() {
            self.sizes.push(1);
            self.source.push(1);
            self.target.push(1);
        }
        let last = self.sizes.len() - 1;
        if self.source[last] != 1
            && self.target[last] == 1
            && let Some(axis) = self.source[..last].iter().position(|&stride| stride == 1)
        {
            for list in [&mut self.source, &mut self.target] {
                let stride = list.remove(axis);
                list.insert(last - 1, stride);
            }
            let size = self.sizes.remove(axis);
            self.sizes.insert(last - 1, size);
        }
        self
    }

    fn remove(&mut self, axis: usize) {
        self.sizes.remove(axis);
        self.source.remove(axis);
        self.target.remove(axis);
    }

    fn is_transposed(&self) -> bool {
        let last = self.sizes.len() - 1;
        last > 0 && self.source[last] != 1 && self.source[last - 1] == 1
    }

    /// How many lines (or tiles' rows) there are, each of which one thread moves.
    fn lines(&self) -> usize {
        product(&self.sizes[..self.sizes.len() - 1])
    }

    /// Moves some lines.
    ///
    /// # Safety
    /// Everything lies within source and target, and nobody else touches what is written.
    unsafe fn run<T: Copy>(&self, lines: std::ops::Range<usize>, source: *const T, target: *mut T) {
        let last = self.sizes.len() - 1;
        let outer = &self.sizes[..last];
        let (size, from_stride, to_stride) = (self.sizes[last], self.source[last], self.target[last]);
        let mut index = vec_of_index(lines.start, outer);
        let mut line = lines.start;
        while line < lines.end {
            let offset = |strides: &[isize]| -> isize {
                index[..last].iter().zip(strides).map(|(&index, &stride)| index as isize * stride).sum()
            };
            // SAFETY: as the caller promises.
            unsafe {
                let from = source.add(self.source_offset).offset(offset(&self.source));
                let to = target.add(self.target_offset).offset(offset(&self.target));
                let mut done = 1;
                if from_stride == 1 && to_stride == 1 {
                    std::ptr::copy_nonoverlapping(from, to, size);
                } else if self.is_transposed() {
                    // Several lines at once, as far as they are neighbours in the source.
                    done = (self.sizes[last - 1] - index[last - 1]).min(SIDE).min(lines.end - line);
                    let down = self.target[last - 1];
                    for begin in (0..size).step_by(SIDE) {
                        for row in 0..done {
                            for column in begin..size.min(begin + SIDE) {
                                *to.offset(row as isize * down + column as isize * to_stride) =
                                    *from.offset(row as isize + column as isize * from_stride);
                            }
                        }
                    }
                } else if from_stride == 0 && to_stride == 1 {
                    std::slice::from_raw_parts_mut(to, size).fill(*from);
                } else {
                    for column in 0..size as isize {
                        *to.offset(column * to_stride) = *from.offset(column * from_stride);
                    }
                }
                line += done;
                advance(&mut index[..last], outer, done);
            }
        }
    }
}

/// Most dimensions of a tensor that kernels walk over.
pub(super) const MAXIMUM_RANK: usize = 12;

/// The index of a line of a tensor of those sizes.
pub(super) fn vec_of_index(mut line: usize, sizes: &[usize]) -> [usize; MAXIMUM_RANK] {
    let mut index = [0; MAXIMUM_RANK];
    for (index, &size) in index[..sizes.len()].iter_mut().zip(sizes).rev() {
        *index = line % size;
        line /= size;
    }
    index
}

/// Steps forward in the last dimension, by no more than is left of it.
pub(super) fn advance(index: &mut [usize], sizes: &[usize], steps: usize) {
    let mut carry = steps;
    for (index, &size) in index.iter_mut().zip(sizes).rev() {
        *index += carry;
        if *index < size {
            return;
        }
        *index -= size;
        carry = 1;
    }
}

/// Moves pieces, after filling the output with a value where the pieces leave gaps.
pub(super) struct Movement {
    pieces: Vec<Piece>,
    width: usize,
    fill: Option<(usize, u64)>,
}

impl Movement {
    /// Of elements of a type.
    pub(super) fn new(data_type: DataType, pieces: Vec<Piece>) -> Self {
        let pieces = pieces.into_iter().filter(|piece| product(&piece.sizes) > 0).map(Piece::simplified).collect();
        Self { pieces, width: data_type.bytes() as usize, fill: None }
    }

    /// Fills that many elements of the output first, with the lowest bytes of a number.
    pub(super) fn filled(mut self, elements: usize, bits: u64) -> Self {
        self.fill = Some((elements, bits));
        self
    }

    unsafe fn typed<T: Copy>(&self, value: Option<T>, arguments: &Arguments<'_>) {
        if let (Some(value), Some((elements, _))) = (value, self.fill) {
            // SAFETY: parts do not overlap.
            unsafe { arguments.output::<T>(0, arguments.share.range(elements, 64)) }.fill(value);
            return;
        }
        // Threads take lines of all pieces together, so that many small pieces are shared out as well as one large one.
        let total: usize = self.pieces.iter().map(Piece::lines).sum();
        let granule = if self.pieces.iter().any(Piece::is_transposed) { SIDE } else { 1 };
        let mine = arguments.share.range(total, granule);
        let mut before = 0;
        for piece in &self.pieces {
            let lines = piece.lines();
            let (begin, end) = (mine.start.clamp(before, before + lines), mine.end.clamp(before, before + lines));
            if begin < end {
                // SAFETY: pieces lie within their tensors and do not overlap in the target.
                unsafe {
                    let (source, target) =
                        (arguments.inputs[piece.input].cast::<T>(), arguments.outputs[piece.output].cast::<T>());
                    piece.run(begin - before..end - before, source, target);
                }
            }
            before += lines;
        }
    }
}

impl Fusible for Movement {}

impl Kernel for Movement {
    fn phases(&self) -> usize {
        1 + usize::from(self.fill.is_some())
    }

    fn run(&self, phase: usize, arguments: &Arguments<'_>) {
        let fill = self.fill.filter(|_| phase == 0).map(|(_, bits)| bits);
        // SAFETY: the elements are as wide as the type.
        unsafe {
            match self.width {
                1 => self.typed(fill.map(|bits| bits as u8), arguments),
                2 => self.typed(fill.map(|bits| bits as u16), arguments),
                4 => self.typed(fill.map(|bits| bits as u32), arguments),
                8 => self.typed(fill, arguments),
                _ => self.typed(fill.map(u128::from), arguments),
            }
        }
    }
}

/// Elements looked up by tables: what lies at `(i, j, ..)` comes from `tables[0][i] + tables[1][j] + ..`.
pub(super) struct Mapped {
    tables: Vec<Vec<usize>>,
    sizes: Vec<usize>,
    width: usize,
}

impl Mapped {
    /// One table for each dimension of the output, of offsets in elements of the input.
    pub(super) fn new(data_type: DataType, mut tables: Vec<Vec<usize>>) -> Self {
        // Leading dimensions are merged as far as the tables stay small.
        while tables.len() > 2 && tables[0].len() * tables[1].len() <= 1 << 16 {
            let first = tables.remove(0);
            tables[0] = first.iter().flat_map(|&one| tables[0].iter().map(move |&other| one + other)).collect();
        }
        Self { sizes: tables.iter().map(Vec::len).collect(), tables, width: data_type.bytes() as usize }
    }

    unsafe fn typed<T: Copy>(&self, arguments: &Arguments<'_>) {
        let Some((inner, outer)) = self.tables.split_last() else {
            // SAFETY: a scalar.
            unsafe { *arguments.outputs[0].cast::<T>() = *arguments.inputs[0].cast::<T>() };
            return;
        };
        let source = arguments.inputs[0].cast::<T>();
        let sizes = &self.sizes[..outer.len()];
        for line in arguments.share.range(product(sizes), 1) {
            let index = vec_of_index(line, sizes);
            let base: usize = outer.iter().zip(index).map(|(table, index)| table[index]).sum();
            // SAFETY: each line is written by one thread; tables point into the input.
            unsafe {
                let target = arguments.output::<T>(0, line * inner.len()..(line + 1) * inner.len());
                for (target, &offset) in target.iter_mut().zip(inner) {
                    *target = *source.add(base + offset);
                }
            }
        }
    }
}

impl Fusible for Mapped {}

impl Kernel for Mapped {
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

/// Slices of an input along an axis, by indices that another input holds.
pub(super) struct Gather {
    pub(super) outer: usize,
    pub(super) axis_size: usize,
    pub(super) inner_bytes: usize,
    pub(super) indices: usize,
    pub(super) is_long: bool,
}

impl Fusible for Gather {}

impl Kernel for Gather {
    fn run(&self, _: usize, arguments: &Arguments<'_>) {
        for row in arguments.share.range(self.outer * self.indices, 1) {
            let (outer, position) = (row / self.indices, row % self.indices);
            let index = if self.is_long {
                arguments.input::<i64>(1, self.indices)[position]
            } else {
                i64::from(arguments.input::<i32>(1, self.indices)[position])
            };
            let index = if index < 0 { index + self.axis_size as i64 } else { index };
            let Some(index) = usize::try_from(index).ok().filter(|&index| index < self.axis_size) else {
                arguments.fail();
                continue;
            };
            let input: &[u8] = arguments.input(0, self.outer * self.axis_size * self.inner_bytes);
            // SAFETY: each row is written by one thread.
            let target = unsafe { arguments.output::<u8>(0, row * self.inner_bytes..(row + 1) * self.inner_bytes) };
            target.copy_from_slice(&input[(outer * self.axis_size + index) * self.inner_bytes..][..self.inner_bytes]);
        }
    }
}
