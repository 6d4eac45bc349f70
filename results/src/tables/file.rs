//! Tables to and from Parquet files, through the low-level column interface: no arrow.

use std::fs::File;
use std::io::Write;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, LogicalType, Repetition, Type as PhysicalType};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{ByteArrayType, DoubleType, Int64Type};
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type};

use crate::tables::{Column, Kind, Row, Values};
use crate::{ResultsError, SCHEMA_VERSION};

/// Rows of a row group: what is held in memory before it is written.
const GROUP_ROWS: u64 = 1 << 17;

const VERSION_KEY: &str = "socrates.schema_version";

/// Writes a table row by row.
pub struct TableWriter<R: Row, W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Values>,
    pending: u64,
    written: u64,
    row: PhantomData<R>,
}

impl<R: Row, W: Write + Send> TableWriter<R, W> {
    /// Begins a table.
    pub fn new(inner: W) -> ParquetResult<Self> {
        let writer = SerializedFileWriter::new(inner, Arc::new(schema(R::COLUMNS)?), Arc::new(properties(R::COLUMNS)))?;
        let columns = R::COLUMNS.iter().map(|column| Values::new(column.kind)).collect();
        Ok(Self { writer, columns, pending: 0, written: 0, row: PhantomData })
    }

    /// Adds a row.
    pub fn push(&mut self, row: &R) -> ParquetResult<()> {
        row.put(&mut self.columns);
        self.pending += 1;
        if self.pending == GROUP_ROWS { self.flush() } else { Ok(()) }
    }

    /// Ends the table; returns what it was written to and the number of rows.
    pub fn close(mut self) -> ParquetResult<(W, u64)> {
        if self.pending > 0 {
            self.flush()?;
        }
        Ok((self.writer.into_inner()?, self.written))
    }

    fn flush(&mut self) -> ParquetResult<()> {
        let mut group = self.writer.next_row_group()?;
        for values in &mut self.columns {
            let Some(mut column) = group.next_column()? else { break };
            match values {
                Values::Text(values) => column.typed::<ByteArrayType>().write_batch(values, None, None)?,
                Values::Integer(values) => column.typed::<Int64Type>().write_batch(values, None, None)?,
                Values::Real(values) => column.typed::<DoubleType>().write_batch(values, None, None)?,
                Values::OptionalInteger(values, present) => {
                    column.typed::<Int64Type>().write_batch(values, Some(present), None)?
                }
            };
            column.close()?;
            values.clear();
        }
        group.close()?;
        self.written += self.pending;
        self.pending = 0;
        Ok(())
    }
}

fn schema(columns: &[Column]) -> ParquetResult<Type> {
    let field = |column: &Column| {
        let (physical, logical, repetition) = match column.kind {
            Kind::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String), Repetition::REQUIRED),
            Kind::Integer => (PhysicalType::INT64, None, Repetition::REQUIRED),
            Kind::Real => (PhysicalType::DOUBLE, None, Repetition::REQUIRED),
            Kind::OptionalInteger => (PhysicalType::INT64, None, Repetition::OPTIONAL),
        };
        let builder = Type::primitive_type_builder(column.name, physical).with_logical_type(logical);
        builder.with_repetition(repetition).build().map(Arc::new)
    };
    Type::group_type_builder("row").with_fields(columns.iter().map(field).collect::<ParquetResult<_>>()?).build()
}

fn properties(columns: &[Column]) -> WriterProperties {
    let version = KeyValue::new(VERSION_KEY.to_owned(), SCHEMA_VERSION.to_string());
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("socrates ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![version]))
        .set_compression(Compression::UNCOMPRESSED)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_dictionary_enabled(false);
    for column in columns {
        let path = ColumnPath::from(column.name);
        builder = match column.kind {
            Kind::Text => builder.set_column_dictionary_enabled(path, true),
            Kind::Integer | Kind::OptionalInteger => builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            Kind::Real => builder.set_column_encoding(path, Encoding::PLAIN),
        };
    }
    builder.build()
}

/// Reads a table of a results directory.
///
/// # Errors
/// If the file is missing, is no Parquet file, has another schema version, or lacks a column.
pub fn read_table<R: Row>(directory: &Path) -> Result<Vec<R>, ResultsError> {
    let path = directory.join(R::FILE);
    let file = File::open(&path).map_err(ResultsError::io("read", &path))?;
    let malformed = |why: String| ResultsError::malformed(&path, &why);
    let reader = SerializedFileReader::new(file).map_err(|error| malformed(error.to_string()))?;
    let metadata = reader.metadata().file_metadata();
    let version = metadata.key_value_metadata().into_iter().flatten().find(|pair| pair.key == VERSION_KEY);
    let found: u64 = version.and_then(|pair| pair.value.as_deref()).and_then(|text| text.parse().ok()).unwrap_or(0);
    if found != u64::from(SCHEMA_VERSION) {
        return Err(ResultsError::SchemaVersion { path, found, expected: SCHEMA_VERSION });
    }
    let names: Vec<&str> = metadata.schema_descr().columns().iter().map(|column| column.name()).collect();
    let mut rows = Vec::new();
    for index in 0..reader.num_row_groups() {
        let group = reader.get_row_group(index).map_err(|error| malformed(error.to_string()))?;
        let mut columns = Vec::with_capacity(R::COLUMNS.len());
        for column in R::COLUMNS {
            let position = names.iter().position(|name| *name == column.name);
            let position = position.ok_or_else(|| malformed(format!("it has no column `{}`", column.name)))?;
            columns.push(read_column(group.as_ref(), position, *column).map_err(malformed)?);
        }
        rows.extend(R::take(columns).map_err(malformed)?);
    }
    Ok(rows)
}

fn read_column(group: &dyn RowGroupReader, position: usize, column: Column) -> Result<Values, String> {
    let rows = usize::try_from(group.metadata().num_rows()).map_err(|error| error.to_string())?;
    let reader = group.get_column_reader(position).map_err(|error| error.to_string())?;
    let mut present = Vec::new();
    let (values, read) = match (reader, column.kind) {
        (ColumnReader::ByteArrayColumnReader(mut reader), Kind::Text) => {
            let mut values = Vec::new();
            let read = reader.read_records(rows, None, None, &mut values);
            (Values::Text(values), read)
        }
        (ColumnReader::Int64ColumnReader(mut reader), Kind::Integer) => {
            let mut values = Vec::new();
            let read = reader.read_records(rows, None, None, &mut values);
            (Values::Integer(values), read)
        }
        (ColumnReader::DoubleColumnReader(mut reader), Kind::Real) => {
            let mut values = Vec::new();
            let read = reader.read_records(rows, None, None, &mut values);
            (Values::Real(values), read)
        }
        (ColumnReader::Int64ColumnReader(mut reader), Kind::OptionalInteger) => {
            let mut values = Vec::new();
            let read = reader.read_records(rows, Some(&mut present), None, &mut values);
            (Values::OptionalInteger(values, present), read)
        }
        _ => return Err(format!("column `{}` has another type than expected", column.name)),
    };
    match read {
        Ok((records, _, _)) if records == rows => Ok(values),
        Ok((records, _, _)) => Err(format!("column `{}` has {records} of {rows} rows", column.name)),
        Err(error) => Err(format!("column `{}`: {error}", column.name)),
    }
}
