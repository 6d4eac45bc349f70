//! The published lists of operators as graphs.

use sim::graph::{AttributeValue, Attributes, Graph, RawGraph};

use crate::published::PublishedError;
use crate::table::{Source, Table, TableRow};

const COLUMNS: [&str; 10] =
    ["model", "operator", "in_height", "in_width", "in_channels", "out_channels", "kernel", "stride", "out_height", "out_width"];

/// A tensor that an operator of the list made.
struct Made {
    name: String,
    channels: u64,
    height: u64,
    width: u64,
}

/// All networks of a table, in its order.
///
/// The list has neither activations nor what joins branches, and inputs with their padding. An operator reads the output of the last
/// operator before it whose size fits, padding as much as is missing; where none fits, an input of the network. The last output
/// is the network's.
pub(super) fn networks(source: Source<'_>) -> Result<Vec<Graph>, PublishedError> {
    let table = Table::read(source, &COLUMNS)?;
    let mut networks: Vec<(String, RawGraph, Vec<Made>)> = Vec::new();
    for row in table.rows() {
        let model = row.text("model")?;
        if networks.last().is_none_or(|(name, ..)| name != model) {
            let mut raw = RawGraph::new(model);
            raw.opset_version = Some(16);
            networks.push((model.to_owned(), raw, Vec::new()));
        }
        if let Some((_, raw, made)) = networks.last_mut() {
            *raw = add(std::mem::take(raw), made, &row)?;
        }
    }
    networks
        .into_iter()
        .map(|(model, raw, made)| {
            let last = made.last().map_or_else(String::new, |made| made.name.clone());
            raw.with_output(&last).build().map_err(|error| PublishedError::Network { model, why: error.to_string() })
        })
        .collect()
}

fn add(mut raw: RawGraph, made: &mut Vec<Made>, row: &TableRow<'_>) -> Result<RawGraph, PublishedError> {
    let (height, width) = (row.size("in_height")?, row.size("in_width")?);
    let (in_channels, out_channels) = (row.size("in_channels")?, row.size("out_channels")?);
    let (kernel, stride) = (row.size("kernel")?, row.size("stride")?);
    let fits = |of: &&Made| {
        let within = |padded: u64, size: u64| size <= padded && padded - size < kernel.max(1);
        of.channels == in_channels && within(height, of.height) && within(width, of.width)
    };
    let name = format!("{}_{}", row.text("operator")?, made.len());
    let (input, pads) = if let Some(of) = made.iter().rev().find(fits) {
        let (rows, columns) = (height - of.height, width - of.width);
        (of.name.clone(), [rows / 2, columns / 2, rows - rows / 2, columns - columns / 2])
    } else {
        let input = format!("{name}_input");
        raw = raw.with_input(&input, &[1, in_channels, height, width]);
        (input, [0; 4])
    };
    let list = |values: &[u64]| AttributeValue::Integers(values.iter().map(|&value| value as i64).collect());
    let attributes = Attributes::new()
        .with("kernel_shape", list(&[kernel, kernel]))
        .with("strides", list(&[stride, stride]))
        .with("pads", list(&pads));
    raw =
        if row.text("operator")? == "pool" {
            raw.with_operator("MaxPool", &[&input], &[&name], attributes)
        } else {
            // A fully connected layer is a convolution whose window is its input.
            let (weight, bias) = (format!("{name}_weight"), format!("{name}_bias"));
            raw.with_weight(&weight, &[out_channels, in_channels, kernel, kernel])
                .with_weight(&bias, &[out_channels])
                .with_operator("Conv", &[&input, &weight, &bias], &[&name], attributes)
        };
    made.push(Made { name, channels: out_channels, height: row.size("out_height")?, width: row.size("out_width")? });
    Ok(raw)
}
