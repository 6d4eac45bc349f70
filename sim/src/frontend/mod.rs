//! Optimising a model before it is distributed: passes from [`Graph`](crate::graph::Graph) to `Graph`.
//!
//! Every pass edits the raw form and builds it anew, so that shapes, roles and work are inferred again. Passes are exact (the outputs
//! stay the same but for rounding) or compress the model and say so. [`Passes`] is a list of them, as text
//! `dead,identity,svd[rank=0.5]`; the table that names them all is [`PASSES`].
//!
//! ```
//! use sim::frontend::{Passes, optimize};
//! use sim::graph::{Attributes, RawGraph};
//!
//! let graph = RawGraph::new("example")
//!     .with_input("x", &[1, 8])
//!     .with_operator("Identity", &["x"], &["same"], Attributes::new())
//!     .with_operator("Relu", &["same"], &["y"], Attributes::new())
//!     .with_output("y")
//!     .build()?;
//! let (optimized, report) = optimize(&graph, &Passes::exact())?;
//! assert_eq!(optimized.operators().len(), 1);
//! assert_eq!(report.steps[0].removed, ["same"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod analysis;
mod batch_norm;
mod common;
mod compress;
mod constants;
mod dead;
mod edit;
mod fold;
mod identity;
mod layout;
mod optimize;
mod registry;
mod report;
mod reshape;
mod transpose;

#[cfg(test)]
mod tests;

pub use optimize::{FrontendError, optimize};
pub use registry::{PASSES, Parameter, Pass, PassError, Passes};
pub use report::{Report, Step, Totals};
