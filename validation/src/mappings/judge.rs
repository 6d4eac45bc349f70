//! Replaying each row by a fit that has not seen it.

use std::collections::{BTreeMap, BTreeSet};

use hwcal::rk3399pro::{
    Board, BoardError, Campaign, FOLDS, Fitting, Knowledge, MeasuredMapping, Measurements, Parameters, Profile, fold_of_string,
    read_mappings,
};
use hwcal::table::Source;

use crate::mappings::MappingsError;

/// What a fit must not have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeldOut {
    /// The string of processors, at any clocks. A string that the shipped profile has not seen is predicted by it.
    Strings,
    /// The network.
    Networks,
}

/// A row with what is predicted of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The row.
    pub row: MeasuredMapping,
    /// Reading the image, in ms.
    pub input_ms: f64,
    /// The blocks, in ms.
    pub task_ms: f64,
    /// Energy of the blocks, in mJ; `None` where the power of a block was not measured.
    pub task_mj: Option<f64>,
    /// Energy with reading the image, in mJ.
    pub total_mj: Option<f64>,
    /// Whether the shipped profile has seen the row's string of processors, so that another fit predicts it.
    pub was_seen: bool,
}

/// Rows that cannot be judged, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason.
    pub why: String,
    /// Their lines in the table.
    pub lines: Vec<u64>,
}

/// Whether measured values may be in another unit by a thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// Refuse the table.
    Checked,
    /// Take them as they are.
    Trusted,
}

/// What predicts rows.
pub struct Judge<'a> {
    measurements: &'a Measurements,
    profile: Profile,
    fittings: BTreeMap<Campaign, Fitting<'a>>,
    folds: BTreeMap<(Campaign, String, String), usize>,
    held_out: HeldOut,
}

/// Which fit predicts a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Shipped,
    WithoutFold(usize),
    WithoutNetwork(String),
}

impl<'a> Judge<'a> {
    /// Of the built-in board.
    ///
    /// # Errors
    /// If the built-in data are refused.
    pub fn new(measurements: &'a Measurements, held_out: HeldOut) -> Result<Self, MappingsError> {
        let mut fittings = BTreeMap::new();
        let mut folds = BTreeMap::new();
        for campaign in Campaign::ALL {
            let fitting = Fitting::built_in(measurements, campaign)?;
            folds.extend(fold_of_string(fitting.mappings().map(|row| &row.mapping)));
            fittings.insert(campaign, fitting);
        }
        Ok(Self { measurements, profile: Profile::built_in()?, fittings, folds, held_out })
    }

    /// Reads a table and predicts each of its rows.
    ///
    /// # Errors
    /// If the table is malformed, has no row that can be judged, or is in other units.
    pub fn judge(&self, source: Source<'_>, units: Units) -> Result<(Vec<Judged>, Vec<Refused>), MappingsError> {
        let rows = read_mappings(source)?;
        let count = rows.len();
        let (judged, refused) = self.predict(rows)?;
        if judged.is_empty() {
            let why = refused.iter().map(|refused| format!("{} rows: {}", refused.lines.len(), refused.why)).collect();
            return Err(MappingsError::Nothing { file: source.file.to_owned(), rows: count, why });
        }
        if units == Units::Checked {
            check_units(source.file, &judged)?;
        }
        Ok((judged, refused))
    }

    fn fit_of(&self, row: &MeasuredMapping) -> Fit {
        let mapping = &row.mapping;
        let fold = self.folds.get(&(mapping.campaign, mapping.network.clone(), mapping.letters())).copied();
        match (self.held_out, fold) {
            (HeldOut::Networks, _) => Fit::WithoutNetwork(mapping.network.clone()),
            (HeldOut::Strings, Some(fold)) => Fit::WithoutFold(fold),
            (HeldOut::Strings, None) => Fit::Shipped,
        }
    }

    fn parameters(&self, campaign: Campaign, fit: &Fit) -> Result<Parameters, BoardError> {
        let fold = |row: &MeasuredMapping| {
            let mapping = &row.mapping;
            self.folds.get(&(mapping.campaign, mapping.network.clone(), mapping.letters())).copied()
        };
        let fitting = &self.fittings[&campaign];
        let is_seen: Box<dyn Fn(&MeasuredMapping) -> bool + '_> = match fit {
            Fit::Shipped => {
                let shipped = self.profile.of(campaign).cloned();
                return shipped.ok_or_else(|| BoardError::Profile(format!("campaign `{}` is missing", campaign.name())));
            }
            Fit::WithoutFold(held) => {
                debug_assert!(*held < FOLDS);
                Box::new(move |row| fold(row) != Some(*held))
            }
            Fit::WithoutNetwork(network) => Box::new(move |row| row.mapping.network != *network),
        };
        fitting.fit(&is_seen)
    }

    fn predict(&self, rows: Vec<MeasuredMapping>) -> Result<(Vec<Judged>, Vec<Refused>), MappingsError> {
        let wanted: BTreeSet<(Campaign, Fit)> = rows.iter().map(|row| (row.mapping.campaign, self.fit_of(row))).collect();
        let mut boards = BTreeMap::new();
        for (campaign, fit) in wanted {
            let parameters = self.parameters(campaign, &fit)?;
            let board = Board::new(self.measurements, campaign, Knowledge::fitted(&parameters.values))?;
            boards.insert((campaign, fit), (board, parameters.npu_entry_w));
        }
        let mut judged = Vec::with_capacity(rows.len());
        let mut refused: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for row in rows {
            let fit = self.fit_of(&row);
            let was_seen = matches!(fit, Fit::WithoutFold(_)) || self.held_out == HeldOut::Networks;
            let (board, npu_entry_w) = &boards[&(row.mapping.campaign, fit)];
            match board.replay(&row.mapping) {
                Err(error) => refused.entry(error.to_string()).or_default().push(row.line),
                Ok(replay) => judged.push(Judged {
                    input_ms: replay.input_ms,
                    task_ms: replay.task_ms,
                    task_mj: board.energy_mj(&row.mapping, &replay, *npu_entry_w, false),
                    total_mj: board.energy_mj(&row.mapping, &replay, *npu_entry_w, true),
                    row,
                    was_seen,
                }),
            }
        }
        Ok((judged, refused.into_iter().map(|(why, lines)| Refused { why, lines }).collect()))
    }
}

/// Measured over predicted from which values are taken to be in another unit.
const THOUSAND: std::ops::RangeInclusive<f64> = 200.0..=5000.0;

fn check_units(file: &str, judged: &[Judged]) -> Result<(), MappingsError> {
    let check = |column, unit, ratios: Vec<f64>| {
        let Ok(ratio) = sim::statistics::median(&ratios) else {
            return Ok(());
        };
        if !THOUSAND.contains(&ratio) && !THOUSAND.contains(&ratio.recip()) {
            return Ok(());
        }
        let factor = if ratio > 1.0 { format!("{ratio:.0}") } else { format!("1/{:.0}", ratio.recip()) };
        Err(MappingsError::Units { file: file.to_owned(), column, factor, rows: ratios.len(), unit })
    };
    check("task_ms", "ms", judged.iter().map(|it| it.row.task_ms / it.task_ms).collect())?;
    check("input_ms", "ms", judged.iter().filter_map(|it| Some(it.row.input_ms? / it.input_ms)).collect())?;
    check("task_mj", "mJ", judged.iter().filter_map(|it| Some(it.row.task_mj? / it.task_mj?)).collect())?;
    check("total_mj", "mJ", judged.iter().filter_map(|it| Some(it.row.total_mj? / it.total_mj?)).collect())
}
