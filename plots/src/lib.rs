//! Figures and the report, from result files only, drawn through `plotters`.
//!
//! A chart is plain data with a `draw` method; it makes a [`Scene`], which is written as SVG or PNG. The scene is a backend of `plotters`,
//! a [`Scale`] one of its coordinates, and what is drawn are its elements, or own ones where it has none (bars with hatches, points of
//! eight forms, curves). All sizes are in points (1/72 inch) on paper, and every text is measured with the outlines that will be drawn:
//! labels that do not overlap here overlap nowhere. Equal data give equal bytes, on any machine.

#![forbid(unsafe_code)]

mod axis;
mod backend;
mod canvas;
pub mod charts;
mod elements;
mod font;
mod frame;
mod geometry;
mod hatching;
mod layered;
mod legend;
mod number;
mod png;
pub mod report;
pub mod run;
mod scale;
mod scene;
pub mod style;
mod svg;

pub use geometry::{Path, Point, Rectangle, Step};
pub use number::si;
pub use scale::{Scale, Tick};
pub use scene::{Anchor, Dash, DrawError, Hatch, Scene, Shape, Stroke, Text, Weight};
