//! A profile changed by what an observed run took: factors by worker and class, and by link, shrunk by how little is known of them.
//!
//! A launch is predicted as the sum of its kernels. `measured = sum over classes of factor x predicted`, by robust non-negative least
//! squares of the relative error: first one factor for a worker, drawn towards 1, then one for each class, drawn towards that of the
//! worker and kept within a factor of 2 of it. The weight `measured^2 / predicted` gives each launch an influence in proportion to the time
//! it took: latencies are sums of durations, and short launches, predicted many times too long, would pull all factors down otherwise.

use std::collections::BTreeMap;

use scenarios::Profile;
use scenarios::profile::Refinement;
use sim::cost::{ClassModel, CostModelError, CostModels, KernelClass, ShapeTable};
use thiserror::Error;

use crate::linear::{LinearError, RobustFit, fit_relative};
use crate::statistics::median;
use crate::usc::round::significant;

/// A launch that was observed, several times mostly.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedLaunch {
    /// The worker.
    pub worker: String,
    /// Classes of its kernels, and what they are predicted to take in it.
    pub predicted_ns: Vec<(KernelClass, f64)>,
    /// Median of what it took.
    pub measured_ns: f64,
}

/// A copy that was observed, several times mostly.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedCopy {
    /// The link.
    pub link: String,
    /// What it is predicted to take.
    pub predicted_ns: f64,
    /// Median of what it took.
    pub measured_ns: f64,
}

/// Why a profile cannot be refined.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum RefineError {
    /// Nothing to refine it by.
    #[error("the observed run has no launch of a kernel on a worker of the profile: nothing to refine")]
    Nothing,
    /// A worker that the profile does not have.
    #[error("the observed run has a worker `{worker}`, which the profile does not have")]
    UnknownWorker {
        /// The worker.
        worker: String,
    },
    /// A fit has no solution.
    #[error(transparent)]
    Linear(#[from] LinearError),
    /// A refined model is refused.
    #[error("refined model: {0}")]
    Model(#[from] CostModelError),
}

/// Launches that the pull of a worker's factor towards 1 weighs as much as, and that of a link's.
const PULL: f64 = 0.5;
/// Launches that the pull of a class's factor towards that of its worker weighs as much as.
const CLASS_PULL: f64 = 0.2;
/// Most that the factor of a class differs from that of its worker.
const MOST: f64 = 2.0;
/// Relative error from which a launch counts less.
const DELTA: f64 = 0.1;

/// A profile that expects what was observed, as far as it is known well; its history says what was changed.
///
/// `observed` says in a line what was observed, `fingerprint` is that of the profile as it is.
pub fn refine(
    profile: &Profile,
    fingerprint: &str,
    observed: &str,
    launches: &[ObservedLaunch],
    copies: &[ObservedCopy],
) -> Result<Profile, RefineError> {
    let mut by_worker: BTreeMap<&str, Vec<&ObservedLaunch>> = BTreeMap::new();
    for launch in launches.iter().filter(|launch| launch.measured_ns > 0.0 && predicted(launch) > 0.0) {
        if !profile.costs.contains_key(&launch.worker) {
            return Err(RefineError::UnknownWorker { worker: launch.worker.clone() });
        }
        by_worker.entry(&launch.worker).or_default().push(launch);
    }
    if by_worker.is_empty() {
        return Err(RefineError::Nothing);
    }
    let mut refined = profile.clone();
    let mut factors = BTreeMap::new();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for (worker, launches) in &by_worker {
        let of_classes = factors_of(launches)?;
        before.extend(launches.iter().map(|launch| (predicted(launch) / launch.measured_ns - 1.0).abs()));
        after.extend(launches.iter().map(|launch| (corrected(launch, &of_classes) / launch.measured_ns - 1.0).abs()));
        if let Some(costs) = refined.costs.get_mut(*worker) {
            *costs = scaled(costs, &of_classes)?;
        }
        factors.extend(of_classes.iter().map(|(class, &factor)| (format!("{worker}.{}", class.name()), factor)));
    }
    for link in &mut refined.links {
        let ratios: Vec<f64> = copies
            .iter()
            .filter(|copy| copy.link == link.name && copy.predicted_ns > 0.0 && copy.measured_ns > 0.0)
            .map(|copy| libm::log(copy.measured_ns / copy.predicted_ns))
            .collect();
        if ratios.is_empty() {
            continue;
        }
        let weight = ratios.len() as f64 / (ratios.len() as f64 + PULL);
        let factor = significant(libm::exp(weight * median(&ratios)), 4);
        link.fixed_ns = libm::round(link.fixed_ns as f64 * factor) as u64;
        link.bytes_per_second = link.bytes_per_second.map(|rate| significant(rate / factor, 6));
        factors.insert(link.name.clone(), factor);
    }
    refined.provenance.refinements.push(Refinement {
        observed: observed.to_owned(),
        before: fingerprint.to_owned(),
        launches: Some(before.len() as u32),
        error_before_percent: Some(significant(100.0 * median(&before), 3)),
        error_after_percent: Some(significant(100.0 * median(&after), 3)),
        factors,
    });
    Ok(refined)
}

fn predicted(launch: &ObservedLaunch) -> f64 {
    launch.predicted_ns.iter().map(|kernel| kernel.1).sum()
}

fn corrected(launch: &ObservedLaunch, factors: &BTreeMap<KernelClass, f64>) -> f64 {
    launch.predicted_ns.iter().map(|(class, ns)| factors.get(class).copied().unwrap_or(1.0) * ns).sum()
}

/// The factor of each class that occurs.
fn factors_of(launches: &[&ObservedLaunch]) -> Result<BTreeMap<KernelClass, f64>, LinearError> {
    let mut classes: Vec<KernelClass> = launches.iter().flat_map(|it| it.predicted_ns.iter().map(|kernel| kernel.0)).collect();
    classes.sort_unstable();
    classes.dedup();
    let values: Vec<f64> = launches.iter().map(|launch| launch.measured_ns).collect();
    let raw: Vec<f64> = launches.iter().map(|launch| launch.measured_ns * launch.measured_ns / predicted(launch)).collect();
    let mean = raw.iter().sum::<f64>() / launches.len() as f64;
    let weights: Vec<f64> = raw.iter().map(|weight| weight / mean).collect();
    let how = |pull: f64| RobustFit { ridge: pull / launches.len() as f64, ridge_target: 1.0, delta: DELTA, rounds: 20 };
    let sums: Vec<Vec<f64>> = launches.iter().map(|launch| vec![predicted(launch)]).collect();
    let of_worker = fit_relative(&sums, &values, &weights, &[1.0], how(PULL))?[0].max(1e-3);
    let of_class = |launch: &&ObservedLaunch, class: KernelClass| -> f64 {
        launch.predicted_ns.iter().filter(|kernel| kernel.0 == class).map(|kernel| kernel.1).sum()
    };
    let rows: Vec<Vec<f64>> =
        launches.iter().map(|launch| classes.iter().map(|&class| of_class(launch, class)).collect()).collect();
    let factors = fit_relative(&rows, &values, &weights, &vec![of_worker; classes.len()], how(CLASS_PULL))?;
    Ok(classes
        .into_iter()
        .zip(factors.into_iter().map(|factor| significant(factor.clamp(of_worker / MOST, of_worker * MOST), 4)))
        .collect())
}

/// Cost models whose durations are multiplied by a factor for each class.
fn scaled(costs: &CostModels, factors: &BTreeMap<KernelClass, f64>) -> Result<CostModels, CostModelError> {
    let scale = |model: &ClassModel| -> Result<ClassModel, CostModelError> {
        let factor = factors.get(&model.class).copied().unwrap_or(1.0);
        let mut model = model.clone();
        for (_, coefficient) in model.coefficients.iter_mut().chain(&mut model.memory_coefficients) {
            *coefficient = significant(*coefficient * factor, 6);
        }
        model.minimum_ns = significant(model.minimum_ns * factor, 6);
        let rows = model.shapes.rows().iter().map(|&(key, duration_ns)| (key, significant(duration_ns * factor, 6)));
        model.shapes = ShapeTable::new(model.class, rows.collect())?;
        Ok(model)
    };
    let models = costs.classes().iter().chain(costs.operators()).map(scale).collect::<Result<Vec<_>, _>>()?;
    CostModels::new(costs.element_bytes(), costs.scale(), models)?
        .with_fused(costs.fused().clone())?
        .with_overheads(costs.overheads())?
        .with_shared_errors(costs.shared_errors())?
        .with_alone_ns(costs.alone_ns())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(kernels: &[(KernelClass, f64)], measured_ns: f64) -> ObservedLaunch {
        ObservedLaunch { worker: "cpu".to_owned(), predicted_ns: kernels.to_vec(), measured_ns }
    }

    /// Fifty launches whose convolutions take 1.3 times and whose poolings take 0.8 times what was predicted, one of them disturbed.
    #[test]
    fn factors_come_back_and_an_outlier_does_not_move_them() {
        let (convolution, pool) = (KernelClass::Convolution, KernelClass::Pool);
        let mut launches: Vec<ObservedLaunch> = (1..=50)
            .map(|index| {
                let (one, two) = (f64::from(index * 37 % 50 + 5), f64::from(index * 11 % 50 + 5));
                launch(&[(convolution, one), (pool, two)], 1.3 * one + 0.8 * two)
            })
            .collect();
        launches[7].measured_ns *= 4.0;
        let factors = factors_of(&launches.iter().collect::<Vec<_>>()).expect("fits");
        assert!((factors[&convolution] - 1.3).abs() < 0.04 && (factors[&pool] - 0.8).abs() < 0.04, "{factors:?}");
    }

    /// A machine on which kinds of kernels take other factors than the profile says, and everything varies by 3 %: what is learned from one run
    /// makes another better, of other launches.
    #[test]
    fn the_error_falls_on_another_run() {
        let classes = [(KernelClass::Convolution, 1.4), (KernelClass::Pool, 0.7), (KernelClass::Elementwise, 1.0)];
        let run = |seed: u64| -> Vec<ObservedLaunch> {
            let mut random = sim::random::Stream::new(seed, sim::random::Purpose::Resampling, 0, 0);
            (0..30)
                .map(|_| {
                    let kernels: Vec<(KernelClass, f64)> =
                        classes.iter().map(|&(class, _)| (class, 20.0 + 500.0 * random.uniform())).collect();
                    let measured = kernels.iter().zip(classes).map(|(kernel, (_, factor))| factor * kernel.1).sum::<f64>();
                    launch(&kernels, measured * libm::exp(0.03 * random.normal()))
                })
                .collect()
        };
        let (first, second) = (run(1), run(2));
        let factors = factors_of(&first.iter().collect::<Vec<_>>()).expect("fits");
        let error = |of: &dyn Fn(&ObservedLaunch) -> f64| {
            median(&second.iter().map(|launch| (of(launch) / launch.measured_ns - 1.0).abs()).collect::<Vec<_>>())
        };
        let (before, after) = (error(&predicted), error(&|launch| corrected(launch, &factors)));
        assert!(before > 0.06 && after < 0.6 * before, "{before} {after} {factors:?}");
    }

    /// Two hundred short launches, predicted ten times too long, beside a few that take nearly all of the time.
    #[test]
    fn factors_are_those_of_what_takes_the_time() {
        let kernels = |convolution, pool| [(KernelClass::Convolution, convolution), (KernelClass::Pool, pool)];
        let mut launches = vec![launch(&kernels(10.0, 5.0), 1.5); 200];
        launches.extend(vec![launch(&kernels(500.0, 20.0), 624.0); 15]);
        let factors = factors_of(&launches.iter().collect::<Vec<_>>()).expect("fits");
        assert!((factors[&KernelClass::Convolution] - 1.2).abs() < 0.1, "{factors:?}");
    }

    #[test]
    fn what_was_seen_once_does_not_move_all_the_way() {
        let factors = factors_of(&[&launch(&[(KernelClass::Pool, 100.0)], 106.0)]).expect("fits");
        let factor = factors[&KernelClass::Pool];
        assert!((1.01..1.059).contains(&factor), "{factor}");
    }

    #[test]
    fn nothing_observed_is_refused() {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/devices/xiaomi9_sd855.toml"));
        let profile = Profile::parse("device", &text.expect("there")).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(refine(&profile, "", "", &[], &[]), Err(RefineError::Nothing));
        let other = ObservedLaunch { worker: "tpu".to_owned(), ..launch(&[(KernelClass::Pool, 1.0)], 1.0) };
        let error = refine(&profile, "", "", &[other], &[]).expect_err("no such worker").to_string();
        assert_eq!(error, "the observed run has a worker `tpu`, which the profile does not have");
    }

    #[test]
    fn a_refined_profile_takes_longer_and_remembers() {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/devices/xiaomi9_sd855.toml"));
        let profile = Profile::parse("device", &text.expect("there")).unwrap_or_else(|errors| panic!("{errors}"));
        let worker = profile.workers[0].name.clone();
        let slow: Vec<ObservedLaunch> = (0..40)
            .map(|index| ObservedLaunch {
                worker: worker.clone(),
                predicted_ns: vec![(KernelClass::Convolution, 100.0 + f64::from(index))],
                measured_ns: 150.0 + 1.5 * f64::from(index),
            })
            .collect();
        let refined = refine(&profile, "abc", "a run", &slow, &[]).expect("refines");
        let history = &refined.provenance.refinements;
        assert_eq!((history.len(), history[0].before.as_str(), history[0].launches), (1, "abc", Some(40)));
        let (before, after) = (history[0].error_before_percent.expect("told"), history[0].error_after_percent.expect("told"));
        assert!((before - 33.3).abs() < 0.1 && after < 5.0, "{before} {after}");
        let text = refined.to_toml().expect("a text");
        let again = Profile::parse("device", &text).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(again, refined);
        let sum = |profile: &Profile| -> f64 {
            let model = profile.costs[&worker].class(KernelClass::Convolution).expect("one").clone();
            model.coefficients.iter().map(|it| it.1).sum()
        };
        assert!((sum(&refined) / sum(&profile) / 1.5 - 1.0).abs() < 0.05);
    }
}
