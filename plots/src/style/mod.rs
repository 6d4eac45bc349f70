//! How figures look: colours, sizes, and what is told apart by what.

mod palette;
mod series;

pub use palette::{BLUE, Colour, GREEN, GRID, INK, MUTED, ORANGE, PALETTE, PINK, SKY, VERMILLION, WHITE};
pub use series::{Marker, Series, looks, processor, processors};

use serde::Deserialize;

use crate::scene::POINTS_PER_MM;

/// Size of most text, in points: that of captions in two-column papers, less one.
pub const TEXT: f64 = 7.0;

/// Size of numbers at axes.
pub const SMALL: f64 = 6.2;

/// Width of axes, in points.
pub const HAIRLINE: f64 = 0.5;

/// Width of lines that are data, in points.
pub const LINE: f64 = 1.1;

/// Width of a figure on paper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Width {
    /// One column of two: 85 mm.
    #[default]
    Single,
    /// Both columns: 178 mm.
    Double,
}

impl Width {
    /// In points.
    pub fn points(self) -> f64 {
        POINTS_PER_MM
            * match self {
                Self::Single => 85.0,
                Self::Double => 178.0,
            }
    }
}
