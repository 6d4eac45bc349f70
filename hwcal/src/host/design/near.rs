//! Operators like those that models have: tasks of the zoo with other sizes, as other widths and resolutions of the same
//! architectures would have them.

use std::collections::BTreeMap;

use executor::unit::cut_out;
use sim::graph::{AttributeValue, ConstantData, DataType, RawGraph, RawTensor};

use super::hash;
use super::zoo::Model;

/// Sizes below it say what an operator is (windows, strides, colours), and stay.
const LEAST: u64 = 7;
/// Most multiply-accumulates, and most elements of a tensor.
const MOST_MACS: u64 = 1_200_000_000;
const MOST_ELEMENTS: u64 = 6_000_000;
/// What sizes are multiplied by, in sixteenths.
const FACTORS: [u64; 8] = [8, 10, 12, 14, 18, 20, 24, 28];

/// A task with every size changed, equal ones alike, as a model of its own; `None` where that is no valid operator, several
/// tasks, or too large. Other seeds give other sizes.
pub(super) fn near(model: &Model, task: usize, name: &str, seed: u64) -> Option<Model> {
    let of = &model.tasks[task];
    let raw = cut_out(&model.graph, &of.operators, &of.wanted);
    let mut sizes = Sizes { seed: hash(name.as_bytes()) ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), known: BTreeMap::new() };
    let graph = changed(raw, &mut sizes)?.build().ok()?;
    let is_small = |tensor: &sim::graph::Tensor| (1..=MOST_ELEMENTS).contains(&tensor.elements());
    if !graph.tensors().iter().all(is_small) {
        return None;
    }
    let near = Model::of(graph);
    let is_alike = near.tasks.len() == 1
        && near.tasks[0].operators.len() == of.operators.len()
        && near.work(0).kind == of.work.kind
        && near.work(0).macs <= MOST_MACS;
    is_alike.then_some(near)
}

/// A new size for each size.
struct Sizes {
    seed: u64,
    known: BTreeMap<u64, u64>,
}

impl Sizes {
    /// Channels stay multiples of what they are multiples of, up to 8.
    fn of(&mut self, size: u64) -> u64 {
        // Beyond any size there is, it means the end of an axis.
        if !(LEAST..=MOST_ELEMENTS).contains(&size) {
            return size;
        }
        let seed = self.seed;
        *self.known.entry(size).or_insert_with(|| {
            let mixed = hash(&[seed.to_le_bytes(), size.to_le_bytes()].concat());
            // One size in four stays.
            if (mixed >> 8).is_multiple_of(4) {
                return size;
            }
            let factor = FACTORS[((mixed >> 16) % FACTORS.len() as u64) as usize];
            let granule = 1_u64 << size.trailing_zeros().min(3);
            ((size * factor / 16 + granule / 2) / granule * granule).max(granule)
        })
    }

    fn tensor(&mut self, tensor: &mut RawTensor) {
        for size in &mut tensor.shape {
            *size = self.of(*size);
        }
    }

    fn integer(&mut self, value: i64) -> i64 {
        u64::try_from(value).ok().and_then(|value| i64::try_from(self.of(value)).ok()).unwrap_or(value)
    }
}

/// Values that an operator computes shapes with change as the sizes do; whether they still fit is for the graph to say.
fn changed(mut raw: RawGraph, sizes: &mut Sizes) -> Option<RawGraph> {
    raw.declared.clear();
    raw.inputs.iter_mut().for_each(|input| sizes.tensor(input));
    for initializer in &mut raw.initializers {
        let is_shape = matches!(initializer.data_type, DataType::Int64 | DataType::Int32) && initializer.shape.len() <= 1;
        if !is_shape {
            if initializer.data.is_some() && initializer.shape.iter().any(|&size| size >= LEAST) {
                // Values that belong to a shape that changes.
                initializer.data = None;
            }
            sizes.tensor(initializer);
        } else if let Some(ConstantData::Integers(values)) = &mut initializer.data {
            for value in values {
                *value = sizes.integer(*value);
            }
        }
    }
    for operator in &mut raw.operators {
        if operator.op_type == "Conv"
            && let Some(AttributeValue::Integer(groups)) = operator.attributes.get("group").cloned()
            && groups >= LEAST as i64
        {
            operator.attributes.insert("group", AttributeValue::Integer(sizes.integer(groups)));
        }
        // Its window is its whole input.
        if matches!(operator.op_type.as_str(), "AveragePool")
            && operator.attributes.integers("kernel_shape").is_some_and(|it| it.iter().any(|&size| size >= LEAST as i64))
        {
            return None;
        }
        if operator.op_type == "Split"
            && let Some(AttributeValue::Integers(values)) = operator.attributes.get("split").cloned()
        {
            let values = values.into_iter().map(|value| sizes.integer(value)).collect();
            operator.attributes.insert("split", AttributeValue::Integers(values));
        }
    }
    Some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::design::zoo;

    /// Most tasks have a relative of another size that does the same; the rest say nothing else than their shape allows.
    #[test]
    fn tasks_of_the_zoo_have_relatives_of_other_sizes() {
        let (mut all, mut found, mut other) = (0, 0, 0);
        for model in zoo::models()
            .iter()
            .filter(|model| ["resnet18", "mobilenet_v3_large", "bert_tiny_4x312"].contains(&&*model.graph.name))
        {
            for task in 0..model.tasks.len() {
                all += 1;
                let name = format!("{}/{task}", model.graph.name);
                let Some(relative) = near(model, task, &name, 1) else { continue };
                found += 1;
                other += usize::from(relative.work(0) != model.work(task));
                assert_eq!(relative.fused(0), model.fused(task), "{name}");
                assert_eq!(
                    near(model, task, &name, 1).map(|again| again.work(0).clone()),
                    Some(relative.work(0).clone()),
                    "{name}"
                );
            }
        }
        assert!(found * 10 > all * 7 && other * 10 > found * 8, "{all} tasks, {found} relatives, {other} of another size");
    }

    #[test]
    fn sizes_keep_what_they_are_multiples_of() {
        let mut sizes = Sizes { seed: 3, known: BTreeMap::new() };
        for size in [8, 24, 40, 64, 96, 128, 512, 1000, 14, 28, 56, 112, 197] {
            let new = sizes.of(size);
            assert!(
                new.is_multiple_of(1 << size.trailing_zeros().min(3)) && new >= size / 2 - 1 && new <= 2 * size,
                "{size}: {new}"
            );
            assert_eq!(sizes.of(size), new);
        }
        assert_eq!([1, 3, 5].map(|size| sizes.of(size)), [1, 3, 5]);
    }
}
