//! What a validation of this machine must reach, loosely, and what it aims at.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use crate::host::judge::Judgement;
use crate::host::observed::Level;

/// One figure with its aim and its limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gate {
    /// What is held against them.
    pub name: &'static str,
    /// The figure, in percent.
    pub percent: f64,
    /// What it aims at, in words.
    pub aim: &'static str,
    /// Whether it is reached.
    pub is_aim_met: bool,
    /// What must hold for the check to pass, in words.
    pub limit: &'static str,
    /// Whether it holds.
    pub passes: bool,
    /// Whether others disturbed so much that nothing can be said: such a gate does not fail.
    pub is_void: bool,
}

/// Cases disturbed, in percent, beyond which no gate is judged.
const VOID_PERCENT: f64 = 50.0;

/// The gates of a judgement. A machine that is shared is slower and faster by tens of percent from one minute to the next, so that the
/// limits leave 30 percentage points; the aims are those of a quiet machine.
pub fn gates(judgement: &Judgement) -> Vec<Gate> {
    let is_void = judgement.disturbed_percent > VOID_PERCENT;
    let mut gates = Vec::new();
    let level = |name: &str| judgement.levels.iter().find(|level| level.name == name);
    if let Some(models) = level(Level::Model.name()) {
        let error = models.errors.median_percent;
        gates.push(Gate {
            name: "median error of models",
            percent: error,
            aim: "at most 10 %",
            is_aim_met: error <= 10.0,
            limit: "at most 40 %",
            passes: error <= 40.0,
            is_void,
        });
        if let Some(coverage) = models.coverage {
            gates.push(Gate {
                name: "runs within the simulator's 90 % intervals",
                percent: coverage.percent,
                aim: "80 to 97 %",
                is_aim_met: (80.0..=97.0).contains(&coverage.percent),
                limit: "at least 50 %",
                passes: coverage.percent >= 50.0,
                is_void,
            });
        }
    }
    let regrets: Vec<f64> = judgement.rankings.iter().filter(|it| it.level == Level::Model).map(|it| it.regret_percent).collect();
    if let Ok(regret) = sim::statistics::mean(&regrets) {
        gates.push(Gate {
            name: "regret of the strategy that the simulator picks, mean over models",
            percent: regret,
            aim: "at most 5 %",
            is_aim_met: regret <= 5.0,
            limit: "at most 35 %",
            passes: regret <= 35.0,
            is_void,
        });
    }
    gates
}

impl Gate {
    /// Whether it fails: does not hold, and can be judged.
    pub fn fails(&self) -> bool {
        !self.passes && !self.is_void
    }
}

impl Display for Gate {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let aim = if self.is_aim_met { "met" } else { "missed" };
        let limit = match (self.is_void, self.passes) {
            (true, _) => "not judged, others disturbed",
            (false, true) => "holds",
            (false, false) => "FAILS",
        };
        write!(out, "{}: {:.1} %; aim {}: {aim}; gate {}: {limit}", self.name, self.percent, self.aim, self.limit)
    }
}
