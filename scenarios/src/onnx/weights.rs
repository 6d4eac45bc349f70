//! Values of weights: read apart from the structure, one tensor at a time, only by those who run a model for real.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use sim::graph::DataType;
use sim::graph::constant::MAXIMUM_CONSTANT_ELEMENTS;

use super::error::OnnxError;
use super::messages::{NodeProto, TensorProto, graph_field, model_field};
use super::wire::{Field, Scanner, Value};
use super::write::STRIPPED_LOCATION;

/// A weight with its values.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightValues {
    /// Name of the initialiser.
    pub name: String,
    /// Type of its elements.
    pub data_type: DataType,
    /// Its shape.
    pub shape: Vec<u64>,
    /// Its elements, little-endian, row-major.
    pub bytes: Vec<u8>,
}

/// Gives every initialiser of a file that has values to `take`, and the large tensors of `Constant` operators, which are initialisers of
/// the graph too; those without values (a model stripped of its weights) are left out.
///
/// Values in external files are read from beside the model, as ONNX says.
///
/// # Errors
/// If the file cannot be read or is malformed, or if an initialiser has another number of bytes than its shape asks for.
pub fn read_weights(path: &Path, take: &mut dyn FnMut(WeightValues)) -> Result<(), OnnxError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| OnnxError::Io { file: name.clone(), error })?;
    Reader { folder: path.parent().unwrap_or(Path::new("")), scanner: Scanner::new(&name, file)? }.model(take)
}

/// [`read_weights`] of a file in memory, which can have no external files.
pub fn read_weights_bytes(name: &str, bytes: &[u8], take: &mut dyn FnMut(WeightValues)) -> Result<(), OnnxError> {
    Reader { folder: Path::new(""), scanner: Scanner::new(name, Cursor::new(bytes))? }.model(take)
}

struct Reader<'a, S> {
    folder: &'a Path,
    scanner: Scanner<'a, S>,
}

impl<S: Read + Seek> Reader<'_, S> {
    fn model(&mut self, take: &mut dyn FnMut(WeightValues)) -> Result<(), OnnxError> {
        let end = self.scanner.length();
        while let Some(field) = self.scanner.field(end)? {
            match (field.number, field.value) {
                (model_field::GRAPH, Value::Bytes(count)) => self.graph(self.scanner.position() + count, take)?,
                _ => self.scanner.skip_value(field, end)?,
            }
        }
        Ok(())
    }

    fn graph(&mut self, end: u64, take: &mut dyn FnMut(WeightValues)) -> Result<(), OnnxError> {
        while let Some(field) = self.scanner.field(end)? {
            match (field.number, field.value) {
                (graph_field::INITIALIZER, Value::Bytes(count)) => {
                    let tensor: TensorProto = self.scanner.message(field, count, "an initialiser")?;
                    if let Some(values) = self.values(field, tensor)? {
                        take(values);
                    }
                }
                // Smaller ones keep their values in the graph.
                (graph_field::NODE, Value::Bytes(count)) if count > MAXIMUM_CONSTANT_ELEMENTS => {
                    let node: NodeProto = self.scanner.message(field, count, "a node")?;
                    let tensor = node.attribute.into_iter().find_map(|attribute| attribute.t);
                    if node.op_type == "Constant"
                        && let (Some(tensor), Some(name)) = (tensor, node.output.into_iter().next())
                        && let Some(values) = self.values(field, TensorProto { name, ..tensor })?
                    {
                        take(values);
                    }
                }
                _ => self.scanner.skip_value(field, end)?,
            }
        }
        Ok(())
    }

    fn values(&mut self, field: Field, tensor: TensorProto) -> Result<Option<WeightValues>, OnnxError> {
        let problem = |problem: String| self.scanner.malformed(field.offset, format!("initialiser `{}` {problem}", tensor.name));
        let data_type = DataType::from_onnx_code(i64::from(tensor.data_type))
            .ok_or_else(|| problem(format!("has element type {}, but the codes of ONNX are 1 to 26", tensor.data_type)))?;
        let shape: Vec<u64> = tensor.dims.iter().map(|&size| size.max(0) as u64).collect();
        let elements = sim::graph::shape::elements(&shape).map_err(|_| problem(format!("has the impossible shape {shape:?}")))?;
        let bytes = if tensor.external_data.is_empty() { inline(&tensor, data_type) } else { self.external(&tensor)? };
        if bytes.is_empty() {
            return Ok(None);
        }
        let expected = data_type.bytes_of(elements);
        if bytes.len() as u64 != expected {
            return Err(problem(format!("has {} bytes of values, but {data_type} {shape:?} has {expected}", bytes.len())));
        }
        Ok(Some(WeightValues { name: tensor.name, data_type, shape, bytes }))
    }

    /// Values in a file of their own: `location` beside the model, from `offset` on, `length` bytes.
    fn external(&self, tensor: &TensorProto) -> Result<Vec<u8>, OnnxError> {
        let entry = |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str());
        let location = entry("location").unwrap_or_default();
        let is_inside = Path::new(location).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if location.is_empty() || !is_inside {
            let problem = format!("initialiser `{}` lies in `{location}`, which is no file beside the model", tensor.name);
            return Err(self.scanner.unsupported(problem));
        }
        let path = self.folder.join(location);
        let io = |error| OnnxError::Io { file: path.display().to_string(), error };
        if location == STRIPPED_LOCATION && !path.exists() {
            return Ok(Vec::new());
        }
        let mut file = File::open(&path).map_err(io)?;
        let offset = entry("offset").and_then(|text| text.parse().ok()).unwrap_or(0);
        file.seek(SeekFrom::Start(offset)).map_err(io)?;
        let mut bytes = Vec::new();
        match entry("length").and_then(|text| text.parse().ok()) {
            Some(length) => file.take(length).read_to_end(&mut bytes),
            None => file.read_to_end(&mut bytes),
        }
        .map_err(io)?;
        Ok(bytes)
    }
}

/// Values in the message itself, raw or in the field that protobuf has for the type.
fn inline(tensor: &TensorProto, data_type: DataType) -> Vec<u8> {
    if !tensor.raw_data.is_empty() {
        return tensor.raw_data.to_vec();
    }
    macro_rules! bytes {
        ($field:ident, $number:ty) => {
            tensor.$field.iter().flat_map(|&value| (value as $number).to_le_bytes()).collect()
        };
    }
    match data_type {
        DataType::Float32 => bytes!(float_data, f32),
        DataType::Float64 => bytes!(double_data, f64),
        DataType::Int64 => bytes!(int64_data, i64),
        DataType::Uint64 => bytes!(uint64_data, u64),
        DataType::Uint32 => bytes!(uint64_data, u32),
        DataType::Int32 => bytes!(int32_data, i32),
        DataType::Int16 | DataType::Uint16 | DataType::Float16 | DataType::BFloat16 => bytes!(int32_data, u16),
        DataType::Int8 | DataType::Uint8 | DataType::Bool => bytes!(int32_data, u8),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model of one graph that holds these initialisers: `ModelProto.graph` is field 7, `GraphProto.initializer` field 5.
    fn model(tensors: &[TensorProto]) -> Vec<u8> {
        let mut graph = Vec::new();
        for tensor in tensors {
            prost::encoding::message::encode(5, tensor, &mut graph);
        }
        let mut bytes = Vec::new();
        prost::encoding::bytes::encode(7, &graph, &mut bytes);
        bytes
    }

    fn tensor(name: &str, data_type: i32, dims: &[i64]) -> TensorProto {
        TensorProto { name: name.to_owned(), data_type, dims: dims.to_vec(), ..TensorProto::default() }
    }

    fn read(bytes: &[u8]) -> Result<Vec<WeightValues>, OnnxError> {
        let mut all = Vec::new();
        read_weights_bytes("m.onnx", bytes, &mut |values| all.push(values))?;
        Ok(all)
    }

    #[test]
    fn values_are_read_wherever_they_stand() {
        let raw = TensorProto { raw_data: vec![0, 0, 128, 63].into(), ..tensor("raw", 1, &[1]) };
        let typed = TensorProto { float_data: vec![1.0, 2.0], ..tensor("typed", 1, &[2]) };
        let stripped = tensor("stripped", 1, &[64, 64]);
        let found = read(&model(&[raw, typed, stripped])).expect("reads");
        assert_eq!(found.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["raw", "typed"]);
        assert_eq!(found[0].bytes, 1.0_f32.to_le_bytes());
        assert_eq!(found[1].bytes, [1.0_f32.to_le_bytes(), 2.0_f32.to_le_bytes()].concat());
    }

    #[test]
    fn a_wrong_number_of_bytes_is_refused() {
        let short = TensorProto { raw_data: vec![0; 7].into(), ..tensor("w", 1, &[2]) };
        let error = read(&model(&[short])).expect_err("7 bytes").to_string();
        assert!(error.contains("initialiser `w` has 7 bytes of values, but float32 [2] has 8"), "{error}");
    }

    #[test]
    fn external_values_lie_beside_the_model() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("w.bin"), [9, 9, 1, 2, 3, 4]).expect("written");
        let entry =
            |key: &str, value: &str| super::super::messages::StringEntryProto { key: key.to_owned(), value: value.to_owned() };
        let external = |location: &str| TensorProto {
            external_data: vec![entry("location", location), entry("offset", "2"), entry("length", "4")],
            data_location: 1,
            ..tensor("w", 2, &[4])
        };
        let check = |location: &str| {
            let path = folder.path().join("m.onnx");
            std::fs::write(&path, model(&[external(location)])).expect("written");
            let mut all = Vec::new();
            read_weights(&path, &mut |values| all.push(values)).map(|()| all)
        };
        assert_eq!(check("w.bin").expect("reads")[0].bytes, [1, 2, 3, 4]);
        assert!(check("../w.bin").expect_err("outside").to_string().contains("no file beside the model"));
        assert!(check("absent.bin").is_err());
    }
}
