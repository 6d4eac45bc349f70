//! Grouping operators into kernels, as runtimes do when they load a model.
//!
//! Point-wise patterns: an operator joins the kernel that makes its input if nobody else reads that input. Patterns of several kernels
//! (an activation that reads its input twice, a decomposed normalisation, attention) are found by what they compute and made one. Either
//! way every worker that can run the kernel must be able to run what joins it. [`Patterns`] says which patterns count.
//!
//! With the patterns of [`Patterns::default`] kernels are those that profiles are fitted on: measured per-operator latencies are of such.

mod blocks;
mod group;
mod patterns;

#[cfg(test)]
mod tests;

pub(super) use group::{Group, group};
pub use patterns::{PATTERNS, Pattern, PatternError, PatternRule, Patterns};
