//! Fits device profiles to measurements.
//!
//! The methods are in [`linear`] (non-negative least squares, made robust), [`boost`] (regression trees), [`folds`]
//! (cross-validation over models and over families of models) and [`statistics`]; the devices they are applied to in
//! [`usc`], [`published`] and [`host`]. Everything is deterministic: the same data give byte-identical profiles.

#![forbid(unsafe_code)]

pub mod boost;
pub mod folds;
pub mod host;
pub mod linear;
pub mod ncnn;
pub mod npu;
pub mod power;
pub mod published;
pub mod rk3399pro;
pub mod statistics;
pub mod table;
pub mod usc;
mod whole;
