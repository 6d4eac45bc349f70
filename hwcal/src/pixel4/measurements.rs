//! The measured numbers, read and checked.

use std::collections::BTreeMap;

use sim::cost::{KernelClass, KernelShape, ShapeKey, key_of};
use sim::graph::work::{Access, Geometry, KernelKind, OperatorWork};

use crate::table::{Source, Table, TableError, TableRow};

/// Core sets in the order of reports and profiles: name in the data, name of the worker, cores of large, medium and small.
pub const CORE_SETS: [(&str, &str, [u32; 3]); 9] = [
    ("1large", "cpu.1large", [1, 0, 0]),
    ("1med", "cpu.1medium", [0, 1, 0]),
    ("2med", "cpu.2medium", [0, 2, 0]),
    ("3med", "cpu.3medium", [0, 3, 0]),
    ("1large1med", "cpu.1large1medium", [1, 1, 0]),
    ("1small", "cpu.1small", [0, 0, 1]),
    ("2small", "cpu.2small", [0, 0, 2]),
    ("3small", "cpu.3small", [0, 0, 3]),
    ("4small", "cpu.4small", [0, 0, 4]),
];

/// The texts that a fit reads; see `hwcal/data/README.md`.
#[derive(Clone, Copy, Debug)]
pub struct CalibrationData<'a> {
    /// Latency of each operator of each model on the GPU.
    pub operators: Source<'a>,
    /// Latency of whole models on each core set and on the GPU.
    pub models: Source<'a>,
    /// Published constants of the system on chip.
    pub published: Source<'a>,
}

impl CalibrationData<'static> {
    /// Names of the files in a folder of data, in the order of the fields.
    pub const FILES: [&'static str; 3] = ["pixel4_gpu_operators.csv", "pixel4_models.csv", "snapdragon855_published.csv"];

    /// The data that come with the source code.
    pub fn built_in() -> Self {
        Self {
            operators: Source {
                file: "hwcal/data/pixel4_gpu_operators.csv",
                text: include_str!("../../data/pixel4_gpu_operators.csv"),
            },
            models: Source { file: "hwcal/data/pixel4_models.csv", text: include_str!("../../data/pixel4_models.csv") },
            published: Source {
                file: "hwcal/data/snapdragon855_published.csv",
                text: include_str!("../../data/snapdragon855_published.csv"),
            },
        }
    }
}

/// One measured operator.
#[derive(Clone, Debug)]
pub struct MeasuredOperator {
    /// Index of its model.
    pub model: usize,
    /// Its class.
    pub class: KernelClass,
    /// Its work.
    pub work: OperatorWork,
    /// Its shape.
    pub shape: KernelShape,
    /// Its exact shape.
    pub key: ShapeKey,
    /// Measured duration on the GPU.
    pub gpu_ns: f64,
}

/// Whole-model latencies on one worker, by model.
#[derive(Clone, Debug)]
pub struct WholeModels {
    /// Mean latencies.
    pub mean_ns: Vec<f64>,
    /// Standard deviations over runs, relative to the means.
    pub relative_deviation: Vec<f64>,
}

/// Published constants.
#[derive(Clone, Debug)]
pub struct Published {
    /// Constant part of mapping a buffer.
    pub map_fixed_ns: f64,
    /// Mapping, per fp32 element.
    pub map_ns_per_element: f64,
    /// Layout transformation, per fp32 element.
    pub transformation_ns_per_element: f64,
    /// Waiting for the GPU's queue to drain.
    pub synchronization_ns: f64,
    /// Bandwidth of memory that kernels can reach.
    pub dram_bytes_per_second: f64,
    /// Operating points of the large, medium and small cores and the GPU.
    pub frequencies_khz: [Vec<u64>; 4],
}

/// Everything that was measured.
#[derive(Clone, Debug)]
pub struct Measurements {
    /// Models, sorted by name.
    pub models: Vec<String>,
    /// Operators, model by model.
    pub operators: Vec<MeasuredOperator>,
    /// Latencies of each of [`CORE_SETS`].
    pub cores: Vec<WholeModels>,
    /// Latencies on the GPU.
    pub gpu: WholeModels,
    /// Elements of each model's input.
    pub input_elements: Vec<f64>,
    /// Elements of each model's output.
    pub output_elements: Vec<f64>,
    /// Published constants.
    pub published: Published,
}

const OPERATOR_COLUMNS: [&str; 11] =
    ["model", "op_idx", "op", "in_hw", "in_ch", "out_hw", "out_ch", "kernel", "stride", "groups", "gpu_us"];

impl Measurements {
    /// Reads and checks all tables.
    pub fn read(data: CalibrationData<'_>) -> Result<Self, TableError> {
        let table = Table::read(data.operators, &OPERATOR_COLUMNS)?;
        let mut by_model: BTreeMap<String, Vec<(u64, OperatorWork, f64)>> = BTreeMap::new();
        for row in table.rows() {
            let operator = (row.index("op_idx")?, operator_work(row)?, 1e3 * row.positive("gpu_us")?);
            by_model.entry(row.text("model")?.to_owned()).or_default().push(operator);
        }
        let models: Vec<String> = by_model.keys().cloned().collect();
        if models.len() < MODELS_AT_LEAST {
            let (file, what) = (data.operators.file.to_owned(), format!("{MODELS_AT_LEAST} models (there are {})", models.len()));
            return Err(TableError::TooFew { file, what, least: MODELS_AT_LEAST });
        }
        let (mut input_elements, mut output_elements, mut operators) = (Vec::new(), Vec::new(), Vec::new());
        for (model, (_, mut rows)) in by_model.into_iter().enumerate() {
            rows.sort_by_key(|row| row.0);
            input_elements.push(rows.first().map_or(0.0, |row| row.1.input_elements as f64));
            output_elements.push(rows.last().map_or(0.0, |row| row.1.output_elements as f64));
            for (_, work, gpu_ns) in rows {
                let shape = KernelShape::of(&work);
                let keyed = KernelClass::of(&work).and_then(|class| key_of(class, &shape).map(|key| (class, key)));
                if let Some((class, key)) = keyed {
                    operators.push(MeasuredOperator { model, class, work, shape, key, gpu_ns });
                }
            }
        }
        let cores = CORE_SETS.iter().map(|set| whole_models(data.models, &models, set.0)).collect::<Result<_, _>>()?;
        let gpu = whole_models(data.models, &models, "gpu")?;
        let published = Published::read(data.published)?;
        Ok(Self { models, operators, cores, gpu, input_elements, output_elements, published })
    }
}

/// Fewer models cannot be cross-validated.
const MODELS_AT_LEAST: usize = 20;

/// Latencies of all models on one core set.
fn whole_models(source: Source<'_>, models: &[String], cores: &str) -> Result<WholeModels, TableError> {
    let table = Table::read(source, &["model", "cores", "mean_ms", "std_ms"])?;
    let mut found: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    let rows: Vec<TableRow<'_>> = table.rows().collect();
    for row in &rows {
        if row.text("cores")? == cores {
            let mean = 1e6 * row.positive("mean_ms")?;
            let deviation = 1e6 * row.not_negative("std_ms")? / mean;
            if found.insert(row.text("model")?, (mean, deviation)).is_some() {
                return Err(row.refuse("model", "named once for each core set"));
            }
        }
    }
    let mut whole = WholeModels { mean_ns: Vec::new(), relative_deviation: Vec::new() };
    for model in models {
        let missing = || TableError::TooFew {
            file: source.file.to_owned(),
            what: format!("latency of model `{model}` on cores `{cores}`"),
            least: 1,
        };
        let &(mean, deviation) = found.get(model.as_str()).ok_or_else(missing)?;
        whole.mean_ns.push(mean);
        whole.relative_deviation.push(deviation);
    }
    Ok(whole)
}

/// The work of a row. Inputs count explicit padding; a window that reaches beyond them pads implicitly.
fn operator_work(row: TableRow<'_>) -> Result<OperatorWork, TableError> {
    let [in_size, in_channels, out_size, out_channels] =
        [row.size("in_hw")?, row.size("in_ch")?, row.size("out_hw")?, row.size("out_ch")?];
    let [kernel, stride, groups] = [row.size("kernel")?, row.size("stride")?, row.size("groups")?];
    let kind = match row.text("op")? {
        "CONV_2D" => KernelKind::Convolution,
        "DEPTHWISE_CONV_2D" => KernelKind::DepthwiseConvolution,
        "CONV_2D_GROUP" => KernelKind::GroupedConvolution,
        "FULLY_CONNECTED" => KernelKind::FullyConnected,
        "MAX_POOL_2D" => KernelKind::MaxPool,
        "AVERAGE_POOL_2D" => KernelKind::AveragePool,
        "MEAN" => KernelKind::GlobalPool,
        "CONCATENATION" => KernelKind::Concatenate,
        _ => return Err(row.refuse("op", "one of the eight operator types in the data's README.md")),
    };
    let is_concatenation = kind == KernelKind::Concatenate;
    let window = if is_concatenation { 1 } else { kernel };
    let reach = (out_size - 1) * stride + window;
    let output = product(&[out_size, out_size, out_channels]);
    let input = if is_concatenation { output } else { product(&[in_size, in_size, in_channels]) };
    let is_window = matches!(
        kind,
        KernelKind::Convolution | KernelKind::DepthwiseConvolution | KernelKind::GroupedConvolution | KernelKind::FullyConnected
    );
    let weights = if is_window { product(&[out_channels, kernel, kernel, in_channels.div_ceil(groups)]) } else { 0 };
    Ok(OperatorWork {
        kind,
        macs: product(&[weights, out_size, out_size]),
        input_elements: input,
        output_elements: output,
        parameters: if is_window { weights.saturating_add(out_channels) } else { 0 },
        input_bytes: input.saturating_mul(4),
        output_bytes: output.saturating_mul(4),
        weight_bytes: weights.saturating_mul(4),
        input_count: if is_concatenation { kernel as u32 } else { 1 },
        geometry: Geometry {
            batch: 1,
            in_height: in_size.max(reach),
            in_width: in_size.max(reach),
            in_channels,
            out_height: out_size,
            out_width: out_size,
            out_channels,
            kernel_height: window,
            kernel_width: window,
            stride_height: stride,
            stride_width: stride,
            dilation_height: 1,
            dilation_width: 1,
            groups,
        },
        access: Access::default(),
        joined_elements: 0,
    })
}

/// Absurd sizes give absurd work, no overflow.
fn product(factors: &[u64]) -> u64 {
    factors.iter().fold(1, |product, &factor| product.saturating_mul(factor))
}

impl Published {
    fn read(source: Source<'_>) -> Result<Self, TableError> {
        let table = Table::read(source, &["name", "value", "unit", "source"])?;
        let mut numbers: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for row in table.rows() {
            row.text("source")?;
            numbers.entry(row.text("name")?.to_owned()).or_default().push(row.positive("value")?);
        }
        let all = |name: &str| {
            let missing = || TableError::TooFew { file: source.file.to_owned(), what: format!("row named `{name}`"), least: 1 };
            numbers.get(name).cloned().ok_or_else(missing)
        };
        let one = |name: &str| all(name).map(|values| values[0]);
        let frequencies = |name: &str| {
            all(name).map(|values| {
                let mut points: Vec<u64> = values.iter().map(|&khz| libm::round(khz) as u64).collect();
                points.sort_unstable();
                points
            })
        };
        Ok(Self {
            map_fixed_ns: 1e6 * one("map_fixed_ms")?,
            map_ns_per_element: 1e6 * one("map_ms_per_element")?,
            transformation_ns_per_element: 1e6 * one("transformation_ms_per_element")?,
            synchronization_ns: 1e6 * one("synchronization_ms")?,
            dram_bytes_per_second: 1e9 * one("dram_reachable_gb_per_s")?,
            frequencies_khz: [
                frequencies("frequency_large_khz")?,
                frequencies("frequency_medium_khz")?,
                frequencies("frequency_small_khz")?,
                frequencies("frequency_gpu_khz")?,
            ],
        })
    }

    /// Nanoseconds that a link charges per byte of fp32 elements: mapping and transformation.
    pub fn ns_per_byte(&self) -> f64 {
        (self.map_ns_per_element + self.transformation_ns_per_element) / 4.0
    }

    /// Duration of the copies of a whole model's input to the GPU and its output back.
    pub fn copies_ns(&self, input_elements: f64, output_elements: f64) -> f64 {
        let per_element = self.map_ns_per_element + self.transformation_ns_per_element;
        2.0 * self.map_fixed_ns + self.synchronization_ns + per_element * (input_elements + output_elements)
    }
}
