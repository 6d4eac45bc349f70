//! The measured numbers, read and checked.

use std::collections::BTreeMap;

use sim::cost::{KernelClass, KernelShape, ShapeKey, key_of};
use sim::graph::work::OperatorWork;

use crate::table::{Source, Table, TableError};
use crate::usc::Campaign;
use crate::usc::operators::{SHAPE_COLUMNS, models_with, operator_work};

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
    pub const FILES: [&'static str; 3] = ["usc_operators.csv", "usc_models.csv", "phones_published.csv"];

    /// The data that come with the source code.
    pub fn built_in() -> Self {
        Self {
            operators: Source { file: "hwcal/data/usc_operators.csv", text: include_str!("../../data/usc_operators.csv") },
            models: Source { file: "hwcal/data/usc_models.csv", text: include_str!("../../data/usc_models.csv") },
            published: Source { file: "hwcal/data/phones_published.csv", text: include_str!("../../data/phones_published.csv") },
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
    /// Operating points of the large, medium and small cores and the GPU; none of clusters that the device has not.
    pub frequencies_khz: [Vec<u64>; 4],
}

/// Everything that was measured.
#[derive(Clone, Debug)]
pub struct Measurements {
    /// Where they come from.
    pub campaign: &'static Campaign,
    /// Models, sorted by name.
    pub models: Vec<String>,
    /// Operators, model by model.
    pub operators: Vec<MeasuredOperator>,
    /// Latencies of each core set of the campaign.
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

impl Measurements {
    /// Reads and checks all tables. Models without any latency on the device are left out: they were held back.
    pub fn read(campaign: &'static Campaign, data: CalibrationData<'_>) -> Result<Self, TableError> {
        let mut columns = SHAPE_COLUMNS.to_vec();
        columns.push(campaign.column);
        let table = Table::read(data.operators, &columns)?;
        let mut by_model: BTreeMap<String, Vec<(u64, OperatorWork, f64)>> = BTreeMap::new();
        // A model that has a latency has one for each operator: a blank among them is refused.
        let measured = models_with(data.operators, campaign.column)?;
        for row in table.rows().filter(|row| row.text("model").is_ok_and(|model| measured.contains(model))) {
            let operator = (row.index("op_idx")?, operator_work(row)?, 1e3 * row.positive(campaign.column)?);
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
        let table = Table::read(data.models, &["device", "model", "cores", "mean_ms", "std_ms"])?;
        let whole = |cores| whole_models(&table, data.models.file, campaign.device, &models, cores);
        let cores = campaign.core_sets.iter().map(|set| whole(set.name)).collect::<Result<_, _>>()?;
        let gpu = whole("gpu")?;
        let published = Published::read(campaign, data.published)?;
        Ok(Self { campaign, models, operators, cores, gpu, input_elements, output_elements, published })
    }
}

/// The device whose costs of sharing data were measured.
const LINKS_OF: &str = "pixel4";

/// Fewer models cannot be cross-validated.
const MODELS_AT_LEAST: usize = 20;

/// Latencies of all models on one core set.
fn whole_models(table: &Table<'_>, file: &str, device: &str, models: &[String], cores: &str) -> Result<WholeModels, TableError> {
    let mut found: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for row in table.rows() {
        if row.text("device")? == device && row.text("cores")? == cores {
            let mean = 1e6 * row.positive("mean_ms")?;
            let deviation = 1e6 * row.not_negative("std_ms")? / mean;
            if found.insert(row.text("model")?.to_owned(), (mean, deviation)).is_some() {
                return Err(row.refuse("model", "named once for each core set"));
            }
        }
    }
    let mut whole = WholeModels { mean_ns: Vec::new(), relative_deviation: Vec::new() };
    for model in models {
        let missing = || TableError::TooFew {
            file: file.to_owned(),
            what: format!("latency of model `{model}` on cores `{cores}` of `{device}`"),
            least: 1,
        };
        let &(mean, deviation) = found.get(model).ok_or_else(missing)?;
        whole.mean_ns.push(mean);
        whole.relative_deviation.push(deviation);
    }
    Ok(whole)
}

impl Published {
    /// The device's own rows; costs of sharing data that were not measured on it are those of the device that they were measured on.
    fn read(campaign: &Campaign, source: Source<'_>) -> Result<Self, TableError> {
        let table = Table::read(source, &["device", "name", "value", "unit", "source"])?;
        let mut numbers: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
        for row in table.rows() {
            row.text("source")?;
            let key = (row.text("device")?.to_owned(), row.text("name")?.to_owned());
            numbers.entry(key).or_default().push(row.positive("value")?);
        }
        let of = |device: &str, name: &str| numbers.get(&(device.to_owned(), name.to_owned())).cloned();
        let all = |name: &str| {
            let missing = || TableError::TooFew { file: source.file.to_owned(), what: format!("row named `{name}`"), least: 1 };
            of(campaign.device, name).or_else(|| of(LINKS_OF, name)).ok_or_else(missing)
        };
        let one = |name: &str| all(name).map(|values| values[0]);
        let frequencies = |name: &str| {
            let mut points: Vec<u64> =
                of(campaign.device, name).unwrap_or_default().iter().map(|&khz| libm::round(khz) as u64).collect();
            points.sort_unstable();
            points
        };
        Ok(Self {
            map_fixed_ns: 1e6 * one("map_fixed_ms")?,
            map_ns_per_element: 1e6 * one("map_ms_per_element")?,
            transformation_ns_per_element: 1e6 * one("transformation_ms_per_element")?,
            synchronization_ns: 1e6 * one("synchronization_ms")?,
            dram_bytes_per_second: 1e9 * one("dram_reachable_gb_per_s")?,
            frequencies_khz: [
                frequencies("frequency_large_khz"),
                frequencies("frequency_medium_khz"),
                frequencies("frequency_small_khz"),
                frequencies("frequency_gpu_khz"),
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
