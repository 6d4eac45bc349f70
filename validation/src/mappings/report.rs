//! Errors of judged mappings: over all, per network, and per network and campaign.

use std::collections::BTreeMap;

use serde::Serialize;
use sim::statistics;

use crate::Summary;
use crate::mappings::{Judged, MappingsError, Refused};

/// Fewest rows of a network in a campaign whose ranking tells anything.
const RANKED: usize = 5;

/// Errors over all rows. All errors are in percent; `null` where no row can be judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Always `percent`: the unit of every key that ends in `mape`.
    pub unit: &'static str,
    /// Mean absolute percentage error of `task_ms`: all blocks, without reading the image.
    pub latency_mape: f64,
    /// Of `task_mj`; rows without energy are left out.
    pub energy_mape: Option<f64>,
    /// Mean of the rank correlations (Spearman) of `task_ms` within a network and campaign, over those with at least 5 different mappings.
    pub rank_within_network: Option<f64>,
    /// Error of `input_ms + task_ms`.
    pub total_latency_mape: Option<f64>,
    /// Error of `total_mj`.
    pub total_energy_mape: Option<f64>,
    /// Rows of the table.
    pub rows: usize,
    /// Rows that were judged.
    pub judged: usize,
    /// Of them, those whose string of processors the shipped profile has seen: predicted by fits without it.
    pub held_out: usize,
    /// Rows that cannot be judged, by reason.
    pub refused: BTreeMap<String, usize>,
    /// Per network, both campaigns together.
    pub networks: BTreeMap<String, NetworkReport>,
}

/// Errors of a network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NetworkReport {
    /// As in [`Report`].
    pub latency_mape: f64,
    /// As in [`Report`].
    pub energy_mape: Option<f64>,
    /// As in [`Report`], over the campaigns.
    pub rank_within_network: Option<f64>,
    /// Rows that were judged.
    pub judged: usize,
    /// Per campaign.
    pub campaigns: BTreeMap<String, CellReport>,
}

/// Errors of a network in a campaign.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellReport {
    /// Of `task_ms`.
    pub latency: Summary,
    /// Of `task_mj`.
    pub energy: Option<Summary>,
    /// Spearman.
    pub rank: Option<f64>,
    /// Median difference between rows of one mapping, in percent, and how many pairs there are: what no model can explain.
    pub repeats: Option<(f64, usize)>,
}

impl Report {
    /// Of judged rows.
    ///
    /// # Errors
    /// If there are none.
    pub fn of(judged: &[Judged], refused: &[Refused]) -> Result<Self, MappingsError> {
        let mut cells: BTreeMap<&str, BTreeMap<&str, Vec<&Judged>>> = BTreeMap::new();
        for it in judged {
            let mapping = &it.row.mapping;
            cells.entry(&mapping.network).or_default().entry(mapping.campaign.name()).or_default().push(it);
        }
        let mut networks = BTreeMap::new();
        let mut ranks = Vec::new();
        for (network, by_campaign) in cells {
            let mut campaigns = BTreeMap::new();
            for (campaign, rows) in &by_campaign {
                campaigns.insert((*campaign).to_owned(), CellReport::of(rows)?);
            }
            let rows: Vec<&Judged> = by_campaign.into_values().flatten().collect();
            let own: Vec<f64> = campaigns.values().filter_map(|cell| cell.rank).collect();
            ranks.extend(&own);
            let report = NetworkReport {
                latency_mape: latency(&rows)?.mape_percent,
                energy_mape: energy(&rows, false)?.map(|energy| energy.mape_percent),
                rank_within_network: statistics::mean(&own).ok(),
                judged: rows.len(),
                campaigns,
            };
            networks.insert(network.to_owned(), report);
        }
        let all: Vec<&Judged> = judged.iter().collect();
        let refused_rows: usize = refused.iter().map(|refused| refused.lines.len()).sum();
        Ok(Self {
            unit: "percent",
            latency_mape: latency(&all)?.mape_percent,
            energy_mape: energy(&all, false)?.map(|energy| energy.mape_percent),
            rank_within_network: statistics::mean(&ranks).ok(),
            total_latency_mape: total_latency(&all)?,
            total_energy_mape: energy(&all, true)?.map(|energy| energy.mape_percent),
            rows: judged.len() + refused_rows,
            judged: judged.len(),
            held_out: judged.iter().filter(|it| it.was_seen).count(),
            refused: refused.iter().map(|refused| (refused.why.clone(), refused.lines.len())).collect(),
            networks,
        })
    }
}

impl CellReport {
    fn of(rows: &[&Judged]) -> Result<Self, MappingsError> {
        let mut different: Vec<String> = rows.iter().map(|it| format!("{:?}", it.row.mapping.places)).collect();
        different.sort_unstable();
        different.dedup();
        let predicted: Vec<f64> = rows.iter().map(|it| it.task_ms).collect();
        let measured: Vec<f64> = rows.iter().map(|it| it.row.task_ms).collect();
        let rank = if different.len() < RANKED { None } else { statistics::spearman(&predicted, &measured).ok() };
        Ok(Self { latency: latency(rows)?, energy: energy(rows, false)?, rank, repeats: repeats(rows) })
    }
}

fn latency(rows: &[&Judged]) -> Result<Summary, MappingsError> {
    let predicted: Vec<f64> = rows.iter().map(|it| it.task_ms).collect();
    let measured: Vec<f64> = rows.iter().map(|it| it.row.task_ms).collect();
    Ok(Summary::of(&predicted, &measured)?)
}

fn energy(rows: &[&Judged], total: bool) -> Result<Option<Summary>, MappingsError> {
    let pair = |it: &&Judged| {
        if total { Some((it.total_mj?, it.row.total_mj?)) } else { Some((it.task_mj?, it.row.task_mj?)) }
    };
    let (predicted, measured): (Vec<f64>, Vec<f64>) = rows.iter().filter_map(pair).unzip();
    if predicted.is_empty() { Ok(None) } else { Ok(Some(Summary::of(&predicted, &measured)?)) }
}

fn total_latency(rows: &[&Judged]) -> Result<Option<f64>, MappingsError> {
    let pair = |it: &&Judged| Some((it.task_ms + it.input_ms, it.row.task_ms + it.row.input_ms?));
    let (predicted, measured): (Vec<f64>, Vec<f64>) = rows.iter().filter_map(pair).unzip();
    if predicted.is_empty() { Ok(None) } else { Ok(Some(Summary::of(&predicted, &measured)?.mape_percent)) }
}

/// Rows that ask for the same, next to each other.
fn repeats(rows: &[&Judged]) -> Option<(f64, usize)> {
    let mut sorted: Vec<(String, f64)> = rows.iter().map(|it| (format!("{:?}", it.row.mapping.places), it.row.task_ms)).collect();
    sorted.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
    let pairs = sorted.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let differences: Vec<f64> = pairs.map(|pair| 100.0 * (pair[1].1 / pair[0].1 - 1.0)).collect();
    statistics::median(&differences).ok().map(|median| (median, differences.len()))
}
