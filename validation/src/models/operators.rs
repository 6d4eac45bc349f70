//! What comes with the program about a device's models: operators by name, and what its profile was fitted to.

use std::collections::{BTreeMap, BTreeSet};

use hwcal::table::{Source, TableError};
use hwcal::usc::{CalibrationData, operators};
use hwcal::{ncnn, npu, usc};
use sim::graph::OperatorWork;

/// Operators by model.
pub type OperatorLists = BTreeMap<String, Vec<OperatorWork>>;

/// Operators of the models of the benchmark that a device belongs to, held-out ones too, and of a table of the user's, which goes first.
///
/// The same architecture has another list in each framework: one fuses what another runs on its own.
///
/// # Errors
/// If a table is malformed.
pub fn known_operators(device: &str, own: Option<Source<'_>>) -> Result<OperatorLists, TableError> {
    let mut lists = if ncnn::find(device).is_some() {
        ncnn::layer_lists()?
    } else {
        operators::operator_lists(CalibrationData::built_in().operators)?
    };
    if let Some(own) = own {
        lists.extend(operators::operator_lists(own)?);
    }
    Ok(lists)
}

/// Models that the profile of a device was fitted to.
///
/// # Errors
/// If a table is malformed.
pub fn fitted_on(device: &str) -> Result<BTreeSet<String>, TableError> {
    if let Some(campaign) = usc::campaign(device) {
        return operators::models_with(CalibrationData::built_in().operators, campaign.column);
    }
    let mut models = if ncnn::find(device).is_some() { ncnn::models_on(device)? } else { BTreeSet::new() };
    if let Some(device) = npu::find(device) {
        models.extend(npu::Measurements::read(device.precision)?.models);
    }
    Ok(models)
}
