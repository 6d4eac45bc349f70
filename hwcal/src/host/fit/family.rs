//! Model families: what a duration is made of. Every feature grows with channels and size, so that with coefficients that are not
//! negative every physical model does; trees that correct one are constrained to.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;
use sim::cost::{ClassModel, Feature, Forest, KernelClass, KernelShape, Provenance, TREE_FEATURES, TreeNode, tree_features};

use crate::boost::{Boosting, Direction, Directions, FREE, boost};
use crate::host::fit::FitError;
use crate::linear::{RobustFit, fit_relative};
use crate::statistics;
use crate::usc::gpu;

/// The physical part of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Physical {
    /// A launch, and a rate: of multiply-accumulates where there are any, else of elements.
    Simple,
    /// A non-negative combination of physical quantities.
    Linear,
    /// A launch, and the longer of arithmetic and traffic.
    Roofline,
    /// A non-negative combination, with output channels rounded up to tiles of so many, and positions to blocks.
    Staircase(u32),
    /// The staircase as the arithmetic arm of a roofline.
    StaircaseRoofline(u32),
    /// Loop trips of work items times an occupancy function, and texels: a GPU that small kernels do not fill. The only family
    /// whose features do not all grow with size: an occupancy function may level off, and fall between its knots.
    Occupancy,
}

/// What corrects a physical model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trees {
    /// Nothing.
    None,
    /// Trees that only raise a prediction as sizes, channels and windows grow.
    Monotone,
    /// Trees without constraint, which also see remainders and ratios. Predictions may fall as a shape grows, by at most the
    /// forest's limit either way: taken only where they are better than monotone ones.
    Free,
}

/// A family: a physical model, corrected by trees or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Family {
    /// The physical model.
    pub physical: Physical,
    /// What corrects it.
    pub trees: Trees,
}

impl Display for Family {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self.physical {
            Physical::Simple => out.write_str("simple")?,
            Physical::Linear => out.write_str("linear")?,
            Physical::Roofline => out.write_str("roofline")?,
            Physical::Staircase(width) => write!(out, "staircase {width}")?,
            Physical::StaircaseRoofline(width) => write!(out, "staircase {width}, roofline")?,
            Physical::Occupancy => out.write_str("occupancy")?,
        }
        match self.trees {
            Trees::None => Ok(()),
            Trees::Monotone => out.write_str(" + monotone trees"),
            Trees::Free => out.write_str(" + trees"),
        }
    }
}

/// What a physical model is fitted to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observation<'a> {
    pub(crate) shape: &'a KernelShape,
    pub(crate) duration_ns: f64,
}

/// Errors of more than this do not pull a fit any further.
const HOW: RobustFit = RobustFit { ridge: 1e-6, ridge_target: 0.0, delta: 0.05, rounds: 10 };

/// The physical families that make sense for a class, the simplest first.
pub(crate) fn candidates(class: KernelClass) -> Vec<Physical> {
    let mut candidates = vec![Physical::Simple, Physical::Linear, Physical::Roofline];
    if multiplies(class) {
        for width in [8, 16, 32, 64] {
            candidates.extend([Physical::Staircase(width), Physical::StaircaseRoofline(width)]);
        }
    }
    if gpu::CLASSES.contains(&class) {
        candidates.push(Physical::Occupancy);
    }
    candidates
}

pub(crate) const fn multiplies(class: KernelClass) -> bool {
    matches!(
        class,
        KernelClass::Convolution
            | KernelClass::SinglePixelConvolution
            | KernelClass::FullyConnected
            | KernelClass::FullyConnectedRows
            | KernelClass::MatrixMultiply
            | KernelClass::DepthwiseConvolution
            | KernelClass::GroupedConvolution
            | KernelClass::TransposedConvolution
            | KernelClass::Recurrent
    )
}

/// Arithmetic of a class: convolutions of windows, of points and of images are different kernels.
fn arithmetic(class: KernelClass) -> Vec<Feature> {
    use Feature as F;
    match class {
        KernelClass::Convolution => vec![
            F::PointwiseMacs,
            F::WindowMacs,
            F::ImageMacs,
            F::WindowPatches,
            F::ImagePatches,
            F::RaggedMacs,
            F::RaggedPatches,
            F::RaggedOutputs,
        ],
        KernelClass::DepthwiseConvolution => {
            vec![F::Macs, F::OutputElements, F::RaggedMacs, F::RaggedPatches, F::RaggedOutputs, F::OutRows, F::Groups]
        }
        KernelClass::GroupedConvolution => {
            vec![
                F::Macs,
                F::Patches,
                F::GroupPatches,
                F::OutputElements,
                F::RaggedMacs,
                F::RaggedPatches,
                F::RaggedOutputs,
                F::Groups,
            ]
        }
        KernelClass::Pool => vec![F::WindowPositions, F::OutputElements, F::OutRows, F::RaggedOutputs],
        class if multiplies(class) => vec![F::Macs, F::Patches, F::OutputElements],
        _ => vec![
            F::InputElements,
            F::OutputElements,
            F::Positions,
            F::Folds,
            F::JoinedOutputs,
            F::Runs,
            F::ScatteredElements,
            F::StackedElements,
            F::VariedOutputs,
        ],
    }
}

/// The features of [`Physical::Linear`].
pub(crate) fn linear_features(class: KernelClass) -> Vec<Feature> {
    let mut features = [vec![Feature::Launch], arithmetic(class), traffic(class)].concat();
    features.sort_unstable();
    features.dedup();
    features
}

fn tiled(class: KernelClass, width: u32) -> Vec<Feature> {
    use Feature as F;
    let [any, point, window] = match width {
        8 => [F::TiledMacs8, F::PointwiseTiledMacs8, F::WindowTiledMacs8],
        16 => [F::TiledMacs16, F::PointwiseTiledMacs16, F::WindowTiledMacs16],
        32 => [F::TiledMacs32, F::PointwiseTiledMacs32, F::WindowTiledMacs32],
        _ => [F::TiledMacs64, F::PointwiseTiledMacs64, F::WindowTiledMacs64],
    };
    let rest = [F::PositionMacs8, F::PositionMacs16, F::TexelLoops];
    if class == KernelClass::Convolution {
        let own =
            [point, window, F::ImageMacs, F::WindowPatches, F::ImagePatches, F::RaggedMacs, F::RaggedPatches, F::RaggedOutputs];
        [&own[..], &rest[..]].concat()
    } else {
        [&[any, F::Patches], &rest[..]].concat()
    }
}

/// Traffic: elements once, and once more for each level of the caches that they do not fit.
fn traffic(class: KernelClass) -> Vec<Feature> {
    use Feature as F;
    let mut features = vec![F::InputElements, F::OutputElements, F::JoinedElements];
    if multiplies(class) {
        features.push(F::Weights);
    }
    features.extend([F::TrafficBeyond14, F::TrafficBeyond16, F::TrafficBeyond18, F::TrafficBeyond20, F::TrafficBeyond22]);
    features
}

/// Fits one physical model of a class.
pub(crate) fn fit(class: KernelClass, physical: Physical, data: &[Observation<'_>]) -> Result<ClassModel, FitError> {
    let launch = vec![Feature::Launch];
    let rate = if multiplies(class) { Feature::Macs } else { Feature::TouchedElements };
    let sum = |features: Vec<Feature>| {
        let mut features = features;
        features.sort_unstable();
        features.dedup();
        features
    };
    let (coefficients, memory_coefficients) = match physical {
        Physical::Simple => (fit_sum(&[Feature::Launch, rate], data)?, Vec::new()),
        Physical::Linear => (fit_sum(&linear_features(class), data)?, Vec::new()),
        Physical::Staircase(width) => (fit_sum(&sum([launch, tiled(class, width), traffic(class)].concat()), data)?, Vec::new()),
        Physical::Occupancy => (fit_sum(gpu::features(class), data)?, Vec::new()),
        Physical::Roofline => fit_roofline(&sum(arithmetic(class)), &sum(traffic(class)), data)?,
        Physical::StaircaseRoofline(width) => fit_roofline(&sum(tiled(class, width)), &sum(traffic(class)), data)?,
    };
    let mut model = ClassModel::linear(class, Provenance::Fitted, coefficients);
    model.memory_coefficients = memory_coefficients;
    // Nothing takes less than half of the shortest that was measured.
    model.minimum_ns = 0.5 * data.iter().map(|one| one.duration_ns).fold(f64::INFINITY, f64::min).min(1e15);
    Ok(model)
}

type Coefficients = Vec<(Feature, f64)>;

fn fit_sum(features: &[Feature], data: &[Observation<'_>]) -> Result<Coefficients, FitError> {
    let rows: Vec<Vec<f64>> = data.iter().map(|one| features.iter().map(|it| it.value(one.shape)).collect()).collect();
    let durations: Vec<f64> = data.iter().map(|one| one.duration_ns).collect();
    let coefficients = fit_relative(&rows, &durations, &vec![1.0; data.len()], &scales(&rows, &durations), HOW)?;
    Ok(features.iter().copied().zip(coefficients).filter(|&(_, coefficient)| coefficient > 0.0).collect())
}

/// Each column scaled to unit mean square of its relative contribution.
pub(crate) fn scales(rows: &[Vec<f64>], durations: &[f64]) -> Vec<f64> {
    let columns = rows.first().map_or(0, Vec::len);
    let scale = |column: usize| {
        let shares: Vec<f64> = rows.iter().zip(durations).map(|(row, duration)| row[column] / duration).collect();
        let size = statistics::root_mean_square(&shares);
        if size > 0.0 { 1.0 / size } else { 1.0 }
    };
    (0..columns).map(scale).collect()
}

/// Starts of the search for the ridge point: shares of the observations, by arithmetic intensity, that traffic limits.
const STARTS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// Rounds of fitting both arms and assigning each observation to the longer one.
const ROUNDS: usize = 12;

/// `launch + max(arithmetic, traffic)`: both arms fitted to what they limit, until no observation changes sides; the best of
/// several starts.
fn fit_roofline(
    arithmetic: &[Feature],
    traffic: &[Feature],
    data: &[Observation<'_>],
) -> Result<(Coefficients, Coefficients), FitError> {
    let durations: Vec<f64> = data.iter().map(|one| one.duration_ns).collect();
    let values = |features: &[Feature]| -> Vec<Vec<f64>> {
        data.iter().map(|one| features.iter().map(|feature| feature.value(one.shape)).collect()).collect()
    };
    let (arithmetic_rows, traffic_rows) = (values(arithmetic), values(traffic));
    let intensity = |one: &Observation<'_>| (one.shape.macs + 1.0) / (one.shape.input_elements + one.shape.output_elements + 1.0);
    let intensities: Vec<f64> = data.iter().map(intensity).collect();
    let mut best: Option<(f64, Vec<f64>)> = None;
    for start in STARTS {
        let threshold = if start > 0.0 { statistics::quantile(&intensities, start) } else { f64::NEG_INFINITY };
        let mut by_traffic: Vec<bool> = intensities.iter().map(|&intensity| intensity <= threshold).collect();
        for _ in 0..ROUNDS {
            let rows: Vec<Vec<f64>> = (0..data.len())
                .map(|index| {
                    let zeros = |length: usize| vec![0.0; length];
                    if by_traffic[index] {
                        [vec![1.0], zeros(arithmetic.len()), traffic_rows[index].clone()].concat()
                    } else {
                        [vec![1.0], arithmetic_rows[index].clone(), zeros(traffic.len())].concat()
                    }
                })
                .collect();
            let x = fit_relative(&rows, &durations, &vec![1.0; data.len()], &scales(&rows, &durations), HOW)?;
            let arm = |row: &[f64], x: &[f64]| row.iter().zip(x).map(|(value, x)| value * x).sum::<f64>();
            let split = 1 + arithmetic.len();
            let arms: Vec<(f64, f64)> = (0..data.len())
                .map(|index| (arm(&arithmetic_rows[index], &x[1..split]), arm(&traffic_rows[index], &x[split..])))
                .collect();
            let predicted = arms.iter().map(|&(one, other)| x[0] + one.max(other));
            let loss = loss(predicted.zip(durations.iter().copied()));
            if best.as_ref().is_none_or(|(least, _)| loss < *least) {
                best = Some((loss, x));
            }
            let next: Vec<bool> = arms.iter().map(|&(arithmetic, traffic)| traffic > arithmetic).collect();
            if next == by_traffic {
                break;
            }
            by_traffic = next;
        }
    }
    let (_, x) = best.unwrap_or_default();
    let launch = x.first().copied().unwrap_or(0.0);
    let split = 1 + arithmetic.len();
    let named = |features: &[Feature], x: &[f64]| -> Coefficients {
        let own = features.iter().copied().zip(x.iter().copied());
        std::iter::once((Feature::Launch, launch)).chain(own).filter(|&(_, coefficient)| coefficient > 0.0).collect()
    };
    Ok((named(arithmetic, x.get(1..split).unwrap_or(&[])), named(traffic, x.get(split..).unwrap_or(&[]))))
}

/// Mean of `|ln(predicted / measured)|`, each at most 0.5: what families are compared by.
pub(crate) fn loss(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let errors: Vec<f64> = pairs
        .map(|(predicted, measured)| if predicted > 0.0 { libm::log(predicted / measured).abs().min(0.5) } else { 0.5 })
        .collect();
    statistics::mean(&errors)
}

/// Features that may only raise a prediction: sizes, channels, windows, amounts.
const RISING: [usize; 29] =
    [0, 1, 2, 3, 5, 6, 7, 8, 12, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25, 26, 28, 29, 32, 33, 44, 47, 48, 53, 63];
/// Strides, which change what is read of the input either way.
const STRIDES: [usize; 3] = [4, 30, 31];
/// What an operator is, whatever its size: its variant, and what is fused into it.
const VARIANTS: [usize; 4] = [43, 60, 61, 62];

/// Trees may only raise a prediction as sizes, channels and windows grow; remainders and ratios they do not see.
fn monotone(class: KernelClass) -> Directions {
    let mut directions = [Direction::Unused; TREE_FEATURES];
    for rising in RISING {
        directions[rising] = Direction::Rising;
    }
    for stride in STRIDES.into_iter().chain(VARIANTS) {
        directions[stride] = Direction::Free;
    }
    if class == KernelClass::Pool {
        // Tells maximum and average apart.
        directions[12] = Direction::Free;
    }
    directions
}

/// Quantile of the residuals beyond which they pull trees no further: what is measured beside other load is far off.
const LIMITED_ABOVE: f64 = 0.7;

/// How much is spent on trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// To compare families.
    Quick,
    /// For the model that is kept.
    Full,
}

impl Effort {
    /// Ensembles whose mean is taken, trees of each, and the share of each tree's prediction that is kept.
    const fn ensembles(self) -> (usize, usize, f64) {
        match self {
            Self::Quick => (1, 60, 0.15),
            Self::Full => (2, 200, 0.06),
        }
    }
}

/// Adds trees that correct what a physical model leaves: the mean of ensembles, kept as their sum with leaves divided. Monotone ones are so inside of the training data's range; outside of it
/// the correction fades to none within one octave, and predictions may dip there by as much as it was.
pub(crate) fn correct(model: &mut ClassModel, trees: Trees, effort: Effort, data: &[Observation<'_>]) -> Result<(), FitError> {
    let directions = match trees {
        Trees::None => return Ok(()),
        Trees::Monotone => monotone(model.class),
        Trees::Free => FREE,
    };
    let residuals: Vec<f64> = data.iter().map(|one| libm::log(one.duration_ns / model.linear_ns(one.shape))).collect();
    let rows: Vec<_> = data.iter().map(|one| tree_features(model.class, one.shape)).collect();
    let (ensembles, trees, learning_rate) = effort.ensembles();
    let sizes: Vec<f64> = residuals.iter().map(|residual| residual.abs()).collect();
    let residual_limit = statistics::quantile(&sizes, LIMITED_ABOVE);
    let mut nodes = Vec::new();
    for seed in 1..=ensembles as u64 {
        let how = Boosting {
            trees,
            learning_rate,
            leaves: 12,
            leaf_samples: 4,
            leaf_ridge: 1.0,
            feature_share: 0.4,
            row_share: 0.7,
            directions,
            residual_limit,
            seed,
        };
        let grown = boost(&rows, &residuals, &vec![1.0; rows.len()], how);
        nodes.extend(grown.into_iter().flatten().map(|node| match node {
            TreeNode::Leaf(value) => TreeNode::Leaf(value / ensembles as f64),
            split @ TreeNode::Split { .. } => split,
        }));
    }
    model.forest = Forest::new(nodes)?;
    model.forest_limit = statistics::quantile(&sizes, 0.98);
    Ok(())
}
