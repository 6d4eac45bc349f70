//! The RK3399Pro board: 4 little (`L`) and 2 big (`B`) CPU cores, a GPU (`G`) and an NPU (`N`), whose blocks of networks were measured at each
//! clock, and whose mappings of blocks to processors and clocks were measured whole.
//!
//! A [`Board`] holds what is known of one campaign: the **parts** (blocks, transfers, delays of clock changes; nothing fitted) and, beside
//! them, **mechanisms** that the parts do not show, whose parameters are fitted to mappings. [`Board::replay`] runs a mapping through the simulator. A
//! fit gets [`TrainingRow`]s and nothing else: what it is judged on it has never seen.

mod board;
mod costs;
mod fit;
mod mapping;
mod measurements;
mod mechanisms;
mod profile;
mod replay;

use thiserror::Error;

pub use board::{CLOCKS_MHZ, Processor};
pub use costs::{Clocking, Knowledge};
pub use fit::{FOLDS, Features, TrainingRow, fit_campaign, fold_of_string};
pub use mapping::{Campaign, MEASURED_COLUMNS, Mapping, MeasuredMapping, Placement, read_mappings};
pub use measurements::{BlockTimes, Measurements, NetworkTables};
pub use mechanisms::{Mechanism, Parameters, mechanisms};
pub use profile::{Fitting, Profile, fit_profile};
pub use replay::{Board, Replay};

use crate::linear::LinearError;
use crate::table::TableError;

/// Why something about the board cannot be done.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum BoardError {
    /// The data are refused.
    #[error(transparent)]
    Data(#[from] TableError),
    /// A fit has no solution.
    #[error(transparent)]
    Linear(#[from] LinearError),
    /// A profile that cannot be read.
    #[error("profile of the RK3399Pro: {0}")]
    Profile(String),
    /// A mapping that cannot be replayed.
    #[error("{0}")]
    Replay(String),
}
