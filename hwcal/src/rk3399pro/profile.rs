//! The profile of the board: fitted parameters with their provenance, as text.

use serde::{Deserialize, Serialize};

use crate::rk3399pro::fit::{Simulated, npu_entry_w};
use crate::rk3399pro::{
    Board, BoardError, Campaign, Knowledge, MeasuredMapping, Measurements, Parameters, TrainingRow, fit_campaign, mechanisms,
    read_mappings,
};
use crate::table::Source;

/// The mappings that the shipped profile is fitted to.
const MAPPINGS: Source<'static> = Source { file: "mappings.csv", text: include_str!("../../data/rk3399pro/mappings.csv") };

/// The shipped profile.
const PROFILE: &str = include_str!("../../data/rk3399pro/profile.json");

/// Fitted parameters of both campaigns.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// In the order of [`Campaign::ALL`].
    pub campaigns: Vec<Parameters>,
}

#[derive(Serialize, Deserialize)]
struct ProfileText {
    device: String,
    about: String,
    measured: Vec<String>,
    campaigns: Vec<CampaignText>,
}

#[derive(Serialize, Deserialize)]
struct CampaignText {
    campaign: String,
    fitted_to_mappings: usize,
    parameters: Vec<ParameterText>,
}

#[derive(Serialize, Deserialize)]
struct ParameterText {
    name: String,
    value: f64,
    unit: String,
    provenance: String,
    meaning: String,
}

const NPU_ENTRY: &str = "npu_entry_power";

impl Profile {
    /// The shipped one.
    pub fn built_in() -> Result<Self, BoardError> {
        Self::parse(PROFILE)
    }

    /// The text of the shipped one.
    pub const fn built_in_text() -> &'static str {
        PROFILE
    }

    /// From its text.
    ///
    /// # Errors
    /// If it is no profile, or lacks a parameter.
    pub fn parse(text: &str) -> Result<Self, BoardError> {
        let text: ProfileText = serde_json::from_str(text).map_err(|error| BoardError::Profile(error.to_string()))?;
        let of = |campaign: Campaign| {
            let named = text.campaigns.iter().find(|named| named.campaign == campaign.name());
            let value = |name: &str| {
                let parameter = named.and_then(|named| named.parameters.iter().find(|parameter| parameter.name == name));
                let value = parameter.map(|parameter| parameter.value).filter(|value| value.is_finite() && *value >= 0.0);
                value.ok_or_else(|| {
                    BoardError::Profile(format!(
                        "parameter `{name}` of campaign `{}` must be there and at least 0",
                        campaign.name()
                    ))
                })
            };
            let values = mechanisms(campaign).iter().map(|mechanism| value(mechanism.name)).collect::<Result<_, _>>()?;
            let npu_entry_w = if campaign == Campaign::Coup { value(NPU_ENTRY)? } else { 0.0 };
            Ok(Parameters { campaign, values, npu_entry_w })
        };
        Ok(Self { campaigns: Campaign::ALL.into_iter().map(of).collect::<Result<_, BoardError>>()? })
    }

    /// The parameters of a campaign.
    pub fn of(&self, campaign: Campaign) -> Option<&Parameters> {
        self.campaigns.iter().find(|parameters| parameters.campaign == campaign)
    }

    fn text(&self, rows: &[usize]) -> Result<String, BoardError> {
        let parameter = |name: &str, value: f64, unit: &str, meaning: &str| ParameterText {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
            provenance: "fitted".to_owned(),
            meaning: meaning.to_owned(),
        };
        let campaign = |(parameters, &count): (&Parameters, &usize)| {
            let mechanisms = mechanisms(parameters.campaign).iter().zip(&parameters.values);
            let mut all: Vec<ParameterText> =
                mechanisms.map(|(it, &value)| parameter(it.name, value, it.unit, it.meaning)).collect();
            if parameters.campaign == Campaign::Coup {
                let meaning = "power of the board during hand-overs to and from the NPU";
                all.push(parameter(NPU_ENTRY, parameters.npu_entry_w, "W", meaning));
            }
            CampaignText { campaign: parameters.campaign.name().to_owned(), fitted_to_mappings: count, parameters: all }
        };
        let measured = [
            "blocks.csv: time and board power of each block on each processor at each clock",
            "transfers.csv: moving a block's input between processors",
            "switches.csv: from asking for a clock until it is in force",
        ];
        let text = ProfileText {
            device: "rk3399pro".to_owned(),
            about: "Written by `socrates calibrate fit --device rk3399pro`. Parameters are fitted to mappings.csv; the parts beside them are measured."
                .to_owned(),
            measured: measured.map(str::to_owned).into(),
            campaigns: self.campaigns.iter().zip(rows).map(campaign).collect(),
        };
        let text = serde_json::to_string_pretty(&text).map_err(|error| BoardError::Profile(error.to_string()))?;
        Ok(text + "\n")
    }
}

/// A number with four significant digits: the same text on any machine.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// Rows that a fit may see, with how their latency depends on the parameters; computed once for all fits of a campaign.
#[derive(Debug)]
pub struct Fitting<'a> {
    measurements: &'a Measurements,
    campaign: Campaign,
    rows: Vec<(MeasuredMapping, TrainingRow)>,
}

impl<'a> Fitting<'a> {
    /// The built-in mappings of a campaign that can be replayed. Runs of one processor alone tell nothing of mechanisms unless they are on the NPU.
    pub fn built_in(measurements: &'a Measurements, campaign: Campaign) -> Result<Self, BoardError> {
        Self::of_rows(measurements, campaign, |_| {})
    }

    /// The same with each row changed before anything looks at it: to show what a fit depends on.
    pub fn of_rows(
        measurements: &'a Measurements,
        campaign: Campaign,
        change: impl Fn(&mut MeasuredMapping),
    ) -> Result<Self, BoardError> {
        let simulated = Simulated::new(measurements, campaign)?;
        let mut rows = Vec::new();
        for mut row in read_mappings(MAPPINGS)? {
            change(&mut row);
            let is_alone = row.mapping.places.windows(2).all(|pair| pair[0].processor == pair[1].processor);
            if row.mapping.campaign != campaign || (is_alone && !row.mapping.uses_npu()) {
                continue;
            }
            if let Ok(features) = simulated.features(&row.mapping) {
                let training = TrainingRow { features, task_ms: row.task_ms };
                rows.push((row, training));
            }
        }
        Ok(Self { measurements, campaign, rows })
    }

    /// The mappings.
    pub fn mappings(&self) -> impl Iterator<Item = &MeasuredMapping> {
        self.rows.iter().map(|(row, _)| row)
    }

    /// The fit that sees the rows that `may_see` lets through, and no other.
    ///
    /// # Errors
    /// If they are too few.
    pub fn fit(&self, may_see: &dyn Fn(&MeasuredMapping) -> bool) -> Result<Parameters, BoardError> {
        let seen: Vec<&(MeasuredMapping, TrainingRow)> = self.rows.iter().filter(|(row, _)| may_see(row)).collect();
        let training: Vec<TrainingRow> = seen.iter().map(|(_, training)| training.clone()).collect();
        let values: Vec<f64> = fit_campaign(&training)?.into_iter().map(rounded).collect();
        let board = Board::new(self.measurements, self.campaign, Knowledge::fitted(&values))?;
        let with_energy: Vec<&MeasuredMapping> = seen.iter().map(|(row, _)| row).collect();
        let npu_entry_w = rounded(npu_entry_w(&board, &with_energy));
        Ok(Parameters { campaign: self.campaign, values, npu_entry_w })
    }
}

/// Fits the profile to all mappings of the built-in table; returns it and its text.
///
/// # Errors
/// If the built-in data are refused.
pub fn fit_profile(measurements: &Measurements) -> Result<(Profile, String), BoardError> {
    let mut campaigns = Vec::new();
    let mut rows = Vec::new();
    for campaign in Campaign::ALL {
        let fitting = Fitting::built_in(measurements, campaign)?;
        rows.push(fitting.rows.len());
        campaigns.push(fitting.fit(&|_| true)?);
    }
    let profile = Profile { campaigns };
    let text = profile.text(&rows)?;
    Ok((profile, text))
}
