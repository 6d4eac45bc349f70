//! Charts: plain data in, a [`Scene`](crate::Scene) out. All take anything: what cannot be drawn is left out and counted in a note.

mod any;
mod bars;
mod boxes;
mod comparison;
mod errors;
mod fusion;
mod graph;
mod heat;
mod lanes;
mod lines;
mod panels;
mod pareto;
mod scatter;
mod stacks;
mod timeline;
mod tornado;

pub use any::Chart;
pub use bars::{Bar, Bars};
pub use boxes::{Boxes, Sample};
pub use comparison::Comparison;
pub use errors::ErrorCurves;
pub use fusion::{Fusion, Operator};
pub(crate) use graph::GraphPlaces;
pub use graph::{Task, TaskGraph};
pub use heat::{Cell, HeatMap};
pub use lines::{Curve, CurvePoint, Lines};
pub use panels::{Panel, Panels};
pub use pareto::{Alternative, Pareto};
pub use scatter::{Pair, Scatter};
pub use stacks::Stacks;
pub use timeline::{Span, Timeline};
pub use tornado::{Swing, Tornado};

/// A note on what was left out; nothing if nothing was.
fn left_out(count: usize, of: usize, why: &str) -> Vec<String> {
    if count == 0 { Vec::new() } else { vec![format!("{count} of {of} not drawn: {why}")] }
}

/// The names in the order in which they come, each once.
fn distinct<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(name) {
            seen.push(name.clone());
        }
    }
    seen
}

/// Quantile of type 7 of ascending values; 0 of none.
pub(crate) fn quantile(ascending: &[f64], share: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return 0.0 };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = libm::floor(place) as usize;
    let above = (below + 1).min(last);
    ascending[below] + (place - below as f64) * (ascending[above] - ascending[below])
}
