//! Running a list of passes.

use thiserror::Error;

use super::registry::{Passes, Values};
use super::report::{Report, Step, Totals};
use crate::graph::{Graph, GraphError};

/// Rounds after which exact passes are stopped: each removes or moves something, so few are needed.
const MAXIMUM_ROUNDS: u32 = 16;

/// Why a graph cannot be optimised. Nothing comes out; the graph that was given stays usable.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FrontendError {
    /// What a pass made is no valid graph.
    #[error("pass `{pass}` makes an invalid graph of `{model}`: {error}")]
    Graph {
        /// The pass.
        pass: &'static str,
        /// The model.
        model: String,
        /// What is wrong.
        error: Box<GraphError>,
    },
}

/// Runs passes in the order of their list, the exact ones again and again until nothing changes, the others once.
///
/// Inputs, outputs and the names of weights that stay are those of the given graph.
pub fn optimize(graph: &Graph, passes: &Passes) -> Result<(Graph, Report), FrontendError> {
    let mut current = graph.clone();
    let mut steps = Vec::new();
    for round in 1..=MAXIMUM_ROUNDS {
        let before = steps.len();
        for chosen in passes.0.iter().filter(|chosen| round == 1 || chosen.pass.is_exact) {
            let pass = chosen.pass.name;
            let Some(rewrite) = (chosen.pass.run)(&current, &Values { chosen }) else { continue };
            let next = rewrite.raw.build().map_err(|error| FrontendError::Graph {
                pass,
                model: graph.name.clone(),
                error: Box::new(error),
            })?;
            if next != current || !rewrite.notes.is_empty() {
                steps.push(Step::between(pass, round, &current, &next, rewrite.notes));
            }
            current = next;
        }
        if steps.len() == before {
            break;
        }
    }
    let report = Report { steps, before: Totals::of(graph), after: Totals::of(&current) };
    Ok((current, report))
}
