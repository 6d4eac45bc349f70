//! Operators of models by name: those that come with the program, and a user's.

use std::collections::BTreeMap;

use hwcal::table::{Source, TableError};
use hwcal::usc::{CalibrationData, operators::operator_lists};
use sim::graph::OperatorWork;

/// Operators by model.
pub type OperatorLists = BTreeMap<String, Vec<OperatorWork>>;

/// Operators of all models of the phone campaign, held-out ones too, and of a table of the user's, which goes first.
///
/// # Errors
/// If a table is malformed.
pub fn known_operators(own: Option<Source<'_>>) -> Result<OperatorLists, TableError> {
    let mut lists = operator_lists(CalibrationData::built_in().operators)?;
    if let Some(own) = own {
        lists.extend(operator_lists(own)?);
    }
    Ok(lists)
}
