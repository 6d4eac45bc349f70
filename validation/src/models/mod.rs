//! Whole models on phones: predictions by a device profile, and what tables of measured models say of them.

pub mod boards;
pub mod fallback;
pub mod judge;
pub mod measured;
pub mod npus;
pub mod operators;
pub mod prediction;
pub mod published;
mod spread;

pub use judge::{Group, Judgement, Refused, judge};
pub use measured::{JudgeError, MeasuredModel, read};
pub use operators::{fitted_on, known_operators};
pub use prediction::{ModelPrediction, Predictor, cores_of, worker_of};
pub use published::section;
