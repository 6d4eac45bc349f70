//! The structure of a graph, for searching placements by parts.
//!
//! A *cut* is a node that every path from the beginning to the end passes (an articulation point between the two): what comes before it
//! and what comes after can be placed apart, once the place of the cut is fixed. Between two cuts lie parallel branches, each again a
//! chain of cuts and branches. [`Decomposition`] is that tree; what cannot be taken apart is [`Block::Tangle`], which
//! can still be searched node by node along its [`frontiers`].

mod conversion;
mod dag;
mod decompose;
mod frontier;
mod space;

#[cfg(test)]
mod tests;

pub use conversion::{Conversion, Conversions, RoundTrip};
pub use dag::Dag;
pub use decompose::{Block, Counts, Decomposition};
pub use frontier::frontiers;
pub use space::SearchSpace;
