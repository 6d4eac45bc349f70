//! Recurrent cells: LSTM, GRU and plain.

use super::{Facts, InferenceError, Inferred, Node};
use crate::graph::shape::text;

/// `LSTM`, `GRU`, `RNN`: all states, the last state and, for an LSTM, the last cell.
pub(super) fn recurrent(node: &Node<'_>) -> Inferred {
    let input = node.ranked(0, |rank| rank == 3, "sequence x batch x features is expected")?;
    let recurrence = node.ranked(2, |rank| rank == 3, "directions x gates*hidden x hidden is expected")?;
    let weight = node.ranked(1, |rank| rank == 3, "directions x gates*hidden x features is expected")?;
    let batch_first = node.flag("layout", false);
    let (sequence, batch) = if batch_first { (input.shape[1], input.shape[0]) } else { (input.shape[0], input.shape[1]) };
    let hidden = recurrence.shape[2];
    let directions = if node.attributes.text("direction") == Some("bidirectional") { 2 } else { 1 };
    if recurrence.shape[0] != directions || weight.shape[0] != directions || weight.shape[2] != input.shape[2] {
        return Err(InferenceError::mismatch(format!(
            "weights {} and {} do not fit input {} with {directions} direction(s)",
            text(&weight.shape),
            text(&recurrence.shape),
            text(&input.shape)
        )));
    }
    let (all, last) = if batch_first {
        (vec![batch, sequence, directions, hidden], vec![batch, directions, hidden])
    } else {
        (vec![sequence, directions, batch, hidden], vec![directions, batch, hidden])
    };
    let last = Facts::new(input.data_type, last);
    Ok(vec![Facts::new(input.data_type, all), last.clone(), last])
}
