//! `validate host`: calibration and executions in turns, then predictions by a profile that has seen no execution, then the judgement.

mod calibration;
mod cases;
mod collect;
mod perform;
mod predict;

pub(crate) use perform::validate;
