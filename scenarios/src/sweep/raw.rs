//! The sweep file as written.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::text::At;

/// A sweep: a scenario, and what about it is varied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Socrates sweep")]
pub struct RawSweep {
    /// Version of this format: 1.
    #[schemars(required, range(min = 1, max = 1), extend("examples" = [1]))]
    pub schema_version: Option<At<u32>>,
    /// Name, that of the folder of its results: letters, digits, `.`, `_` and `-`, not dots alone.
    #[schemars(required, length(min = 1), extend("examples" = ["rates"]))]
    pub name: Option<At<String>>,
    /// What the sweep is for.
    pub description: Option<String>,
    /// The scenario that is varied: name of the library, path relative to this file, or a table that holds it.
    #[schemars(required, extend("examples" = ["pixel4-solo"]))]
    pub scenario: Option<At<RawAny>>,
    /// Strategies to run every point under; those of the scenario if absent.
    #[schemars(length(min = 1), extend("examples" = [["cpu", "heft"]]))]
    pub strategies: Option<At<Vec<At<String>>>>,
    /// How points are chosen from the axes; `grid` if absent.
    pub design: Option<At<RawDesign>>,
    /// Runs of every point, each with a seed of its own; those of the scenario if absent.
    #[schemars(range(min = 1, max = 10_000))]
    pub replicates: Option<At<u32>>,
    /// Figures to keep beyond those of every sweep, by where they stand in the report of a run: `workers[gpu].utilization`.
    pub figures: Option<At<Vec<At<String>>>>,
    /// What is varied.
    #[schemars(required, length(min = 1), extend("examples" = [[{ "path": "device", "values": ["pixel4", "rpi5"] }]]))]
    pub axis: Option<At<Vec<At<RawAxis>>>>,
}

/// How points are chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawDesign {
    /// Every value of every axis with every value of the others; the last axis changes fastest.
    Grid,
    /// Drawn so that every axis is covered evenly: cut into as many strata as there are points, one point falls into each.
    LatinHypercube(RawSampled),
    /// Sobol's sequence: evenly spread over all axes together.
    Sobol(RawSampled),
}

/// How many points are drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSampled {
    /// Points; a power of two suits `sobol`.
    #[schemars(required, range(min = 1), extend("examples" = [1024]))]
    pub points: Option<At<u64>>,
    /// Seed of the draw: of a Latin hypercube 0 if absent; a Sobol sequence is shifted at random by it, and stays as it is if absent.
    pub seed: Option<At<u64>>,
}

/// One axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAxis {
    /// The field that is varied, from the top of the scenario: `stream[0].deadline`, `stream[NAME].model`, `stream[*].requests`; or of its
    /// device profile, behind `profile.`: `profile.link[cpu-to-gpu].fixed`.
    #[schemars(length(min = 1), extend("examples" = ["stream[0].deadline"]))]
    pub path: Option<At<String>>,
    /// Several fields that change together, instead of `path`: each value is then a list with one for each.
    #[schemars(length(min = 1), extend("examples" = [["device", "stream[0].deadline"]]))]
    pub paths: Option<At<Vec<At<String>>>>,
    /// Name of its column; its path if absent.
    #[schemars(length(min = 1))]
    pub name: Option<At<String>>,
    /// Its values.
    #[schemars(length(min = 1), extend("examples" = [[1, 2, 4]]))]
    pub values: Option<At<Vec<At<RawAny>>>>,
    /// Its range, instead of `values`.
    pub range: Option<At<RawRange>>,
}

/// A range of numbers, or of quantities with a unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRange {
    /// Where it begins.
    #[schemars(required, extend("examples" = [1.0]))]
    pub from: Option<At<RawAny>>,
    /// Where it ends.
    #[schemars(required, extend("examples" = [100.0]))]
    pub to: Option<At<RawAny>>,
    /// Values in a grid, both ends among them; whole numbers that would repeat are left out.
    #[schemars(range(min = 2))]
    pub count: Option<At<u64>>,
    /// How values are spread: evenly (default) or evenly by their logarithm.
    pub scale: Option<RawScale>,
}

/// How values are spread over a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawScale {
    /// Evenly.
    #[default]
    Linear,
    /// Evenly by their logarithm.
    Log,
}

/// A value of any type: what a field takes is said by the schema of the scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawAny(pub toml::Value);

impl JsonSchema for RawAny {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Any".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}
