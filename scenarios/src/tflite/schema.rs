//! The parts of `tensorflow/compiler/mlir/lite/schema/schema.fbs` that are read; fields by their place in the schema.

use sim::graph::DataType;

use super::buffer::{Bytes, Table};
use super::error::Fault;

/// A tensor.
#[derive(Clone, Debug)]
pub(super) struct Tensor<'a> {
    pub(super) name: String,
    pub(super) shape: Vec<u64>,
    pub(super) data_type: DataType,
    /// Values of a constant, as stored; `None` of what is computed. Empty where they lie outside of the tables.
    pub(super) constant: Option<&'a [u8]>,
}

/// An operator.
#[derive(Clone, Debug)]
pub(super) struct Operator<'a> {
    /// Number of the builtin operator.
    pub(super) code: u32,
    /// Name of a custom one.
    pub(super) custom: String,
    /// Tensors, by index; `None` for an optional one that is absent.
    pub(super) inputs: Vec<Option<usize>>,
    pub(super) outputs: Vec<usize>,
    pub(super) options: Option<Table<'a>>,
}

/// The first subgraph of a model.
#[derive(Clone, Debug)]
pub(super) struct Model<'a> {
    pub(super) tensors: Vec<Tensor<'a>>,
    pub(super) inputs: Vec<usize>,
    pub(super) outputs: Vec<usize>,
    pub(super) operators: Vec<Operator<'a>>,
}

const MAGIC: &[u8] = b"TFL3";
/// Element types by their number; those that no tensor of a model here can have are absent.
const TYPES: [Option<DataType>; 19] = {
    use DataType as D;
    [
        Some(D::Float32),
        Some(D::Float16),
        Some(D::Int32),
        Some(D::Uint8),
        Some(D::Int64),
        Some(D::String),
        Some(D::Bool),
        Some(D::Int16),
        None,
        Some(D::Int8),
        Some(D::Float64),
        None,
        Some(D::Uint64),
        None,
        None,
        Some(D::Uint32),
        Some(D::Uint16),
        // Int4, packed in the file: counted as bytes.
        Some(D::Int8),
        Some(D::BFloat16),
    ]
};

pub(super) fn read(bytes: &[u8]) -> Result<Model<'_>, Fault> {
    if bytes.get(4..8) != Some(MAGIC) {
        return Err(Fault { offset: 4, problem: None });
    }
    let model = Bytes(bytes).table(0)?;
    let codes: Vec<(u32, String)> = model.tables(1)?.into_iter().map(code).collect::<Result<_, _>>()?;
    let buffers = model.tables(4)?;
    let subgraphs = model.tables(2)?;
    let graph = *subgraphs.first().ok_or_else(|| Fault::new(model.position, "the model has no subgraph"))?;
    let tensors: Vec<Tensor<'_>> = graph.tables(0)?.into_iter().map(|table| tensor(table, &buffers)).collect::<Result<_, _>>()?;
    let index = |value: i32| {
        let valid = usize::try_from(value).ok().filter(|value| *value < tensors.len());
        valid.ok_or_else(|| Fault::new(graph.position, format!("tensor {value} is named, but there are {}", tensors.len())))
    };
    let indices = |field: usize| graph.integers(field)?.into_iter().map(index).collect::<Result<Vec<_>, _>>();
    let (inputs, outputs) = (indices(1)?, indices(2)?);
    let operator = |table: Table<'_>| {
        let place = table.u32(0)? as usize;
        let (code, custom) = codes.get(place).cloned().ok_or_else(|| {
            Fault::new(table.position, format!("operator code {place} is named, but there are {}", codes.len()))
        })?;
        let inputs = table.integers(1)?.into_iter().map(|value| if value < 0 { Ok(None) } else { index(value).map(Some) });
        let inputs = inputs.collect::<Result<_, _>>()?;
        let outputs = table.integers(2)?.into_iter().map(index).collect::<Result<_, _>>()?;
        Ok((code, custom, inputs, outputs))
    };
    let mut operators = Vec::new();
    for table in graph.tables(3)? {
        let (code, custom, inputs, outputs) = operator(table)?;
        operators.push(Operator { code, custom, inputs, outputs, options: table.table(4)? });
    }
    Ok(Model { tensors, inputs, outputs, operators })
}

/// Number and custom name; files of before 2021 have the number in a byte only.
fn code(table: Table<'_>) -> Result<(u32, String), Fault> {
    let (old, new) = (table.byte(0)?, table.i32(3, 0)?);
    Ok((u32::from(old).max(u32::try_from(new).unwrap_or(0)), table.text(1)?))
}

fn tensor<'a>(table: Table<'a>, buffers: &[Table<'a>]) -> Result<Tensor<'a>, Fault> {
    let name = table.text(3)?;
    let size = |size: i32| {
        u64::try_from(size)
            .map_err(|_| Fault::new(table.position, format!("tensor `{name}` has dimension {size}, which is negative")))
    };
    let shape = table.integers(0)?.into_iter().map(size).collect::<Result<Vec<_>, _>>()?;
    let number = table.byte(1)?;
    let data_type = TYPES.get(usize::from(number)).copied().flatten();
    let data_type = data_type
        .ok_or_else(|| Fault::new(table.position, format!("tensor `{name}` has element type {number}, which no model uses")))?;
    let place = table.u32(2)? as usize;
    // Buffer 0 is the empty one of all tensors that are computed.
    let constant = match buffers.get(place) {
        _ if place == 0 => None,
        None => return Err(Fault::new(table.position, format!("tensor `{name}` names buffer {place} of {}", buffers.len()))),
        Some(buffer) => {
            let values = buffer.slice(0)?;
            // Of large models the values follow the tables.
            let is_outside = buffer.field(1)?.is_some();
            (!values.is_empty() || is_outside).then_some(values)
        }
    };
    Ok(Tensor { name, shape, data_type, constant })
}

impl Tensor<'_> {
    /// The values of a small constant of integers.
    pub(super) fn integers(&self) -> Option<Vec<i64>> {
        const MOST: usize = 1 << 12;
        let bytes = self.constant.filter(|bytes| !bytes.is_empty() && bytes.len() <= MOST)?;
        match self.data_type {
            DataType::Int32 => Some(bytes.as_chunks::<4>().0.iter().map(|chunk| i64::from(i32::from_le_bytes(*chunk))).collect()),
            DataType::Int64 => Some(bytes.as_chunks::<8>().0.iter().map(|chunk| i64::from_le_bytes(*chunk)).collect()),
            _ => None,
        }
    }

    pub(super) fn rank(&self) -> usize {
        self.shape.len()
    }

    pub(super) fn elements(&self) -> u64 {
        self.shape.iter().fold(1, |product: u64, &size| product.saturating_mul(size))
    }
}
