//! Sweeps: a scenario over a grid or a sample of its fields, on all cores, kept in a cache, in shards that are merged.
//!
//! A [`Plan`] is a sweep that was checked. [`run_shard`] runs a part of it, or [`WHOLE`]; [`merge`] puts parts together. Results are equal,
//! byte for byte, for any number of threads and shards, whether they were simulated or cached. It prints nothing: progress goes to a
//! [`runner::Watch`].
//!
//! ```
//! use runner::Unwatched;
//! use sweep::{Options, Plan, ShardOf, merge, run_shard};
//!
//! let text = r#"
//! schema_version = 1
//! name = "rates"
//! strategies = ["cpu", "gpu"]
//! [scenario]
//! schema_version = 1
//! name = "camera"
//! device = "pixel4"
//! stream = [{ model = "squeezenet1_1", requests = 5 }]
//! [[axis]]
//! path = "stream[0].arrivals.poisson.rate_per_second"
//! values = [1.0, 10.0]
//! "#;
//! let plan = Plan::parse("rates.toml", text, std::path::Path::new(""))?;
//! let half = |index| run_shard(&plan, ShardOf { index, count: 2 }, &Options::default(), &Unwatched);
//! let whole = merge(vec![half(1)?, half(0)?])?;
//! assert_eq!(whole.table.rows(), 4);
//! # Ok::<(), sweep::SweepError>(())
//! ```

#![forbid(unsafe_code)]

mod cache;
mod capacity;
mod design;
mod entry;
mod error;
mod key;
mod merge;
mod plan;
mod shard;
mod sobol;
mod table;

pub use capacity::{Capacity, Load, Search, Target, capacity};
pub use error::SweepError;
pub use merge::merge;
pub use plan::Plan;
pub use results::ShardOf;
pub use shard::{Options, ShardResult, Tally, WHOLE, run_shard};
