//! `socrates validate`: predictions held against measurements.

mod host;

pub(crate) use host::host;
