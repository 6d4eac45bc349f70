//! What other programs measured, as tables: whole models in the columns that `validate models` reads, operators one by one.

mod aihub;
mod litert;
mod mlperf;
mod onnxruntime;
mod yaml;

use std::fmt::Write as _;

use serde_json::Value;
use thiserror::Error;

pub use aihub::read as aihub;
pub use litert::read as litert;
pub use mlperf::read as mlperf;
pub use onnxruntime::read as onnxruntime;

/// Why a file of measurements is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}: {place}: {problem}")]
pub struct MeasuredError {
    /// The file.
    pub file: String,
    /// Line or key.
    pub place: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// What a file does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The file, for messages.
    pub file: String,
    /// Name of the model; that of the file's contents, or of the file, where absent.
    pub model: Option<String>,
    /// The device that was measured.
    pub device: Option<String>,
    /// `cpu`, `gpu` or `npu`.
    pub processor: Option<String>,
    /// Cores, as data name them: `1large`, or a number of threads.
    pub cores: Option<String>,
}

/// One measured model.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredModel {
    /// Framework.
    pub framework: String,
    /// Model.
    pub model: String,
    /// Device.
    pub device: String,
    /// Processor.
    pub processor: String,
    /// Cores.
    pub cores: String,
    /// `float` or `quant`, or as the file says.
    pub dtype: String,
    /// Mean latency.
    pub mean_ms: f64,
    /// What else the file says.
    pub note: String,
}

/// One measured operator.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredOperator {
    /// Model.
    pub model: String,
    /// Name.
    pub name: String,
    /// Type, as the framework names it.
    pub op: String,
    /// Processor, or the framework's name of what ran it.
    pub processor: String,
    /// Runs that the mean is over.
    pub runs: u64,
    /// Mean duration.
    pub mean_us: f64,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Whole models.
    pub models: Vec<MeasuredModel>,
    /// Operators in the order in which they ran.
    pub operators: Vec<MeasuredOperator>,
    /// What was left out, and why.
    pub warnings: Vec<String>,
}

impl Measured {
    /// The models as CSV, in the columns that `validate models` reads, and a note.
    pub fn models_csv(&self) -> String {
        let mut text = "framework,model,device_key,processor,cores,dtype,mean_ms,note\n".to_owned();
        for it in &self.models {
            let words = [&it.framework, &it.model, &it.device, &it.processor, &it.cores, &it.dtype].map(|word| quoted(word));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{},{},{}", words.join(","), it.mean_ms, quoted(&it.note));
        }
        text
    }

    /// The operators as CSV.
    pub fn operators_csv(&self) -> String {
        let mut text = "model,op_idx,name,op,processor,runs,mean_us\n".to_owned();
        for (index, it) in self.operators.iter().enumerate() {
            let words = [&it.name, &it.op, &it.processor].map(|word| quoted(word));
            let _ = writeln!(text, "{},{index},{},{},{}", quoted(&it.model), words.join(","), it.runs, it.mean_us);
        }
        text
    }
}

/// A field of CSV.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

impl Context {
    fn error(&self, place: impl Into<String>, problem: impl Into<String>) -> MeasuredError {
        MeasuredError { file: self.file.clone(), place: place.into(), problem: problem.into() }
    }

    /// The model's name: what the user says, else what the file says, else the file's own name.
    fn model(&self, said: Option<&str>) -> String {
        let stem = || {
            let name = self.file.rsplit(['/', '\\']).next().unwrap_or(&self.file);
            name.split('.').next().unwrap_or(name).to_owned()
        };
        self.model.clone().or_else(|| said.map(str::to_owned)).unwrap_or_else(stem)
    }

    fn device(&self) -> String {
        self.device.clone().unwrap_or_else(|| "host".to_owned())
    }

    fn processor(&self, said: &str) -> String {
        self.processor.clone().unwrap_or_else(|| said.to_owned())
    }

    /// Cores; a processor that has none stands for itself.
    fn cores(&self, processor: &str) -> String {
        let own = if processor == "cpu" { "1" } else { processor };
        self.cores.clone().unwrap_or_else(|| own.to_owned())
    }

    /// A duration: finite and above 0.
    fn duration(&self, place: &str, value: f64) -> Result<f64, MeasuredError> {
        if value.is_finite() && value > 0.0 {
            return Ok(value);
        }
        Err(self.error(place, format!("a duration of {value}, but it must be above 0")))
    }

    /// The file as JSON.
    fn json(&self, text: &str) -> Result<Value, MeasuredError> {
        serde_json::from_str(text).map_err(|error| {
            let hint = if error.is_eof() { "; the file ends too early, as that of a program that was killed does" } else { "" };
            self.error(format!("line {}", error.line()), format!("not JSON: {error}{hint}"))
        })
    }
}

/// The number of an object's key.
fn number(object: &Value, key: &str) -> Option<f64> {
    object.get(key).and_then(Value::as_f64)
}

/// A name as the zoo spells it: lower case, `_` between words.
fn zoo_name(text: &str) -> String {
    let letters = text.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' });
    letters.collect()
}
