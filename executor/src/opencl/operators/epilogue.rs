//! What a convolution or matrix product does to its result before it is written: normalisation, addition, activation.

use sim::graph::Operator;
use sim::identifiers::TensorId;

use super::super::function::Function;
use super::super::lowering::Lowering;
use super::super::step::{Argument, StorageId};
use super::required;

/// Following operators that a kernel computes with its own.
pub(super) struct Epilogue {
    /// The tensor that comes out of the last.
    pub(super) output: TensorId,
    /// Scale and offset of each channel, where a normalisation follows.
    pub(super) normalization: Option<Vec<(f32, f32)>>,
    /// A tensor of the same shape to be added.
    pub(super) residual: Option<TensorId>,
    /// A constant to be added to each column.
    pub(super) column_bias: Option<TensorId>,
    /// The function applied last.
    pub(super) function: Function,
}

/// What an epilogue may hold.
#[derive(Clone, Copy)]
pub(super) struct Allowed {
    pub(super) normalization: bool,
    pub(super) residual: bool,
    pub(super) column_bias: bool,
}

impl Epilogue {
    /// The operators after `operator` that nobody else needs, as far as they may be joined to it.
    pub(super) fn after(lowering: &mut Lowering<'_>, operator: &Operator, allowed: Allowed) -> Result<Self, String> {
        let mut epilogue = Self {
            output: operator.outputs[0],
            normalization: None,
            residual: None,
            column_bias: None,
            function: Function::IDENTITY,
        };
        while epilogue.function.is_identity() {
            if epilogue.absorb_silu(lowering) {
                break;
            }
            let Some(next) = lowering.only_reader(epilogue.output) else { break };
            let is_first = next.input(0) == Some(epilogue.output);
            if let Some(function) = lowering.function(next).ok().flatten().filter(|_| is_first) {
                epilogue.function = function;
            } else if next.op_type == "BatchNormalization" && is_first && next.outputs.len() == 1 {
                let is_free = epilogue.residual.is_none() && epilogue.normalization.is_none();
                if !allowed.normalization || !is_free || !is_inference(next) {
                    break;
                }
                epilogue.normalization = Some(batch_scales(lowering, next)?);
            } else if next.op_type != "Add" || !epilogue.absorb_addition(lowering, next, allowed) {
                break;
            }
            lowering.absorb(next);
            epilogue.output = next.outputs[0];
        }
        Ok(epilogue)
    }

    fn absorb_addition(&mut self, lowering: &Lowering<'_>, next: &Operator, allowed: Allowed) -> bool {
        let other = match (next.input(0), next.input(1)) {
            (Some(one), Some(other)) if one == self.output => other,
            (Some(one), Some(_)) => one,
            _ => return false,
        };
        if other == self.output || lowering.shape(next.outputs[0]) != lowering.shape(self.output) {
            return false;
        }
        let (own, shape) = (lowering.shape(self.output), lowering.shape(other));
        let is_row = shape.last() == own.last() && shape.iter().rev().skip(1).all(|&size| size == 1);
        if allowed.column_bias && is_row && lowering.is_constant(other) && self.column_bias.is_none() && self.residual.is_none() {
            self.column_bias = Some(other);
            return true;
        }
        let can_add = allowed.residual && self.residual.is_none() && shape == own && lowering.is_placed(other);
        if can_add && lowering.is_dynamic(other) {
            self.residual = Some(other);
            return true;
        }
        false
    }

    /// `x * sigmoid(x)` comes as two operators that both read x.
    fn absorb_silu(&mut self, lowering: &mut Lowering<'_>) -> bool {
        let tensor = lowering.graph.tensor(self.output);
        let &[one, other] = &tensor.consumers[..] else { return false };
        if tensor.is_output {
            return false;
        }
        let graph = lowering.graph;
        let (one, other) = (graph.operator(one), graph.operator(other));
        let (sigmoid, product) = if one.op_type == "Sigmoid" { (one, other) } else { (other, one) };
        if sigmoid.op_type != "Sigmoid" || product.op_type != "Mul" {
            return false;
        }
        let gate = sigmoid.outputs[0];
        let reads = |id: TensorId| product.inputs.contains(&Some(id));
        let is_private = lowering.only_reader(gate).is_some_and(|reader| reader.id == product.id);
        if !is_private || !reads(gate) || !reads(self.output) {
            return false;
        }
        lowering.absorb(sigmoid);
        lowering.absorb(product);
        self.output = product.outputs[0];
        self.function = Function::SILU;
        true
    }

    /// The function as arguments.
    pub(super) fn function_arguments(function: Function) -> [Argument; 3] {
        [Argument::Integer(function.code), Argument::Float(function.a), Argument::Float(function.b)]
    }

    /// The residual, or anything that the kernel does not read.
    pub(super) fn residual_storage(&self, lowering: &mut Lowering<'_>) -> Result<StorageId, String> {
        match self.residual {
            Some(residual) => lowering.read_floats(residual),
            None => Ok(lowering.nothing()),
        }
    }
}

fn is_inference(operator: &Operator) -> bool {
    operator.attributes.integer("training_mode").unwrap_or(0) == 0
}

/// Scale and offset of each channel of a batch normalisation; none where only support was asked for.
pub(super) fn batch_scales(lowering: &Lowering<'_>, operator: &Operator) -> Result<Vec<(f32, f32)>, String> {
    if !is_inference(operator) {
        return Err("training mode is not supported".to_owned());
    }
    let epsilon = f64::from(operator.attributes.float("epsilon").unwrap_or(1e-5));
    let values = (1..5).map(|position| lowering.values(required(operator, position)?)).collect::<Result<Vec<_>, _>>()?;
    let channels = values.iter().map(Vec::len).min().unwrap_or(0);
    Ok((0..channels)
        .map(|channel| {
            let at = |index: usize| f64::from(values[index][channel]);
            let scale = at(0) / (at(3) + epsilon).sqrt();
            (scale as f32, (at(1) - at(2) * scale) as f32)
        })
        .collect())
}
