//! Reductions over axes.

use super::{Facts, InferenceError, Inferred, Node};
use crate::graph::constant::ConstantData;
use crate::graph::data_type::DataType;
use crate::graph::shape::strides;

/// The axes that a reduction runs over: all of them if none are named, unless `noop_with_empty_axes`.
pub(crate) fn reduced_axes(node: &Node<'_>) -> Result<Vec<usize>, InferenceError> {
    let rank = node.input(0)?.rank();
    let named = node.axes(1, rank)?.filter(|axes| !axes.is_empty());
    Ok(named.unwrap_or_else(|| if node.flag("noop_with_empty_axes", false) { Vec::new() } else { (0..rank).collect() }))
}

fn without(shape: &[u64], axes: &[usize], keep: bool) -> Vec<u64> {
    let sizes = shape.iter().enumerate();
    if keep {
        return sizes.map(|(axis, &size)| if axes.contains(&axis) { 1 } else { size }).collect();
    }
    sizes.filter(|(axis, _)| !axes.contains(axis)).map(|(_, &size)| size).collect()
}

/// `ReduceMean`, `ReduceSum`, `ReduceMax`, ...
pub(super) fn reduce(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let axes = reduced_axes(node)?;
    let shape = without(&input.shape, &axes, node.flag("keepdims", true));
    let data = input.data_for(&shape).and_then(|data| reduce_data(node.op_type, data, &input.shape, &axes));
    Ok(vec![Facts::new(input.data_type, shape).with_data(data)])
}

fn reduce_data(operation: &str, data: &ConstantData, shape: &[u64], axes: &[usize]) -> Option<ConstantData> {
    let function: fn(i64, i64) -> Option<i64> = match operation {
        "ReduceSum" => i64::checked_add,
        "ReduceProd" => i64::checked_mul,
        "ReduceMax" => |a, b| Some(a.max(b)),
        "ReduceMin" => |a, b| Some(a.min(b)),
        _ => return None,
    };
    let own = strides(shape);
    let kept = without(shape, axes, true);
    let kept_strides = strides(&kept);
    let mut results: Vec<Option<i64>> = vec![None; kept.iter().product::<u64>() as usize];
    for (index, &value) in data.integers()?.iter().enumerate() {
        let slot: usize = (0..shape.len())
            .map(|axis| index / own[axis] % shape[axis] as usize % kept[axis] as usize * kept_strides[axis])
            .sum();
        results[slot] = Some(match results[slot] {
            None => value,
            Some(so_far) => function(so_far, value)?,
        });
    }
    results.into_iter().collect::<Option<Vec<_>>>().map(ConstantData::Integers)
}

/// `ArgMax`, `ArgMin`.
pub(super) fn argument(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let axis = node.axis(0, input.rank())?;
    Ok(vec![Facts::new(DataType::Int64, without(&input.shape, &[axis], node.flag("keepdims", true)))])
}

/// `CumSum`: like the first input; computed for one-dimensional constants.
pub(super) fn cumulative(node: &Node<'_>) -> Inferred {
    let input = node.input(0)?;
    let plain = !node.flag("exclusive", false) && !node.flag("reverse", false) && input.rank() == 1;
    let data = input.data.as_ref().and_then(ConstantData::integers).filter(|_| plain).and_then(|values| {
        let mut sum = 0_i64;
        let running = values.iter().map(|&value| {
            sum = sum.checked_add(value)?;
            Some(sum)
        });
        running.collect::<Option<Vec<_>>>().map(ConstantData::Integers)
    });
    Ok(vec![Facts::new(input.data_type, input.shape.clone()).with_data(data)])
}
