//! Predicts what one operator, fused kernel, or slice of one costs on one worker.

/// Cost models of one worker, by kernel kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CostModels {}
