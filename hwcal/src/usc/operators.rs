//! Operators as tables list them: one row an operator, with its shape.

use std::collections::{BTreeMap, BTreeSet};

use sim::graph::work::{Access, Geometry, KernelKind, OperatorWork};

use crate::table::{Source, Table, TableError, TableRow};

/// Columns that say what an operator is.
pub const SHAPE_COLUMNS: [&str; 10] =
    ["model", "op_idx", "op", "in_hw", "in_ch", "out_hw", "out_ch", "kernel", "stride", "groups"];

/// Names of the models that have a latency in a column.
pub fn models_with(source: Source<'_>, column: &'static str) -> Result<BTreeSet<String>, TableError> {
    let table = Table::read(source, &["model", column])?;
    table.rows().filter(|row| !row.is_empty(column)).map(|row| row.text("model").map(str::to_owned)).collect()
}

/// The operators of every model of a table, in their order, by model. Latencies may be there or not.
pub fn operator_lists(source: Source<'_>) -> Result<BTreeMap<String, Vec<OperatorWork>>, TableError> {
    let table = Table::read(source, &SHAPE_COLUMNS)?;
    let mut by_model: BTreeMap<String, Vec<(u64, OperatorWork)>> = BTreeMap::new();
    for row in table.rows() {
        by_model.entry(row.text("model")?.to_owned()).or_default().push((row.index("op_idx")?, operator_work(row)?));
    }
    let in_order = |mut rows: Vec<(u64, OperatorWork)>| {
        rows.sort_by_key(|row| row.0);
        rows.into_iter().map(|(_, work)| work).collect()
    };
    Ok(by_model.into_iter().map(|(model, rows)| (model, in_order(rows))).collect())
}

/// The work of a row. Inputs count explicit padding; a window that reaches beyond them pads implicitly.
pub(super) fn operator_work(row: TableRow<'_>) -> Result<OperatorWork, TableError> {
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
