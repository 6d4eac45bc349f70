//! The model of one class of kernels: its family chosen by cross-validation over distinct operators.

use sim::cost::{ClassModel, FitRange, KernelClass};

use crate::folds::deal;
use crate::host::fit::FitError;
use crate::host::fit::family::{self, Effort, Family, Observation, Physical, Trees};

/// An observation and the distinct operator it is of.
pub(crate) type Grouped<'a> = (usize, Observation<'a>);

/// Folds of the choice.
const FOLDS: usize = 3;
/// Distinct operators below which nothing is chosen: one launch and one rate are all that the data can tell.
const LEAST_TO_CHOOSE: usize = 8;
/// Distinct operators below which only sums are tried.
const LEAST_FOR_ARMS: usize = 14;
/// Distinct operators below which no trees are tried.
const LEAST_FOR_TREES: usize = 24;
/// A richer family must lower the held-out error by this factor.
const WORTH: f64 = 0.97;

/// Chooses the family of a class by held-out error, and fits it to all observations.
pub(crate) fn fit(class: KernelClass, data: &[Grouped<'_>], seed: u64) -> Result<(ClassModel, Family), FitError> {
    let all: Vec<Observation<'_>> = data.iter().map(|&(_, one)| one).collect();
    let family = choose(class, data, seed)?;
    Ok((fit_family(class, family, Effort::Full, &all)?, family))
}

fn choose(class: KernelClass, data: &[Grouped<'_>], seed: u64) -> Result<Family, FitError> {
    let mut groups: Vec<usize> = data.iter().map(|&(group, _)| group).collect();
    groups.sort_unstable();
    groups.dedup();
    let simple = Family { physical: Physical::Simple, trees: Trees::None };
    if groups.len() < LEAST_TO_CHOOSE {
        return Ok(simple);
    }
    let folds = deal(groups.len(), FOLDS, seed);
    let fold_of = |group: usize| groups.binary_search(&group).map_or(0, |index| folds[index]);
    let held_out = |family: Family| -> Result<f64, FitError> {
        let mut pairs = Vec::with_capacity(data.len());
        for fold in 0..FOLDS {
            let (test, training): (Vec<Grouped<'_>>, Vec<Grouped<'_>>) = data.iter().partition(|it| fold_of(it.0) == fold);
            let training: Vec<Observation<'_>> = training.into_iter().map(|(_, one)| one).collect();
            let model = fit_family(class, family, Effort::Quick, &training)?;
            pairs.extend(test.iter().map(|(_, one)| (predict(&model, one), one.duration_ns)));
        }
        Ok(family::loss(pairs.into_iter()))
    };
    let mut best = (held_out(simple)?, simple);
    for physical in family::candidates(class) {
        let is_sum = matches!(physical, Physical::Linear | Physical::Staircase(_));
        if physical == Physical::Simple || (!is_sum && groups.len() < LEAST_FOR_ARMS) {
            continue;
        }
        let family = Family { physical, trees: Trees::None };
        let loss = held_out(family)?;
        if loss < WORTH * best.0 {
            best = (loss, family);
        }
    }
    if groups.len() >= LEAST_FOR_TREES {
        // The sum that bends least, too: what a staircase or a roofline gains on its own, trees may find better from there.
        let mut bases = vec![best.1.physical, Physical::Linear];
        bases.dedup();
        for trees in [Trees::Monotone, Trees::Free] {
            let corrected = bases.iter().map(|&physical| {
                let family = Family { physical, trees };
                Ok((held_out(family)?, family))
            });
            let corrected = corrected.collect::<Result<Vec<_>, FitError>>()?;
            let nearest = corrected.into_iter().reduce(|one, other| if other.0 < one.0 { other } else { one });
            if let Some(nearest) = nearest.filter(|nearest| nearest.0 < WORTH * best.0) {
                best = nearest;
            }
        }
    }
    Ok(best.1)
}

fn fit_family(class: KernelClass, family: Family, effort: Effort, data: &[Observation<'_>]) -> Result<ClassModel, FitError> {
    let mut model = family::fit(class, family.physical, data)?;
    model.range = FitRange::around(data.iter().map(|one| one.shape));
    family::correct(&mut model, family.trees, effort, data)?;
    Ok(model)
}

fn predict(model: &ClassModel, one: &Observation<'_>) -> f64 {
    let outside = model.range.as_ref().map_or(0.0, |range| range.octaves_outside(one.shape));
    model.duration_ns(one.shape, outside)
}
