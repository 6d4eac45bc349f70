//! Figures and the report, from result files only.

#![forbid(unsafe_code)]
