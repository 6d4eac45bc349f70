//! Beyond the study: what follows where all contexts can be simulated.

mod best;
mod device;
mod grid;
mod levels;
mod minutes;
mod npu;
mod perturb;
mod regret;
mod sensitivity;
mod support;
mod tradeoffs;

use crate::{Determinism, Part};

const fn simulated(name: &'static str, title: &'static str, scenarios: &'static [&'static str], make: Make) -> Part {
    Part { name, title, determinism: Determinism::Deterministic, scenarios, make }
}

type Make = fn(&crate::Context<'_>) -> Result<crate::PartData, crate::StudyError>;

pub(super) const BEST: Part =
    simulated("best", "which strategy is best where, and what a fixed choice costs", &grid::SCENARIOS, best::make);
pub(super) const LEVELS: Part = simulated("levels", "what each level of optimisation is worth", &["study-levels"], levels::make);
pub(super) const MINUTES: Part =
    simulated("minutes", "the first minute against the thirtieth", &["study-minutes"], minutes::make);
pub(super) const SUPPORT: Part = simulated("support", "what one more supported operator buys", &["study-support"], support::make);
pub(super) const SENSITIVITY: Part =
    simulated("sensitivity", "which number of a profile a conclusion hangs on", &["study-sensitivity"], sensitivity::make);
pub(super) const TRADEOFFS: Part = simulated("tradeoffs", "latency, energy and memory", &["study-tradeoffs"], tradeoffs::make);

/// Strategies within this share of the best are tied with it.
const TIE: f64 = 0.02;

/// Geometric mean; `None` of nothing.
fn geometric_mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    super::common::geometric_mean(&values.into_iter().collect::<Vec<f64>>())
}

/// `+3.2 %`, of a share of 0.032.
fn signed_percent(share: f64) -> String {
    format!("{:+.1} %", share * 100.0)
}
