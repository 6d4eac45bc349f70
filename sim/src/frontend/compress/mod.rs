//! What-ifs that make a model smaller: they change its outputs, its costs, and say so. New weights have no values: they are drawn by
//! name, so that a compressed model runs for real too, at its true cost.

pub(super) mod channels;
mod groups;
pub(super) mod int8;
pub(super) mod svd;

use crate::graph::{Graph, Tensor};

/// Kernels work on channels eight by eight: other numbers would cost as much as the next multiple.
const CHANNEL_MULTIPLE: u64 = 8;

/// A share of some channels, rounded up to a multiple of 8; at most all of them.
fn share_of(channels: u64, share: f64) -> u64 {
    let kept = libm::ceil(channels as f64 * share) as u64;
    kept.max(1).next_multiple_of(CHANNEL_MULTIPLE).min(channels)
}

/// A learned tensor of the file in single precision that one operator alone reads.
fn own_weight(graph: &Graph, operator: &crate::graph::Operator, position: usize) -> Option<Tensor> {
    let tensor = graph.tensor(operator.input(position)?);
    let is_given = tensor.producer.is_none() && !tensor.role.is_dynamic() && tensor.data_type == crate::graph::DataType::Float32;
    let uses = operator.inputs.iter().filter(|&&input| input == Some(tensor.id)).count();
    (is_given && tensor.consumers.len() == 1 && uses == 1 && !tensor.is_output).then(|| tensor.clone())
}
