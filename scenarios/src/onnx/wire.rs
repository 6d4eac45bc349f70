//! Walks protobuf fields through a buffered reader, with the offset at hand and without loading what is stepped over.

use std::io::{BufReader, Read, Seek, SeekFrom};

use prost::Message;
use prost::bytes::Bytes;

use super::error::OnnxError;

/// Messages up to this size are loaded and decoded whole; of larger initialisers the data are stepped over.
pub(super) const SMALL_MESSAGE_BYTES: u64 = 128 * 1024;

/// Bytes that a varint may have.
const MAXIMUM_VARINT_BYTES: usize = 10;

/// One field: its number and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Field number.
    pub(super) number: u64,
    /// Offset of its tag.
    pub(super) offset: u64,
    /// Its value, or the number of bytes that hold it.
    pub(super) value: Value,
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A number.
    Varint(u64),
    /// A number of fixed width, stepped over.
    Fixed,
    /// This many bytes follow; they must be read, stepped over or walked before the next field.
    Bytes(u64),
}

/// A position in a file.
pub(super) struct Scanner<'a, S> {
    file: &'a str,
    source: BufReader<S>,
    position: u64,
    length: u64,
}

impl<'a, S: Read + Seek> Scanner<'a, S> {
    pub(super) fn new(file: &'a str, mut source: S) -> Result<Self, OnnxError> {
        let io = |error| OnnxError::Io { file: file.to_owned(), error };
        let length = source.seek(SeekFrom::End(0)).map_err(io)?;
        source.seek(SeekFrom::Start(0)).map_err(io)?;
        Ok(Self { file, source: BufReader::new(source), position: 0, length })
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn malformed(&self, offset: u64, problem: impl Into<String>) -> OnnxError {
        OnnxError::Malformed { file: self.file.to_owned(), offset, problem: problem.into() }
    }

    pub(super) fn unsupported(&self, problem: impl Into<String>) -> OnnxError {
        OnnxError::Unsupported { file: self.file.to_owned(), problem: problem.into() }
    }

    /// The next field of a message that ends at `end`; `None` at its end.
    pub(super) fn field(&mut self, end: u64) -> Result<Option<Field>, OnnxError> {
        if self.position >= end {
            return Ok(None);
        }
        let offset = self.position;
        let tag = self.varint(end)?;
        let number = tag >> 3;
        if number == 0 || number >= 1 << 29 {
            return Err(self.malformed(offset, format!("{number} is not a field number")));
        }
        let value = match tag & 7 {
            0 => Value::Varint(self.varint(end)?),
            1 => self.skip(8, end).map(|()| Value::Fixed)?,
            5 => self.skip(4, end).map(|()| Value::Fixed)?,
            2 => {
                let count = self.varint(end)?;
                self.check_room(count, end)?;
                Value::Bytes(count)
            }
            other => return Err(self.malformed(offset, format!("{other} is not a wire type that ONNX uses"))),
        };
        Ok(Some(Field { number, offset, value }))
    }

    /// A varint that must end before `end`.
    pub(super) fn varint(&mut self, end: u64) -> Result<u64, OnnxError> {
        let offset = self.position;
        let mut value = 0_u64;
        for index in 0..MAXIMUM_VARINT_BYTES {
            self.check_room(1, end)?;
            let mut byte = [0];
            self.fill(&mut byte)?;
            value |= u64::from(byte[0] & 0x7f) << (7 * index);
            if byte[0] < 0x80 {
                return Ok(value);
            }
        }
        Err(self.malformed(offset, "a number has more than 10 bytes"))
    }

    /// Steps over the value of a field.
    pub(super) fn skip_value(&mut self, field: Field, end: u64) -> Result<(), OnnxError> {
        match field.value {
            Value::Bytes(count) => self.skip(count, end),
            Value::Varint(_) | Value::Fixed => Ok(()),
        }
    }

    /// Loads the bytes of a field and decodes them.
    pub(super) fn message<M: Message + Default>(&mut self, field: Field, count: u64, what: &str) -> Result<M, OnnxError> {
        let bytes = self.bytes(count)?;
        M::decode(Bytes::from(bytes))
            .map_err(|error| self.malformed(field.offset, format!("{what} of {count} bytes cannot be decoded: {error}")))
    }

    /// Loads bytes whose number [`Self::field`] has checked against the end of the message.
    pub(super) fn bytes(&mut self, count: u64) -> Result<Vec<u8>, OnnxError> {
        let size = usize::try_from(count).map_err(|_| self.malformed(self.position, "a field exceeds the address space"))?;
        let mut bytes = vec![0; size];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), OnnxError> {
        self.source.read_exact(bytes).map_err(|error| OnnxError::Io { file: self.file.to_owned(), error })?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn skip(&mut self, count: u64, end: u64) -> Result<(), OnnxError> {
        self.check_room(count, end)?;
        let distance = i64::try_from(count).map_err(|_| self.malformed(self.position, "a field exceeds 2^63 bytes"))?;
        self.source.seek_relative(distance).map_err(|error| OnnxError::Io { file: self.file.to_owned(), error })?;
        self.position += count;
        Ok(())
    }

    /// Checks that `needed` bytes fit before `end`: beyond the end of the file it is truncated, inside of it nonsense.
    fn check_room(&self, needed: u64, end: u64) -> Result<(), OnnxError> {
        let available = end - self.position;
        if needed <= available {
            return Ok(());
        }
        let left = self.length - self.position;
        if needed > left {
            let (file, offset) = (self.file.to_owned(), self.position);
            return Err(OnnxError::Truncated { file, offset, needed, available: left });
        }
        Err(self.malformed(self.position, format!("{needed} bytes are announced in a message with {available} left")))
    }
}
