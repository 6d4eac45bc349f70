//! Predictions held against measurements, as JSON.

use std::path::PathBuf;

use hwcal::ncnn;
use hwcal::rk3399pro::Measurements;
use hwcal::table::Source;
use hwcal::usc::{self, CAMPAIGNS, CalibrationData};
use pyo3::prelude::*;
use rayon::ThreadPool;
use runner::thread_pool;
use validation::mappings::{self, HeldOut, Judge, Report, Units};
use validation::models::{self, fitted_on, judge, known_operators, read};
use validation::{Section, published};

use crate::device::Device;
use crate::error;
use crate::predict::{predictor, text_of};
use crate::run::watched;

/// A table of measured models beside predictions.
#[pyfunction]
#[pyo3(signature = (file, device, operators))]
pub(crate) fn validate_models(file: PathBuf, device: &Device, operators: Option<PathBuf>) -> PyResult<String> {
    let profile = device.profile.value.clone();
    let (shown, text) = text_of(&file)?;
    let own = operators.as_deref().map(text_of).transpose()?;
    let own = own.as_ref().map(|(file, text)| Source { file, text });
    let operators = known_operators(&profile.name, own).map_err(error::input)?;
    let rows = read(Source { file: &shown, text: &text }).map_err(error::input)?;
    let campaign = usc::campaign(&profile.name);
    let fitted_on = fitted_on(&profile.name).map_err(error::input)?;
    let predictor = predictor(profile)?;
    let judgement = judge(&shown, &rows, &predictor, &operators, &fitted_on, campaign).map_err(error::input)?;
    serde_json::to_string(&judgement).map_err(error::input)
}

/// A table of measured mappings on the RK3399Pro beside predictions.
#[pyfunction]
pub(crate) fn validate_mappings(py: Python<'_>, file: PathBuf, held_out: &str) -> PyResult<String> {
    let held_out = match held_out {
        "strings" => HeldOut::Strings,
        "networks" => HeldOut::Networks,
        other => return Err(error::input(format!("`held_out` cannot be `{other}`: write `strings` or `networks`"))),
    };
    let (shown, text) = text_of(&file)?;
    watched(py, |_| {
        let measurements = Measurements::built_in().map_err(error::input)?;
        let judge = Judge::new(&measurements, held_out).map_err(error::input)?;
        let (judged, refused) = judge.judge(Source { file: &shown, text: &text }, Units::Checked).map_err(error::input)?;
        let report = Report::of(&judged, &refused).map_err(error::input)?;
        serde_json::to_string(&report).map_err(error::input)
    })?
}

/// Predictions beside every published measurement.
#[pyfunction]
#[pyo3(signature = (threads))]
pub(crate) fn validate_published(py: Python<'_>, threads: Option<u16>) -> PyResult<String> {
    watched(py, |_| {
        let pool = thread_pool(threads).map_err(|error| error::run(&error))?;
        serde_json::to_string(&sections(&pool)?).map_err(error::input)
    })?
}

fn sections(pool: &ThreadPool) -> PyResult<Vec<Section>> {
    let mut sections = vec![mappings::section().map_err(error::input)?];
    for campaign in &CAMPAIGNS {
        let fitted = pool.install(|| usc::fit(campaign, CalibrationData::built_in(), &|_, _| ()));
        sections.push(models::section(campaign, &fitted.map_err(error::input)?.validation));
    }
    let measured = ncnn::Measurements::read().map_err(error::input)?;
    let boards = pool.install(|| ncnn::fit(&ncnn::BOARDS[0]));
    sections.push(models::boards::section(&measured, &boards.map_err(error::input)?.validation));
    sections.extend(published::sections().map_err(error::input)?);
    Ok(sections)
}
