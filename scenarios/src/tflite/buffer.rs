//! `FlatBuffers`, every offset checked: tables, vectors and scalars of a byte slice.
//!
//! A table is a position whose first four bytes lead back to its table of fields; a field that is absent has its default.

use super::error::Fault;

/// The bytes of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

/// A table at a position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    bytes: Bytes<'a>,
    pub(super) position: usize,
}

/// Elements of a vector: where the first is, and how many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vector {
    start: usize,
    pub(super) length: usize,
}

impl<'a> Bytes<'a> {
    fn array<const N: usize>(self, at: usize) -> Result<[u8; N], Fault> {
        let slice = at.checked_add(N).and_then(|end| self.0.get(at..end));
        let missing = || Fault::new(at, format!("{N} bytes are needed, but the file has {}", self.0.len()));
        slice.and_then(|slice| slice.try_into().ok()).ok_or_else(missing)
    }

    pub(super) fn byte(self, at: usize) -> Result<u8, Fault> {
        self.array::<1>(at).map(|[byte]| byte)
    }

    pub(super) fn u16(self, at: usize) -> Result<u16, Fault> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(super) fn u32(self, at: usize) -> Result<u32, Fault> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(super) fn i32(self, at: usize) -> Result<i32, Fault> {
        self.array(at).map(i32::from_le_bytes)
    }

    pub(super) fn f32(self, at: usize) -> Result<f32, Fault> {
        self.array(at).map(f32::from_le_bytes)
    }

    /// Where the offset at a position leads.
    fn follow(self, at: usize) -> Result<usize, Fault> {
        let target = at.checked_add(self.u32(at)? as usize).filter(|target| *target < self.0.len());
        target.ok_or_else(|| Fault::new(at, "an offset leads beyond the end of the file"))
    }

    /// The table that the offset at a position leads to.
    pub(super) fn table(self, at: usize) -> Result<Table<'a>, Fault> {
        Ok(Table { bytes: self, position: self.follow(at)? })
    }
}

impl<'a> Table<'a> {
    /// Where a field is; `None` where it is absent. `index` counts the fields of the schema from 0.
    pub(super) fn field(self, index: usize) -> Result<Option<usize>, Fault> {
        let back = i64::from(self.bytes.i32(self.position)?);
        let fields = usize::try_from(self.position as i64 - back)
            .map_err(|_| Fault::new(self.position, "a table of fields lies before the file"))?;
        let slot = 4 + 2 * index;
        if slot + 2 > usize::from(self.bytes.u16(fields)?) {
            return Ok(None);
        }
        let offset = usize::from(self.bytes.u16(fields.saturating_add(slot))?);
        Ok((offset != 0).then_some(self.position + offset))
    }

    pub(super) fn i32(self, index: usize, default: i32) -> Result<i32, Fault> {
        self.field(index)?.map_or(Ok(default), |at| self.bytes.i32(at))
    }

    pub(super) fn u32(self, index: usize) -> Result<u32, Fault> {
        self.field(index)?.map_or(Ok(0), |at| self.bytes.u32(at))
    }

    pub(super) fn byte(self, index: usize) -> Result<u8, Fault> {
        self.field(index)?.map_or(Ok(0), |at| self.bytes.byte(at))
    }

    pub(super) fn f32(self, index: usize) -> Result<f32, Fault> {
        self.field(index)?.map_or(Ok(0.0), |at| self.bytes.f32(at))
    }

    pub(super) fn table(self, index: usize) -> Result<Option<Self>, Fault> {
        self.field(index)?.map(|at| self.bytes.table(at)).transpose()
    }

    /// A vector of elements of `width` bytes; empty where it is absent.
    pub(super) fn vector(self, index: usize, width: usize) -> Result<Vector, Fault> {
        let Some(at) = self.field(index)? else { return Ok(Vector { start: 0, length: 0 }) };
        let target = self.bytes.follow(at)?;
        let length = self.bytes.u32(target)? as usize;
        let start = target + 4;
        let end = length.checked_mul(width).and_then(|size| start.checked_add(size));
        if end.is_none_or(|end| end > self.bytes.0.len()) {
            return Err(Fault::new(target, format!("a list of {length} elements leads beyond the end of the file")));
        }
        Ok(Vector { start, length })
    }

    /// The bytes of a vector of bytes.
    pub(super) fn slice(self, index: usize) -> Result<&'a [u8], Fault> {
        let vector = self.vector(index, 1)?;
        Ok(self.bytes.0.get(vector.start..vector.start + vector.length).unwrap_or_default())
    }

    pub(super) fn text(self, index: usize) -> Result<String, Fault> {
        Ok(String::from_utf8_lossy(self.slice(index)?).into_owned())
    }

    pub(super) fn integers(self, index: usize) -> Result<Vec<i32>, Fault> {
        let vector = self.vector(index, 4)?;
        (0..vector.length).map(|place| self.bytes.i32(vector.start + 4 * place)).collect()
    }

    pub(super) fn tables(self, index: usize) -> Result<Vec<Self>, Fault> {
        let vector = self.vector(index, 4)?;
        (0..vector.length).map(|place| self.bytes.table(vector.start + 4 * place)).collect()
    }
}
