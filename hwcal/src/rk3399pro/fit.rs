//! Fitting the parameters of mechanisms to measured mappings.

use std::collections::BTreeMap;

use crate::folds::deal;
use crate::linear::{Gram, LinearError, solve_non_negative};
use crate::rk3399pro::{Board, BoardError, Campaign, Knowledge, Mapping, MeasuredMapping, Measurements, mechanisms};

/// Folds of a cross-validation over strings of processors.
pub const FOLDS: usize = 5;

/// Relative error from which a row's weight falls, and rounds of reweighting: nearly the mean absolute error.
const DELTA: f64 = 0.005;
const ROUNDS: u32 = 6;

/// Weight of the pull to 0, relative to that of all rows, in units in which a parameter's share of latency is 1.
const RIDGE: f64 = 0.02;

/// How a mapping's latency depends on the parameters, as the simulator has it: `base_ms + slopes_ms . values`. Made without anything measured
/// of the mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Latency with all parameters 0.
    pub base_ms: f64,
    /// What each parameter adds for a value of 1.
    pub slopes_ms: Vec<f64>,
}

/// All that a fit sees of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingRow {
    /// How latency depends on the parameters.
    pub features: Features,
    /// Measured latency of the blocks, in ms.
    pub task_ms: f64,
}

/// Replays mappings with each mechanism alone, once for all fits.
pub(super) struct Simulated<'a> {
    base: Board<'a>,
    alone: Vec<Board<'a>>,
}

impl<'a> Simulated<'a> {
    pub(super) fn new(measurements: &'a Measurements, campaign: Campaign) -> Result<Self, BoardError> {
        let count = mechanisms(campaign).len();
        let of = |values: &[f64]| Board::new(measurements, campaign, Knowledge::fitted(values));
        let unit = |index: usize| {
            let mut values = vec![0.0; count];
            values[index] = 1.0;
            of(&values)
        };
        Ok(Self { base: of(&vec![0.0; count])?, alone: (0..count).map(unit).collect::<Result<_, _>>()? })
    }

    pub(super) fn features(&self, mapping: &Mapping) -> Result<Features, BoardError> {
        let base_ms = self.base.replay(mapping)?.task_ms;
        let slope = |board: &Board<'_>| Ok::<_, BoardError>(board.replay(mapping)?.task_ms - base_ms);
        Ok(Features { base_ms, slopes_ms: self.alone.iter().map(slope).collect::<Result<_, _>>()? })
    }
}

/// The parameters that fit rows of one campaign best.
///
/// Minimises the sum of `huber((base + slopes . values) / measured - 1)` and a small pull to 0 over values of at least 0.
///
/// # Errors
/// If there are too few rows for the parameters.
pub fn fit_campaign(rows: &[TrainingRow]) -> Result<Vec<f64>, LinearError> {
    let columns = rows.first().map_or(0, |row| row.features.slopes_ms.len());
    let mut scales = vec![0.0; columns];
    for row in rows {
        for (scale, slope) in scales.iter_mut().zip(&row.features.slopes_ms) {
            *scale += (slope / row.task_ms).powi(2) / rows.len() as f64;
        }
    }
    // A mechanism of which these rows show nothing stays at 0.
    let scales: Vec<f64> = scales.into_iter().map(|square| if square > 0.0 { 1.0 / libm::sqrt(square) } else { 0.0 }).collect();
    let mut weights = vec![1.0; rows.len()];
    let mut values = vec![0.0; columns];
    for _ in 0..ROUNDS {
        let mut gram = Gram::new(columns);
        for (row, &weight) in rows.iter().zip(&weights) {
            let relative: Vec<f64> =
                row.features.slopes_ms.iter().zip(&scales).map(|(slope, scale)| slope * scale / row.task_ms).collect();
            gram.observe(&relative, 1.0 - row.features.base_ms / row.task_ms, weight);
        }
        for column in 0..columns {
            gram.observe_one(column, 0.0, RIDGE * rows.len() as f64);
        }
        values = solve_non_negative(&gram)?.iter().zip(&scales).map(|(value, scale)| value * scale).collect();
        for (weight, row) in weights.iter_mut().zip(rows) {
            let added_ms: f64 = row.features.slopes_ms.iter().zip(&values).map(|(slope, value)| slope * value).sum();
            let error = ((row.features.base_ms + added_ms) / row.task_ms - 1.0).abs();
            *weight = 4.0 * DELTA / error.max(DELTA);
        }
    }
    Ok(values)
}

/// The fold of each string of processors of each network, whatever its clocks: strings of a network are dealt at random.
pub fn fold_of_string<'a>(rows: impl Iterator<Item = &'a Mapping>) -> BTreeMap<(Campaign, String, String), usize> {
    let mut strings: BTreeMap<(Campaign, &str), Vec<String>> = BTreeMap::new();
    for mapping in rows {
        strings.entry((mapping.campaign, &mapping.network)).or_default().push(mapping.letters());
    }
    let mut folds = BTreeMap::new();
    for ((campaign, network), mut letters) in strings {
        letters.sort_unstable();
        letters.dedup();
        let dealt = deal(letters.len(), FOLDS, 1);
        folds.extend(letters.into_iter().zip(dealt).map(|(letters, fold)| ((campaign, network.to_owned(), letters), fold)));
    }
    folds
}

/// Power of the board during hand-overs to and from the NPU that explains measured energies best, in W: the median over rows of what is left.
pub(super) fn npu_entry_w(board: &Board<'_>, rows: &[&MeasuredMapping]) -> f64 {
    let mut powers_w = Vec::new();
    for row in rows.iter().filter(|row| row.mapping.uses_npu()) {
        let (Some(measured_mj), Ok(replay)) = (row.task_mj, board.replay(&row.mapping)) else {
            continue;
        };
        let scale = row.task_ms / replay.task_ms;
        let energy_mj = |power_w| board.energy_mj(&row.mapping, &replay, power_w, false).map(|energy_mj| energy_mj * scale);
        if let (Some(without_mj), Some(with_mj)) = (energy_mj(0.0), energy_mj(1.0))
            && with_mj > without_mj
        {
            powers_w.push((measured_mj - without_mj) / (with_mj - without_mj));
        }
    }
    sim::statistics::median(&powers_w).map_or(0.0, |power_w| power_w.max(0.0))
}
