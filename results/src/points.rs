//! `points.parquet`: a table whose columns are known only when it is made, one row for each run of a sweep.
//!
//! Held column by column; every cell may be empty. The text of `sweep.json` travels in the metadata of the file, so that one file says all
//! about itself: shards of a sweep are sent about as such files.

use std::collections::BTreeMap;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, LogicalType, Repetition, Type as PhysicalType};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type};
use prost::bytes::Bytes;

/// Name of the file.
pub const POINTS_FILE: &str = "points.parquet";

/// Key of the text that travels with the table.
const ABOUT_KEY: &str = "socrates.sweep";

/// Rows of a row group.
const GROUP_ROWS: usize = 1 << 17;

/// The cells of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// Texts: the different ones in order of their first row, and which of them each row holds.
    Text(Texts),
    /// Whole numbers.
    Integer(Vec<Option<i64>>),
    /// Whole numbers that use all 64 bits, such as seeds.
    Unsigned(Vec<Option<u64>>),
    /// Floating-point numbers.
    Real(Vec<Option<f64>>),
}

/// A column of texts.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    words: Vec<Arc<str>>,
    numbers: BTreeMap<Arc<str>, u32>,
    rows: Vec<Option<u32>>,
}

impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        self.rows.len() == other.rows.len() && (0..self.rows.len()).all(|row| self.get(row) == other.get(row))
    }
}

impl Texts {
    /// Adds a row.
    pub fn push(&mut self, text: Option<&str>) {
        let number = text.map(|text| {
            // Neighbouring rows mostly hold the same text.
            if let Some(&last) = self.rows.last().and_then(Option::as_ref)
                && *self.words[last as usize] == *text
            {
                return last;
            }
            if let Some(&known) = self.numbers.get(text) {
                return known;
            }
            let (word, number): (Arc<str>, u32) = (Arc::from(text), self.words.len() as u32);
            self.words.push(Arc::clone(&word));
            self.numbers.insert(word, number);
            number
        });
        self.rows.push(number);
    }

    /// The text of a row.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.rows.get(row).copied().flatten().map(|number| &*self.words[number as usize])
    }
}

impl Cells {
    /// Rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(texts) => texts.rows.len(),
            Self::Integer(cells) => cells.len(),
            Self::Unsigned(cells) => cells.len(),
            Self::Real(cells) => cells.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A column of the same kind without rows.
    #[must_use]
    pub fn emptied(&self) -> Self {
        match self {
            Self::Text(_) => Self::Text(Texts::default()),
            Self::Integer(_) => Self::Integer(Vec::new()),
            Self::Unsigned(_) => Self::Unsigned(Vec::new()),
            Self::Real(_) => Self::Real(Vec::new()),
        }
    }

    /// Adds a row of another column; of another kind, an empty cell.
    pub fn push_from(&mut self, other: &Self, row: usize) {
        match (self, other) {
            (Self::Text(to), Self::Text(from)) => to.push(from.get(row)),
            (Self::Integer(to), Self::Integer(from)) => to.push(from[row]),
            (Self::Unsigned(to), Self::Unsigned(from)) => to.push(from[row]),
            (Self::Real(to), Self::Real(from)) => to.push(from[row]),
            (to, _) => to.push_empty(),
        }
    }

    /// Adds an empty cell.
    pub fn push_empty(&mut self) {
        match self {
            Self::Text(cells) => cells.push(None),
            Self::Integer(cells) => cells.push(None),
            Self::Unsigned(cells) => cells.push(None),
            Self::Real(cells) => cells.push(None),
        }
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct PointsColumn {
    /// Its name; a number's ends in its unit.
    pub name: String,
    /// Its cells.
    pub cells: Cells,
}

/// A table of columns of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PointsTable {
    /// The columns; their names differ.
    pub columns: Vec<PointsColumn>,
}

impl PointsTable {
    /// Rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.cells.len())
    }

    /// The cells of a name.
    pub fn column(&self, name: &str) -> Option<&Cells> {
        self.columns.iter().find(|column| column.name == name).map(|column| &column.cells)
    }

    /// The table as a Parquet file, with a text about it. Equal tables give equal bytes.
    ///
    /// # Errors
    /// If columns differ in length or two have one name.
    pub fn to_parquet(&self, about: &str) -> Result<Vec<u8>, String> {
        let rows = self.rows();
        for (index, column) in self.columns.iter().enumerate() {
            if column.cells.len() != rows {
                return Err(format!("column `{}` has {} of {rows} rows", column.name, column.cells.len()));
            }
            if self.columns[..index].iter().any(|other| other.name == column.name) {
                return Err(format!("two columns are called `{}`", column.name));
            }
        }
        self.written(about).map_err(|error| error.to_string())
    }

    fn written(&self, about: &str) -> ParquetResult<Vec<u8>> {
        let fields: ParquetResult<Vec<_>> = self.columns.iter().map(|column| field(column).map(Arc::new)).collect();
        let schema = Type::group_type_builder("row").with_fields(fields?).build()?;
        let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(self.properties(about)))?;
        for start in (0..self.rows()).step_by(GROUP_ROWS) {
            let end = (start + GROUP_ROWS).min(self.rows());
            let mut group = writer.next_row_group()?;
            for column in &self.columns {
                let Some(mut writer) = group.next_column()? else { break };
                match &column.cells {
                    Cells::Text(texts) => {
                        let words: Vec<ByteArray> =
                            texts.words.iter().map(|word| ByteArray::from(word.as_bytes().to_vec())).collect();
                        let (values, levels) = split(&texts.rows[start..end], |number| words[number as usize].clone());
                        writer.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?
                    }
                    Cells::Integer(cells) => {
                        let (values, levels) = split(&cells[start..end], |value| value);
                        writer.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?
                    }
                    Cells::Unsigned(cells) => {
                        let (values, levels) = split(&cells[start..end], u64::cast_signed);
                        writer.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?
                    }
                    Cells::Real(cells) => {
                        let (values, levels) = split(&cells[start..end], |value| value);
                        writer.typed::<DoubleType>().write_batch(&values, Some(&levels), None)?
                    }
                };
                writer.close()?;
            }
            group.close()?;
        }
        writer.into_inner()
    }

    fn properties(&self, about: &str) -> WriterProperties {
        let mut builder = WriterProperties::builder()
            .set_created_by(concat!("socrates ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(vec![KeyValue::new(ABOUT_KEY.to_owned(), about.to_owned())]))
            .set_compression(Compression::UNCOMPRESSED)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_dictionary_enabled(false);
        for column in &self.columns {
            // One part: names hold dots, which separate nothing here.
            let path = ColumnPath::new(vec![column.name.clone()]);
            builder = match column.cells {
                Cells::Text(_) => builder.set_column_dictionary_enabled(path, true),
                Cells::Integer(_) => builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
                Cells::Unsigned(_) | Cells::Real(_) => builder.set_column_encoding(path, Encoding::PLAIN),
            };
        }
        builder.build()
    }

    /// A table and the text about it, from a Parquet file that [`Self::to_parquet`] wrote.
    ///
    /// # Errors
    /// Says what is wrong with the bytes.
    pub fn from_parquet(bytes: Vec<u8>) -> Result<(Self, String), String> {
        let told = |error: ParquetError| error.to_string();
        let reader = SerializedFileReader::new(Bytes::from(bytes)).map_err(told)?;
        let metadata = reader.metadata().file_metadata();
        let about = metadata.key_value_metadata().into_iter().flatten().find(|pair| pair.key == ABOUT_KEY);
        let about = about.and_then(|pair| pair.value.clone()).ok_or("it is not a table of a sweep")?;
        let mut columns = Vec::new();
        for descriptor in metadata.schema_descr().columns() {
            let unsigned = matches!(descriptor.logical_type_ref(), Some(LogicalType::Integer(integer)) if !integer.is_signed);
            let cells = match descriptor.physical_type() {
                PhysicalType::BYTE_ARRAY => Cells::Text(Texts::default()),
                PhysicalType::INT64 if unsigned => Cells::Unsigned(Vec::new()),
                PhysicalType::INT64 => Cells::Integer(Vec::new()),
                PhysicalType::DOUBLE => Cells::Real(Vec::new()),
                other => return Err(format!("column `{}` is of type {other}", descriptor.name())),
            };
            columns.push(PointsColumn { name: descriptor.name().to_owned(), cells });
        }
        for index in 0..reader.num_row_groups() {
            let group = reader.get_row_group(index).map_err(told)?;
            for (position, column) in columns.iter_mut().enumerate() {
                read_cells(group.as_ref(), position, &mut column.cells)
                    .map_err(|error| format!("column `{}`: {error}", column.name))?;
            }
        }
        Ok((Self { columns }, about))
    }
}

/// The values that are there, and which are.
fn split<T: Copy, V>(cells: &[Option<T>], value: impl Fn(T) -> V) -> (Vec<V>, Vec<i16>) {
    (cells.iter().flatten().map(|&cell| value(cell)).collect(), cells.iter().map(|cell| i16::from(cell.is_some())).collect())
}

fn field(column: &PointsColumn) -> ParquetResult<Type> {
    let (physical, logical) = match column.cells {
        Cells::Text(_) => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        Cells::Integer(_) => (PhysicalType::INT64, None),
        Cells::Unsigned(_) => (PhysicalType::INT64, Some(LogicalType::integer(64, false))),
        Cells::Real(_) => (PhysicalType::DOUBLE, None),
    };
    let builder = Type::primitive_type_builder(&column.name, physical).with_logical_type(logical);
    builder.with_repetition(Repetition::OPTIONAL).build()
}

fn read_cells(group: &dyn RowGroupReader, position: usize, cells: &mut Cells) -> Result<(), String> {
    let told = |error: ParquetError| error.to_string();
    let rows = usize::try_from(group.metadata().num_rows()).map_err(|error| error.to_string())?;
    let reader = group.get_column_reader(position).map_err(told)?;
    let mut levels = Vec::new();
    let read = match (reader, cells) {
        (ColumnReader::ByteArrayColumnReader(mut reader), Cells::Text(texts)) => {
            let mut values = Vec::new();
            let read = reader.read_records(rows, Some(&mut levels), None, &mut values).map_err(told)?;
            let mut values = values.iter();
            for &level in &levels {
                let value = (level > 0).then(|| values.next()).flatten();
                let text = value.map(|value| std::str::from_utf8(value.data())).transpose().map_err(|error| error.to_string())?;
                texts.push(text);
            }
            read
        }
        (ColumnReader::Int64ColumnReader(mut reader), Cells::Integer(cells)) => {
            let mut values = Vec::new();
            let read = reader.read_records(rows, Some(&mut levels), None, &mut values).map_err(told)?;
            join(&levels, values, cells, |value| value);
            read
        }
        (ColumnReader::Int64ColumnReader(mut reader), Cells::Unsigned(cells)) => {
            let mut values = Vec::new();
            let read = reader.read_records(rows, Some(&mut levels), None, &mut values).map_err(told)?;
            join(&levels, values, cells, i64::cast_unsigned);
            read
        }
        (ColumnReader::DoubleColumnReader(mut reader), Cells::Real(cells)) => {
            let mut values = Vec::new();
            let read = reader.read_records(rows, Some(&mut levels), None, &mut values).map_err(told)?;
            join(&levels, values, cells, |value| value);
            read
        }
        _ => return Err("of another type than the schema says".to_owned()),
    };
    if read.0 == rows { Ok(()) } else { Err(format!("{} of {rows} rows", read.0)) }
}

/// The inverse of [`split`].
fn join<T, V>(levels: &[i16], values: Vec<T>, cells: &mut Vec<Option<V>>, value: impl Fn(T) -> V) {
    let mut values = values.into_iter();
    cells.extend(levels.iter().map(|&level| (level > 0).then(|| values.next().map(&value)).flatten()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> PointsTable {
        let mut texts = Texts::default();
        for text in [Some("a"), None, Some("b"), Some("a")] {
            texts.push(text);
        }
        let column = |name: &str, cells| PointsColumn { name: name.to_owned(), cells };
        PointsTable {
            columns: vec![
                column("device", Cells::Text(texts)),
                column("point", Cells::Integer(vec![Some(1), Some(-2), None, Some(i64::MAX)])),
                column("seed", Cells::Unsigned(vec![Some(u64::MAX), Some(0), None, Some(7)])),
                column("stream[0].rate", Cells::Real(vec![Some(0.1), None, Some(f64::MIN_POSITIVE), Some(-0.0)])),
            ],
        }
    }

    #[test]
    fn tables_read_back_bit_for_bit() {
        let table = table();
        let bytes = table.to_parquet("about it").expect("written");
        let (read, about) = PointsTable::from_parquet(bytes.clone()).expect("read");
        assert_eq!((&read, about.as_str()), (&table, "about it"));
        assert_eq!(read.to_parquet("about it").expect("written"), bytes);
    }

    #[test]
    fn wrong_tables_and_bytes_are_refused() {
        let mut uneven = table();
        uneven.columns[0].cells.push_empty();
        assert!(uneven.to_parquet("").is_err());
        let mut twice = table();
        twice.columns[1].name = "device".to_owned();
        assert_eq!(twice.to_parquet(""), Err("two columns are called `device`".to_owned()));
        assert!(PointsTable::from_parquet(b"PAR1 and so on".to_vec()).is_err());
    }
}
