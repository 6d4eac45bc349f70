//! Layers of ncnn's models as operators.

use std::collections::BTreeMap;

use sim::graph::work::{Access, Geometry, KernelKind, OperatorWork};

use crate::table::{Source, Table, TableError, TableRow};

const COLUMNS: [&str; 17] = [
    "model",
    "layer",
    "kind",
    "in_ch",
    "in_h",
    "in_w",
    "out_ch",
    "out_h",
    "out_w",
    "kernel_w",
    "kernel_h",
    "stride",
    "groups",
    "macs",
    "parameters",
    "in_elements",
    "out_elements",
];

/// Layers by model, in their order.
pub(super) fn read(source: Source<'_>) -> Result<BTreeMap<String, Vec<OperatorWork>>, TableError> {
    let table = Table::read(source, &COLUMNS)?;
    let mut lists: BTreeMap<String, Vec<OperatorWork>> = BTreeMap::new();
    for row in table.rows() {
        lists.entry(row.text("model")?.to_owned()).or_default().push(work(row)?);
    }
    Ok(lists)
}

fn work(row: TableRow<'_>) -> Result<OperatorWork, TableError> {
    let count = |column| row.not_negative(column).map(|value| value as u64);
    let [out_channels, out_height, out_width] = [row.size("out_ch")?, row.size("out_h")?, row.size("out_w")?];
    let kind = match row.text("kind")? {
        "convolution" => KernelKind::Convolution,
        "depthwise_convolution" => KernelKind::DepthwiseConvolution,
        "grouped_convolution" => KernelKind::GroupedConvolution,
        "fully_connected" => KernelKind::FullyConnected,
        "matrix_multiply" => KernelKind::MatrixMultiply,
        "pool" if out_height * out_width == 1 => KernelKind::GlobalPool,
        "pool" => KernelKind::MaxPool,
        "concatenate" => KernelKind::Concatenate,
        "elementwise" => KernelKind::Elementwise,
        "data_movement" => KernelKind::DataMovement,
        "activation" => KernelKind::Activation,
        "normalization" => KernelKind::Normalization,
        _ => return Err(row.refuse("kind", "one of the eleven kinds in the data's README.md")),
    };
    let [input, output, parameters] = [count("in_elements")?, count("out_elements")?, count("parameters")?];
    let groups =
        if matches!(kind, KernelKind::DepthwiseConvolution | KernelKind::GroupedConvolution) { row.size("groups")? } else { 1 };
    Ok(OperatorWork {
        kind,
        macs: count("macs")?,
        input_elements: input,
        output_elements: output,
        parameters,
        input_bytes: input.saturating_mul(4),
        output_bytes: output.saturating_mul(4),
        weight_bytes: parameters.saturating_mul(4),
        input_count: 1,
        geometry: Geometry {
            batch: 1,
            in_height: row.size("in_h")?,
            in_width: row.size("in_w")?,
            in_channels: row.size("in_ch")?,
            out_height,
            out_width,
            out_channels,
            kernel_height: row.size("kernel_h")?,
            kernel_width: row.size("kernel_w")?,
            stride_height: row.size("stride")?,
            stride_width: row.size("stride")?,
            dilation_height: 1,
            dilation_width: 1,
            groups,
        },
        access: Access::default(),
        joined_elements: 0,
    })
}
